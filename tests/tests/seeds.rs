//! Seeds x faults: a small random cluster, random faults and changes, and rules that hold after every event; then
//! all is healed, and everything becomes as it is wanted.
//!
//! A seed that fails is printed as the command that shows it again. `KUBARIUM_SEED` runs one seed and tells what was
//! done in it, `KUBARIUM_SEEDS` sets how many are run.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::api::{Body, Kind, Name, Object, PodBody, Quantity, Selector, Uid};
use kubarium_core::sim::{Action, Behaviour, Image, PodChoice, Pool, Scenario, Target, World};
use kubarium_core::store::Change;
use kubarium_core::{Config, Rng, Span};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many seeds a normal run has.
const SEEDS: u64 = 1_000;

/// How long everything may take to become as it is wanted, once all is healed: the longest toleration, the longest
/// back-off and the longest grace period one after the other, twice.
const HEALED_WITHIN: Span = Span::from_secs(1_500);

/// A seed's cluster and what it remembers between two looks.
struct Trial {
    world: World,
    rng: Rng,
    /// The revision up to which changes were looked at.
    seen: u64,
    controllers: usize,
    nodes: Vec<Name>,
}

fn main_seed() -> Option<u64> {
    std::env::var("KUBARIUM_SEED").ok().and_then(|text| text.parse().ok())
}

#[test]
fn random_faults_break_no_rule_and_everything_recovers() {
    if let Some(seed) = main_seed() {
        if let Err(error) = run(seed, true) {
            panic!("seed {seed}: {error}");
        }
        return;
    }
    let count = std::env::var("KUBARIUM_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let mut failures: Vec<(u64, String)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut failures = Vec::new();
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= count {
                            return failures;
                        }
                        if let Err(error) = run(seed, false) {
                            failures.push((seed, error));
                        }
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|w| w.join().unwrap()).collect()
    });
    failures.sort();
    for (seed, error) in &failures {
        println!("KUBARIUM_SEED={seed} cargo test -p kubarium-tests --test seeds\n    {error}");
    }
    assert!(failures.is_empty(), "{} of {count} seeds failed", failures.len());
}

/// Runs one seed.
fn run(seed: u64, tell: bool) -> Result<(), String> {
    let mut trial = Trial::new(seed);
    let steps = 5 + trial.rng.below(20);
    let outcome = trial.safety(steps).and_then(|()| trial.liveness());
    if tell || outcome.is_err() && main_seed().is_some() {
        for entry in trial.world.journal() {
            let error = entry.error.as_ref().map(|e| format!(" ({e})")).unwrap_or_default();
            println!("{:>10.3}s {}{error}", seconds(&trial, entry.at), entry.what);
        }
    }
    outcome.map_err(|error| format!("after {:.3}s: {error}", seconds(&trial, trial.world.now())))
}

fn seconds(trial: &Trial, at: kubarium_core::Time) -> f64 {
    let begun = trial.world.now() - trial.world.elapsed();
    at.since(begun).0 as f64 / 1e6
}

fn named(kind: Kind, name: &str) -> Target {
    let namespace = if kind.info().namespaced { "default" } else { "" };
    Target { kind, namespace: namespace.into(), which: PodChoice::Name(name.into()) }
}

