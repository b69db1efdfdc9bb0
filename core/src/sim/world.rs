//! The world: a cluster, its machines and what will happen to them, in virtual time.

mod intervention;
mod machines;
mod request;
mod visits;

pub use intervention::JournalEntry;
pub use request::nothing_inside;

use super::action::ActionError;
use super::behaviour::Images;
use super::latency::HEARTBEAT_PERIOD;
use super::machine::{Fault, VirtualMachine};
use super::manifest::Manifest;
use super::queue::{Happening, Queue};
use super::scenario::Scenario;
use super::traffic::Traffic;
use crate::api::Name;
use crate::apiserver::{Answer, Creation};
use crate::cluster::{Cluster, Effect, Input};
use crate::lookup::Lookup;
use crate::recording::{Entry, Recording};
use crate::runtime::RuntimeEvent;
use crate::time::{Span, Time};
use std::collections::VecDeque;
use std::sync::Arc;

/// How far [`World::advance`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many events happened.
    pub events: u32,
    /// Whether the wanted instant is reached; if not, the number of events was.
    pub reached: bool,
}

/// A manifest of the scenario that the API refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Which manifest, counted from 0.
    pub manifest: u32,
    /// Why.
    pub error: ActionError,
}

/// How long nothing may have happened before [`World::settle`] takes a world as settled.
const SETTLE_QUIET: Span = Span::from_secs(30);

/// The same where machines are faulty: grace and toleration may be running, and some time to spare.
const SETTLE_QUIET_FAULTY: Span = Span::from_secs(20);

/// The instant at which worlds begin: 2026-01-01T00:00:00Z.
pub const BEGINNING: Time = Time(1_767_225_600_000_000);

/// A simulated cluster. A clone is a fork: both go on with the same numbers.
#[derive(Clone, Debug)]
pub struct World {
    scenario: Arc<Scenario>,
    cluster: Cluster,
    now: Time,
    queue: Queue,
    wake: Option<Time>,
    machines: Vec<VirtualMachine>,
    by_name: Lookup<Name, u32>,
    images: Images,
    slow_pulls: u32,
    traffic: Traffic,
    events: u64,
    rejections: Vec<Rejection>,
    journal: VecDeque<JournalEntry>,
    recorded: Vec<Entry>,
    /// When something other than heartbeats, probes and traffic happened last.
    stirred: Time,
}

impl World {
    /// A world at its beginning: nothing has happened yet.
    pub fn new(scenario: &Scenario) -> Self {
        let scenario = Arc::new(scenario.clone());
        let mut world = Self {
            cluster: Cluster::new(scenario.config.clone(), BEGINNING),
            now: BEGINNING,
            queue: Queue::default(),
            wake: None,
            machines: Vec::new(),
            by_name: Lookup::default(),
            images: Images::new(&scenario.images),
            slow_pulls: 1,
            traffic: Traffic::default(),
            events: 0,
            rejections: Vec::new(),
            journal: VecDeque::new(),
            recorded: Vec::new(),
            stirred: BEGINNING,
            scenario,
        };
        let scenario = Arc::clone(&world.scenario);
        for n in 0..scenario.nodes.len() {
            world.queue.push(BEGINNING, Happening::Pool(n as u32));
        }
        for n in 0..scenario.manifests.len() {
            world.queue.push(BEGINNING, Happening::Manifest(n as u32));
        }
        for (n, step) in scenario.timeline.iter().enumerate() {
            world.queue.push(BEGINNING + step.at, Happening::Timeline(n as u32));
        }
        for client in &scenario.traffic {
            world.set_traffic(client.to.clone(), client.rate_milli);
        }
        world
    }

    /// The same world with nobody to watch it, in less room: its changes are not kept.
    #[must_use]
    pub fn unwatched(mut self) -> Self {
        self.cluster.forget_changes();
        self
    }

