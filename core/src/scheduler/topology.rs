//! Nodes by the value of a label of theirs: zones, racks, or each for itself.

use super::node::NodeInfo;
use crate::api::Name;
use crate::order;
use std::sync::Arc;

/// Says that a node does not have the label.
const NONE: u32 = u32::MAX;

/// The values of one label, numbered, and which node has which.
#[derive(Clone, Debug)]
pub(super) struct Topology {
    pub(super) key: Name,
    numbers: order::Map<Name, u32>,
    of_node: Vec<u32>,
    /// How many nodes have which value, by number.
    holders: Vec<u32>,
    /// How many values more than one node has.
    shared: usize,
}

impl Topology {
    /// Of these nodes.
    pub(super) fn new(key: &Name, nodes: &[NodeInfo]) -> Self {
        let (numbers, of_node, holders) = Default::default();
        let mut topology = Self { key: key.clone(), numbers, of_node, holders, shared: 0 };
        for (index, node) in nodes.iter().enumerate() {
            topology.set(index as u32, node);
        }
        topology
    }

    /// Takes over what a node has now.
    pub(super) fn set(&mut self, index: u32, node: &NodeInfo) {
        let index = index as usize;
        if self.of_node.len() <= index {
            self.of_node.resize(index + 1, NONE);
        }
        let value = node.labels.get(self.key.as_str()).filter(|_| node.present);
        let number = value.map_or(NONE, |value| self.number(value));
        let before = std::mem::replace(&mut self.of_node[index], number);
        if let Some(holders) = self.holders.get_mut(before as usize) {
            *holders -= 1;
            self.shared -= usize::from(*holders == 1);
        }
        if let Some(holders) = self.holders.get_mut(number as usize) {
            *holders += 1;
            self.shared += usize::from(*holders == 2);
        }
    }

    fn number(&mut self, value: &str) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert(value.into(), number);
        self.holders.push(0);
        number
    }

    /// Whether every node that has the label has a value of its own.
    pub(super) const fn is_one_to_one(&self) -> bool {
        self.shared == 0
    }

    /// Whether so many values were seen that most of them belong to nodes that are gone.
    pub(super) fn is_stale(&self) -> bool {
        self.numbers.len() > 2 * self.of_node.len() + 64
    }

    /// The number of a node's value.
    pub(super) fn of(&self, index: u32) -> Option<usize> {
        self.of_node.get(index as usize).filter(|number| **number != NONE).map(|number| *number as usize)
    }

    /// The values that nodes have, with their numbers.
    #[cfg(feature = "foresight")]
    pub(super) fn values(&self) -> impl Iterator<Item = (&Name, usize)> {
        let held = |number: &u32| self.holders.get(*number as usize).is_some_and(|holders| *holders > 0);
        self.numbers.iter().filter(move |(_, number)| held(number)).map(|(value, number)| (value, *number as usize))
    }

    /// One number for each value, nothing yet.
    pub(super) fn zeros(&self) -> Vec<i64> {
        vec![0; self.numbers.len()]
    }
}

/// How many labels are kept at most before those that nobody names any more are forgotten.
const TRACKED_MAX: usize = 64;

/// Nodes by the values of the labels that pods name, kept up to date.
#[derive(Clone, Debug, Default)]
pub(super) struct Topologies {
    /// In the order of their labels.
    all: Vec<Arc<Topology>>,
    /// Labels that are named whatever pods there are.
    own: Vec<Name>,
    /// At how many labels those are forgotten that nobody names, where that is more than [`TRACKED_MAX`].
    room: usize,
}

impl Topologies {
    /// Of labels that are named whatever pods there are, and no nodes.
    pub(super) fn new(own: Vec<Name>) -> Self {
        let mut topologies = Self::default();
        for key in &own {
            topologies.track(key, &[]);
        }
        topologies.own = own;
        topologies
    }

    fn find(&self, key: &Name) -> Result<usize, usize> {
        self.all.binary_search_by(|topology| topology.key.cmp(key))
    }

    /// The values of a label, and which of the nodes has which.
    pub(super) fn of(&self, key: &Name, nodes: &[NodeInfo]) -> Arc<Topology> {
        match self.find(key) {
            Ok(at) => Arc::clone(&self.all[at]),
            Err(_) => Arc::new(Topology::new(key, nodes)),
        }
    }

    /// Keeps the values of a label up to date from now on, as long as somebody names it.
    pub(super) fn track(&mut self, key: &Name, nodes: &[NodeInfo]) {
        if self.find(key).is_ok() {
            return;
        }
        if self.all.len() >= self.room.max(TRACKED_MAX) {
            self.forget(nodes);
        }
        let at = self.find(key).unwrap_or_else(|at| at);
        self.all.insert(at, Arc::new(Topology::new(key, nodes)));
    }

