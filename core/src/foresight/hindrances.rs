//! Why no single change places a pod: all that stands in its way, where that is least.

use super::remedy::written;
use crate::api::{Kind, Name, Object};
use crate::cluster::Cluster;
use crate::order;
use crate::scheduler::{Detail, Reason, quantity};
use std::fmt::Write as _;

/// Of how many kinds of nodes it is told at most.
const KINDS_MAX: usize = 3;

/// It in words.
pub(super) fn told(cluster: &Cluster, pod: &Object) -> String {
    const HEAD: &str = "No single change helps";
    let mut nodes: Vec<(Vec<String>, &Name)> = Vec::new();
    if let Some(obstacles) = cluster.schedulers().obstacles(pod, cluster.store()) {
        let gates = pod.pod().and_then(|p| p.spec.scheduling_gates.as_ref()).is_some_and(|gates| !gates.is_empty());
        for node in cluster.store().list(Kind::Node, None) {
            let mut things: Vec<String> = obstacles.all(&node.meta.name).into_iter().map(words).collect();
            if gates {
                things.insert(0, "the pod's scheduling gates are closed".to_owned());
            }
            nodes.push((things, &node.meta.name));
        }
    }
    order::sort_by(&mut nodes, |a, b| (a.0.len(), &a.0, a.1).cmp(&(b.0.len(), &b.0, b.1)));
    let mut told = match nodes.first().map(|(things, _)| things.len()) {
        None => return format!("{HEAD}: there are no nodes."),
        Some(0) => return format!("{HEAD}: what would do is kept for pods that others made room for."),
        Some(1) => format!("{HEAD}, although on some nodes only one thing stands in the way."),
        Some(least) => format!("{HEAD}: on every node at least {least} things stand in the way."),
    };
    let least = nodes[0].0.len();
    let kinds = nodes.chunk_by(|a, b| a.0 == b.0).filter(|kind| kind[0].0.len() == least);
    for kind in kinds.take(KINDS_MAX) {
        let (things, name) = &kind[0];
        let more = if kind.len() > 1 { format!(" and {} more", kind.len() - 1) } else { String::new() };
        _ = write!(told, " On {name}{more}: {}.", things.join("; "));
    }
    told
}

/// One thing that stands in the way on a node.
fn words((reason, detail): (Reason, Option<Detail>)) -> String {
    let text = match (reason, detail) {
        (Reason::Taint, Some(Detail::Taint(taint))) => {
            return format!("its taint {} is not tolerated", written(&taint));
        }
        (Reason::Insufficient(resource), Some(Detail::Amount { requested, used, allocatable })) => {
            let amount = |amount| quantity(Some(&resource), amount);
            return if requested > allocatable {
                format!(
                    "it has {} {resource} in all, of which the pod wants {}",
                    amount(allocatable),
                    amount(requested)
                )
            } else {
                let missing = requested.saturating_sub(allocatable.saturating_sub(used));
                format!("it has {} {resource} too little left", amount(missing))
            };
        }
        (Reason::ClaimMissing(claim), _) => return format!("the pod's claim {claim} is not there"),
        (Reason::Cordoned, _) => "it is cordoned",
        (Reason::NodeName, _) => "the pod names another node",
        (Reason::NodeAffinity, _) => "it is not what the pod's node selector or affinity wants",
        (Reason::AddedAffinity, _) => "it is not what the scheduler's added affinity wants",
        (Reason::OtherNodesNamed, _) => "the pod's affinity names other nodes",
        (Reason::AffinityConflict, _) => "the pod's affinity allows no node at all",
        (Reason::Ports, _) => "a host port of the pod is taken",
        (Reason::TooManyPods, _) => "it has as many pods as it may have",
        (Reason::DiskConflict, _) => "a disk of the pod is in use",
        (Reason::Spread, _) => "the pods would be spread too unevenly",
        (Reason::SpreadLabel, _) => "it lacks a label over which the pod is to be spread",
        (Reason::PodAffinity, _) => "no pod is near that the pod must be near",
        (Reason::PodAntiAffinity, _) => "a pod is near that the pod must not be near",
        (Reason::ExistingAntiAffinity, _) => "a pod is near that keeps the pod off",
        (reason, _) => return reason.to_string(),
    };
    text.to_owned()
}
