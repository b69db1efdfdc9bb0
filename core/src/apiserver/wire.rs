//! Objects exactly as upstream writes them: the few fields that are there even when nothing is in them.

use super::{internal, owners};
use crate::api::{Kind, Object};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::sync::Arc;

/// An object as a document.
pub(super) fn object(object: &Object) -> Value {
    let mut value = plain(object);
    owners::show(object, &mut value);
    value
}

/// A document written out, with owners in its metadata, which are text already.
pub(super) fn text(document: &Value, owners: Option<&str>) -> String {
    let (Some(owners), Some(map)) = (owners, document.as_object()) else { return document.to_string() };
    let mut text = String::from("{");
    for (key, value) in map {
        if text.len() > 1 {
            text.push(',');
        }
        text += &Value::from(key.as_str()).to_string();
        text.push(':');
        let value = value.to_string();
        match value.strip_suffix('}') {
            Some(open) if key == "metadata" => {
                let comma = if open == "{" { "" } else { "," };
                // Writing to a string does not fail.
                let _ = write!(text, "{open}{comma}\"managedFields\":{owners}}}");
            }
            _ => text += &value,
        }
    }
    text.push('}');
    text
}

/// Who owns an object's fields, written out, where its document is not at hand.
pub(super) fn owners(object: &Object) -> Option<String> {
    if object.meta.managed.is_some() && !internal::has_status(object) {
        return owners::shown(object, &Value::Null);
    }
    let mut slim = object.clone();
    if let (true, Some(pod)) = (object.meta.managed.is_some(), slim.pod_mut()) {
        // What the cluster's parts wrote is in the status.
        pod.spec = Arc::default();
    }
    owners::shown(object, &plain(&slim))
}

/// An object's metadata as it is in its document.
pub(super) fn metadata(object: &Object) -> Value {
    let mut metadata = object.meta.to_value();
    if let Some(owners) = owners(object) {
        // It was written out from a document.
        metadata["managedFields"] = serde_json::from_str(&owners).unwrap_or_default();
    }
    metadata
}

/// An object as a document that does not say who owns its fields.
pub(super) fn plain(object: &Object) -> Value {
    let mut value = object.document_value();
    let Value::Object(map) = &mut value else { return value };
    match object.kind() {
        Kind::Pod => {
            if let Some(spec) = section(map, "spec") {
                pod_spec(spec);
            }
            if let Some(status) = section(map, "status") {
                for condition in items(status, "conditions") {
                    fill(condition, &["lastProbeTime", "lastTransitionTime"]);
                }
                for list in ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"] {
                    for container in items(status, list) {
                        container_status(container);
                    }
                }
            }
        }
        Kind::ReplicationController => {
            let template = section(map, "spec").and_then(|s| section(s, "template"));
            if let Some(template) = template {
                template.entry("metadata").or_insert_with(|| json!({}));
                if let Some(spec) = section(template, "spec") {
                    pod_spec(spec);
                }
            }
            for condition in section(map, "status").into_iter().flat_map(|s| items(s, "conditions")) {
                fill(condition, &["lastTransitionTime"]);
            }
        }
        Kind::Service => {
            if let Some(status) = section(map, "status") {
                status.entry("loadBalancer").or_insert_with(|| json!({}));
            }
        }
        Kind::Node => {
            if let Some(status) = section(map, "status") {
                for condition in items(status, "conditions") {
                    fill(condition, &["lastHeartbeatTime", "lastTransitionTime"]);
                }
                status.entry("daemonEndpoints").or_insert_with(|| json!({"kubeletEndpoint": {"Port": 0}}));
                status.entry("nodeInfo").or_insert_with(|| {
                    json!({
                        "architecture": "", "bootID": "", "containerRuntimeVersion": "", "kernelVersion": "",
                        "kubeProxyVersion": "", "kubeletVersion": "", "machineID": "", "operatingSystem": "",
                        "osImage": "", "systemUUID": "",
                    })
                });
            }
        }
        Kind::Event => {
            fill(map, &["firstTimestamp", "lastTimestamp", "eventTime"]);
            for text in ["reportingComponent", "reportingInstance"] {
                map.entry(text).or_insert_with(|| "".into());
            }
            map.entry("source").or_insert_with(|| json!({}));
        }
        Kind::PodDisruptionBudget => {
            part(map, "spec");
            let Some(status) = part(map, "status") else { return value };
            for count in ["currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"] {
                status.entry(count).or_insert_with(|| 0.into());
            }
            for condition in items(status, "conditions") {
                fill(condition, &["lastTransitionTime"]);
                for text in ["message", "reason"] {
                    condition.entry(text).or_insert_with(|| "".into());
                }
            }
        }
        Kind::ResourceQuota => {
            part(map, "spec");
            part(map, "status");
        }
        Kind::LimitRange => {
            if let Some(spec) = part(map, "spec") {
                fill(spec, &["limits"]);
            }
        }
        Kind::Lease => _ = part(map, "spec"),
        Kind::PriorityClass => _ = map.entry("value").or_insert_with(|| 0.into()),
        Kind::Namespace | Kind::Endpoints | Kind::ConfigMap | Kind::Secret | Kind::ServiceAccount => {}
    }
    value
}

fn section<'a>(map: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    map.get_mut(key).and_then(Value::as_object_mut)
}

/// A section, which is there even where nothing is in it.
fn part<'a>(map: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    map.entry(key).or_insert_with(|| json!({})).as_object_mut()
}

fn items<'a>(map: &'a mut Map<String, Value>, key: &str) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    map.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

fn fill(map: &mut Map<String, Value>, keys: &[&str]) {
    for key in keys {
        map.entry(*key).or_insert(Value::Null);
    }
}

fn pod_spec(spec: &mut Map<String, Value>) {
    spec.entry("containers").or_insert(Value::Null);
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in items(spec, list) {
            container.entry("resources").or_insert_with(|| json!({}));
        }
    }
}

fn container_status(status: &mut Map<String, Value>) {
    status.entry("state").or_insert_with(|| json!({}));
    status.entry("lastState").or_insert_with(|| json!({}));
    for which in ["state", "lastState"] {
        let Some(state) = section(status, which) else { continue };
        if let Some(running) = section(state, "running") {
            fill(running, &["startedAt"]);
        }
        if let Some(terminated) = section(state, "terminated") {
            fill(terminated, &["startedAt", "finishedAt"]);
        }
    }
}
