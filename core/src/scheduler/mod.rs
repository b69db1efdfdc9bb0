//! Where pods go: a queue, a framework of small plugins, and the reasons for every decision as data.
//!
//! Replaceable: a pod names its scheduler in `schedulerName`. Knows nothing of how pods are run.
//!
//! [`Schedulers`] sees every change of the store, keeps the [`snapshot`] of all nodes and the [`queue`] of waiting
//! pods up to date, and lets the [`profile`] that a pod names choose among the nodes that its [`framework`] of
//! [`plugins`] finds fit.

mod assess;
mod best_score;
mod budgets;
mod cells;
mod configuration;
mod decision;
mod evaluation;
mod explain;
mod framework;
mod full_scan;
mod images;
mod info;
mod interned;
mod node;
#[cfg(feature = "foresight")]
mod obstacles;
mod outcome;
mod outlook;
mod plugins;
mod pod;
mod preemption;
mod profile;
mod prospects;
mod queue;
mod recent;
#[cfg(feature = "foresight")]
mod rehearsal;
mod round_robin;
mod selector;
mod snapshot;
mod topology;
mod tournament;
mod words;

pub use configuration::Configuration;
pub use decision::{
    Against, Chosen, Code, Decision, Detail, Plan, PluginScore, Preemption, Reason, Refusal, Restraint, Setting,
};
pub use explain::{Explanation, NodeScore, NodeStand, Stand};
pub use node::Taint;
#[cfg(feature = "foresight")]
pub(crate) use obstacles::{Obstacle, Obstacles};
pub use queue::{Line, QueueLengths, Wait};
#[cfg(feature = "foresight")]
pub(crate) use rehearsal::{Likeness, Placing, Rehearsal};
pub(crate) use words::quantity;

// What a pod asks for is the same to the kubelet that admits it.
pub(crate) use crate::api::resources::Amounts;
pub(crate) use pod::{Classes, HostPort, PodClass};

use crate::api::{Body, EventKind, Key, Kind, Name, Object, PodBody, Uid};
use crate::cluster::{Component, Context};
use crate::config::Config;
use crate::order;
use crate::seat::{Seat, Seated};
use crate::store::{Change, Store};
use crate::time::Time;
use assess::Asking;
use framework::View;
use info::Infos;
use node::{Placed, Stage};
use outcome::{Nomination, cut, note};
use profile::{Choice, Scheduler};
use queue::{Queue, Trial, Waiting};
use snapshot::{Events, Nominated, Snapshot};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// How many pods are decided on before others get a turn.
pub(crate) const DECISIONS_MAX: usize = 256;

