//! A virtual machine: it carries out a kubelet's commands, each after a while, and reports what it sees.

use super::behaviour::{Behaviour, Images};
use super::latency;
use super::queue::{Happening, Queue};
use crate::api::{Name, Uid};
use crate::rng::Rng;
use crate::runtime::{Exit, ListedContainer, ListedPod, Machine, PodRef, ProbeKind, RuntimeCommand, RuntimeEvent};
use crate::store::Store;
use crate::time::{Span, Time};
use k8s_openapi::api::core::v1 as k8s;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is wrong with a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It is switched off; what ran on it is dead.
    Off,
    /// It is on and works on, but no command reaches it and nothing is heard of it.
    Partitioned,
    /// No image fits on its disk any more, and no container can be created.
    DiskFull,
    /// Pulls take so many times longer.
    SlowPulls(u32),
}

/// Something a machine has begun and will finish.
#[derive(Clone, Debug)]
pub(super) enum Doing {
    Boot,
    Sandbox {
        pod: Uid,
    },
    ImageLook {
        pod: PodRef,
        container: Name,
        image: Name,
    },
    Pull {
        image: Name,
    },
    Start {
        pod: Uid,
        container: Name,
        attempt: u32,
    },
    /// A container comes to its own end.
    End {
        pod: Uid,
        container: Name,
        attempt: u32,
        code: i32,
    },
    Stop {
        pod: Uid,
        container: Name,
        attempt: u32,
        code: i32,
    },
    Remove {
        pod: PodRef,
    },
    Probe {
        pod: PodRef,
        container: Name,
        kind: ProbeKind,
        probe: Arc<k8s::Probe>,
    },
}

#[derive(Clone, Debug)]
struct VirtualContainer {
    name: Name,
    attempt: u32,
    id: Name,
    behaviour: Behaviour,
    started: Option<Time>,
    exit: Option<Exit>,
}

impl VirtualContainer {
    const fn is_running(&self) -> bool {
        self.started.is_some() && self.exit.is_none()
    }
}

#[derive(Clone, Debug)]
struct VirtualPod {
    pod: PodRef,
    /// Its place in the machine's range of addresses; none on the machine's own network.
    slot: Option<u16>,
    /// Its address once its network stands.
    ip: Option<Name>,
    containers: Vec<VirtualContainer>,
}

#[derive(Clone, Debug)]
struct Pull {
    since: Time,
    waiting: Vec<(PodRef, Name)>,
}

/// What a machine works with.
pub(super) struct Site<'a> {
    pub(super) now: Time,
    pub(super) queue: &'a mut Queue,
    pub(super) images: &'a Images,
    pub(super) store: &'a Store,
    /// By what pulls are slower everywhere.
    pub(super) slow_pulls: u32,
}

/// A machine of the world. A node that has one has a kubelet.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault that may come with any other")]
pub struct VirtualMachine {
    name: Name,
    index: u32,
    description: Machine,
    rng: Rng,
    on: bool,
    gone: bool,
    partitioned: bool,
    disk_full: bool,
    slow_pulls: u32,
    /// Counts how often it was switched on or off: what was begun in an earlier life is never done.
    boot: u32,
    cached: BTreeSet<Name>,
    pulls: BTreeMap<Name, Box<Pull>>,
    pods: BTreeMap<Uid, Box<VirtualPod>>,
    slots: BTreeSet<u16>,
    next_slot: u16,
}

/// How many addresses for pods a machine has.
const SLOTS: u16 = 1_022;

impl VirtualMachine {
    pub(super) fn new(index: u32, name: Name, mut description: Machine, seed: u64) -> Self {
        if description.address.is_none() {
            let [a, b, c, d] = (0xac10_0000 + index + 2).to_be_bytes();
            description.address = Some(format!("{a}.{b}.{c}.{d}").into());
        }
        Self {
            rng: Rng::new(seed, &format!("machine {name}")),
            name,
            index,
            description,
            on: true,
            gone: false,
            partitioned: false,
            disk_full: false,
            slow_pulls: 1,
            boot: 0,
            cached: BTreeSet::new(),
            pulls: BTreeMap::new(),
            pods: BTreeMap::new(),
            slots: BTreeSet::new(),
            next_slot: 0,
        }
    }

