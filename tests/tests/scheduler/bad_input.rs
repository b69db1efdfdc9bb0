//! What makes no sense ends in a named error or in a reason to wait, and stands in nobody else's way.

use crate::fixture::{Fixture, cpu, merge, node, pod, requests};
use kubarium_core::apiserver::Method;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";
const MAX: &str = "9223372036854775807";

/// What comes of an object.
enum Ends {
    /// The API does not take it: code, and what is said.
    Refused(u16, &'static str),
    /// It waits, and this is how its condition begins.
    Waits(&'static str),
    /// It gets a node.
    Placed,
}

use Ends::{Placed, Refused, Waits};

/// Asks the API for an object.
fn post(fixture: &mut Fixture, object: &Value) -> (u16, Value) {
    let path = match object["kind"].as_str().unwrap() {
        "Node" => "/api/v1/nodes",
        "PriorityClass" => "/apis/scheduling.k8s.io/v1/priorityclasses",
        _ => "/api/v1/namespaces/default/pods",
    };
    fixture.answer(Method::Post, path, &object.to_string())
}

/// Two nodes, each a zone.
fn two() -> [Value; 2] {
    ["a", "b"].map(|name| node(name, json!({"metadata": {"labels": {ZONE: name}}})))
}

/// Checks rows of: a sentence, objects of which the last is called `bad` if it is a pod, and what comes of that one.
/// Whatever it is, pods that come after it are placed at once.
#[track_caller]
fn check(rows: Vec<(&str, Vec<Value>, Ends)>) {
    for (sentence, objects, ends) in rows {
        for scheduler in ["default-scheduler", "full-scan", "round-robin"] {
            let mut fixture = Fixture::new(&two());
            let mut answer = (0, Value::Null);
            for (at, object) in objects.iter().enumerate() {
                let mut object = object.clone();
                if object["kind"] == "Pod" {
                    object["spec"]["schedulerName"] = json!(scheduler);
                }
                answer = post(&mut fixture, &object);
                assert!(at + 1 == objects.len() || answer.0 < 300, "{sentence}, object {at}: {}", answer.1);
            }
            let (code, answer) = answer;
            match ends {
                Refused(expected, why) => {
                    let said = answer["message"].as_str().unwrap_or_default();
                    assert!(code == expected && said.contains(why), "{sentence}, {scheduler}: {code} {said}");
                }
                Waits(why) => {
                    assert_eq!(code, 201, "{sentence}, {scheduler}: {answer}");
                    assert_eq!(fixture.place("bad"), "-", "{sentence}, {scheduler}");
                    let said = fixture.decision("bad").message().unwrap();
                    assert!(said.starts_with(why), "{sentence}, {scheduler}: {said}");
                }
                Placed => {
                    assert_eq!(code, 201, "{sentence}, {scheduler}: {answer}");
                    let place = || fixture.place("bad");
                    assert!(objects.last().unwrap()["kind"] != "Pod" || place() != "-", "{sentence}, {scheduler}");
                }
            }
            for (name, seconds) in [("at-once", 0), ("later", 20)] {
                fixture.pass(seconds);
                let mut ordinary = cpu(name, "100m");
                ordinary["spec"]["schedulerName"] = json!(scheduler);
                fixture.create(&ordinary);
                assert_ne!(fixture.place(name), "-", "{sentence}, {scheduler}: {name}");
            }
        }
    }
}

fn bad(spec: Value) -> Value {
    let mut bad = pod("bad", spec);
    bad["metadata"]["labels"] = json!({"app": "x"});
    bad
}

fn of_nodes(terms: Value) -> Value {
    json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}})
}

fn expression(key: &str, operator: &str, values: Value) -> Value {
    json!({"key": key, "operator": operator, "values": values})
}

