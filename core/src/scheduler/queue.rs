//! Pods that wait for a node: in line, backing off, parked until something happens that can help, or gated.

use super::info::PodInfo;
use super::snapshot::Events;
use crate::api::Uid;
use crate::deadlines::Deadlines;
use crate::order;
use crate::seat::{Seat, Seated};
use crate::time::{Span, Time};
use std::cmp::Reverse;
use std::sync::Arc;

/// How long a pod is left alone after its first failure; twice as long after each further one.
const BACKOFF_FIRST: Span = Span::from_secs(1);

/// The longest a pod is left alone after a failure.
const BACKOFF_MAX: Span = Span::from_secs(10);

/// After how long a parked pod is tried again although nothing happened that could help. A safety net, as upstream's.
const PARKED_MAX: Span = Span::from_secs(300);

/// What is known of a pod that waits.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) uid: Uid,
    pub(super) seat: Seat,
    /// The number of its scheduler.
    pub(super) scheduler: u8,
    pub(super) info: Arc<PodInfo>,
    /// Earlier goes first: when it was created, in whole seconds.
    pub(super) created: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Active,
    BackingOff,
    Parked,
    Gated,
}

#[derive(Clone, Debug)]
struct Entry {
    pod: Waiting,
    /// In which order pods came.
    arrival: u64,
    /// How often it was tried in vain.
    attempts: u32,
    tried: Time,
    place: Place,
}

/// A pod that is being tried: what came of it is told by [`Queue::park`], or it is forgotten.
#[derive(Debug)]
pub(super) struct Trial(Box<Entry>);

impl Trial {
    /// The pod.
    pub(super) fn pod(&self) -> &Waiting {
        &self.0.pod
    }
}

impl Entry {
    fn rank(&self) -> Rank {
        (Reverse(self.pod.info.class.priority), self.pod.created, self.arrival)
    }

    fn group(&self) -> Group {
        (self.pod.scheduler, Arc::clone(&self.pod.info))
    }
}

/// No two pods arrive at once.
type Rank = (Reverse<i32>, Time, u64);
type Group = (u8, Arc<PodInfo>);

/// How many pods wait where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueLengths {
    /// Are in line.
    pub active: usize,
    /// Wait until they are tried again.
    pub backing_off: usize,
    /// Wait for something to happen that can help.
    pub parked: usize,
    /// Wait for their scheduling gates to go.
    pub gated: usize,
}

/// Where a pod waits for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// It is tried as soon as those before it are.
    Active,
    /// It is left alone until then, because it was tried in vain.
    BackingOff(Time),
    /// It waits for something to happen that can help; at the latest it is tried then.
    Parked(Time),
    /// It waits for its scheduling gates to go.
    Gated,
}

/// How a pod waits for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Where.
    pub line: Line,
    /// How often it was tried in vain.
    pub attempts: u32,
}

/// All pods that wait for a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    entries: Seated<Box<Entry>>,
    active: order::Map<Rank, Seat>,
    /// Parked pods that are decided alike, and what can help them.
    parked: order::Map<Group, (Events, order::Set<Seat>)>,
    /// What can help any of them, and perhaps some that are parked no more.
    awaited: Events,
    /// When those that back off or are parked are to be tried again.
    deadlines: Deadlines<Seat>,
    arrivals: u64,
}

impl Queue {
    /// Puts a pod in line, or gated ones aside. One that waits already is tried again with what is new about it.
    pub(super) fn put(&mut self, pod: Waiting, gated: bool, now: Time) {
        let seat = pod.seat;
        let known = self.entries.take(seat);
        if let Some(entry) = &known {
            self.take_out(entry);
        }
        let (arrival, attempts, tried) = known.map_or((self.arrivals, 0, now), |e| (e.arrival, e.attempts, e.tried));
        self.arrivals += 1;
        let mut entry = Entry { pod, arrival, attempts, tried, place: Place::Gated };
        if !gated {
            self.line_up(&mut entry, now);
        }
        self.entries.put(seat, Box::new(entry));
    }

    /// Forgets a pod.
    pub(super) fn remove(&mut self, seat: Seat) {
        if let Some(entry) = self.entries.take(seat) {
            self.take_out(&entry);
        }
    }

    /// Whether a pod waits.
    pub(super) fn contains(&self, seat: Seat) -> bool {
        self.entries.get(seat).is_some()
    }

    /// How a pod waits; none where it does not.
    pub(super) fn wait(&self, seat: Seat) -> Option<Wait> {
        let entry = self.entries.get(seat)?;
        let line = match entry.place {
            Place::Active => Line::Active,
            Place::BackingOff => Line::BackingOff(entry.tried + backoff(entry.attempts)),
            Place::Parked => Line::Parked(entry.tried + PARKED_MAX),
            Place::Gated => Line::Gated,
        };
        Some(Wait { line, attempts: entry.attempts })
    }

