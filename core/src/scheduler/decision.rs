//! What was decided and why, as data. Kubernetes' sentences are made from it, never stored in its place.

use super::node::Taint;
use crate::api::{CommonName, Name, Uid};
use crate::order;
use crate::time::Time;
use std::fmt::{self, Write as _};
use std::sync::Arc;

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
    /// The affinity that the scheduler's configuration adds does not match.
    AddedAffinity,
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
    /// A disk is in use on the node.
    DiskConflict,
    /// The pod names a claim of a volume that there is not.
    ClaimMissing(Name),
    /// Pods would be spread too unevenly.
    Spread,
    /// The node does not have a label over whose values the pod is to be spread.
    SpreadLabel,
    /// None of the pods near which the pod must be is near.
    PodAffinity,
    /// One of the pods near which the pod must not be is near.
    PodAntiAffinity,
    /// A pod is near that must not be near this one.
    ExistingAntiAffinity,
    /// There is no pod on the node that is less important.
    NoVictims,
    /// Removing pods would not help.
    PreemptionUseless,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cordoned => "node(s) were unschedulable",
            Self::NodeName => "node(s) didn't match the requested node name",
            Self::Taint => "node(s) had untolerated taint(s)",
            Self::NodeAffinity => "node(s) didn't match Pod's node affinity/selector",
            Self::AddedAffinity => "node(s) didn't match scheduler-enforced node affinity",
            Self::OtherNodesNamed => "node(s) didn't satisfy plugin(s) [NodeAffinity]",
            Self::AffinityConflict => "pod affinity terms conflict",
            Self::Ports => "node(s) didn't have free ports for the requested pod ports",
            Self::TooManyPods => "Too many pods",
            Self::Insufficient(resource) => return write!(f, "Insufficient {resource}"),
            Self::DiskConflict => "node(s) had no available disk",
            Self::ClaimMissing(claim) => return write!(f, "persistentvolumeclaim \"{claim}\" not found"),
            Self::Spread => "node(s) didn't match pod topology spread constraints",
            Self::SpreadLabel => "node(s) didn't match pod topology spread constraints (missing required label)",
            Self::PodAffinity => "node(s) didn't match pod affinity rules",
            Self::PodAntiAffinity => "node(s) didn't match pod anti-affinity rules",
            Self::ExistingAntiAffinity => "node(s) didn't satisfy existing pods anti-affinity rules",
            Self::NoVictims => "No preemption victims found for incoming pod",
            Self::PreemptionUseless => "Preemption is not helpful for scheduling",
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
            Self::AddedAffinity => "AddedAffinity",
            Self::OtherNodesNamed => "OtherNodesNamed",
            Self::AffinityConflict => "AffinityConflict",
            Self::Ports => "Ports",
            Self::TooManyPods => "TooManyPods",
            Self::Insufficient(_) => "Insufficient",
            Self::DiskConflict => "DiskConflict",
            Self::ClaimMissing(_) => "ClaimMissing",
            Self::Spread => "Spread",
            Self::SpreadLabel => "SpreadLabel",
            Self::PodAffinity => "PodAffinity",
            Self::PodAntiAffinity => "PodAntiAffinity",
            Self::ExistingAntiAffinity => "ExistingAntiAffinity",
            Self::NoVictims => "NoVictims",
            Self::PreemptionUseless => "PreemptionUseless",
        }
    }

    /// Whether it is about the pod alone, and found before any node is looked at.
    const fn is_of_the_pod(&self) -> bool {
        matches!(self, Self::AffinityConflict | Self::ClaimMissing(_))
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
    pub normalized: i32,
    /// Its score times its weight.
    pub weighted: i32,
}

/// The decision on a pod when it was last tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The pod.
    pub pod: Uid,
    /// When.
    pub at: Time,
    /// What it has in common with those before and after it.
    pub setting: Arc<Setting>,
    /// The node chosen; none where the pod stays pending.
    pub chosen: Option<Chosen>,
    /// What was against it; none where every node would have done.
    pub against: Option<Box<Against>>,
}