/// All schedulers of a cluster.
#[derive(Clone, Debug)]
pub struct Schedulers {
    profiles: Vec<Box<dyn Scheduler>>,
    snapshot: Snapshot,
    queue: Queue,
    infos: Infos,
    decisions: Seated<Arc<Decision>>,
    /// That of the last of them.
    setting: Option<Arc<Setting>>,
    /// Nodes to which something happened that can help a pod, since parked pods were last looked at.
    helped: order::Map<u32, Events>,
    /// What happened meanwhile that can help on any node, and to none of them.
    helped_anywhere: Events,
    /// Pods whose gates are yet to be noted on them.
    gated: order::Set<Uid>,
    /// Revisions of our own bindings, seen before they come round.
    ahead: VecDeque<u64>,
    /// When this life began, where there was an earlier one: what was decided in that is not known.
    restored: Option<Time>,
    /// Whether nobody leaves for others: it is only asked what would be.
    spares: bool,
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
        let profiles = profile::all(config.scheduler.as_ref());
        let keys = profiles.iter().flat_map(|profile| profile.framework().keys()).collect();
        let snapshot = Snapshot::new(config.seed, keys);
        Self {
            profiles,
            snapshot,
            queue: Queue::default(),
            infos: Infos::default(),
            decisions: Seated::default(),
            setting: None,
            helped: order::Map::new(),
            helped_anywhere: Events::NONE,
            gated: order::Set::new(),
            ahead: VecDeque::new(),
            restored,
            spares: false,
        }
    }

    /// From now on nobody leaves for others.
    #[cfg(feature = "foresight")]
    pub(crate) const fn spare(&mut self) {
        self.spares = true;
    }

    /// The decision on a pod when it was last tried. None where it was not, or somebody else placed it.
    pub fn decision(&self, pod: Uid, store: &Store) -> Option<&Decision> {
        let decision = self.decisions.get(store.seat_of_pod(pod)?)?;
        (decision.pod == pod).then_some(decision)
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
        let info = Infos::default().of(&object.meta, &body.spec);
        let asking = Asking { uid: object.meta.uid, info: &info, nominated: body.status.rarer.nominated_node.as_ref() };
        let explain = |snapshot: &Snapshot| {
            explain::explain(scheduler.name(), scheduler.framework(), asking, View { snapshot, store })
        };
        Some(match placed(object) {
            None => explain(&self.snapshot),
            Some((node, _)) => {
                let mut without = self.snapshot.clone();
                without.remove_pod(node, object.meta.uid);
                explain(&without)
            }
        })
    }

    /// How a pod waits for a node; none where it does not.
    pub fn wait(&self, pod: Uid, store: &Store) -> Option<Wait> {
        self.queue.wait(store.seat_of_pod(pod)?)
    }

    /// The `schedulerName`s there are, the default one first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.iter().map(|s| s.name().as_str())
    }

    /// Whether a pod is known to have got its node from somebody else: it has one, and none of these decided so in
    /// this life, in which it was created.
    pub fn was_placed_elsewhere(&self, pod: &Object, store: &Store) -> bool {
        let has_node = pod.pod().is_some_and(|p| p.node.is_some());
        // Creation is known to the second.
        let of_this_life = self.restored.is_none_or(|began| pod.meta.created > began.floor_secs());
        has_node && of_this_life && self.decision(pod.meta.uid, store).is_none()
    }

    fn scheduler_of(&self, pod: &PodBody) -> Option<u8> {
        let name = pod.spec.scheduler_name.as_deref().filter(|n| !n.is_empty());
        let found = name.map_or(Some(0), |name| self.profiles.iter().position(|s| s.name().as_str() == name));
        found.map(|number| number as u8)
    }

    /// Takes note of an object of which only that part matters.
    fn see_other(&mut self, change: &Change, part: fn(&Object) -> Option<&BTreeMap<String, String>>) {
        let [before, after] = [&change.before, &change.after].map(|object| object.as_deref().and_then(part));
        if before != after {
            self.snapshot.relay();
            // It can matter to those that others are in the way of.
            self.helped_anywhere = self.helped_anywhere.or(Events::POD_ADDED);
        }
    }

    fn see_node(&mut self, name: &Name, before: Option<&Object>, after: Option<&Object>) {
        let Some(Object { meta, body: Body::Node { spec, status } }) = after else {
            if let Some(index) = self.snapshot.remove_node(name) {
                self.help(index, Events::NODE_REMOVED);
            }
            return;
        };
        let had = before.and_then(|o| o.node()).and_then(|(_, status)| status.images.as_ref());
        let (index, events) = self.snapshot.set_node(meta, spec, status, had);
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
        self.count_pod(before, after, now);
        let Some(object) = after.or(before) else { return };
        let (uid, seat) = (object.meta.uid, change.seat);
        let Some((after, pod)) = after.and_then(|o| Some((o, o.pod()?))) else {
            self.queue.remove(seat);
            self.dismiss(uid, None);
            self.decisions.take(seat);
            return;
        };
        let waits = pod.node.is_none() && !pod.status.phase.is_finished() && after.meta.deletion.is_none();
        let Some(scheduler) = self.scheduler_of(pod).filter(|_| waits) else {
            self.queue.remove(seat);
            self.dismiss(uid, pod.node.as_deref());
            if self.decisions.get(seat).is_some_and(|d| d.chosen.is_none()) {
                self.decisions.take(seat);
            }
            return;
        };
        let nominated = pod.status.rarer.nominated_node.clone();
        let old = before.and_then(|b| Some((b, b.pod()?)));
        if old.is_none_or(|(_, old)| old.status.rarer.nominated_node != nominated) {
            self.nominate(seat, after, pod, nominated);
        }
        let same = old.is_some_and(|(before, old)| {
            // Comparing two specs in full is worth it only where they are not one.
            (Arc::ptr_eq(&old.spec, &pod.spec) || old.spec == pod.spec) && before.meta.labels == after.meta.labels
        });
        if same && self.queue.contains(seat) {
            return;
        }
        let gated = pod.spec.scheduling_gates.as_ref().is_some_and(|g| !g.is_empty());
        if gated {
            self.gated.insert(uid);
        }
        let info = self.infos.of(&after.meta, &pod.spec);
        self.snapshot.track(&info);
        self.queue.put(Waiting { uid, seat, scheduler, info, created: after.meta.created }, gated, now);
    }

    /// Takes note of the node on which others make room for a pod, or of that they do not any more.
    fn nominate(&mut self, seat: Seat, object: &Object, pod: &PodBody, node: Option<Name>) {
        let uid = object.meta.uid;
        self.dismiss(uid, node.as_ref());
        if let Some(node) = node {
            let info = self.infos.of(&object.meta, &pod.spec);
            self.snapshot.nominate(node, Nominated { uid, seat, info });
        }
    }

    /// Forgets for which node a pod waits. Unless it is `kept`, others can have what was kept for the pod there.
    fn dismiss(&mut self, uid: Uid, kept: Option<&Name>) {
        let left = self.snapshot.dismiss(uid).filter(|left| kept != Some(left));
        if let Some(index) = left.and_then(|left| self.snapshot.index(&left)) {
            self.help(index, Events::POD_REMOVED);
        }
    }

    /// Counts a pod in and out of its node.
    fn count_pod(&mut self, before: Option<&Object>, after: Option<&Object>, now: Time) {
        let on_node = |o: Option<&Object>| o.is_some_and(|o| placed(o).is_some());
        if let (true, true, Some(old), Some(new)) = (on_node(before), on_node(after), before, after) {
            let spec = |o: &Object| o.pod().map(|p| (Arc::as_ptr(&p.spec), p.node.clone()));
            let is_resizing = |o: &Object| o.pod().is_some_and(|p| p.status.is_resizing());
            let same_labels = Arc::ptr_eq(&old.meta.labels, &new.meta.labels) || old.meta.labels == new.meta.labels;
            if spec(old) == spec(new)
                && same_labels
                && old.meta.deletion.is_some() == new.meta.deletion.is_some()
                && old.meta.owners == new.meta.owners
                && !is_resizing(old)
                && !is_resizing(new)
            {
                let start = |o: &Object| o.pod().map(|p| (p.node.clone(), p.status.start_time));
                if start(old) != start(new)
                    && let Some((Some(node), at)) = start(new)
                {
                    self.snapshot.set_stage(&node, new.meta.uid, Stage::of(at, new.meta.deletion.is_some()));
                }
                return;
            }
        }
        if let Some((object, (node, _))) = before.and_then(|o| Some((o, placed(o)?)))
            && let Some(index) = self.snapshot.remove_pod(node, object.meta.uid)
        {
            self.help(index, Events::POD_REMOVED);
            self.retry_nominated(node, now);
        }
        if let Some((object, (node, pod))) = after.and_then(|o| Some((o, placed(o)?))) {
            let info = self.infos.of(&object.meta, &pod.reckoned());
            self.snapshot.track(&info);
            let placed = Placed {
                uid: object.meta.uid,
                info,
                stage: Stage::of(pod.status.start_time, object.meta.deletion.is_some()),
            };
            let index = self.snapshot.add_pod(node, placed);
            if self.queue.awaits(Events::POD_ADDED) {
                self.help(index, Events::POD_ADDED);
            }
        }
    }

    /// Tries those again for whom others made room on a node.
    fn retry_nominated(&mut self, node: &Name, now: Time) {
        for nominated in self.snapshot.nominated_on(node) {
            self.queue.wake_one(nominated.seat, now);
        }
    }

    /// Wakes parked pods for which a node to which something happened would do now.
    fn wake(&mut self, now: Time, store: &Store) {
        let helped = std::mem::take(&mut self.helped);
        let anywhere = std::mem::take(&mut self.helped_anywhere);
        if helped.is_empty() && anywhere == Events::NONE {
            return;
        }
        let (profiles, snapshot) = (&self.profiles, &self.snapshot);
        let view = View { snapshot, store };
        self.queue.wake(now, |scheduler, info, helped_by| {
            let framework = profiles[usize::from(scheduler)].framework();
            let helps = |(_, events): (&u32, &Events)| events.meets(*helped_by);
            let helps_anywhere = anywhere.meets(*helped_by);
            if !helps_anywhere && !helped.iter().any(helps) {
                return false;
            }
            let around = framework.look(info, view);
            let preempts = preemption::may_preempt(framework, info, view);
            let has_changed = |index| helped.get(&index).is_some_and(|events| events.meets(Events::OF_NODES));
            let fits = |index: u32, helped_by: &mut Events| {
                let node = &snapshot.nodes()[index as usize];
                if !node.present {
                    return false;
                }
                match framework.refusal(&info.class, &around, index, node) {
                    None => true,
                    // What refuses now may not be what refused when the pod was tried, and may be in the power of others.
                    Some((number, refused)) => {
                        *helped_by = helped_by.or(framework.filters[usize::from(number)].helped_by());
                        preempts && refused.code == Code::Unschedulable && has_changed(index)
                    }
                }
            };
            // Who was in the way on other nodes may be so no more just by what happened.
            if around.is_empty() && !helps_anywhere && !helped_by.meets(Events::POD_ADDED) {
                let which: Vec<u32> = helped.iter().filter(|h| helps(*h)).map(|(index, _)| *index).collect();
                which.into_iter().any(|index| fits(index, helped_by))
            } else {
                // What happens on one node can make another one do.
                (0..snapshot.nodes().len() as u32).any(|index| fits(index, helped_by))
            }
        });
    }

    fn decide(&mut self, trial: Trial, cx: &mut Context<'_>) {
        let waiting = trial.pod();
        let seat = waiting.seat;
        let Some(object) = cx.store.pod_at(seat, waiting.uid).cloned() else { return };
        let scheduler = &mut self.profiles[usize::from(waiting.scheduler)];
        let name = scheduler.name().clone();
        let nominated = object.pod().and_then(|p| p.status.rarer.nominated_node.as_ref());
        let asking = Asking { uid: waiting.uid, info: &waiting.info, nominated };
        let view = View { snapshot: &self.snapshot, store: cx.store };
        let Choice { chosen, scores, feasible, refusals } = scheduler.choose(asking, view);
        let preemption = chosen.is_none().then(|| scheduler.preempt(asking, &refusals, view));
        let is_nothing = refusals.is_empty() && preemption.is_none();
        let setting = Setting { scheduler: name.clone(), nodes: self.snapshot.present(), feasible, scores };
        let decision = Decision {
            pod: object.meta.uid,
            at: cx.now,
            setting: self.setting(setting),
            chosen,
            against: (!is_nothing).then(|| Box::new(Against { refusals, preemption })),
        };
        if let Some(chosen) = &decision.chosen {
            self.bind(seat, &object, &chosen.node, &name, cx);
        } else {
            self.put_off(trial, &object, &decision, cx);
        }
        self.decisions.put(seat, Arc::new(decision));
    }

    /// That of the last decision, where this is the same.
    fn setting(&mut self, setting: Setting) -> Arc<Setting> {
        let same = self.setting.take().filter(|last| **last == setting);
        Arc::clone(self.setting.insert(same.unwrap_or_else(|| Arc::new(setting))))
    }

    /// Parks a pod that no node will take, says so on it, and lets others make room for it.
    fn put_off(&mut self, trial: Trial, object: &Arc<Object>, decision: &Decision, cx: &mut Context<'_>) {
        let waiting = trial.pod().clone();
        let helped_by = self.helped_by(waiting.scheduler, decision);
        self.queue.park(trial, helped_by, cx.now);
        let message = decision.message().unwrap_or_default();
        let nominated = match decision.preemption() {
            Some(Preemption::Planned(plan)) => Nomination::Of(&plan.node),
            Some(Preemption::Useless(_)) => Nomination::None,
            _ => Nomination::AsItWas,
        };
        if let Some(object) = note(object, "Unschedulable", &message, nominated, cx) {
            cx.event(&object, EventKind::Warning, &decision.setting.scheduler, "FailedScheduling", &cut(&message));
            if let Some(pod) = object.pod() {
                // The next decision must see it.
                self.nominate(waiting.seat, &object, pod, pod.status.rarer.nominated_node.clone());
            }
        }
        if let Some(Preemption::Planned(plan)) = decision.preemption()
            && !self.spares
        {
            self.carry_out(plan, object, &waiting, &decision.setting.scheduler, cx);
        }
    }

    /// What can make a node acceptable that refused. A node that comes later may refuse for another reason and be
    /// mended then (each comes tainted as not ready), so changes of nodes always count.
    fn helped_by(&self, scheduler: u8, decision: &Decision) -> Events {
        let filters = &self.profiles[usize::from(scheduler)].framework().filters;
        let refused = |name| decision.refusals().iter().any(|r| r.plugin == name);
        filters
            .iter()
            .filter(|f| refused(f.name()))
            .map(framework::AnyFilter::helped_by)
            .fold(Events::OF_NODES, Events::or)
    }
}

