//! `TaintToleration`: every taint that forbids scheduling must be tolerated.

use crate::scheduler::decision::{Detail, Reason};
use crate::scheduler::framework::{Filter, Refused};
use crate::scheduler::node::{NodeInfo, Taint};
use crate::scheduler::pod::PodClass;
use crate::scheduler::snapshot::Events;

pub(super) struct TaintToleration;

fn untolerated<'a>(pod: &PodClass, node: &'a NodeInfo) -> Option<&'a Taint> {
    node.taints
        .iter()
        .filter(|t| t.effect == "NoSchedule" || t.effect == "NoExecute")
        .find(|t| !pod.tolerates(&t.key, &t.value, &t.effect))
}

impl Filter for TaintToleration {
    fn name(&self) -> &'static str {
        "TaintToleration"
    }

    fn helped_by(&self) -> Events {
        Events::NODE_ADDED.or(Events::TAINTS)
    }

    fn refuse(&self, pod: &PodClass, node: &NodeInfo) -> Option<Refused> {
        untolerated(pod, node).map(|_| Refused::UNRESOLVABLE)
    }

    fn reason(&self, _pod: &PodClass, _bit: u32) -> Reason {
        Reason::Taint
    }

    fn detail(&self, pod: &PodClass, node: &NodeInfo, _bit: u32) -> Option<Detail> {
        untolerated(pod, node).cloned().map(Detail::Taint)
    }
}
