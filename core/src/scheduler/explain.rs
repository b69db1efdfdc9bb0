//! Why a pod is where it is, or why it is nowhere: every node's stand on it, found anew from how things are now.

use super::assess::{Asking, Assessment, assess, rows, scores};
use super::decision::{Code, Detail, Plan, PluginScore, Preemption, Reason, Refusal, fit_error};
use super::framework::{Framework, Verdict, View};
use super::preemption::preempt;
use super::profile::{count, refusals};
use crate::api::Name;

/// What one plugin gives a node, and how it came to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeScore {
    /// The plugin.
    pub plugin: &'static str,
    /// What it counted, in a unit of its own.
    pub raw: i64,
    /// That, brought to 0 to 100.
    pub normalized: i32,
    /// That times the plugin's weight.
    pub weighted: i32,
}

/// How a node stands to a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stand {
    /// It would do.
    Feasible {
        /// What each plugin gives it.
        scores: Box<[NodeScore]>,
    },
    /// It will not do.
    Refused {
        /// The plugin that says so first.
        plugin: &'static str,
        /// Whether removing pods could help.
        code: Code,
        /// All reasons of that plugin, and the numbers behind each.
        reasons: Vec<(Reason, Option<Detail>)>,
    },
}

/// A node, and how it stands to a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStand {
    /// The node.
    pub node: Name,
    /// How it stands.
    pub stand: Stand,
}

impl NodeStand {
    /// The sum of its scores; none where it will not do.
    pub fn total(&self) -> Option<i32> {
        match &self.stand {
            Stand::Feasible { scores } => Some(scores.iter().map(|s| s.weighted).sum()),
            Stand::Refused { .. } => None,
        }
    }
}

/// How all nodes stand to a pod now. A pod that has a node already is looked at as if it were yet to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The `schedulerName` of who would decide.
    pub scheduler: Name,
    /// Every node, by name.
    pub nodes: Vec<NodeStand>,
    /// Who refuses, and how often.
    pub refusals: Box<[Refusal]>,
    /// Kubernetes' sentence on why it is pending, where no node will do.
    pub message: Option<String>,
    /// Those that would make room for it.
    pub preemption: Option<Plan>,
}

/// Explains a pod that is yet to be placed, as far as the snapshot knows.
pub(super) fn explain(scheduler: &Name, framework: &Framework, pod: Asking<'_>, view: View<'_>) -> Explanation {
    let Assessment { verdicts, feasible, mut around } = assess(framework, pod, view);
    let rankings = framework.rankings(pod.info, view);
    let rows = rows(framework, &pod.info.class, &rankings, view.snapshot.nodes(), &feasible);
    let counted = rankings.raw(&feasible);
    let (mut nodes, mut counts) = (Vec::new(), Vec::new());
    for index in view.snapshot.after(&Name::default()) {
        let node = &view.snapshot.nodes()[index as usize];
        let verdict = verdicts[index as usize];
        let stand = match verdict {
            Verdict::Absent => continue,
            Verdict::Feasible => {
                // They are in the order of their indexes.
                let place = feasible.partition_point(|other| other.node < index);
                let score = |score: PluginScore| {
                    let PluginScore { plugin, normalized, weighted } = score;
                    let raw = counted.iter().find(|(of, _)| *of == plugin).and_then(|(_, raw)| raw.get(place));
                    NodeScore { plugin, raw: raw.copied().unwrap_or(normalized.into()), normalized, weighted }
                };
                Stand::Feasible { scores: scores(&rows, place).map(score).collect() }
            }
            Verdict::Refused(number, refused) => {
                let filter = &framework.filters[usize::from(number)];
                let reasons = filter.reasons(pod.info, node, refused);
                Stand::Refused { plugin: filter.name(), code: refused.code, reasons }
            }
        };
        count(&mut counts, verdict, 1);
        nodes.push(NodeStand { node: Name::clone(&node.name), stand });
    }
    let refusals = refusals(framework, pod.info, &counts);
    let (mut message, mut plan) = (None, None);
    if feasible.is_empty() {
        let preemption = preempt(framework, pod, &verdicts, &mut around, view);
        message = Some(fit_error(view.snapshot.present(), &refusals, Some(&preemption)));
        if let Preemption::Planned(planned) = preemption {
            plan = Some(planned);
        }
    }
    Explanation { scheduler: scheduler.clone(), nodes, refusals, message, preemption: plan }
}
