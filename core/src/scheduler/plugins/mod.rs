//! Upstream's plugins, one file each. A plugin knows a pod's class and one node, and nothing else.

mod balanced_allocation;
mod least_allocated;
mod node_affinity;
mod node_name;
mod node_ports;
mod node_resources_fit;
mod node_unschedulable;
mod taint_toleration;

use super::framework::{Filter, Framework, Score};

/// Filters in the order in which upstream's default profile asks them. The first refusal is the one that counts.
fn filters() -> Vec<Box<dyn Filter>> {
    vec![
        Box::new(node_affinity::NamedNodes),
        Box::new(node_unschedulable::NodeUnschedulable),
        Box::new(node_name::NodeName),
        Box::new(taint_toleration::TaintToleration),
        Box::new(node_affinity::NodeAffinity),
        Box::new(node_ports::NodePorts),
        Box::new(node_resources_fit::NodeResourcesFit),
    ]
}

/// The plugins of upstream's default profile, with its weights.
pub(super) fn default_profile() -> Framework {
    let scores: Vec<(Box<dyn Score>, i32)> =
        vec![(Box::new(least_allocated::LeastAllocated), 1), (Box::new(balanced_allocation::BalancedAllocation), 1)];
    Framework { filters: filters(), scores }
}

/// All filters and no scores.
pub(super) fn filters_only() -> Framework {
    Framework { filters: filters(), scores: Vec::new() }
}