/// Near or apart from pods `app: x`.
fn of_pods(which: &str, key: &str, hard: bool) -> Value {
    let term = json!({"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": key});
    let terms = if hard {
        json!({"requiredDuringSchedulingIgnoredDuringExecution": [term]})
    } else {
        json!({"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]})
    };
    json!({"affinity": {which: terms}})
}

fn spread(key: &str, when: &str, over: Value) -> Value {
    let mut constraint = json!({"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": when,
        "labelSelector": {"matchLabels": {"app": "x"}}});
    merge(&mut constraint, &over);
    json!({"topologySpreadConstraints": [constraint]})
}

fn both(mut one: Value, other: &Value) -> Value {
    merge(&mut one, other);
    one
}

#[test]
fn affinities_that_contradict_each_other() {
    const NO_NODE: &str = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.";
    let in_zone = |values| expression(ZONE, "In", values);
    let named = |name: &str| expression("metadata.name", "In", json!([name]));
    let first = || {
        let mut first = bad(both(of_pods("podAffinity", HOST, true), &of_pods("podAntiAffinity", HOST, true)));
        first["metadata"]["name"] = json!("first");
        first
    };
    let again = both(of_pods("podAffinity", HOST, true), &of_pods("podAntiAffinity", HOST, true));
    check(vec![
        (
            "a selector and a term that want different nodes",
            vec![bad(both(
                json!({"nodeSelector": {ZONE: "a"}}),
                &of_nodes(json!([{"matchExpressions": [in_zone(json!(["b"]))]}])),
            ))],
            Waits(NO_NODE),
        ),
        (
            "a label that is to be there and not to be there",
            vec![bad(of_nodes(json!([{"matchExpressions": [
                expression(ZONE, "Exists", Value::Null), expression(ZONE, "DoesNotExist", Value::Null)]}])))],
            Waits(NO_NODE),
        ),
        (
            "a number greater and less than another",
            vec![bad(of_nodes(json!([{"matchExpressions": [
                expression("n", "Gt", json!([MAX])), expression("n", "Lt", json!(["0"]))]}])))],
            Waits(NO_NODE),
        ),
        (
            "a number that no machine has",
            vec![bad(of_nodes(
                json!([{"matchExpressions": [expression("n", "Gt", json!(["99999999999999999999"]))]}]),
            ))],
            Waits(NO_NODE),
        ),
        (
            "two names at once",
            vec![bad(of_nodes(json!([{"matchFields": [named("a"), named("b")]}])))],
            Waits("0/2 nodes are available: pod affinity terms conflict."),
        ),
        (
            "near and apart from the same pods",
            vec![first(), bad(again)],
            Waits(
                "0/2 nodes are available: 1 node(s) didn't match pod affinity rules, 1 node(s) didn't match pod anti-affinity rules.",
            ),
        ),
        (
            "one of no values",
            vec![bad(of_nodes(json!([{"matchExpressions": [in_zone(json!([]))]}])))],
            Refused(
                422,
                "nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In'",
            ),
        ),
        (
            "no terms at all",
            vec![bad(of_nodes(json!([])))],
            Refused(422, "nodeSelectorTerms: Required value: must have at least one node selector term"),
        ),
        (
            "an operator that there is not",
            vec![bad(of_nodes(json!([{"matchExpressions": [expression(ZONE, "Is", json!(["a"]))]}])))],
            Refused(422, "matchExpressions[0].operator: Invalid value: \"Is\": not a valid selector operator"),
        ),
        (
            "a weight out of bounds",
            vec![bad(both(
                of_pods("podAffinity", ZONE, false),
                &json!({"affinity": {"podAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": i32::MAX, "podAffinityTerm": {"topologyKey": ZONE}}]}}}),
            ))],
            Refused(422, "weight: Invalid value: 2147483647: must be in the range 1-100"),
        ),
    ]);
}

