//! All nodes in numbers, kept up to date change by change. Never rebuilt by a scan.

use super::images::Images;
use super::info::PodInfo;
use super::node::{NodeInfo, Placed, Stage};
use super::topology::{Topologies, Topology};
use crate::api::{Meta, Name, Uid};
use crate::lookup::Lookup;
use crate::order;
use crate::seat::Seat;
use crate::time::Time;
use k8s_openapi::api::core::v1 as k8s;
use std::sync::Arc;

/// What happened to a node that can make it take a pod it refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Events(u8);

impl Events {
    pub(super) const NONE: Self = Self(0);
    pub(super) const NODE_ADDED: Self = Self(1);
    pub(super) const ALLOCATABLE: Self = Self(2);
    pub(super) const LABELS: Self = Self(4);
    /// Taints, and whether it is cordoned.
    pub(super) const TAINTS: Self = Self(8);
    pub(super) const POD_REMOVED: Self = Self(16);
    pub(super) const POD_ADDED: Self = Self(32);
    /// With it its pods and its place go, which may have been in the way of a pod on other nodes.
    pub(super) const NODE_REMOVED: Self = Self(64);
    /// All that can happen to the node itself.
    pub(super) const OF_NODES: Self =
        Self::NODE_ADDED.or(Self::ALLOCATABLE).or(Self::LABELS).or(Self::TAINTS).or(Self::NODE_REMOVED);

    /// Either.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether they have something in common.
    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A pod for which others made room on a node, and that is yet to come there.
#[derive(Clone, Debug)]
pub(super) struct Nominated {
    pub(super) uid: Uid,
    pub(super) seat: Seat,
    pub(super) info: Arc<PodInfo>,
}

/// All nodes. Each has a dense index for as long as it lives; indexes of nodes that went are used again.
///
/// Every change of a node has a number, and the latest ones are logged, so that who knows how things stood at some
/// number looks only at the nodes that changed since.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    nodes: Vec<NodeInfo>,
    /// What breaks ties between equal nodes, before their names do; made from the seed.
    ties: Vec<u64>,
    by_name: order::Map<Name, u32>,
    /// The same, to be looked up.
    indexes: Lookup<Name, u32>,
    free: Vec<u32>,
    present: u32,
    seed: u64,
    /// Number of the last change.
    version: u64,
    /// Number of the last change of what pods that come and go do not change, see [`Self::layout`].
    layout: u64,
    /// The nodes of the latest changes, the last one last.
    log: Vec<u32>,
    topologies: Topologies,
    images: Images,
    /// How many nodes have taints that pods had better avoid.
    soft_taints: u32,
    /// How many pods on nodes say something about other pods near them.
    with_terms: u32,
    /// How many pods on nodes have which priority.
    priorities: order::Map<i32, i32>,
    /// For which node pods wait on which others made room.
    nominated: order::Map<Uid, Name>,
    nominated_on: order::Map<Name, Vec<Nominated>>,
    /// How many of these say something about other pods near them.
    nominated_terms: u32,
}

impl Snapshot {
    /// No nodes yet. The seed breaks ties between equal nodes; labels of these names matter whatever pods there are.
    pub(super) fn new(seed: u64, keys: Vec<Name>) -> Self {
        Self { seed, topologies: Topologies::new(keys), ..Self::default() }
    }

    /// Whether a node goes before another among equals.
    pub(super) fn before(&self, a: u32, b: u32) -> bool {
        self.tie(a) < self.tie(b)
    }

    /// What breaks ties between a node and its equals.
    pub(super) fn tie(&self, index: u32) -> (u64, &Name) {
        (self.ties[index as usize], &self.nodes[index as usize].name)
    }

    /// All nodes by index, also of names without a Node object.
    pub(super) fn nodes(&self) -> &[NodeInfo] {
        &self.nodes
    }

    /// All there are of the indexes of nodes.
    pub(super) fn indexes(&self) -> Vec<u32> {
        (0..self.nodes.len() as u32).collect()
    }

    /// How many Node objects there are.
    pub(super) const fn present(&self) -> u32 {
        self.present
    }

    /// The index of a name.
    pub(super) fn index(&self, name: &str) -> Option<u32> {
        self.indexes.get(name).copied()
    }

