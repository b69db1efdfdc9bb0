//! What one does to pods besides reading and writing them: bind, evict, choose a container.

use super::errors;
use super::path::ResourcePath;
use super::query::quoted;
use super::read::present_object;
use crate::api::{
    self, ApiError, Body, Cause, Condition, ConditionKind, ConditionStatus, Details, Kind, Name, Object, PodBody,
    PodPhase, Reason,
};
use crate::cluster::Context;
use crate::controllers::disruption;
use crate::deletion::{self, DeleteOptions};
use crate::runtime::PodRef;
use serde_json::{Value, json};
use std::sync::Arc;

/// The pod's name for a runtime.
pub(super) fn pod_ref(object: &Object) -> PodRef {
    PodRef { uid: object.meta.uid, namespace: object.meta.namespace.to_name(), name: object.meta.name.clone() }
}

/// Puts a pod onto a node.
pub(super) fn bind(cx: &mut Context<'_>, path: &ResourcePath, binding: &Value) -> Result<(), ApiError> {
    let name = path.name.as_deref().unwrap_or_default();
    let text = |at: &str| binding.pointer(at).and_then(Value::as_str).unwrap_or_default();
    if !matches!(text("/metadata/name"), "") && text("/metadata/name") != name {
        return Err(errors::bad_request("name in URL does not match name in Binding object"));
    }
    let mut wrong = Vec::new();
    let kind = text("/target/kind");
    if !matches!(kind, "" | "Node") {
        wrong
            .push(format!("target.kind: Unsupported value: {}: supported values: \"Node\", \"<empty>\"", quoted(kind)));
    }
    let node = text("/target/name");
    if node.is_empty() {
        wrong.push("target.name: Required value".to_owned());
    }
    match wrong.len() {
        0 => {}
        1 => return Err(errors::internal(wrong.concat())),
        _ => return Err(errors::internal(format!("[{}]", wrong.join(", ")))),
    }
    let object = Arc::clone(present_object(cx.store, path)?);
    let uid = text("/metadata/uid");
    if !uid.is_empty() && uid != object.meta.uid.to_string() {
        let namespace = &object.meta.namespace;
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/pods/{namespace}/{name}, ResourceVersion: 0, \
             AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            object.meta.uid
        );
        return Err(errors::conflict(Kind::Pod, name, &why));
    }
    let Some(pod) = object.pod() else { return Err(ApiError::not_found(Kind::Pod, name)) };
    if object.meta.deletion.is_some() {
        let why = format!("pod {name} is being deleted, cannot be assigned to a host");
        return Err(errors::binding_conflict(name, &why));
    }
    if let Some(bound) = pod.node.as_deref().filter(|n| !n.is_empty()) {
        let why = format!("pod {name} is already assigned to node {}", quoted(bound));
        return Err(errors::binding_conflict(name, &why));
    }
    if pod.spec.scheduling_gates.as_ref().is_some_and(|g| !g.is_empty()) {
        let why = format!("pod {name} has non-empty .spec.schedulingGates");
        return Err(errors::binding_conflict(name, &why));
    }
    let mut next = Object::clone(&object);
    for (field, map) in [("annotations", &mut next.meta.annotations), ("labels", &mut next.meta.labels)] {
        for (key, value) in binding["metadata"][field].as_object().into_iter().flatten() {
            if let Some(value) = value.as_str() {
                Arc::make_mut(map).insert(key.clone(), value.to_owned());
            }
        }
    }
    let scheduled = Condition::new(ConditionKind::PodScheduled, ConditionStatus::True, cx.now.floor_secs());
    if let Some(pod) = next.pod_mut() {
        pod.node = Some(node.into());
        pod.status.set_condition(scheduled);
    }
    cx.store.update(next, None).map_err(|_| ApiError::not_found(Kind::Pod, name))?;
    Ok(())
}

/// Deletes a pod as an eviction does: it says why.
pub(super) fn evict(cx: &mut Context<'_>, path: &ResourcePath, options: &DeleteOptions) -> Result<(), ApiError> {
    let object = Arc::clone(present_object(cx.store, path)?);
    let key = object.key();
    let name = path.name.as_deref().unwrap_or_default();
    let Some(pod) = object.pod() else { return Err(ApiError::not_found(Kind::Pod, name)) };
    let ended = pod.status.phase.is_finished() || pod.status.phase == PodPhase::Pending;
    if !ended && object.meta.deletion.is_none() {
        disturb(cx, &object)?;
    }
    // One change both says why and starts the grace period, where the pod is still to run for a while.
    let mut disrupted = Object::clone(&object);
    let condition = Condition::new(ConditionKind::DisruptionTarget, ConditionStatus::True, cx.now.floor_secs())
        .because("EvictionByEvictionAPI", "Eviction API: evicting");
    let waits = pod.node.is_some() && !pod.status.phase.is_finished() && object.meta.deletion.is_none();
    if let (true, Some(pod)) = (waits, disrupted.pod_mut()) {
        pod.status.set_condition(condition);
        cx.store.update(disrupted, None).map_err(|_| ApiError::not_found(Kind::Pod, name))?;
    }
    deletion::delete_object(cx, &key, options)?;
    Ok(())
}