    /// Forgets the labels that no pod on a node names.
    fn forget(&mut self, nodes: &[NodeInfo]) {
        let mut named = vec![false; self.all.len()];
        let pods = nodes.iter().flat_map(|node| node.pods.chunk_by(|a, b| Arc::ptr_eq(&a.info, &b.info)));
        for key in self.own.iter().chain(pods.flat_map(|alike| alike[0].info.keys())) {
            if let Ok(at) = self.find(key) {
                named[at] = true;
            }
        }
        let mut named = named.into_iter();
        self.all.retain(|_| named.next() == Some(true));
        // Where most are named, it is not tried again for every new one.
        self.room = 2 * self.all.len();
    }

    /// Takes over what a node has now.
    pub(super) fn set(&mut self, index: u32, nodes: &[NodeInfo]) {
        for topology in &mut self.all {
            if topology.is_stale() {
                *topology = Arc::new(Topology::new(&topology.key, nodes));
            } else {
                Arc::make_mut(topology).set(index, &nodes[index as usize]);
            }
        }
    }
}

/// A sum for each value of a label, of what each node adds to it.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) topology: Arc<Topology>,
    pub(super) sums: Vec<i64>,
    /// What each node adds, by index.
    own: Vec<i64>,
    /// How many sums are greater than zero.
    positive: usize,
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new(topology: Arc<Topology>) -> Self {
        let sums = topology.zeros();
        Self { topology, sums, own: Vec::new(), positive: 0 }
    }

    /// Lets a node add that much, instead of what it added before; nothing where it does not have the label.
    pub(super) fn set(&mut self, index: u32, own: i64) {
        let at = index as usize;
        if self.own.len() <= at {
            if own == 0 {
                return;
            }
            self.own.resize(at + 1, 0);
        }
        let by = own - std::mem::replace(&mut self.own[at], own);
        if by != 0 {
            self.add(index, by);
        }
    }

    /// Adds to the value of a node, where it has one.
    pub(super) fn add(&mut self, index: u32, by: i64) {
        if let Some(number) = self.topology.of(index) {
            let sum = &mut self.sums[number];
            let before = *sum > 0;
            *sum += by;
            self.positive = self.positive + usize::from(*sum > 0) - usize::from(before);
        }
    }

    /// The sum of a node's value; none where it does not have the label.
    pub(super) fn at(&self, index: u32) -> Option<i64> {
        self.topology.of(index).map(|number| self.sums[number])
    }

    /// What sets a node apart as far as the sum of its value goes: that sum, where it is the node's alone, else the value.
    pub(super) fn mark(&self, index: u32) -> i64 {
        let Some(number) = self.topology.of(index) else { return i64::MIN };
        if self.topology.is_one_to_one() { self.sums[number] } else { number as i64 }
    }

    /// Whether any sum is greater than zero.
    pub(super) const fn has_any(&self) -> bool {
        self.positive > 0
    }

    /// Whether any sum is greater than zero but that of a node's value.
    pub(super) fn has_elsewhere(&self, index: u32) -> bool {
        self.positive > usize::from(self.at(index).is_some_and(|sum| sum > 0))
    }

    /// Whether all sums are greater than zero.
    pub(super) const fn has_all(&self) -> bool {
        self.positive == self.sums.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{TRACKED_MAX, Topologies};
    use crate::api::{Meta, Name, Typed, Uid};
    use crate::scheduler::info::Infos;
    use crate::scheduler::node::{NodeInfo, Placed, Stage};
    use k8s_openapi::api::core::v1 as k8s;
    use std::sync::Arc;

    /// A node with a pod on it that names a label.
    fn naming(key: &str) -> NodeInfo {
        let constraint = k8s::TopologySpreadConstraint { topology_key: key.to_owned(), ..Default::default() };
        let spec = k8s::PodSpec { topology_spread_constraints: Some(vec![constraint]), ..Default::default() };
        let info = Infos::default().of(&Meta::default(), &Arc::new(Typed::new(spec)));
        let mut node = NodeInfo::default();
        node.add(Placed { uid: Uid::NIL, info, stage: Stage::NEW });
        node
    }

    #[test]
    fn labels_that_nobody_names_any_more_are_forgotten() {
        let mut topologies = Topologies::new(vec![Name::from("own")]);
        let nodes = [naming("kept")];
        for number in 0..1_000 {
            topologies.track(&Name::from(format!("key-{number}")), &nodes);
            topologies.track(&Name::from("kept"), &nodes);
            assert!(topologies.all.len() <= TRACKED_MAX, "{number}");
        }
        for named in ["own", "kept", "key-999"] {
            assert!(topologies.find(&Name::from(named)).is_ok(), "{named}");
        }
    }
}
