//! `NodeName`: a pod that names its node goes there and nowhere else.

use crate::scheduler::decision::Reason;
use crate::scheduler::framework::{Filter, Refused};
use crate::scheduler::node::NodeInfo;
use crate::scheduler::pod::PodClass;
use crate::scheduler::snapshot::Events;

pub(super) struct NodeName;

impl Filter for NodeName {
    fn name(&self) -> &'static str {
        "NodeName"
    }

    fn helped_by(&self) -> Events {
        Events::NODE_ADDED
    }

    fn concerns(&self, pod: &PodClass) -> bool {
        pod.node.is_some()
    }

    fn refuse(&self, pod: &PodClass, node: &NodeInfo) -> Option<Refused> {
        let named = pod.node.as_ref()?;
        (*named != *node.name).then_some(Refused::UNRESOLVABLE)
    }

    fn reason(&self, _pod: &PodClass, _bit: u32) -> Reason {
        Reason::NodeName
    }
}
