//! Whether the cluster survives the loss of nodes: the answer is what happens when the machines really fail.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::api::{Kind, Object};
use kubarium_core::apiserver::{Answer, Request};
use kubarium_core::manifest;
use kubarium_core::sim::{Action, Scenario, World};
use kubarium_core::{Input, Span};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A world with these manifests, when nothing is left to happen.
fn world(manifests: &str) -> World {
    let manifests = manifest::documents(manifests).map(|d| d.unwrap().value.into()).collect();
    let mut world = World::new(&Scenario { manifests, ..Scenario::default() });
    pass(&mut world, 120);
    assert!(world.rejections().is_empty(), "{:?}", world.rejections());
    world
}

fn pass(world: &mut World, seconds: i64) {
    let until = world.now() + Span::from_secs(seconds);
    while !world.advance(until, 10_000).reached {}
}

fn node(name: &str, zone: &str, cpu: u32) -> String {
    format!(
        "---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {{topology.kubernetes.io/zone: {zone}, \
         kubernetes.io/hostname: {name}}}}}\nstatus: {{capacity: {{cpu: {cpu}, memory: 32Gi, pods: 110}}, \
         allocatable: {{cpu: {cpu}, memory: 32Gi, pods: 110}}}}\n"
    )
}

/// A controller whose pods ask for so much, and what is laid beside the containers.
fn controller(name: &str, replicas: u32, cpu: &str, more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: ReplicationController\nmetadata: {{name: {name}}}\nspec:\n  replicas: {replicas}\n  \
         selector: {{app: {name}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: {{{more}containers: \
         [{{name: c, image: i, resources: {{requests: {{cpu: {cpu}}}}}}}]}}\n"
    )
}

fn ask(world: &World, query: &str) -> Value {
    let request = Request { query: query.to_owned(), ..Request::get("/apis/kubarium.io/v1/survival") };
    let mut cluster = world.cluster().clone();
    match cluster.handle(cluster.now(), Input::Request(request)).answer {
        Some(Answer::Done(done)) => serde_json::from_str(&done.body).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// How many pods of each controller have no node, on none of these.
fn homeless(world: &World) -> BTreeMap<String, usize> {
    let mut pending = BTreeMap::new();
    let waits = |o: &&std::sync::Arc<Object>| {
        o.meta.deletion.is_none() && o.pod().is_some_and(|p| p.node.is_none() && !p.status.phase.is_finished())
    };
    for pod in world.cluster().store().list(Kind::Pod, None).filter(waits) {
        let owner = pod.meta.controller().map_or("", |o| o.name.as_str());
        *pending.entry(owner.to_owned()).or_default() += 1;
    }
    pending
}

/// What the answer says of the loss of these nodes.
fn foretold(answer: &Value, nodes: &[&str]) -> BTreeMap<String, usize> {
    let list = if nodes.len() == 1 { &answer["single"]["losses"] } else { &answer["pairs"]["losses"] };
    let mut told = BTreeMap::new();
    let loss = list.as_array().unwrap().iter().find(|loss| loss["nodes"] == json!(nodes));
    for pod in loss.into_iter().flat_map(|l| l["homeless"].as_array().unwrap()) {
        *told.entry(pod["controller"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    told
}

/// Switches the machines off, waits until everything that follows has happened, and counts who has no node and did not
/// wait for one before.
fn really_lost(manifests: &str, nodes: &[&str]) -> BTreeMap<String, usize> {
    let mut world = world(manifests);
    let before = homeless(&world);
    for node in nodes {
        world.act(Action::FailNode { node: (*node).into() }).unwrap();
    }
    pass(&mut world, 900);
    let mut lost = homeless(&world);
    for (owner, waited) in before {
        *lost.entry(owner).or_default() -= waited;
    }
    lost.retain(|_, pods| *pods > 0);
    lost
}

const APART: &str = "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: \
                     kubernetes.io/hostname, labelSelector: {matchLabels: {app: NAME}}}]}}, ";
const SPREAD: &str = "topologySpreadConstraints: [{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, \
                      whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: NAME}}}], ";

#[test]
fn of_each_node_it_is_foretold_what_happens_when_it_fails() {
    let nodes = |cpus: &[u32]| -> String {
        cpus.iter().zip(0..).map(|(cpu, n)| node(&format!("n{n}"), ["a", "b"][n % 2], *cpu)).collect()
    };
    let classes = "---\napiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: high}\nvalue: 100\n";
    let high = "priorityClassName: high, ";
    for (what, manifests) in [
        ("there is room", nodes(&[4, 4, 4]) + &controller("web", 6, "1", "")),
        ("all is full", nodes(&[4, 4, 4]) + &controller("web", 10, "1", "")),
        ("two kinds", nodes(&[4, 4, 4, 2]) + &controller("web", 6, "1", "") + &controller("large", 2, "3", "")),
        ("apart", nodes(&[4, 4, 4]) + &controller("web", 3, "100m", &APART.replace("NAME", "web"))),
        ("spread", nodes(&[4, 4, 4]) + &controller("web", 5, "1", &SPREAD.replace("NAME", "web"))),
        (
            "the more important ones push others out",
            classes.to_owned() + &nodes(&[4, 4, 4]) + &controller("low", 6, "1", "") + &controller("vip", 5, "1", high),
        ),
        ("on one node only", node("n0", "x", 4) + &node("n1", "x", 1) + &controller("web", 2, "1500m", "")),
    ] {
        let answer = ask(&world(&manifests), "");
        let names: Vec<String> = {
            let world = world(&manifests);
            world.cluster().store().list(Kind::Node, None).map(|n| n.meta.name.to_string()).collect()
        };
        let mut lost = 0;
        for name in &names {
            let real = really_lost(&manifests, &[name]);
            assert_eq!(foretold(&answer, &[name]), real, "{what}: {name} fails: {answer:#}");
            lost += usize::from(!real.is_empty());
        }
        assert_eq!(answer["survives"], json!(lost == 0), "{what}");
        assert_eq!(answer["single"]["losses"].as_array().unwrap().len(), lost, "{what}");
    }
}

#[test]
fn of_each_pair_of_nodes_it_is_foretold_too() {
    let mut manifests = String::new();
    for (n, cpu) in [4, 4, 4, 4, 3].into_iter().enumerate() {
        write!(manifests, "{}", node(&format!("n{n}"), ["a", "b", "c"][n % 3], cpu)).unwrap();
    }
    manifests += &controller("web", 7, "1", "");
    manifests += &controller("large", 3, "2", "");
    let answer = ask(&world(&manifests), "nodes=2");
    assert_eq!(answer["single"]["losses"], json!([]), "{answer:#}");
    let pairs = &answer["pairs"];
    assert_eq!((&pairs["all"], &pairs["notLookedAt"], &pairs["withNodeLostAlone"]), (&json!(10), &json!(0), &json!(0)));
    let mut lost = 0;
    for a in 0..5 {
        for b in a + 1..5 {
            let names = [format!("n{a}"), format!("n{b}")];
            let names = [names[0].as_str(), names[1].as_str()];
            let real = really_lost(&manifests, &names);
            assert_eq!(foretold(&answer, &names), real, "{names:?} fail: {answer:#}");
            lost += u64::from(!real.is_empty());
        }
    }
    assert!(lost > 0);
    assert_eq!((&pairs["lost"], &answer["survives"]), (&json!(lost), &json!(false)));
}

#[test]
fn what_is_survived_for_sure_is_survived_when_it_is_scheduled_and_nothing_is_left_out_silently() {
    // Every node has one small pod and room for many: counting is enough. Then one more kind matters to its neighbours.
    let nodes: String = (0..12).map(|n| node(&format!("n{n:02}"), "x", 8)).collect();
    let easy = nodes.clone() + &controller("web", 12, "1", "");
    let counted = ask(&world(&easy), "nodes=2");
    assert_eq!((&counted["survives"], &counted["pairs"]["survivedByCount"]), (&json!(true), &json!(66)), "{counted:#}");
    let apart = easy + &controller("apart", 8, "10m", &APART.replace("NAME", "apart"));
    let tried = ask(&world(&apart), "nodes=2");
    assert_eq!(tried["survives"], true, "{tried:#}");
    assert_eq!((&tried["pairs"]["scheduled"], &tried["pairs"]["notLookedAt"]), (&json!(60), &json!(0)), "{tried:#}");
    let bounded = ask(&world(&apart), "nodes=2&tries=10");
    assert_eq!((&bounded["survives"], &bounded["pairs"]["notLookedAt"]), (&Value::Null, &json!(50)), "it is not known");
}

#[test]
fn pods_that_nobody_makes_anew_are_told_apart() {
    let stays = "tolerations: [{operator: Exists}], ";
    let manifests = node("n0", "x", 4)
        + &node("n1", "x", 4)
        + &controller("stays", 1, "1", stays)
        + "---\napiVersion: v1\nkind: Pod\nmetadata: {name: bare}\nspec: {containers: [{name: c, image: i}]}\n";
    let answer = ask(&world(&manifests), "");
    assert_eq!((&answer["survives"], &answer["enduring"]), (&json!(true), &json!(1)), "{answer:#}");
    let bare = answer["bare"].as_array().unwrap();
    assert_eq!((bare.len(), &bare[0]["name"]), (1, &json!("bare")));
}

#[test]
fn bad_numbers_are_named() {
    let world = world(&node("n0", "x", 4));
    for (query, said) in [
        ("nodes=3", "nodes: Invalid value: \"3\": must be a whole number from 1 to 2"),
        ("nodes=0", "nodes: Invalid value: \"0\": must be a whole number from 1 to 2"),
        ("nodes=all", "nodes: Invalid value: \"all\": must be a whole number from 1 to 2"),
        ("nodes=2&tries=0", "tries: Invalid value: \"0\": must be a whole number from 1 to 100000000"),
    ] {
        let answer = ask(&world, query);
        assert_eq!((&answer["code"], answer["message"].as_str()), (&json!(400), Some(said)));
    }
}
