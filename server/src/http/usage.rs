//! `/apis/metrics.k8s.io/v1beta1`: what pods and nodes use, for `kubectl top`.
//!
//! Measured when it is asked for. A node is told as the sum of its pods: engines do not tell what else a machine does.

use super::{App, problem};
use crate::docker::Usage;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use kubarium_core::api::{Kind, Labels, Name, Reason, Selector, Uid};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The group.
pub(super) const GROUP: &str = "metrics.k8s.io";
const API_VERSION: &str = "metrics.k8s.io/v1beta1";

/// The group as a list of groups has it.
pub(super) fn group() -> Value {
    let version = json!({"groupVersion": API_VERSION, "version": "v1beta1"});
    json!({"name": GROUP, "versions": [version], "preferredVersion": version})
}

const RESOURCES: [(&str, &str, bool); 2] = [("nodes", "NodeMetrics", false), ("pods", "PodMetrics", true)];

/// Whether there is anything to measure: only machines that are real tell what is used on them.
pub(super) fn is_measured(app: &App) -> bool {
    app.hosts.as_ref().is_some_and(|hosts| !hosts.list().is_empty())
}

/// The group's resources.
pub(super) async fn resources(State(app): State<App>) -> Response {
    if !is_measured(&app) {
        return problem::status(404, Reason::NotFound, "the server could not find the requested resource");
    }
    let resources = RESOURCES.map(|(name, kind, namespaced)| {
        json!({
            "name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"],
        })
    });
    let list = json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": API_VERSION, "resources": resources,
    });
    problem::json(200, &list)
}

/// The group with its resources, as the list of everything has it.
pub(super) fn aggregated() -> Value {
    let resources = RESOURCES.map(|(name, kind, namespaced)| {
        json!({
            "resource": name, "responseKind": {"group": GROUP, "version": "v1beta1", "kind": kind},
            "scope": if namespaced { "Namespaced" } else { "Cluster" }, "singularResource": "",
            "verbs": ["get", "list"],
        })
    });
    json!({
        "metadata": {"name": GROUP},
        "versions": [{"version": "v1beta1", "resources": resources, "freshness": "Current"}],
    })
}

/// A running pod, and what its containers use.
struct Measured {
    namespace: Name,
    name: Name,
    node: Name,
    labels: Labels,
    usage: Vec<Usage>,
}

/// Measures the pods of a namespace, or of all.
async fn measure(app: &App, namespace: Option<&str>) -> Result<Vec<Measured>, Box<Response>> {
    let Some(hosts) = &app.hosts else {
        let message =
            "nothing is measured in a simulated cluster: its containers use what they ask for, no more and no less";
        return Err(Box::new(problem::status(404, Reason::NotFound, message)));
    };
    let mut by_pod: BTreeMap<Uid, Vec<Usage>> = BTreeMap::new();
    for usage in hosts.usage().await {
        by_pod.entry(usage.pod.uid).or_default().push(usage);
    }
    let pods = app.driver.read(|cluster| {
        let pods = cluster.store().list(Kind::Pod, namespace).filter_map(|object| {
            let mut usage = by_pod.remove(&object.meta.uid)?;
            usage.sort_by(|a, b| a.container.cmp(&b.container));
            let node = object.pod()?.node.clone()?;
            let (namespace, name) = (object.meta.namespace.clone(), object.meta.name.clone());
            Some(Measured { namespace, name, node, labels: object.meta.labels.clone(), usage })
        });
        pods.collect()
    });
    Ok(pods.await)
}

