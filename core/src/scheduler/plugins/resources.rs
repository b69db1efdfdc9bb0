//! How plugins look at resources: one at a time, what is asked for beside what a node has.

use crate::api::Name;
use crate::scheduler::node::NodeInfo;
use crate::scheduler::pod::PodClass;

/// A resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scheduler) enum Resource {
    Cpu,
    Memory,
    Other(Name),
}

impl Resource {
    /// The one of that name.
    pub(in crate::scheduler) fn new(name: &str) -> Self {
        match name {
            "cpu" => Self::Cpu,
            "memory" => Self::Memory,
            _ => Self::Other(name.into()),
        }
    }

    /// What is asked for on a node, with the pod and without, and what the node has. None where the node has none of it,
    /// or where it is an extended one that the pod does not ask for. `counts_absent`: with upstream's stand-ins where
    /// containers name no cpu or memory.
    pub(super) fn of(&self, pod: &PodClass, node: &NodeInfo, counts_absent: bool) -> Option<(i64, i64, i64)> {
        let (used, asked, have) = match self {
            Self::Cpu if counts_absent => (node.counted[0], pod.counted[0], node.allocatable.cpu),
            Self::Memory if counts_absent => (node.counted[1], pod.counted[1], node.allocatable.memory),
            Self::Cpu => (node.used.cpu, pod.requests.cpu, node.allocatable.cpu),
            Self::Memory => (node.used.memory, pod.requests.memory, node.allocatable.memory),
            Self::Other(name) => (node.used.get(name), pod.requests.get(name), node.allocatable.get(name)),
        };
        let passed_over = asked == 0 && matches!(self, Self::Other(name) if name != "ephemeral-storage");
        (have != 0 && !passed_over).then(|| (used.saturating_add(asked), used, have))
    }

    /// Whether a pod asks for it.
    pub(super) fn is_asked(&self, pod: &PodClass) -> bool {
        match self {
            Self::Cpu => pod.requests.cpu != 0,
            Self::Memory => pod.requests.memory != 0,
            Self::Other(name) => pod.requests.get(name) != 0,
        }
    }
}

/// A share in whole hundredths, rounded down.
pub(super) fn hundredths(part: i64, whole: i64) -> i64 {
    // Amounts too large to be multiplied need no more than two digits of precision either.
    part.checked_mul(100).map_or_else(|| part / (whole / 100), |hundredfold| hundredfold / whole)
}
