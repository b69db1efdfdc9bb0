//! Held against what Kubernetes 1.36's own controllers did: the recorded scenarios that use only the kinds there
//! are here, replayed in virtual time with a kubelet that acts in lock-step, as `tests/data/upstream-controllers`
//! describes. Everything goes through the API and through time; nothing is looked up inside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "upstream/kubelet.rs"]
mod kubelet;
#[path = "upstream/snapshot.rs"]
mod snapshot;
#[path = "upstream/world.rs"]
mod world;

use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use world::World;

/// The groups this can replay, and how many of their scenarios must agree, of how many.
const GROUPS: [(&str, usize, usize); 3] = [("replicationcontroller", 23, 23), ("endpoints", 12, 12), ("node", 8, 8)];

/// How many differing scenarios are shown in full.
const SHOWN_MAX: usize = 4;

fn scenarios() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/upstream-controllers/controllers.jsonl.gz");
    let mut text = String::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The kinds a scenario creates.
fn kinds(scenario: &Value) -> BTreeSet<&str> {
    scenario["steps"].as_array().unwrap().iter().filter_map(|s| s["object"]["kind"].as_str()).collect()
}

/// What differs between a scenario's record and its replay.
fn differences(scenario: &Value) -> Vec<String> {
    let mut world = World::new();
    let mut differences = Vec::new();
    let mut snapshots = scenario["snapshots"].as_array().unwrap().iter();
    for (index, step) in scenario["steps"].as_array().unwrap().iter().enumerate() {
        if let Some(ticks) = world.step(index, step) {
            let expected = snapshots.next().unwrap();
            let actual = world.snapshot(ticks);
            for difference in snapshot::compare(expected, &actual, &world.bound_by_client) {
                differences.push(format!("after step {index}: {difference}"));
            }
        }
    }
    let refused = Value::Array(world.refusals.clone());
    if refused != scenario["apiResults"] {
        differences.push(format!("apiResults: expected {}, got {refused}", scenario["apiResults"]));
    }
    differences
}

#[test]
fn controllers_do_as_upstream_did() {
    let known = BTreeSet::from(["Namespace", "Node", "Pod", "ReplicationController", "Service", "Endpoints"]);
    let mut agreed: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut shown = 0;
    let scenarios = scenarios();
    let only = std::env::var("SCENARIO").ok();
    for scenario in &scenarios {
        let group = scenario["group"].as_str().unwrap();
        let name = scenario["scenario"].as_str().unwrap();
        if !GROUPS.iter().any(|(g, ..)| *g == group)
            || !kinds(scenario).is_subset(&known)
            || only.as_ref().is_some_and(|only| only != name)
        {
            continue;
        }
        let differences = differences(scenario);
        let counts = agreed.entry(group).or_default();
        counts.1 += 1;
        if differences.is_empty() {
            counts.0 += 1;
        } else {
            println!("{name}: {} differences", differences.len());
            if shown < SHOWN_MAX {
                for difference in &differences {
                    println!("  {difference}");
                }
            }
            shown += 1;
        }
    }
    for (group, (same, all)) in &agreed {
        println!("{group}: {same} of {all} scenarios agree with upstream");
    }
    if only.is_none() {
        for (group, least, all) in GROUPS {
            let (same, replayed) = agreed.get(group).copied().unwrap_or_default();
            assert_eq!(replayed, all, "{group}: scenarios replayed");
            assert!(same >= least, "{group}: {same} agree, {least} did before");
        }
    }
}
