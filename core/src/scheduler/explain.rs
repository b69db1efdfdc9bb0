//! Why a pod is where it is, or why it is nowhere: every node's stand on it, found anew from how things are now.

use super::decision::fit_error;
use super::decision::{Code, Detail, PluginScore, Reason, Refusal};
use super::framework::{Framework, Verdict};
use super::node::NodeInfo;
use super::pod::PodClass;
use super::profile::{count, refusals, scores};
use super::snapshot::Snapshot;
use crate::api::Name;
use std::borrow::Cow;

/// How a node stands to a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stand {
    /// It would do.
    Feasible {
        /// What each plugin gives it.
        scores: Box<[PluginScore]>,
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
            Stand::Feasible { scores } => Some(scores.iter().map(|s| s.score).sum()),
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
}

/// Explains a pod that is counted on `placed`, where it is placed.
pub(super) fn explain(
    scheduler: &'static str,
    framework: &Framework,
    pod: &PodClass,
    placed: Option<&str>,
    snapshot: &Snapshot,
) -> Explanation {
    let mut nodes = Vec::new();
    let mut counts = Vec::new();
    for index in snapshot.after(&Name::default()) {
        let node = &snapshot.nodes()[index as usize];
        if !node.present {
            continue;
        }
        let mut node: Cow<'_, NodeInfo> = Cow::Borrowed(node);
        if placed == Some(node.name.as_str()) {
            node.to_mut().remove(pod);
        }
        let stand = match framework.refusal(pod, &node) {
            None => Stand::Feasible { scores: scores(framework, pod, &node) },
            Some((number, refused)) => {
                let verdict = Verdict::Refused(number, refused);
                count(&mut counts, verdict, 1);
                let filter = &framework.filters[usize::from(number)];
                let bits = (0..u32::BITS).filter(|bit| refused.reasons >> bit & 1 == 1);
                let reasons = bits.map(|bit| (filter.reason(pod, bit), filter.detail(pod, &node, bit))).collect();
                Stand::Refused { plugin: filter.name(), code: refused.code, reasons }
            }
        };
        nodes.push(NodeStand { node: node.name.clone(), stand });
    }
    let none_fits = nodes.iter().all(|n| n.total().is_none());
    let refusals = refusals(framework, pod, &counts);
    let message = none_fits.then(|| fit_error(snapshot.present(), &refusals));
    Explanation { scheduler: Name::new_static(scheduler), nodes, refusals, message }
}
