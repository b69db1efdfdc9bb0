//! `NodeAffinity`: node selector, required and preferred node affinity.

#[cfg(feature = "foresight")]
use crate::api::Name;
use crate::scheduler::decision::Reason;
use crate::scheduler::framework::{Filter, Fixed, Given, Rank, Refused, View, WideScore};
use crate::scheduler::info::PodInfo;
use crate::scheduler::node::NodeInfo;
#[cfg(feature = "foresight")]
use crate::scheduler::obstacles::{Obstacle, label};
use crate::scheduler::pod::PodClass;
use crate::scheduler::selector::NodeTerm;
use crate::scheduler::snapshot::Events;
use std::sync::Arc;

/// The part that upstream does before it asks any plugin: where every term names its nodes, no other is looked at.
pub(super) struct NamedNodes;

/// The plugin, with what a profile adds to the affinity of every pod.
#[derive(Default)]
pub(in crate::scheduler) struct NodeAffinity {
    /// One of these must match, where there are any.
    pub(in crate::scheduler) added: Option<Vec<NodeTerm>>,
    /// Nodes that are preferred, and how much.
    pub(in crate::scheduler) preferred: Vec<(i64, NodeTerm)>,
}

const OWN: u32 = 0;
const ADDED: u32 = 1;

pub(super) const NAME: &str = "NodeAffinity";

impl Filter for NamedNodes {
    fn name(&self) -> &'static str {
        NAME
    }

    fn is_early(&self) -> bool {
        true
    }

    fn helped_by(&self) -> Events {
        Events::NODE_ADDED
    }

    fn concerns(&self, pod: &PodClass) -> bool {
        // A claim, which is never found, ends the search before: not before it is seen that no node could be named.
        pod.constraint.only.as_ref().is_some_and(|only| pod.claims.is_empty() || only.is_empty())
    }

    fn refuse(&self, pod: &PodClass, node: &NodeInfo) -> Option<Refused> {
        let only = pod.constraint.only.as_ref()?;
        only.binary_search(&node.name).is_err().then_some(Refused::UNRESOLVABLE)
    }

    fn reason(&self, pod: &PodClass, _bit: u32) -> Reason {
        match pod.constraint.only.as_deref() {
            Some([]) => Reason::AffinityConflict,
            _ => Reason::OtherNodesNamed,
        }
    }
}

impl Filter for NodeAffinity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn helped_by(&self) -> Events {
        Events::NODE_ADDED.or(Events::LABELS)
    }

    fn concerns(&self, pod: &PodClass) -> bool {
        self.added.is_some() || !pod.constraint.is_empty()
    }

    fn refuse(&self, pod: &PodClass, node: &NodeInfo) -> Option<Refused> {
        let refused = |bit: u32| Some(Refused { reasons: 1 << bit, ..Refused::UNRESOLVABLE });
        let allows = |terms: &Vec<NodeTerm>| terms.iter().any(|t| t.matches(&node.name, &node.labels));
        if self.added.as_ref().is_some_and(|terms| !allows(terms)) {
            return refused(ADDED);
        }
        if pod.constraint.allows(&node.name, &node.labels) { None } else { refused(OWN) }
    }

    fn reason(&self, _pod: &PodClass, bit: u32) -> Reason {
        if bit == ADDED { Reason::AddedAffinity } else { Reason::NodeAffinity }
    }

    #[cfg(feature = "foresight")]
    fn obstacles(&self, pod: &PodClass, node: &NodeInfo) -> Vec<Obstacle> {
        let added = self.added.iter().flatten().flat_map(NodeTerm::labels);
        // What a node says of itself is not to be said otherwise.
        let lacking = |(key, _): &(&Name, Option<&Name>)| !node.labels.contains_key(key.as_str());
        let mut obstacles: Vec<Obstacle> = Vec::new();
        for (key, value) in pod.constraint.labels().chain(added).filter(lacking) {
            let known = |other: &Obstacle| matches!(other, Obstacle::Label(other, _) if other == key);
            let lacked = label(&node.name, key, Some(value.unwrap_or(&Name::new_static("true"))));
            let mut labelled = NodeInfo { name: node.name.clone(), labels: node.labels.clone(), ..NodeInfo::default() };
            if let Obstacle::Label(key, value) = &lacked {
                Arc::make_mut(&mut labelled.labels).insert(key.to_string(), value.to_string());
            }
            if !obstacles.iter().any(known) && self.refuse(pod, &labelled).is_none() {
                obstacles.push(lacked);
            }
        }
        obstacles
    }
}

impl WideScore for NodeAffinity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn look(&self, pod: &Arc<PodInfo>, view: View<'_>) -> Rank {
        if self.preferred.is_empty() && pod.class.preferred.is_empty() {
            return Rank::Flat(Given::Silent);
        }
        let weight = |node: &NodeInfo| {
            let preferred = self.preferred.iter().chain(&pod.class.preferred);
            let matching = preferred.filter(|(_, term)| term.matches(&node.name, &node.labels));
            matching.map(|(weight, _)| weight).sum()
        };
        Rank::By(Box::new(Fixed { raw: view.snapshot.nodes().iter().map(weight).collect(), fewer_is_better: false }))
    }
}