fn too_many(budget: &Object, why: &str) -> ApiError {
    let message = "Cannot evict pod as it would violate the pod's disruption budget.";
    let cause = Cause {
        reason: "DisruptionBudget".to_owned(),
        message: format!("The disruption budget {} {why}", budget.meta.name),
        field: String::new(),
    };
    let mut error = ApiError::new(429, Reason::TooManyRequests, message);
    error.details = Some(Box::new(Details { causes: vec![cause], ..Details::default() }));
    error
}

/// Takes one disturbance from the budget a running pod is under; an error where it has none left.
fn disturb(cx: &mut Context<'_>, pod: &Object) -> Result<(), ApiError> {
    let over = |budget: &&Arc<Object>| {
        let selector = budget.document().and_then(disruption::selector);
        selector.is_some_and(|selector| selector.matches(&pod.meta.labels))
    };
    let budgets: Vec<Arc<Object>> =
        cx.store.list(Kind::PodDisruptionBudget, Some(&pod.meta.namespace)).filter(over).cloned().collect();
    let (budget, document) = match budgets.as_slice() {
        [] => return Ok(()),
        [budget] => match budget.document() {
            Some(document) => (budget, document),
            None => return Ok(()),
        },
        _ => {
            let why =
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
            return Err(ApiError::new(500, Reason::InternalError, why));
        }
    };
    let status = |field: &str| document.number(&["status", field]).unwrap_or_default();
    let (healthy, desired, allowed) =
        (status("currentHealthy"), status("desiredHealthy"), status("disruptionsAllowed"));
    if disruption::is_free(document, pod) {
        return Ok(());
    }
    if status("observedGeneration") < budget.meta.generation {
        let mut error = too_many(budget, "is still being processed by the server.");
        if let Some(details) = &mut error.details {
            details.retry_after_seconds = Some(10);
        }
        return Err(error);
    }
    if allowed == 0 {
        return Err(too_many(budget, &format!("needs {desired} healthy pods and has {healthy} currently")));
    }
    let conditions = disruption::conditions(document, allowed - 1, budget.meta.generation, cx.now);
    let mut next = Object::clone(budget);
    if let Body::Document(document) = &mut next.body
        && let Some(Value::Object(status)) = document.fields_mut().get_mut("status")
    {
        status.insert("disruptionsAllowed".to_owned(), (allowed - 1).into());
        status.insert("conditions".to_owned(), conditions);
        let disrupted = status.entry("disruptedPods").or_insert_with(|| json!({}));
        disrupted[pod.meta.name.as_str()] = api::encode(&cx.now.floor_secs().to_meta());
    }
    cx.store.update(next, None).map_err(|_| ApiError::not_found(Kind::PodDisruptionBudget, &budget.meta.name))?;
    Ok(())
}

/// The container that is meant: the one named, or the only one.
pub(super) fn container(pod: &PodBody, name: &str, wanted: &str) -> Result<Name, ApiError> {
    if !wanted.is_empty() {
        let ephemeral = pod.spec.ephemeral_containers.iter().flatten().map(|c| c.name.as_str());
        let mut names = pod
            .spec
            .containers
            .iter()
            .chain(pod.spec.init_containers.iter().flatten())
            .map(|c| c.name.as_str())
            .chain(ephemeral);
        if names.any(|n| n == wanted) {
            return Ok(wanted.into());
        }
        return Err(errors::bad_request(format!("container {wanted} is not valid for pod {name}")));
    }
    let mains: Vec<&str> = pod.spec.containers.iter().map(|c| c.name.as_str()).collect();
    if let [only] = mains.as_slice() {
        return Ok((*only).into());
    }
    let inits: Vec<&str> = pod.spec.init_containers.iter().flatten().map(|c| c.name.as_str()).collect();
    let more =
        if inits.is_empty() { String::new() } else { format!(" or one of the init containers: [{}]", inits.join(" ")) };
    Err(errors::bad_request(format!(
        "a container name must be specified for pod {name}, choose one of: [{}]{more}",
        mains.join(" ")
    )))
}
