//! Whether nodes are alive: who was silent for too long is not ready, and its pods will be evicted.
//!
//! A heartbeat is a note in memory, as upstream's lease; only transitions are written. Upstream looks at all nodes
//! every few seconds; here the same look is taken at the same instants, but only where something can have changed.

use super::node_taints::{self as taints, EvictionQueue};
use crate::admission::{NOT_READY, UNREACHABLE};
use crate::api::{Body, ConditionKind, ConditionStatus, EventKind, Kind, Name, Object, Uid};
use crate::cluster::Context;
use crate::config::Config;
use crate::deadlines::Deadlines;
use crate::order;
use crate::store::Change;
use crate::time::{Span, Time};
use k8s_openapi::api::core::v1::{NodeCondition, NodeStatus};
use std::ops::AddAssign;
use std::sync::Arc;

/// Above so many nodes a zone is large and goes on evicting, slowly, while it is partially disrupted.
const LARGE_ZONE_NODES: usize = 50;
/// Label that keeps a node out of the reckoning of its zone.
const EXCLUDED: &str = "node.kubernetes.io/exclude-disruption";
const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";
/// The conditions a silent node's become unknown of. The network's is not the kubelet's.
const FROM_KUBELET: [&str; 4] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

pub(super) const COMPONENT: &str = "node-controller";

type Zone = (String, String);

/// How a zone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ZoneState {
    Initial,
    Normal,
    Partial,
    Full,
}

/// What is known of one node.
#[derive(Clone, Debug)]
struct Health {
    uid: Uid,
    zone: Zone,
    excluded: bool,
    /// Its Ready condition, where it has one.
    ready: Option<ConditionStatus>,
    /// When its kubelet last wrote that condition.
    posted: Option<Time>,
    /// When it was last heard of.
    heard: Time,
    registered: bool,
}

/// The health of all nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeLifecycle {
    nodes: order::Map<Name, Box<Health>>,
    /// Nodes whose `NoSchedule` taints are to be looked at.
    dirty: order::Set<Name>,
    removed: Vec<Arc<Object>>,
    grace: Deadlines<Name>,
    zones: order::Map<Zone, ZoneState>,
    queues: order::Map<Zone, EvictionQueue>,
    /// The next look at all nodes.
    look: Option<Time>,
    period: Span,
    grace_span: Span,
}

/// How far a silent node is from what happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Silence {
    pub(super) heard: Time,
    pub(super) grace_ends: Time,
    pub(super) ready: Option<ConditionStatus>,
    pub(super) taint_at: Option<Time>,
}

fn zone(object: &Object) -> Zone {
    let label = |key: &str| object.meta.labels.get(key).cloned().unwrap_or_default();
    (label(REGION), label(ZONE))
}

fn ready(object: &Object) -> Option<&NodeCondition> {
    object.node().and_then(|(_, status)| taints::condition(status, "Ready"))
}

impl NodeLifecycle {
    pub(super) fn new(config: &Config) -> Self {
        Self { period: Span(config.node_monitor_period.0.max(1)), grace_span: config.node_grace, ..Self::default() }
    }

    /// A node was heard of.
    pub(super) fn heard(&mut self, node: &str, now: Time) {
        if let Some(health) = self.nodes.get_mut(node) {
            health.heard = now;
        }
    }

    pub(super) fn observe(&mut self, change: &Change, now: Time) {
        if change.kind != Kind::Node {
            return;
        }
        let Some(object) = change.object() else { return };
        let name = &object.meta.name;
        let Some(after) = &change.after else {
            self.look_soon(now);
            if let Some(health) = self.nodes.remove(name) {
                self.grace.cancel(name);
                if let Some(queue) = self.queues.get_mut(&health.zone) {
                    queue.remove(name);
                }
                self.removed.push(Arc::clone(object));
            }
            return;
        };
        self.dirty.insert(name.clone());
        let tainted = |o: &Object| taints::taints(o).iter().any(|t| t.effect == taints::NO_EXECUTE);
        let mut news = change.before.as_deref().is_none_or(|b| tainted(b) != tainted(after));
        let condition = ready(after);
        let posted = condition.and_then(|c| c.last_heartbeat_time.as_ref()).map(Time::from);
        let mut health = Health {
            uid: after.meta.uid,
            zone: zone(after),
            excluded: after.meta.labels.contains_key(EXCLUDED),
            ready: condition.map(|c| ConditionStatus::parse(&c.status)),
            posted,
            heard: now,
            registered: false,
        };
        if let Some(old) = self.nodes.get(name).filter(|old| old.uid == health.uid) {
            health.registered = old.registered;
            news |= (old.ready, &old.zone, old.excluded) != (health.ready, &health.zone, health.excluded);
            // A kubelet that writes its status is alive, too.
            if old.ready.is_some() == health.ready.is_some() && old.posted == posted {
                health.heard = old.heard;
            }
        }
        self.grace.set_earlier(name.clone(), health.heard + self.grace_span);
        if self.nodes.insert(name.clone(), Box::new(health)).is_none() || news {
            self.look_soon(now);
        }
    }

