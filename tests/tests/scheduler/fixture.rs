//! Nodes, pods and a cluster of them, in a line each.

use kubarium_core::api::{Key, Kind, Object};
use kubarium_core::apiserver::{Answer, Method, Request};
use kubarium_core::scheduler::{Decision, Explanation, NodeStand, Stand};
use kubarium_core::{Cluster, Config, Input, Span, Time};
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) const START: Time = Time(1_800_000_000_000_000);

/// Lays `over` over `value`, field by field.
pub(crate) fn merge(value: &mut Value, over: &Value) {
    match (value, over) {
        (Value::Object(fields), Value::Object(over)) => {
            for (key, inner) in over {
                merge(fields.entry(key).or_insert(Value::Null), inner);
            }
        }
        (value, over) => value.clone_from(over),
    }
}

/// A ready node with 4 cpus, 8 GiB and room for 10 pods, and what is laid over that.
pub(crate) fn node(name: &str, over: Value) -> Value {
    let mut node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {},
        "status": {
            "allocatable": {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "10Gi", "pods": "10"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady",
                "lastHeartbeatTime": "2027-01-15T08:00:00Z", "lastTransitionTime": "2027-01-15T08:00:00Z"}],
        },
    });
    merge(&mut node, &over);
    node
}

/// A pod of one container without requests, and what is laid over its spec.
pub(crate) fn pod(name: &str, over: Value) -> Value {
    let mut spec = json!({"containers": [{"name": "c", "image": "i"}]});
    merge(&mut spec, &over);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec})
}

/// The spec of a pod whose container asks for this.
pub(crate) fn requests(requests: Value) -> Value {
    json!({"containers": [{"name": "c", "image": "i", "resources": {"requests": requests}}]})
}

/// A pod that asks for cpu.
pub(crate) fn cpu(name: &str, cpu: &str) -> Value {
    pod(name, requests(json!({"cpu": cpu})))
}

/// A cluster in virtual time.
pub(crate) struct Fixture {
    pub(crate) cluster: Cluster,
    pub(crate) now: Time,
}

impl Fixture {
    /// With these objects there from the start, and a seed.
    pub(crate) fn seeded(seed: u64, objects: &[Value]) -> Self {
        Self::with(Config { seed, ..Config::default() }, objects)
    }

    /// With these objects there from the start, and settings.
    pub(crate) fn with(config: Config, objects: &[Value]) -> Self {
        // Nobody sends heartbeats here.
        let config = Config { node_grace: Span::from_secs(1_000_000), ..config };
        let namespace = json!({"kind": "Namespace", "metadata": {"name": "default"}});
        let objects = objects.iter().chain([&namespace]).enumerate().map(|(at, value)| {
            let kind = Kind::ALL.into_iter().find(|k| value["kind"] == k.info().kind).unwrap();
            let mut value = value.clone();
            value["metadata"]["uid"] = json!(format!("00000000-0000-4000-8000-{at:012x}"));
            Arc::new(Object::from_value(kind, &value).unwrap())
        });
        let mut fixture = Self { cluster: Cluster::restore(config, START, 1, objects), now: START };
        fixture.settle();
        fixture
    }

    /// With these objects there from the start.
    pub(crate) fn new(objects: &[Value]) -> Self {
        Self::seeded(1, objects)
    }

    fn settle(&mut self) {
        while self.cluster.handle(self.now, Input::Wake).wake == Some(self.now) {}
    }

    /// Lets seconds pass, calling the cluster when it wants to be called.
    pub(crate) fn pass(&mut self, seconds: i64) {
        let end = self.now + Span::from_secs(seconds);
        loop {
            let wake = self.cluster.handle(self.now, Input::Wake).wake;
            match wake.filter(|at| *at <= end) {
                Some(at) => self.now = at.max(self.now),
                None => break,
            }
        }
        self.now = end;
        self.settle();
    }

    /// Asks the API; panics unless it does as it is told.
    pub(crate) fn ask(&mut self, method: Method, path: &str, body: &Value) {
        let (status, answer) = self.answer(method, &format!("/api/v1/{path}"), &body.to_string());
        assert!(status < 300, "{method:?} {path}: {answer}");
    }

