//! `TaintToleration`: every taint that forbids scheduling must be tolerated, and the fewer others are not, the better.

use crate::scheduler::decision::{Detail, Reason};
use crate::scheduler::framework::{Filter, Fixed, Given, Rank, Refused, SCORE_MAX, View, WideScore};
use crate::scheduler::info::PodInfo;
use crate::scheduler::node::NodeInfo;
use crate::scheduler::pod::PodClass;
use crate::scheduler::snapshot::Events;
use std::sync::Arc;

pub(super) const NAME: &str = "TaintToleration";

pub(super) struct TaintToleration;

impl Filter for TaintToleration {
    fn name(&self) -> &'static str {
        NAME
    }

    fn helped_by(&self) -> Events {
        Events::NODE_ADDED.or(Events::TAINTS)
    }

    fn refuse(&self, pod: &PodClass, node: &NodeInfo) -> Option<Refused> {
        node.untolerated(pod).map(|_| Refused::UNRESOLVABLE)
    }

    fn reason(&self, _pod: &PodClass, _bit: u32) -> Reason {
        Reason::Taint
    }

    fn detail(&self, pod: &PodClass, node: &NodeInfo, _bit: u32) -> Option<Detail> {
        node.untolerated(pod).cloned().map(Detail::Taint)
    }
}

impl WideScore for TaintToleration {
    fn name(&self) -> &'static str {
        NAME
    }

    fn look(&self, pod: &Arc<PodInfo>, view: View<'_>) -> Rank {
        if !view.snapshot.has_soft_taints() {
            return Rank::Flat(Given::All(SCORE_MAX));
        }
        let avoided = |node: &NodeInfo| {
            let soft = node.taints.iter().filter(|t| t.effect == "PreferNoSchedule");
            soft.filter(|t| !pod.class.tolerates(&t.key, &t.value, &t.effect)).count() as i64
        };
        Rank::By(Box::new(Fixed { raw: view.snapshot.nodes().iter().map(avoided).collect(), fewer_is_better: true }))
    }
}