impl Trial {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed, "seeds");
        let nodes = 2 + rng.below(4) as u32;
        let controllers = 1 + rng.below(3) as usize;
        let toleration_seconds = [5, 30, 300][rng.below(3) as usize];
        let mut manifests = Vec::new();
        for n in 0..controllers {
            manifests.push(controller(&mut rng, n).into());
            manifests.push(service(&mut rng, n).into());
        }
        let capacity = [("cpu", "2"), ("memory", "4Gi"), ("pods", "12")];
        let pool = Pool {
            name: "node".to_owned(),
            count: nodes,
            capacity: capacity.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            ..Pool::default()
        };
        let scenario = Scenario {
            config: Config { seed, toleration_seconds, ..Config::default() },
            nodes: vec![pool],
            manifests,
            images: vec![image("before", Span::from_secs(2))],
            ..Scenario::default()
        };
        let nodes = (1..=nodes).map(|n| format!("node-{n}").into()).collect();
        Self { world: World::new(&scenario), rng, seen: 0, controllers, nodes }
    }

    /// Random things happen, and the rules hold after every event.
    fn safety(&mut self, steps: u64) -> Result<(), String> {
        self.pass(Span::from_secs(1))?;
        for _ in 0..steps {
            let action = self.any_action();
            // What cannot be done just now is not done.
            let _ = self.world.apply(action);
            self.check()?;
            let longest = [500, 10_000, 90_000][self.rng.below(3) as usize];
            let wait = Span::from_millis(self.rng.below(longest) as i64);
            self.pass(wait)?;
        }
        Ok(())
    }

    /// All is healed, and everything becomes as it is wanted, for good.
    fn liveness(&mut self) -> Result<(), String> {
        for node in self.nodes.clone() {
            for action in [
                Action::RestoreNode { node: node.clone() },
                Action::HealNode { node: node.clone() },
                Action::FreeDisk { node: node.clone() },
                Action::SlowPulls { node: Some(node.clone()), factor: 1 },
                Action::Cordon { node, closed: false },
            ] {
                let _ = self.world.apply(action);
            }
        }
        let _ = self.world.apply(Action::SlowPulls { node: None, factor: 1 });
        for n in 0..self.controllers {
            // So many fit wherever they are.
            let replicas = 1 + self.rng.below(3) as i32;
            let target = named(Kind::ReplicationController, &format!("rc-{n}"));
            let _ = self.world.apply(Action::Scale { target, replicas });
        }
        let limit = self.world.now() + HEALED_WITHIN;
        loop {
            self.pass(Span::from_secs(20))?;
            match self.unfinished() {
                None => break,
                Some(what) if self.world.now() >= limit => return Err(format!("never recovered: {what}")),
                Some(_) => {}
            }
        }
        // And so it stays.
        self.pass(Span::from_secs(60))?;
        self.unfinished().map_or(Ok(()), |what| Err(format!("did not stay recovered: {what}")))
    }

    fn pass(&mut self, span: Span) -> Result<(), String> {
        let until = self.world.now() + span;
        while self.world.next_event_at().is_some_and(|at| at <= until) {
            self.world.step();
            self.check()?;
        }
        self.world.advance(until, 0);
        Ok(())
    }

    fn any_action(&mut self) -> Action {
        let node = self.nodes[self.rng.below(self.nodes.len() as u64) as usize].clone();
        let n = self.rng.below(self.controllers as u64);
        let rc = named(Kind::ReplicationController, &format!("rc-{n}"));
        let pod = Target {
            kind: Kind::Pod,
            namespace: "default".into(),
            which: PodChoice::Nth { selector: format!("app=app-{n}"), n: self.rng.below(6) as u32 },
        };
        match self.rng.below(17) {
            0 | 1 => Action::FailNode { node },
            2 => Action::RestoreNode { node },
            3 | 4 => Action::PartitionNode { node },
            5 => Action::HealNode { node },
            6 => Action::FillDisk { node },
            7 => Action::FreeDisk { node },
            8 => Action::SlowPulls { node: Some(node), factor: 1 + self.rng.below(50) as u32 },
            9 | 10 => Action::Crash { pod, container: None, code: self.rng.below(2) as i32 },
            11 | 12 => Action::Scale { target: rc, replicas: self.rng.below(14) as i32 },
            // Out of its controller and its service, and perhaps back.
            13 => {
                let app = (!self.rng.chance(1, 3)).then(|| format!("app-{}", self.rng.below(self.controllers as u64)));
                Action::Label { target: pod, labels: BTreeMap::from([("app".to_owned(), app)]) }
            }
            14 => Action::Cordon { node, closed: self.rng.chance(1, 2) },
            15 => Action::Delete { target: pod },
            _ if self.nodes.len() > 2 && self.rng.chance(1, 2) => {
                self.nodes.retain(|n| *n != node);
                Action::RemoveNode { node }
            }
            _ => {
                let name: Name = format!("extra-{}", self.world.events()).into();
                self.nodes.push(name.clone());
                Action::AddNodes { pool: Pool { name: name.to_string(), ..Pool::default() } }
            }
        }
    }

    /// What holds at any time.
    fn check(&mut self) -> Result<(), String> {
        let store = self.world.cluster().store();
        if store.revision() == self.seen {
            return Ok(());
        }
        let changes = store.changes_since(self.seen).map_err(|_| "a call wrote more than the log holds".to_owned())?;
        for change in changes {
            check_change(change)?;
        }
        self.seen = store.revision();
        self.check_capacity()?;
        self.check_replicas()?;
        self.check_endpoints()?;
        self.check_addresses()
    }

    fn pods(&self) -> impl Iterator<Item = (&Arc<Object>, &PodBody)> {
        self.world.cluster().store().list(Kind::Pod, None).filter_map(|o| Some((o, o.pod()?)))
    }

    fn check_capacity(&self) -> Result<(), String> {
        let mut used: BTreeMap<&Name, (i64, i64)> = BTreeMap::new();
        for (_, pod) in self.pods().filter(|(_, p)| !p.status.phase.is_finished()) {
            let Some(node) = &pod.node else { continue };
            let (cpu, count) = used.entry(node).or_default();
            *cpu += cpu_request(pod);
            *count += 1;
        }
        for node in self.world.cluster().store().list(Kind::Node, None) {
            let Some((cpu, count)) = used.get(&node.meta.name) else { continue };
            let allocatable = node.node().and_then(|(_, s)| s.allocatable.clone()).unwrap_or_default();
            let amount = |name: &str| allocatable.get(name).and_then(|q| Quantity::parse(&q.0).ok());
            let cpu_max = amount("cpu").map_or(0, Quantity::milli);
            let pods_max = amount("pods").map_or(0, Quantity::value);
            if *cpu > cpu_max || *count > pods_max {
                return Err(format!("{} is over capacity: {cpu}m of {cpu_max}m, {count} pods", node.meta.name));
            }
        }
        Ok(())
    }

    fn check_replicas(&self) -> Result<(), String> {
        for rc in self.world.cluster().store().list(Kind::ReplicationController, None) {
            let Some((spec, _)) = rc.replication_controller() else { continue };
            let wanted = spec.replicas.unwrap_or(1) as usize;
            let active = self.owned(rc.meta.uid).count();
            if active > wanted {
                return Err(format!("{} has {active} pods, {wanted} are wanted", rc.meta.name));
            }
        }
        Ok(())
    }

    /// A controller's pods that are not on their way out.
    fn owned(&self, uid: Uid) -> impl Iterator<Item = (&Arc<Object>, &PodBody)> {
        self.pods().filter(move |(o, p)| {
            o.meta.controller_uid() == Some(uid) && o.meta.deletion.is_none() && !p.status.phase.is_finished()
        })
    }

    fn check_endpoints(&self) -> Result<(), String> {
        let store = self.world.cluster().store();
        for service in store.list(Kind::Service, None) {
            let Some(selector) = service.service().and_then(|s| s.selector.as_ref()) else { continue };
            let selector = Selector::from_map(selector);
            let ready: BTreeSet<&str> = self
                .pods()
                .filter(|(o, p)| {
                    o.meta.deletion.is_none()
                        && !p.status.phase.is_finished()
                        && p.status.is_ready()
                        && selector.matches(&o.meta.labels)
                })
                .filter_map(|(_, p)| p.status.pod_ip.as_deref())
                .collect();
            let endpoints = store.get(Kind::Endpoints, &service.meta.namespace, &service.meta.name);
            let Some(Body::Endpoints { subsets }) = endpoints.map(|o| &o.body) else {
                return Err(format!("{} has no endpoints", service.meta.name));
            };
            let listed: BTreeSet<&str> =
                subsets.iter().flat_map(|s| s.addresses.iter().flatten()).map(|a| a.ip.as_str()).collect();
            if ready != listed {
                let name = &service.meta.name;
                return Err(format!("{name} has endpoints {listed:?}, ready are {ready:?}"));
            }
        }
        Ok(())
    }

    fn check_addresses(&self) -> Result<(), String> {
        let mut given = BTreeSet::new();
        for service in self.world.cluster().store().list(Kind::Service, None) {
            let Some(spec) = service.service() else { continue };
            let ports = spec.ports.iter().flatten().filter_map(|p| p.node_port).map(|p| format!("port {p}"));
            for address in spec.cluster_ip.iter().cloned().chain(ports) {
                if !given.insert(address.clone()) {
                    return Err(format!("{address} was given twice"));
                }
            }
        }
        let mut ips = BTreeMap::new();
        for (object, pod) in self.pods().filter(|(_, p)| !p.status.phase.is_finished()) {
            if let Some(ip) = &pod.status.pod_ip
                && let Some(other) = ips.insert(ip, &object.meta.name)
            {
                return Err(format!("{ip} belongs to {other} and to {}", object.meta.name));
            }
        }
        Ok(())
    }

    /// What is not yet as it is wanted.
    fn unfinished(&self) -> Option<String> {
        let store = self.world.cluster().store();
        for (object, pod) in self.pods() {
            let name = &object.meta.name;
            if object.meta.deletion.is_some() {
                return Some(format!("{name} is stuck Terminating on {:?}", pod.node));
            }
            if pod.status.phase.is_finished() {
                continue;
            }
            if !pod.status.is_ready() {
                let states: Vec<_> = pod.status.rarer.init_containers.iter().chain(&pod.status.containers).collect();
                let states: Vec<_> = states.iter().map(|c| format!("{}: {:?}", c.name, c.state)).collect();
                let (phase, node) = (pod.status.phase.as_str(), pod.node_name().unwrap_or("no node"));
                return Some(format!("{name} is {phase} and not ready on {node}: {}", states.join(", ")));
            }
            let node = pod.node_name().unwrap_or_default();
            if !self.world.machine(node).is_some_and(|m| m.runs(object.meta.uid)) {
                return Some(format!("{name} is ready and does not run on {node}"));
            }
        }
        for rc in store.list(Kind::ReplicationController, None) {
            let (spec, status) = rc.replication_controller()?;
            let (wanted, have) = (spec.replicas.unwrap_or(1), self.owned(rc.meta.uid).count() as i32);
            if have != wanted || status.replicas != wanted || status.ready_replicas != Some(wanted) {
                return Some(format!("{} has {have} of {wanted} pods, its status is {status:?}", rc.meta.name));
            }
        }
        for node in store.list(Kind::Node, None) {
            let (spec, status) = node.node()?;
            let ready = status.conditions.iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
            if !ready || spec.taints.as_ref().is_some_and(|t| !t.is_empty()) {
                return Some(format!("{} is ready: {ready}, taints: {:?}", node.meta.name, spec.taints));
            }
        }
        None
    }
}

