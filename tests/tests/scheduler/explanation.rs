//! Why a pod is where it is, or why it is pending, as the API says it.

use crate::fixture::{Fixture, START, cpu, node, pod, requests};
use kubarium_core::Span;
use kubarium_core::apiserver::Method;
use serde_json::{Value, json};

fn path(name: &str) -> String {
    format!("/apis/kubarium.io/v1/namespaces/default/pods/{name}/explanation")
}

fn explained(fixture: &mut Fixture, name: &str) -> Value {
    let (status, answer) = fixture.get(&path(name));
    assert_eq!((status, &answer["kind"]), (200, &json!("Explanation")), "{answer}");
    answer
}

/// Holds parts of a document, by JSON pointer, against what they should be.
fn holds(document: &Value, expected: &[(&str, Value)]) {
    for (pointer, value) in expected {
        assert_eq!(document.pointer(pointer).unwrap_or(&Value::Null), value, "{pointer} of {document:#}");
    }
}

/// `n` is half full, `m` is empty, `closed` is cordoned, `kept` is for others, `tiny` is too small.
fn fixture() -> Fixture {
    let taint = json!([{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]);
    Fixture::new(&[
        node("closed", json!({"spec": {"unschedulable": true}})),
        node("kept", json!({"spec": {"taints": taint}})),
        node("m", json!({})),
        node("n", json!({})),
        node("tiny", json!({"status": {"allocatable": {"cpu": "500m", "memory": "1Gi"}}})),
        pod("there", json!({"nodeName": "n", "containers": requests(json!({"cpu": "2"}))["containers"]})),
    ])
}

#[test]
fn a_placed_pod_is_explained_by_its_decision_and_by_how_every_node_stands_now() {
    let mut fixture = fixture();
    fixture.create(&cpu("p", "1"));
    let document = explained(&mut fixture, "p");
    holds(
        &document,
        &[
            ("/apiVersion", json!("kubarium.io/v1")),
            ("/metadata/name", json!("p")),
            ("/scheduler", json!("default-scheduler")),
            ("/decision/recorded", json!(true)),
            ("/decision/time", json!("2027-01-15T08:00:00.000000Z")),
            ("/decision/nodes", json!(5)),
            ("/decision/feasible", json!(2)),
            ("/decision/placement/node", json!("m")),
            ("/decision/placement/runnerUp/node", json!("n")),
            ("/decision/message", Value::Null),
            ("/queue", Value::Null),
            // Refusals go by plugin.
            ("/decision/refusals/0/plugin", json!("NodeResourcesFit")),
            ("/decision/refusals/0/code", json!("UnschedulableAndUnresolvable")),
            ("/decision/refusals/0/nodes", json!(1)),
            ("/decision/refusals/1/plugin", json!("NodeUnschedulable")),
            ("/decision/refusals/2/plugin", json!("TaintToleration")),
            // Nodes go by name.
            ("/nodes/0/name", json!("closed")),
            ("/nodes/0/reasons", json!([{"reason": "Cordoned", "message": "node(s) were unschedulable"}])),
            ("/nodes/1/reasons/0/taint", json!({"key": "dedicated", "value": "db", "effect": "NoSchedule"})),
            ("/nodes/2/feasible", json!(true)),
            (
                "/nodes/4",
                json!({
                    "name": "tiny", "feasible": false, "plugin": "NodeResourcesFit",
                    "code": "UnschedulableAndUnresolvable", "stand": "NodeResourcesFit: Insufficient cpu",
                    "reasons": [{
                        "reason": "Insufficient", "resource": "cpu", "message": "Insufficient cpu",
                        "requested": "1", "used": "0", "allocatable": "500m",
                    }],
                }),
            ),
        ],
    );
    let number = |pointer: &str| document.pointer(pointer).and_then(Value::as_i64).unwrap();
    let parts: i64 = (0..4).map(|n| number(&format!("/decision/placement/scores/{n}/weighted"))).sum();
    assert_eq!(number("/decision/placement/score"), parts, "the score is the sum of the plugins'");
    let margin = number("/decision/placement/score") - number("/decision/placement/runnerUp/score");
    assert_eq!((number("/decision/placement/margin"), margin > 0), (margin, true));
    assert_eq!(number("/nodes/2/score"), parts, "nothing happened since");
}

#[test]
fn a_pending_pod_is_explained_node_by_node_with_when_it_is_tried_again() {
    let mut fixture = fixture();
    fixture.create(&cpu("p", "3500m"));
    assert_eq!(fixture.place("p"), "m");
    fixture.create(&cpu("q", "3500m"));
    let document = explained(&mut fixture, "q");
    holds(
        &document,
        &[
            ("/decision/feasible", json!(0)),
            ("/decision/placement", Value::Null),
            (
                "/decision/message",
                json!(
                    "0/5 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable, \
                     3 Insufficient cpu. no new claims to deallocate, preemption: 0/5 nodes are available: \
                     2 No preemption victims found for incoming pod, 3 Preemption is not helpful for scheduling."
                ),
            ),
            ("/nodes/3/reasons/0/used", json!("2")),
            ("/nodes/3/reasons/0/allocatable", json!("4")),
            ("/nodes/3/code", json!("Unschedulable")),
            ("/queue/place", json!("Unschedulable")),
            ("/queue/attempts", json!(1)),
            ("/queue/retryTime", json!((START + Span::from_secs(300)).to_micro())),
        ],
    );
    // What helps comes within the back-off: it is tried when that is over.
    fixture.delete_pod("there");
    holds(
        &explained(&mut fixture, "q"),
        &[
            ("/nodes/3/feasible", json!(true)),
            ("/queue/place", json!("BackOff")),
            ("/queue/retryTime", json!((START + Span::from_secs(1)).to_micro())),
        ],
    );
    fixture.pass(2);
    holds(&explained(&mut fixture, "q"), &[("/decision/placement/node", json!("n")), ("/queue", Value::Null)]);
}

#[test]
fn a_gated_pod_waits_for_its_gates_and_its_nodes_are_looked_at_all_the_same() {
    let mut fixture = fixture();
    fixture.create(&pod("p", json!({"schedulingGates": [{"name": "later"}]})));
    holds(
        &explained(&mut fixture, "p"),
        &[
            ("/queue", json!({"place": "Gated", "attempts": 0})),
            ("/decision/recorded", json!(false)),
            ("/decision/note", json!("the pod was not tried yet; this is how the nodes stand to it now")),
            ("/decision/feasible", json!(3)),
        ],
    );
}

#[test]
fn a_scheduler_that_knows_no_scores_names_none() {
    let mut fixture = fixture();
    fixture.create(&pod("p", json!({"schedulerName": "round-robin"})));
    holds(
        &explained(&mut fixture, "p"),
        &[
            ("/scheduler", json!("round-robin")),
            ("/decision/placement", json!({"node": "m"})),
            ("/nodes/2", json!({"name": "m", "feasible": true})),
        ],
    );
}

#[test]
fn after_a_restart_it_is_explained_anew_and_says_so() {
    let mut fixture = fixture();
    fixture.create(&cpu("p", "1"));
    fixture.create(&cpu("q", "5"));
    let before = explained(&mut fixture, "p");
    fixture.pass(5);
    fixture.restart();
    let document = explained(&mut fixture, "p");
    let note = "the decision is not known any more, it was made before a restart; \
                this is how the nodes stand to the pod now, as if it were yet to be placed";
    holds(
        &document,
        &[
            ("/decision/recorded", json!(false)),
            ("/decision/note", json!(note)),
            ("/decision/time", json!(fixture.now.to_micro())),
            ("/decision/placement", before["decision"]["placement"].clone()),
            ("/nodes", before["nodes"].clone()),
        ],
    );
    // The pending one was tried again by the new life.
    holds(&explained(&mut fixture, "q"), &[("/decision/recorded", json!(true)), ("/queue/attempts", json!(1))]);

    // A node that would refuse it now still is where it is.
    fixture.ask(Method::Patch, "nodes/m", &json!({"spec": {"unschedulable": true}}));
    holds(
        &explained(&mut fixture, "p"),
        &[("/decision/placement", json!({"node": "m"})), ("/nodes/2/reasons/0/reason", json!("Cordoned"))],
    );
}

#[test]
fn what_cannot_be_explained_is_refused_with_a_reason() {
    let mut fixture = fixture();
    // The creation of a pod is known to the second: what came in the second of the restart may be of the life before.
    fixture.pass(2);
    fixture.create(&pod("foreign", json!({"schedulerName": "another"})));
    fixture.create(&pod("direct", json!({"nodeName": "tiny"})));
    for (path, status, message) in [
        (path("nobody"), 404, "pods \"nobody\" not found"),
        (path("p").replace("default", "elsewhere"), 404, "pods \"p\" not found"),
        (
            path("foreign"),
            400,
            "pod \"foreign\" is left to the scheduler \"another\"; \
             explained are the decisions of default-scheduler, round-robin, full-scan",
        ),
        (
            path("direct"),
            400,
            "pod \"direct\" came to node \"tiny\" without a scheduler of this cluster: \
             spec.nodeName was set, or somebody else bound it",
        ),
        (path("direct").replace("/pods/", "/nodes/"), 404, "the server could not find the requested resource"),
        (path("direct").replace("v1", "v2"), 404, "the server could not find the requested resource"),
    ] {
        let (code, answer) = fixture.get(&path);
        assert_eq!((code, answer["kind"].as_str()), (status, Some("Status")), "{path}: {answer}");
        assert_eq!(answer["message"], message, "{path}");
    }
}

#[test]
fn discovery_lists_it() {
    let mut fixture = fixture();
    let groups = fixture.get("/apis").1;
    holds(&groups, &[("/groups/5/preferredVersion/groupVersion", json!("kubarium.io/v1"))]);
    assert_eq!(fixture.get("/apis/kubarium.io").1["kind"], "APIGroup");
    let resources = fixture.get("/apis/kubarium.io/v1").1;
    holds(&resources, &[("/resources/0/name", json!("pods/explanation")), ("/resources/0/kind", json!("Explanation"))]);
}

#[test]
fn each_score_is_told_as_counted_as_normalized_and_as_weighted() {
    let soft = json!([{"key": "old", "value": "", "effect": "PreferNoSchedule"}]);
    let zone = |zone: &str| json!({"metadata": {"labels": {"zone": zone}}});
    let mut fixture =
        Fixture::new(&[node("a", zone("x")), node("b", zone("y")), node("c", json!({"spec": {"taints": soft}}))]);
    let prefer = |weight: i32, zone: &str| json!({"weight": weight, "preference": {"matchExpressions": [{"key": "zone", "operator": "In", "values": [zone]}]}});
    let terms = json!({"preferredDuringSchedulingIgnoredDuringExecution": [prefer(10, "x"), prefer(40, "y")]});
    fixture.create(&pod("p", json!({"affinity": {"nodeAffinity": terms}})));
    let document = explained(&mut fixture, "p");
    let of = |node: usize, plugin: &str| {
        let scores = document["nodes"][node]["scores"].as_array().unwrap();
        let score = scores.iter().find(|s| s["plugin"] == plugin).unwrap();
        ["raw", "normalized", "weighted"].map(|key| score[key].as_i64().unwrap())
    };
    for (plugin, expected) in [
        ("NodeAffinity", [[10, 25, 50], [40, 100, 200], [0, 0, 0]]),
        ("TaintToleration", [[0, 100, 300], [0, 100, 300], [1, 0, 0]]),
        ("NodeResourcesFit", [[97, 97, 97]; 3]),
    ] {
        assert_eq!([0, 1, 2].map(|node| of(node, plugin)), expected, "{plugin}");
    }
    for node in document["nodes"].as_array().unwrap() {
        let parts: i64 = node["scores"].as_array().unwrap().iter().map(|s| s["weighted"].as_i64().unwrap()).sum();
        assert_eq!(node["score"], parts, "{node}");
    }
    assert_eq!(document["decision"]["placement"]["node"], "b");
}

#[test]
fn what_makes_room_is_told_with_its_node() {
    let of = |priority: i32| json!({"priority": priority, "containers": requests(json!({"cpu": "2"}))["containers"]});
    let on_n = |name: &str, priority: i32| {
        let mut spec = of(priority);
        spec["nodeName"] = json!("n");
        pod(name, spec)
    };
    let closed = node("m", json!({"spec": {"unschedulable": true}}));
    let mut fixture = Fixture::new(&[node("n", json!({})), closed, on_n("low", 1), on_n("lower", 0), pod("p", of(5))]);
    holds(
        &explained(&mut fixture, "p"),
        &[("/decision/preemption", json!({"node": "n", "victims": [{"namespace": "default", "name": "lower"}]}))],
    );
}