impl Component for Schedulers {
    fn observe(&mut self, change: &Change, now: Time) {
        if self.ahead.front() == Some(&change.revision) {
            self.ahead.pop_front();
            return;
        }
        match change.kind {
            Kind::Pod => self.see_pod(change, now),
            Kind::Node => {
                let Some(object) = change.object() else { return };
                self.see_node(&object.meta.name, change.before.as_deref(), change.after.as_deref());
            }
            Kind::Service => self.see_other(change, |o| o.service().and_then(|s| s.selector.as_ref())),
            Kind::ReplicationController => {
                self.see_other(change, |o| o.replication_controller().and_then(|(spec, _)| spec.selector.as_ref()));
            }
            Kind::Namespace => self.see_other(change, |o| Some(&*o.meta.labels)),
            _ => {}
        }
    }

    fn work(&mut self, cx: &mut Context<'_>) -> bool {
        self.wake(cx.now, cx.store);
        self.queue.wake_due(cx.now);
        for uid in std::mem::take(&mut self.gated) {
            let object = cx.store.pod(uid).cloned();
            let gated = |pod: &PodBody| pod.spec.scheduling_gates.as_ref().is_some_and(|g| !g.is_empty());
            if let Some(object) = object.filter(|o| o.pod().is_some_and(gated)) {
                let message = "Scheduling is blocked due to non-empty scheduling gates";
                note(&object, "SchedulingGated", message, Nomination::AsItWas, cx);
            }
        }
        cx.store.read_ahead(&self.queue.first(DECISIONS_MAX));
        for _ in 0..DECISIONS_MAX {
            let Some(trial) = self.queue.pop() else { break };
            self.decide(trial, cx);
        }
        self.queue.is_active()
    }

    fn next_due(&self) -> Option<Time> {
        self.queue.next_due()
    }
}
