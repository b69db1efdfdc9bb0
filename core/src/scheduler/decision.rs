//! What was decided and why, as data. Kubernetes' sentences are made from it, never stored in its place.

use super::node::Taint;
use crate::api::Name;
use crate::order;
use crate::time::Time;
use std::fmt::{self, Write as _};

/// Whether a refused pod could be helped by removing other pods from the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// Removing pods could help.
    Unschedulable,
    /// Removing pods cannot help.
    Unresolvable,
}

/// Why a node refuses a pod. Displayed in upstream's words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The node is cordoned.
    Cordoned,
    /// The pod asks for another node by name.
    NodeName,
    /// A taint is not tolerated.
    Taint,
    /// Node selector or required node affinity do not match.
    NodeAffinity,
    /// The pod's affinity names the only nodes it allows, and this is none of them.
    OtherNodesNamed,
    /// The terms of the pod's affinity allow no node, whatever its name.
    AffinityConflict,
    /// A host port is taken.
    Ports,
    /// The node has as many pods as it may.
    TooManyPods,
    /// Too little is left of a resource.
    Insufficient(Name),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cordoned => "node(s) were unschedulable",
            Self::NodeName => "node(s) didn't match the requested node name",
            Self::Taint => "node(s) had untolerated taint(s)",
            Self::NodeAffinity => "node(s) didn't match Pod's node affinity/selector",
            Self::OtherNodesNamed => "node(s) didn't satisfy plugin(s) [NodeAffinity]",
            Self::AffinityConflict => "pod affinity terms conflict",
            Self::Ports => "node(s) didn't have free ports for the requested pod ports",
            Self::TooManyPods => "Too many pods",
            Self::Insufficient(resource) => return write!(f, "Insufficient {resource}"),
        })
    }
}

impl Reason {
    /// One word for it, for programs.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Cordoned => "Cordoned",
            Self::NodeName => "NodeName",
            Self::Taint => "Taint",
            Self::NodeAffinity => "NodeAffinity",
            Self::OtherNodesNamed => "OtherNodesNamed",
            Self::AffinityConflict => "AffinityConflict",
            Self::Ports => "Ports",
            Self::TooManyPods => "TooManyPods",
            Self::Insufficient(_) => "Insufficient",
        }
    }
}

/// The numbers behind a reason, for one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// The first taint that is not tolerated.
    Taint(Taint),
    /// An amount that does not fit: thousandths for cpu, else whole units.
    Amount {
        /// What the pod asks for.
        requested: i64,
        /// What the node's pods ask for.
        used: i64,
        /// What the node has for pods.
        allocatable: i64,
    },
}

/// That so many nodes refused a pod for the same reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The plugin that refused first.
    pub plugin: &'static str,
    /// Whether removing pods could help.
    pub code: Code,
    /// All its reasons.
    pub reasons: Box<[Reason]>,
    /// How many nodes.
    pub nodes: u32,
}

/// What one plugin gives a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PluginScore {
    /// The plugin.
    pub plugin: &'static str,
    /// Its score, 0 to 100.
    pub raw: i32,
    /// Its score times its weight.
    pub score: i32,
}

/// The decision on a pod when it was last tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// When.
    pub at: Time,
    /// The `schedulerName` of who decided.
    pub scheduler: Name,
    /// How many nodes were looked at: all there were.
    pub nodes: u32,
    /// The node chosen; none where the pod stays pending.
    pub chosen: Option<Box<Chosen>>,
    /// Who refused, and how often.
    pub refusals: Box<[Refusal]>,
}

/// The winner, and by how much.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// Its name.
    pub node: Name,
    /// How many nodes would have done.
    pub feasible: u32,
    /// What each plugin gave it.
    pub scores: Box<[PluginScore]>,
    /// The second best, and how much less it scored; 0 where the tie was broken by seed.
    pub runner_up: Option<(Name, i32)>,
}

impl Decision {
    /// Kubernetes' sentence on why the pod is pending; none where a node was chosen.
    pub fn message(&self) -> Option<String> {
        self.chosen.is_none().then(|| fit_error(self.nodes, &self.refusals))
    }
}

/// Upstream's `FitError`: how many nodes refused for each reason, sorted as text, and that preemption does not help.
pub(super) fn fit_error(nodes: u32, refusals: &[Refusal]) -> String {
    if nodes == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    let mut message = format!("0/{nodes} nodes are available: ");
    let conflict = refusals.iter().flat_map(|r| &r.reasons).find(|r| **r == Reason::AffinityConflict);
    if let Some(conflict) = conflict {
        // Found before any node was looked at, so no nodes are counted.
        let _ = write!(message, "{conflict}");
    } else {
        let mut counts = order::Map::new();
        for refusal in refusals {
            for reason in &refusal.reasons {
                *counts.entry(reason.to_string()).or_insert(0) += refusal.nodes;
            }
        }
        push_counts(&mut message, counts);
    }
    // No claims of devices are known, and nothing is preempted: upstream words both like this.
    message.push_str(". no new claims to deallocate, preemption: ");
    let _ = write!(message, "0/{nodes} nodes are available: ");
    let mut helpless = order::Map::new();
    for refusal in refusals {
        let text = match refusal.code {
            Code::Unschedulable => "No preemption victims found for incoming pod",
            Code::Unresolvable => "Preemption is not helpful for scheduling",
        };
        *helpless.entry(text.to_owned()).or_insert(0) += refusal.nodes;
    }
    push_counts(&mut message, helpless);
    message.push('.');
    message
}

/// `3 of these, 4 of those`, sorted as text, numbers included: "10 x" comes before "2 y".
fn push_counts(message: &mut String, counts: order::Map<String, u32>) {
    let mut parts: Vec<_> = counts.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    order::sort(&mut parts);
    message.push_str(&parts.join(", "));
}
