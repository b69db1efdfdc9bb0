//! Configurations of schedulers: what they change, and which mistakes are named.

use crate::fixture::{START, merge, node, pod, requests};
use kubarium_core::api::{Key, Kind, Object};
use kubarium_core::scheduler::{Configuration, Stand};
use kubarium_core::{Cluster, Config, Input};
use serde_json::{Value, json};
use std::sync::Arc;

fn document(profile: Value) -> Value {
    json!({"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration", "profiles": [profile]})
}

/// A cluster with this configuration once all that follows at once is done.
fn cluster(configuration: Value, objects: &[Value]) -> Cluster {
    let scheduler = Some(Configuration::try_from(configuration).unwrap());
    let objects = objects.iter().enumerate().map(|(at, value)| {
        let kind = Kind::ALL.into_iter().find(|k| value["kind"] == k.info().kind).unwrap();
        let mut value = value.clone();
        value["metadata"]["uid"] = json!(format!("00000000-0000-4000-8000-{at:012x}"));
        Arc::new(Object::from_value(kind, &value).unwrap())
    });
    let mut cluster = Cluster::restore(Config { scheduler, ..Config::default() }, START, 1, objects);
    while cluster.handle(START, Input::Wake).wake == Some(START) {}
    cluster
}

fn place(cluster: &Cluster, name: &str) -> String {
    let object = cluster.store().get(Kind::Pod, "default", name).unwrap();
    object.pod().unwrap().node.as_deref().unwrap_or("-").to_owned()
}

/// Two nodes, of which `a` has a pod, and a pod that asks for a cpu of a scheduler.
fn objects(scheduler: &str) -> Vec<Value> {
    let mut there = requests(json!({"cpu": "1", "memory": "1Gi"}));
    merge(&mut there, &json!({"nodeName": "a"}));
    let mut new = requests(json!({"cpu": "1", "memory": "1Gi"}));
    merge(&mut new, &json!({"schedulerName": scheduler}));
    let nodes = ["a", "b"].map(|name| node(name, json!({"metadata": {"labels": {"disk": name}}})));
    nodes.into_iter().chain([pod("there", there), pod("new", new)]).collect()
}

#[test]
fn a_profile_decides_for_those_that_name_it() {
    let packing = json!({"schedulerName": "packer", "pluginConfig": [{"name": "NodeResourcesFit", "args": {
        "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "NodeResourcesFitArgs",
        "scoringStrategy": {"type": "MostAllocated", "resources": [{"name": "cpu", "weight": 3}, {"name": "memory"}]}}}]});
    let mut configuration = document(packing);
    configuration["profiles"].as_array_mut().unwrap().push(json!({"schedulerName": "default-scheduler"}));
    for (scheduler, expected) in [("packer", "a"), ("default-scheduler", "b"), ("nobody", "-")] {
        assert_eq!(place(&cluster(configuration.clone(), &objects(scheduler)), "new"), expected, "{scheduler}");
    }
    let without = document(json!({"schedulerName": "packer"}));
    assert_eq!(place(&cluster(without, &objects("default-scheduler")), "new"), "-", "only those it names are there");
}

