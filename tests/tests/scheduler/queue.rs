//! When a pod that found no node is tried again: when something happened that can help it, and not before.

use crate::fixture::{Fixture, cpu, merge, node, pod, requests};
use kubarium_core::apiserver::Method;
use kubarium_core::scheduler::QueueLengths;
use serde_json::{Value, json};

/// A cluster whose one node is too small for the pod `p`, a while after that was found.
fn stuck(over: Value, spec: Value) -> Fixture {
    let mut fixture = Fixture::new(&[node("n", over), pod("p", spec)]);
    fixture.pass(60);
    assert_eq!(fixture.place("p"), "-");
    assert_eq!(fixture.cluster.schedulers().queue_lengths(), QueueLengths { parked: 1, ..Default::default() });
    fixture
}

fn attempted(fixture: &Fixture, since: kubarium_core::Time) -> bool {
    fixture.decision("p").at > since
}

#[test]
fn a_parked_pod_is_not_tried_until_something_happens() {
    let fixture = stuck(json!({}), requests(json!({"cpu": "5"})));
    assert!(!attempted(&fixture, crate::fixture::START));
    assert_eq!(fixture.events("p", "FailedScheduling"), 1);
}

#[test]
fn a_new_node_that_fits_wakes_it() {
    let mut fixture = stuck(json!({}), requests(json!({"cpu": "5"})));
    let before = fixture.now;
    fixture.create(&node("small", json!({})));
    assert_eq!(fixture.decision("p").at, crate::fixture::START, "one that does not fit is no reason to try");
    fixture.pass(1);
    fixture.create(&node("large", json!({"status": {"allocatable": {"cpu": "8"}}})));
    ready(&mut fixture, "large", "8");
    assert_eq!(fixture.place("p"), "large");
    assert!(attempted(&fixture, before));
}

/// A node created through the API starts without a status of its own and not ready; its kubelet says more.
fn ready(fixture: &mut Fixture, name: &str, cpu: &str) {
    fixture.ask(
        Method::Patch,
        &format!("nodes/{name}/status"),
        &json!({"status": {
            "allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "10"},
            "conditions": [{"type": "Ready", "status": "True"}],
        }}),
    );
    fixture.pass(10);
}

#[test]
fn more_allocatable_wakes_it() {
    let mut fixture = stuck(json!({}), requests(json!({"cpu": "5"})));
    let grow = |cpu: &str| json!({"status": {"allocatable": {"cpu": cpu}}});
    fixture.ask(Method::Patch, "nodes/n/status", &grow("4500m"));
    assert_eq!(fixture.place("p"), "-");
    fixture.ask(Method::Patch, "nodes/n/status", &grow("5"));
    assert_eq!(fixture.place("p"), "n");
}

#[test]
fn a_label_it_wants_wakes_it() {
    let mut fixture = stuck(json!({}), json!({"nodeSelector": {"disk": "ssd"}}));
    fixture.ask(Method::Patch, "nodes/n", &json!({"metadata": {"labels": {"disk": "hdd"}}}));
    assert_eq!(fixture.place("p"), "-");
    fixture.ask(Method::Patch, "nodes/n", &json!({"metadata": {"labels": {"disk": "ssd"}}}));
    assert_eq!(fixture.place("p"), "n");
}