    /// Nodes in the order of their names, from the first after `name` on and then around.
    pub(super) fn after<'a>(&'a self, name: &Name) -> impl Iterator<Item = u32> + use<'a> {
        let (first, last) = (name.clone(), name.clone());
        let after = self.by_name.range_from(name).skip_while(move |(name, _)| **name == first);
        after.chain(self.by_name.iter().take_while(move |(name, _)| **name <= last)).map(|(_, index)| *index)
    }

    /// The values of a label, and which node has which.
    pub(super) fn topology(&self, key: &Name) -> Arc<Topology> {
        self.topologies.of(key, &self.nodes)
    }

    /// Keeps the values of the labels up to date that a pod names.
    pub(super) fn track(&mut self, pod: &PodInfo) {
        for key in pod.keys() {
            self.topologies.track(key, &self.nodes);
        }
    }

    /// The images that nodes have.
    pub(super) const fn images(&self) -> &Images {
        &self.images
    }

    /// Whether nodes have taints that pods had better avoid.
    pub(super) const fn has_soft_taints(&self) -> bool {
        self.soft_taints > 0
    }

    /// Whether pods on nodes say something about other pods near them.
    pub(super) const fn has_terms(&self) -> bool {
        self.with_terms > 0
    }

    /// The lowest priority of a pod on a node.
    pub(super) fn lowest_priority(&self) -> Option<i32> {
        self.priorities.keys().next().copied()
    }

    /// Whether others made room for any pod.
    pub(super) const fn has_nominated(&self) -> bool {
        !self.nominated.is_empty()
    }

    /// Whether pods on nodes, or pods for which others made room, say something about other pods near them.
    pub(super) const fn has_any_terms(&self) -> bool {
        self.with_terms > 0 || self.nominated_terms > 0
    }

    /// The nodes on which others made room.
    pub(super) fn awaiting(&self) -> impl Iterator<Item = u32> {
        self.nominated_on.keys().filter_map(|node| self.index(node))
    }

    /// The pods for which others made room on a node, in the order in which that was decided.
    pub(super) fn nominated_on(&self, node: &str) -> &[Nominated] {
        self.nominated_on.get(node).map_or(&[], Vec::as_slice)
    }

    /// The node on which others made room for a pod.
    #[cfg(feature = "foresight")]
    pub(super) fn nominated(&self, uid: Uid) -> Option<&Name> {
        self.nominated.get(&uid)
    }

    /// Forgets for which node a pod waits. Returns it.
    pub(super) fn dismiss(&mut self, uid: Uid) -> Option<Name> {
        let node = self.nominated.remove(&uid)?;
        if let Some(there) = self.nominated_on.get_mut(&node) {
            let gone = there.iter().position(|n| n.uid == uid).map(|at| there.remove(at));
            if there.is_empty() {
                self.nominated_on.remove(&node);
            }
            if let Some(gone) = gone {
                self.count_nominated_terms(&gone, -1);
            }
        }
        self.note_name(&node);
        Some(node)
    }

    /// Takes note of the node for which a pod waits.
    pub(super) fn nominate(&mut self, node: Name, nominated: Nominated) {
        self.dismiss(nominated.uid);
        self.count_nominated_terms(&nominated, 1);
        self.nominated.insert(nominated.uid, node.clone());
        self.note_name(&node);
        self.nominated_on.entry(node).or_default().push(nominated);
    }

    fn count_nominated_terms(&mut self, pod: &Nominated, by: i32) {
        let had = self.has_any_terms();
        self.nominated_terms = self.nominated_terms.saturating_add_signed(by * i32::from(pod.info.has_terms()));
        self.layout += u64::from(had != self.has_any_terms());
    }

    fn note_name(&mut self, node: &str) {
        if let Some(index) = self.index(node) {
            self.note(index);
        }
    }

    /// Takes note of when a node took a pod on.
    pub(super) fn set_stage(&mut self, node: &str, uid: Uid, stage: Stage) {
        let Some(index) = self.index(node) else { return };
        if let Some(pod) = self.nodes[index as usize].pods.iter_mut().rfind(|p| p.uid == uid) {
            pod.stage = stage;
            self.note(index);
        }
    }

    /// The number of the last change.
    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    /// Changes when anything does on which decisions depend but the pods on nodes and those that are nominated: nodes and
    /// their labels, taints and images, what services and controllers select, the labels of namespaces, and whether any
    /// pod on a node says something about others.
    pub(super) const fn layout(&self) -> u64 {
        self.layout
    }

    /// Something changed outside that [`Self::layout`] is to tell.
    pub(super) const fn relay(&mut self) {
        self.layout += 1;
    }

    /// The nodes that changed after that number, each once; none where the log does not reach back so far.
    pub(super) fn changed_since(&self, version: u64) -> Option<impl Iterator<Item = u32> + Clone> {
        let news = (self.version - version) as usize;
        let start = self.log.len().checked_sub(news)?;
        let first = self.version - self.log.len() as u64 + 1;
        Some(self.log[start..].iter().enumerate().filter_map(move |(at, index)| {
            // Only the latest of several changes of a node.
            (self.nodes[*index as usize].changed == first + (start + at) as u64).then_some(*index)
        }))
    }

    /// Takes over a Node object that had those images before. Returns its index and what of it can help a pod.
    pub(super) fn set_node(
        &mut self,
        meta: &Meta,
        spec: &k8s::NodeSpec,
        status: &k8s::NodeStatus,
        had: Option<&Vec<k8s::ContainerImage>>,
    ) -> (u32, Events) {
        let index = self.enter(&meta.name);
        let node = &mut self.nodes[index as usize];
        let (present, unschedulable, pods_max) = (node.present, node.unschedulable, node.pods_max);
        let (labels, taints) = (Arc::clone(&node.labels), Arc::clone(&node.taints));
        let allocatable = node.allocatable.clone();
        node.set(&meta.labels, spec, status);
        if had != status.images.as_ref() {
            // What one node says of an image can matter to all that have it.
            let said = status.images.as_deref().unwrap_or_default();
            node.images = self.images.set(&node.images, &meta.name, meta.created, said);
            self.layout += 1;
        }
        let when = |happened: bool, event| if happened { event } else { Events::NONE };
        let events = when(!present, Events::NODE_ADDED)
            .or(when(allocatable != node.allocatable || pods_max != node.pods_max, Events::ALLOCATABLE))
            .or(when(labels != node.labels, Events::LABELS))
            .or(when(taints != node.taints || unschedulable != node.unschedulable, Events::TAINTS));
        self.present += u32::from(!present);
        self.soft_taints = self.soft_taints + u32::from(is_soft(&node.taints)) - u32::from(is_soft(&taints));
        if events != Events::NONE {
            self.layout += 1;
            self.note(index);
        }
        if events.meets(Events::NODE_ADDED.or(Events::LABELS)) {
            self.topologies.set(index, &self.nodes);
        }
        (index, events)
    }

    /// Forgets a Node object. Returns the index that it had.
    pub(super) fn remove_node(&mut self, name: &str) -> Option<u32> {
        let index = self.index(name)?;
        let node = &mut self.nodes[index as usize];
        if !node.present {
            return None;
        }
        self.soft_taints -= u32::from(is_soft(&node.taints));
        self.images.set(&node.images, &node.name, Time(0), &[]);
        node.unset();
        self.present -= 1;
        self.layout += 1;
        self.note(index);
        self.topologies.set(index, &self.nodes);
        self.leave(index);
        Some(index)
    }

    /// Counts a pod in on a node, which need not have an object yet.
    pub(super) fn add_pod(&mut self, node: &Name, pod: Placed) -> u32 {
        let index = self.enter(node);
        self.count_terms(&pod, 1);
        *self.priorities.entry(pod.info.class.priority).or_default() += 1;
        self.nodes[index as usize].add(pod);
        self.note(index);
        index
    }

    fn count_terms(&mut self, pod: &Placed, by: i32) {
        if pod.info.has_terms() {
            let had = self.has_terms();
            self.with_terms = self.with_terms.saturating_add_signed(by);
            self.layout += u64::from(had != self.has_terms());
        }
    }

    /// Counts a pod out. Returns the index of its node.
    pub(super) fn remove_pod(&mut self, node: &str, uid: Uid) -> Option<u32> {
        let index = self.index(node)?;
        let pod = self.nodes[index as usize].remove(uid)?;
        self.count_terms(&pod, -1);
        if let Some(count) = self.priorities.get_mut(&pod.info.class.priority) {
            *count -= 1;
            if *count == 0 {
                self.priorities.remove(&pod.info.class.priority);
            }
        }
        self.note(index);
        self.leave(index);
        Some(index)
    }

    fn enter(&mut self, name: &Name) -> u32 {
        if let Some(index) = self.indexes.get(name) {
            return *index;
        }
        let tie = xxhash_rust::xxh3::xxh3_64_with_seed(name.as_bytes(), self.seed);
        let node = NodeInfo { name: name.into(), ..NodeInfo::default() };
        self.layout += 1;
        let index = if let Some(index) = self.free.pop() {
            self.nodes[index as usize] = node;
            self.ties[index as usize] = tie;
            index
        } else {
            self.nodes.push(node);
            self.ties.push(tie);
            self.nodes.len() as u32 - 1
        };
        self.by_name.insert(name.clone(), index);
        self.indexes.insert(name.clone(), index);
        index
    }

    /// Gives an index back where nothing is known of the node any more.
    fn leave(&mut self, index: u32) {
        let node = &self.nodes[index as usize];
        if !node.present && node.pods.is_empty() {
            self.by_name.remove(node.name.as_str());
            self.indexes.remove(node.name.as_str());
            self.free.push(index);
        }
    }

    fn note(&mut self, index: u32) {
        // Enough for every node to change several times between two looks at the same class of pods.
        let kept = self.nodes.len() * 4 + 1024;
        if self.log.len() >= 2 * kept {
            self.log.drain(..self.log.len() - kept);
        }
        self.version += 1;
        self.log.push(index);
        self.nodes[index as usize].changed = self.version;
    }
}

/// Whether these are taints that a pod had better avoid.
fn is_soft(taints: &[super::node::Taint]) -> bool {
    taints.iter().any(|t| t.effect == "PreferNoSchedule")
}
