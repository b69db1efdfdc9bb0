//! Which pods go first when there are too many.

use crate::api::{ConditionKind, Object, PodBody, PodPhase, Uid};
use crate::time::Time;
use std::cmp::Reverse;

/// Annotation that makes a pod cheaper (lower) or dearer (higher) to delete than the others.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// How much a pod is wanted; the lowest goes first. Upstream's order (`ActivePodsWithRanks`): without node, by
/// phase, not ready, by deletion cost, doubled up on its node, ready for a shorter time, restarted more often,
/// newer. Times count by their power of two, so that pods of about one age are equal. Upstream then goes by uid
/// before it looks at restarts, which makes its order no order at all; here uid comes last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Worth {
    assigned: bool,
    phase: u8,
    ready: bool,
    cost: i32,
    neighbours: Reverse<usize>,
    ready_for: Option<i32>,
    restarts: Reverse<(u32, u32)>,
    age: i32,
    uid: Uid,
}

impl Worth {
    /// Of an active pod that shares its node with `neighbours` pods of the same owner.
    pub(super) fn of(object: &Object, pod: &PodBody, neighbours: usize, now: Time) -> Self {
        let ready = pod.status.is_ready();
        let since = pod.status.condition(&ConditionKind::Ready).and_then(|c| c.since);
        Self {
            assigned: pod.node.is_some(),
            phase: match pod.status.phase {
                PodPhase::Pending => 0,
                PodPhase::Unknown => 1,
                _ => 2,
            },
            ready,
            cost: object.meta.annotations.get(DELETION_COST).map_or(0, |text| cost(text)),
            neighbours: Reverse(neighbours),
            ready_for: since.filter(|_| ready).map(|since| magnitude(since, now)),
            restarts: Reverse(restarts(pod)),
            age: magnitude(object.meta.created, now),
            uid: object.meta.uid,
        }
    }
}

/// The cost an annotation says; 0 where it is no 32-bit number as Kubernetes writes them.
fn cost(text: &str) -> i32 {
    let plain = text == "0" || text.trim_start_matches('-').starts_with(|c: char| ('1'..='9').contains(&c));
    if plain { text.parse().unwrap_or_default() } else { 0 }
}

/// The power of two just below the nanoseconds since `then`; -1 where there are none.
fn magnitude(then: Time, now: Time) -> i32 {
    match now.since(then).0.checked_mul(1_000) {
        None => i64::BITS as i32,
        Some(0) => -1,
        Some(nanos) => nanos.ilog2() as i32,
    }
}

/// The most restarts among its containers, and among its sidecars.
fn restarts(pod: &PodBody) -> (u32, u32) {
    let containers = pod.status.containers.iter().map(|c| c.restarts).max().unwrap_or_default();
    let sidecars = pod.spec.init_containers.iter().flatten().filter(|c| c.restart_policy.as_deref() == Some("Always"));
    let sidecars = sidecars
        .filter_map(|spec| pod.status.rarer.init_containers.iter().find(|c| c.name == spec.name.as_str()))
        .map(|c| c.restarts)
        .max()
        .unwrap_or_default();
    (containers, sidecars)
}