#[test]
fn a_taint_that_goes_wakes_it() {
    let taint = json!({"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}});
    let mut fixture = stuck(taint, json!({}));
    fixture.ask(Method::Patch, "nodes/n", &json!({"spec": {"taints": null}}));
    assert_eq!(fixture.place("p"), "n");
}

#[test]
fn an_uncordoned_node_wakes_it() {
    let mut fixture = stuck(json!({"spec": {"unschedulable": true}}), json!({}));
    fixture.ask(Method::Patch, "nodes/n", &json!({"spec": {"unschedulable": null}}));
    assert_eq!(fixture.place("p"), "n");
}

/// With a node that goes, the pods on it count no more, nor does its zone.
#[test]
fn a_node_that_goes_wakes_those_in_whose_way_it_was() {
    let zone = "topology.kubernetes.io/zone";
    let on = |name: &str, node: &str, over: Value| {
        let mut there = pod(name, json!({"nodeName": node}));
        merge(&mut there, &json!({"metadata": {"labels": {"app": "x"}}, "spec": over}));
        there
    };
    let about = |key: &str, value: &str| json!({"labelSelector": {"matchLabels": {key: value}}, "topologyKey": zone});
    let apart = |key: &str, value: &str| {
        json!({"affinity": {"podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [about(key, value)]}}})
    };
    let mut spread = about("app", "x");
    merge(&mut spread, &json!({"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}));
    let cordoned = || json!({"spec": {"unschedulable": true}});
    let rows = [
        (
            "its zone had the fewest pods",
            [cordoned(), json!({})],
            [on("one", "kept", json!({})), on("two", "kept", json!({}))],
            json!({"topologySpreadConstraints": [spread]}),
        ),
        (
            "a pod on it was not to be near",
            [json!({}), json!({"metadata": {"labels": {zone: "lost"}}})],
            [on("one", "lost", json!({})), on("two", "lost", json!({}))],
            apart("app", "x"),
        ),
        (
            "a pod on it did not want it near",
            [json!({}), json!({"metadata": {"labels": {zone: "lost"}}})],
            [on("one", "lost", json!({})), on("two", "lost", apart("name", "p"))],
            json!({}),
        ),
    ];
    for (sentence, [lost, kept], there, spec) in rows {
        for scheduler in ["default-scheduler", "full-scan"] {
            let node = |name: &str, over: &Value| {
                let mut node = node(name, json!({"metadata": {"labels": {zone: name}}}));
                merge(&mut node, over);
                node
            };
            let mut new = pod("p", spec.clone());
            let over = json!({"metadata": {"labels": {"app": "x", "name": "p"}}, "spec": {"schedulerName": scheduler}});
            merge(&mut new, &over);
            let nodes = [node("lost", &lost), node("kept", &kept)];
            let mut fixture = Fixture::new(&nodes.into_iter().chain(there.clone()).chain([new]).collect::<Vec<_>>());
            fixture.pass(20);
            assert_eq!(fixture.place("p"), "-", "{sentence}, {scheduler}");
            fixture.ask(Method::Delete, "nodes/lost", &json!({}));
            assert_eq!(fixture.place("p"), "kept", "{sentence}, {scheduler}");
        }
    }
}

#[test]
fn a_pod_that_goes_wakes_those_whom_it_kept_away_from_other_nodes() {
    let zone = "topology.kubernetes.io/zone";
    let of_zone = |name: &str, over: Value| {
        let mut node = node(name, json!({"metadata": {"labels": {zone: "z"}}}));
        merge(&mut node, &over);
        node
    };
    let apart = json!({"nodeName": "cordoned", "affinity": {"podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [{"labelSelector": {}, "topologyKey": zone}]}}});
    let nodes = [of_zone("cordoned", json!({"spec": {"unschedulable": true}})), of_zone("open", json!({}))];
    for scheduler in ["default-scheduler", "full-scan"] {
        let pods = [pod("loner", apart.clone()), pod("p", json!({"schedulerName": scheduler}))];
        let mut fixture = Fixture::new(&nodes.iter().cloned().chain(pods).collect::<Vec<_>>());
        fixture.pass(20);
        assert_eq!(fixture.place("p"), "-", "{scheduler}");
        fixture.delete_pod("loner");
        assert_eq!(fixture.place("p"), "open", "{scheduler}");
    }
}

#[test]
fn a_label_of_the_namespace_that_its_terms_want_wakes_it() {
    let term = json!({"labelSelector": {}, "namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]},
        "topologyKey": "kubernetes.io/hostname"});
    let near = json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}});
    let mut fixture = Fixture::new(&[node("n", json!({})), pod("there", json!({"nodeName": "n"})), pod("p", near)]);
    fixture.pass(20);
    assert_eq!(fixture.place("p"), "-");
    fixture.ask(Method::Patch, "namespaces/default", &json!({"metadata": {"labels": {"team": "one"}}}));
    assert_eq!(fixture.place("p"), "n");
}

#[test]
fn a_pod_that_goes_makes_room() {
    let mut fixture = Fixture::new(&[node("n", json!({})), cpu("first", "3"), cpu("p", "3")]);
    fixture.pass(60);
    assert_eq!(fixture.places(), "first:n p:-");
    fixture.delete_pod("first");
    assert_eq!(fixture.places(), "p:n");
}

#[test]
fn a_pod_that_ends_makes_room() {
    let mut fixture = Fixture::new(&[node("n", json!({})), cpu("first", "3"), cpu("p", "3")]);
    fixture.pass(60);
    fixture.ask(Method::Patch, "namespaces/default/pods/first/status", &json!({"status": {"phase": "Succeeded"}}));
    assert_eq!(fixture.places(), "first:n p:n");
}

#[test]
fn it_backs_off_twice_as_long_after_each_failure() {
    let mut fixture = Fixture::new(&[node("n", json!({}))]);
    fixture.create(&cpu("p", "5"));
    let mut waited = Vec::new();
    for cpu in 1..7 {
        // Its own new wish is a reason to try again; it is tried when its back-off is over.
        let before = fixture.decision("p").at;
        fixture.ask(
            Method::Patch,
            "namespaces/default/pods/p",
            &json!({"metadata": {"labels": {"try": cpu.to_string()}}}),
        );
        while fixture.decision("p").at == before {
            fixture.pass(1);
        }
        waited.push(fixture.decision("p").at.since(before).as_secs());
    }
    assert_eq!(waited, [1, 2, 4, 8, 10, 10]);
}

#[test]
fn it_is_tried_again_after_five_minutes_in_any_case() {
    let mut fixture = stuck(json!({}), requests(json!({"cpu": "5"})));
    fixture.pass(239);
    assert!(!attempted(&fixture, crate::fixture::START));
    fixture.pass(1);
    assert!(attempted(&fixture, crate::fixture::START));
    assert_eq!(fixture.events("p", "FailedScheduling"), 1, "nothing new is nothing to report");
}

#[test]
fn higher_priority_goes_first_then_who_came_first() {
    let urgent = |name, priority| {
        let mut spec = requests(json!({"cpu": "2"}));
        spec["priority"] = json!(priority);
        pod(name, spec)
    };
    let mut fixture = Fixture::new(&[urgent("a", 0), urgent("b", 5), urgent("c", 5), urgent("d", 9)]);
    fixture.pass(60);
    fixture.create(&node("n", json!({})));
    ready(&mut fixture, "n", "4");
    assert_eq!(fixture.places(), "a:- b:n c:- d:n");
}

#[test]
fn a_gated_pod_is_left_alone_until_its_gates_go() {
    let mut fixture = Fixture::new(&[node("n", json!({}))]);
    fixture.create(&pod("p", json!({"schedulingGates": [{"name": "wait"}]})));
    let condition = fixture.pod("p").pod().unwrap().status.conditions[0].clone();
    assert_eq!(condition.reason.as_deref(), Some("SchedulingGated"));
    assert_eq!(condition.message.as_deref(), Some("Scheduling is blocked due to non-empty scheduling gates"));
    assert_eq!(fixture.cluster.schedulers().queue_lengths(), QueueLengths { gated: 1, ..Default::default() });
    fixture.ask(Method::Patch, "namespaces/default/pods/p", &json!({"spec": {"schedulingGates": []}}));
    assert_eq!(fixture.place("p"), "n");
}

#[test]
fn a_pod_that_waits_can_go_or_be_bound_by_hand() {
    let mut fixture = stuck(json!({}), requests(json!({"cpu": "5"})));
    fixture.ask(
        Method::Post,
        "namespaces/default/pods/p/binding",
        &json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}}),
    );
    assert_eq!(fixture.cluster.schedulers().queue_lengths(), QueueLengths::default());
    fixture.create(&cpu("q", "5"));
    fixture.delete_pod("q");
    assert_eq!(fixture.cluster.schedulers().queue_lengths(), QueueLengths::default());
}