    /// The first so many in line.
    pub(super) fn first(&self, count: usize) -> Vec<Seat> {
        self.active.values().take(count).copied().collect()
    }

    /// Takes out the next pod in line, to be tried.
    pub(super) fn pop(&mut self) -> Option<Trial> {
        let (_, seat) = self.active.pop_first()?;
        self.entries.take(seat).map(Trial)
    }

    /// Parks a pod that no node would take, until one of `helped_by` happens.
    pub(super) fn park(&mut self, Trial(mut entry): Trial, helped_by: Events, now: Time) {
        let seat = entry.pod.seat;
        entry.attempts += 1;
        entry.tried = now;
        entry.place = Place::Parked;
        let group = self.parked.entry(entry.group()).or_default();
        group.0 = helped_by;
        self.awaited = self.awaited.or(helped_by);
        group.1.insert(seat);
        self.entries.put(seat, entry);
        self.deadlines.set(seat, now + PARKED_MAX);
    }

    /// Wakes the parked pods of every class that `helped` finds helped, given its scheduler and what can help it;
    /// to the latter it adds what it finds in the way instead.
    pub(super) fn wake(&mut self, now: Time, helped: impl Fn(u8, &Arc<PodInfo>, &mut Events) -> bool) {
        let mut woken = Vec::new();
        let mut awaited = Events::NONE;
        for ((scheduler, info), (events, seats)) in self.parked.iter_mut() {
            if helped(*scheduler, info, events) {
                woken.extend(seats.iter().copied());
            } else {
                awaited = awaited.or(*events);
            }
        }
        self.awaited = awaited;
        for seat in woken {
            self.retry(seat, now);
        }
    }

    /// Puts a pod in line that backs off or is parked.
    pub(super) fn wake_one(&mut self, seat: Seat, now: Time) {
        let waits = self.entries.get(seat).is_some_and(|e| matches!(e.place, Place::BackingOff | Place::Parked));
        if waits {
            self.retry(seat, now);
        }
    }

    /// Whether such events can help a parked pod.
    pub(super) fn awaits(&self, events: Events) -> bool {
        !self.parked.is_empty() && self.awaited.meets(events)
    }

    /// Puts those in line whose time has come.
    pub(super) fn wake_due(&mut self, now: Time) {
        while let Some(seat) = self.deadlines.pop_due(now) {
            self.retry(seat, now);
        }
    }

    /// When the next one's time comes.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.deadlines.next()
    }

    /// Whether any is in line.
    pub(super) fn is_active(&self) -> bool {
        !self.active.is_empty()
    }

    /// How many wait where.
    pub(super) fn lengths(&self) -> QueueLengths {
        let mut lengths = QueueLengths::default();
        for entry in self.entries.values() {
            match entry.place {
                Place::Active => lengths.active += 1,
                Place::BackingOff => lengths.backing_off += 1,
                Place::Parked => lengths.parked += 1,
                Place::Gated => lengths.gated += 1,
            }
        }
        lengths
    }

    /// Puts a pod in line, once it has backed off long enough.
    fn retry(&mut self, seat: Seat, now: Time) {
        let Some(mut entry) = self.entries.take(seat) else { return };
        self.take_out(&entry);
        self.line_up(entry.as_mut(), now);
        self.entries.put(seat, entry);
    }

    fn line_up(&mut self, entry: &mut Entry, now: Time) {
        let until = entry.tried + backoff(entry.attempts);
        if until <= now {
            entry.place = Place::Active;
            self.active.insert(entry.rank(), entry.pod.seat);
        } else {
            entry.place = Place::BackingOff;
            self.deadlines.set(entry.pod.seat, until);
        }
    }

    /// Takes a pod out of where it waits.
    fn take_out(&mut self, entry: &Entry) {
        let seat = entry.pod.seat;
        match entry.place {
            Place::Active => {
                self.active.remove(&entry.rank());
            }
            Place::BackingOff => self.deadlines.cancel(&seat),
            Place::Parked => {
                self.deadlines.cancel(&seat);
                let group = entry.group();
                if let Some((_, seats)) = self.parked.get_mut(&group) {
                    seats.remove(&seat);
                    if seats.is_empty() {
                        self.parked.remove(&group);
                    }
                }
            }
            Place::Gated => {}
        }
    }
}

/// How long a pod is left alone after so many attempts in vain.
fn backoff(attempts: u32) -> Span {
    match attempts {
        0 => Span::ZERO,
        n => Span(BACKOFF_FIRST.0 << (n - 1).min(16)).min(BACKOFF_MAX),
    }
}
