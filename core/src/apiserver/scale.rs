//! The scale of a replication controller: how many replicas it wants and has.

use super::accept::Form;
use super::errors;
use super::wire;
use super::write::{self, Change, Tracking};
use crate::api::validation::FieldError;
use crate::api::{ApiError, Kind, Object, table};
use crate::cluster::Context;
use crate::time::Time;
use serde_json::{Value, json};
use std::sync::Arc;

/// The scale of an object.
pub(super) fn of(object: &Object) -> Value {
    let Some((spec, status)) = object.replication_controller() else { return Value::Null };
    let meta = object.meta.to_value();
    let wanted = spec.replicas.unwrap_or_default();
    let selector: Vec<String> = spec.selector.iter().flatten().map(|(k, v)| format!("{k}={v}")).collect();
    let mut scale = json!({
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {
            "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"], "creationTimestamp": meta["creationTimestamp"],
        },
        "spec": {},
        "status": {"replicas": status.replicas},
    });
    if wanted != 0 {
        scale["spec"]["replicas"] = wanted.into();
    }
    if !selector.is_empty() {
        scale["status"]["selector"] = selector.join(",").into();
    }
    scale
}

/// The scale of an object in the form a client asked for.
pub(super) fn shown(object: &Object, form: Form, now: Time) -> Value {
    if form != Form::Table {
        return of(object);
    }
    let Some((spec, status)) = object.replication_controller() else { return Value::Null };
    let age = table::human_duration(now.since(object.meta.created).as_secs());
    let column = |name: &str, of_type: &str, format: &str| json!({"name": name, "type": of_type, "format": format, "description": "", "priority": 0});
    json!({
        "apiVersion": "meta.k8s.io/v1", "kind": "Table",
        "metadata": {"resourceVersion": object.meta.resource_version.to_string()},
        "columnDefinitions": [
            column("Name", "string", "name"), column("Desired", "integer", ""), column("Available", "integer", ""),
            column("Age", "string", ""),
        ],
        "rows": [{
            "cells": [object.meta.name.as_str(), spec.replicas.unwrap_or_default(), status.replicas, age],
            "object": {
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": wire::metadata(object),
            },
        }],
    })
}

/// Sets the number of replicas from a scale document.
pub(super) fn update(
    cx: &mut Context<'_>,
    old: &Arc<Object>,
    scale: &Value,
    tracking: Tracking<'_>,
) -> Result<Arc<Object>, ApiError> {
    let text = |key: &str| scale.get("metadata").and_then(|m| m.get(key)).and_then(Value::as_str).unwrap_or_default();
    let name = old.meta.name.as_str();
    write::check_name(scale, name)?;
    let replicas = scale.get("spec").and_then(|s| s.get("replicas")).and_then(Value::as_i64).unwrap_or_default();
    if replicas < 0 {
        let error = FieldError {
            reason: "FieldValueInvalid",
            field: "spec.replicas".to_owned(),
            message: format!("Invalid value: {replicas}: must be greater than or equal to 0"),
        };
        return Err(errors::invalid_named("Scale", "autoscaling", name, &[error]));
    }
    let mut value = wire::plain(old);
    value["spec"]["replicas"] = replicas.into();
    // The version the client saw, or none.
    value["metadata"]["resourceVersion"] = text("resourceVersion").into();
    debug_assert_eq!(old.kind(), Kind::ReplicationController);
    write::update(cx, old, Change { part: None, patched: false, tracking }, value)
}
