//! `NodePorts`: a port of the node itself is taken by one pod at a time.

use crate::scheduler::decision::Reason;
use crate::scheduler::framework::{Filter, Refused};
use crate::scheduler::node::NodeInfo;
use crate::scheduler::pod::PodClass;
use crate::scheduler::snapshot::Events;

pub(super) struct NodePorts;

impl Filter for NodePorts {
    fn name(&self) -> &'static str {
        "NodePorts"
    }

    fn helped_by(&self) -> Events {
        Events::NODE_ADDED.or(Events::POD_REMOVED)
    }

    fn concerns(&self, pod: &PodClass) -> bool {
        !pod.ports.is_empty()
    }

    fn refuse(&self, pod: &PodClass, node: &NodeInfo) -> Option<Refused> {
        let taken = pod.ports.iter().any(|wanted| node.ports.iter().any(|have| have.conflicts(wanted)));
        taken.then_some(Refused::UNSCHEDULABLE)
    }

    fn reason(&self, _pod: &PodClass, _bit: u32) -> Reason {
        Reason::Ports
    }
}
