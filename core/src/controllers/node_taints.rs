//! The taints that say how a node is, and the pace at which nodes are tainted for eviction.

use crate::admission::{NOT_READY, UNREACHABLE, UNSCHEDULABLE};
use crate::api::{Body, Kind, Name, Object};
use crate::cluster::Context;
use crate::time::{Span, Time};
use k8s_openapi::api::core::v1::{NodeCondition, NodeStatus, Taint};
use std::collections::VecDeque;
use std::sync::Arc;

/// Keeps new pods away.
pub(super) const NO_SCHEDULE: &str = "NoSchedule";
/// Drives pods away.
pub(super) const NO_EXECUTE: &str = "NoExecute";

/// The taint for a condition of a status: condition, status, taint.
const BY_CONDITION: [(&str, &str, &str); 6] = [
    ("Ready", "False", NOT_READY),
    ("Ready", "Unknown", UNREACHABLE),
    ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
];

/// The condition of that type.
pub(super) fn condition<'a>(status: &'a NodeStatus, kind: &str) -> Option<&'a NodeCondition> {
    status.conditions.iter().flatten().find(|c| c.type_ == kind)
}

/// The taints of a node.
pub(super) fn taints(node: &Object) -> &[Taint] {
    node.node().and_then(|(spec, _)| spec.taints.as_deref()).unwrap_or_default()
}

fn is(taint: &Taint, key: &str, effect: &str) -> bool {
    taint.key == key && taint.effect == effect
}

/// Whether a node has a taint.
pub(super) fn has(node: &Object, key: &str, effect: &str) -> bool {
    taints(node).iter().any(|t| is(t, key, effect))
}

/// Gives a node the `NoSchedule` taints its conditions and its cordon call for, and takes the others of that sort.
pub(super) fn reconcile_no_schedule(cx: &mut Context<'_>, name: &Name) {
    let Some(object) = cx.store.get(Kind::Node, "", name).cloned() else { return };
    let Some((spec, status)) = object.node() else { return };
    let holds = |c: &NodeCondition| {
        BY_CONDITION.iter().find(|(kind, status, _)| c.type_ == *kind && c.status == *status).map(|(_, _, key)| *key)
    };
    let mut wanted: Vec<&str> = status.conditions.iter().flatten().filter_map(holds).collect();
    wanted.extend((spec.unschedulable == Some(true)).then_some(UNSCHEDULABLE));
    let ours = |key: &str| key == UNSCHEDULABLE || BY_CONDITION.iter().any(|(_, _, k)| *k == key);
    let surplus = |t: &Taint| t.effect == NO_SCHEDULE && ours(&t.key) && !wanted.contains(&t.key.as_str());
    let missing: Vec<&str> = wanted.iter().copied().filter(|key| !has(&object, key, NO_SCHEDULE)).collect();
    if !missing.is_empty() || taints(&object).iter().any(surplus) {
        let mut list: Vec<Taint> = taints(&object).iter().filter(|t| !surplus(t)).cloned().collect();
        list.extend(missing.into_iter().map(|key| taint(key, NO_SCHEDULE, cx.now)));
        write(cx, &object, list);
    }
}

/// Adds one `NoExecute` taint, where one is given, and takes those of the two kinds that are not it. Returns
/// whether anything changed.
pub(super) fn set_no_execute(cx: &mut Context<'_>, name: &Name, key: Option<&str>) -> bool {
    let Some(object) = cx.store.get(Kind::Node, "", name).cloned() else { return false };
    let surplus = |t: &Taint| {
        t.effect == NO_EXECUTE && (t.key == NOT_READY || t.key == UNREACHABLE) && Some(t.key.as_str()) != key
    };
    let missing = key.filter(|key| !has(&object, key, NO_EXECUTE));
    if missing.is_none() && !taints(&object).iter().any(surplus) {
        return false;
    }
    let mut list: Vec<Taint> = taints(&object).iter().filter(|t| !surplus(t)).cloned().collect();
    list.extend(missing.map(|key| taint(key, NO_EXECUTE, cx.now)));
    write(cx, &object, list);
    true
}

fn taint(key: &str, effect: &str, now: Time) -> Taint {
    Taint { key: key.to_owned(), effect: effect.to_owned(), value: None, time_added: Some(now.floor_secs().to_meta()) }
}

fn write(cx: &mut Context<'_>, node: &Object, taints: Vec<Taint>) {
    let mut next = node.clone();
    if let Body::Node { spec, .. } = &mut next.body {
        Arc::make_mut(spec).taints = (!taints.is_empty()).then_some(taints);
    }
    // It was read by the caller in the same breath.
    let _ = cx.store.update(next, None);
}

/// The nodes of a zone that wait to be tainted for eviction, and the pace at which they are: a bucket of one token.
#[derive(Clone, Debug, Default)]
pub(super) struct EvictionQueue {
    waiting: VecDeque<Name>,
    /// Time between two; none for never.
    interval: Option<Span>,
    next: Time,
}

impl EvictionQueue {
    /// A queue that lets `per_second` nodes through.
    pub(super) fn new(per_second: f64) -> Self {
        Self { interval: interval(per_second), ..Self::default() }
    }

    /// Changes the pace. Whoever had to wait before waits a whole interval of the new one.
    pub(super) fn set_rate(&mut self, per_second: f64, now: Time) {
        let waits = self.interval.is_none() || now < self.next;
        self.interval = interval(per_second);
        self.next = match self.interval {
            Some(interval) if waits => now + interval,
            _ => now,
        };
    }

    /// Queues a node, unless it is queued.
    pub(super) fn add(&mut self, node: &Name) {
        if !self.waiting.contains(node) {
            self.waiting.push_back(node.clone());
        }
    }

    /// Takes a node out.
    pub(super) fn remove(&mut self, node: &str) {
        self.waiting.retain(|n| n != node);
    }

    /// The node whose turn it is.
    pub(super) fn pop(&mut self, now: Time) -> Option<Name> {
        let interval = self.interval.filter(|_| now >= self.next)?;
        let node = self.waiting.pop_front()?;
        self.next = now + interval;
        Some(node)
    }

    /// When the next node has its turn, where one waits.
    pub(super) fn due(&self) -> Option<Time> {
        (self.interval.is_some() && !self.waiting.is_empty()).then_some(self.next)
    }

    /// When a queued node has its turn if the pace stays; none where it is not queued or nothing is let through.
    pub(super) fn turn(&self, node: &str, now: Time) -> Option<Time> {
        let place = self.waiting.iter().position(|n| n == node)?;
        Some(self.next.max(now) + Span(self.interval?.0.saturating_mul(place as i64)))
    }
}

fn interval(per_second: f64) -> Option<Span> {
    (per_second > 0.0).then(|| Span((1_000_000.0 / per_second) as i64))
}
