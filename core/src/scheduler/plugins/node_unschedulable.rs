//! `NodeUnschedulable`: a cordoned node takes only pods that tolerate the taint that stands for it.

use crate::admission::UNSCHEDULABLE;
use crate::scheduler::decision::Reason;
use crate::scheduler::framework::{Filter, Refused};
use crate::scheduler::node::NodeInfo;
use crate::scheduler::pod::PodClass;
use crate::scheduler::snapshot::Events;

pub(super) struct NodeUnschedulable;

impl Filter for NodeUnschedulable {
    fn name(&self) -> &'static str {
        "NodeUnschedulable"
    }

    fn helped_by(&self) -> Events {
        Events::NODE_ADDED.or(Events::TAINTS)
    }

    fn refuse(&self, pod: &PodClass, node: &NodeInfo) -> Option<Refused> {
        let tolerated = || pod.tolerates(UNSCHEDULABLE, "", "NoSchedule");
        (node.unschedulable && !tolerated()).then_some(Refused::UNRESOLVABLE)
    }

    fn reason(&self, _pod: &PodClass, _bit: u32) -> Reason {
        Reason::Cordoned
    }
}
