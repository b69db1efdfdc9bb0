//! The schedulers a pod can name, behind one small boundary.

use super::best_score::BestScore;
use super::decision::{Chosen, PluginScore, Refusal};
use super::framework::{Framework, Score, Verdict};
use super::full_scan::FullScan;
use super::node::NodeInfo;
use super::plugins;
use super::pod::PodClass;
use super::round_robin::RoundRobin;
use super::snapshot::Snapshot;
use crate::order;
use std::fmt::Debug;
use std::sync::Arc;

/// What a scheduler makes of a pod.
pub(super) struct Choice {
    /// The node; none where none will do.
    pub(super) chosen: Option<Chosen>,
    /// Who refused.
    pub(super) refusals: Box<[Refusal]>,
}

/// Chooses a node for one pod at a time. It must not choose a node that its filters refuse.
pub(super) trait Scheduler: Debug + Send + Sync {
    /// The `schedulerName` it goes by.
    fn name(&self) -> &'static str;

    /// Its plugins.
    fn framework(&self) -> &Framework;

    /// Chooses.
    fn choose(&mut self, pod: &Arc<PodClass>, snapshot: &Snapshot) -> Choice;

    /// A copy that goes its own way.
    fn fork(&self) -> Box<dyn Scheduler>;
}

impl Clone for Box<dyn Scheduler> {
    fn clone(&self) -> Self {
        self.fork()
    }
}

/// Every scheduler there is; the default one first.
pub(super) fn all() -> Vec<Box<dyn Scheduler>> {
    vec![
        Box::new(BestScore::new(plugins::default_profile())),
        Box::new(RoundRobin::new(plugins::filters_only())),
        Box::new(FullScan::new(plugins::default_profile())),
    ]
}

/// What each plugin gives a node, with its weight.
pub(super) fn scores(framework: &Framework, pod: &PodClass, node: &NodeInfo) -> Box<[PluginScore]> {
    let concerned = framework.scores.iter().filter(|(s, _)| s.concerns(pod));
    let score = |(s, weight): &(Box<dyn Score>, i32)| {
        let raw = s.score(pod, node);
        PluginScore { plugin: s.name(), raw, score: weight * raw }
    };
    concerned.map(score).collect()
}

/// Verdicts and how many nodes have each, as data in a fixed order.
pub(super) fn refusals(framework: &Framework, pod: &PodClass, counts: &[(Verdict, u32)]) -> Box<[Refusal]> {
    let refused = counts.iter().filter(|(_, count)| *count > 0).filter_map(|(verdict, count)| {
        let Verdict::Refused(number, refused) = *verdict else { return None };
        Some(framework.refusal_data(pod, number, refused, *count))
    });
    let mut refusals: Box<[Refusal]> = refused.collect();
    order::sort_by(&mut refusals, |a, b| (a.plugin, a.code, &a.reasons).cmp(&(b.plugin, b.code, &b.reasons)));
    refusals
}

/// Counts a verdict in a list of them.
pub(super) fn count(counts: &mut Vec<(Verdict, u32)>, verdict: Verdict, by: i32) {
    match counts.iter_mut().find(|(v, _)| *v == verdict) {
        Some((_, count)) => *count = count.saturating_add_signed(by),
        None => counts.push((verdict, by.max(0) as u32)),
    }
}
