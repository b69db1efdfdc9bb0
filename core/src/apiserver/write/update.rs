//! Changed objects.

use super::{Change, Tracking, check_name, check_namespace, drop_unserved, metadata, unreadable};
use crate::admission;
use crate::api::validation::{
    FieldError, validate_ephemeral_containers, validate_resize, validate_status, validate_update,
};
use crate::api::{ApiError, Body, Kind, Object, PodBody, Typed, defaulting};
use crate::apiserver::path::Subresource;
use crate::apiserver::query::quoted;
use crate::apiserver::{errors, owners, services};
use crate::cluster::Context;
use crate::deletion;
use crate::store::WriteError;
use k8s_openapi::api::core::v1 as k8s;
use serde_json::Value;
use std::sync::Arc;

/// Puts a document that fits the schema in the place of an object, or of a part of it.
pub(in crate::apiserver) fn update(
    cx: &mut Context<'_>,
    old: &Arc<Object>,
    change: Change<'_>,
    mut value: Value,
) -> Result<Arc<Object>, ApiError> {
    let Change { part, patched, tracking } = change;
    let said = owners::take(&mut value);
    let kind = old.kind();
    let name = old.meta.name.clone();
    check_name(&value, &name)?;
    let namespace = Some(old.meta.namespace.as_str()).filter(|n| !n.is_empty());
    check_namespace(metadata(&value, "namespace"), namespace)?;
    let uid = metadata(&value, "uid");
    if !uid.is_empty() && uid != old.meta.uid.to_string() {
        if patched {
            let immutable = FieldError {
                reason: "FieldValueInvalid",
                field: "metadata.uid".to_owned(),
                message: format!("Invalid value: {}: field is immutable", quoted(uid)),
            };
            return Err(errors::invalid(kind, &name, &[immutable.clone(), immutable]));
        }
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", old.meta.uid);
        return Err(errors::conflict(kind, &name, &why));
    }
    let version = metadata(&value, "resourceVersion");
    if !version.is_empty() && version.parse::<u64>().is_err() {
        return Err(errors::internal(format!("strconv.ParseUint: parsing {}: invalid syntax", quoted(version))));
    }
    if !matches!(version, "" | "0") && version != old.meta.resource_version.to_string() {
        return Err(errors::modified(kind, &name));
    }
    if matches!(kind, Kind::Lease | Kind::PodDisruptionBudget) && part.is_none() && matches!(version, "" | "0") {
        // These two must be read before they are written.
        let message = "Invalid value: 0: must be specified for an update".to_owned();
        let error = FieldError { reason: "FieldValueInvalid", field: "metadata.resourceVersion".to_owned(), message };
        let info = kind.info();
        return Err(errors::invalid_named(info.plural, info.group, &name, &[error]));
    }
    let mut new = Object::from_value(kind, &value).map_err(unreadable)?;
    new.meta.namespace.clone_from(&old.meta.namespace);
    defaulting::set_defaults(&mut new);
    let managed = match tracking {
        Tracking::By(writer) => owners::after_update(old, &new, said, &writer),
        Tracking::As(managed) => managed,
    };
    keep(&mut new, old, part);
    if part.is_none() {
        services::keep_given(&mut new, old);
        admit_update(cx, &mut new, old);
    }
    let taken = services::allocate(&mut new, Some(old), cx.addresses, cx.config)?;
    if let Err(error) = check_changed(cx, &mut new, old, part, &value) {
        taken.give_back(cx.addresses);
        return Err(error);
    }
    services::release_replaced(old, &new, cx.addresses);
    // That the same was written again, at another time, is no change.
    new.meta.managed.clone_from(&old.meta.managed);
    if new != **old || !owners::same(old, &managed) {
        new.meta.managed = cx.shared.managed(managed);
    }
    deletion::update_object(cx, new, None).map_err(|e| match e {
        WriteError::Conflict { .. } => errors::modified(kind, &name),
        WriteError::NotFound | WriteError::Exists => ApiError::not_found(kind, &name),
    })
}

/// Whether a part of an object may become what was `written`. Counts the change under quotas, and as a new generation.
fn check_changed(
    cx: &mut Context<'_>,
    new: &mut Object,
    old: &Object,
    part: Option<Subresource>,
    written: &Value,
) -> Result<(), ApiError> {
    let wrong = match part {
        Some(Subresource::EphemeralContainers) => validate_ephemeral_containers(new, old, cx.config),
        Some(Subresource::Status | Subresource::Finalize) => validate_status(written, new, old, cx.config),
        Some(Subresource::Resize) => validate_resize(new, old, cx.config),
        _ => validate_update(new, old, cx.config),
    };
    if !wrong.is_empty() {
        return Err(errors::invalid(new.kind(), &old.meta.name, &wrong));
    }
    bump_generation(new, old);
    admission::check_class(cx.store, new)?;
    let resizes = part == Some(Subresource::Resize);
    if resizes {
        admission::check_limits(cx.store, new)?;
    }
    if new.kind() == Kind::Service && part.is_none() || resizes {
        admission::charge(cx, new, Some(old))?;
    }
    Ok(())
}

