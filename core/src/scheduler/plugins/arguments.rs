//! What a `KubeSchedulerConfiguration` says to single plugins, read and checked as upstream does.

use super::balanced_allocation::BalancedAllocation;
use super::inter_pod_affinity::InterPodAffinity;
use super::node_affinity::NodeAffinity;
use super::node_resources_fit::NodeResourcesFit;
use super::pod_topology_spread::PodTopologySpread;
use super::resource_score::{ResourceScore, Strategy};
use super::resources::Resource;
use crate::api::{Meta, Name, decode};
use crate::scheduler::configuration::{fields, items, number, text};
use crate::scheduler::info::SpreadTerm;
use crate::scheduler::selector::NodeTerm;
use k8s_openapi::api::core::v1 as k8s;
use serde_json::Value;

/// Whether there is a plugin that takes such arguments, and whether they are as they should be.
pub(in crate::scheduler) fn check(name: &str, args: &Value) -> Result<(), String> {
    match name {
        "NodeResourcesFit" => fit(args).map(drop),
        "NodeResourcesBalancedAllocation" => balanced(args).map(drop),
        super::node_affinity::NAME => node_affinity(args).map(drop),
        super::pod_topology_spread::NAME => spread(args).map(drop),
        super::inter_pod_affinity::NAME => inter_pod_affinity(args).map(drop),
        // Every candidate is looked at, however few it could be.
        "DefaultPreemption" => fields(args, "args", &["minCandidateNodesPercentage", "minCandidateNodesAbsolute"]),
        super::volumes::BINDING => fields(args, "args", &["bindTimeoutSeconds", "shape"]),
        "DynamicResources" => fields(args, "args", &["filterTimeout", "bindingTimeout"]),
        _ => Err(format!("the plugin {name} takes no arguments")),
    }
}

fn resources(list: &Value, at: &str) -> Result<Vec<(Resource, i64)>, String> {
    let mut resources = Vec::new();
    for (index, resource) in items(list, at)?.iter().enumerate() {
        let at = format!("{at}[{index}]");
        fields(resource, &at, &["name", "weight"])?;
        let weight = number(&resource["weight"], 1, 1..=100, &format!("{at}.weight"))?;
        resources.push((Resource::new(text(&resource["name"], &format!("{at}.name"))?), weight));
    }
    Ok(resources)
}

fn names(list: &Value, at: &str) -> Result<Vec<Name>, String> {
    items(list, at)?.iter().map(|name| text(name, at).map(Name::from)).collect()
}

/// `NodeResourcesFitArgs`.
pub(super) fn fit(args: &Value) -> Result<(NodeResourcesFit, ResourceScore), String> {
    fields(args, "args", &["ignoredResources", "ignoredResourceGroups", "scoringStrategy"])?;
    let filter = NodeResourcesFit {
        ignored: names(&args["ignoredResources"], "args.ignoredResources")?,
        ignored_groups: names(&args["ignoredResourceGroups"], "args.ignoredResourceGroups")?,
    };
    let (written, at) = (&args["scoringStrategy"], "args.scoringStrategy");
    fields(written, at, &["type", "resources", "requestedToCapacityRatio"])?;
    let mut score = ResourceScore::default();
    let listed = resources(&written["resources"], &format!("{at}.resources"))?;
    if !listed.is_empty() {
        score.resources = listed;
    }
    score.strategy = match written["type"].as_str() {
        None | Some("LeastAllocated") => Strategy::LeastAllocated,
        Some("MostAllocated") => Strategy::MostAllocated,
        Some("RequestedToCapacityRatio") => Strategy::RequestedToCapacityRatio(shape(written, at)?),
        Some(other) => {
            return Err(format!(
                "{at}.type: unknown strategy \"{other}\"; known are LeastAllocated, MostAllocated, \
                 RequestedToCapacityRatio"
            ));
        }
    };
    Ok((filter, score))
}

