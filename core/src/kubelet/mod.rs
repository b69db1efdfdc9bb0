//! The kubelet's logic: what is wanted of a pod and what was seen of it give commands for its node's runtime.
//!
//! One kubelet per node that has joined; none for a Node object somebody merely created. Each pod is a small state
//! machine ([`worker`]), driven by levels: a step looks at the pod's spec and at what is known of it, and does what
//! is missing ([`step`], [`startup`], [`shutdown`]). Reports of the runtime change only what is known ([`report`]). So a lost command or answer
//! needs no timer: the machine's next list shows what is missing.
//!
//! A node that was not heard of for long is not Ready; its pods rest until it is heard again, since nothing can be
//! done on a machine out of reach and nothing is known of it.

mod admission;
mod backoff;
mod eviction;
mod host;
mod listing;
mod probe;
mod report;
mod resize;
mod settings;
mod shutdown;
mod startup;
mod status;
mod step;
mod unreachable;
mod worker;
mod working;

use crate::api::{Key, Kind, Name, Uid};
use crate::cluster::{Component, Context, Effect};
use crate::config::Config;
use crate::deadlines::Deadlines;
use crate::lookup::Lookup;
use crate::order;
use crate::runtime::{ListedPod, PodRef, RuntimeCommand, RuntimeEvent};
use crate::scheduler::Classes;
use crate::store::{Change, Store};
use crate::time::Time;
use host::Host;
use std::sync::Arc;
use step::Step;
use worker::{Removal, Worker};

/// How many pods one call looks at before it hands back control.
const PODS_PER_CALL_MAX: usize = 4_096;

/// The kubelets of all nodes that have joined.
#[derive(Clone, Debug, Default)]
pub struct Kubelets {
    hosts: Lookup<Name, Box<Host>>,
    workers: Lookup<Uid, Box<Worker>>,
    /// Pods to be looked at.
    dirty: order::Set<Uid>,
    /// Pods to be looked at later although nothing happens.
    due: Deadlines<Uid>,
    /// Nodes of which a pod is to be evicted.
    evictions: Deadlines<Name>,
    classes: Classes,
    /// Nodes on which room has become free that pods wait for.
    roomier: order::Set<Name>,
    /// Nodes that became ready again: their pods are to be looked at.
    back: Vec<Name>,
    /// Which pods name a config map or a secret.
    readers: order::Map<Key, order::Set<Uid>>,
}

impl Kubelets {
    pub(crate) fn new(_config: &Config) -> Self {
        Self::default()
    }

    /// Whether any machine has joined.
    pub(crate) fn has_machines(&self) -> bool {
        self.hosts.values().any(|host| host.joined)
    }

    /// A node's runtime saw something.
    pub(crate) fn runtime(&mut self, node: &Name, event: RuntimeEvent, cx: &mut Context<'_>) {
        match event {
            RuntimeEvent::Joined(machine) => {
                let host = self.hosts.get_or_insert_with(node.clone(), Box::default);
                host::register(node, host, &machine, cx);
                self.dirty.extend(cx.store.uids_on(node).iter().copied());
                return;
            }
            RuntimeEvent::Left => {
                self.left(node, cx.store);
                unreachable::left(node, cx);
                return;
            }
            RuntimeEvent::Unreachable { message } => {
                let host = self.hosts.get_or_insert_with(node.clone(), Box::default);
                unreachable::report(node, host, &message, cx);
                return;
            }
            _ => {}
        }
        let Some(host) = self.hosts.get_mut(node).filter(|h| h.joined) else { return };
        if host::heard(node, host, cx) {
            self.dirty.extend(cx.store.uids_on(node).iter().copied());
            if host.disk_pressure {
                self.evictions.set(node.clone(), cx.now);
            }
        }
        match event {
            RuntimeEvent::Heartbeat
            | RuntimeEvent::Joined(_)
            | RuntimeEvent::Left
            | RuntimeEvent::Unreachable { .. } => {}
            RuntimeEvent::DiskPressure(full) => {
                if host.disk_pressure != full {
                    host.disk_pressure = full;
                    host::pressure_changed(node, host, cx);
                    if full {
                        self.evictions.set(node.clone(), cx.now);
                    } else {
                        self.evictions.cancel(node);
                    }
                }
            }
            RuntimeEvent::Listed(pods) => self.listed(node, &pods, cx),
            event => self.pod_event(node, event, cx),
        }
    }

