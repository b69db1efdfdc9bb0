//! The decisions of a real kube-scheduler 1.36, replayed: the same nodes must be feasible, with the same score of
//! each plugin we have, and where none is, the same sentence.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use flate2::read::GzDecoder;
use kubarium_core::api::{Key, Kind, Object};
use kubarium_core::scheduler::{Explanation, Stand};
use kubarium_core::{Cluster, Config, Time};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

/// The plugins we have of those upstream scores with.
const SCORES: [&str; 2] = ["NodeResourcesFit", "NodeResourcesBalancedAllocation"];

/// What is compared and what of it agrees.
#[derive(Default)]
struct Tally {
    decisions: usize,
    agree: usize,
    differences: Vec<String>,
}

type Objects = BTreeMap<(Kind, String, String), Arc<Object>>;

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// What our scheduler says of a pod beside these objects.
fn explain(objects: &Objects, namespace: &str, name: &str) -> Explanation {
    let cluster = Cluster::restore(Config::default(), Time(1_800_000_000_000_000), 1, objects.values().cloned());
    let key = Key::new(Kind::Pod, namespace, name);
    cluster.schedulers().explain(&key, cluster.store()).unwrap()
}

/// Compares one decision; says what differs.
fn compare(ours: &Explanation, theirs: &Value) -> Result<(), String> {
    let feasible: BTreeSet<&str> = ours.nodes.iter().filter(|n| n.total().is_some()).map(|n| n.node.as_str()).collect();
    if theirs["nodeName"].is_null() {
        let message = ours.message.as_deref().unwrap_or_default();
        return if message == text(theirs, "/message") {
            Ok(())
        } else {
            Err(format!("we say {message:?} with {feasible:?}"))
        };
    }
    let scores = theirs["pluginScores"].as_object().unwrap();
    let expected: BTreeSet<&str> = if scores.is_empty() {
        theirs["best"].as_array().unwrap().iter().filter_map(Value::as_str).collect()
    } else {
        scores.keys().map(String::as_str).collect()
    };
    if feasible != expected {
        return Err(format!("feasible for us: {feasible:?}"));
    }
    for (node, scores) in scores {
        let Stand::Feasible { scores: ours } = &ours.nodes.iter().find(|n| n.node == *node).unwrap().stand else {
            continue;
        };
        for plugin in SCORES {
            let ours = ours.iter().find(|s| s.plugin == plugin).map(|s| i64::from(s.score));
            if ours != scores.get(plugin).and_then(Value::as_i64) {
                return Err(format!("{plugin} gives {node} {ours:?}"));
            }
        }
    }
    Ok(())
}

fn replay(theme: &str) -> Tally {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("data/upstream-scheduler/{theme}.jsonl.gz"));
    let mut tally = Tally::default();
    for line in BufReader::new(GzDecoder::new(File::open(path).unwrap())).lines() {
        let case: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let mut decisions = case["decisions"].as_array().unwrap().iter();
        let mut objects = Objects::new();
        for step in case["objects"].as_array().unwrap() {
            let kind = Kind::ALL.into_iter().find(|k| k.info().kind == text(step, "/kind")).unwrap();
            if text(step, "/op") == "delete" {
                objects.remove(&(kind, text(step, "/namespace").to_owned(), text(step, "/name").to_owned()));
                continue;
            }
            let mut step = step.clone();
            if kind == Kind::Pod && text(&step, "/metadata/namespace").is_empty() {
                step["metadata"]["namespace"] = "default".into();
            }
            let mut object = Object::from_value(kind, &step).unwrap();
            let (namespace, name) = (object.meta.namespace.to_string(), object.meta.name.to_string());
            let pending = object.pod().is_some_and(|p| p.node.is_none());
            if pending {
                let theirs = decisions.next().unwrap();
                assert_eq!(text(theirs, "/name"), name, "{}", case["case"]);
                let pod = object.pod_mut().unwrap();
                if text(theirs, "/reason") == "SchedulingGated" {
                    tally.decisions += 1;
                    let gated = pod.spec.scheduling_gates.as_ref().is_some_and(|g| !g.is_empty());
                    tally.agree += usize::from(gated);
                    objects.insert((kind, namespace, name), Arc::new(object));
                    continue;
                }
                // A scheduler that does not exist leaves it pending.
                let spec = Arc::make_mut(&mut pod.spec);
                spec.scheduler_name = Some("upstream".to_owned());
                let key = (kind, namespace.clone(), name.clone());
                objects.insert(key.clone(), Arc::new(object.clone()));
                let ours = explain(&objects, &namespace, &name);
                tally.decisions += 1;
                match compare(&ours, theirs) {
                    Ok(()) => tally.agree += 1,
                    Err(why) => tally.differences.push(format!("{} {name}: {why}; upstream: {theirs}", case["case"])),
                }
                object.pod_mut().unwrap().node = theirs["nodeName"].as_str().map(Into::into);
                objects.insert(key, Arc::new(object));
            } else {
                objects.insert((kind, namespace, name), Arc::new(object));
            }
        }
        assert!(decisions.next().is_none(), "{}: not all decisions were reached", case["case"]);
    }
    println!("{theme}: {} of {} decisions agree", tally.agree, tally.decisions);
    tally
}

#[track_caller]
fn all_agree(theme: &str) {
    let tally = replay(theme);
    assert!(tally.decisions > 0);
    let shown: Vec<_> = tally.differences.iter().take(5).map(String::as_str).collect();
    assert!(tally.differences.is_empty(), "{} differ, such as\n{}", tally.differences.len(), shown.join("\n"));
}

macro_rules! themes {
    ($($name:ident: $theme:literal)*) => {
        $(#[test] fn $name() { all_agree($theme); })*
    };
}

themes! {
    resources_are_decided_as_upstream_does: "resources"
    taints_are_decided_as_upstream_does: "taints"
    node_affinity_is_decided_as_upstream_does: "node-affinity"
    host_ports_are_decided_as_upstream_does: "ports"
    scheduling_gates_are_decided_as_upstream_does: "gates"
    extended_resources_are_decided_as_upstream_does: "extended"
    init_containers_and_overhead_are_counted_as_upstream_does: "init-overhead"
    what_fits_is_as_upstream_says_where_images_matter: "images"
    what_fits_is_as_upstream_says_where_preferences_matter: "preferred"
    what_fits_is_as_upstream_says_where_pods_spread_by_default: "default-spread"
}
