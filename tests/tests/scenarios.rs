//! Scenarios as text in, timeline out: what a person would see second by second.
//!
//! `tests/scenarios/NAME.timeline` says what NAME does; its first line says for how long it is watched. NAME is a
//! scenario Kubarium comes with, or `tests/scenarios/NAME.yaml`. With `UPDATE_EXPECT=1` the timelines are written anew:
//! read the difference before you keep it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::Span;
use kubarium_core::api::{Body, Kind, Object};
use kubarium_core::sim::{self, BEGINNING, Scenario, World};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn scenario(name: &str) -> Scenario {
    let read = if let Some(shipped) = sim::shipped().iter().find(|s| s.name == name) {
        shipped.scenario()
    } else {
        Scenario::parse(&std::fs::read_to_string(folder().join(format!("{name}.yaml"))).unwrap())
    };
    read.unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn node_word(object: &Object) -> String {
    let (spec, status) = object.node().unwrap();
    let ready = status.conditions.iter().flatten().find(|c| c.type_ == "Ready").map_or("Unknown", |c| &c.status);
    let mut word = match ready {
        "True" => "ready".to_owned(),
        "False" => "not ready".to_owned(),
        _ => "unknown".to_owned(),
    };
    for taint in spec.taints.iter().flatten().filter(|t| t.effect == "NoExecute") {
        let _ = write!(word, ", {}", taint.key.rsplit('/').next().unwrap());
    }
    if spec.unschedulable == Some(true) {
        word.push_str(", cordoned");
    }
    word
}

/// A pod in one word: as `kubectl get pods` shows it.
fn pod_word(object: &Object) -> String {
    use kubarium_core::api::ContainerState::{Terminated, Waiting};
    let pod = object.pod().unwrap();
    let container = pod.status.containers.first();
    let reason = container.and_then(|c| match &c.state {
        Waiting { reason, .. } => reason.as_deref(),
        Terminated(t) => t.reason.as_deref(),
        _ => None,
    });
    let mut word = if object.meta.deletion.is_some() {
        "Terminating".to_owned()
    } else {
        pod.status.rarer.reason.as_deref().or(reason).unwrap_or(pod.status.phase.as_str()).to_owned()
    };
    if pod.status.is_ready() {
        word.push_str(" ready");
    }
    if let Some(restarts) = container.map(|c| c.restarts).filter(|n| *n > 0) {
        let _ = write!(word, " ({restarts} restarts)");
    }
    word
}

/// The state of a world, one line for each thing. Pods of controllers have random names and are counted instead.
fn state(world: &World) -> Vec<String> {
    let store = world.cluster().store();
    let mut lines = Vec::new();
    for node in store.list(Kind::Node, None) {
        lines.push(format!("node {}: {}", node.meta.name, node_word(node)));
    }
    for rc in store.list(Kind::ReplicationController, None) {
        let (spec, status) = rc.replication_controller().unwrap();
        let (wanted, ready) = (spec.replicas.unwrap_or_default(), status.ready_replicas.unwrap_or_default());
        let mut words: Vec<String> = store
            .list(Kind::Pod, None)
            .filter(|p| p.meta.controller_uid() == Some(rc.meta.uid))
            .map(|p| pod_word(p))
            .filter(|w| w != "Running ready")
            .collect();
        words.sort();
        words.dedup();
        let others = if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) };
        lines.push(format!("rc {}: {ready} of {wanted} ready{others}", rc.meta.name));
    }
    for pod in store.list(Kind::Pod, None).filter(|p| p.meta.controller().is_none()) {
        let generated = pod.meta.rest.as_ref().and_then(|r| r.generate_name.as_deref());
        let name = generated.map_or_else(|| pod.meta.name.to_string(), |prefix| format!("{prefix}*"));
        lines.push(format!("pod {name}: {}", pod_word(pod)));
    }
    for endpoints in store.list(Kind::Endpoints, None) {
        let Body::Endpoints { subsets } = &endpoints.body else { continue };
        let ready: usize = subsets.iter().map(|s| s.addresses.as_ref().map_or(0, Vec::len)).sum();
        lines.push(format!("service {}: {ready} endpoints", endpoints.meta.name));
    }
    lines
}

