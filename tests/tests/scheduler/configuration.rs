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
    object.pod().unwrap().node_name().unwrap_or("-").to_owned()
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
    let rows = [
        (json!([]), "the configuration: must be an object"),
        (json!("profiles"), "the configuration: must be an object"),
        (json!({}), "apiVersion: must be kubescheduler.config.k8s.io/v1"),
        (json!({"apiVersion": "kubescheduler.config.k8s.io/v1"}), "kind: must be KubeSchedulerConfiguration"),
        (
            json!({"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "Pod"}),
            "kind: must be KubeSchedulerConfiguration, not Pod",
        ),
    ];
    for (document, expected) in rows {
        assert_eq!(Configuration::try_from(document.clone()), Err(expected.to_owned()), "{document}");
    }
    let mut twice = document(json!({}));
    twice["profiles"].as_array_mut().unwrap().push(json!({"schedulerName": "default-scheduler"}));
    assert_eq!(
        Configuration::try_from(twice),
        Err("profiles[1].schedulerName: there are two of the name default-scheduler".to_owned())
    );
}

/// What is wrong with a configuration that is laid over one of a plain profile; empty where nothing is.
fn mistake(over: Value) -> String {
    let mut document = document(json!({}));
    merge(&mut document, &over);
    Configuration::try_from(document).err().unwrap_or_default()
}

#[test]
fn numbers_are_within_bounds_and_of_their_type_even_where_they_have_no_effect() {
    let rows = [
        (json!({"profiles": {}}), "profiles: must be a list"),
        (json!({"profiles": ["a"]}), "profiles[0]: must be an object"),
        (json!({"percentageOfNodesToScore": 101}), "percentageOfNodesToScore: must be a whole number from 0 to 100"),
        (json!({"percentageOfNodesToScore": "50"}), "percentageOfNodesToScore: must be a whole number from 0 to 100"),
        (json!({"percentageOfNodesToScore": 50}), ""),
        (json!({"parallelism": 0}), "parallelism: must be a whole number from 1 to 2147483647"),
        (json!({"parallelism": 1.5}), "parallelism: must be a whole number from 1 to 2147483647"),
        (
            json!({"podInitialBackoffSeconds": 0}),
            "podInitialBackoffSeconds: must be a whole number from 1 to 9223372036854775807",
        ),
        (
            json!({"podInitialBackoffSeconds": 5, "podMaxBackoffSeconds": 4}),
            "podMaxBackoffSeconds: must be a whole number from 5 to 9223372036854775807",
        ),
        (json!({"podInitialBackoffSeconds": 5, "podMaxBackoffSeconds": 5}), ""),
        (json!({"leaderElection": true}), "leaderElection: must be an object"),
        (json!({"leaderElection": {"leaderElect": false}}), ""),
        (json!({"enableProfiling": "yes"}), "enableProfiling: must be true or false"),
        (json!({"metricsBindAddress": 10251}), "metricsBindAddress: must be a text"),
        (json!({"extenders": [{"urlPrefix": "http://a"}]}), "extenders: nothing outside of the cluster is asked here"),
        (
            json!({"profiles": (0..101).map(|n| json!({"schedulerName": n.to_string()})).collect::<Vec<_>>()}),
            "profiles: there may be at most 100",
        ),
    ];
    for (over, expected) in rows {
        assert_eq!(mistake(over.clone()), expected, "{over}");
    }
}

#[test]
fn mistakes_in_a_profile_are_named() {
    let enabled = |plugin: Value| json!({"plugins": {"score": {"enabled": [plugin]}}});
    let rows = [
        (json!({"schedulerName": ""}), "schedulerName: must be a text, and not empty"),
        (json!({"schedulerName": 7}), "schedulerName: must be a text, and not empty"),
        (json!({"percentageOfNodesToScore": -1}), "percentageOfNodesToScore: must be a whole number from 0 to 100"),
        (json!({"plugins": []}), "plugins: must be an object"),
        (json!({"plugins": {"score": {"enabled": {}}}}), "plugins.score.enabled: must be a list"),
        (enabled(json!("ImageLocality")), "plugins.score.enabled[0]: must be an object"),
        (enabled(json!({"weight": 1})), "plugins.score.enabled[0]: must be a text, and not empty"),
        (
            enabled(json!({"name": "ImageLocality", "weight": -1})),
            "plugins.score.enabled[0].weight: must be a whole number from 0 to 1000000",
        ),
        (
            enabled(json!({"name": "ImageLocality", "weight": i64::MAX})),
            "plugins.score.enabled[0].weight: must be a whole number from 0 to 1000000",
        ),
        (
            enabled(json!({"name": "ImageLocality", "weight": u64::MAX})),
            "plugins.score.enabled[0].weight: must be a whole number from 0 to 1000000",
        ),
        (enabled(json!({"name": "ImageLocality", "weight": 0})), ""),
        (
            json!({"plugins": {"score": {"enabled": [{"name": "ImageLocality"}, {"name": "ImageLocality"}]}}}),
            "plugins.score.enabled[1]: ImageLocality is enabled twice",
        ),
        (
            json!({"pluginConfig": [{"name": "NodeAffinity", "args": {}}, {"name": "NodeAffinity", "args": {}}]}),
            "pluginConfig[1]: there are arguments for NodeAffinity twice",
        ),
    ];
    for (profile, expected) in rows {
        let expected = if expected.is_empty() { String::new() } else { format!("profiles[0].{expected}") };
        assert_eq!(mistake(json!({"profiles": [profile]})), expected, "{profile}");
    }
}

#[test]
fn mistakes_in_arguments_are_named() {
    let fit = "NodeResourcesFit";
    let strategy = |strategy: Value| json!({"scoringStrategy": strategy});
    let drawn = |points: Value| json!({"scoringStrategy": {"type": "RequestedToCapacityRatio", "requestedToCapacityRatio": {"shape": points}}});
    let spread = |over: Value| {
        let mut constraint = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"});
        merge(&mut constraint, &over);
        json!({"defaultingType": "List", "defaultConstraints": [constraint]})
    };
    let required = |term: Value| json!({"addedAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}});
    let preferred = |term: Value| json!({"addedAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}});
    let terms = "addedAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]";
    let exists = json!({"matchExpressions": [{"key": "disk", "operator": "Exists"}]});
    let rows = [
        (fit, json!("all"), ": must be an object".to_owned()),
        (
            fit,
            json!({"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "NodeAffinityArgs"}),
            ".kind: must be NodeResourcesFitArgs, not NodeAffinityArgs".to_owned(),
        ),
        (
            fit,
            json!({"kind": "NodeResourcesFitArgs"}),
            ".apiVersion: must be kubescheduler.config.k8s.io/v1".to_owned(),
        ),
        (
            fit,
            json!({"scoringStategy": {}}),
            ": unknown field \"scoringStategy\"; known are ignoredResources, ignoredResourceGroups, scoringStrategy"
                .to_owned(),
        ),
        (fit, json!({"ignoredResources": "a/b"}), ".ignoredResources: must be a list".to_owned()),
        (fit, json!({"ignoredResources": ["a/b", 1]}), ".ignoredResources[1]: must be a text, and not empty".to_owned()),
        (
            fit,
            json!({"ignoredResourceGroups": ["a/b"]}),
            ".ignoredResourceGroups[0]: must be a domain, without a slash".to_owned(),
        ),
        (
            fit,
            strategy(json!({"type": 1})),
            ".scoringStrategy.type: unknown strategy 1; known are LeastAllocated, MostAllocated, \
             RequestedToCapacityRatio"
                .to_owned(),
        ),
        (
            fit,
            strategy(json!({"resources": [{"name": "cpu", "weight": 101}]})),
            ".scoringStrategy.resources[0].weight: must be a whole number from 1 to 100".to_owned(),
        ),
        (
            fit,
            strategy(json!({"resources": [{"weight": 1}]})),
            ".scoringStrategy.resources[0].name: must be a text, and not empty".to_owned(),
        ),
        (
            fit,
            strategy(json!({"type": "RequestedToCapacityRatio"})),
            ".scoringStrategy.requestedToCapacityRatio.shape: at least one point must be given".to_owned(),
        ),
        (
            fit,
            drawn(json!([{"utilization": 101, "score": 1}])),
            ".scoringStrategy.requestedToCapacityRatio.shape[0].utilization: must be a whole number from 0 to 100"
                .to_owned(),
        ),
        (
            fit,
            drawn(json!([{"utilization": 0, "score": 11}])),
            ".scoringStrategy.requestedToCapacityRatio.shape[0].score: must be a whole number from 0 to 10".to_owned(),
        ),
        (
            fit,
            drawn(json!([{"utilization": 50, "score": 1}, {"utilization": 50, "score": 2}])),
            ".scoringStrategy.requestedToCapacityRatio.shape[1].utilization: must be more than the one before"
                .to_owned(),
        ),
        (
            "NodeResourcesBalancedAllocation",
            json!({"resources": [{"name": "cpu", "weight": 0}]}),
            ".resources[0].weight: must be a whole number from 1 to 100".to_owned(),
        ),
        ("NodeAffinity", json!({"addedAffinity": []}), ".addedAffinity: does not fit".to_owned()),
        ("NodeAffinity", json!({"addedAffinity": {"required": {}}}), ".addedAffinity.required: unknown field".to_owned()),
        (
            "NodeAffinity",
            required(json!({"matchExpressions": [{"key": "disk", "operator": "Is", "values": ["a"]}]})),
            format!(".{terms}.matchExpressions[0].operator: Invalid value: \"Is\": not a valid selector operator"),
        ),
        (
            "NodeAffinity",
            required(json!({"matchExpressions": [{"key": "disk", "operator": "In", "values": ["a"], "value": "b"}]})),
            format!(".{terms}.matchExpressions[0].value: unknown field"),
        ),
        (
            "NodeAffinity",
            preferred(json!({"weight": i32::MAX, "preference": exists})),
            ".addedAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 2147483647: must be \
             in the range 1-100"
                .to_owned(),
        ),
        ("NodeAffinity", preferred(json!({"weight": 100, "preference": exists})), String::new()),
        (
            "PodTopologySpread",
            json!({"defaultingType": "Both"}),
            ".defaultingType: unknown type \"Both\"; known are System, List".to_owned(),
        ),
        (
            "PodTopologySpread",
            json!({"defaultConstraints": [{"maxSkew": 1}]}),
            ".defaultConstraints: only with defaultingType List".to_owned(),
        ),
        ("PodTopologySpread", spread(json!({})), String::new()),
        (
            "PodTopologySpread",
            spread(json!({"whenUnsatisfiable": "Never"})),
            ".defaultConstraints[0].whenUnsatisfiable: Unsupported value: \"Never\": supported values: \
             \"DoNotSchedule\", \"ScheduleAnyway\""
                .to_owned(),
        ),
        (
            "PodTopologySpread",
            spread(json!({"maxSkew": 0})),
            ".defaultConstraints[0].maxSkew: Invalid value: 0: must be greater than zero".to_owned(),
        ),
        (
            "PodTopologySpread",
            spread(json!({"maxSkew": "1"})),
            ".defaultConstraints[0].maxSkew: does not fit".to_owned(),
        ),
        (
            "PodTopologySpread",
            spread(json!({"minDomains": 0})),
            ".defaultConstraints[0].minDomains: Invalid value: 0: must be greater than zero".to_owned(),
        ),
        (
            "PodTopologySpread",
            spread(json!({"labelSelector": {}})),
            ".defaultConstraints[0].labelSelector: is made from what a pod belongs to".to_owned(),
        ),
        (
            "InterPodAffinity",
            json!({"ignorePreferredTermsOfExistingPods": "true"}),
            ".ignorePreferredTermsOfExistingPods: must be true or false".to_owned(),
        ),
        (
            "DefaultPreemption",
            json!({"minCandidateNodesPercentage": 101}),
            ".minCandidateNodesPercentage: must be a whole number from 0 to 100".to_owned(),
        ),
        (
            "DefaultPreemption",
            json!({"minCandidateNodesPercentage": 0, "minCandidateNodesAbsolute": 0}),
            ": minCandidateNodesPercentage and minCandidateNodesAbsolute must not both be 0".to_owned(),
        ),
        (
            "VolumeBinding",
            json!({"bindTimeoutSeconds": -1}),
            ".bindTimeoutSeconds: must be a whole number from 0 to 9223372036854775807".to_owned(),
        ),
    ];
    for (name, args, expected) in rows {
        let expected =
            if expected.is_empty() { expected } else { format!("profiles[0].pluginConfig[0].args{expected}") };
        let profile = json!({"pluginConfig": [{"name": name, "args": args}]});
        assert_eq!(mistake(json!({"profiles": [profile]})), expected, "{name} {args}");
    }
}

#[test]
fn no_strategy_overflows_on_a_node_with_all_that_64_bits_hold() {
    let endless = json!({"cpu": "9223372036854775807", "memory": "8Ei", "pods": "10", "example.com/x": "8E"});
    let asks = requests(json!({"cpu": "4P", "memory": "3Ei", "example.com/x": "4E"}));
    let resources = json!([{"name": "cpu", "weight": 100}, {"name": "memory", "weight": 100},
        {"name": "example.com/x", "weight": 100}]);
    let shape = json!([{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}]);
    let heaviest = [
        "NodeResourcesFit",
        "NodeResourcesBalancedAllocation",
        "NodeAffinity",
        "TaintToleration",
        "PodTopologySpread",
        "InterPodAffinity",
        "ImageLocality",
    ];
    let heaviest = heaviest.map(|name| json!({"name": name, "weight": 1_000_000}));
    for strategy in ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"] {
        let args = json!({"scoringStrategy": {"type": strategy, "resources": resources,
            "requestedToCapacityRatio": {"shape": shape}}});
        let profile = json!({"pluginConfig": [{"name": "NodeResourcesFit", "args": args}],
            "plugins": {"score": {"disabled": [{"name": "*"}], "enabled": heaviest}}});
        let node = |name: &str| node(name, json!({"status": {"allocatable": endless, "capacity": endless}}));
        let objects = [node("a"), node("b"), pod("new", asks.clone()), pod("newer", asks.clone())];
        let cluster = cluster(document(profile), &objects);
        assert_ne!(place(&cluster, "new"), "-", "{strategy}");
        assert_ne!(place(&cluster, "newer"), "-", "{strategy}");
        assert_eq!(place(&cluster, "new") == place(&cluster, "newer"), strategy != "LeastAllocated", "{strategy}");
    }
}
