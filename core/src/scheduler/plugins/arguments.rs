//! What a `KubeSchedulerConfiguration` says to single plugins, read and checked as upstream does.

use super::balanced_allocation::BalancedAllocation;
use super::inter_pod_affinity::InterPodAffinity;
use super::node_affinity::NodeAffinity;
use super::node_resources_fit::NodeResourcesFit;
use super::pod_topology_spread::PodTopologySpread;
use super::resource_score::{ResourceScore, Strategy};
use super::resources::Resource;
use crate::api::{Meta, Name, decode, encode, validation};
use crate::scheduler::configuration::{fields, flag, items, number, text, word};
use crate::scheduler::info::SpreadTerm;
use crate::scheduler::selector::NodeTerm;
use k8s_openapi::api::core::v1 as k8s;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Whether there is a plugin that takes such arguments, and whether they are as they should be.
pub(in crate::scheduler) fn check(name: &str, args: &Value) -> Result<(), String> {
    match name {
        "NodeResourcesFit" => fit(args).map(drop),
        "NodeResourcesBalancedAllocation" => balanced(args).map(drop),
        super::node_affinity::NAME => node_affinity(args).map(drop),
        super::pod_topology_spread::NAME => spread(args).map(drop),
        super::inter_pod_affinity::NAME => inter_pod_affinity(args).map(drop),
        "DefaultPreemption" => preemption(args),
        super::volumes::BINDING => binding(args),
        "DynamicResources" => fields(args, "args", &["filterTimeout", "bindingTimeout"]),
        _ if super::more(name).is_some() => {
            super::filters(name, args)?;
            super::scorer(name, args).map(drop)
        }
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
    let names = items(list, at)?.iter().enumerate();
    names.map(|(index, name)| text(name, &format!("{at}[{index}]")).map(Name::from)).collect()
}

/// A structure of Kubernetes' own, all of whose fields are known.
fn structure<T: DeserializeOwned + Serialize>(written: &Value, at: &str) -> Result<T, String> {
    let below = |path: &str| if path.is_empty() { at.to_owned() } else { format!("{at}.{path}") };
    let read: T = decode(written).map_err(|misfit| format!("{}: does not fit", below(&misfit.path)))?;
    match stray(written, &encode(&read), at) {
        Some(path) => Err(format!("{path}: unknown field")),
        None => Ok(read),
    }
}

/// Where something is written that was not read.
fn stray(written: &Value, read: &Value, at: &str) -> Option<String> {
    match written {
        Value::Null => None,
        _ if read.is_null() => Some(at.to_owned()),
        Value::Object(map) => map.iter().find_map(|(key, value)| stray(value, &read[key], &format!("{at}.{key}"))),
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, item)| stray(item, &read[index], &format!("{at}[{index}]")))
        }
        _ => None,
    }
}

/// The first of what is wrong with fields.
fn first(errors: Vec<validation::FieldError>) -> Result<(), String> {
    errors.into_iter().next().map_or(Ok(()), |e| Err(format!("{}: {}", e.field, e.message)))
}

/// `DefaultPreemptionArgs`. Every candidate is looked at, however few it could be.
fn preemption(args: &Value) -> Result<(), String> {
    let [percentage, absolute] = ["minCandidateNodesPercentage", "minCandidateNodesAbsolute"];
    fields(args, "args", &[percentage, absolute])?;
    let share = number(&args[percentage], 10, 0..=100, &format!("args.{percentage}"))?;
    let count = number(&args[absolute], 100, 0..=i32::MAX.into(), &format!("args.{absolute}"))?;
    if share == 0 && count == 0 {
        return Err(format!("args: {percentage} and {absolute} must not both be 0"));
    }
    Ok(())
}

/// `VolumeBindingArgs`. There is nothing to bind.
fn binding(args: &Value) -> Result<(), String> {
    fields(args, "args", &["bindTimeoutSeconds", "shape"])?;
    number(&args["bindTimeoutSeconds"], 600, 0..=i64::MAX, "args.bindTimeoutSeconds")?;
    if args["shape"].is_null() { Ok(()) } else { shape(&args["shape"], "args.shape").map(drop) }
}

