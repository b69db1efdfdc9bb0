//! What keeps a pod off nodes, so far as somebody could clear it away: for those who look for the smallest change.

use super::decision::{Detail, Reason};
use super::framework::{AnyFilter, Framework, View};
use super::info::{Infos, PodInfo};
use super::outlook::Surroundings;
use super::topology::Tally;
use super::{Schedulers, Snapshot};
use crate::admission::UNSCHEDULABLE;
use crate::api::{Name, Object, Uid};
use crate::store::Store;
use std::sync::Arc;

/// The label whose values tell each node from all others.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// Something that keeps a pod off a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// The node lacks this label, with which it might do.
    Label(Name, Name),
    /// By its constraint of that number, of those that must hold, this is how uneven the pod would make it.
    Skew(usize, i64),
    /// The pod must not be near that one: over that label, or as both use one disk.
    Unwanted(Uid, Option<Name>),
    /// That pod, by its required anti-affinity of that number, over that label, keeps the pod off.
    Unwelcome(Uid, usize, Name),
}

/// That a node lacks a label. Where no value will do it is a place by itself, and it is called by no other's name.
pub(super) fn label(node: &Name, key: &Name, value: Option<&Name>) -> Obstacle {
    Obstacle::Label(key.clone(), value.filter(|_| key != HOSTNAME).unwrap_or(node).clone())
}

/// The only label that a node lacks of those that are counted by; none where it has all, or lacks several.
pub(super) fn lacked<'a>(tallies: impl Iterator<Item = &'a Tally>, index: u32) -> Option<&'a Tally> {
    let mut lacking = tallies.filter(|tally| tally.at(index).is_none());
    let first = lacking.next()?;
    lacking.all(|other| other.topology.key == first.topology.key).then_some(first)
}

/// The nodes that have the same value of a label as that node, itself among them.
pub(super) fn same_place(tally: &Tally, index: u32, snapshot: &Snapshot) -> impl Iterator<Item = u32> {
    let place = tally.topology.of(index);
    snapshot.indexes().into_iter().filter(move |other| place.is_some() && tally.topology.of(*other) == place)
}

/// What keeps one pod off all nodes.
pub(crate) struct Obstacles<'a> {
    framework: &'a Framework,
    info: Arc<PodInfo>,
    around: Surroundings,
    view: View<'a>,
}

impl Obstacles<'_> {
    /// By how much there is too much of what is counted, where a node is.
    pub(crate) fn excess(&self, node: &Name) -> i64 {
        self.refusal(node).and_then(|(number, index)| Some(self.around.of(number)?.excess(index))).unwrap_or_default()
    }

    /// What there is on a node for the filter that refuses it.
    pub(crate) fn on(&self, node: &Name) -> Vec<Obstacle> {
        let Some((number, index)) = self.refusal(node) else { return Vec::new() };
        match &self.framework.filters[usize::from(number)] {
            AnyFilter::Node(filter) => filter.obstacles(&self.info.class, &self.view.snapshot.nodes()[index as usize]),
            AnyFilter::Wide(_) => {
                self.around.of(number).map(|around| around.obstacles(index, self.view)).unwrap_or_default()
            }
        }
    }

    /// All for which a node refuses the pod: not only what the filter says that is asked first.
    pub(crate) fn all(&self, node: &Name) -> Vec<(Reason, Option<Detail>)> {
        let Some(index) = self.view.snapshot.index(node) else { return Vec::new() };
        let (class, node) = (&self.info.class, &self.view.snapshot.nodes()[index as usize]);
        let mut all = Vec::new();
        for (number, filter) in self.framework.filters.iter().enumerate() {
            let refused = match filter {
                AnyFilter::Node(filter) if filter.concerns(class) => filter.refuse(class, node),
                AnyFilter::Node(_) => None,
                AnyFilter::Wide(_) => self.around.of(number as u8).and_then(|around| around.refuse(index)),
            };
            for (reason, detail) in refused.into_iter().flat_map(|refused| filter.reasons(&self.info, node, refused)) {
                if reason == Reason::Taint {
                    // Whoever uncordons a node is rid of that taint, too.
                    let taints =
                        node.all_untolerated(class).filter(|t| !(node.unschedulable && t.key == UNSCHEDULABLE));
                    all.extend(taints.map(|t| (Reason::Taint, Some(Detail::Taint(t.clone())))));
                } else {
                    all.push((reason, detail));
                }
            }
        }
        all
    }

    /// Which filter refuses a node, and the node's index.
    fn refusal(&self, node: &Name) -> Option<(u8, u32)> {
        let index = self.view.snapshot.index(node)?;
        let info = &self.view.snapshot.nodes()[index as usize];
        let (number, _) = self.framework.refusal(&self.info.class, &self.around, index, info)?;
        Some((number, index))
    }
}

impl Schedulers {
    /// What keeps a pod off nodes; none where it is no pod.
    pub(crate) fn obstacles<'a>(&'a self, object: &Object, store: &'a Store) -> Option<Obstacles<'a>> {
        let pod = object.pod()?;
        let framework = self.profiles[usize::from(self.scheduler_of(pod).unwrap_or_default())].framework();
        let info = Infos::default().of(&object.meta, &pod.spec);
        let view = View { snapshot: &self.snapshot, store };
        Some(Obstacles { framework, around: framework.look(&info, view), info, view })
    }
}