    /// Looks at all nodes at the next of the instants at which that is done.
    fn look_soon(&mut self, now: Time) {
        let at = Time((now.0.div_euclid(self.period.0) + 1) * self.period.0);
        if self.look.is_none_or(|look| look > at) {
            self.look = Some(at);
        }
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        let queues = self.queues.values().filter_map(EvictionQueue::due);
        self.look.into_iter().chain(self.grace.next()).chain(queues).min()
    }

    pub(super) fn work(&mut self, cx: &mut Context<'_>) {
        for name in std::mem::take(&mut self.dirty) {
            taints::reconcile_no_schedule(cx, &name);
        }
        // Heartbeats move no deadline: whether one came is looked up when the deadline is there.
        while let Some(name) = self.grace.pop_due(cx.now) {
            let Some(health) = self.nodes.get(&name) else { continue };
            let ends = health.heard + self.grace_span;
            if ends > cx.now {
                self.grace.set(name, ends);
            } else {
                self.look_soon(cx.now);
            }
        }
        if self.look.is_some_and(|at| at <= cx.now) {
            self.look = None;
            self.look_at_all(cx);
        }
        for queue in self.queues.values_mut() {
            while let Some(name) = queue.pop(cx.now) {
                match self.nodes.get(&name).and_then(|h| h.ready) {
                    Some(ConditionStatus::False) => _ = taints::set_no_execute(cx, &name, Some(NOT_READY)),
                    Some(ConditionStatus::Unknown) => _ = taints::set_no_execute(cx, &name, Some(UNREACHABLE)),
                    // It is back.
                    Some(ConditionStatus::True) | None => {}
                }
            }
        }
    }

    fn look_at_all(&mut self, cx: &mut Context<'_>) {
        for object in std::mem::take(&mut self.removed) {
            let name = &object.meta.name;
            let message = format!("Node {name} event: Removing Node {name} from Controller");
            cx.event(&object, EventKind::Normal, COMPONENT, "RemovingNode", &message);
        }
        let mut zones: order::Map<Zone, (usize, usize)> = order::Map::new();
        let names: Vec<Name> = self.nodes.keys().cloned().collect();
        for name in &names {
            self.look_at(cx, name, &mut zones);
        }
        self.weigh_zones(cx, &zones);
    }

    fn look_at(&mut self, cx: &mut Context<'_>, name: &Name, zones: &mut order::Map<Zone, (usize, usize)>) {
        let Some(object) = cx.store.get(Kind::Node, "", name).cloned() else { return };
        let Some(health) = self.nodes.get_mut(name) else { return };
        let rate = cx.config.eviction_rate;
        self.zones.entry(health.zone.clone()).or_insert(ZoneState::Initial);
        let queue = self.queues.entry(health.zone.clone()).or_insert_with(|| EvictionQueue::new(rate));
        if !std::mem::replace(&mut health.registered, true) {
            let message = format!("Node {name} event: Registered Node {name} in Controller");
            cx.event(&object, EventKind::Normal, COMPONENT, "RegisteredNode", &message);
            taints::set_no_execute(cx, name, None);
        }
        // A node that never said anything is unknown rather than well.
        let observed = health.ready;
        let silent = cx.now > health.heard + self.grace_span;
        let mut current = observed;
        if silent {
            current = Some(ConditionStatus::Unknown);
            set_unknown(cx, name, cx.now);
        } else if observed == Some(ConditionStatus::True) {
            self.grace.set_earlier(name.clone(), health.heard + self.grace_span);
        }
        if !health.excluded {
            let counts = zones.entry(health.zone.clone()).or_default();
            if current == Some(ConditionStatus::True) { &mut counts.0 } else { &mut counts.1 }.add_assign(1);
        }
        if current.is_none() {
            return;
        }
        let (wanted, opposite) = match observed {
            Some(ConditionStatus::True) => {
                taints::set_no_execute(cx, name, None);
                queue.remove(name);
                if current != observed {
                    let message = format!("Node {name} status is now: NodeNotReady");
                    cx.event(&object, EventKind::Normal, COMPONENT, "NodeNotReady", &message);
                    mark_pods_not_ready(cx, name);
                }
                return;
            }
            Some(ConditionStatus::False) => (NOT_READY, UNREACHABLE),
            Some(ConditionStatus::Unknown) | None => (UNREACHABLE, NOT_READY),
        };
        let Some(object) = cx.store.get(Kind::Node, "", name) else { return };
        if taints::has(object, opposite, taints::NO_EXECUTE) {
            taints::set_no_execute(cx, name, Some(wanted));
        } else if !taints::has(object, wanted, taints::NO_EXECUTE) {
            queue.add(name);
        }
    }