/// Points of a line: hundredths used, in rising order, with scores of 0 to 10, which count tenfold.
fn shape(strategy: &Value, at: &str) -> Result<Vec<(i64, i64)>, String> {
    let at = format!("{at}.requestedToCapacityRatio");
    let written = &strategy["requestedToCapacityRatio"];
    fields(written, &at, &["shape"])?;
    let mut shape: Vec<(i64, i64)> = Vec::new();
    for (index, point) in items(&written["shape"], &at)?.iter().enumerate() {
        let at = format!("{at}.shape[{index}]");
        fields(point, &at, &["utilization", "score"])?;
        let utilization = number(&point["utilization"], 0, 0..=100, &format!("{at}.utilization"))?;
        if shape.last().is_some_and(|(before, _)| *before >= utilization) {
            return Err(format!("{at}.utilization: must be more than the one before"));
        }
        shape.push((utilization, 10 * number(&point["score"], 0, 0..=10, &format!("{at}.score"))?));
    }
    if shape.is_empty() { Err(format!("{at}.shape: at least one point must be given")) } else { Ok(shape) }
}

/// `NodeResourcesBalancedAllocationArgs`.
pub(super) fn balanced(args: &Value) -> Result<BalancedAllocation, String> {
    fields(args, "args", &["resources"])?;
    let listed = resources(&args["resources"], "args.resources")?;
    let mut plugin = BalancedAllocation::default();
    if !listed.is_empty() {
        plugin.resources = listed.into_iter().map(|(resource, _)| resource).collect();
    }
    Ok(plugin)
}

/// `NodeAffinityArgs`.
pub(super) fn node_affinity(args: &Value) -> Result<NodeAffinity, String> {
    fields(args, "args", &["addedAffinity"])?;
    let written: Option<k8s::NodeAffinity> =
        decode(&args["addedAffinity"]).map_err(|misfit| format!("args.addedAffinity.{}: does not fit", misfit.path))?;
    let Some(added) = written else { return Ok(NodeAffinity::default()) };
    let required = added.required_during_scheduling_ignored_during_execution;
    let preferred = added.preferred_during_scheduling_ignored_during_execution.unwrap_or_default();
    Ok(NodeAffinity {
        added: required.map(|r| r.node_selector_terms.iter().map(NodeTerm::new).collect()),
        preferred: preferred.iter().map(|t| (i64::from(t.weight), NodeTerm::new(&t.preference))).collect(),
    })
}

/// `PodTopologySpreadArgs`.
pub(super) fn spread(args: &Value) -> Result<PodTopologySpread, String> {
    fields(args, "args", &["defaultConstraints", "defaultingType"])?;
    let (list, at) = (items(&args["defaultConstraints"], "args.defaultConstraints")?, "args.defaultConstraints");
    match args["defaultingType"].as_str() {
        None | Some("System") if list.is_empty() => Ok(PodTopologySpread::default()),
        None | Some("System") => Err(format!("{at}: only with defaultingType List")),
        Some("List") => {
            let mut defaults = Vec::new();
            for (index, written) in list.iter().enumerate() {
                let at = format!("{at}[{index}]");
                let constraint: k8s::TopologySpreadConstraint =
                    decode(written).map_err(|misfit| format!("{at}.{}: does not fit", misfit.path))?;
                if constraint.label_selector.is_some() {
                    return Err(format!("{at}.labelSelector: is made from what a pod belongs to"));
                }
                if constraint.max_skew < 1 || constraint.topology_key.is_empty() {
                    return Err(format!("{at}: needs a topologyKey, and a maxSkew of at least 1"));
                }
                defaults.push(SpreadTerm::new(&constraint, &Meta::default()));
            }
            Ok(PodTopologySpread { defaults, own_defaults: false })
        }
        Some(other) => Err(format!("args.defaultingType: unknown type \"{other}\"; known are System, List")),
    }
}

/// `InterPodAffinityArgs`.
pub(super) fn inter_pod_affinity(args: &Value) -> Result<InterPodAffinity, String> {
    fields(args, "args", &["hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods"])?;
    Ok(InterPodAffinity {
        hard_weight: number(&args["hardPodAffinityWeight"], 1, 0..=100, "args.hardPodAffinityWeight")?,
        ignores_preferences: args["ignorePreferredTermsOfExistingPods"] == true,
    })
}
