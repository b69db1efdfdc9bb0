//! Creating and changing objects: admission, defaults, validation, then the store. Nothing is written before all of
//! it has passed.

use super::owners::{self, Writer};
use super::path::Subresource;
use super::shared::Known;
use super::{errors, services, wire};
use crate::admission;
use crate::api::validation::{FieldError, validate_body, validate_meta, validate_status, validate_update};
use crate::api::{
    ApiError, Body, Condition, ConditionKind, ConditionStatus, Document, Kind, Managed, Name, Object, PodPhase,
    PodStatus, defaulting,
};
use crate::cluster::Context;
use crate::deletion;
use crate::store::{Store, WriteError};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many characters of `generateName` a name keeps, and how many are made up.
const GENERATED_PREFIX_MAX: usize = 58;
const GENERATED_SUFFIX: usize = 5;
/// How often a made-up name may be taken already.
const GENERATED_ATTEMPTS: usize = 8;

/// How it is known who owns the fields of what is written.
pub(super) enum Tracking<'a> {
    /// They are the writer's as far as it changes them.
    By(Writer<'a>),
    /// These do.
    As(Managed),
}

/// How a document is put in the place of an object.
pub(super) struct Change<'a> {
    /// Which part of the object it is about.
    pub(super) part: Option<Subresource>,
    /// Whether a patch made it.
    pub(super) patched: bool,
    /// Who owns what.
    pub(super) tracking: Tracking<'a>,
}

fn metadata<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get("metadata").and_then(|m| m.get(key)).and_then(Value::as_str).unwrap_or_default()
}

fn set_metadata(value: &mut Value, key: &str, text: &str) {
    if let Some(map) = value.as_object_mut() {
        let metadata = map.entry("metadata").or_insert_with(|| Value::Object(serde_json::Map::new()));
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.insert(key.to_owned(), text.into());
        }
    }
}