#[test]
fn plugins_are_enabled_disabled_and_weighed() {
    let taint = json!({"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}});
    let rows = [
        ("a filter can be disabled", json!({"filter": {"disabled": [{"name": "TaintToleration"}]}}), "b"),
        ("wherever the plugin works", json!({"multiPoint": {"disabled": [{"name": "TaintToleration"}]}}), "b"),
        ("all of them can", json!({"filter": {"disabled": [{"name": "*"}]}}), "b"),
        (
            "and one enabled again",
            json!({"filter": {"disabled": [{"name": "*"}], "enabled": [{"name": "TaintToleration"}]}}),
            "a",
        ),
        ("a score alone leaves the filter", json!({"score": {"disabled": [{"name": "TaintToleration"}]}}), "a"),
    ];
    for (sentence, plugins, expected) in rows {
        let mut objects = objects("default-scheduler");
        merge(&mut objects[1], &taint);
        assert_eq!(place(&cluster(document(json!({"plugins": plugins})), &objects), "new"), expected, "{sentence}");
    }
    let weighed = json!({"plugins": {"score": {"disabled": [{"name": "*"}], "enabled": [
        {"name": "NodeResourcesFit", "weight": 7}, {"name": "ImageLocality"}]}}});
    let cluster = cluster(document(weighed), &objects("default-scheduler"));
    let key = Key::new(Kind::Pod, "default", "new");
    let explanation = cluster.schedulers().explain(&key, cluster.store()).unwrap();
    let Stand::Feasible { scores } = &explanation.nodes[0].stand else { panic!("it fits") };
    let scores: Vec<_> = scores.iter().map(|s| (s.plugin, s.weighted / s.normalized.max(1))).collect();
    assert_eq!(scores, [("NodeResourcesFit", 7), ("ImageLocality", 0)]);
}

#[test]
fn plugins_take_arguments() {
    let only_a = json!({"matchExpressions": [{"key": "disk", "operator": "In", "values": ["a"]}]});
    let spread = json!({"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"});
    let drawn = |low: i32, high: i32| {
        let shape = json!([{"utilization": 0, "score": low}, {"utilization": 100, "score": high}]);
        let ratio = json!({"type": "RequestedToCapacityRatio", "requestedToCapacityRatio": {"shape": shape}});
        json!({"name": "NodeResourcesFit", "args": {"scoringStrategy": ratio}})
    };
    let rows = [
        (
            "what a profile adds to affinity is required",
            json!({"name": "NodeAffinity", "args": {"addedAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [only_a]}}}}),
            "a",
        ),
        (
            "or preferred",
            json!({"name": "NodeAffinity", "args": {"addedAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": only_a}]}}}),
            "a",
        ),
        ("a line that rises packs", drawn(0, 10), "a"),
        ("one that falls spreads", drawn(10, 0), "b"),
        (
            "default constraints are only for pods that belong to something",
            json!({"name": "PodTopologySpread", "args": {"defaultingType": "List", "defaultConstraints": [spread]}}),
            "b",
        ),
    ];
    for (sentence, config, expected) in rows {
        let cluster = cluster(document(json!({"pluginConfig": [config]})), &objects("default-scheduler"));
        assert_eq!(place(&cluster, "new"), expected, "{sentence}");
    }
    let ignoring =
        json!({"pluginConfig": [{"name": "NodeResourcesFit", "args": {"ignoredResourceGroups": ["example.com"]}}]});
    let mut objects = objects("default-scheduler");
    merge(&mut objects[3], &json!({"spec": requests(json!({"example.com/gpu": "1"}))}));
    assert_eq!(place(&cluster(document(ignoring), &objects), "new"), "b", "what is ignored need not be there");
}

#[test]
fn mistakes_are_named() {
    let plugins = |plugins: Value| document(json!({"plugins": plugins}));
    let args = |name: &str, args: Value| document(json!({"pluginConfig": [{"name": name, "args": args}]}));
    let known = "SchedulingGates, PrioritySort, NodeUnschedulable, NodeName, TaintToleration, NodeAffinity, NodePorts, \
                 NodeResourcesFit, VolumeRestrictions, NodeVolumeLimits, VolumeBinding, VolumeZone, PodTopologySpread, \
                 InterPodAffinity, DynamicResources, DefaultPreemption, NodeResourcesBalancedAllocation, ImageLocality, \
                 DefaultBinder";
    let rows = [
        (
            plugins(json!({"score": {"enabled": [{"name": "NodeAffinity"}, {"name": "Mine"}]}})),
            format!("profiles[0].plugins.score.enabled[1]: unknown plugin \"Mine\"; known are {known}"),
        ),
        (
            plugins(json!({"multiPoint": {"disabled": [{"name": "Mine"}]}})),
            format!("profiles[0].plugins.multiPoint.disabled[0]: unknown plugin \"Mine\"; known are {known}"),
        ),
        (
            args("Mine", json!({})),
            format!("profiles[0].pluginConfig[0]: unknown plugin \"Mine\"; known are {known}"),
        ),
        (
            plugins(json!({"score": {"enabled": [{"name": "NodePorts"}]}})),
            "profiles[0].plugins.score.enabled[0]: NodePorts does nothing there".to_owned(),
        ),
        (
            plugins(json!({"queueSort": {"disabled": [{"name": "PrioritySort"}]}})),
            "profiles[0].plugins.queueSort.disabled[0]: no profile goes without PrioritySort here".to_owned(),
        ),
        (
            args("NodeResourcesFit", json!({"scoringStrategy": {"type": "Best"}})),
            "profiles[0].pluginConfig[0].args.scoringStrategy.type: unknown strategy \"Best\"; known are LeastAllocated, \
             MostAllocated, RequestedToCapacityRatio"
                .to_owned(),
        ),
        (
            args("InterPodAffinity", json!({"hardPodAffinityWeight": 101})),
            "profiles[0].pluginConfig[0].args.hardPodAffinityWeight: must be a whole number from 0 to 100".to_owned(),
        ),
        (
            args("NodeName", json!({"a": 1})),
            "profiles[0].pluginConfig[0].args: the plugin NodeName takes no arguments".to_owned(),
        ),
        (
            json!({"apiVersion": "kubescheduler.config.k8s.io/v1beta3", "kind": "KubeSchedulerConfiguration"}),
            "apiVersion: must be kubescheduler.config.k8s.io/v1, not kubescheduler.config.k8s.io/v1beta3".to_owned(),
        ),
        (
            document(json!({"schedulername": "x"})),
            "profiles[0]: unknown field \"schedulername\"; known are schedulerName, percentageOfNodesToScore, plugins, \
             pluginConfig"
                .to_owned(),
        ),
    ];
    for (document, expected) in rows {
        assert_eq!(Configuration::try_from(document.clone()), Err(expected), "{document}");
    }
    let mut twice = document(json!({}));
    twice["profiles"].as_array_mut().unwrap().push(json!({"schedulerName": "default-scheduler"}));
    assert_eq!(
        Configuration::try_from(twice),
        Err("profiles[1].schedulerName: there are two of the name default-scheduler".to_owned())
    );
}
