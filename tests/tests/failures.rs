//! Nodes that fall silent, taints that drive pods away, and objects that go with their owners or namespaces.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::Api;
use kubarium_core::api::{ConditionStatus, Kind};
use kubarium_core::apiserver::Method;
use kubarium_core::{Config, Span};
use serde_json::{Value, json};

fn seconds(n: i64) -> Span {
    Span::from_secs(n)
}

/// Three nodes, a pod on the first, all well for a minute.
fn three_nodes() -> Api {
    let mut api = Api::new(Config::default());
    for node in ["n1", "n2", "n3"] {
        api.node(node);
    }
    api.pod("a", &json!({"app": "a"}), "n1");
    api.report("a", "Running", Some(0), 0);
    api.pass(seconds(60));
    api
}

fn taints(api: &Api, node: &str) -> Vec<String> {
    let node = api.get(Kind::Node, node);
    let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
    taints.iter().map(|t| format!("{}:{}", t["key"].as_str().unwrap(), t["effect"].as_str().unwrap())).collect()
}

#[test]
fn heartbeats_write_nothing() {
    let mut api = three_nodes();
    let revision = api.cluster.store().revision();
    api.pass(seconds(600));
    assert_eq!(api.cluster.store().revision(), revision);
}

#[test]
fn a_blip_shorter_than_the_grace_period_moves_nothing() {
    let mut api = three_nodes();
    let revision = api.cluster.store().revision();
    api.set_alive("n1", false);
    api.pass(seconds(45));
    api.set_alive("n1", true);
    api.pass(seconds(600));
    assert_eq!(api.cluster.store().revision(), revision);
}

#[test]
fn a_silent_node_goes_through_every_stage_as_the_countdown_says() {
    let mut api = three_nodes();
    let heard = api.now;
    api.set_alive("n1", false);
    api.pass(seconds(1));
    let countdown = api.cluster.countdown("n1").unwrap();
    assert_eq!((countdown.heard, countdown.grace_ends), (heard, heard + seconds(50)));
    assert_eq!((countdown.ready, countdown.evictions.len()), (Some(ConditionStatus::True), 0));

    api.pass(seconds(48));
    assert_eq!(api.events("NodeNotReady"), 0, "still within the grace period");
    api.pass(seconds(8));
    let status = &api.get(Kind::Node, "n1")["status"]["conditions"];
    let ready = status.as_array().unwrap().iter().find(|c| c["type"] == "Ready").unwrap();
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("Unknown"), &json!("NodeStatusUnknown")));
    let pressure = status.as_array().unwrap().iter().find(|c| c["type"] == "DiskPressure").unwrap();
    assert_eq!(pressure["reason"], "NodeStatusNeverUpdated");
    assert_eq!(api.get(Kind::Pod, "a")["status"]["conditions"][0]["status"], "False", "its pods are not ready");
    assert_eq!(api.events("NodeNotReady"), 2, "of the node and of the pod");

    api.pass(seconds(10));
    assert_eq!(
        taints(&api, "n1"),
        ["node.kubernetes.io/unreachable:NoSchedule", "node.kubernetes.io/unreachable:NoExecute"]
    );
    let eviction = api.cluster.countdown("n1").unwrap().evictions[0].clone();
    assert_eq!(eviction.pod.name, "a");
    api.pass(Span(eviction.at.since(api.now).0 - 1));
    assert_eq!(api.live(), ["a"], "tolerated to the last");
    api.pass(Span(1));
    let pod = api.get(Kind::Pod, "a");
    assert!(pod["metadata"]["deletionTimestamp"].is_string());
    let disrupted = pod["status"]["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "DisruptionTarget");
    assert_eq!(disrupted.unwrap()["reason"], "DeletionByTaintManager");
}

#[test]
fn a_node_that_returns_in_time_keeps_its_pods() {
    let mut api = three_nodes();
    api.set_alive("n1", false);
    api.pass(seconds(120));
    assert_eq!(api.cluster.countdown("n1").unwrap().evictions.len(), 1);
    api.set_alive("n1", true);
    api.pass(seconds(600));
    assert_eq!(taints(&api, "n1"), Vec::<String>::new());
    assert_eq!(api.live(), ["a"]);
    assert_eq!(api.cluster.countdown("n1").unwrap().evictions.len(), 0);
}

#[test]
fn nothing_is_evicted_while_no_node_at_all_is_heard() {
    let mut api = three_nodes();
    for node in ["n1", "n2", "n3"] {
        api.set_alive(node, false);
    }
    api.pass(seconds(2_000));
    assert_eq!(api.live(), ["a"]);
    api.set_alive("n2", true);
    api.pass(seconds(500));
    assert_eq!(api.live(), Vec::<String>::new(), "now it is known whose fault it is");
}

