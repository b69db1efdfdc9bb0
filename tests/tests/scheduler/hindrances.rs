//! Where no single change places a pending pod, it is told what stands in its way.

use crate::fixture::{Fixture, cpu, node, pod, requests};
use crate::remedies::{asked, lines, on, really};
use serde_json::{Value, json};

/// Holds the words against those expected; none where a single change helps.
#[track_caller]
fn told(objects: &[Value], pending: &Value, expected: Option<&str>) -> Vec<String> {
    let mut fixture = Fixture::new(objects);
    fixture.create(pending);
    let name = pending["metadata"]["name"].as_str().unwrap();
    let answer = asked(&mut fixture, name);
    assert_eq!(answer["message"].as_str(), expected, "{answer:#}");
    really(&fixture, name, &answer);
    lines(&answer)
}

fn taints(keys: &[&str], over: Value) -> Value {
    let taints: Vec<Value> = keys.iter().map(|key| json!({"key": key, "effect": "NoSchedule"})).collect();
    let mut spec = json!({"taints": taints});
    spec.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
    json!({"spec": spec})
}

/// Only these nodes will do, and none that is added.
fn pinned(name: &str, cpu: &str) -> Value {
    let mut spec = requests(json!({"cpu": cpu}));
    let field = |node: &str| json!({"key": "metadata.name", "operator": "In", "values": [node]});
    let terms: Vec<Value> = ["a", "b", "c"].iter().map(|node| json!({"matchFields": [field(node)]})).collect();
    let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}});
    spec["affinity"] = json!({"nodeAffinity": required});
    pod(name, spec)
}

#[test]
fn of_all_nodes_those_are_named_on_which_least_is_in_the_way() {
    let full = |name: &str| on(&format!("on-{name}"), name, "3500m");
    let found = told(
        &[
            node("a", taints(&["x"], json!({}))),
            full("a"),
            node("b", taints(&[], json!({"unschedulable": true}))),
            full("b"),
            node("c", taints(&["x", "y"], json!({}))),
            full("c"),
        ],
        &pinned("p", "1"),
        Some(
            "No single change helps: on every node at least 2 things stand in the way. \
             On b: it is cordoned; it has 500m cpu too little left. \
             On a: its taint x:NoSchedule is not tolerated; it has 500m cpu too little left.",
        ),
    );
    assert_eq!(found[0], "uncordon b, and ask for 500m cpu instead of 1 -> b", "the smallest pair that was tried");
}

#[test]
fn nodes_that_stand_alike_are_counted_and_each_taint_is_a_thing() {
    let tainted = |name: &str| node(name, taints(&["x", "y"], json!({})));
    let found = told(
        &[tainted("a"), tainted("b"), tainted("c"), node("d", taints(&["x", "y", "z"], json!({})))],
        &cpu("p", "1"),
        Some(
            "No single change helps: on every node at least 2 things stand in the way. \
             On a and 2 more: its taint x:NoSchedule is not tolerated; its taint y:NoSchedule is not tolerated.",
        ),
    );
    assert_eq!(found[0], "tolerate the taint x:NoSchedule, and tolerate the taint y:NoSchedule -> c");
}

#[test]
fn where_nothing_helps_it_is_told_as_well() {
    assert!(told(&[], &cpu("p", "1"), Some("No single change helps: there are no nodes.")).is_empty());
    let none = node("a", json!({"status": {"allocatable": {"pods": "0"}}}));
    let found = told(
        &[none],
        &pod("p", json!({})),
        Some(
            "No single change helps, although on some nodes only one thing stands in the way. \
             On a: it has as many pods as it may have.",
        ),
    );
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_gate_is_a_thing_as_well() {
    let mut gated = cpu("p", "5");
    gated["spec"]["schedulingGates"] = json!([{"name": "wait"}]);
    told(
        &[node("a", json!({}))],
        &gated,
        Some(
            "No single change helps: on every node at least 2 things stand in the way. \
             On a: the pod's scheduling gates are closed; it has 4 cpu in all, of which the pod wants 5.",
        ),
    );
}

#[test]
fn where_a_single_change_helps_nothing_more_is_told() {
    told(&[node("a", taints(&["x"], json!({})))], &cpu("p", "1"), None);
}
