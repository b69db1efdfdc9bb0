//! What will happen to a node that is silent, and when: data for whoever shows it.

use crate::api::ConditionStatus;
use crate::runtime::PodRef;
use crate::time::Time;

/// A pod that will be evicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingEviction {
    /// The pod.
    pub pod: PodRef,
    /// When it is deleted if nothing changes.
    pub at: Time,
}

/// The stages of a node's failure. Those that lie ahead hold if nothing changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Countdown {
    /// When the node was last heard of.
    pub heard: Time,
    /// Until when it may be silent before it counts as not ready.
    pub grace_ends: Time,
    /// Its Ready condition; none where it never had one.
    pub ready: Option<ConditionStatus>,
    /// When it is tainted for eviction, where it waits for that. None also while its zone evicts nothing.
    pub tainted_at: Option<Time>,
    /// The pods on it that will be evicted, soonest first.
    pub evictions: Vec<PendingEviction>,
}
