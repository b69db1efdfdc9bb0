//! `TaintToleration`: every taint that forbids scheduling must be tolerated, and the fewer others are not, the better.

use crate::scheduler::decision::{Detail, Reason};
use crate::scheduler::framework::{Filter, Given, Refused, SCORE_MAX, View, WideScore, normalize};
use crate::scheduler::info::PodInfo;
use crate::scheduler::node::NodeInfo;
use crate::scheduler::pod::PodClass;
use crate::scheduler::snapshot::Events;

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

    fn flat(&self, _pod: &PodInfo, view: View<'_>) -> Option<Given> {
        (!view.snapshot.has_soft_taints()).then_some(Given::All(SCORE_MAX))
    }

    fn give(&self, pod: &PodInfo, view: View<'_>, nodes: &[u32]) -> Given {
        normalize(&self.raw(pod, view, nodes).unwrap_or_default(), true)
    }

    fn raw(&self, pod: &PodInfo, view: View<'_>, nodes: &[u32]) -> Option<Vec<i64>> {
        let avoided = |index: &u32| {
            let soft = view.snapshot.nodes()[*index as usize].taints.iter().filter(|t| t.effect == "PreferNoSchedule");
            soft.filter(|t| !pod.class.tolerates(&t.key, &t.value, &t.effect)).count() as i64
        };
        Some(nodes.iter().map(avoided).collect())
    }
}
