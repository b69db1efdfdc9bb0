//! What came of a simulation, as text and as JSON.

use kubarium_core::Time;
use kubarium_core::api::{Body, ConditionKind, EventBody, EventKind, Kind, Object, PodPhase, Quantity};
use kubarium_core::recording::{kind_hash, state_hash_of};
use kubarium_core::scheduler::Decision;
use kubarium_core::sim::{BEGINNING, World};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::resume_unwind;
use std::thread;
use std::time::Instant;

/// How full a node is.
pub(super) struct NodeUse {
    pub(super) name: String,
    pub(super) ready: bool,
    pub(super) pods: u64,
    pub(super) pods_max: i64,
    /// Thousandths of a cpu that its pods ask for, and that it has for them.
    pub(super) cpu: (i64, i64),
    /// The same of memory in bytes.
    pub(super) memory: (i64, i64),
}

/// Happenings of one kind within a second.
pub(super) struct Line {
    pub(super) second: i64,
    pub(super) reason: String,
    pub(super) about: String,
    pub(super) message: String,
    /// How many objects it happened to.
    pub(super) count: u64,
    pub(super) warning: bool,
}

pub(super) struct Report {
    pub(super) nodes: Vec<NodeUse>,
    pub(super) pods: usize,
    pub(super) phases: BTreeMap<&'static str, usize>,
    pub(super) bound: usize,
    /// Why pods are pending, and which.
    pub(super) pending: BTreeMap<String, Vec<String>>,
    pub(super) timeline: Vec<Line>,
    pub(super) virtual_seconds: f64,
    pub(super) events: u64,
    pub(super) hash: u64,
    pub(super) wall_ms: u64,
}

/// Lines of nodes and of the timeline a text report shows.
const LINES_MAX: usize = 40;

fn second(at: Time) -> i64 {
    at.since(BEGINNING).as_secs()
}

fn pod_name(object: &Object) -> String {
    format!("{}/{}", object.meta.namespace, object.meta.name)
}

impl Report {
    pub(super) fn new(world: &World, begun: Instant) -> Self {
        let cluster = world.cluster();
        // The hash of all but events takes about as long as that of events and all the rest.
        let (report, hash) = thread::scope(|scope| {
            let others = || Kind::ALL.map(|kind| if kind == Kind::Event { 0 } else { kind_hash(cluster, kind) });
            let beside = thread::Builder::new().spawn_scoped(scope, others);
            let report = Self::counted(world);
            let events = kind_hash(cluster, Kind::Event);
            let beside = beside.map(|beside| beside.join().unwrap_or_else(|panic| resume_unwind(panic)));
            let mut hashes = beside.unwrap_or_else(|_| others());
            hashes[Kind::Event as usize] = events;
            (report, state_hash_of(cluster, hashes))
        });
        let wall_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Self { hash, wall_ms, ..report }
    }

