//! A node's place on the map: its pods, what they request, how they are.

use super::{NodeRow, PodRow, PodState, Slot};
use serde::{Deserialize, Serialize};

/// Amounts of resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// Thousandths of a CPU.
    pub cpu_milli: i64,
    /// Bytes of memory.
    pub memory_bytes: i64,
    /// Number of pods.
    pub pods: i64,
}

impl Amounts {
    pub(super) const fn add(&mut self, other: Self) {
        self.cpu_milli = self.cpu_milli.saturating_add(other.cpu_milli);
        self.memory_bytes = self.memory_bytes.saturating_add(other.memory_bytes);
        self.pods = self.pods.saturating_add(other.pods);
    }

    pub(super) const fn subtract(&mut self, other: Self) {
        self.cpu_milli = self.cpu_milli.saturating_sub(other.cpu_milli);
        self.memory_bytes = self.memory_bytes.saturating_sub(other.memory_bytes);
        self.pods = self.pods.saturating_sub(other.pods);
    }
}

/// How many pods are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateCounts([u32; PodState::COUNT]);

impl StateCounts {
    /// How many are in this one.
    pub const fn get(&self, state: PodState) -> u32 {
        self.0[state as usize]
    }

    /// How many there are in all.
    pub fn total(&self) -> u32 {
        self.0.iter().sum()
    }

    /// How many need a look.
    pub fn troubled(&self) -> u32 {
        PodState::ALL.into_iter().filter(|s| s.needs_a_look()).map(|s| self.get(s)).sum()
    }

    pub(super) const fn add(&mut self, state: PodState) {
        self.0[state as usize] += 1;
    }

    pub(super) const fn subtract(&mut self, state: PodState) {
        self.0[state as usize] = self.0[state as usize].saturating_sub(1);
    }
}

/// A node with its pods. There is one for every node and for every name of a node that a pod is bound to, whether or
/// not that node is (still) there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// The node, while it is there.
    pub node: Option<NodeRow>,
    /// Its pods by position. A pod keeps its position while it lives; a new one takes the first that is free.
    pub tiles: Vec<Option<Slot>>,
    /// What its pods request together; finished ones take no room.
    pub requested: Amounts,
    /// How its pods are.
    pub states: StateCounts,
}

impl Place {
    /// Its pods, by position.
    pub fn pods(&self) -> impl Iterator<Item = Slot> {
        self.tiles.iter().flatten().copied()
    }

    /// Whether neither node nor pods are left.
    pub fn is_empty(&self) -> bool {
        self.node.is_none() && self.tiles.is_empty()
    }

    pub(super) fn add(&mut self, slot: Slot, pod: &PodRow) {
        match self.tiles.iter_mut().find(|tile| tile.is_none()) {
            Some(free) => *free = Some(slot),
            None => self.tiles.push(Some(slot)),
        }
        self.count(pod);
    }

    /// Takes a pod into account that has its position already.
    pub(super) fn count(&mut self, pod: &PodRow) {
        self.states.add(pod.state);
        if pod.state.takes_room() {
            self.requested.add(pod.requests);
        }
    }

    pub(super) fn remove(&mut self, slot: Slot, pod: &PodRow) {
        if let Some(tile) = self.tiles.iter_mut().find(|tile| **tile == Some(slot)) {
            *tile = None;
        }
        while self.tiles.last().is_some_and(Option::is_none) {
            self.tiles.pop();
        }
        self.discount(pod);
    }

    /// Takes a pod out of account that keeps its position.
    pub(super) fn discount(&mut self, pod: &PodRow) {
        self.states.subtract(pod.state);
        if pod.state.takes_room() {
            self.requested.subtract(pod.requests);
        }
    }
}