#[test]
fn pods_of_a_node_that_was_deleted_go() {
    let mut api = three_nodes();
    api.must(Method::Delete, "nodes/n1", &json!({}));
    api.pass(seconds(35));
    assert_eq!(api.live(), ["a"], "it may come back");
    api.pass(seconds(60));
    assert!(api.list(Kind::Pod).is_empty());
}

#[test]
fn a_cordoned_node_is_tainted() {
    let mut api = three_nodes();
    api.must(Method::Patch, "nodes/n1", &json!({"spec": {"unschedulable": true}}));
    assert_eq!(taints(&api, "n1"), ["node.kubernetes.io/unschedulable:NoSchedule"]);
    api.must(Method::Patch, "nodes/n1", &json!({"spec": {"unschedulable": null}}));
    assert_eq!(taints(&api, "n1"), Vec::<String>::new());
}

#[test]
fn dependents_follow_their_owner_as_they_are_told() {
    // Propagation, and how many pods are left, with how many owners.
    for (propagation, pods, owned) in [(Some("Background"), 0, 0), (Some("Orphan"), 2, 0), (None, 2, 0)] {
        let mut api = Api::new(Config::default());
        api.replicas("r", 2, &json!({}));
        let options: Value = propagation.map_or(json!({}), |p| json!({"propagationPolicy": p}));
        api.must(Method::Delete, "namespaces/default/replicationcontrollers/r", &options);
        assert_eq!(api.list(Kind::ReplicationController).len(), 0, "{propagation:?}");
        assert_eq!(api.live().len(), pods, "{propagation:?}");
        assert_eq!(api.list(Kind::Pod).iter().filter(|o| o.meta.owners.is_some()).count(), owned, "{propagation:?}");
    }
}

#[test]
fn an_owner_deleted_in_the_foreground_waits_for_its_pods() {
    let mut api = Api::new(Config::default());
    api.node("n1");
    api.replicas("r", 2, &json!({}));
    api.pass(seconds(5));
    let foreground = json!({"propagationPolicy": "Foreground"});
    api.must(Method::Delete, "namespaces/default/replicationcontrollers/r", &foreground);
    let pods: Vec<String> = api.list(Kind::Pod).iter().map(|o| o.meta.name.to_string()).collect();
    assert_eq!((pods.len(), api.live().len()), (2, 0), "they are on their way out");
    for pod in pods {
        assert_eq!(api.list(Kind::ReplicationController).len(), 1);
        api.must(Method::Delete, &format!("namespaces/default/pods/{pod}"), &json!({"gracePeriodSeconds": 0}));
    }
    assert_eq!(api.list(Kind::ReplicationController).len(), 0);
}

#[test]
fn an_object_whose_owner_never_was_goes() {
    let mut api = Api::new(Config::default());
    let owner = json!({"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "11111111-1111-4111-8111-111111111111"});
    for (name, owners) in [("lost", json!([owner])), ("free", json!([]))] {
        let service = json!({"metadata": {"name": name, "ownerReferences": owners}, "spec": {"ports": [{"port": 80}]}});
        api.must(Method::Post, "namespaces/default/services", &service);
    }
    let left: Vec<String> = api.list(Kind::Service).iter().map(|o| o.meta.name.to_string()).collect();
    assert_eq!(left, ["free"]);
}

#[test]
fn a_namespace_goes_once_it_is_empty() {
    let mut api = Api::new(Config::default());
    api.node("n1");
    api.must(Method::Post, "namespaces", &json!({"metadata": {"name": "x"}}));
    let pod = json!({"metadata": {"name": "p"},
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "i:1"}]}});
    api.must(Method::Post, "namespaces/x/pods", &pod);
    api.must(
        Method::Post,
        "namespaces/x/services",
        &json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 1}]}}),
    );
    api.must(Method::Delete, "namespaces/x", &json!({}));
    let namespace = api.get(Kind::Namespace, "x");
    assert_eq!(namespace["status"]["phase"], "Terminating");
    let remaining = namespace["status"]["conditions"].as_array().unwrap().iter();
    let remaining = remaining.clone().find(|c| c["type"] == "NamespaceContentRemaining").unwrap();
    assert_eq!(remaining["message"], "Some resources are remaining: pods. has 1 resource instances");
    let (code, _) = api.request(Method::Post, "namespaces/x/pods", &pod);
    assert_eq!(code, 403, "nothing new comes in");
    api.must(Method::Delete, "namespaces/x/pods/p", &json!({"gracePeriodSeconds": 0}));
    assert_eq!(api.get(Kind::Namespace, "x"), Value::Null);
    assert!(api.list(Kind::Service).is_empty());
}
