//! Where pods go: a queue, a framework of small plugins, and the reasons for every decision as data.
//!
//! Replaceable: a pod names its scheduler in `schedulerName`. Knows nothing of how pods are run.
//!
//! [`Schedulers`] sees every change of the store, keeps the [`snapshot`] of all nodes and the [`queue`] of waiting
//! pods up to date, and lets the [`profile`] that a pod names choose among the nodes that its [`framework`] of
//! [`plugins`] finds fit.

mod best_score;
mod decision;
mod evaluation;
mod explain;
mod framework;
mod full_scan;
mod node;
mod plugins;
mod pod;
mod profile;
mod queue;
mod round_robin;
mod selector;
mod snapshot;

pub use decision::{Chosen, Code, Decision, Detail, PluginScore, Reason, Refusal};
pub use explain::{Explanation, NodeStand, Stand};
pub use node::Taint;
pub use queue::{Line, QueueLengths, Wait};

// What a pod asks for is the same to the kubelet that admits it.
pub(crate) use crate::api::resources::Amounts;
pub(crate) use pod::{Classes, HostPort, PodClass};

use crate::api::{Body, Condition, ConditionKind, ConditionStatus, EventKind, Key, Kind, Name, Object, PodBody, Uid};
use crate::cluster::{Component, Context};
use crate::config::Config;
use crate::order;
use crate::store::{Change, Store};
use crate::time::Time;
use profile::{Choice, Scheduler};
use queue::{PodKey, Queue, Waiting};
use snapshot::{Events, Snapshot};
use std::collections::VecDeque;
use std::sync::Arc;

/// How many pods are decided on before others get a turn.
const DECISIONS_MAX: usize = 256;

/// The longest message of an event in bytes, as upstream cuts it.
const EVENT_MESSAGE_BYTES_MAX: usize = 1024;

/// All schedulers of a cluster.
#[derive(Clone, Debug)]
pub struct Schedulers {
    profiles: Vec<Box<dyn Scheduler>>,
    snapshot: Snapshot,
    queue: Queue,
    classes: Classes,
    decisions: order::Map<Uid, Arc<Decision>>,
    /// Nodes to which something happened that can help a pod, since parked pods were last looked at.
    helped: order::Map<u32, Events>,
    /// Pods whose gates are yet to be noted on them.
    gated: order::Set<PodKey>,
    /// Revisions of our own bindings, seen before they come round.
    ahead: VecDeque<u64>,
    /// When this life began, where there was an earlier one: what was decided in that is not known.
    restored: Option<Time>,
}

/// The node a pod counts on: ended pods count nowhere.
fn placed(object: &Object) -> Option<(&Name, &PodBody)> {
    let pod = object.pod()?;
    let node = pod.node.as_ref()?;
    (!pod.status.phase.is_finished()).then_some((node, pod))
}

impl Schedulers {
    /// `restored` is the instant at which a cluster goes on that lived before.
    pub(crate) fn new(config: &Config, restored: Option<Time>) -> Self {
        Self {
            profiles: profile::all(),
            snapshot: Snapshot::new(config.seed),
            queue: Queue::default(),
            classes: Classes::default(),
            decisions: order::Map::new(),
            helped: order::Map::new(),
            gated: order::Set::new(),
            ahead: VecDeque::new(),
            restored,
        }
    }

    /// The decision on a pod when it was last tried. None where it was not, or somebody else placed it.
    pub fn decision(&self, pod: Uid) -> Option<&Decision> {
        self.decisions.get(&pod).map(Arc::as_ref)
    }

    /// How many pods wait where.
    pub fn queue_lengths(&self) -> QueueLengths {
        self.queue.lengths()
    }

    /// How every node stands to a pod now. A pod of a scheduler that is none of ours is explained as the default
    /// one would see it. None where there is no such pod.
    pub fn explain(&self, pod: &Key, store: &Store) -> Option<Explanation> {
        let object = store.at(pod)?;
        let body = object.pod()?;
        let number = self.scheduler_of(body).unwrap_or_default();
        let scheduler = &self.profiles[usize::from(number)];
        let class = pod::PodClass::new(&body.spec);
        let placed = placed(object).map(|(node, _)| node.as_str());
        Some(explain::explain(scheduler.name(), scheduler.framework(), &class, placed, &self.snapshot))
    }

    /// How a pod waits for a node; none where it does not.
    pub fn wait(&self, namespace: &Name, name: &Name) -> Option<Wait> {
        self.queue.wait(&(namespace.clone(), name.clone()))
    }

