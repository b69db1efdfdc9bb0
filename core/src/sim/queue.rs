//! What will happen when: in the order of time, then of being planned.

use super::machine::Doing;
use crate::runtime::RuntimeEvent;
use crate::time::Time;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Something that will happen in the world.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// The machines of a pool of the scenario join.
    Pool(u32),
    /// A manifest of the scenario is created.
    Manifest(u32),
    /// A step of the scenario's timeline.
    Timeline(u32),
    /// A machine says that it is alive.
    Heartbeat(u32),
    /// Something a machine has begun is done. Void if the machine was switched off since.
    Machine { machine: u32, boot: u32, doing: Box<Doing> },
    /// A machine reports. Void if it was switched off since.
    Tell { machine: u32, boot: u32, event: Box<RuntimeEvent> },
    /// Requests of a client are due.
    Traffic(u32),
}

#[derive(Clone, Debug)]
struct Entry {
    at: Time,
    sequence: u64,
    what: Happening,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    /// The earliest is the greatest: the heap hands out the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

/// The plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Entry>,
    sequence: u64,
    /// How many of them are more than routine, see [`Happening::is_routine`].
    busy: usize,
}

impl Happening {
    /// Heartbeats, probes and traffic go on for ever: they do not keep a world from being settled.
    const fn is_routine(&self) -> bool {
        match self {
            Self::Heartbeat(_) | Self::Traffic(_) => true,
            Self::Machine { doing, .. } => matches!(**doing, Doing::Probe { .. }),
            _ => false,
        }
    }
}

impl Queue {
    pub(super) fn push(&mut self, at: Time, what: Happening) {
        self.sequence += 1;
        self.busy += usize::from(!what.is_routine());
        self.heap.push(Entry { at, sequence: self.sequence, what });
    }

    pub(super) fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|e| e.at)
    }

    pub(super) fn pop(&mut self) -> Option<(Time, Happening)> {
        let entry = self.heap.pop()?;
        self.busy -= usize::from(!entry.what.is_routine());
        Some((entry.at, entry.what))
    }

    /// Whether something is planned that is more than routine.
    pub(super) const fn is_busy(&self) -> bool {
        self.busy > 0
    }
}
