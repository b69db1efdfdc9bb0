//! A virtual machine: it carries out a kubelet's commands, each after a while, and reports what it sees.

mod command;
mod outcome;
mod output;
mod usage;

pub use output::Output;

use super::behaviour::{Behaviour, Images};
use super::latency;
use super::queue::{Happening, Queue};
use crate::api::{Name, SharedSpec, Uid};
use crate::order;
use crate::rng::Rng;
use crate::runtime::{Exit, ListedContainer, ListedPod, Machine, PodRef, ProbeKind, RuntimeEvent};
use crate::store::Store;
use crate::time::{Span, Time};
use k8s_openapi::api::core::v1 as k8s;
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
    Resize {
        pod: PodRef,
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
    /// The pod's spec by which it was started.
    spec: SharedSpec,
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
    cached: order::Set<Name>,
    pulls: order::Map<Name, Box<Pull>>,
    pods: order::Map<Uid, Box<VirtualPod>>,
    slots: order::Set<u16>,
    next_slot: u16,
}

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
            cached: order::Set::new(),
            pulls: order::Map::new(),
            pods: order::Map::new(),
            slots: order::Set::new(),
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
    pub(super) fn output(&self, pod: Uid, container: &str, attempt: u32) -> Output {
        let containers = self.pods.get(&pod).map(|p| p.containers.as_slice()).unwrap_or_default();
        let Some(found) = containers.iter().find(|c| c.name == container && c.attempt == attempt) else {
            return Output::default();
        };
        let started = found.started.map(|at| (at, format!("{container} started")));
        let ended = found.exit.as_ref().and_then(|e| Some((e.at?, format!("{container} ended with code {}", e.code))));
        let runs = started.is_some() && ended.is_none();
        Output { lines: started.into_iter().chain(ended).collect(), runs }
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
        let happening = Happening::Machine { machine: self.index, boot: self.boot, doing: Box::new(doing) };
        site.queue.push(site.now + after, happening);
    }

    fn tell(&mut self, site: &mut Site<'_>, event: RuntimeEvent) {
        let happening = Happening::Tell { machine: self.index, boot: self.boot, event: Box::new(event) };
        site.queue.push(site.now, happening);
    }

    fn container_mut(&mut self, pod: Uid, container: &str) -> Option<&mut VirtualContainer> {
        self.pods.get_mut(&pod)?.containers.iter_mut().find(|c| c.name == container)
    }

    /// The name of a pod's first container that runs.
    pub(super) fn running_container(&self, pod: Uid) -> Option<Name> {
        self.pods.get(&pod)?.containers.iter().find(|c| c.is_running()).map(|c| c.name.clone())
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
                    image_id: Some(outcome::image_id(command::image_of(&c.spec, &c.name))),
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