    /// The name of its node.
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// What it says of itself when it joins.
    pub const fn description(&self) -> &Machine {
        &self.description
    }

    /// What is wrong with it.
    pub fn faults(&self) -> Vec<Fault> {
        let slow = self.slow_pulls > 1;
        [
            (!self.on).then_some(Fault::Off),
            self.partitioned.then_some(Fault::Partitioned),
            self.disk_full.then_some(Fault::DiskFull),
            slow.then_some(Fault::SlowPulls(self.slow_pulls)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Whether it was taken away for good.
    pub const fn is_gone(&self) -> bool {
        self.gone
    }

    /// Whether it is on and can be talked to.
    pub const fn is_reachable(&self) -> bool {
        self.on && !self.partitioned && !self.gone
    }

    /// Whether it has a container of that pod running.
    pub fn runs(&self, pod: Uid) -> bool {
        self.pods.get(&pod).is_some_and(|p| p.ip.is_some() && p.containers.iter().any(VirtualContainer::is_running))
    }

    /// What the latest start of a container has written; empty where it was another start.
    pub(super) fn log(&self, pod: Uid, container: &str, attempt: u32) -> Vec<(Time, String)> {
        let containers = self.pods.get(&pod).map(|p| p.containers.as_slice()).unwrap_or_default();
        let Some(found) = containers.iter().find(|c| c.name == container && c.attempt == attempt) else {
            return vec![];
        };
        let started = found.started.map(|at| (at, format!("{container} started")));
        let ended = found.exit.as_ref().and_then(|e| Some((e.at?, format!("{container} ended with code {}", e.code))));
        started.into_iter().chain(ended).collect()
    }

    pub(super) const fn boot(&self) -> u32 {
        self.boot
    }

    pub(super) const fn is_on(&self) -> bool {
        self.on
    }

    /// This machine in the place of one that was switched on and off so often.
    pub(super) const fn after_boot(mut self, boot: u32) -> Self {
        self.boot = boot;
        self
    }

    /// Its phase of heartbeats: some instant within the period.
    pub(super) fn heartbeat_phase(&mut self) -> Span {
        Span(self.rng.below(latency::HEARTBEAT_PERIOD.0 as u64) as i64)
    }

    fn plan(&mut self, site: &mut Site<'_>, after: Span, doing: Doing) {
        site.queue.push(site.now + after, Happening::Machine { machine: self.index, boot: self.boot, doing });
    }

    fn tell(&mut self, site: &mut Site<'_>, event: RuntimeEvent) {
        let happening = Happening::Tell { machine: self.index, boot: self.boot, event: Box::new(event) };
        site.queue.push(site.now, happening);
    }

    /// Takes a command. What cannot be reached does not hear it.
    pub(super) fn command(&mut self, command: RuntimeCommand, site: &mut Site<'_>) {
        if !self.is_reachable() {
            return;
        }
        match command {
            RuntimeCommand::StartSandbox { pod, spec, .. } => self.start_sandbox(pod, &spec, site),
            RuntimeCommand::EnsureImage { pod, container, image, policy } => {
                self.ensure_image(pod, container, image, &policy, site);
            }
            RuntimeCommand::StartContainer { pod, container, attempt, spec, .. } => {
                self.start_container(pod, container, attempt, &spec, site);
            }
            RuntimeCommand::StopContainer { pod, container, grace } => self.stop(&pod, &container, grace, site),
            RuntimeCommand::RemovePod { pod } => {
                // What was under way for it ends here; only the word that it is gone takes a while.
                if let Some(slot) = self.pods.remove(&pod.uid).and_then(|p| p.slot) {
                    self.slots.remove(&slot);
                }
                for pull in self.pulls.values_mut() {
                    pull.waiting.retain(|(waiting, _)| waiting.uid != pod.uid);
                }
                let after = latency::REMOVE.sample(&mut self.rng);
                self.plan(site, after, Doing::Remove { pod });
            }
            RuntimeCommand::Probe { pod, container, kind, probe, .. } => {
                let after = latency::PROBE.sample(&mut self.rng);
                self.plan(site, after, Doing::Probe { pod, container, kind, probe });
            }
        }
    }

    fn start_sandbox(&mut self, pod: PodRef, spec: &k8s::PodSpec, site: &mut Site<'_>) {
        if let Some(known) = self.pods.get(&pod.uid)
            && let Some(ip) = known.ip.clone()
        {
            return self.tell(site, RuntimeEvent::SandboxReady { pod, pod_ip: ip });
        }
        if self.disk_full {
            let message = "failed to create pod sandbox: no space left on device".to_owned();
            return self.tell(site, RuntimeEvent::SandboxFailed { pod, message });
        }
        let uid = pod.uid;
        let slot = if spec.host_network == Some(true) { None } else { self.free_slot() };
        let known = self
            .pods
            .entry(uid)
            .or_insert_with(|| Box::new(VirtualPod { pod, slot: None, ip: None, containers: vec![] }));
        if let Some(old) = known.slot.take() {
            self.slots.remove(&old);
        }
        known.slot = slot;
        let after = latency::SANDBOX.sample(&mut self.rng);
        self.plan(site, after, Doing::Sandbox { pod: uid });
    }

    /// The next free address after the last one given, so that an address does not come back at once.
    fn free_slot(&mut self) -> Option<u16> {
        for _ in 0..SLOTS {
            let slot = self.next_slot;
            self.next_slot = (self.next_slot + 1) % SLOTS;
            if self.slots.insert(slot) {
                return Some(slot);
            }
        }
        None
    }

    fn ip_of(&self, slot: Option<u16>) -> Name {
        let Some(slot) = slot else { return self.description.address.clone().unwrap_or_default() };
        // 10.128.0.0/9, a thousand addresses a machine: apart from the range of services.
        let ip = 0x0a80_0000 + (self.index % 8_192) * 1_024 + u32::from(slot) + 1;
        let [a, b, c, d] = ip.to_be_bytes();
        format!("{a}.{b}.{c}.{d}").into()
    }

    fn ensure_image(&mut self, pod: PodRef, container: Name, image: Name, policy: &str, site: &mut Site<'_>) {
        let cached = self.cached.contains(&image);
        if policy == "Never" && !cached {
            let message = format!("Container image {image:?} is not present with pull policy of Never");
            let reason = Name::new_static("ErrImageNeverPull");
            return self.tell(site, RuntimeEvent::ImageFailed { pod, container, reason, message });
        }
        if cached && policy != "Always" {
            let after = latency::IMAGE_CHECK.sample(&mut self.rng);
            return self.plan(site, after, Doing::ImageLook { pod, container, image });
        }
        self.tell(site, RuntimeEvent::ImagePulling { pod: pod.clone(), container: container.clone() });
        if let Some(pull) = self.pulls.get_mut(&image) {
            pull.waiting.push((pod, container));
            return;
        }
        let mut after = latency::REGISTRY.sample(&mut self.rng);
        let missing = site.images.get(&image).is_some_and(|i| i.missing);
        if !cached && !missing {
            let factor = self.slow_pulls.saturating_mul(site.slow_pulls);
            after = Span(after.0 + latency::pull(site.images.size_bytes(&image), factor, &mut self.rng).0);
        }
        self.pulls.insert(image.clone(), Box::new(Pull { since: site.now, waiting: vec![(pod, container)] }));
        self.plan(site, after, Doing::Pull { image });
    }

    fn start_container(
        &mut self,
        pod: PodRef,
        container: Name,
        attempt: u32,
        spec: &k8s::PodSpec,
        site: &mut Site<'_>,
    ) {
        let full = self.disk_full;
        let Some(known) = self.pods.get_mut(&pod.uid).filter(|p| p.ip.is_some()) else {
            let message = "the pod has no network".to_owned();
            let reason = Name::new_static("CreateContainerError");
            return self.tell(site, RuntimeEvent::StartFailed { pod, container, attempt, reason, message });
        };
        if let Some(old) = known.containers.iter().find(|c| c.name == container && c.attempt >= attempt) {
            let report = report(&pod, old);
            if let Some(event) = report {
                self.tell(site, event);
            }
            return;
        }
        if full {
            let message = "no space left on device".to_owned();
            let reason = Name::new_static("CreateContainerError");
            return self.tell(site, RuntimeEvent::StartFailed { pod, container, attempt, reason, message });
        }
        let image = spec
            .containers
            .iter()
            .chain(spec.init_containers.iter().flatten())
            .find(|c| c.name == container.as_str())
            .and_then(|c| c.image.as_deref())
            .unwrap_or_default();
        let annotations = site.store.by_uid(pod.uid).map(|o| Arc::clone(&o.meta.annotations)).unwrap_or_default();
        let behaviour =
            site.images.get(image).map(|i| i.behaviour.clone()).unwrap_or_default().with_annotations(&annotations);
        let id = format!("sim://{:016x}{:016x}", self.rng.bits(), self.rng.bits()).into();
        known.containers.retain(|c| c.name != container);
        known.containers.push(VirtualContainer {
            name: container.clone(),
            attempt,
            id,
            behaviour,
            started: None,
            exit: None,
        });
        let after = latency::START.sample(&mut self.rng);
        self.plan(site, after, Doing::Start { pod: pod.uid, container, attempt });
    }

    fn stop(&mut self, pod: &PodRef, container: &Name, grace: Span, site: &mut Site<'_>) {
        let usual = latency::STOP.sample(&mut self.rng);
        let never_ran = |attempt| RuntimeEvent::StartFailed {
            pod: pod.clone(),
            container: container.clone(),
            attempt,
            reason: Name::new_static("CreateContainerError"),
            message: "stopped before it ran".to_owned(),
        };
        let Some(found) = self.container_mut(pod.uid, container) else { return self.tell(site, never_ran(0)) };
        if found.started.is_none() {
            let attempt = found.attempt;
            if let Some(known) = self.pods.get_mut(&pod.uid) {
                known.containers.retain(|c| c.name != *container);
            }
            return self.tell(site, never_ran(attempt));
        }
        if found.exit.is_some() {
            if let Some(event) = report(pod, found) {
                self.tell(site, event);
            }
            return;
        }
        let wants = found.behaviour.stops_in.unwrap_or(usual);
        // A container that was asked before may be asked to hurry, as kubectl's --grace-period does.
        let (after, code) = if wants <= grace { (wants, 0) } else { (grace, 137) };
        let doing = Doing::Stop { pod: pod.uid, container: container.clone(), attempt: found.attempt, code };
        self.plan(site, after, doing);
    }

    fn container_mut(&mut self, pod: Uid, container: &str) -> Option<&mut VirtualContainer> {
        self.pods.get_mut(&pod)?.containers.iter_mut().find(|c| c.name == container)
    }

    /// Ends a container now. Returns what there is to report.
    pub(super) fn end(
        &mut self,
        pod: Uid,
        container: &str,
        attempt: Option<u32>,
        code: i32,
        now: Time,
    ) -> Option<RuntimeEvent> {
        let reference = self.pods.get(&pod)?.pod.clone();
        let found = self.container_mut(pod, container)?;
        if found.exit.is_some() || attempt.is_some_and(|a| a != found.attempt) {
            return None;
        }
        let signal = (code > 128).then_some(code - 128);
        found.exit = Some(Exit { code, signal, out_of_memory: false, at: Some(now) });
        report(&reference, found)
    }

    /// The name of a pod's first container that runs.
    pub(super) fn running_container(&self, pod: Uid) -> Option<Name> {
        self.pods.get(&pod)?.containers.iter().find(|c| c.is_running()).map(|c| c.name.clone())
    }

    /// Something it has begun is done. Returns what there is to report.
    pub(super) fn done(&mut self, doing: Doing, site: &mut Site<'_>) -> Vec<RuntimeEvent> {
        let now = site.now;
        match doing {
            Doing::Boot => {
                self.on = true;
                self.joined()
            }
            Doing::Sandbox { pod } => {
                let ip = self.pods.get(&pod).map(|p| self.ip_of(p.slot));
                match (self.pods.get_mut(&pod), ip) {
                    (Some(known), Some(pod_ip)) => {
                        known.ip = Some(pod_ip.clone());
                        vec![RuntimeEvent::SandboxReady { pod: known.pod.clone(), pod_ip }]
                    }
                    _ => vec![],
                }
            }
            Doing::ImageLook { pod, container, image } => {
                let size_bytes = Some(site.images.size_bytes(&image));
                vec![RuntimeEvent::ImageReady { pod, container, image_id: image_id(&image), pulled: None, size_bytes }]
            }
            Doing::Pull { image } => self.pulled(&image, site),
            Doing::Start { pod, container, attempt } => self.started(pod, &container, attempt, site),
            Doing::End { pod, container, attempt, code } | Doing::Stop { pod, container, attempt, code } => {
                self.end(pod, &container, Some(attempt), code, now).into_iter().collect()
            }
            Doing::Remove { pod } => vec![RuntimeEvent::Removed { pod }],
            Doing::Probe { pod, container, kind, probe } => {
                let failure = self.probe(&pod, &container, kind, &probe, now);
                vec![RuntimeEvent::Probed { pod, container, kind, failure }]
            }
        }
    }

    fn pulled(&mut self, image: &Name, site: &mut Site<'_>) -> Vec<RuntimeEvent> {
        let Some(pull) = self.pulls.remove(image) else { return vec![] };
        let missing = site.images.get(image).is_some_and(|i| i.missing);
        let problem = if missing {
            Some(format!("failed to pull image {image:?}: manifest for {image} not found"))
        } else if self.disk_full && !self.cached.contains(image) {
            Some(format!("failed to pull image {image:?}: no space left on device"))
        } else {
            self.cached.insert(image.clone());
            None
        };
        let size_bytes = Some(site.images.size_bytes(image));
        let took = site.now.since(pull.since);
        pull.waiting
            .into_iter()
            .map(|(pod, container)| match &problem {
                Some(message) => RuntimeEvent::ImageFailed {
                    pod,
                    container,
                    reason: Name::new_static("ErrImagePull"),
                    message: message.clone(),
                },
                None => RuntimeEvent::ImageReady {
                    pod,
                    container,
                    image_id: image_id(image),
                    pulled: Some(took),
                    size_bytes,
                },
            })
            .collect()
    }

    fn started(&mut self, pod: Uid, container: &Name, attempt: u32, site: &mut Site<'_>) -> Vec<RuntimeEvent> {
        let Some(reference) = self.pods.get(&pod).map(|p| p.pod.clone()) else { return vec![] };
        let Some(found) = self.container_mut(pod, container) else { return vec![] };
        if found.attempt != attempt || found.exit.is_some() {
            return vec![];
        }
        found.started = Some(site.now);
        let event = RuntimeEvent::Started {
            pod: reference,
            container: container.clone(),
            attempt,
            id: found.id.clone(),
            at: site.now,
        };
        if let Some(after) = found.behaviour.runs_for {
            let code = found.behaviour.exit_code;
            self.plan(site, after, Doing::End { pod, container: container.clone(), attempt, code });
        }
        vec![event]
    }

    fn probe(&self, pod: &PodRef, container: &str, kind: ProbeKind, probe: &k8s::Probe, now: Time) -> Option<String> {
        let known = self.pods.get(&pod.uid);
        let found = known.and_then(|p| p.containers.iter().find(|c| c.name == container));
        let Some((found, since)) = found.and_then(|c| Some((c, c.started.filter(|_| c.exit.is_none())?))) else {
            return Some("container is not running".to_owned());
        };
        let age = now.since(since);
        let behaviour = &found.behaviour;
        let well = match kind {
            ProbeKind::Startup | ProbeKind::Readiness => !behaviour.never_ready && age >= behaviour.ready_after,
            ProbeKind::Liveness => behaviour.unhealthy_after.is_none_or(|limit| age < limit),
        };
        if well {
            None
        } else if probe.exec.is_some() {
            Some("command exited with status 1".to_owned())
        } else if probe.tcp_socket.is_some() {
            let ip = known.and_then(|p| p.ip.as_deref()).unwrap_or_default();
            Some(format!("dial tcp {ip}: connect: connection refused"))
        } else {
            Some("HTTP probe failed with statuscode: 503".to_owned())
        }
    }

    /// What it says when it joins, or joins again.
    pub(super) fn joined(&self) -> Vec<RuntimeEvent> {
        vec![
            RuntimeEvent::Joined(Box::new(self.description.clone())),
            self.listed(),
            RuntimeEvent::DiskPressure(self.disk_full),
        ]
    }

    /// All its pods.
    fn listed(&self) -> RuntimeEvent {
        let pods = self.pods.values().map(|known| ListedPod {
            pod: known.pod.clone(),
            pod_ip: known.ip.clone(),
            containers: known
                .containers
                .iter()
                .filter(|c| c.started.is_some() || c.exit.is_some())
                .map(|c| ListedContainer {
                    container: c.name.clone(),
                    attempt: c.attempt,
                    id: c.id.clone(),
                    running: c.is_running(),
                    started: c.started,
                    exit: c.exit.clone(),
                })
                .collect(),
        });
        RuntimeEvent::Listed(pods.collect())
    }

    /// The power is cut: containers die, networks and pulls are gone, what was pulled stays.
    pub(super) fn switch_off(&mut self, now: Time) {
        self.on = false;
        self.boot += 1;
        self.pulls.clear();
        for known in self.pods.values_mut() {
            known.ip = None;
            // What was being created has left nothing.
            known.containers.retain(|c| c.started.is_some());
            for container in &mut known.containers {
                if container.exit.is_none() {
                    container.exit = Some(Exit { code: 137, signal: Some(9), out_of_memory: false, at: Some(now) });
                }
            }
        }
    }

    /// The power is back; in a while it will join again.
    pub(super) fn switch_on(&mut self, site: &mut Site<'_>) {
        let after = latency::BOOT.sample(&mut self.rng);
        self.boot += 1;
        self.plan(site, after, Doing::Boot);
    }

    pub(super) const fn partition(&mut self) {
        self.partitioned = true;
    }

    /// Commands and reports pass again. Returns what there is to report.
    pub(super) fn heal(&mut self) -> Vec<RuntimeEvent> {
        self.partitioned = false;
        if self.on { vec![self.listed(), RuntimeEvent::DiskPressure(self.disk_full)] } else { vec![] }
    }

    pub(super) fn set_disk_full(&mut self, full: bool) -> RuntimeEvent {
        self.disk_full = full;
        RuntimeEvent::DiskPressure(full)
    }

    pub(super) fn set_slow_pulls(&mut self, factor: u32) {
        self.slow_pulls = factor.max(1);
    }

    pub(super) fn take_away(&mut self, now: Time) {
        self.switch_off(now);
        self.gone = true;
    }
}

fn image_id(image: &str) -> Name {
    format!("sim://{image}@{:016x}", xxhash_rust::xxh3::xxh3_64(image.as_bytes())).into()
}

/// What there is to report of a container, if it has started or ended.
fn report(pod: &PodRef, c: &VirtualContainer) -> Option<RuntimeEvent> {
    let (pod, container, attempt) = (pod.clone(), c.name.clone(), c.attempt);
    match (&c.exit, c.started) {
        (Some(exit), _) => Some(RuntimeEvent::Exited { pod, container, attempt, exit: exit.clone() }),
        (None, Some(at)) => Some(RuntimeEvent::Started { pod, container, attempt, id: c.id.clone(), at }),
        (None, None) => None,
    }
}
