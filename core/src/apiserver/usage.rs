//! `/apis/metrics.k8s.io/v1beta1`: what nodes and pods use, for `kubectl top` and for whatever scales by it.
//!
//! The machines are asked when somebody wants to know: the driver does it ([`super::Answer::Usage`]), and what they say is
//! told here. What no machine tells of is left out, as metrics-server does it.

use super::query::Query;
use super::{Response, errors};
use crate::api::{ApiError, Details, Kind, Name, Object, Reason, Selector, Uid};
use crate::order;
use crate::runtime::{ContainerUsage, MachineUsage};
use crate::store::Store;
use crate::time::Time;
use serde_json::{Value, json};

/// The group.
pub(super) const GROUP: &str = "metrics.k8s.io";

/// Its version.
pub(super) const VERSION: &str = "v1beta1";

/// The time over which cpu is counted.
const WINDOW: &str = "1s";

/// Resource, kind, and whether it is in a namespace.
#[cfg(feature = "described")]
const RESOURCES: [(&str, &str, bool); 2] = [("nodes", "NodeMetrics", false), ("pods", "PodMetrics", true)];

/// The list of these.
#[cfg(feature = "described")]
pub(super) fn resource_list() -> Value {
    let resource = |(plural, kind, namespaced): (&str, &str, bool)| {
        json!({
            "name": plural, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"],
        })
    };
    json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": format!("{GROUP}/{VERSION}"),
        "resources": RESOURCES.map(resource),
    })
}

/// The same for clients that ask for all groups at once.
#[cfg(feature = "described")]
pub(super) fn aggregated_group() -> Value {
    let resource = |(plural, kind, namespaced): (&str, &str, bool)| {
        json!({
            "resource": plural, "responseKind": {"group": GROUP, "version": VERSION, "kind": kind},
            "scope": if namespaced { "Namespaced" } else { "Cluster" }, "singularResource": "",
            "verbs": ["get", "list"],
        })
    };
    json!({
        "metadata": {"name": GROUP},
        "versions": [{"version": VERSION, "resources": RESOURCES.map(resource), "freshness": "Current"}],
    })
}

/// Whose usage a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// Nodes or pods.
    pub(super) kind: Kind,
    /// Of one namespace only.
    pub(super) namespace: Option<String>,
    /// Of one only.
    pub(super) name: Option<String>,
}

impl Subject {
    /// What stands behind the group and version of a path.
    pub(super) fn at(segments: &[&str]) -> Option<Self> {
        let (kind, namespace, name) = match *segments {
            ["nodes"] => (Kind::Node, None, None),
            ["nodes", name] => (Kind::Node, None, Some(name)),
            ["pods"] => (Kind::Pod, None, None),
            ["namespaces", namespace, "pods"] => (Kind::Pod, Some(namespace), None),
            ["namespaces", namespace, "pods", name] => (Kind::Pod, Some(namespace), Some(name)),
            _ => return None,
        };
        Some(Self { kind, namespace: namespace.map(str::to_owned), name: name.map(str::to_owned) })
    }
}

/// Whose usage is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct UsageQuery {
    subject: Subject,
    labels: Selector,
}

impl UsageQuery {
    pub(super) fn read(subject: &Subject, query: &Query) -> Result<Self, ApiError> {
        let labels = Selector::parse(query.text("labelSelector")).map_err(|e| errors::bad_request(e.0))?;
        Ok(Self { subject: subject.clone(), labels })
    }

    /// The answer, from what is used on the machines that could be asked.
    pub fn answer(&self, store: &Store, now: Time, machines: &[MachineUsage]) -> Response {
        let measured = Measured::of(machines);
        let document = |kind: &str, object: &Object| {
            let meta = &object.meta;
            let mut metadata = json!({ "name": meta.name, "labels": &*meta.labels });
            if !meta.namespace.is_empty() {
                metadata["namespace"] = meta.namespace.as_str().into();
            }
            json!({
                "apiVersion": format!("{GROUP}/{VERSION}"), "kind": kind, "metadata": metadata,
                "timestamp": now.floor_secs().to_string(), "window": WINDOW,
            })
        };
        let tell = |object: &Object| {
            if self.subject.kind == Kind::Node {
                let usage = measured.node(&object.meta.name)?;
                let mut told = document("NodeMetrics", object);
                told["usage"] = usage;
                return Some(told);
            }
            let containers = measured.pod(object.meta.uid)?;
            let mut told = document("PodMetrics", object);
            told["containers"] = containers;
            Some(told)
        };
        let namespace = self.subject.namespace.as_deref();
        if let Some(name) = &self.subject.name {
            let object = store.get(self.subject.kind, namespace.unwrap_or_default(), name);
            return match object.and_then(|object| tell(object)) {
                Some(told) => Response::json(200, &told),
                None => (&self.not_found(name)).into(),
            };
        }
        let chosen = store.list(self.subject.kind, namespace).filter(|object| self.labels.matches(&object.meta.labels));
        let items: Vec<Value> = chosen.filter_map(|object| tell(object)).collect();
        let kind = if self.subject.kind == Kind::Node { "NodeMetricsList" } else { "PodMetricsList" };
        let list = json!({
            "kind": kind, "apiVersion": format!("{GROUP}/{VERSION}"), "metadata": {}, "items": items,
        });
        Response::json(200, &list)
    }

    fn not_found(&self, name: &str) -> ApiError {
        let plural = self.subject.kind.info().plural;
        let full = self.subject.namespace.as_ref().map_or_else(|| name.to_owned(), |ns| format!("{ns}/{name}"));
        let details =
            Details { name: full.clone(), group: GROUP.to_owned(), kind: plural.to_owned(), ..Details::default() };
        ApiError::about(404, Reason::NotFound, format!("{plural}.{GROUP} \"{full}\" not found"), details)
    }
}

/// What is used, by what uses it.
struct Measured<'a> {
    nodes: order::Map<Name, &'a MachineUsage>,
    pods: order::Map<Uid, Vec<&'a ContainerUsage>>,
}

impl<'a> Measured<'a> {
    fn of(machines: &'a [MachineUsage]) -> Self {
        let mut pods: order::Map<Uid, Vec<&ContainerUsage>> = order::Map::new();
        for container in machines.iter().flat_map(|machine| &machine.containers) {
            pods.entry(container.pod).or_default().push(container);
        }
        for containers in pods.values_mut() {
            order::sort_by(containers, |a, b| a.container.cmp(&b.container));
        }
        Self { nodes: machines.iter().map(|machine| (machine.node.clone(), machine)).collect(), pods }
    }

    /// The sum of a machine's containers: what else it does is not told.
    fn node(&self, name: &str) -> Option<Value> {
        self.nodes.get(name).map(|machine| amounts(machine.containers.iter()))
    }

    fn pod(&self, uid: Uid) -> Option<Value> {
        let containers = self.pods.get(&uid)?.iter();
        let container = |used: &&ContainerUsage| json!({ "name": used.container.as_str(), "usage": amounts(std::iter::once(*used)) });
        Some(containers.map(container).collect())
    }
}

fn amounts<'a>(used: impl Iterator<Item = &'a ContainerUsage>) -> Value {
    let sum = |(cpu, memory): (u64, u64), used: &ContainerUsage| {
        (cpu.saturating_add(used.cpu_nanos), memory.saturating_add(used.memory_bytes))
    };
    let (cpu, memory) = used.fold((0, 0), sum);
    json!({ "cpu": format!("{cpu}n"), "memory": format!("{}Ki", memory / 1_024) })
}
