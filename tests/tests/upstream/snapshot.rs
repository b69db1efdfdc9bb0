//! What the records say of a cluster at one moment, and how two of them are compared.

use kubarium_core::Cluster;
use kubarium_core::api::{Body, Kind, Object, Uid};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Wanted, present, ready and available replicas of every replication controller.
pub(crate) fn tick(cluster: &Cluster) -> Value {
    let mut tick = Map::new();
    for object in cluster.store().list(Kind::ReplicationController, None) {
        let (spec, status) = object.replication_controller().unwrap();
        let counts = json!([
            spec.replicas.unwrap_or_default(),
            status.replicas,
            status.ready_replicas.unwrap_or_default(),
            status.available_replicas.unwrap_or_default(),
        ]);
        tick.insert(object.meta.name.to_string(), counts);
    }
    Value::Object(tick)
}

fn controller(object: &Object) -> Value {
    let last = |c: &kubarium_core::api::Condition| json!([c.status.as_str(), c.reason.as_deref().unwrap_or_default()]);
    let pod = object.pod().unwrap();
    let mut value = json!({
        "owner": object.meta.controller().map(|o| format!("{}/{}", o.kind, o.name)),
        "rev": null,
        "phase": pod.status.phase.as_str(),
        "ready": pod.status.is_ready(),
        "node": pod.node_name(),
    });
    if object.meta.deletion.is_some() {
        value["deleting"] = json!(true);
    }
    if let Some(condition) = pod.status.conditions.iter().find(|c| c.kind.as_str() == "DisruptionTarget") {
        value["disruptionTarget"] = last(condition);
    }
    value
}

fn group(object: &Object) -> String {
    let pod = object.pod().unwrap();
    let owner = object.meta.controller().map_or_else(|| "None".to_owned(), |o| format!("{}/{}", o.kind, o.name));
    let ready = if pod.status.is_ready() { "ready" } else { "notready" };
    let life = if object.meta.deletion.is_some() { "deleting" } else { "live" };
    format!("{owner}|None|{}|{ready}|{life}", pod.status.phase.as_str())
}

fn replication_controller(object: &Object) -> Value {
    let value = object.to_value();
    let mut status = value["status"].as_object().cloned().unwrap_or_default();
    let observed = status.remove("observedGeneration").and_then(|v| v.as_i64()).unwrap_or_default();
    let conditions = status.remove("conditions").unwrap_or_else(|| json!([]));
    let conditions: Vec<Value> =
        conditions.as_array().unwrap().iter().map(|c| json!([c["type"], c["status"], c["reason"]])).collect();
    let mut taken = json!({
        "spec.replicas": value["spec"]["replicas"],
        "status": status,
        "conditions": conditions,
        "observed": observed - object.meta.generation,
    });
    if object.meta.deletion.is_some() {
        taken["deleting"] = json!(true);
    }
    if !object.meta.finalizers().is_empty() {
        taken["finalizers"] = json!(object.meta.finalizers());
    }
    taken
}

fn node(object: &Object) -> Value {
    let (spec, status) = object.node().unwrap();
    let ready = status.conditions.iter().flatten().find(|c| c.type_ == "Ready").map(|c| &c.status);
    let text = |t: &k8s_openapi::api::core::v1::Taint| {
        format!("{}={}:{}", t.key, t.value.as_deref().unwrap_or_default(), t.effect)
    };
    let taints: BTreeSet<String> = spec.taints.iter().flatten().map(text).collect();
    json!({"ready": ready, "taints": taints})
}