/// Carries over what this path may not change.
fn keep(new: &mut Object, old: &Object, part: Option<Subresource>) {
    new.meta.uid = old.meta.uid;
    new.meta.created = old.meta.created;
    new.meta.generation = old.meta.generation;
    new.meta.deletion.clone_from(&old.meta.deletion);
    new.meta.resource_version = old.meta.resource_version;
    if let Some(rest) = &mut new.meta.rest {
        rest.self_link = None;
        if **rest == crate::api::MetaRest::default() {
            new.meta.rest = None;
        }
    }
    let status_only = part == Some(Subresource::Status);
    match (&mut new.body, &old.body) {
        (Body::Pod(new_pod), Body::Pod(old_pod)) => {
            if part == Some(Subresource::EphemeralContainers) {
                new.meta = old.meta.clone();
                let ephemeral = new_pod.spec.ephemeral_containers.clone().filter(|all| !all.is_empty());
                new_pod.clone_from(old_pod);
                if ephemeral != old_pod.spec.ephemeral_containers {
                    Arc::make_mut(&mut new_pod.spec).ephemeral_containers = ephemeral;
                }
            } else if part == Some(Subresource::Resize) {
                new.meta = old.meta.clone();
                let mut resized = old_pod.clone();
                resize(&mut resized, &new_pod.spec);
                *new_pod = resized;
            } else if status_only {
                new_pod.spec = Arc::clone(&old_pod.spec);
                new_pod.node.clone_from(&old_pod.node);
                new_pod.status.qos_class = old_pod.status.qos_class;
                new.meta.owners.clone_from(&old.meta.owners);
            } else {
                new_pod.status = old_pod.status.clone();
            }
        }
        (
            Body::ReplicationController { spec, status },
            Body::ReplicationController { spec: old_spec, status: old_status },
        ) => {
            if status_only {
                *spec = Arc::clone(old_spec);
            } else {
                *status = Arc::clone(old_status);
            }
        }
        (Body::Service { spec, status }, Body::Service { spec: old_spec, status: old_status }) => {
            if status_only {
                *spec = Arc::clone(old_spec);
            } else {
                *status = Arc::clone(old_status);
            }
        }
        (Body::Node { spec, status }, Body::Node { spec: old_spec, status: old_status }) => {
            if status_only {
                *spec = Arc::clone(old_spec);
            } else {
                *status = Arc::clone(old_status);
            }
        }
        (Body::Namespace { spec, status }, Body::Namespace { spec: old_spec, status: old_status }) => {
            if part != Some(Subresource::Finalize) {
                *spec = Arc::clone(old_spec);
            }
            if !status_only {
                *status = Arc::clone(old_status);
            }
        }
        (Body::Document(document), Body::Document(old)) => {
            let (fields, other) = if status_only {
                // All but the status is as it was.
                let status = document.fields.get("status").cloned();
                document.fields = Arc::clone(&old.fields);
                (document.fields_mut(), status)
            } else if matches!(old.kind, Kind::PodDisruptionBudget | Kind::ResourceQuota) {
                (document.fields_mut(), old.fields.get("status").cloned())
            } else {
                return drop_unserved(document);
            };
            fields.remove("status");
            fields.extend(other.map(|status| ("status".to_owned(), status)));
        }
        _ => {}
    }
}

/// Gives the containers of a pod the resources they have in another spec. What cannot be told to be the same container
/// is taken over as it is, and is refused later.
fn resize(pod: &mut PodBody, wanted: &k8s::PodSpec) {
    let mut spec = Typed::clone(&pod.spec);
    let own = &mut *spec;
    own.resources.clone_from(&wanted.resources);
    let inits = wanted.init_containers.clone().unwrap_or_default();
    for (own, wanted) in
        [(&mut own.containers, &wanted.containers), (own.init_containers.get_or_insert_default(), &inits)]
    {
        let names = |list: &[k8s::Container]| list.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
        if names(own) != names(wanted) {
            own.clone_from(wanted);
            continue;
        }
        for (own, wanted) in own.iter_mut().zip(wanted) {
            own.resources.clone_from(&wanted.resources);
            own.resize_policy.clone_from(&wanted.resize_policy);
        }
    }
    if pod.spec.init_containers.is_none() {
        own.init_containers = own.init_containers.take().filter(|inits| !inits.is_empty());
    }
    if spec != *pod.spec {
        pod.status.keep_granted(&pod.spec, &spec);
        pod.spec = Arc::new(spec);
    }
}

/// What a pod was given when it was created it keeps where the client did not repeat it.
fn admit_update(cx: &Context<'_>, new: &mut Object, old: &Object) {
    let (Some(new), Some(old)) = (new.pod_mut(), old.pod()) else { return };
    let spec = Arc::make_mut(&mut new.spec);
    if spec.priority.is_none() {
        spec.priority = old.spec.priority;
    }
    if spec.preemption_policy.is_none() {
        spec.preemption_policy.clone_from(&old.spec.preemption_policy);
    }
    admission::tolerate(spec, cx.config);
}

/// Counts a change of what is wanted, for the kinds that keep count.
fn bump_generation(new: &mut Object, old: &Object) {
    let changed = match (&new.body, &old.body) {
        (Body::Pod(new), Body::Pod(old)) => new.spec != old.spec || new.node != old.node,
        (Body::ReplicationController { spec: new, .. }, Body::ReplicationController { spec: old, .. }) => new != old,
        (Body::Document(new), Body::Document(old)) if new.kind == Kind::PodDisruptionBudget => {
            new.at(&["spec"]) != old.at(&["spec"])
        }
        _ => false,
    };
    if changed {
        new.meta.generation = old.meta.generation + 1;
    }
}