fn document(kind: &str, metadata: &Value) -> Value {
    let now = crate::clock::now().floor_secs().to_string();
    json!({"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "timestamp": now, "window": "1s"})
}

fn amounts<'a>(usage: impl Iterator<Item = &'a Usage>) -> Value {
    let (cpu, memory) = usage.fold((0, 0), |(cpu, memory), u| (cpu + u.cpu_nanos, memory + u.memory_bytes));
    json!({"cpu": format!("{cpu}n"), "memory": format!("{}Ki", memory / 1_024)})
}

fn pod_metrics(pod: &Measured) -> Value {
    let metadata = json!({"name": pod.name.as_str(), "namespace": pod.namespace.as_str(), "labels": &*pod.labels});
    let mut document = document("PodMetrics", &metadata);
    let container = |u: &Usage| json!({"name": u.container.as_str(), "usage": amounts(std::iter::once(u))});
    document["containers"] = pod.usage.iter().map(container).collect();
    document
}

fn list(kind: &str, items: &[Value]) -> Response {
    let list = json!({"apiVersion": API_VERSION, "kind": format!("{kind}List"), "metadata": {}, "items": items});
    problem::json(200, &list)
}

/// Of a query, the labels that are asked for.
fn selector(uri: &Uri) -> Result<Selector, Box<Response>> {
    let pairs = axum::extract::Query::<BTreeMap<String, String>>::try_from_uri(uri).map(|query| query.0);
    let text = pairs.unwrap_or_default().remove("labelSelector").unwrap_or_default();
    Selector::parse(&text).map_err(|e| Box::new(problem::status(400, Reason::BadRequest, e.0)))
}

async fn pod_list(app: &App, namespace: Option<&str>, uri: &Uri) -> Result<Response, Box<Response>> {
    let selector = selector(uri)?;
    let pods = measure(app, namespace).await?;
    let chosen = pods.iter().filter(|pod| selector.matches(&pod.labels));
    Ok(list("PodMetrics", &chosen.map(pod_metrics).collect::<Vec<_>>()))
}

fn either(answer: Result<Response, Box<Response>>) -> Response {
    answer.unwrap_or_else(|refusal| *refusal)
}

/// What all pods use.
pub(super) async fn pods(State(app): State<App>, uri: Uri) -> Response {
    either(pod_list(&app, None, &uri).await)
}

/// What the pods of a namespace use.
pub(super) async fn pods_in(State(app): State<App>, Path(namespace): Path<String>, uri: Uri) -> Response {
    either(pod_list(&app, Some(&namespace), &uri).await)
}

/// What one pod uses.
pub(super) async fn pod(State(app): State<App>, Path((namespace, name)): Path<(String, String)>) -> Response {
    let pods = match measure(&app, Some(&namespace)).await {
        Ok(pods) => pods,
        Err(refusal) => return *refusal,
    };
    match pods.iter().find(|pod| pod.name == name) {
        Some(pod) => problem::json(200, &pod_metrics(pod)),
        None => not_found("pods", &format!("{namespace}/{name}")),
    }
}

fn not_found(resource: &str, name: &str) -> Response {
    problem::status(404, Reason::NotFound, format!("{resource}.{GROUP} \"{name}\" not found"))
}

/// What each node's pods use.
async fn by_node(app: &App) -> Result<Vec<(Name, Labels, Value)>, Box<Response>> {
    let pods = measure(app, None).await?;
    let nodes = app.driver.read(|cluster| {
        let nodes = cluster.store().list(Kind::Node, None);
        nodes.map(|node| (node.meta.name.clone(), node.meta.labels.clone())).collect::<Vec<_>>()
    });
    let metrics = |(name, labels): (Name, Labels)| {
        let mut document = document("NodeMetrics", &json!({"name": name.as_str(), "labels": &*labels}));
        let own = pods.iter().filter(|pod| pod.node == name);
        document["usage"] = amounts(own.flat_map(|pod| &pod.usage));
        (name, labels, document)
    };
    Ok(nodes.await.into_iter().map(metrics).collect())
}

/// What all nodes use.
pub(super) async fn nodes(State(app): State<App>, uri: Uri) -> Response {
    let selector = match selector(&uri) {
        Ok(selector) => selector,
        Err(refusal) => return *refusal,
    };
    match by_node(&app).await {
        Ok(nodes) => {
            let chosen = nodes.into_iter().filter(|(_, labels, _)| selector.matches(labels));
            list("NodeMetrics", &chosen.map(|(_, _, document)| document).collect::<Vec<_>>())
        }
        Err(refusal) => *refusal,
    }
}

/// What one node uses.
pub(super) async fn node(State(app): State<App>, Path(wanted): Path<String>) -> Response {
    match by_node(&app).await {
        Ok(nodes) => match nodes.into_iter().find(|(name, ..)| *name == wanted) {
            Some((_, _, document)) => problem::json(200, &document),
            None => not_found("nodes", &wanted),
        },
        Err(refusal) => *refusal,
    }
}