/// What decisions that are made one after another mostly have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The `schedulerName` of who decided.
    pub scheduler: CommonName,
    /// How many nodes were looked at: all there were.
    pub nodes: u32,
    /// How many of them would have done.
    pub feasible: u32,
    /// What each plugin gave the node that was chosen.
    pub scores: Arc<Vec<PluginScore>>,
}

/// Why a pod went nowhere, or not everywhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Against {
    /// Who refused, and how often.
    pub refusals: Box<[Refusal]>,
    /// Whether others shall make room; none where a node was chosen.
    pub preemption: Option<Preemption>,
}

/// What came of the search for pods whose place a pod could take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preemption {
    /// These make room.
    Planned(Plan),
    /// It was not looked for any.
    Refrained(Restraint),
    /// There are none that would help: why, and on how many nodes each.
    Useless(Box<[(Reason, u32)]>),
}

/// Why no pods are looked for whose place a pod could take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restraint {
    /// Its scheduler does not do that.
    Disabled,
    /// Its preemption policy is `Never`.
    Policy,
    /// Pods are making room for it already.
    Underway,
}

/// Pods that are to make room for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Their node.
    pub node: Name,
    /// Their namespaces and names, the most important one first.
    pub victims: Vec<(Name, Name)>,
}

/// The winner, and by how much.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// Its name.
    pub node: CommonName,
    /// The second best, and how much less it scored; 0 where the tie was broken by seed.
    pub runner_up: Option<(CommonName, i32)>,
}

impl Decision {
    /// Kubernetes' sentence on why the pod is pending; none where a node was chosen.
    pub fn message(&self) -> Option<String> {
        self.chosen.is_none().then(|| fit_error(self.setting.nodes, self.refusals(), self.preemption()))
    }

    /// Who refused, and how often.
    pub fn refusals(&self) -> &[Refusal] {
        self.against.as_ref().map_or(&[], |against| &against.refusals)
    }

    /// Whether others shall make room; none where a node was chosen.
    pub fn preemption(&self) -> Option<&Preemption> {
        self.against.as_ref()?.preemption.as_ref()
    }
}

/// Upstream's `FitError`: how many nodes refused for each reason, sorted as text, and what came of preemption.
pub(super) fn fit_error(nodes: u32, refusals: &[Refusal], preemption: Option<&Preemption>) -> String {
    if nodes == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    let mut message = format!("0/{nodes} nodes are available: ");
    if let Some(reason) = refusals.iter().flat_map(|r| &r.reasons).find(|r| r.is_of_the_pod()) {
        // Found before any node was looked at, so no nodes are counted, and upstream misses what it would have noted then.
        let _ = write!(message, "{reason}. not found");
        return message;
    }
    let each = refusals.iter().flat_map(|r| r.reasons.iter().map(|reason| (reason, r.nodes)));
    push_counts(&mut message, each);
    // No claims of devices are known: upstream words that like this.
    message.push_str(match preemption {
        None | Some(Preemption::Planned(_)) => ".",
        Some(Preemption::Refrained(Restraint::Disabled)) => ". no new claims to deallocate",
        Some(Preemption::Refrained(Restraint::Policy)) => {
            ". no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never."
        }
        Some(Preemption::Refrained(Restraint::Underway)) => {
            ". no new claims to deallocate, preemption: not eligible due to a terminating pod on the nominated node."
        }
        Some(Preemption::Useless(_)) => ". no new claims to deallocate, preemption: ",
    });
    if let Some(Preemption::Useless(reasons)) = preemption {
        let _ = write!(message, "0/{nodes} nodes are available: ");
        push_counts(&mut message, reasons.iter().map(|(reason, nodes)| (reason, *nodes)));
        message.push('.');
    }
    message
}

/// `3 of these, 4 of those`, sorted as text, numbers included: "10 x" comes before "2 y".
fn push_counts<'a>(message: &mut String, reasons: impl Iterator<Item = (&'a Reason, u32)>) {
    let mut counts: Vec<(&Reason, u32)> = Vec::new();
    for (reason, nodes) in reasons {
        match counts.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += nodes,
            None => counts.push((reason, nodes)),
        }
    }
    let mut parts: Vec<_> = counts.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    order::sort(&mut parts);
    message.push_str(&parts.join(", "));
}