    /// The `schedulerName`s there are, the default one first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.profiles.iter().map(|s| s.name())
    }

    /// Whether a pod is known to have got its node from somebody else: it has one, and none of these decided so in
    /// this life, in which it was created.
    pub fn was_placed_elsewhere(&self, pod: &Object) -> bool {
        let has_node = pod.pod().is_some_and(|p| p.node.is_some());
        // Creation is known to the second.
        let of_this_life = self.restored.is_none_or(|began| pod.meta.created > began.floor_secs());
        has_node && of_this_life && !self.decisions.contains_key(&pod.meta.uid)
    }

    fn scheduler_of(&self, pod: &PodBody) -> Option<u8> {
        let name = pod.spec.scheduler_name.as_deref().filter(|n| !n.is_empty());
        let found = name.map_or(Some(0), |name| self.profiles.iter().position(|s| s.name() == name));
        found.map(|number| number as u8)
    }

    fn see_node(&mut self, name: &Name, after: Option<&Object>) {
        let Some(Object { meta, body: Body::Node { spec, status } }) = after else {
            return self.snapshot.remove_node(name);
        };
        let (index, events) = self.snapshot.set_node(name, &meta.labels, spec, status);
        self.help(index, events);
    }

    fn help(&mut self, index: u32, events: Events) {
        if events != Events::NONE {
            let all = self.helped.entry(index).or_default();
            *all = all.or(events);
        }
    }

    fn see_pod(&mut self, change: &Change, now: Time) {
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        self.count_pod(before, after);
        let Some(object) = after.or(before) else { return };
        let key = (object.meta.namespace.clone(), object.meta.name.clone());
        let Some((after, pod)) = after.and_then(|o| Some((o, o.pod()?))) else {
            self.queue.remove(&key);
            self.decisions.remove(&object.meta.uid);
            return;
        };
        let waits = pod.node.is_none() && !pod.status.phase.is_finished() && after.meta.deletion.is_none();
        let Some(scheduler) = self.scheduler_of(pod).filter(|_| waits) else {
            self.queue.remove(&key);
            let uid = after.meta.uid;
            if self.decisions.get(&uid).is_some_and(|d| d.chosen.is_none()) {
                self.decisions.remove(&uid);
            }
            return;
        };
        let same = before.and_then(|b| Some((b, b.pod()?))).is_some_and(|(before, old)| {
            // Comparing two specs in full is worth it only where they are not one.
            (Arc::ptr_eq(&old.spec, &pod.spec) || old.spec == pod.spec) && before.meta.labels == after.meta.labels
        });
        if same && self.queue.contains(&key) {
            return;
        }
        let gated = pod.spec.scheduling_gates.as_ref().is_some_and(|g| !g.is_empty());
        if gated {
            self.gated.insert(key.clone());
        }
        let waiting = Waiting {
            uid: after.meta.uid,
            scheduler,
            class: self.classes.of(&pod.spec),
            priority: pod.spec.priority.unwrap_or_default(),
            created: after.meta.created,
        };
        self.queue.put(&key, waiting, gated, now);
    }

    /// Counts a pod in and out of its node.
    fn count_pod(&mut self, before: Option<&Object>, after: Option<&Object>) {
        let (before, after) = (before.and_then(placed), after.and_then(placed));
        if let (Some((old, old_pod)), Some((new, new_pod))) = (before, after)
            && old == new
            && Arc::ptr_eq(&old_pod.spec, &new_pod.spec)
            && !old_pod.status.is_resizing()
            && !new_pod.status.is_resizing()
        {
            return;
        }
        if let Some((node, pod)) = before {
            let class = self.classes.of(&pod.reckoned());
            if let Some(index) = self.snapshot.remove_pod(node, &class) {
                self.help(index, Events::POD_REMOVED);
            }
        }
        if let Some((node, pod)) = after {
            let class = self.classes.of(&pod.reckoned());
            self.snapshot.add_pod(node, &class);
        }
    }

    /// Wakes parked pods for which a node to which something happened would do now.
    fn wake(&mut self, now: Time) {
        let helped = std::mem::take(&mut self.helped);
        if helped.is_empty() {
            return;
        }
        let (profiles, nodes) = (&self.profiles, self.snapshot.nodes());
        self.queue.wake(now, |scheduler, class, helped_by| {
            let framework = profiles[usize::from(scheduler)].framework();
            helped.iter().any(|(index, events)| {
                let node = &nodes[*index as usize];
                if !node.present || !events.meets(*helped_by) {
                    return false;
                }
                match framework.refusal(class, node) {
                    None => true,
                    // What refuses now may not be what refused when the pod was tried.
                    Some((number, _)) => {
                        *helped_by = helped_by.or(framework.filters[usize::from(number)].helped_by());
                        false
                    }
                }
            })
        });
    }

    fn decide(&mut self, key: &PodKey, waiting: &Waiting, cx: &mut Context<'_>) {
        let found = cx.store.get(Kind::Pod, &key.0, &key.1).filter(|o| o.meta.uid == waiting.uid).cloned();
        let Some(object) = found else { return self.queue.remove(key) };
        let scheduler = &mut self.profiles[usize::from(waiting.scheduler)];
        let name = scheduler.name();
        let Choice { chosen, refusals } = scheduler.choose(&waiting.class, &self.snapshot);
        let decision = Decision {
            at: cx.now,
            scheduler: Name::new_static(name),
            nodes: self.snapshot.present(),
            chosen: chosen.map(Box::new),
            refusals,
        };
        if let Some(chosen) = &decision.chosen {
            self.queue.remove(key);
            self.bind(&object, &chosen.node, name, cx);
        } else {
            let helped_by = self.helped_by(waiting.scheduler, &decision);
            self.queue.park(key, helped_by, cx.now);
            let message = decision.message().unwrap_or_default();
            if let Some(object) = note(&object, "Unschedulable", &message, cx) {
                cx.event(&object, EventKind::Warning, name, "FailedScheduling", &cut(&message));
            }
        }
        self.decisions.insert(waiting.uid, Arc::new(decision));
    }

    fn bind(&mut self, object: &Arc<Object>, node: &Name, scheduler: &str, cx: &mut Context<'_>) {
        let mut next = Object::clone(object);
        let condition = condition(&next, ConditionStatus::True, cx.now);
        if let Some(pod) = next.pod_mut() {
            pod.node = Some(node.clone());
            pod.status.set_condition(condition);
        }
        // It was there when the decision began, and nobody else writes meanwhile.
        let Ok(bound) = cx.store.update(next, None) else { return };
        // The next decision must see this one.
        let revision = bound.meta.resource_version;
        self.see_pod(&Change { revision, before: Some(Arc::clone(object)), after: Some(Arc::clone(&bound)) }, cx.now);
        self.ahead.push_back(revision);
        let message = format!("Successfully assigned {}/{} to {node}", bound.meta.namespace, bound.meta.name);
        cx.event(&bound, EventKind::Normal, scheduler, "Scheduled", &message);
    }

    /// What can make a node acceptable that refused. A node that comes later may refuse for another reason and be
    /// mended then (each comes tainted as not ready), so changes of nodes always count.
    fn helped_by(&self, scheduler: u8, decision: &Decision) -> Events {
        let filters = &self.profiles[usize::from(scheduler)].framework().filters;
        let refused = |name| decision.refusals.iter().any(|r| r.plugin == name);
        filters.iter().filter(|f| refused(f.name())).map(|f| f.helped_by()).fold(Events::OF_NODES, Events::or)
    }
}

