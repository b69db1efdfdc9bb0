//! A cluster, its clients and its machines, in virtual time.

use crate::kubelet::Kubelet;
use crate::snapshot;
use kubarium_core::api::{Kind, Name, Uid};
use kubarium_core::apiserver::{Answer, Method, Request};
use kubarium_core::runtime::RuntimeEvent;
use kubarium_core::{Cluster, Config, Input, Span, Time};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How often nodes renew their lease.
const HEARTBEAT: Span = Span::from_secs(1);
/// For how long nothing must change before all is settled, where a step does not say: longer than a pod that could
/// not be placed twice waits for its next try.
const QUIET: Span = Span::from_millis(2_200);
/// How many rounds of settling are made at most.
const ROUNDS_MAX: usize = 100;

/// All of it.
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) kubelet: Kubelet,
    /// Refused requests, as the records have them.
    pub(crate) refusals: Vec<Value>,
    /// Pods whose node the client chose; of others the scheduler's choice is not compared.
    pub(crate) bound_by_client: BTreeSet<String>,
    /// What the records call each pod.
    symbols: BTreeMap<Uid, String>,
    created: BTreeMap<String, usize>,
    /// Pods of the snapshot before.
    before: BTreeSet<String>,
    now: Time,
    seen: u64,
    wake: Option<Time>,
    next_heartbeat: Time,
}

/// The path of a kind's objects, or of one.
pub(crate) fn path(kind: Kind, name: Option<&str>) -> String {
    let space = if kind.info().namespaced { "/namespaces/default" } else { "" };
    let name = name.map(|n| format!("/{n}")).unwrap_or_default();
    format!("/api/v1{space}/{}{name}", kind.info().plural)
}

