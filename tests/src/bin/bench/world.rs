//! Simulating: what events, idle machines and running pods cost.

use super::millis;
use super::placement::OPENB;
use kubarium_core::Span;
use kubarium_core::api::Kind;
use kubarium_core::sim::{BEGINNING, Pool, Scenario, World};
use kubarium_tests::workload;
use serde_json::{Value, json};
use std::time::Instant;

/// How long idle machines are watched, in virtual time.
const IDLE: Span = Span::from_secs(3_600);

/// How many pods are weighed.
const PODS: usize = 30_000;

/// Measures all three.
pub(crate) fn measure() -> Result<(), String> {
    // Before anything else, and both worlds stay: what is given back would be taken again unseen.
    let (alike, _first) = weigh(&replicas())?;
    let (one_by_one, _second) = weigh(&workload::pods(PODS, 1))?;
    println!("a pod that came alone takes {:.1} x one of {PODS} replicas", one_by_one / alike);
    events();
    let (few, many) = (heartbeats(100), heartbeats(1_000));
    println!("a heartbeat among 1,000 nodes costs {:.1} x one among 100", many / few);
    Ok(())
}

fn world(nodes: &[Value], rest: &[Value]) -> World {
    let manifests = nodes.iter().chain(rest).map(Into::into).collect();
    World::new(&Scenario { manifests, ..Scenario::default() })
}

fn settle(world: &mut World) {
    while !world.settle(BEGINNING + Span::from_secs(86_400), u32::MAX).reached {}
}

/// The load of `bench openb`, from the first manifest until all that can run runs.
fn events() {
    let mut world = world(&workload::nodes(OPENB.0, 1), &workload::pods(OPENB.1, 1));
    let start = Instant::now();
    settle(&mut world);
    let took = start.elapsed();
    let (events, rate) = (world.events(), world.events() as f64 / took.as_secs_f64());
    println!("{events} events in {:.1} ms, {rate:.0} events/s, until {} pods run", millis(took), OPENB.1);
}

/// Microseconds per heartbeat of so many nodes without pods.
fn heartbeats(nodes: u32) -> f64 {
    let pool = Pool { name: "node".to_owned(), count: nodes, ..Pool::default() };
    let mut world = World::new(&Scenario { nodes: vec![pool], ..Scenario::default() });
    settle(&mut world);
    let before = world.events();
    let start = Instant::now();
    world.advance(world.now() + IDLE, u32::MAX);
    let took = start.elapsed();
    let each = took.as_secs_f64() * 1e6 / (world.events() - before) as f64;
    println!("an idle hour of {nodes} nodes in {:.1} ms, {each:.2} us per event", millis(took));
    each
}

fn replicas() -> Vec<Value> {
    let container = json!({"name": "main", "image": "web", "resources": {"requests": {"cpu": "100m"}}});
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}});
    vec![json!({
        "apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "web"},
        "spec": {"replicas": PODS, "selector": {"app": "web"}, "template": template},
    })]
}

/// Bytes of this process for each pod that such manifests make run, events and the log for watches included.
fn weigh(manifests: &[Value]) -> Result<(f64, World), String> {
    let pool = Pool {
        name: "node".to_owned(),
        count: 1_000,
        capacity: [("cpu", "2000"), ("memory", "20000Gi")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        ..Pool::default()
    };
    let mut world = World::new(&Scenario { nodes: vec![pool], ..Scenario::default() });
    settle(&mut world);
    let before = resident()?;
    for manifest in manifests {
        world.take_in(&manifest.into(), None).map_err(|e| e.to_string())?;
    }
    settle(&mut world);
    let each = (resident()?.saturating_sub(before)) as f64 / world.cluster().store().count(Kind::Pod).max(1) as f64;
    println!("{} manifests, {PODS} running pods: {each:.0} bytes per pod", manifests.len());
    Ok((each, world))
}

/// What the system says this process takes, in bytes.
pub(crate) fn resident() -> Result<u64, String> {
    let path = "/proc/self/status";
    let text = std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}; memory is measured on Linux only"))?;
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:")).ok_or_else(|| format!("{path}: no VmRSS"))?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().map_err(|e| format!("{path}: {line}: {e}"))?;
    Ok(kibibytes * 1024)
}