/// What no change may do.
fn check_change(change: &Change) -> Result<(), String> {
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return Ok(()) };
    let (Some(old), Some(new)) = (before.pod(), after.pod()) else { return Ok(()) };
    let name = &after.meta.name;
    let complain = |what: &str| Err(format!("{name} {what}"));
    if before.meta.uid != after.meta.uid {
        return complain("became another pod");
    }
    if old.node.is_some() && old.node != new.node {
        return complain("changed its node");
    }
    if old.status.phase.is_finished() && old.status.phase != new.status.phase {
        return complain("came back to life");
    }
    if before.meta.deletion.is_some() && after.meta.deletion.is_none() {
        return complain("was deleted, and then was not");
    }
    for (old, new) in old.status.containers.iter().zip(&new.status.containers) {
        if new.restarts < old.restarts {
            return complain("was restarted less often than before");
        }
    }
    Ok(())
}

fn cpu_request(pod: &PodBody) -> i64 {
    let requests = pod.spec.containers.iter().filter_map(|c| c.resources.as_ref()?.requests.as_ref()?.get("cpu"));
    requests.filter_map(|q| Quantity::parse(&q.0).ok()).map(Quantity::milli).sum()
}

fn controller(rng: &mut Rng, n: usize) -> Value {
    let labels = json!({ "app": format!("app-{n}") });
    let mut container = json!({
        "name": "main",
        "image": format!("app-{n}:{}", rng.below(3)),
        "resources": { "requests": { "cpu": format!("{}m", 50 + rng.below(300)) } },
        "ports": [{ "containerPort": 80 }],
    });
    if rng.chance(1, 2) {
        let period = 1 + rng.below(20);
        container["readinessProbe"] = json!({ "httpGet": { "port": 80 }, "periodSeconds": period });
    }
    if rng.chance(1, 4) {
        container["livenessProbe"] = json!({ "tcpSocket": { "port": 80 }, "periodSeconds": 5 });
    }
    let mut spec = json!({ "containers": [container] });
    if rng.chance(1, 3) {
        spec["initContainers"] = json!([{ "name": "before", "image": "before" }]);
    }
    if rng.chance(1, 2) {
        spec["terminationGracePeriodSeconds"] = json!(rng.below(40));
    }
    json!({
        "apiVersion": "v1", "kind": "ReplicationController",
        "metadata": { "name": format!("rc-{n}"), "namespace": "default" },
        "spec": {
            "replicas": rng.below(8),
            "selector": labels,
            "template": { "metadata": { "labels": labels }, "spec": spec },
        },
    })
}

/// An image whose containers end well after a while.
fn image(name: &str, runs_for: Span) -> Image {
    let behaviour = Behaviour { runs_for: Some(runs_for), ..Behaviour::default() };
    Image { name: name.to_owned(), size_bytes: None, missing: false, behaviour }
}

fn service(rng: &mut Rng, n: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": format!("service-{n}"), "namespace": "default" },
        "spec": {
            "type": if rng.chance(1, 2) { "NodePort" } else { "ClusterIP" },
            "selector": { "app": format!("app-{n}") },
            "ports": [{ "port": 80 }],
        },
    })
}