    /// All but what is made of the whole state.
    fn counted(world: &World) -> Self {
        let cluster = world.cluster();
        let store = cluster.store();
        let mut nodes: BTreeMap<&str, NodeUse> = BTreeMap::new();
        for object in store.list(Kind::Node, None) {
            let Some((_, status)) = object.node() else { continue };
            let of = |resource: &str| {
                let text = status.allocatable.as_ref().and_then(|a| a.get(resource));
                text.and_then(|q| Quantity::parse(&q.0).ok())
            };
            let ready = status.conditions.iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True");
            let node = NodeUse {
                name: object.meta.name.to_string(),
                ready,
                pods: 0,
                pods_max: of("pods").map_or(0, Quantity::value),
                cpu: (0, of("cpu").map_or(0, Quantity::milli)),
                memory: (0, of("memory").map_or(0, Quantity::value)),
            };
            nodes.insert(object.meta.name.as_str(), node);
        }
        let mut phases = BTreeMap::new();
        let mut pending: BTreeMap<String, Vec<&Object>> = BTreeMap::new();
        let (mut pods, mut bound) = (0, 0);
        for object in store.seated(Kind::Pod) {
            let Some(pod) = object.pod() else { continue };
            pods += 1;
            *phases.entry(pod.status.phase.as_str()).or_default() += 1;
            let Some(node) = &pod.node else {
                let why = cluster.schedulers().decision(object.meta.uid, store).and_then(Decision::message);
                let why = why.or_else(|| {
                    let condition = pod.status.condition(&ConditionKind::PodScheduled)?;
                    condition.message.as_deref().map(str::to_owned)
                });
                let why = why.unwrap_or_else(|| "no scheduler has looked at it".to_owned());
                pending.entry(why).or_default().push(object);
                continue;
            };
            bound += 1;
            if let Some(node) = nodes.get_mut(node.as_str())
                && !matches!(pod.status.phase, PodPhase::Succeeded | PodPhase::Failed)
            {
                node.pods += 1;
                for container in &pod.spec.containers {
                    let requests = container.resources.as_ref().and_then(|r| r.requests.as_ref());
                    let of = |resource: &str| {
                        requests.and_then(|r| r.get(resource)).and_then(|q| Quantity::parse(&q.0).ok())
                    };
                    node.cpu.0 += of("cpu").map_or(0, Quantity::milli);
                    node.memory.0 += of("memory").map_or(0, Quantity::value);
                }
            }
        }
        let by_name = |mut pods: Vec<&Object>| {
            pods.sort_by_key(|pod| (&pod.meta.namespace, &pod.meta.name));
            pods.into_iter().map(pod_name).collect()
        };
        Self {
            nodes: nodes.into_values().collect(),
            pods,
            phases,
            bound,
            pending: pending.into_iter().map(|(why, pods)| (why, by_name(pods))).collect(),
            timeline: timeline(world),
            virtual_seconds: world.elapsed().0 as f64 / 1e6,
            events: world.events(),
            hash: 0,
            wall_ms: 0,
        }
    }

    pub(super) fn pending_count(&self) -> usize {
        self.pending.values().map(Vec::len).sum()
    }

    pub(super) fn json(&self, world: &World, placements: bool) -> String {
        let pending_pods: Map<String, Value> = self
            .pending
            .iter()
            .flat_map(|(why, pods)| pods.iter().map(move |pod| (pod.clone(), why.as_str().into())))
            .collect();
        let mut value = json!({
            "nodes": self.nodes.len(),
            "pods": self.pods,
            "bound": self.bound,
            "pending": self.pending_count(),
            "virtual_seconds": self.virtual_seconds,
            "events": self.events,
            "state_hash": format!("{:016x}", self.hash),
            "wall_ms": self.wall_ms,
            "phases": self.phases,
            "pending_reasons": pending_pods,
            "utilisation": self.nodes.iter().map(|n| json!({
                "node": n.name, "ready": n.ready, "pods": n.pods, "pods_max": n.pods_max,
                "cpu_milli": n.cpu.0, "cpu_milli_max": n.cpu.1,
                "memory_bytes": n.memory.0, "memory_bytes_max": n.memory.1,
            })).collect::<Vec<_>>(),
            "timeline": self.timeline.iter().map(|l| json!({
                "second": l.second, "reason": l.reason, "about": l.about, "message": l.message, "count": l.count,
                "warning": l.warning,
            })).collect::<Vec<_>>(),
        });
        let traffic: Vec<Value> = world
            .traffic()
            .services()
            .map(|(to, _, c)| {
                json!({
                    "service": format!("{}/{}", to.namespace, to.service), "port": to.port,
                    "answered": c.answered, "lost": c.lost, "refused": c.refused,
                })
            })
            .collect();
        if !traffic.is_empty() {
            value["traffic"] = traffic.into();
        }
        if placements {
            let map: Map<String, Value> = placed(world).map(|(pod, node)| (pod, node.into())).collect();
            value["placements"] = map.into();
        }
        format!("{value:#}\n")
    }

