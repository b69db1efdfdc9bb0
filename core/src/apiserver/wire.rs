//! Objects exactly as upstream writes them: the few fields that are there even when nothing is in them.

use super::owners;
use crate::api::{Kind, Object};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// An object as a document.
pub(super) fn object(object: &Object) -> Value {
    let mut value = plain(object);
    owners::show(object, &mut value);
    value
}

/// Writes an object out, as a document of its own, or as an item of a list, which does not say of what kind it is.
pub(super) fn write(object: &Object, alone: bool, out: &mut String) {
    if object.is_plain_pod()
        && let Some(entries) = owners::at_hand(object)
    {
        return object.write_pod(alone, owners::written(&entries, object).as_deref(), out);
    }
    let mut document = plain(object);
    let owners = owners::shown(object, &document);
    if let (false, Value::Object(map)) = (alone, &mut document) {
        map.remove("apiVersion");
        map.remove("kind");
    }
    *out += &text(&document, owners.as_deref());
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
    match owners::at_hand(object) {
        Some(entries) => owners::written(&entries, object),
        None => owners::shown(object, &plain(object)),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ManagedFields, Operation, When, managed_text};
    use crate::rng::Rng;
    use crate::time::Time;
    use std::sync::Arc;

    /// A pod with some of what a pod may have.
    fn pod(chance: &mut Rng) -> Object {
        let mut yes = |_: &str| chance.chance(1, 2);
        let time = |seconds: u32| format!("2026-02-28T23:59:{seconds:02}Z");
        let mut value = json!({
            "metadata": {"name": "p", "namespace": "d", "uid": "01234567-89ab-4def-8011-223344556677",
                "resourceVersion": "7", "creationTimestamp": time(1)},
            "spec": {"containers": [{"name": "c\"\n", "image": "i", "resources": {}}], "schedulerName": "s"},
            "status": {"qosClass": "BestEffort"},
        });
        let mut add = |place: &str, name: &str, what: Value| {
            if yes(name) {
                value[place][name] = what;
            }
        };
        add("metadata", "annotations", json!({"a/\"b\"": "\u{1}\\", "z": ""}));
        add("metadata", "labels", json!({"app": "a", "ä": "ö"}));
        add("metadata", "finalizers", json!(["a/b", "c/d"]));
        add("metadata", "generateName", json!("p-"));
        add("metadata", "generation", json!(3));
        add("metadata", "deletionTimestamp", json!(time(2)));
        add("metadata", "deletionGracePeriodSeconds", json!(30));
        add(
            "metadata",
            "ownerReferences",
            json!([
                {"apiVersion": "v1", "kind": "ReplicationController", "name": "r", "uid": "u", "controller": true,
                    "blockOwnerDeletion": true},
                {"apiVersion": "v1", "kind": "Pod", "name": "q", "uid": "v"},
            ]),
        );
        add("spec", "nodeName", json!("n"));
        add("spec", "nodeSelector", json!({"disk": "ssd"}));
        add("spec", "initContainers", json!([{"name": "i", "image": "i", "resources": {"limits": {"cpu": "1"}}}]));
        let conditions = json!([
            {"type": "Ready", "status": "False", "reason": "R", "message": "M", "lastTransitionTime": time(40)},
            {"type": "ContainersReady", "status": "True", "lastProbeTime": time(50), "lastTransitionTime": null},
            {"type": "Gate/x", "status": "Unknown", "observedGeneration": 2},
        ]);
        add("status", "conditions", conditions);
        add("status", "phase", json!("Running"));
        add("status", "hostIP", json!("10.0.0.1"));
        add("status", "podIP", json!("10.1.0.1"));
        add("status", "startTime", json!(time(3)));
        add("status", "reason", json!("Evicted"));
        add("status", "message", json!("the node was low on resource: memory"));
        add("status", "nominatedNodeName", json!("m"));
        let ended = json!({"exitCode": 137, "signal": 9, "reason": "OOMKilled", "message": "m", "containerID": "x://1",
            "startedAt": time(4), "finishedAt": time(51)});
        let container = |state: Value, last: Value| {
            json!({"name": "i", "image": "i", "imageID": "x", "ready": true, "restartCount": 2, "started": false,
                "containerID": "x://2", "state": state, "lastState": last})
        };
        add(
            "status",
            "containerStatuses",
            json!([
                container(json!({"running": {"startedAt": time(52)}}), json!({"terminated": ended})),
                container(json!({"waiting": {"reason": "CrashLoopBackOff", "message": "m"}}), json!({})),
            ]),
        );
        add(
            "status",
            "initContainerStatuses",
            json!([
                container(json!({"terminated": ended}), json!({})),
                {"name": "i", "image": "", "imageID": "", "ready": false, "restartCount": 0},
            ]),
        );
        let scheduled = match chance.below(5) {
            0 => json!({"type": "PodScheduled", "status": "True", "lastTransitionTime": time(5)}),
            1 => json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "m"}),
            2 => json!({"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}),
            3 => json!({"type": "DisruptionTarget", "status": "True", "lastTransitionTime": time(59)}),
            _ => Value::Null,
        };
        if !scheduled.is_null() {
            match &mut value["status"]["conditions"] {
                Value::Array(conditions) => conditions.push(scheduled),
                none => *none = json!([scheduled]),
            }
        }
        if chance.chance(1, 8) {
            // What the core does not keep apart.
            value["status"]["resize"] = json!("Proposed");
        }
        let mut pod = Object::from_value(Kind::Pod, &value).unwrap();
        let entry = |manager: &'static str, at: Time, fields: &str| ManagedFields {
            manager: manager.into(),
            operation: Operation::Update,
            api_version: "v1".into(),
            subresource: "".into(),
            at: When::of(Some(at), pod.meta.created),
            fields: fields.into(),
        };
        let created = entry("kubectl", pod.meta.created, r#"{"f:spec":{"f:containers":{}}}"#);
        pod.meta.managed = match chance.below(5) {
            0 => None,
            1 => Some(Arc::default()),
            2 => Some(Arc::new(vec![created])),
            3 => {
                let later = pod.meta.created + crate::time::Span::from_secs(90);
                Some(Arc::new(vec![created, entry("z", later, r#"{"f:metadata":{"f:labels":{"f:app":{}}}}"#)]))
            }
            _ => Some(Arc::new(vec![entry("a", pod.meta.created, r#"{"f:status":{"f:phase":{}}}"#)])),
        };
        pod
    }

    /// The owners of a pod's fields as they are found by comparing documents.
    fn compared(pod: &Object, document: &Value) -> Option<String> {
        let (mut all, parts) = owners::all(pod, document);
        all.extend(parts);
        let entries = owners::keep(all, pod.meta.created);
        (!entries.is_empty()).then(|| managed_text(&entries, pod.meta.created))
    }

    #[test]
    fn a_pod_that_is_written_at_once_says_what_its_document_says() {
        let mut chance = Rng::new(1, "pods");
        let mut at_once = 0;
        for _ in 0..4_000 {
            let pod = pod(&mut chance);
            let document = plain(&pod);
            let expected = text(&document, compared(&pod, &document).as_deref());
            let mut written = String::new();
            write(&pod, true, &mut written);
            assert_eq!(written, expected);
            at_once += u32::from(pod.pod().unwrap().is_plain() && owners::at_hand(&pod).is_some());

            let kept = Object::from_value(Kind::Pod, &serde_json::from_str(&pod.to_text()).unwrap()).unwrap();
            assert_eq!(kept, pod, "what is kept of it reads back as the same");
        }
        assert!(at_once > 1_000, "only {at_once} were written at once");
    }
}