    fn left(&mut self, node: &Name, store: &Store) {
        let Some(host) = self.hosts.get_mut(node) else { return };
        host.joined = false;
        host.listed = false;
        host.trouble = None;
        host.room.clear();
        self.evictions.cancel(node);
        for uid in store.uids_on(node) {
            self.due.cancel(uid);
            if let Some(worker) = self.workers.remove(uid) {
                reads_no_longer(&mut self.readers, *uid, &worker);
            }
        }
    }

    /// A machine says what it has: everything else is gone, and what nobody wants there goes.
    fn listed(&mut self, node: &Name, pods: &[ListedPod], cx: &mut Context<'_>) {
        let Some(host) = self.hosts.get_mut(node) else { return };
        host.listed = true;
        let bound: order::Set<Uid> = cx.store.uids_on(node).iter().copied().collect();
        let by_uid: order::Map<Uid, &ListedPod> = pods.iter().map(|p| (p.pod.uid, p)).collect();
        for listed in pods {
            if !bound.contains(&listed.pod.uid) {
                remove(node, listed.pod.clone(), cx);
            }
        }
        for uid in bound {
            self.step(uid, cx, |step| step.listed(by_uid.get(&uid).copied()));
        }
    }

    fn pod_event(&mut self, node: &Name, event: RuntimeEvent, cx: &mut Context<'_>) {
        let Some(pod) = event.pod().cloned() else { return };
        let bound = cx.store.pod(pod.uid).and_then(|object| object.pod()?.node.as_deref());
        if bound == Some(node) {
            self.step(pod.uid, cx, |step| step.report(event));
        } else if matches!(event, RuntimeEvent::Started { .. } | RuntimeEvent::SandboxReady { .. }) {
            // Its pod went while this was under way.
            remove(node, pod, cx);
        }
    }

    /// Looks at one pod, after `news` about it.
    fn step(&mut self, uid: Uid, cx: &mut Context<'_>, news: impl FnOnce(&mut Step<'_, '_>)) {
        let Some(object) = cx.store.pod(uid).cloned() else {
            self.forget(uid, cx);
            return;
        };
        let Some((pod, node)) = object.pod().and_then(|p| Some((p, p.node.clone()?))) else { return };
        let Some(host) = self.hosts.get_mut(node.as_str()).filter(|h| h.is_active()) else { return };
        let listed = host.listed;
        let worker = self.workers.get_or_insert_with(uid, || {
            let worker = Worker::new(&object, pod, &node, listed);
            for key in &worker.references {
                self.readers.entry(key.clone()).or_default().insert(uid);
            }
            Box::new(worker)
        });
        let references = worker.references.len();
        let pod = pod.clone();
        let mut step = Step::new(worker, host, object, pod, &mut self.classes, cx);
        news(&mut step);
        step.plan();
        let deadline = step.deadline().filter(|_| !step.pod.status.phase.is_finished());
        step.finish();
        if std::mem::take(&mut host.room.freed) && !host.deferred.is_empty() {
            self.roomier.insert(node.to_name());
        }
        if worker.references.len() > references {
            // Containers were added.
            for key in &worker.references {
                self.readers.entry(key.clone()).or_default().insert(uid);
            }
        }
        match [worker.due(cx.now), deadline.filter(|at| *at > cx.now)].into_iter().flatten().min() {
            Some(at) => self.due.set(uid, at),
            None => self.due.cancel(&uid),
        }
    }

    /// Looks again at the pods whose new resources wait for room on nodes that have more of it, in the order in which
    /// upstream does: by priority, then guaranteed ones, then by how long they wait.
    fn retry_resizes(&mut self, cx: &mut Context<'_>) {
        while let Some(node) = self.roomier.pop_first() {
            let waiting = self.hosts.get(&node).map(|host| &host.deferred).into_iter().flatten();
            let mut ranked: Vec<_> =
                waiting.filter_map(|uid| Some((resize::rank(cx.store.pod(*uid)?)?, *uid))).collect();
            order::sort(&mut ranked);
            for (_, uid) in ranked {
                self.step(uid, cx, |_| {});
            }
        }
    }

