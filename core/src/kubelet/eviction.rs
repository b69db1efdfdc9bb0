//! Which pod goes when a node's disk is full.
//!
//! Upstream ranks by use above requests, then priority, then use. Nobody measures use here, so it is priority, then
//! quality of service, then the youngest. As upstream it is one pod at a time, again and again while the disk is
//! full, and never one that the cluster itself lives on.

use super::worker::Verdict;
use crate::api::{Condition, ConditionKind, ConditionStatus, Object, QosClass};
use crate::time::{Span, Time};

/// How long after an eviction the next one follows while the disk stays full: upstream's monitoring interval.
pub(super) const INTERVAL: Span = Span::from_secs(10);

/// Pods of this priority and above are never evicted: `system-cluster-critical`.
pub(super) const CRITICAL: i32 = 2_000_000_000;

const MESSAGE: &str = "The node was low on resource: ephemeral-storage.";

/// How soon a pod goes: the smallest first. None where it does not.
pub(super) fn rank(pod: &Object) -> Option<(i32, u8, std::cmp::Reverse<Time>, crate::api::Name)> {
    let body = pod.pod()?;
    let priority = body.spec.priority.unwrap_or_default();
    if priority >= CRITICAL || body.status.phase.is_finished() || pod.meta.deletion.is_some() {
        return None;
    }
    let class = match body.status.qos_class {
        Some(QosClass::Guaranteed) => 2,
        Some(QosClass::Burstable) => 1,
        _ => 0,
    };
    Some((priority, class, std::cmp::Reverse(body.status.start_time?), pod.meta.name.clone()))
}

/// Why an evicted pod ends.
pub(super) fn verdict() -> Verdict {
    Verdict { reason: "Evicted".into(), message: MESSAGE.into(), grace: Some(Span::from_secs(1)), remove: true }
}

/// That an evicted pod was disrupted.
pub(super) fn condition(now: Time) -> Condition {
    Condition::new(ConditionKind::DisruptionTarget, ConditionStatus::True, now.floor_secs())
        .because("TerminationByKubelet", MESSAGE)
}
