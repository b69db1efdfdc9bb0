//! Clients of services: who asked, which pod was to answer, and what came of it.
//!
//! Requests are routed one by one by the cluster's own routing code. So that fast playing stays cheap, a client's
//! requests are looked at in bunches: once per [`Traffic::every`] (100 ms of virtual time unless changed), of which
//! at most [`SAMPLES_MAX`] are routed; each of these stands for its share of the bunch. Counters therefore are exact
//! in number, and a sample in who answered. All of it depends on virtual time alone, so that it replays.

use crate::api::Name;
use crate::order;
use crate::runtime::PodRef;
use crate::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// How many requests of a bunch are routed.
pub(super) const SAMPLES_MAX: u64 = 8;

/// How many of the latest requests are kept for drawing.
pub(super) const LATEST_MAX: usize = 256;

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// A pod answered.
    Answered,
    /// It went to a pod that could not answer any more: its machine or container is gone or cannot be reached.
    Lost,
    /// The service has no ready pod.
    Refused,
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServicePort {
    /// The service's namespace.
    pub namespace: Name,
    /// Its name.
    pub service: Name,
    /// The port.
    pub port: u16,
}

/// How many requests had which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Answered ones.
    pub answered: u64,
    /// Lost ones.
    pub lost: u64,
    /// Refused ones.
    pub refused: u64,
}

impl Counters {
    fn add(&mut self, outcome: Outcome, weight: u64) {
        let counter = match outcome {
            Outcome::Answered => &mut self.answered,
            Outcome::Lost => &mut self.lost,
            Outcome::Refused => &mut self.refused,
        };
        *counter += weight;
    }

    /// All of them.
    pub const fn total(&self) -> u64 {
        self.answered + self.lost + self.refused
    }
}

/// A request to a service, or the several it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Counts all visits.
    pub number: u64,
    /// When.
    pub at: Time,
    /// To which service.
    pub to: ServicePort,
    /// Which pod was to answer, and its node; none where no pod was ready.
    pub pod: Option<(PodRef, Name)>,
    /// What came of it.
    pub outcome: Outcome,
    /// For how many requests it stands.
    pub weight: u64,
}

/// The clients of one port of a service.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    pub(super) to: ServicePort,
    /// Requests per 1,000 seconds.
    rate_milli: u64,
    /// Parts of a request that are due, in 10^-9.
    carried: u64,
    counted_until: Time,
    counters: Counters,
    /// Counts the clients' addresses.
    turn: u64,
}

/// All traffic of a world.
#[derive(Clone, Debug)]
pub struct Traffic {
    flows: Vec<Flow>,
    every: Span,
    pods: order::Map<crate::api::Uid, Box<Counters>>,
    latest: VecDeque<Visit>,
    visits: u64,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            flows: Vec::new(),
            every: Span::from_millis(100),
            pods: order::Map::new(),
            latest: VecDeque::new(),
            visits: 0,
        }
    }
}

impl Traffic {
    /// How often requests are looked at, in virtual time.
    pub const fn every(&self) -> Span {
        self.every
    }

    /// Ports that have clients, their rate in requests per 1,000 seconds, and what came of the requests so far.
    pub fn services(&self) -> impl Iterator<Item = (&ServicePort, u64, &Counters)> {
        self.flows.iter().map(|f| (&f.to, f.rate_milli, &f.counters))
    }

    /// What came of the requests to a pod so far.
    pub fn pod(&self, uid: crate::api::Uid) -> Counters {
        self.pods.get(&uid).map(|counters| **counters).unwrap_or_default()
    }

    /// The latest visits, oldest first.
    pub fn latest(&self) -> impl DoubleEndedIterator<Item = &Visit> + ExactSizeIterator {
        self.latest.iter()
    }

    /// Forgets pods of which `keep` says no.
    pub(super) fn forget_pods(&mut self, keep: impl Fn(crate::api::Uid) -> bool) {
        self.pods.retain(|uid, _| keep(*uid));
    }

    pub(super) fn tracked_pods(&self) -> usize {
        self.pods.len()
    }

    pub(super) const fn set_every(&mut self, every: Span) {
        self.every = every;
    }

    /// Sets the rate of a port's clients. Returns the number of the flow if it is new.
    pub(super) fn set_rate(&mut self, to: ServicePort, rate_milli: u64, now: Time) -> Option<u32> {
        if let Some(flow) = self.flows.iter_mut().find(|f| f.to == to) {
            flow.rate_milli = rate_milli;
            return None;
        }
        self.flows.push(Flow {
            to,
            rate_milli,
            carried: 0,
            counted_until: now,
            counters: Counters::default(),
            turn: 0,
        });
        Some(self.flows.len() as u32 - 1)
    }

    pub(super) fn flow_mut(&mut self, flow: u32) -> Option<&mut Flow> {
        self.flows.get_mut(flow as usize)
    }

    /// When the next requests of a flow are to be looked at.
    pub(super) fn next_due(&self, flow: u32, now: Time) -> Time {
        let rate = self.flows.get(flow as usize).map_or(1, |f| f.rate_milli.max(1));
        // A flow without requests is looked at every ten seconds: its rate may have changed.
        let gap = (1_000_000_000 / rate).min(10_000_000) as i64;
        now + Span(gap.max(self.every.0).max(1_000))
    }
}

impl Flow {
    /// How many requests have come since it was last asked.
    pub(super) fn due(&mut self, now: Time) -> u64 {
        let micros = now.since(self.counted_until).0 as u128;
        self.counted_until = now;
        let parts = u128::from(self.carried) + micros * u128::from(self.rate_milli);
        self.carried = (parts % 1_000_000_000) as u64;
        (parts / 1_000_000_000) as u64
    }

    /// The address of the next client: one of 250.
    pub(super) fn next_client(&mut self) -> String {
        self.turn += 1;
        format!("192.0.2.{}", self.turn % 250 + 1)
    }
}

impl Traffic {
    /// Writes down what came of a visit.
    pub(super) fn record(&mut self, flow: u32, at: Time, pod: Option<(PodRef, Name)>, outcome: Outcome, weight: u64) {
        let Some(flow) = self.flows.get_mut(flow as usize) else { return };
        flow.counters.add(outcome, weight);
        if let Some((pod, _)) = &pod {
            self.pods.entry(pod.uid).or_default().add(outcome, weight);
        }
        if self.latest.len() == LATEST_MAX {
            self.latest.pop_front();
        }
        self.visits += 1;
        self.latest.push_back(Visit { number: self.visits, at, to: flow.to.clone(), pod, outcome, weight });
    }
}