#[test]
fn labels_that_no_node_has() {
    const LACKING: &str =
        "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints (missing required label).";
    let there = |name: &str, node: &str| {
        let mut there = bad(json!({"nodeName": node}));
        there["metadata"]["name"] = json!(name);
        there
    };
    check(vec![
        ("spread over it", vec![bad(spread("rack", "DoNotSchedule", json!({})))], Waits(LACKING)),
        (
            "over more values of it than there can be",
            vec![bad(spread("rack", "DoNotSchedule", json!({"minDomains": i32::MAX})))],
            Waits(LACKING),
        ),
        (
            "over more values than there are",
            vec![
                there("one", "a"),
                there("two", "b"),
                bad(spread(ZONE, "DoNotSchedule", json!({"minDomains": i32::MAX}))),
            ],
            Waits("0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints."),
        ),
        (
            "as evenly as nobody can count",
            vec![there("one", "a"), bad(spread(ZONE, "DoNotSchedule", json!({"maxSkew": i32::MAX})))],
            Placed,
        ),
        ("rather over it", vec![bad(spread("rack", "ScheduleAnyway", json!({"maxSkew": i32::MAX})))], Placed),
        (
            "rather over it, with so many values",
            vec![bad(spread("rack", "ScheduleAnyway", json!({"minDomains": 2})))],
            Refused(422, "minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule"),
        ),
        (
            "over nothing",
            vec![bad(spread("", "DoNotSchedule", json!({})))],
            Refused(422, "topologyKey: Required value: can not be empty"),
        ),
        (
            "by less than one",
            vec![bad(spread(ZONE, "DoNotSchedule", json!({"maxSkew": 0})))],
            Refused(422, "maxSkew: Invalid value: 0: must be greater than zero"),
        ),
        (
            "near itself in it",
            vec![bad(of_pods("podAffinity", "rack", true))],
            Waits("0/2 nodes are available: 2 node(s) didn't match pod affinity rules."),
        ),
        ("rather near in it", vec![bad(of_pods("podAffinity", "rack", false))], Placed),
        (
            "apart in it",
            vec![there("one", "a"), there("two", "b"), bad(of_pods("podAntiAffinity", "rack", true))],
            Placed,
        ),
        ("rather apart in it", vec![bad(of_pods("podAntiAffinity", "rack", false))], Placed),
    ]);
}

