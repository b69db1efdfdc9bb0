//! What the cluster's own parts wrote, as owners of fields. They write often and alike, so nothing of it is kept: it is
//! read from what an object says, where somebody asks.
//!
//! What follows from that, and differs from Kubernetes: a field that a client wrote and one of these parts writes anew
//! stays the client's, and the time of an entry is the latest the status tells of.

use super::fields::{self, Fields};
use super::owners::{Owner, Writer};
use super::{owners, typed};
use crate::api::{Body, Kind, ManagedFields, Meta, Name, Object, Operation, When};
use crate::time::Time;
use serde_json::{Value, json};
use std::sync::Arc;

const CONTROLLERS: &str = "kube-controller-manager";
pub(super) const KUBELET: &str = "kubelet";
pub(super) const SCHEDULER: &str = "kube-scheduler";
const APISERVER: &str = "kube-apiserver";

fn owner(object: &Object, manager: &'static str, subresource: &'static str, fields: Fields) -> Owner {
    Owner {
        manager: Name::new_static(manager),
        operation: Operation::Update,
        api_version: object.kind().api_version().into(),
        subresource: Name::new_static(subresource),
        at: When::Created,
        fields,
    }
}

/// The owner of a pod that a controller makes, before it is admitted.
pub(crate) fn of_replica(pod: &Object) -> Arc<Vec<ManagedFields>> {
    let fields = owners::created(Kind::Pod, &super::wire::plain(pod));
    owners::keep(vec![owner(pod, CONTROLLERS, "", fields)], Time::EPOCH)
}

/// That an object's list of owners is none of those any more who wrote it, as when the garbage collector changes it.
pub(crate) fn disown(meta: &mut Meta) {
    let Some(managed) = meta.managed.as_ref() else { return };
    let references = Fields::of(&[&["f:metadata", "f:ownerReferences"]]);
    let mut owners: Vec<Owner> = managed.iter().map(owners::decode).collect();
    for owner in &mut owners {
        owner.fields = owner.fields.without(&references);
    }
    owners.retain(|owner| !owner.fields.is_empty());
    meta.managed = Some(owners::keep(owners, meta.created));
}

/// Which part of the cluster made an object that no client made.
fn maker(object: &Object) -> &'static str {
    match &object.body {
        Body::Namespace { .. } => APISERVER,
        Body::Node { .. } => KUBELET,
        Body::Event(event) => match event.occasion.component.as_str() {
            "kubelet" => KUBELET,
            "default-scheduler" => SCHEDULER,
            _ => CONTROLLERS,
        },
        _ => CONTROLLERS,
    }
}

/// The part of the cluster that made an object, with what it wrote; none for what clients wrote.
pub(super) fn main(object: &Object, document: &Value) -> Option<Owner> {
    if object.meta.managed.is_some() {
        return None;
    }
    let fields = owners::created(object.kind(), document);
    (!fields.is_empty()).then(|| owner(object, maker(object), "", fields))
}

/// Whether some part of the cluster may have written the object's status.
pub(super) fn has_status(object: &Object) -> bool {
    if object.meta.managed.as_ref().is_some_and(|managed| managed.is_empty()) {
        return false;
    }
    match &object.body {
        Body::Pod(pod) => pod.node.is_some() || !pod.status.conditions.is_empty(),
        // That of a machine that joined; not that of a node a client made.
        Body::Node { .. } => object
            .meta
            .managed
            .as_ref()
            .is_none_or(|m| m.iter().any(|m| m.manager == KUBELET && m.subresource.is_empty())),
        Body::ReplicationController { .. } | Body::Namespace { .. } => true,
        Body::Document(document) => document.fields.contains_key("status"),
        _ => false,
    }
}

/// The parts of the cluster that wrote the object's status, with what of it is no other owner's.
pub(super) fn of_status(object: &Object, document: &Value, others: &[Owner]) -> Vec<Owner> {
    let (Some(status), true) = (document.get("status"), has_status(object)) else { return Vec::new() };
    let Some(shape) = typed::document(object.kind().info().kind).and_then(|shape| shape.child("status")) else {
        return Vec::new();
    };
    let owned = others.iter().fold(Fields::default(), |all, owner| all.union(&owner.fields)).below("f:status");
    let rest = |shown: &Value, first: &Value| typed::compare(shape, first, shown).written().difference(&owned);
    let latest = latest(status).map_or(When::Created, When::At);
    let entry = |manager: &'static str, fields: &Fields| {
        let mut all = Fields::default();
        all.graft("f:status", fields);
        Owner { at: latest, ..owner(object, manager, "status", all) }
    };
    let mut entries = Vec::new();
    let mut add = |manager: &'static str, fields: &Fields| {
        if fields.has_leaves() {
            entries.push(entry(manager, fields));
        }
    };
    match &object.body {
        Body::Pod(pod) => {
            // What a pod is created, bound and evicted with is nobody's.
            let scheduled = |c: &Value| c["type"] == "PodScheduled" || c["type"] == "DisruptionTarget";
            let conditions = status.get("conditions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let found: Vec<Value> = conditions.iter().filter(|c| scheduled(c)).cloned().collect();
            let pending = found.iter().any(|c| c["status"] == "False" && c["reason"] == "Unschedulable");
            let mut first = json!({"phase": "Pending", "qosClass": status["qosClass"]});
            if pending {
                let mut tried = first.clone();
                tried["conditions"] = found.clone().into();
                if let Some(node) = status.get("nominatedNodeName") {
                    tried["nominatedNodeName"] = node.clone();
                }
                add(SCHEDULER, &rest(&tried, &first));
                first = tried;
            } else if !found.is_empty() {
                first["conditions"] = found.into();
            }
            if pod.node.is_some() {
                add(KUBELET, &rest(status, &first));
            }
        }
        Body::Node { .. } => add(KUBELET, &rest(status, &owners::blank(Kind::Node)["status"])),
        Body::Namespace { .. } => add(CONTROLLERS, &rest(status, &json!({"phase": status["phase"]}))),
        _ => {
            // What of a quota is used the API server counts as it grants it; controllers see what is free again.
            let mut granted = Fields::default();
            for (resource, used) in status.get("used").and_then(Value::as_object).into_iter().flatten() {
                if object.kind() == Kind::ResourceQuota && *used != "0" {
                    granted.insert(["f:used".to_owned(), fields::field(resource)]);
                }
            }
            let all = rest(status, &owners::blank(object.kind())["status"]);
            add(CONTROLLERS, &all.difference(&granted));
            add(APISERVER, &all.intersection(&granted));
        }
    }
    entries
}

/// The latest instant a status tells of.
fn latest(status: &Value) -> Option<Time> {
    fn visit(value: &Value, latest: &mut String) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let is_time = key.ends_with("Time") || key.ends_with("At");
                    match value {
                        // Instants of one form are in the order of their text.
                        Value::String(text) if is_time && *text > *latest => latest.clone_from(text),
                        _ => visit(value, latest),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| visit(item, latest)),
            _ => {}
        }
    }
    let mut text = String::new();
    visit(status, &mut text);
    let at = text.parse().ok()?;
    Some(Time::from(&k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at)))
}

/// The owners that are kept after a write: without the cluster's parts that can be read from the object again.
pub(super) fn apart(mut owners: Vec<Owner>, parts: &[Owner], writer: &Writer<'_>) -> Vec<Owner> {
    owners.retain(|owner| {
        let is_writer = owner.manager == writer.manager && owner.subresource == writer.subresource;
        is_writer || !parts.iter().any(|part| part.is(owner))
    });
    owners
}
