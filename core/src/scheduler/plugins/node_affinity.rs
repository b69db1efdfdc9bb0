//! `NodeAffinity`: node selector and required node affinity.

use crate::scheduler::decision::Reason;
use crate::scheduler::framework::{Filter, Refused};
use crate::scheduler::node::NodeInfo;
use crate::scheduler::pod::PodClass;
use crate::scheduler::snapshot::Events;

/// The part that upstream does before it asks any plugin: where every term names its nodes, no other is looked at.
pub(super) struct NamedNodes;

pub(super) struct NodeAffinity;

const NAME: &str = "NodeAffinity";

impl Filter for NamedNodes {
    fn name(&self) -> &'static str {
        NAME
    }

    fn helped_by(&self) -> Events {
        Events::NODE_ADDED
    }

    fn concerns(&self, pod: &PodClass) -> bool {
        pod.constraint.only.is_some()
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
        !pod.constraint.is_empty()
    }

    fn refuse(&self, pod: &PodClass, node: &NodeInfo) -> Option<Refused> {
        (!pod.constraint.allows(&node.name, &node.labels)).then_some(Refused::UNRESOLVABLE)
    }

    fn reason(&self, _pod: &PodClass, _bit: u32) -> Reason {
        Reason::NodeAffinity
    }
}