#[test]
fn amounts_that_overflow() {
    const NO_CPU: &str = "0/2 nodes are available: 2 Insufficient cpu.";
    const NO_MEMORY: &str = "0/2 nodes are available: 2 Insufficient memory.";
    let container = |name: &str, resources: Value| json!({"name": name, "image": "i", "resources": resources});
    let twice = |list: Value| {
        let (one, two) = (container("c", list.clone()), container("d", list));
        json!({"containers": [one, two]})
    };
    let endless = json!({"cpu": MAX, "memory": "8Ei", "ephemeral-storage": "8Ei", "pods": MAX, "example.com/x": MAX});
    let huge = || node("huge", json!({"status": {"allocatable": endless, "capacity": endless}}));
    let negative = json!({"allocatable": {"cpu": "-1", "memory": "-8Ei"}});
    check(vec![
        ("all that 64 bits hold", vec![bad(requests(json!({"cpu": MAX})))], Waits(NO_CPU)),
        ("twice that, in two containers", vec![bad(twice(json!({"requests": {"cpu": MAX}})))], Waits(NO_CPU)),
        ("in exbibytes", vec![bad(twice(json!({"requests": {"memory": "16Ei"}})))], Waits(NO_MEMORY)),
        ("with more digits than can be", vec![bad(requests(json!({"memory": "1e999999999"})))], Waits(NO_MEMORY)),
        (
            "beside what init containers ask for",
            vec![bad(both(
                json!({"initContainers": [container("i", json!({"requests": {"cpu": "9E"}}))]}),
                &twice(json!({"requests": {"cpu": "9E"}})),
            ))],
            Waits(NO_CPU),
        ),
        (
            "of what nobody knows",
            vec![bad(twice(json!({"requests": {"example.com/x": MAX}, "limits": {"example.com/x": MAX}})))],
            Waits("0/2 nodes are available: 2 Insufficient example.com/x."),
        ),
        (
            "as limits alone of what is there",
            vec![bad(twice(json!({"requests": {"cpu": "1"}, "limits": {"cpu": MAX}})))],
            Placed,
        ),
        ("next to nothing", vec![bad(requests(json!({"cpu": "1e-999999999"})))], Placed),
        (
            "less than nothing",
            vec![bad(requests(json!({"cpu": "-1"})))],
            Refused(
                422,
                "spec.containers[0].resources.requests[cpu]: Invalid value: \"-1\": must be greater than or equal to 0",
            ),
        ),
        (
            "no number",
            vec![bad(requests(json!({"cpu": "plenty"})))],
            Refused(400, "quantities must match the regular expression"),
        ),
        (
            "a node with all that 64 bits hold",
            vec![huge(), bad(requests(json!({"cpu": "4000", "memory": "4Ei"})))],
            Placed,
        ),
        (
            "all of that node",
            vec![huge(), bad(requests(json!({"cpu": MAX, "memory": "8Ei", "ephemeral-storage": "8Ei"})))],
            Placed,
        ),
        (
            "a node with less than nothing",
            vec![node("less", json!({"status": negative}))],
            Refused(422, "status.allocatable.cpu: Invalid value: \"-1\": must be greater than or equal to 0"),
        ),
        (
            "images larger than can be",
            vec![
                node(
                    "full",
                    json!({"status": {"images": (0..5).map(|n| json!({"names": [format!("i{n}:latest")],
                    "sizeBytes": i64::MAX})).collect::<Vec<_>>()}}),
                ),
                bad(json!({"containers": (0..5).map(|n| json!({"name": format!("c{n}"), "image": format!("i{n}")}))
                    .collect::<Vec<_>>()})),
            ],
            Placed,
        ),
    ]);
}

#[test]
fn what_was_too_much_to_be_counted_is_counted_again_when_less_is_left() {
    let endless = json!({"memory": "8Ei", "cpu": MAX});
    for scheduler in ["default-scheduler", "full-scan"] {
        let there = |name: &str| pod(name, both(requests(json!({"memory": "6Ei"})), &json!({"nodeName": "huge"})));
        let huge = node("huge", json!({"status": {"allocatable": endless}}));
        let mut fixture = Fixture::new(&[huge, there("one"), there("two")]);
        fixture.delete_pod("one");
        for (name, memory) in [("more", "3Ei"), ("rest", "1Ei")] {
            let scheduler = json!({"schedulerName": scheduler});
            fixture.create(&pod(name, both(requests(json!({"memory": memory})), &scheduler)));
        }
        assert_eq!((fixture.place("more"), fixture.place("rest")), ("-", "huge"), "{scheduler}: 6 of 8 Ei are taken");
    }
}