/// `NodeResourcesFitArgs`.
pub(super) fn fit(args: &Value) -> Result<(NodeResourcesFit, ResourceScore), String> {
    fields(args, "args", &["ignoredResources", "ignoredResourceGroups", "scoringStrategy"])?;
    let filter = NodeResourcesFit {
        ignored: names(&args["ignoredResources"], "args.ignoredResources")?,
        ignored_groups: names(&args["ignoredResourceGroups"], "args.ignoredResourceGroups")?,
    };
    if let Some(at) = filter.ignored_groups.iter().position(|group| group.contains('/')) {
        return Err(format!("args.ignoredResourceGroups[{at}]: must be a domain, without a slash"));
    }
    let (written, at) = (&args["scoringStrategy"], "args.scoringStrategy");
    fields(written, at, &["type", "resources", "requestedToCapacityRatio"])?;
    let mut score = ResourceScore::default();
    let listed = resources(&written["resources"], &format!("{at}.resources"))?;
    if !listed.is_empty() {
        score.resources = listed;
    }
    let ratio = &written["requestedToCapacityRatio"];
    fields(ratio, &format!("{at}.requestedToCapacityRatio"), &["shape"])?;
    let drawn = || shape(&ratio["shape"], &format!("{at}.requestedToCapacityRatio.shape"));
    let known = ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"];
    score.strategy = match word(&written["type"], &known, "strategy", &format!("{at}.type"))? {
        0 => Strategy::LeastAllocated,
        1 => Strategy::MostAllocated,
        _ => Strategy::RequestedToCapacityRatio(drawn()?),
    };
    Ok((filter, score))
}

/// Points of a line: hundredths used, in rising order, with scores of 0 to 10, which count tenfold.
fn shape(written: &Value, at: &str) -> Result<Vec<(i64, i64)>, String> {
    let mut shape: Vec<(i64, i64)> = Vec::new();
    for (index, point) in items(written, at)?.iter().enumerate() {
        let at = format!("{at}[{index}]");
        fields(point, &at, &["utilization", "score"])?;
        let utilization = number(&point["utilization"], 0, 0..=100, &format!("{at}.utilization"))?;
        if shape.last().is_some_and(|(before, _)| *before >= utilization) {
            return Err(format!("{at}.utilization: must be more than the one before"));
        }
        shape.push((utilization, 10 * number(&point["score"], 0, 0..=10, &format!("{at}.score"))?));
    }
    if shape.is_empty() { Err(format!("{at}: at least one point must be given")) } else { Ok(shape) }
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
    let at = "args.addedAffinity";
    let written: Option<k8s::NodeAffinity> = structure(&args["addedAffinity"], at)?;
    let Some(added) = written else { return Ok(NodeAffinity::default()) };
    first(validation::validate_node_affinity(&added, at))?;
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
    if word(&args["defaultingType"], &["System", "List"], "type", "args.defaultingType")? == 0 {
        return match list {
            [] => Ok(PodTopologySpread::default()),
            _ => Err(format!("{at}: only with defaultingType List")),
        };
    }
    let constraints = list.iter().enumerate();
    let constraints: Vec<k8s::TopologySpreadConstraint> =
        constraints.map(|(index, written)| structure(written, &format!("{at}[{index}]"))).collect::<Result<_, _>>()?;
    if let Some(index) = constraints.iter().position(|c| c.label_selector.is_some()) {
        return Err(format!("{at}[{index}].labelSelector: is made from what a pod belongs to"));
    }
    first(validation::validate_spreading(&constraints, at))?;
    let defaults = constraints.iter().map(|c| SpreadTerm::new(c, &Meta::default())).collect();
    Ok(PodTopologySpread { defaults, own_defaults: false })
}

/// `InterPodAffinityArgs`.
pub(super) fn inter_pod_affinity(args: &Value) -> Result<InterPodAffinity, String> {
    fields(args, "args", &["hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods"])?;
    Ok(InterPodAffinity {
        hard_weight: number(&args["hardPodAffinityWeight"], 1, 0..=100, "args.hardPodAffinityWeight")?,
        ignores_preferences: flag(
            &args["ignorePreferredTermsOfExistingPods"],
            "args.ignorePreferredTermsOfExistingPods",
        )?,
    })
}