fn endpoints(object: &Object) -> Value {
    let Body::Endpoints { subsets } = &object.body else { panic!("no endpoints") };
    let pods = |list: &Option<Vec<k8s_openapi::api::core::v1::EndpointAddress>>| -> BTreeSet<String> {
        list.iter().flatten().map(|a| a.target_ref.clone().unwrap().name.unwrap()).collect()
    };
    let mut taken = Vec::new();
    for subset in subsets.iter() {
        let ports: BTreeSet<(String, i32, String)> = subset
            .ports
            .iter()
            .flatten()
            .map(|p| (p.name.clone().unwrap_or_default(), p.port, p.protocol.clone().unwrap_or_default()))
            .collect();
        let value = json!({"addresses": pods(&subset.addresses),
            "notReadyAddresses": pods(&subset.not_ready_addresses), "ports": ports});
        taken.push((ports, value));
    }
    taken.sort_by(|a, b| a.0.cmp(&b.0));
    taken.into_iter().map(|(_, value)| value).collect()
}

/// All of it, without what needs the past.
pub(crate) fn take(cluster: &Cluster, symbols: &BTreeMap<Uid, String>) -> Value {
    let list = |kind: Kind| cluster.store().list(kind, None);
    let mut pods = Map::new();
    let mut groups: BTreeMap<String, usize> = BTreeMap::new();
    for object in list(Kind::Pod) {
        pods.insert(symbols[&object.meta.uid].clone(), controller(object));
        *groups.entry(group(object)).or_default() += 1;
    }
    let named = |kind: Kind, prefix: &str, value: fn(&Object) -> Value| -> Map<String, Value> {
        list(kind).map(|o| (format!("{prefix}{}", o.meta.name), value(o))).collect()
    };
    json!({
        "objects": named(Kind::ReplicationController, "ReplicationController/", replication_controller),
        "podGroups": groups,
        "pods": pods,
        "nodes": named(Kind::Node, "", node),
        "endpoints": named(Kind::Endpoints, "", endpoints),
    })
}

/// Whether two values are the same where the record does not say that runs disagreed.
fn same(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::String(word), _) if word == "varies" => true,
        (Value::Object(e), Value::Object(a)) => {
            let keys: BTreeSet<&String> = e.keys().chain(a.keys()).collect();
            keys.into_iter().all(|k| match (e.get(k), a.get(k)) {
                (Some(e), Some(a)) => same(e, a),
                (Some(e), None) => e == "varies",
                (None, _) => false,
            })
        }
        (Value::Array(e), Value::Array(a)) => e.len() == a.len() && e.iter().zip(a).all(|(e, a)| same(e, a)),
        _ => expected == actual,
    }
}

/// Pods have a name of their own unless a controller made them.
fn own_name(symbol: &str) -> bool {
    !symbol.contains("-p")
}

/// What differs of what is compared strictly.
pub(crate) fn compare(expected: &Value, actual: &Value, bound_by_client: &BTreeSet<String>) -> Vec<String> {
    let mut differences = Vec::new();
    for field in ["ticks", "podGroups", "objects", "nodes", "endpoints"] {
        let empty = if field == "ticks" { json!([]) } else { json!({}) };
        let expected = expected.get(field).unwrap_or(&empty);
        if !same(expected, &actual[field]) {
            differences.push(format!("{field}:\n    expected {expected}\n    got      {}", actual[field]));
        }
    }
    let pods = |snapshot: &Value| -> Value {
        let all = snapshot["pods"].as_object().cloned().unwrap_or_default();
        let own = all.into_iter().filter(|(name, _)| own_name(name)).map(|(name, mut pod)| {
            if !bound_by_client.contains(&name)
                && let Some(pod) = pod.as_object_mut()
            {
                pod.remove("node");
            }
            (name, pod)
        });
        Value::Object(own.collect())
    };
    if !same(&pods(expected), &pods(actual)) {
        differences.push(format!("pods:\n    expected {}\n    got      {}", pods(expected), pods(actual)));
    }
    let gone = |snapshot: &Value| -> Option<BTreeSet<String>> {
        let names = snapshot["gone"].as_array()?.iter().filter_map(|n| n.as_str());
        Some(names.filter(|n| own_name(n)).map(str::to_owned).collect())
    };
    if let Some(wanted) = gone(expected)
        && Some(&wanted) != gone(actual).as_ref()
    {
        differences.push(format!("gone: expected {wanted:?}, got {:?}", gone(actual)));
    }
    differences
}