#[test]
fn priorities_that_overflow() {
    let class = |value: i64| json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "c"}, "value": value});
    let of_class = || bad(json!({"priorityClassName": "c"}));
    check(vec![
        ("the highest there may be", vec![class(1_000_000_000), of_class()], Placed),
        ("the lowest", vec![class(i32::MIN.into()), of_class()], Placed),
        (
            "above the highest",
            vec![class(1_000_000_001)],
            Refused(422, "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"),
        ),
        ("above what 32 bits hold", vec![class(i64::from(i32::MAX) + 1)], Refused(400, "2147483648")),
        (
            "a pod's own",
            vec![bad(json!({"priority": i32::MAX}))],
            Refused(403, "the integer value of priority (2147483647) must not be provided in pod spec"),
        ),
        ("of a class that there is not", vec![of_class()], Refused(403, "no PriorityClass with name c was found")),
    ]);
    // Sums over victims, of which all are as important as can be, or as unimportant.
    for (there, new) in [(i32::MAX - 1, i32::MAX), (i32::MIN, i32::MIN + 1), (i32::MIN, i32::MAX)] {
        let of = |name: String, priority: i32, cpu: &str, over: Value| {
            let over = both(json!({"priority": priority, "terminationGracePeriodSeconds": 0}), &over);
            pod(&name, both(requests(json!({"cpu": cpu})), &over))
        };
        let on = |node: &'static str| {
            (0..8).map(move |n| of(format!("{node}{n}"), there, "500m", json!({"nodeName": node})))
        };
        let new = of("new".to_owned(), new, "4", json!({}));
        let mut fixture =
            Fixture::new(&two().into_iter().chain(on("a")).chain(on("b")).chain([new]).collect::<Vec<_>>());
        fixture.pass(30);
        assert_ne!(fixture.place("new"), "-", "{there}");
        assert_eq!(fixture.places().split(' ').count(), 9, "one node's pods made room: {}", fixture.places());
    }
}

/// So many labels, each with a value of its own.
fn labels(count: usize, from: usize) -> Map<String, Value> {
    (from..from + count).map(|n| (format!("l{n}"), json!(n.to_string()))).collect()
}

#[test]
fn more_labels_than_anybody_needs() {
    let labelled = |mut object: Value, count: usize| {
        let labels = labels(count, 0);
        merge(&mut object, &json!({"metadata": {"labels": labels}}));
        object
    };
    check(vec![
        ("a pod with 20,000", vec![labelled(bad(spread(ZONE, "DoNotSchedule", json!({}))), 20_000)], Placed),
        (
            "a node with 20,000",
            vec![labelled(node("c", json!({})), 20_000), bad(json!({"nodeSelector": {"l19999": "19999"}}))],
            Placed,
        ),
        (
            "a selector of 20,000 that no node has",
            vec![bad(json!({"nodeSelector": labels(20_000, 0)}))],
            Waits("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."),
        ),
        (
            "terms about 1,000 labels",
            vec![bad(json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
                (0..1000).map(|n| json!({"topologyKey": format!("l{n}"), "labelSelector": {}})).collect::<Vec<_>>()}}}))],
            Placed,
        ),
    ]);
    let mut fixture = Fixture::new(&two());
    let mut million = r#"{"kind":"Pod","metadata":{"name":"bad","labels":{"#.to_owned();
    for n in 0..1_000_000 {
        let _ = write!(million, "\"l{n}\":\"\",");
    }
    million.push_str(r#""l":""}},"spec":{"containers":[{"name":"c","image":"i"}]}}"#);
    let (code, answer) = fixture.answer(Method::Post, "/api/v1/namespaces/default/pods", &million);
    assert_eq!((code, &answer["reason"]), (413, &json!("RequestEntityTooLarge")), "{answer}");
    fixture.create(&pod("ordinary", json!({})));
    assert_ne!(fixture.place("ordinary"), "-");
}

#[test]
fn a_hundred_thousand_labels_over_many_nodes() {
    let nodes: Vec<Value> = (0..100)
        .map(|n| {
            let labels = labels(1000, n * 500);
            node(&format!("n{n:02}"), json!({"metadata": {"labels": labels}}))
        })
        .collect();
    let mut fixture = Fixture::new(&nodes);
    for (name, spec, place) in [
        ("one-has-it", json!({"nodeSelector": {"l0": "0"}}), "n00"),
        ("none-has-it", json!({"nodeSelector": {"l0": "1"}}), "-"),
        ("spread", spread("l0", "DoNotSchedule", json!({})), "n00"),
    ] {
        fixture.create(&pod(name, spec));
        assert_eq!(fixture.place(name), place, "{name}");
    }
    fixture.create(&pod("ordinary", json!({})));
    assert_ne!(fixture.place("ordinary"), "-");
}
