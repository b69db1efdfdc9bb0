//! Changes that concern no node that there is: a pod is more important than others, or there are more nodes.

use super::super::pod_edit::Edit;
use super::{Change, Reach, Step};
use crate::api::{Kind, Name, Object};
use crate::apiserver::Method;
use crate::cluster::Cluster;
use crate::order;
use serde_json::{Value, json};
use std::sync::Arc;

/// How many pools of nodes are considered to be enlarged.
const POOLS_MAX: usize = 8;

/// How many priorities are considered.
const PRIORITIES_MAX: usize = 3;

/// It is more important than others: of a class that there is, or of one that is made for it.
pub(super) fn priorities(steps: &mut Vec<Step>, cluster: &Cluster, spec: &Value) {
    let own = spec["priority"].as_i64().unwrap_or_default();
    let give = |class: &str| {
        let mut edits = vec![Edit::Set("/priorityClassName".to_owned(), class.into())];
        edits.extend(["/priority", "/preemptionPolicy"].map(|at| Edit::Remove(at.to_owned())));
        Change::Edit(edits)
    };
    let value = |o: &Arc<Object>| o.document()?.number(&["value"]);
    let classes = cluster.store().list(Kind::PriorityClass, None);
    let mut higher: Vec<(i64, Name)> = classes
        .filter(|o| !o.meta.name.starts_with("system-"))
        .filter_map(|o| Some((value(o)?, o.meta.name.clone())))
        .filter(|(value, _)| *value > own)
        .collect();
    order::sort(&mut higher);
    for (value, name) in higher.iter().take(PRIORITIES_MAX) {
        let message = format!("give it the priority class {name} ({value})");
        steps.push(Step::new(Reach::Outrank, *value, None, message, vec![give(name)]));
    }
    let placed = cluster.store().list(Kind::Pod, None).filter_map(|o| o.pod()).filter(|p| p.node.is_some());
    let mut others = order::Set::new();
    for priority in placed.map(|p| i64::from(p.spec.priority.unwrap_or_default())) {
        if priority >= own && priority < 1_000_000_000 && !higher.iter().any(|(value, _)| *value > priority) {
            others.insert(priority + 1);
        }
    }
    for value in others.iter().take(PRIORITIES_MAX) {
        let class = format!("above-{}", value - 1).replace("--", "-minus-");
        let body = json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": class}, "value": value,
        });
        let made = Change::Ask(Method::Post, "/apis/scheduling.k8s.io/v1/priorityclasses".to_owned(), body);
        let message = format!("give it a new priority class of {value}");
        steps.push(Step::new(Reach::Outrank, *value, None, message, vec![made, give(&class)]));
    }
}

/// A pool has one node more. Nodes are of one pool that differ in nothing but their name.
pub(super) fn pools(steps: &mut Vec<Step>, cluster: &Cluster) {
    let mut pools: order::Map<String, (usize, Value)> = order::Map::new();
    for object in cluster.store().list(Kind::Node, None) {
        let document = object.document_value();
        let mut metadata = json!({"name": "", "labels": document["metadata"]["labels"]});
        if metadata["labels"]["kubernetes.io/hostname"].is_string() {
            metadata["labels"]["kubernetes.io/hostname"] = "".into();
        }
        let (spec, status) = (&document["spec"], &document["status"]);
        // What the cluster itself says of a node's health is not its pool's.
        let own = |t: &&Value| !t["key"].as_str().is_some_and(|key| key.starts_with("node.kubernetes.io/"));
        let taints: Vec<&Value> = spec["taints"].as_array().into_iter().flatten().filter(own).collect();
        let ready = json!([{"type": "Ready", "status": "True", "reason": "KubeletReady"}]);
        let node = json!({
            "apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"taints": taints},
            "status": {"capacity": status["capacity"], "allocatable": status["allocatable"], "conditions": ready},
        });
        let pool = pools.entry(node.to_string()).or_insert_with(|| (0, node));
        if pool.0 == 0 {
            pool.1["metadata"]["name"] = object.meta.name.as_str().into();
        }
        pool.0 += 1;
    }
    let mut pools: Vec<(usize, Value)> = pools.iter().map(|(_, pool)| pool.clone()).collect();
    order::sort_by(&mut pools, |a, b| b.0.cmp(&a.0).then_with(|| a.1.to_string().cmp(&b.1.to_string())));
    for (place, (nodes, mut node)) in pools.into_iter().take(POOLS_MAX).enumerate() {
        let like = node["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let taken = |name: &str| cluster.store().get(Kind::Node, "", name).is_some();
        let mut names = (1..=u32::MAX).map(|n| format!("{like}-more-{n}"));
        let Some(name) = names.find(|name| !taken(name)) else { continue };
        node["metadata"]["name"] = name.as_str().into();
        if node["metadata"]["labels"]["kubernetes.io/hostname"].is_string() {
            node["metadata"]["labels"]["kubernetes.io/hostname"] = name.into();
        }
        let pool = if nodes > 1 { format!(" (there are {nodes} such)") } else { String::new() };
        let message = format!("add a node like {like}{pool}");
        let ask = Change::Ask(Method::Post, "/api/v1/nodes".to_owned(), node);
        steps.push(Step::new(Reach::Grow, place as i64, None, message, vec![ask]));
    }
}
