//! Measurements: `cargo xtask bench NAME`. Ratios are of runs side by side in one process, so that they mean the
//! same on any machine.
#![allow(clippy::print_stdout)]

use kubarium_core::api::{Kind, Object};
use kubarium_core::{Cluster, Config, Input, Time};
use kubarium_tests::workload;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

const USAGE: &str = "\
Usage: bench openb [--nodes FILE --pods FILE] [--seed N]
       bench fork

  openb   places 7,064 pods on 1,213 nodes, with the default scheduler and with its reference that remembers nothing.
          Files are manifests, such as those of the OpenB trace; without them the load is generated in the same shape.
  fork    forks a cluster of 1,000 nodes and 30,000 pods, and asks a fork what scaling by 100 would do.";

/// How many nodes and pods the `OpenB` trace has.
const OPENB: (usize, usize) = (1_213, 7_064);

/// How often each side is measured; the fastest counts.
const RUNS: usize = 3;

struct Load {
    nodes: Vec<Value>,
    pods: Vec<Value>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == ["fork"] {
        fork();
        return ExitCode::SUCCESS;
    }
    match load(&arguments) {
        Ok(load) => {
            openb(&load);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn load(arguments: &[String]) -> Result<Load, String> {
    match arguments.split_first() {
        Some((name, rest)) if name == "openb" => {
            let (mut nodes, mut pods, mut seed) = (None, None, 1);
            for pair in rest.chunks(2) {
                let [option, value] = pair else { return Err(format!("{} needs a value", pair[0])) };
                match option.as_str() {
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
        Some((name, _)) => Err(format!("unknown measurement {name}")),
        None => Err("name a measurement".to_owned()),
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

fn openb(load: &Load) {
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
            run.took.as_secs_f64() * 1000.0
        );
    }
    if let [(_, Some(fast)), (_, Some(reference))] = &sides {
        let ratio = reference.took.as_secs_f64() / fast.took.as_secs_f64();
        let same = if fast.placements == reference.placements { "the same" } else { "DIFFERENT" };
        println!("{ratio:.1} x as fast as the reference, with {same} placements");
    }
}

fn fork() {
    const REPLICAS: i32 = 30_000;
    let controller = json!({
        "metadata": {"name": "web", "namespace": "default", "uid": "00000000-0000-4000-8000-000000000001"},
        "spec": {"replicas": REPLICAS, "selector": {"app": "web"}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "100m"}}}]},
        }},
    });
    let namespace = json!({"metadata": {"name": "default", "uid": "00000000-0000-4000-8000-000000000002"}});
    let nodes = workload::nodes(1_000, 1).into_iter().map(|node| (Kind::Node, node));
    let objects = nodes.chain([(Kind::ReplicationController, controller), (Kind::Namespace, namespace)]);
    let objects = objects.filter_map(|(kind, value)| Object::from_value(kind, &value).ok()).map(Arc::new);
    let now = Time(1_800_000_000_000_000);
    let mut cluster = Cluster::restore(Config::default(), now, 1, objects);
    let start = Instant::now();
    while cluster.handle(now, Input::Wake).wake == Some(now) {}
    let bound = cluster.store().list(Kind::Pod, None).filter(|o| o.pod().is_some_and(|p| p.node.is_some())).count();
    println!("{bound} pods created and placed in {:.1} ms", start.elapsed().as_secs_f64() * 1000.0);
    let fastest = |what: &dyn Fn()| {
        let runs = (0..RUNS * 3).map(|_| {
            let start = Instant::now();
            what();
            start.elapsed()
        });
        runs.min().unwrap_or_default().as_secs_f64() * 1000.0
    };
    println!("fork      {:6.2} ms", fastest(&|| drop(cluster.clone())));
    println!("preview   {:6.2} ms", fastest(&|| drop(cluster.preview_scale("default", "web", REPLICAS + 100))));
}