    /// What the API answers, whatever it is.
    pub(crate) fn answer(&mut self, method: Method, path: &str, body: &str) -> (u16, Value) {
        let mut request = Request::new(method, path);
        request.content_type = match method {
            Method::Patch => "application/merge-patch+json".to_owned(),
            _ => "application/json".to_owned(),
        };
        body.clone_into(&mut request.body);
        let answer = match self.cluster.handle(self.now, Input::Request(request)).answer {
            Some(Answer::Done(response)) => (response.status, serde_json::from_str(&response.body).unwrap()),
            other => panic!("{method:?} {path}: {other:?}"),
        };
        self.settle();
        answer
    }

    /// What the API answers to a GET.
    pub(crate) fn get(&mut self, path: &str) -> (u16, Value) {
        match self.cluster.handle(self.now, Input::Request(Request::get(path))).answer {
            Some(Answer::Done(response)) => (response.status, serde_json::from_str(&response.body).unwrap()),
            other => panic!("{path}: {other:?}"),
        }
    }

    /// The same cluster after a restart: what is not an object is forgotten.
    pub(crate) fn restart(&mut self) {
        let store = self.cluster.store();
        let objects: Vec<_> = Kind::ALL.into_iter().flat_map(|kind| store.list(kind, None)).cloned().collect();
        let config = self.cluster.config().clone();
        self.cluster = Cluster::restore(config, self.now, store.revision(), objects);
        self.settle();
    }

    pub(crate) fn create(&mut self, object: &Value) {
        let kind = Kind::ALL.into_iter().find(|k| object["kind"] == k.info().kind).unwrap().info();
        let space = if kind.namespaced { "namespaces/default/" } else { "" };
        self.ask(Method::Post, &format!("{space}{}", kind.plural), object);
    }

    pub(crate) fn delete_pod(&mut self, name: &str) {
        self.ask(Method::Delete, &format!("namespaces/default/pods/{name}"), &json!({"gracePeriodSeconds": 0}));
    }

    pub(crate) fn pod(&self, name: &str) -> &Arc<Object> {
        self.cluster.store().get(Kind::Pod, "default", name).unwrap()
    }

    /// The pod's node; `-` for none.
    pub(crate) fn place(&self, name: &str) -> &str {
        self.pod(name).pod().unwrap().node_name().unwrap_or("-")
    }

    /// Every pod with its node, by name.
    pub(crate) fn places(&self) -> String {
        let pods = self.cluster.store().list(Kind::Pod, None);
        pods.map(|p| format!("{}:{}", p.meta.name, self.place(&p.meta.name))).collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn decision(&self, name: &str) -> &Decision {
        self.cluster.schedulers().decision(self.pod(name).meta.uid, self.cluster.store()).unwrap()
    }

    pub(crate) fn explain(&self, pod: &str) -> Explanation {
        let key = Key::new(Kind::Pod, "default", pod);
        self.cluster.schedulers().explain(&key, self.cluster.store()).unwrap()
    }

    /// How a node stands to a pod.
    pub(crate) fn stand(&self, pod: &str, node: &str) -> NodeStand {
        self.explain(pod).nodes.into_iter().find(|n| n.node == node).unwrap()
    }

    /// The same as a line: `fits`, or the plugin, its reasons, and `for good` where removing pods cannot help.
    pub(crate) fn verdict(&self, pod: &str, node: &str) -> String {
        match self.stand(pod, node).stand {
            Stand::Feasible { .. } => "fits".to_owned(),
            Stand::Refused { plugin, code, reasons } => {
                let reasons: Vec<_> = reasons.iter().map(|(reason, _)| reason.to_string()).collect();
                let end = if code == kubarium_core::scheduler::Code::Unresolvable { ", for good" } else { "" };
                format!("{plugin}: {}{end}", reasons.join(" + "))
            }
        }
    }

    /// How many events of a reason there are about a pod, repetitions counted.
    pub(crate) fn events(&self, pod: &str, reason: &str) -> u32 {
        let events = self.cluster.store().list(Kind::Event, None).filter_map(|o| match &o.body {
            kubarium_core::api::Body::Event(e) => (e.name == pod && e.occasion.reason == reason).then_some(e.count),
            _ => None,
        });
        events.sum()
    }
}