    /// The present instant.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// How much time has passed since the beginning.
    pub fn elapsed(&self) -> Span {
        self.now.since(BEGINNING)
    }

    /// The cluster.
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// What it began with.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Its machines, those that were taken away among them.
    pub fn machines(&self) -> &[VirtualMachine] {
        &self.machines
    }

    /// The machine of a node.
    pub fn machine(&self, node: &str) -> Option<&VirtualMachine> {
        self.by_name.get(node).and_then(|n| self.machines.get(*n as usize)).filter(|m| !m.is_gone())
    }

    /// What is wrong with which machine, by name; machines that are well are left out.
    pub fn faults(&self) -> Vec<(&Name, Vec<Fault>)> {
        let present = self.machines.iter().filter(|m| !m.is_gone());
        present.map(|m| (m.name(), m.faults())).filter(|(_, faults)| !faults.is_empty()).collect()
    }

    /// Clients and what came of their requests.
    pub const fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// How many events have happened.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Manifests of the scenario that the API refused.
    pub fn rejections(&self) -> &[Rejection] {
        &self.rejections
    }

    /// What was done to the world from outside, oldest first.
    pub fn journal(&self) -> impl DoubleEndedIterator<Item = &JournalEntry> + ExactSizeIterator {
        self.journal.iter()
    }

    /// Everything that is needed to have this world again.
    pub fn recording(&self) -> Recording {
        Recording {
            scenario: Arc::clone(&self.scenario),
            entries: self.recorded.clone(),
            until: self.now,
            events: self.events,
        }
    }

    /// What was done to it, in order.
    pub(crate) fn recorded(&self) -> &[Entry] {
        &self.recorded
    }

    /// When the next event is due.
    pub fn next_event_at(&self) -> Option<Time> {
        let due = match (self.queue.next_at(), self.wake) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        due.map(|at| at.max(self.now))
    }

    /// Lets time pass until `until`, or until `max_events` have happened.
    pub fn advance(&mut self, until: Time, max_events: u32) -> Progress {
        let mut events = 0;
        while self.next_event_at().is_some_and(|at| at <= until) {
            if events >= max_events {
                return Progress { events, reached: false };
            }
            self.step();
            events += 1;
        }
        self.now = self.now.max(until);
        Progress { events, reached: true }
    }

    /// Lets time pass until the next event, and that happen. Returns whether there was one.
    pub fn step(&mut self) -> bool {
        let Some(at) = self.next_event_at() else { return false };
        self.now = at;
        self.events += 1;
        // What is planned comes before the cluster's own deadlines of the same instant: it takes them along.
        if self.queue.next_at().is_some_and(|planned| planned <= at) {
            if let Some((_, what)) = self.queue.pop() {
                self.happen(what);
            }
        } else {
            self.handle(Input::Wake);
        }
        true
    }

    /// Lets time pass until something changes an object; heartbeats do not count. A world that came to rest stands where it
    /// found that out.
    pub fn step_to_change(&mut self) {
        /// A world in which so many events, and so many of each machine, change nothing has come to rest.
        const QUIET_EVENTS_MAX: usize = 2_000;
        const QUIET_BEATS_MAX: usize = 30;
        let before = self.cluster.store().revision();
        for _ in 0..QUIET_EVENTS_MAX + QUIET_BEATS_MAX * self.machines.len() {
            if !self.step() || self.cluster.store().revision() != before {
                break;
            }
        }
    }

    /// Creates what a manifest says now, as one of its scenario's would be: who reads many of them hands them over one by
    /// one, at the beginning of a world whose scenario has nothing else for that instant. What a manifest says may have been
    /// read already, by [`Manifest::read`].
    pub fn take_in(&mut self, manifest: &Manifest, read: Option<Box<Creation>>) -> Result<(), ActionError> {
        self.events += 1;
        self.create(manifest, read)
    }

