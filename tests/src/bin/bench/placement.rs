//! Placing pods on nodes: the scheduler alone, without machines.

use super::{RUNS, millis};
use kubarium_core::api::{Kind, Object};
use kubarium_core::{Cluster, Config, Input, Time};
use kubarium_tests::workload;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many nodes and pods the `OpenB` trace has.
pub(crate) const OPENB: (usize, usize) = (1_213, 7_064);

struct Load {
    nodes: Vec<Value>,
    pods: Vec<Value>,
}

fn load(options: &[&str]) -> Result<Load, String> {
    let (mut nodes, mut pods, mut seed) = (None, None, 1);
    for pair in options.chunks(2) {
        let [option, value] = *pair else { return Err(format!("{} needs a value", pair[0])) };
        match option {
            "--nodes" => nodes = Some(manifests(value)?),
            "--pods" => pods = Some(manifests(value)?),
            "--seed" => seed = value.parse().map_err(|e| format!("--seed {value}: {e}"))?,
            _ => return Err(format!("unknown option {option}")),
        }
    }
    match (nodes, pods) {
        (Some(nodes), Some(pods)) => Ok(Load { nodes, pods }),
        (None, None) => Ok(Load { nodes: workload::nodes(OPENB.0, seed), pods: workload::pods(OPENB.1, seed) }),
        _ => Err("--nodes and --pods go together".to_owned()),
    }
}

fn manifests(path: &str) -> Result<Vec<Value>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    let documents = kubarium_core::manifest::parse(&text).map_err(|e| format!("{path}: {e}"))?;
    Ok(documents.into_iter().map(|d| d.value).collect())
}

/// What came of one run.
struct Run {
    took: Duration,
    /// The node of each pod.
    placements: Vec<Option<String>>,
}

fn run(load: &Load, scheduler: &str) -> Result<Run, String> {
    let object = |kind, value: &Value| Object::from_value(kind, value).map(Arc::new).map_err(|e| e.to_string());
    let mut objects = Vec::new();
    for node in &load.nodes {
        objects.push(object(Kind::Node, node)?);
    }
    for (at, pod) in load.pods.iter().enumerate() {
        let mut pod = pod.clone();
        pod["spec"]["schedulerName"] = json!(scheduler);
        pod["metadata"]["uid"] = json!(format!("00000000-0000-4000-8000-{at:012x}"));
        objects.push(object(Kind::Pod, &pod)?);
    }
    let now = Time(1_800_000_000_000_000);
    let start = Instant::now();
    let mut cluster = Cluster::restore(Config::default(), now, 1, objects);
    while cluster.handle(now, Input::Wake).wake == Some(now) {}
    let took = start.elapsed();
    let pods = cluster.store().list(Kind::Pod, None);
    let placements = pods.map(|o| o.pod().and_then(|p| p.node.as_ref()).map(ToString::to_string)).collect();
    Ok(Run { took, placements })
}

/// Measures with the load that the options name.
pub(crate) fn measure(options: &[&str]) -> Result<(), String> {
    let load = &load(options)?;
    let sides = ["default-scheduler", "full-scan"].map(|scheduler| {
        let runs = (0..RUNS).filter_map(|_| run(load, scheduler).map_err(|e| eprintln!("{e}")).ok());
        (scheduler, runs.min_by_key(|r| r.took))
    });
    let count = load.pods.len();
    for (scheduler, run) in &sides {
        let Some(run) = run else { continue };
        let pending = run.placements.iter().filter(|p| p.is_none()).count();
        let rate = count as f64 / run.took.as_secs_f64();
        println!(
            "{scheduler:18} {count} pods on {} nodes in {:6.1} ms, {rate:8.0} pods/s, {pending} pending",
            load.nodes.len(),
            millis(run.took)
        );
    }
    if let [(_, Some(fast)), (_, Some(reference))] = &sides {
        let ratio = reference.took.as_secs_f64() / fast.took.as_secs_f64();
        let same = if fast.placements == reference.placements { "the same" } else { "DIFFERENT" };
        println!("{ratio:.1} x as fast as the reference, with {same} placements");
    }
    Ok(())
}