    pub(super) fn text(&self, world: &World, placements: bool) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write_text(&mut out, world, placements);
        out
    }

    fn write_text(&self, out: &mut String, world: &World, placements: bool) -> std::fmt::Result {
        writeln!(
            out,
            "{:.1} s of cluster time in {:.2} s: {} nodes, {} pods, {} placed, {} pending.",
            self.virtual_seconds,
            self.wall_ms as f64 / 1e3,
            self.nodes.len(),
            self.pods,
            self.bound,
            self.pending_count()
        )?;
        let phases: Vec<String> = self.phases.iter().map(|(phase, n)| format!("{n} {phase}")).collect();
        writeln!(out, "Pods: {}.", if phases.is_empty() { "none".to_owned() } else { phases.join(", ") })?;
        if !self.pending.is_empty() {
            writeln!(out, "\nPENDING, AND WHY")?;
            for (why, pods) in &self.pending {
                let more = if pods.len() > 3 { format!(" and {} more", pods.len() - 3) } else { String::new() };
                writeln!(out, "  {}{more}:", pods.iter().take(3).cloned().collect::<Vec<_>>().join(", "))?;
                writeln!(out, "    {why}")?;
            }
        }
        writeln!(out, "\n{:<24} {:>8} {:>11} {:>16} {:>19}", "NODE", "READY", "PODS", "CPU", "MEMORY (MiB)")?;
        for node in self.nodes.iter().take(LINES_MAX) {
            let mib = |bytes: i64| bytes / (1 << 20);
            writeln!(
                out,
                "{:<24} {:>8} {:>11} {:>16} {:>19}",
                node.name,
                if node.ready { "yes" } else { "no" },
                format!("{}/{}", node.pods, node.pods_max),
                format!("{:.2}/{:.2}", node.cpu.0 as f64 / 1e3, node.cpu.1 as f64 / 1e3),
                format!("{}/{}", mib(node.memory.0), mib(node.memory.1)),
            )?;
        }
        if self.nodes.len() > LINES_MAX {
            writeln!(out, "and {} more (--output json has all)", self.nodes.len() - LINES_MAX)?;
        }
        if placements {
            writeln!(out, "\n{:<50} NODE", "POD")?;
            for (pod, node) in placed(world) {
                writeln!(out, "{pod:<50} {node}")?;
            }
        }
        for (to, _, counters) in world.traffic().services() {
            writeln!(
                out,
                "\nRequests to {}/{}: {} answered, {} lost, {} refused.",
                to.namespace, to.service, counters.answered, counters.lost, counters.refused
            )?;
        }
        writeln!(out, "\nTIMELINE")?;
        for line in self.timeline.iter().take(LINES_MAX) {
            let times = if line.count > 1 { format!(" (x {})", line.count) } else { String::new() };
            writeln!(out, "{:>6} s  {:<22} {}{times}: {}", line.second, line.reason, line.about, line.message)?;
        }
        if self.timeline.len() > LINES_MAX {
            writeln!(out, "and {} more lines (--output json has all)", self.timeline.len() - LINES_MAX)?;
        }
        writeln!(out, "\nState hash {:016x} after {} events.", self.hash, self.events)
    }
}

/// Pods that have a node, and it.
fn placed(world: &World) -> impl Iterator<Item = (String, String)> {
    world
        .cluster()
        .store()
        .list(Kind::Pod, None)
        .filter_map(|o| Some((pod_name(o), o.pod()?.node.as_ref()?.to_string())))
}

/// Kubernetes' events and what was done from outside, the like of one second on one line, which names the first by name.
fn timeline(world: &World) -> Vec<Line> {
    let mut lines: BTreeMap<(i64, &str, &str), Line> = BTreeMap::new();
    for entry in world.journal() {
        let line = Line {
            second: second(entry.at),
            reason: "Action".to_owned(),
            about: "world".to_owned(),
            message: entry.error.as_ref().map_or_else(|| entry.what.clone(), |e| format!("{}: {e}", entry.what)),
            count: 1,
            warning: entry.error.is_some(),
        };
        lines.insert((line.second, "", &entry.what), line);
    }
    let mut alike: BTreeMap<(i64, &str, &str), (u64, &Object, &EventBody)> = BTreeMap::new();
    for object in world.cluster().store().seated(Kind::Event) {
        let Body::Event(event) = &object.body else { continue };
        let key = (second(event.first), event.occasion.reason.as_str(), event.occasion.of.as_str());
        let (count, first, said) = alike.entry(key).or_insert((0, object, event));
        *count += 1;
        if (&object.meta.namespace, &object.meta.name) < (&first.meta.namespace, &first.meta.name) {
            (*first, *said) = (object, event);
        }
    }
    lines.extend(alike.into_iter().map(|(key, (count, _, event))| {
        let (second, reason, of) = key;
        let line = Line {
            second,
            reason: reason.to_owned(),
            about: format!("{of} {}", event.name),
            message: event.message.to_string(),
            count,
            warning: event.occasion.kind == EventKind::Warning,
        };
        (key, line)
    }));
    lines.into_values().collect()
}