/// What changes, second by second; requests that went wrong are told at the end.
fn timeline(name: &str, until: Span) -> String {
    let mut world = World::new(&scenario(name));
    let mut text = format!("until {}\n", sim::format_span(until));
    let mut before = BTreeSet::new();
    let mut told = 0;
    for second in 0..=until.as_secs() {
        while !world.advance(BEGINNING + Span::from_secs(second), 10_000).reached {}
        assert_eq!(world.rejections(), [], "{name}: every manifest is accepted");
        for entry in world.journal().skip(told) {
            assert_eq!(entry.error, None, "{name}: {} is possible at {second} s", entry.what);
            writeln!(text, "{second:>5}s  > {}", entry.what).unwrap();
        }
        told = world.journal().len();
        let now: BTreeSet<String> = state(&world).into_iter().collect();
        for line in now.difference(&before) {
            writeln!(text, "{second:>5}s  {line}").unwrap();
        }
        let names = |lines: &BTreeSet<String>| -> BTreeSet<String> {
            lines.iter().map(|l| l.split(':').next().unwrap().to_owned()).collect()
        };
        for gone in names(&before).difference(&names(&now)) {
            writeln!(text, "{second:>5}s  {gone}: gone").unwrap();
        }
        before = now;
    }
    for (to, _, counters) in world.traffic().services() {
        let share = |n: u64| format!("{}.{} %", n * 100 / counters.total(), n * 1_000 / counters.total() % 10);
        writeln!(
            text,
            "requests to {}: {}, lost {}, refused {}",
            to.service,
            counters.total(),
            share(counters.lost),
            share(counters.refused)
        )
        .unwrap();
    }
    text
}

fn check(name: &str) {
    let path = folder().join(format!("{name}.timeline"));
    let expected = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let first = expected.lines().next().and_then(|l| l.strip_prefix("until ")).expect("first line: until DURATION");
    let actual = timeline(name, sim::parse_span(first).expect("a duration"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, actual).unwrap();
        return;
    }
    for (n, (e, a)) in expected.lines().zip(actual.lines()).enumerate() {
        assert_eq!(e, a, "{name}.timeline, line {}; the whole is\n{actual}", n + 1);
    }
    assert_eq!(expected.lines().count(), actual.lines().count(), "{name}.timeline; the whole is\n{actual}");
}

macro_rules! scenarios {
    ($($test:ident = $name:literal),* $(,)?) => { $(#[test] fn $test() { check($name); })* };
}

scenarios! {
    the_demo_is_lively_and_has_a_pending_pod_later = "demo",
    three_nginx_serve_and_one_comes_back_after_a_crash = "three-nginx",
    fifty_replicas_spread_grow_and_shrink = "fifty-replicas",
    a_failed_nodes_pods_are_replaced_and_the_node_comes_back = "node-failure",
    pending_pods_find_room_when_nodes_are_added = "cluster-too-small",
    bad_images_loop_wait_and_are_restarted = "crash-loop",
    a_relabelled_pod_is_let_go_and_taken_back = "label-surgery",
    a_partitioned_node_works_on_and_its_surplus_goes_when_it_heals = "partition",
}

#[test]
fn every_shipped_scenario_is_described_in_both_languages_and_has_a_timeline() {
    for shipped in sim::shipped() {
        let scenario = shipped.scenario().unwrap_or_else(|e| panic!("{}: {e}", shipped.name));
        for words in [&scenario.title, &scenario.description] {
            assert!(!words.en.is_empty() && !words.zh.is_empty() && words.en != words.zh, "{}", shipped.name);
        }
        assert!(folder().join(format!("{}.timeline", shipped.name)).exists(), "{}", shipped.name);
    }
}

#[test]
fn a_scenario_survives_the_way_through_json() {
    for shipped in sim::shipped() {
        let scenario = shipped.scenario().unwrap();
        let again = Scenario::from_value(&scenario.to_value()).unwrap_or_else(|e| panic!("{}: {e}", shipped.name));
        assert_eq!(again, scenario, "{}", shipped.name);
    }
}