    /// Sets the pace of eviction by how many nodes of each zone are well. Where no node of any zone is, the fault
    /// is rather on this side, and nothing is evicted.
    fn weigh_zones(&mut self, cx: &mut Context<'_>, counts: &order::Map<Zone, (usize, usize)>) {
        let threshold = cx.config.unhealthy_zone_threshold;
        let state = |&(ready, not_ready): &(usize, usize)| {
            if ready == 0 && not_ready > 0 {
                ZoneState::Full
            } else if not_ready > 2 && not_ready as f64 / (ready + not_ready) as f64 >= threshold {
                ZoneState::Partial
            } else {
                ZoneState::Normal
            }
        };
        let new: order::Map<&Zone, ZoneState> = counts.iter().map(|(zone, counts)| (zone, state(counts))).collect();
        self.zones.retain(|zone, _| counts.contains_key(zone));
        let all_are = new.values().all(|s| *s == ZoneState::Full);
        let all_were = self.zones.values().all(|s| *s == ZoneState::Full);
        if all_are && all_were {
            return;
        }
        if all_are {
            for name in self.nodes.keys() {
                taints::set_no_execute(cx, name, None);
            }
            for (zone, state) in self.zones.iter_mut() {
                *state = ZoneState::Full;
                if let Some(queue) = self.queues.get_mut(zone) {
                    queue.set_rate(0.0, cx.now);
                    self.nodes.keys().for_each(|name| queue.remove(name));
                }
            }
            return;
        }
        if all_were {
            for (name, health) in self.nodes.iter_mut() {
                health.heard = cx.now;
                self.grace.set_earlier(name.clone(), cx.now + self.grace_span);
            }
        }
        let mut changed = all_were;
        for (zone, old) in self.zones.iter_mut() {
            let state = new.get(zone).copied().unwrap_or(ZoneState::Normal);
            if *old == state && !all_were {
                continue;
            }
            *old = state;
            changed = true;
            let size = counts.get(zone).map_or(0, |(ready, not_ready)| ready + not_ready);
            let rate = match state {
                ZoneState::Partial if size > LARGE_ZONE_NODES => cx.config.secondary_eviction_rate,
                ZoneState::Partial => 0.0,
                ZoneState::Initial | ZoneState::Normal | ZoneState::Full => cx.config.eviction_rate,
            };
            if let Some(queue) = self.queues.get_mut(zone) {
                queue.set_rate(rate, cx.now);
            }
        }
        if changed {
            // What was held back is looked at once more.
            self.look_soon(cx.now);
        }
    }

    /// How long a node has been silent and what comes next.
    pub(super) fn silence(&self, node: &str, now: Time) -> Option<Silence> {
        let health = self.nodes.get(node)?;
        Some(Silence {
            heard: health.heard,
            grace_ends: health.heard + self.grace_span,
            ready: health.ready,
            taint_at: self.queues.get(&health.zone).and_then(|q| q.turn(node, now)),
        })
    }
}

/// Makes unknown what the kubelet would have to say.
fn set_unknown(cx: &mut Context<'_>, name: &Name, now: Time) {
    let Some(object) = cx.store.get(Kind::Node, "", name) else { return };
    let known = |(_, status): (_, &NodeStatus)| {
        FROM_KUBELET.iter().any(|kind| taints::condition(status, kind).is_none_or(|c| c.status != "Unknown"))
    };
    if !object.node().is_some_and(known) {
        return;
    }
    let mut next = Object::clone(object);
    let created = next.meta.created;
    if let Body::Node { status, .. } = &mut next.body {
        let list = Arc::make_mut(status).conditions.get_or_insert_default();
        for kind in FROM_KUBELET {
            let (reason, message, heartbeat) = match list.iter().find(|c| c.type_ == kind) {
                Some(c) if c.status == "Unknown" => continue,
                Some(c) => ("NodeStatusUnknown", "Kubelet stopped posting node status.", c.last_heartbeat_time.clone()),
                None => ("NodeStatusNeverUpdated", "Kubelet never posted node status.", Some(created.to_meta())),
            };
            let condition = NodeCondition {
                type_: kind.to_owned(),
                status: "Unknown".to_owned(),
                reason: Some(reason.to_owned()),
                message: Some(message.to_owned()),
                last_heartbeat_time: heartbeat,
                last_transition_time: Some(now.floor_secs().to_meta()),
            };
            match list.iter_mut().find(|c| c.type_ == kind) {
                Some(old) => *old = condition,
                None => list.push(condition),
            }
        }
    }
    // It was there a few lines above.
    let _ = cx.store.update(next, None);
}

/// Says of the pods of a silent node that they are not ready, so that nothing is sent to them.
fn mark_pods_not_ready(cx: &mut Context<'_>, node: &Name) {
    for object in cx.store.pods_on(node) {
        let Some(pod) = object.pod().filter(|p| p.node.as_deref() == Some(node) && p.status.is_ready()) else {
            continue;
        };
        let Some(mut condition) = pod.status.condition(&ConditionKind::Ready).cloned() else { continue };
        condition.status = ConditionStatus::False;
        condition.since = Some(cx.now);
        let mut next = Object::clone(&object);
        if let Some(pod) = next.pod_mut() {
            pod.status.set_condition(condition);
        }
        if cx.store.update(next, None).is_ok() {
            cx.event(&object, EventKind::Warning, COMPONENT, "NodeNotReady", "Node is not ready");
        }
    }
}