    /// Makes room on the disks that are full.
    fn evict(&mut self, cx: &mut Context<'_>) {
        while let Some(node) = self.evictions.pop_due(cx.now) {
            if !self.hosts.get(&node).is_some_and(|host| host.is_active() && host.disk_pressure) {
                continue;
            }
            self.evictions.set(node.clone(), cx.now + eviction::INTERVAL);
            let ending = |uid: &Uid| self.workers.get(uid).is_none_or(|w| w.verdict.is_some());
            let ranked = cx.store.uids_on(&node).iter().filter(|uid| !ending(uid)).filter_map(|uid| {
                let rank = eviction::rank(cx.store.pod(*uid)?)?;
                Some((rank, *uid))
            });
            if let Some((_, uid)) = ranked.min() {
                #[expect(
                    clippy::redundant_closure_for_method_calls,
                    reason = "the method alone is not general enough in its lifetimes"
                )]
                self.step(uid, cx, |step| step.evict());
            }
        }
    }

    /// A pod is no longer in the store: nothing of it stays on its machine.
    fn forget(&mut self, uid: Uid, cx: &mut Context<'_>) {
        self.due.cancel(&uid);
        let Some(mut worker) = self.workers.remove(&uid) else { return };
        reads_no_longer(&mut self.readers, uid, &worker);
        if let Some(host) = self.hosts.get_mut(&worker.node) {
            host.room.release(&mut worker.counted);
            host.deferred.remove(&uid);
            if std::mem::take(&mut host.room.freed) && !host.deferred.is_empty() {
                self.roomier.insert(worker.node.clone());
            }
        }
        if worker.removal != Removal::Done {
            remove(&worker.node, worker.pod_ref(uid), cx);
        }
    }
}

fn reads_no_longer(readers: &mut order::Map<Key, order::Set<Uid>>, uid: Uid, worker: &Worker) {
    for key in &worker.references {
        if let Some(pods) = readers.get_mut(key) {
            pods.remove(&uid);
            if pods.is_empty() {
                readers.remove(key);
            }
        }
    }
}

fn remove(node: &Name, pod: PodRef, cx: &mut Context<'_>) {
    cx.effects.push(Effect::Runtime { node: node.clone(), command: RuntimeCommand::RemovePod { pod } });
}

impl Component for Kubelets {
    fn observe(&mut self, change: &Change, _now: Time) {
        match change.kind {
            Kind::Node => {
                let Some(object) = change.object() else { return };
                if let Some(host) = self.hosts.get_mut(&object.meta.name) {
                    let ready = change.after.as_deref().is_some_and(host::is_ready);
                    if ready && !host.ready {
                        self.back.push(object.meta.name.clone());
                    }
                    host.ready = ready;
                }
            }
            Kind::ConfigMap | Kind::Secret => {
                let pods = change.object().and_then(|object| self.readers.get(&object.key()));
                self.dirty.extend(pods.into_iter().flatten().copied());
            }
            Kind::Pod => {
                let before = change.before.as_deref().and_then(|o| Some((o, o.pod()?)));
                let after = change.after.as_deref().and_then(|o| Some((o, o.pod()?)));
                let Some(uid) = after.or(before).map(|(o, _)| o.meta.uid) else { return };
                let [old, new] = [before, after].map(|of| of.and_then(|(_, pod)| pod.node.as_ref()));
                if old != new {
                    let is_hosted = new.and_then(|node| self.hosts.get(node.as_str())).is_some_and(|host| host.joined);
                    if is_hosted || self.workers.contains_key(&uid) {
                        self.dirty.insert(uid);
                    }
                    return;
                }
                let (Some((before, old)), Some((after, new))) = (before, after) else { return };
                let own = self.workers.get(&uid).is_some_and(|w| w.written == after.meta.resource_version);
                if new.node.is_some()
                    && !own
                    && (before.meta.deletion != after.meta.deletion
                        || before.meta.finalizers() != after.meta.finalizers()
                        || !Arc::ptr_eq(&old.spec, &new.spec)
                        || old.status != new.status)
                {
                    self.dirty.insert(uid);
                }
            }
            _ => {}
        }
    }

    fn work(&mut self, cx: &mut Context<'_>) -> bool {
        for node in std::mem::take(&mut self.back) {
            self.dirty.extend(cx.store.uids_on(&node).iter().copied());
        }
        self.evict(cx);
        for _ in 0..PODS_PER_CALL_MAX {
            let Some(uid) = self.dirty.pop_first().or_else(|| self.due.pop_due(cx.now)) else { return false };
            self.step(uid, cx, |_| {});
            self.retry_resizes(cx);
        }
        !self.dirty.is_empty()
    }

    fn next_due(&self) -> Option<Time> {
        self.due.next().into_iter().chain(self.evictions.next()).min()
    }
}
