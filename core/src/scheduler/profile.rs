//! The schedulers a pod can name, behind one small boundary.

use super::assess::{Asking, stand};
use super::best_score::BestScore;
use super::configuration::{self, Configuration, default_profile};
use super::decision::{Chosen, PluginScore, Preemption, Refusal};
use super::framework::{Framework, Verdict, View};
use super::full_scan::FullScan;
use super::info::PodInfo;
use super::outlook::Surroundings;
use super::preemption;
use super::round_robin::RoundRobin;
use crate::api::CommonName;
use crate::order;
use std::fmt;
use std::sync::Arc;

/// What a scheduler makes of a pod.
pub(super) struct Choice {
    /// The node; none where none will do.
    pub(super) chosen: Option<Chosen>,
    /// What each plugin gave it.
    pub(super) scores: Arc<Vec<PluginScore>>,
    /// How many would have done.
    pub(super) feasible: u32,
    /// Who refused.
    pub(super) refusals: Box<[Refusal]>,
}

/// Chooses a node for one pod at a time. It must not choose a node that its filters refuse.
pub(super) trait Scheduler: Send + Sync {
    /// The `schedulerName` it goes by.
    fn name(&self) -> &CommonName;

    /// Its plugins.
    fn framework(&self) -> &Framework;

    /// Chooses among all nodes.
    fn choose(&mut self, pod: Asking<'_>, view: View<'_>) -> Choice;

    /// Looks for pods that are to make room for one that no node takes, given who refused it.
    fn preempt(&mut self, pod: Asking<'_>, refusals: &[Refusal], view: View<'_>) -> Preemption {
        preemption::search(self.framework(), pod, refusals, view)
    }

    /// A copy that goes its own way.
    fn fork(&self) -> Box<dyn Scheduler>;
}

impl fmt::Debug for dyn Scheduler {
    /// Its name: what it remembers has objects in it, and to write those takes much of the page's room.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Clone for Box<dyn Scheduler> {
    fn clone(&self) -> Self {
        self.fork()
    }
}

/// Every scheduler there is: those of the configuration, and where it does not name them anew, ours.
pub(super) fn all(configuration: Option<&Configuration>) -> Vec<Box<dyn Scheduler>> {
    let named = configuration::profiles(configuration).into_iter();
    let mut all: Vec<Box<dyn Scheduler>> =
        named.map(|p| Box::new(BestScore::new(p.name, p.framework)) as Box<dyn Scheduler>).collect();
    let no_scores = Framework { scores: Vec::new(), ..default_profile() };
    let ours: [Box<dyn Scheduler>; 2] =
        [Box::new(RoundRobin::new(no_scores)), Box::new(FullScan::new(default_profile()))];
    for scheduler in ours {
        if !all.iter().any(|s| s.name() == scheduler.name()) {
            all.push(scheduler);
        }
    }
    all
}

/// The node on which others made room for a pod, where it will do now: no other is looked at then.
pub(super) fn nominated(
    framework: &Framework,
    pod: Asking<'_>,
    around: &mut Surroundings,
    view: View<'_>,
) -> Option<Choice> {
    let name = pod.nominated?;
    let index = view.snapshot.index(name)?;
    let node = &view.snapshot.nodes()[index as usize];
    if stand(framework, pod, around, index, view) != Verdict::Feasible {
        return None;
    }
    let chosen = Chosen { node: node.name.clone(), runner_up: None };
    Some(Choice { chosen: Some(chosen), scores: Arc::default(), feasible: 1, refusals: Box::default() })
}

/// The same for a scheduler that remembers nothing of what is around.
pub(super) fn nominated_anew(framework: &Framework, pod: Asking<'_>, view: View<'_>) -> Option<Choice> {
    pod.nominated.and_then(|_| nominated(framework, pod, &mut framework.look(pod.info, view), view))
}

/// Verdicts and how many nodes have each, as data in a fixed order.
pub(super) fn refusals(framework: &Framework, pod: &PodInfo, counts: &[(Verdict, u32)]) -> Box<[Refusal]> {
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
