//! Upstream's plugins, one file each, and those that upstream does not have: see `docs/plugins.md`.

pub(super) mod arguments;
mod balanced_allocation;
#[cfg(test)]
mod cheap_nodes;
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

/// Makes a part of a plugin of its arguments.
type Make<T> = fn(&Value) -> Result<T, String>;

/// A plugin that upstream does not have. It works only where a configuration enables it.
pub(super) struct Plugin {
    /// What configurations call it.
    name: &'static str,
    /// The part that filters.
    filter: Option<Make<AnyFilter>>,
    /// The part that scores.
    score: Option<Make<AnyScore>>,
}

/// All plugins that upstream does not have.
const MORE: &[Plugin] = &[
    #[cfg(test)]
    cheap_nodes::PLUGIN,
];

fn more(name: &str) -> Option<&'static Plugin> {
    MORE.iter().find(|plugin| plugin.name == name)
}

/// The names of all plugins.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    DEFAULTS.iter().map(|(name, _)| *name).chain(MORE.iter().map(|plugin| plugin.name))
}

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
    more(name).map_or(!OTHERS.contains(&name), |plugin| plugin.filter.is_some())
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
        // For the others there is nothing to refuse here: no disks are attached, and none lies in a zone.
        _ => more(name)
            .and_then(|plugin| plugin.filter)
            .map(|filter| filter(arguments))
            .transpose()?
            .into_iter()
            .collect(),
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
        _ => return more(name).and_then(|plugin| plugin.score).map(|score| score(arguments)).transpose(),
    }))
}

#[cfg(test)]
mod tests {
    use crate::api::{Kind, Object};
    use crate::cluster::{Cluster, Input};
    use crate::config::Config;
    use crate::scheduler::Configuration;
    use crate::time::Time;
    use serde_json::{Value, json};
    use std::sync::Arc;

    const GUIDE: &str = include_str!("../../../../docs/plugins.md");

    /// The code block of a language that comes as that number.
    fn block(language: &str, number: usize) -> &'static str {
        let (_, text) = GUIDE
            .match_indices(&format!("```{language}\n"))
            .nth(number)
            .map(|(at, fence)| GUIDE.split_at(at + fence.len()))
            .unwrap();
        text.split_once("```").unwrap().0
    }

    #[test]
    fn the_guide_shows_the_plugin_that_is_tested_here() {
        assert_eq!(block("rust", 0), include_str!("cheap_nodes.rs"));
        let lines = block("rust", 1).lines().filter(|line| !line.is_empty() && !line.starts_with("//"));
        let own = include_str!("mod.rs");
        let added = lines.inspect(|line| assert!(own.contains(line), "{line}")).count();
        assert!(block("rust", 0).lines().count() + added < 60);
    }

    #[test]
    fn the_guides_plugin_decides_where_the_guides_configuration_enables_it() {
        let written = crate::manifest::parse(block("yaml", 0)).unwrap().remove(0).value;
        let place = |configuration: Option<Value>| {
            let scheduler = configuration.map(|document| Configuration::try_from(document).unwrap());
            let node = |name: &str, cents: &str, cpu: &str| {
                json!({"kind": "Node",
                "metadata": {"name": name, "labels": {"example.com/price": cents}},
                "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "9"},
                    "conditions": [{"type": "Ready", "status": "True"}]}})
            };
            let spec = json!({"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}]});
            let pod = json!({"kind": "Pod", "metadata": {"name": "p", "namespace": "default"}, "spec": spec});
            let objects = [node("dear", "90", "8"), node("cheap", "20", "4"), node("silent", "?", "8"), pod];
            let objects = objects.into_iter().enumerate().map(|(at, mut value)| {
                let kind = if value["kind"] == "Pod" { Kind::Pod } else { Kind::Node };
                value["metadata"]["uid"] = json!(format!("00000000-0000-4000-8000-{at:012x}"));
                Arc::new(Object::from_value(kind, &value).unwrap())
            });
            let mut cluster = Cluster::restore(Config { scheduler, ..Config::default() }, Time(0), 1, objects);
            cluster.handle(Time(0), Input::Wake);
            let pod = cluster.store().get(Kind::Pod, "default", "p").unwrap();
            pod.pod().unwrap().node.clone().unwrap()
        };
        assert_ne!(place(None), "cheap", "it is no plugin of the default profile");
        assert_eq!(place(Some(written.clone())), "cheap");
        let mut wrong = written;
        wrong["profiles"][0]["pluginConfig"][0]["args"]["mostCents"] = json!(0);
        assert_eq!(
            Configuration::try_from(wrong),
            Err("profiles[0].pluginConfig[0].args.mostCents: must be a whole number from 1 to 1000000".to_owned())
        );
    }
}
