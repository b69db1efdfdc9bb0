//! A cluster and its clients in virtual time, for tests that say what they mean in a few words.
#![allow(dead_code, reason = "each test file uses its part")]

use kubarium_core::api::{Kind, Name, Object};
use kubarium_core::apiserver::{Answer, Method, Request};
use kubarium_core::runtime::RuntimeEvent;
use kubarium_core::{Cluster, Config, Input, Span, Time};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A cluster with an outside kubelet on every node that was made with [`Api::node`].
pub(crate) struct Api {
    pub(crate) cluster: Cluster,
    pub(crate) now: Time,
    wake: Option<Time>,
    alive: BTreeSet<String>,
    addresses: u32,
}

impl Api {
    pub(crate) fn new(config: Config) -> Self {
        let now = Time(1_800_000_000_000_000);
        let cluster = Cluster::new(config, now);
        let mut api = Self { cluster, now, wake: None, alive: BTreeSet::new(), addresses: 0 };
        api.input(Input::Wake);
        api
    }

    fn input(&mut self, input: Input) -> Option<Answer> {
        let mut output = self.cluster.handle(self.now, input);
        while output.wake.is_some_and(|w| w <= self.now) {
            let answer = output.answer.take();
            output = self.cluster.handle(self.now, Input::Wake);
            output.answer = answer;
        }
        self.wake = output.wake;
        output.answer
    }

    /// Makes a request; code and body of its answer.
    pub(crate) fn request(&mut self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        // A path is of the core group unless it says otherwise.
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/api/v1/{path}") };
        let mut request = Request::new(method, path).with_json(body);
        query.clone_into(&mut request.query);
        if method == Method::Patch {
            "application/merge-patch+json".clone_into(&mut request.content_type);
        }
        match self.input(Input::Request(request)) {
            Some(Answer::Done(response)) => (response.status, serde_json::from_str(&response.body).unwrap_or_default()),
            other => panic!("{other:?}"),
        }
    }

    /// Makes a request that must succeed.
    pub(crate) fn must(&mut self, method: Method, path: &str, body: &Value) -> Value {
        let (code, answer) = self.request(method, path, body);
        assert!(code < 300, "{method:?} {path} {body}: {answer}");
        answer
    }

    /// Creates a node of 8 cpus that is well and renews its lease.
    pub(crate) fn node(&mut self, name: &str) {
        let room = json!({"cpu": "8", "memory": "16Gi", "pods": "110"});
        self.must(
            Method::Post,
            "nodes",
            &json!({"metadata": {"name": name}, "status": {"capacity": room, "allocatable": room,
                "conditions": [{"type": "Ready", "status": "True"}]}}),
        );
        self.alive.insert(name.to_owned());
    }

    /// The node renews its lease no more, or does again and says that it is ready.
    pub(crate) fn set_alive(&mut self, node: &str, alive: bool) {
        if alive {
            self.alive.insert(node.to_owned());
            let status = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
            self.must(Method::Patch, &format!("nodes/{node}/status"), &status);
        } else {
            self.alive.remove(node);
        }
    }

    /// Creates a pod with these labels, bound to a node.
    pub(crate) fn pod(&mut self, name: &str, labels: &Value, node: &str) {
        self.must(
            Method::Post,
            "namespaces/default/pods",
            &json!({"metadata": {"name": name, "labels": labels},
                "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i:1"}]}}),
        );
    }

    /// Creates a replication controller of pods labelled `app: a`.
    pub(crate) fn replicas(&mut self, name: &str, replicas: usize, annotations: &Value) {
        self.must(
            Method::Post,
            "namespaces/default/replicationcontrollers",
            &json!({"metadata": {"name": name}, "spec": {"replicas": replicas, "selector": {"app": "a"},
                "template": {"metadata": {"labels": {"app": "a"}, "annotations": annotations},
                    "spec": {"containers": [{"name": "c", "image": "i:1"}]}}}}),
        );
    }

    /// What a kubelet says of a pod: its phase, and since how many seconds it is ready, where it is.
    pub(crate) fn report(&mut self, pod: &str, phase: &str, ready_for: Option<i64>, restarts: u32) {
        self.addresses += 1;
        let address = format!("10.1.{}.{}", self.addresses / 250, self.addresses % 250 + 1);
        let since = (self.now - Span::from_secs(ready_for.unwrap_or_default())).to_string();
        let ready = if ready_for.is_some() { "True" } else { "False" };
        let status = json!({"status": {"phase": phase, "podIP": address, "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": since}],
            "containerStatuses": [{"name": "c", "image": "i:1", "imageID": "", "ready": ready_for.is_some(),
                "restartCount": restarts}]}});
        self.must(Method::Patch, &format!("namespaces/default/pods/{pod}/status"), &status);
    }

    /// Lets time pass, with a heartbeat a second of every node that is alive.
    pub(crate) fn pass(&mut self, span: Span) {
        let end = self.now + span;
        while self.now < end {
            let second = self.now.floor_secs() + Span::from_secs(1);
            self.now = self.wake.unwrap_or(end).min(second).min(end);
            if self.now == second {
                for node in self.alive.clone() {
                    self.input(Input::Runtime { node: Name::from(node), event: RuntimeEvent::Heartbeat });
                }
            }
            self.input(Input::Wake);
        }
    }

    /// All objects of a kind.
    pub(crate) fn list(&self, kind: Kind) -> Vec<Arc<Object>> {
        self.cluster.store().list(kind, None).cloned().collect()
    }

    /// The names of all pods that are not on their way out.
    pub(crate) fn live(&self) -> Vec<String> {
        let pods = self.list(Kind::Pod).into_iter().filter(|o| o.meta.deletion.is_none());
        pods.map(|o| o.meta.name.to_string()).collect()
    }

    /// The object of that name, as JSON.
    pub(crate) fn get(&self, kind: Kind, name: &str) -> Value {
        let namespace = if kind.info().namespaced { "default" } else { "" };
        self.cluster.store().get(kind, namespace, name).map(|o| o.to_value()).unwrap_or_default()
    }

    /// How often something was said to have happened.
    pub(crate) fn events(&self, reason: &str) -> u32 {
        let events = self.list(Kind::Event);
        let counts = events.iter().filter_map(|o| match &o.body {
            kubarium_core::api::Body::Event(event) if event.occasion.reason == reason => Some(event.count),
            _ => None,
        });
        counts.sum()
    }
}
