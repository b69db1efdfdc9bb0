//! Upstream's plugins, one file each.

pub(super) mod arguments;
mod balanced_allocation;
mod image_locality;
mod inter_pod_affinity;
mod node_affinity;
mod node_name;
mod node_ports;
mod node_resources_fit;
mod node_unschedulable;
mod pod_topology_spread;
mod resource_score;
mod resources;
mod taint_toleration;
mod volumes;

use super::framework::{AnyFilter, AnyScore, Filter, Score, WideFilter, WideScore};
use serde_json::Value;

fn filter(filter: impl Filter + 'static) -> AnyFilter {
    AnyFilter::Node(Box::new(filter))
}

fn wide_filter(filter: impl WideFilter + 'static) -> AnyFilter {
    AnyFilter::Wide(Box::new(filter))
}

fn score(score: impl Score + 'static) -> AnyScore {
    AnyScore::Node(Box::new(score))
}

fn wide_score(score: impl WideScore + 'static) -> AnyScore {
    AnyScore::Wide(Box::new(score))
}

/// Every plugin of upstream's default profile in its order, with the weight of its score. Those without one have 0.
pub(super) const DEFAULTS: [(&str, i32); 19] = [
    ("SchedulingGates", 0),
    ("PrioritySort", 0),
    ("NodeUnschedulable", 0),
    ("NodeName", 0),
    (taint_toleration::NAME, 3),
    (node_affinity::NAME, 2),
    ("NodePorts", 0),
    ("NodeResourcesFit", 1),
    (volumes::RESTRICTIONS, 0),
    ("NodeVolumeLimits", 0),
    (volumes::BINDING, 0),
    ("VolumeZone", 0),
    (pod_topology_spread::NAME, 2),
    (inter_pod_affinity::NAME, 2),
    ("DynamicResources", 0),
    ("DefaultPreemption", 0),
    ("NodeResourcesBalancedAllocation", 1),
    (image_locality::NAME, 1),
    ("DefaultBinder", 0),
];

/// Whether a plugin is one that filters here.
pub(super) fn is_filter(name: &str) -> bool {
    const OTHERS: [&str; 7] = [
        "SchedulingGates",
        "PrioritySort",
        "DynamicResources",
        "DefaultPreemption",
        "NodeResourcesBalancedAllocation",
        image_locality::NAME,
        "DefaultBinder",
    ];
    !OTHERS.contains(&name)
}

/// The parts of a plugin that filter. What upstream does before it asks any plugin is to come before all others.
pub(super) fn filters(name: &str, arguments: &Value) -> Result<Vec<AnyFilter>, String> {
    Ok(match name {
        "NodeUnschedulable" => vec![filter(node_unschedulable::NodeUnschedulable)],
        "NodeName" => vec![filter(node_name::NodeName)],
        taint_toleration::NAME => vec![filter(taint_toleration::TaintToleration)],
        node_affinity::NAME => vec![filter(node_affinity::NamedNodes), filter(arguments::node_affinity(arguments)?)],
        "NodePorts" => vec![filter(node_ports::NodePorts)],
        "NodeResourcesFit" => vec![filter(arguments::fit(arguments)?.0)],
        volumes::RESTRICTIONS => vec![filter(volumes::VolumeRestrictions)],
        volumes::BINDING => vec![filter(volumes::VolumeBinding)],
        pod_topology_spread::NAME => vec![wide_filter(arguments::spread(arguments)?)],
        inter_pod_affinity::NAME => vec![wide_filter(arguments::inter_pod_affinity(arguments)?)],
        // For these there is nothing to refuse here: no disks are attached, and none lies in a zone.
        _ => Vec::new(),
    })
}

/// Whether upstream does what the filter does before it asks any plugin.
pub(super) fn is_early(filter: &AnyFilter) -> bool {
    match filter {
        AnyFilter::Node(filter) => filter.is_early(),
        AnyFilter::Wide(_) => false,
    }
}

/// The part of a plugin that scores; none where it has none.
pub(super) fn scorer(name: &str, arguments: &Value) -> Result<Option<AnyScore>, String> {
    Ok(Some(match name {
        taint_toleration::NAME => wide_score(taint_toleration::TaintToleration),
        node_affinity::NAME => wide_score(arguments::node_affinity(arguments)?),
        "NodeResourcesFit" => score(arguments::fit(arguments)?.1),
        pod_topology_spread::NAME => wide_score(arguments::spread(arguments)?),
        inter_pod_affinity::NAME => wide_score(arguments::inter_pod_affinity(arguments)?),
        "NodeResourcesBalancedAllocation" => score(arguments::balanced(arguments)?),
        image_locality::NAME => wide_score(image_locality::ImageLocality),
        _ => return Ok(None),
    }))
}
