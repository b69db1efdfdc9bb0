//! The same seed and the same inputs give the same state, bit for bit.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::api::{Kind, Object};
use kubarium_core::apiserver::Alike;
use kubarium_core::manifest;
use kubarium_core::recording::{Recording, state_hash};
use kubarium_core::scheduler::Configuration;
use kubarium_core::sim::{Manifest, Scenario, World, soak, soaked_world};
use kubarium_core::{Config, Span};
use kubarium_tests::property;
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn a_hundred_seeds_run_twice_end_in_the_same_state() {
    for seed in 0..100 {
        let (first, second) = (soak(seed, 60), soak(seed, 60));
        assert_eq!(first, second, "seed {seed}: kubarium_core::sim::soak({seed}, 60) gave two different states");
    }
}

#[test]
fn different_seeds_end_in_different_states() {
    let mut hashes: Vec<u64> = (0..20).map(|seed| soak(seed, 20)).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 20, "the hash must see what differs");
}

#[test]
fn ten_thousand_inputs_replay_from_their_recording() {
    let world = soaked_world(11, 10_000);
    let text = world.recording().to_value().to_string();
    let recording = Recording::from_value(&serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(recording.entries.len(), 10_000);
    let again = recording.replay();
    assert_eq!(again.events(), world.events());
    assert_eq!(again.now(), world.now());
    assert_eq!(state_hash(again.cluster()), state_hash(world.cluster()));
}

#[test]
fn a_fork_goes_its_own_way_and_leaves_the_other_alone() {
    let mut world = soaked_world(3, 50);
    let before = state_hash(world.cluster());
    let mut fork = world.clone();
    fork.apply("scale rc/app-0 9".parse().unwrap()).unwrap();
    fork.advance(fork.now() + kubarium_core::Span::from_secs(30), u32::MAX);
    assert_ne!(state_hash(fork.cluster()), before);
    assert_eq!(state_hash(world.cluster()), before);
    // The same done to the original later gives what it gave the fork.
    world.apply("scale rc/app-0 9".parse().unwrap()).unwrap();
    world.advance(world.now() + kubarium_core::Span::from_secs(30), u32::MAX);
    assert_eq!(state_hash(fork.cluster()), state_hash(world.cluster()));
}

#[test]
fn what_is_read_ahead_and_whether_anybody_watches_makes_no_difference() {
    let node = "apiVersion: v1\nkind: Node\nstatus: {allocatable: {cpu: 4, memory: 8Gi, pods: 10}}\n";
    let pod = |name: &str, rest: &str| {
        format!("apiVersion: v1\nkind: Pod\nmetadata: {name}\nspec: {{containers: [{{name: c, image: i}}]{rest}}}\n")
    };
    let limits = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: l, namespace: limited}\nspec: {limits: [{type: \
                  Container, default: {cpu: 200m}}]}\n";
    let texts = [
        format!("{node}metadata: {{name: n-1}}\n"),
        format!("{node}metadata: {{name: n-2}}\n"),
        pod("{name: first}", ""),
        pod("{name: alike, labels: {a: b}}", ""),
        pod("{name: not-alike}", ", terminationGracePeriodSeconds: 3"),
        pod("{name: elsewhere, namespace: other}", ""),
        pod("{name: important}", ", priorityClassName: system-node-critical"),
        pod("{name: as-important}", ", priorityClassName: system-node-critical"),
        limits.to_owned(),
        pod("{name: within-limits, namespace: limited}", ""),
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {a: b}, ports: [{port: 80}]}\n"
            .to_owned(),
    ];
    let after = |ahead: bool, watched: bool| {
        let mut world = World::new(&Scenario::default());
        if !watched {
            world = world.unwatched();
        }
        let mut before = Alike::default();
        for text in &texts {
            let value = manifest::parse(text).unwrap().remove(0).value;
            let manifest = Manifest::from(&value);
            let body = if ahead { manifest.read(value, &mut before) } else { None };
            world.take_in(&manifest, body).unwrap();
        }
        let until = world.now() + Span::from_secs(60);
        while !world.advance(until, 10_000).reached {}
        assert_eq!(world.cluster().store().changes_since(0).is_ok(), watched);
        world
    };
    let plain = after(false, true);
    let bound = plain.cluster().store().list(Kind::Pod, None).filter(|o| o.pod().unwrap().node.is_some()).count();
    assert_eq!(bound, 7, "all run");
    for (ahead, watched) in [(false, false), (true, true), (true, false)] {
        let other = after(ahead, watched);
        assert_eq!(objects(&other), objects(&plain), "read ahead: {ahead}, watched: {watched}");
        assert_eq!(state_hash(other.cluster()), state_hash(plain.cluster()), "read ahead: {ahead}, watched: {watched}");
    }
}

/// Three nodes, one of which wants no pods for two reasons, and a pod; by a profile.
fn decided(profile: &Value) -> World {
    const NODE: &str = "apiVersion: v1\nkind: Node\nstatus: {allocatable: {cpu: 4, memory: 8Gi, pods: 10}}\n";
    let nodes = [
        "metadata: {name: large}\n",
        "metadata: {name: busy}\nspec: {taints: [{key: busy, effect: PreferNoSchedule}]}\n",
        "metadata: {name: shut}\nspec: {unschedulable: true, taints: [{key: shut, effect: NoSchedule}]}\n",
    ];
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}]}\n";
    let text = nodes.map(|node| format!("{NODE}{node}---\n")).concat() + pod;
    let configuration = json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration", "profiles": [profile]});
    let scheduler = Some(Configuration::try_from(configuration).unwrap());
    let mut world = World::new(&Scenario {
        config: Config { scheduler, ..Config::default() },
        manifests: manifest::documents(&text).map(|d| d.unwrap().value.into()).collect(),
        ..Scenario::default()
    });
    let until = world.now() + Span::from_secs(30);
    while !world.advance(until, 10_000).reached {}
    world
}

fn objects(world: &World) -> Vec<Value> {
    let store = world.cluster().store();
    Kind::ALL.into_iter().flat_map(|kind| store.list(kind, None)).map(|o| Object::to_value(o)).collect()
}

#[test]
fn what_was_weighed_in_decisions_is_part_of_the_state() {
    let plain = decided(&json!({}));
    let score = |plugin: Value| json!({"plugins": {"score": {"enabled": [plugin]}}});
    let rows = [
        ("the same profile", json!({"plugins": {}}), true),
        ("a score of another weight", score(json!({"name": "NodeResourcesFit", "weight": 9})), false),
        ("another distance to the second best", score(json!({"name": "TaintToleration", "weight": 9})), false),
        ("a score less", json!({"plugins": {"score": {"disabled": [{"name": "ImageLocality"}]}}}), false),
        (
            "another plugin that refuses first",
            json!({"plugins": {"filter": {"enabled": [{"name": "TaintToleration"}]}}}),
            false,
        ),
    ];
    for (sentence, profile, same) in rows {
        let other = decided(&profile);
        assert_eq!(objects(&other), objects(&plain), "{sentence}: all that differs is the decision");
        assert_eq!(state_hash(other.cluster()) == state_hash(plain.cluster()), same, "{sentence}");
    }
}

proptest! {
    #![proptest_config(property::cases(16))]

    /// How a caller cuts time into slices makes no difference, and neither does being recorded.
    #[test]
    fn replay_equals_the_original(seed in any::<u64>(), inputs in 1u32..60) {
        let world = soaked_world(seed, inputs);
        let again = world.recording().replay();
        prop_assert_eq!(state_hash(again.cluster()), state_hash(world.cluster()));
        prop_assert_eq!(again.events(), world.events());
    }
}