    /// Lets time pass without an event; never backwards.
    pub(crate) fn pass_until(&mut self, at: Time) {
        self.now = self.now.max(at);
    }

    /// Lets time pass until nothing is left to happen but what goes on for ever (heartbeats, probes, traffic), or until
    /// `limit`, or until `max_events` have happened. Reached where nothing is left or the limit is.
    ///
    /// A cluster is taken as settled when for half a minute nothing else has happened, and no step of the
    /// scenario is to come. Something that comes back less often, such as a crash loop's back-off of minutes, is
    /// not waited for.
    pub fn settle(&mut self, limit: Time, max_events: u32) -> Progress {
        let mut events = 0;
        let config = self.cluster.config();
        let evicted = Span(config.node_grace.0.saturating_add(Span::from_secs(config.toleration_seconds).0));
        while let Some(at) = self.next_event_at() {
            if !self.queue.is_busy() && at > self.stirred + SETTLE_QUIET {
                let faulty = self.machines.iter().any(|m| !m.is_gone() && !m.is_reachable());
                if !faulty || at > self.stirred + Span(evicted.0.saturating_add(SETTLE_QUIET_FAULTY.0)) {
                    return Progress { events, reached: true };
                }
            }
            if at > limit {
                self.now = self.now.max(limit);
                return Progress { events, reached: true };
            }
            if events >= max_events {
                return Progress { events, reached: false };
            }
            self.step();
            events += 1;
        }
        Progress { events, reached: true }
    }

    /// When something other than heartbeats, probes and traffic happened last.
    pub const fn stirred_at(&self) -> Time {
        self.stirred
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Pool(n) => {
                let scenario = Arc::clone(&self.scenario);
                if let Some(pool) = scenario.nodes.get(n as usize) {
                    self.add_pool(pool);
                }
            }
            Happening::Manifest(n) => {
                let scenario = Arc::clone(&self.scenario);
                let Some(manifest) = scenario.manifests.get(n as usize) else { return };
                if let Err(error) = self.create(manifest, None) {
                    self.rejections.push(Rejection { manifest: n, error });
                }
            }
            Happening::Timeline(n) => {
                let scenario = Arc::clone(&self.scenario);
                if let Some(step) = scenario.timeline.get(n as usize) {
                    // The journal has what came of it.
                    let _ = self.act(step.action.clone());
                }
            }
            Happening::Heartbeat(n) => {
                let Some(machine) = self.machines.get(n as usize) else { return };
                if machine.is_gone() {
                    return;
                }
                self.queue.push(self.now + HEARTBEAT_PERIOD, Happening::Heartbeat(n));
                if machine.is_reachable() {
                    let node = machine.name().clone();
                    self.handle(Input::Runtime { node, event: RuntimeEvent::Heartbeat });
                }
            }
            Happening::Machine { machine, boot, doing } => {
                if self.machines.get(machine as usize).is_none_or(|m| m.boot() != boot) {
                    return;
                }
                let reports = self.at_machine(machine, |m, site| m.done(*doing, site)).unwrap_or_default();
                self.report(machine, reports);
            }
            Happening::Tell { machine, boot, event } => {
                if self.machines.get(machine as usize).is_some_and(|m| m.boot() == boot) {
                    self.report(machine, vec![*event]);
                }
            }
            Happening::Traffic(n) => self.visit(n),
        }
    }

    /// Hands the cluster an input, and its effects to the machines.
    fn handle(&mut self, input: Input) -> Option<Answer> {
        let before = self.cluster.store().revision();
        let output = self.cluster.handle(self.now, input);
        self.wake = output.wake;
        if self.cluster.store().revision() != before {
            self.stirred = self.now;
        }
        for effect in output.effects {
            let Effect::Runtime { node, command } = effect;
            if let Some(machine) = self.by_name.get(&node).copied() {
                self.at_machine(machine, |m, site| m.command(command, site));
            }
        }
        output.answer
    }
}
