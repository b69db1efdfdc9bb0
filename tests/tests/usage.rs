//! What nodes and pods of a simulated cluster use, as `metrics.k8s.io` tells it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::Span;
use kubarium_core::apiserver::{Answer, Request, Role, User};
use kubarium_core::sim::{Action, BEGINNING, Scenario, World};
use serde_json::{Value, json};
use std::sync::Arc;

const SCENARIO: &str = "
apiVersion: kubarium.io/v1
kind: Scenario
images:
- {name: busy, cpu: 750m, memory: 300Mi}
nodes:
- {name: a, labels: {tier: front}}
- {name: b}
- {name: empty}
manifests:
- {apiVersion: v1, kind: Pod, metadata: {name: said, labels: {app: x}}, spec: {nodeName: a, containers: [{name: c, image: 'busy:1'}]}}
- apiVersion: v1
  kind: Pod
  metadata: {name: asks, labels: {app: x}}
  spec: {nodeName: a, containers: [{name: c, image: quiet, resources: {requests: {cpu: 200m, memory: 64Mi}}}]}
- {apiVersion: v1, kind: Pod, metadata: {name: silent}, spec: {nodeName: a, containers: [{name: c, image: quiet}]}}
- apiVersion: v1
  kind: Pod
  metadata: {name: held}
  spec: {nodeName: b, containers: [{name: c, image: busy, resources: {limits: {cpu: 500m, memory: 100Mi}}}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: noted, annotations: {kubarium.io/cpu: '2', kubarium.io/memory: 1Gi}}
  spec: {nodeName: b, containers: [{name: two, image: quiet}, {name: one, image: busy}]}
- {apiVersion: v1, kind: Pod, metadata: {name: ended, annotations: {kubarium.io/runs-for: 1s}}, spec: {nodeName: b, restartPolicy: Never, containers: [{name: c, image: busy}]}}
- {apiVersion: v1, kind: Pod, metadata: {name: waits}, spec: {schedulerName: nobody, containers: [{name: c, image: busy}]}}
";

const BASE: &str = "/apis/metrics.k8s.io/v1beta1";

fn world() -> World {
    let mut world = World::new(&Scenario::parse(SCENARIO).unwrap());
    world.settle(BEGINNING + Span::from_secs(600), u32::MAX);
    assert_eq!(world.rejections(), []);
    world
}

/// Status and body of the answer to a GET.
fn ask(world: &World, path: &str) -> (u16, Value) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let request = Request { query: query.to_owned(), ..Request::get(path) };
    let Some(Answer::Done(response)) = world.look(&request) else { panic!("{path} has no finished answer") };
    (response.status, serde_json::from_str(&response.body).unwrap())
}

/// Names and amounts of what a list tells.
fn told(list: &Value) -> Vec<String> {
    let usage = |u: &Value| format!("{} {}", u["cpu"].as_str().unwrap(), u["memory"].as_str().unwrap());
    let item = |item: &Value| {
        let name = item["metadata"]["name"].as_str().unwrap();
        match item["containers"].as_array() {
            None => format!("{name}: {}", usage(&item["usage"])),
            Some(containers) => {
                let each = containers.iter().map(|c| format!("{} {}", c["name"].as_str().unwrap(), usage(&c["usage"])));
                format!("{name}: {}", each.collect::<Vec<_>>().join(", "))
            }
        }
    };
    list["items"].as_array().unwrap().iter().map(item).collect()
}

#[test]
fn containers_use_what_is_said_of_them_or_what_they_ask_for_and_never_more_than_they_may() {
    let (status, pods) = ask(&world(), &format!("{BASE}/pods"));
    assert_eq!((status, &pods["kind"]), (200, &json!("PodMetricsList")));
    assert_eq!(
        told(&pods),
        [
            "asks: c 200000000n 65536Ki",
            "held: c 500000000n 102400Ki",
            "noted: one 2000000000n 1048576Ki, two 2000000000n 1048576Ki",
            "said: c 750000000n 307200Ki",
            "silent: c 1000000n 16384Ki",
        ]
    );
    assert_eq!(pods["items"][0]["window"], "1s");
    assert_eq!(pods["items"][0]["metadata"]["namespace"], "default");
}

#[test]
fn a_node_uses_the_sum_of_its_containers_and_one_out_of_reach_tells_nothing() {
    let mut world = world();
    let nodes = |world: &World| told(&ask(world, &format!("{BASE}/nodes")).1);
    assert_eq!(nodes(&world), ["a: 951000000n 389120Ki", "b: 4500000000n 2199552Ki", "empty: 0n 0Ki"]);
    world.apply("partitionNode b".parse::<Action>().unwrap()).unwrap();
    assert_eq!(nodes(&world), ["a: 951000000n 389120Ki", "empty: 0n 0Ki"]);
    let (status, refusal) = ask(&world, &format!("{BASE}/nodes/b"));
    assert_eq!((status, &refusal["message"]), (404, &json!("nodes.metrics.k8s.io \"b\" not found")));
    assert!(!told(&ask(&world, &format!("{BASE}/pods")).1).iter().any(|pod| pod.starts_with("held")));
}

#[test]
fn what_is_asked_for_is_told() {
    let world = world();
    for (path, names) in [
        ("/nodes?labelSelector=tier%3Dfront", "a"),
        ("/namespaces/default/pods?labelSelector=app%3Dx", "asks said"),
        ("/namespaces/kube-system/pods", ""),
    ] {
        let told = told(&ask(&world, &format!("{BASE}{path}")).1);
        let seen: Vec<&str> = told.iter().map(|item| item.split_once(':').unwrap().0).collect();
        assert_eq!(seen.join(" "), names, "{path}");
    }
    let (status, one) = ask(&world, &format!("{BASE}/namespaces/default/pods/said"));
    assert_eq!((status, &one["kind"], &one["metadata"]["name"]), (200, &json!("PodMetrics"), &json!("said")));
    for (path, code, message) in [
        ("/namespaces/default/pods/waits", 404, "pods.metrics.k8s.io \"default/waits\" not found"),
        ("/nodes/nobody", 404, "nodes.metrics.k8s.io \"nobody\" not found"),
        ("/pods/said", 404, "the server could not find the requested resource"),
        (
            "/pods?labelSelector=a%20b",
            400,
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
        ),
    ] {
        let (status, refusal) = ask(&world, &format!("{BASE}{path}"));
        assert_eq!((status, refusal["message"].as_str().unwrap()), (code, message), "{path}");
    }
    let nobody = Request { user: Arc::new(User::named("u", Role::Nobody)), ..Request::get(format!("{BASE}/nodes")) };
    assert!(matches!(world.look(&nobody), Some(Answer::Done(refusal)) if refusal.status == 403));
}

#[test]
fn the_group_is_there_where_machines_are() {
    let groups = |world: &World| {
        let list = ask(world, "/apis").1;
        list["groups"].as_array().unwrap().iter().any(|group| group["name"] == "metrics.k8s.io")
    };
    assert!(groups(&world()));
    let bare = World::new(&Scenario::default());
    assert!(!groups(&bare));
    assert_eq!(ask(&world(), BASE).1["resources"][1]["kind"], "PodMetrics");
    assert_eq!(bare.look(&Request::get(BASE)).map(|a| matches!(a, Answer::Done(r) if r.status == 404)), Some(true));
}