fn kind(name: &Value) -> Kind {
    Kind::from_type("v1", name.as_str().unwrap()).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        let now = Time(1_800_000_000_000_000);
        let config = Config {
            node_monitor_period: Span::from_secs(1),
            node_grace: Span::from_secs(6),
            eviction_rate: 2.0,
            secondary_eviction_rate: 0.01,
            unhealthy_zone_threshold: 0.55,
            ..Config::default()
        };
        let mut cluster = Cluster::new(config, now);
        let wake = cluster.handle(now, Input::Wake).wake;
        Self {
            seen: cluster.store().revision(),
            cluster,
            kubelet: Kubelet::default(),
            refusals: Vec::new(),
            bound_by_client: BTreeSet::new(),
            symbols: BTreeMap::new(),
            created: BTreeMap::new(),
            before: BTreeSet::new(),
            now,
            wake,
            next_heartbeat: now + HEARTBEAT,
        }
    }

    pub(crate) const fn now(&self) -> Time {
        self.now
    }

    /// Hands the cluster an input. Returns the answer to a request: code and body.
    fn handle(&mut self, input: Input) -> Option<(u16, Value)> {
        let output = self.cluster.handle(self.now, input);
        self.wake = output.wake;
        for change in self.cluster.store().changes_since(self.seen).unwrap() {
            let Some(pod) = change.after.as_ref().filter(|o| change.before.is_none() && o.kind() == Kind::Pod) else {
                continue;
            };
            let symbol = match pod.meta.controller() {
                None => pod.meta.name.to_string(),
                Some(owner) => {
                    let count = self.created.entry(owner.name.clone()).or_default();
                    *count += 1;
                    format!("{}-p{count}", owner.name)
                }
            };
            self.symbols.insert(pod.meta.uid, symbol);
        }
        self.seen = self.cluster.store().revision();
        match output.answer {
            Some(Answer::Done(response)) => {
                Some((response.status, serde_json::from_str(&response.body).unwrap_or_default()))
            }
            _ => None,
        }
    }

    /// Makes a request that must succeed or is on record as refused.
    pub(crate) fn request(&mut self, method: Method, path: &str, content_type: &str, body: &Value) -> (u16, Value) {
        let mut request = Request::new(method, path).with_json(body);
        content_type.clone_into(&mut request.content_type);
        self.handle(Input::Request(request)).unwrap()
    }

    /// Makes a request that must succeed.
    pub(crate) fn must(&mut self, method: Method, path: &str, content_type: &str, body: &Value) {
        let (code, answer) = self.request(method, path, content_type, body);
        assert!(code < 300, "{method:?} {path} {body}: {answer}");
    }

    /// What the records call a pod.
    pub(crate) fn symbol(&self, uid: Uid) -> String {
        self.symbols[&uid].clone()
    }

    /// The name of the pod the records call so.
    pub(crate) fn name(&self, symbol: &str) -> String {
        let pods = self.cluster.store().list(Kind::Pod, None);
        let found = pods.filter(|o| self.symbols[&o.meta.uid] == symbol).map(|o| o.meta.name.to_string()).next();
        found.unwrap_or_else(|| symbol.to_owned())
    }

    /// Lets time pass until `end`, with heartbeats and all that is due on the way. Stops early once nothing has
    /// changed for `quiet`.
    fn pass(&mut self, end: Option<Time>, quiet: Option<Span>) {
        let mut changed = self.now;
        loop {
            let limit = [end, quiet.map(|q| changed + q)].into_iter().flatten().min().unwrap();
            let next = self.wake.map_or(self.next_heartbeat, |w| w.min(self.next_heartbeat)).max(self.now);
            if next > limit {
                self.now = limit;
                return;
            }
            self.now = next;
            let revision = self.seen;
            if next == self.next_heartbeat {
                self.next_heartbeat = next + HEARTBEAT;
                for node in self.kubelet.heartbeats() {
                    self.handle(Input::Runtime { node: Name::from(node), event: RuntimeEvent::Heartbeat });
                }
                Kubelet::post_ready(self);
            } else {
                self.handle(Input::Wake);
            }
            if self.seen != revision {
                changed = self.now;
            }
        }
    }

    /// Waits until nothing changes and lets the kubelet act, until it has nothing to do. Returns the ticks.
    fn settle(&mut self, quiet: Span) -> Vec<Value> {
        let mut ticks: Vec<Value> = Vec::new();
        for _ in 0..ROUNDS_MAX {
            self.pass(None, Some(quiet));
            let tick = snapshot::tick(&self.cluster);
            if ticks.last() != Some(&tick) {
                ticks.push(tick);
            }
            if !Kubelet::act(self) {
                return ticks;
            }
        }
        panic!("does not settle");
    }

    /// Does one step. Returns the ticks where it was to settle.
    pub(crate) fn step(&mut self, index: usize, step: &Value) -> Option<Vec<Value>> {
        match step["op"].as_str().unwrap() {
            "create" => self.create(index, step),
            "patch" => {
                let kind = kind(&step["kind"]);
                let name = self.name(step["name"].as_str().unwrap());
                // Lists in these patches are whole lists.
                let answer = self.request(
                    Method::Patch,
                    &path(kind, Some(&name)),
                    "application/merge-patch+json",
                    &step["patch"],
                );
                self.note(index, &answer);
            }
            "delete" => {
                let kind = kind(&step["kind"]);
                let name = self.name(step["name"].as_str().unwrap());
                let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1"});
                if step["propagation"].is_string() {
                    options["propagationPolicy"] = step["propagation"].clone();
                }
                let answer = self.request(Method::Delete, &path(kind, Some(&name)), "application/json", &options);
                self.note(index, &answer);
            }
            "kubelet" => Kubelet::command(self, step),
            "advance" => {
                let span = Span((step["seconds"].as_f64().unwrap() * 1e6) as i64);
                self.pass(Some(self.now + span), None);
            }
            "settle" => {
                let quiet = step["quiet"].as_f64().map_or(QUIET, |s| Span((s * 1e6) as i64));
                return Some(self.settle(quiet));
            }
            other => panic!("step {other}"),
        }
        None
    }

    fn create(&mut self, index: usize, step: &Value) {
        let mut object = step["object"].clone();
        let kind = kind(&object["kind"]);
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        object["apiVersion"] = json!("v1");
        if kind == Kind::Node {
            object["status"] = Kubelet::node_status(self.now);
        }
        if object["spec"]["nodeName"].is_string() {
            self.bound_by_client.insert(name.clone());
        }
        let answer = self.request(Method::Post, &path(kind, None), "application/json", &object);
        self.note(index, &answer);
        if kind == Kind::Node {
            self.kubelet.join(&name, step["dead"] == json!(true));
        }
    }

    fn note(&mut self, step: usize, (code, answer): &(u16, Value)) {
        if *code >= 400 {
            let causes = answer["details"]["causes"].as_array().cloned().unwrap_or_default();
            let causes: Vec<&Value> = causes.iter().map(|c| &c["reason"]).collect();
            self.refusals.push(json!({"step": step, "code": code, "reason": answer["reason"], "causes": causes}));
        }
    }

    /// What a record has after a step that settles.
    pub(crate) fn snapshot(&mut self, ticks: Vec<Value>) -> Value {
        let pods = self.cluster.store().list(Kind::Pod, None).map(|o| self.symbol(o.meta.uid)).collect();
        let before = std::mem::replace(&mut self.before, pods);
        let gone: Vec<&String> = before.difference(&self.before).collect();
        let mut snapshot = snapshot::take(&self.cluster, &self.symbols);
        snapshot["gone"] = json!(gone);
        snapshot["ticks"] = Value::Array(ticks);
        snapshot
    }
}