fn condition(object: &Object, status: ConditionStatus, now: Time) -> Condition {
    let generation = object.meta.generation;
    Condition {
        observed_generation: (generation != 0).then_some(generation),
        ..Condition::new(ConditionKind::PodScheduled, status, now.floor_secs())
    }
}

/// Notes on a pod why it is not scheduled. Returns the pod where that was news.
fn note(object: &Object, reason: &str, message: &str, cx: &mut Context<'_>) -> Option<Arc<Object>> {
    let condition = condition(object, ConditionStatus::False, cx.now).because(reason, message);
    let old = object.pod()?.status.condition(&ConditionKind::PodScheduled);
    if old.is_some_and(|old| Condition { since: condition.since, ..old.clone() } == condition) {
        return None;
    }
    let mut next = object.clone();
    next.pod_mut()?.status.set_condition(condition);
    cx.store.update(next, None).ok()
}

/// A message as long as an event may have it.
fn cut(message: &str) -> String {
    const MARK: &str = " ...";
    if message.len() <= EVENT_MESSAGE_BYTES_MAX {
        return message.to_owned();
    }
    let mut end = EVENT_MESSAGE_BYTES_MAX - MARK.len();
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{MARK}", &message[..end])
}

impl Component for Schedulers {
    fn observe(&mut self, change: &Change, now: Time) {
        if self.ahead.front() == Some(&change.revision) {
            self.ahead.pop_front();
            return;
        }
        match change.kind() {
            Some(Kind::Pod) => self.see_pod(change, now),
            Some(Kind::Node) => {
                let Some(object) = change.object() else { return };
                self.see_node(&object.meta.name, change.after.as_deref());
            }
            _ => {}
        }
    }

    fn work(&mut self, cx: &mut Context<'_>) -> bool {
        self.wake(cx.now);
        self.queue.wake_due(cx.now);
        for (namespace, name) in std::mem::take(&mut self.gated) {
            let object = cx.store.get(Kind::Pod, &namespace, &name).cloned();
            let gated = |pod: &PodBody| pod.spec.scheduling_gates.as_ref().is_some_and(|g| !g.is_empty());
            if let Some(object) = object.filter(|o| o.pod().is_some_and(gated)) {
                let message = "Scheduling is blocked due to non-empty scheduling gates";
                note(&object, "SchedulingGated", message, cx);
            }
        }
        for _ in 0..DECISIONS_MAX {
            let Some((key, waiting)) = self.queue.pop() else { break };
            self.decide(&key, &waiting, cx);
        }
        self.queue.is_active()
    }

    fn next_due(&self) -> Option<Time> {
        self.queue.next_due()
    }
}
