//! Whether the cluster survives the loss of nodes: the answer is what happens when the machines really fail.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::api::{Kind, Object};
use kubarium_core::apiserver::{Answer, Method, Request};
use kubarium_core::manifest;
use kubarium_core::sim::{Action, Scenario, World};
use kubarium_core::{Input, Span};
use kubarium_tests::property;
use proptest::prelude::*;
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

/// A node that only those go to who tolerate it.
fn tainted(name: &str, zone: &str, cpu: u32) -> String {
    node(name, zone, cpu) + TAINTED
}

const TAINTED: &str = "spec: {taints: [{key: k, effect: NoSchedule}]}\n";

fn quota(hard: &str) -> String {
    format!("---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {{name: q}}\nspec: {{hard: {{{hard}}}}}\n")
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

/// How many pods each controller lacks: they have no node, or were not even made.
fn homeless(world: &World) -> BTreeMap<String, usize> {
    let store = world.cluster().store();
    let placed = |owner: &Object| {
        let active = |o: &&std::sync::Arc<Object>| {
            o.meta.controller_uid() == Some(owner.meta.uid)
                && o.meta.deletion.is_none()
                && o.pod().is_some_and(|p| p.node.is_some() && !p.status.phase.is_finished())
        };
        store.list(Kind::Pod, None).filter(active).count()
    };
    let lacks = |o: &std::sync::Arc<Object>| {
        let wanted = o.replication_controller().and_then(|(spec, _)| spec.replicas).unwrap_or_default() as usize;
        (o.meta.name.to_string(), wanted - placed(o))
    };
    store.list(Kind::ReplicationController, None).map(lacks).collect()
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
fn really_lost(world: &World, nodes: &[&str]) -> BTreeMap<String, usize> {
    let mut world = world.clone();
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

/// Holds what is foretold of the loss of each node against what happens; returns how many are not survived.
fn hold_against_reality(what: &str, world: &World) -> usize {
    let answer = ask(world, "");
    let mut lost = 0;
    for node in world.cluster().store().list(Kind::Node, None) {
        let name = node.meta.name.as_str();
        let real = really_lost(world, &[name]);
        assert_eq!(foretold(&answer, &[name]), real, "{what}: {name} fails: {answer:#}");
        lost += usize::from(!real.is_empty());
    }
    assert_eq!(answer["survives"], json!(lost == 0), "{what}");
    assert_eq!(answer["single"]["losses"].as_array().unwrap().len(), lost, "{what}");
    lost
}

/// Asks the API for something, which it does.
fn request(world: &mut World, method: Method, path: &str, body: &Value) {
    let mut request = Request::new(method, path).with_json(body);
    if method == Method::Patch {
        "application/merge-patch+json".clone_into(&mut request.content_type);
    }
    match world.act(Action::Request { request }).unwrap() {
        Some(Answer::Done(done)) if done.status < 300 => {}
        other => panic!("{body}: {other:?}"),
    }
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
        (
            "the quota has room for the smaller one first",
            quota("requests.cpu: 8")
                + &nodes(&[2, 2, 5])
                + &controller("w0", 3, "1200m", "")
                + &controller("w1", 4, "800m", "")
                + &controller("w2", 1, "400m", ""),
        ),
        (
            "whom the quota let wait is made before those that can be made only then",
            quota("requests.cpu: 5")
                + &tainted("n0", "a", 2)
                + &node("n1", "a", 4)
                + &node("n2", "a", 4)
                + &controller("w0", 2, "1600m", "")
                + &controller("w1", 3, "400m", ""),
        ),
        (
            "whom it wants to be near comes later",
            quota("requests.cpu: 3")
                + &node("n0", "c", 2)
                + &node("n1", "a", 2)
                + &node("n2", "a", 2)
                + &controller("w0", 1, "800m", "")
                + &controller("w1", 1, "1200m", "")
                + &controller("w2", 1, "400m", &demands("w2", 7)),
        ),
        (
            "who makes room takes it until it is gone",
            classes.to_owned()
                + &tainted("n0", "a", 2)
                + &tainted("n1", "a", 2)
                + &node("n2", "a", 2)
                + &node("n3", "b", 3)
                + &node("n4", "a", 5)
                + &controller("w0", 3, "1600m", high)
                + &controller("w1", 2, "1200m", "")
                + &controller("w2", 3, "400m", high),
        ),
        (
            "who makes room counts for its like no more",
            classes.to_owned()
                + &node("n0", "a", 5)
                + &tainted("n1", "a", 4)
                + &node("n2", "b", 5)
                + &controller("web", 3, "400m", &demands("web", 8))
                + &controller("vip", 3, "1600m", high),
        ),
        (
            "who was placed first has run for longer when others come later",
            classes.to_owned()
                + &quota("pods: 8")
                + &node("n0", "b", 4)
                + &tainted("n1", "a", 2)
                + &node("n2", "a", 4)
                + &controller("w0", 1, "400m", "")
                + &controller("w1", 1, "800m", &demands("w1", 7))
                + &controller("w2", 4, "800m", high),
        ),
        ("on one node only", node("n0", "x", 4) + &node("n1", "x", 1) + &controller("web", 2, "1500m", "")),
    ] {
        hold_against_reality(what, &world(&manifests));
    }
}

#[test]
fn what_limits_and_quotas_of_a_namespace_do_not_let_be_made_anew_has_no_home() {
    let nodes: String = (0..4).map(|n| node(&format!("n{n}"), "x", 8)).collect();
    let six = world(&(nodes.clone() + &controller("web", 6, "1", "")));
    let quota = |hard: Value| {
        let rule =
            json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "rule"}, "spec": {"hard": hard}});
        (Method::Post, "/api/v1/namespaces/default/resourcequotas", rule)
    };
    let least = json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "rule"},
        "spec": {"limits": [{"type": "Container", "min": {"cpu": "2"}}]}});
    let larger = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "c", "image": "i", "resources": {"requests": {"cpu": "2"}}}]}}}});
    let template = (Method::Patch, "/api/v1/namespaces/default/replicationcontrollers/web", larger);
    let bare = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"},
        "spec": {"nodeName": "n0", "containers": [{"name": "c", "image": "i"}]}});
    for (what, rules, lost, said) in [
        // What is lost counts for a while, and then no more.
        ("as many as there are", vec![quota(json!({"pods": "6", "requests.cpu": "6"}))], 0, ""),
        (
            "fewer than there are",
            vec![quota(json!({"pods": "4"}))],
            4,
            "exceeded quota: rule, requested: pods=1, used: pods=",
        ),
        ("one fewer", vec![quota(json!({"pods": "5"}))], 4, "exceeded quota: rule"),
        (
            "one fewer, but one makes room that is not made anew",
            vec![(Method::Post, "/api/v1/namespaces/default/pods", bare), quota(json!({"pods": "6"}))],
            3,
            "exceeded quota: rule",
        ),
        // As objects they are there until their node is back.
        ("objects", vec![quota(json!({"count/pods": "6"}))], 4, "exceeded quota: rule, requested: count/pods=1"),
        ("of others", vec![quota(json!({"configmaps": "1", "services": "1"}))], 0, ""),
        ("they ask for more now", vec![quota(json!({"requests.cpu": "6"})), template], 4, "requested: requests.cpu=2"),
        (
            "they do not say",
            vec![quota(json!({"limits.cpu": "60"}))],
            4,
            "failed quota: rule: must specify limits.cpu for: c",
        ),
        (
            "they are too small",
            vec![(Method::Post, "/api/v1/namespaces/default/limitranges", least)],
            4,
            "minimum cpu usage per Container is 2",
        ),
    ] {
        let mut world = six.clone();
        for (method, path, body) in &rules {
            request(&mut world, *method, path, body);
        }
        pass(&mut world, 30);
        assert_eq!(hold_against_reality(what, &world), lost, "{what}");
        let answer = ask(&world, "");
        let seen = answer["single"]["losses"][0]["homeless"][0]["message"].as_str().unwrap_or_default();
        assert!(seen.contains(said) && seen.is_empty() == said.is_empty(), "{what}: {seen}");
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
            let real = really_lost(&world(&manifests), &names);
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
    // A quota that gives back what is lost changes nothing; one of objects has room for one node's pod only.
    for (hard, sure, lost) in [("pods: 12", 66, 0), ("count/pods: 13", 0, 66)] {
        let answer = ask(&world(&(easy.clone() + &quota(hard))), "nodes=2");
        assert_eq!(answer["single"]["losses"], json!([]), "{hard}");
        assert_eq!(
            (&answer["pairs"]["survivedByCount"], &answer["pairs"]["lost"]),
            (&json!(sure), &json!(lost)),
            "{hard}: {answer:#}"
        );
    }
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

/// What is laid beside the containers of a controller of that name.
fn demands(name: &str, kind: usize) -> String {
    let tolerates = "tolerations: [{key: k, operator: Exists}], ";
    let near = APART
        .replace("podAntiAffinity", "podAffinity")
        .replace("kubernetes.io/hostname", "topology.kubernetes.io/zone");
    match kind {
        0 | 1 => String::new(),
        2 => APART.replace("NAME", name),
        3 => SPREAD.replace("NAME", name),
        4 => tolerates.to_owned(),
        5 => "nodeSelector: {topology.kubernetes.io/zone: a}, ".to_owned(),
        6 => "priorityClassName: high, ".to_owned(),
        7 => near.replace("NAME", "w0"),
        _ => format!("{tolerates}{}", SPREAD.replace("NAME", name)),
    }
}

fn clusters() -> impl Strategy<Value = String> {
    let nodes = prop::collection::vec((0..3_usize, 2..6_u32, prop::bool::weighted(0.2)), 3..6);
    let controllers = prop::collection::vec((1..5_u32, 1..5_u32, 0..9_usize), 1..4);
    (nodes, controllers, prop::option::of((0..3_usize, 1..10_u32))).prop_map(|(nodes, controllers, bounded)| {
        let mut text =
            "---\napiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: high}\nvalue: 100\n"
                .to_owned();
        for (n, (zone, cpu, tainted)) in nodes.into_iter().enumerate() {
            text += &node(&format!("n{n}"), ["a", "b", "c"][zone], cpu);
            if tainted {
                text += TAINTED;
            }
        }
        if let Some((of, bound)) = bounded {
            let of = ["pods", "requests.cpu", "count/pods"][of];
            text += &quota(&format!("{of}: {bound}"));
        }
        for (n, (replicas, cpu, kind)) in controllers.into_iter().enumerate() {
            let name = format!("w{n}");
            text += &controller(&name, replicas, &format!("{}m", cpu * 400), &demands(&name, kind));
        }
        text
    })
}

proptest! {
    #![proptest_config(property::cases(64))]

    /// Whatever a cluster is made of, what is foretold of the loss of a node is what happens.
    #[test]
    fn what_is_foretold_is_what_happens(manifests in clusters()) {
        let world = world(&manifests);
        // Who waits already may take what others leave.
        prop_assume!(homeless(&world).values().all(|lacking| *lacking == 0));
        hold_against_reality("", &world);
    }
}