/// Puts an object into the namespace of its path; another one in it is an error.
fn place(value: &mut Value, kind: Kind, namespace: Option<&str>) -> Result<(), ApiError> {
    match (metadata(value, "namespace"), namespace) {
        ("", Some(namespace)) => set_metadata(value, "namespace", namespace),
        (said, Some(namespace)) if said != namespace => {
            return Err(errors::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        (said, None) if !said.is_empty() && !kind.info().namespaced => set_metadata(value, "namespace", ""),
        _ => {}
    }
    Ok(())
}

fn decode(kind: Kind, value: &Value) -> Result<Object, ApiError> {
    Object::from_value(kind, value).map_err(|e| errors::bad_request(e.message))
}

/// Creates an object from a document that fits its schema.
pub(super) fn create(
    cx: &mut Context<'_>,
    kind: Kind,
    namespace: Option<&str>,
    mut value: Value,
    tracking: Tracking<'_>,
) -> Result<Arc<Object>, ApiError> {
    let said = owners::take(&mut value, cx.now.floor_secs());
    place(&mut value, kind, namespace)?;
    let has_version = !matches!(metadata(&value, "resourceVersion"), "" | "0");
    // A pod's spec is read, completed and checked once however many pods are written with the same.
    let spec = value.get_mut("spec").filter(|_| kind == Kind::Pod).map(Value::take);
    let home = namespace.unwrap_or_default();
    let alike = spec.as_ref().is_some_and(|spec| !varies(cx.store, home, spec));
    let known = spec.as_ref().filter(|_| alike).and_then(|spec| cx.shared.spec(spec));
    if let Some(spec) = spec.as_ref().filter(|_| known.is_none()) {
        value["spec"] = spec.clone();
    }
    let mut object = decode(kind, &value)?;
    object.meta.deletion = None;
    if let (Some(pod), Some(known)) = (object.pod_mut(), &known) {
        pod.spec = Arc::clone(&known.spec);
        pod.node.clone_from(&known.node);
    }
    let generate = object.meta.rest.as_ref().and_then(|r| r.generate_name.clone()).filter(|p| !p.is_empty());
    let generated = object.meta.name.is_empty() && generate.is_some();
    if object.meta.name.is_empty() && !generated && kind == Kind::LimitRange {
        // Upstream names these itself.
        object.meta.name = cx.rng.uid().to_string().into();
    }
    if let (true, Some(prefix)) = (generated, &generate) {
        object.meta.name = generated_name(cx, &object, prefix);
    }
    admit(cx, &object)?;
    let mut written = match &known {
        // What admission gives it is nobody's.
        None => {
            refuse_overhead(&object)?;
            // A name that is made up comes later.
            let made_up = if generated { std::mem::take(&mut object.meta.name) } else { Name::default() };
            defaulting::set_defaults(&mut object);
            let written = owners::created(kind, &wire::plain(&object));
            if generated {
                object.meta.name = made_up;
                defaulting::set_defaults(&mut object);
            }
            admission::complete(cx.store, cx.config, &mut object)?;
            taint_unready(&mut object);
            written
        }
        Some(_) => owners::created_metadata(&object.meta.to_value()),
    };
    if let Some(known) = &known {
        written.graft("f:spec", &known.fields);
    }
    let fields = written.below("f:spec");
    object.meta.managed = cx.shared.managed(match tracking {
        Tracking::By(writer) => Some(owners::of_new(kind, said, written, &writer)),
        Tracking::As(managed) => managed,
    });
    prepare(cx, &mut object);
    // Upstream gives a service its addresses before it looks at the rest of it.
    let taken = services::allocate(&mut object, None, cx.addresses, cx.config)?;
    if let Err(error) = check_new(cx, &object, known.is_none(), has_version) {
        taken.give_back(cx.addresses);
        return Err(error);
    }
    let name = object.meta.name.clone();
    cx.shared.labels(&mut object.meta.labels);
    cx.shared.labels(&mut object.meta.annotations);
    if let (Some(pod), Some(written), None) = (object.pod(), spec.filter(|_| alike), known) {
        cx.shared.keep_spec(written, Known { spec: Arc::clone(&pod.spec), node: pod.node.clone(), fields });
    }
    cx.store.create(object).map_err(|_| errors::already_exists(kind, &name))
}

/// Whether a complete object may be created; its body was `unseen` where none like it was checked before. Counts it
/// under quotas.
fn check_new(cx: &mut Context<'_>, object: &Object, unseen: bool, has_version: bool) -> Result<(), ApiError> {
    let kind = object.kind();
    let mut wrong = validate_meta(object);
    if unseen {
        wrong.extend(validate_body(object, cx.config));
    }
    if !wrong.is_empty() {
        return Err(errors::invalid(kind, &object.meta.name, &wrong));
    }
    if has_version {
        return Err(errors::internal("resourceVersion should not be set on objects to be created"));
    }
    if cx.store.at(&object.key()).is_some() {
        return Err(errors::already_exists(kind, &object.meta.name));
    }
    admission::check_class(cx.store, object)?;
    admission::check_limits(cx.store, object)?;
    admission::charge(cx, object, None)
}

/// Whether what a pod is given follows from more than what is written in its spec.
fn varies(store: &Store, namespace: &str, spec: &Value) -> bool {
    spec.get("priorityClassName").is_some() || admission::varies(store, namespace)
}

fn generated_name(cx: &mut Context<'_>, object: &Object, prefix: &str) -> Name {
    let kept: String = prefix.chars().take(GENERATED_PREFIX_MAX).collect();
    let mut name = Name::default();
    for _ in 0..GENERATED_ATTEMPTS {
        name = format!("{kept}{}", cx.rng.suffix(GENERATED_SUFFIX)).into();
        if cx.store.get(object.kind(), &object.meta.namespace, &name).is_none() {
            break;
        }
    }
    name
}

/// The cluster's own rules: whether it may be created at all, and what it is given.
fn admit(cx: &Context<'_>, object: &Object) -> Result<(), ApiError> {
    let kind = object.kind();
    if kind.info().namespaced && !object.meta.namespace.is_empty() {
        let namespace = &object.meta.namespace;
        match cx.store.get(Kind::Namespace, "", namespace) {
            None => return Err(ApiError::not_found(Kind::Namespace, namespace)),
            Some(home) if deletion::is_terminating(home) => {
                return Err(errors::namespace_terminating(kind, &object.meta.name, namespace));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn refuse_overhead(object: &Object) -> Result<(), ApiError> {
    let overhead = object.pod().and_then(|pod| pod.spec.overhead.as_ref());
    if overhead.is_none_or(BTreeMap::is_empty) {
        return Ok(());
    }
    let why = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
    Err(ApiError::forbidden(Kind::Pod, &object.meta.name, why))
}

/// Nothing is put on a node before it was seen ready: the node lifecycle takes this away again.
fn taint_unready(object: &mut Object) {
    let Body::Node { spec, .. } = &mut object.body else { return };
    let taints = Arc::make_mut(spec).taints.get_or_insert_default();
    if !taints.iter().any(|t| t.key == admission::NOT_READY && t.effect == "NoSchedule") {
        taints.push(k8s_openapi::api::core::v1::Taint {
            key: admission::NOT_READY.to_owned(),
            effect: "NoSchedule".to_owned(),
            ..k8s_openapi::api::core::v1::Taint::default()
        });
    }
}

/// What every new object gets, and what no client may set.
fn prepare(cx: &mut Context<'_>, object: &mut Object) {
    let now = cx.now.floor_secs();
    object.meta.uid = cx.rng.uid();
    object.meta.created = now;
    object.meta.deletion = None;
    object.meta.resource_version = 0;
    object.meta.generation = 0;
    if let Some(rest) = &mut object.meta.rest {
        rest.self_link = None;
    }
    match &mut object.body {
        Body::Pod(pod) => {
            object.meta.generation = 1;
            pod.status = PodStatus {
                phase: PodPhase::Pending,
                qos_class: Some(defaulting::quality_of_service(&pod.spec).into()),
                ..PodStatus::default()
            };
            if pod.spec.scheduling_gates.as_ref().is_some_and(|g| !g.is_empty()) {
                let gated = Condition::new(ConditionKind::PodScheduled, ConditionStatus::False, now)
                    .because("SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates");
                pod.status.conditions.push(gated);
            }
        }
        Body::ReplicationController { status, .. } => {
            object.meta.generation = 1;
            *status = Arc::default();
        }
        Body::Service { status, .. } => *status = Arc::default(),
        Body::Namespace { spec, status } => {
            let finalizers = Arc::make_mut(spec).finalizers.get_or_insert_default();
            if !finalizers.iter().any(|f| f == "kubernetes") {
                finalizers.push("kubernetes".to_owned());
            }
            let active = k8s_openapi::api::core::v1::NamespaceStatus {
                phase: Some("Active".to_owned()),
                ..k8s_openapi::api::core::v1::NamespaceStatus::default()
            };
            *status = Arc::new(active);
        }
        Body::Document(document) => {
            match document.kind {
                Kind::PodDisruptionBudget => {
                    object.meta.generation = 1;
                    document.fields_mut().remove("status");
                }
                Kind::PriorityClass => object.meta.generation = 1,
                Kind::ResourceQuota => _ = document.fields_mut().remove("status"),
                _ => {}
            }
            drop_unserved(document);
        }
        Body::Node { .. } | Body::Endpoints { .. } | Body::Event(_) => {}
    }
    // What only a status would have decided is settled now.
    if let Some(rest) = &object.meta.rest
        && **rest == crate::api::MetaRest::default()
    {
        object.meta.rest = None;
    }
}

/// Fields that upstream knows but does not keep unless a feature that is off by default is on.
fn drop_unserved(document: &mut Document) {
    if document.kind == Kind::Lease
        && let Some(Value::Object(spec)) = document.fields_mut().get_mut("spec")
    {
        spec.remove("strategy");
        spec.remove("preferredHolder");
    }
}

/// Puts a document that fits the schema in the place of an object, or of a part of it.
pub(super) fn update(
    cx: &mut Context<'_>,
    old: &Arc<Object>,
    change: Change<'_>,
    mut value: Value,
) -> Result<Arc<Object>, ApiError> {
    let Change { part, patched, tracking } = change;
    let said = owners::take(&mut value, old.meta.created);
    let kind = old.kind();
    let name = old.meta.name.clone();
    match metadata(&value, "name") {
        "" => set_metadata(&mut value, "name", &name),
        said if said != name => {
            return Err(errors::bad_request(format!(
                "the name of the object ({said}) does not match the name on the URL ({name})"
            )));
        }
        _ => {}
    }
    place(&mut value, kind, Some(old.meta.namespace.as_str()).filter(|n| !n.is_empty()))?;
    let uid = metadata(&value, "uid");
    if !uid.is_empty() && uid != old.meta.uid.to_string() {
        if patched {
            let immutable = FieldError {
                reason: "FieldValueInvalid",
                field: "metadata.uid".to_owned(),
                message: format!("Invalid value: {}: field is immutable", super::query::quoted(uid)),
            };
            return Err(errors::invalid(kind, &name, &[immutable.clone(), immutable]));
        }
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", old.meta.uid);
        return Err(errors::conflict(kind, &name, &why));
    }
    let version = metadata(&value, "resourceVersion");
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
    let mut new = decode(kind, &value)?;
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
        Some(Subresource::Status | Subresource::Finalize) => validate_status(written, new, old, cx.config),
        _ => validate_update(new, old, cx.config),
    };
    if !wrong.is_empty() {
        return Err(errors::invalid(new.kind(), &old.meta.name, &wrong));
    }
    bump_generation(new, old);
    admission::check_class(cx.store, new)?;
    if new.kind() == Kind::Service && part.is_none() {
        admission::charge(cx, new, Some(old))?;
    }
    Ok(())
}

/// Carries over what this path may not change.
fn keep(new: &mut Object, old: &Object, part: Option<Subresource>) {
    new.meta.uid = old.meta.uid;
    new.meta.created = old.meta.created;
    new.meta.generation = old.meta.generation;
    new.meta.deletion = old.meta.deletion;
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
            if status_only {
                new_pod.spec = Arc::clone(&old_pod.spec);
                new_pod.node.clone_from(&old_pod.node);
                new_pod.status.qos_class.clone_from(&old_pod.status.qos_class);
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
