//! New objects.

use super::{NewDocument, Rest, Tracking, drop_unserved, unreadable};
use crate::admission;
use crate::api::validation::{validate_body, validate_meta};
use crate::api::{
    ApiError, Body, Condition, ConditionKind, ConditionStatus, Kind, MetaRest, Name, Object, PodBody, PodPhase,
    PodStatus, defaulting,
};
use crate::apiserver::fields::Fields;
use crate::apiserver::owners::Said;
use crate::apiserver::query::quoted;
use crate::apiserver::{errors, metadata_owners, owners, services, wire};
use crate::cluster::Context;
use crate::deletion;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many characters of `generateName` a name keeps, and how many are made up.
const GENERATED_PREFIX_MAX: usize = 58;
const GENERATED_SUFFIX: usize = 5;
/// How often a made-up name may be taken already.
const GENERATED_ATTEMPTS: usize = 8;

/// Creates an object from a document.
pub(in crate::apiserver) fn create(
    cx: &mut Context<'_>,
    document: NewDocument,
    tracking: Tracking<'_>,
) -> Result<Arc<Object>, ApiError> {
    let NewDocument { kind, meta, sound, said, rest } = document;
    let has_version = meta.resource_version != 0;
    let shared = match &rest {
        Rest::Common(common) if kind != Kind::Pod || !admission::varies(cx.store, &meta.namespace) => Some(common),
        _ => None,
    };
    let known = shared.and_then(|common| cx.shared.body(kind, &common.body));
    let body = match (&known, &rest) {
        (Some(known), _) => known.body.clone(),
        (None, Rest::Common(common)) => Body::from_value(kind, &common.body.value).map_err(unreadable)?,
        (None, Rest::Own(value)) => Body::from_value(kind, value).map_err(unreadable)?,
    };
    let mut object = Object { meta, body };
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
    let written = match &known {
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
            if let Some(pod) = object.pod_mut() {
                pod.status.qos_class = Some(defaulting::quality_of_service(&pod.spec));
            }
            Some(written)
        }
        Some(_) => None,
    };
    let fields = written.as_ref().map(|written| written.below("f:spec"));
    object.meta.managed = match (tracking, shared.zip(known.as_deref()), said) {
        (Tracking::As(managed), ..) => cx.shared.managed(managed),
        (Tracking::By(writer), Some((common, known)), Said::Nothing | Said::Reset) => {
            cx.shared.owners(common, known, &writer)
        }
        (Tracking::By(writer), known, said) => {
            let mut written = written.unwrap_or_else(|| metadata_owners::fields(&object.meta.to_value()));
            if let Some((_, known)) = known {
                written.graft("f:spec", &Fields::from_text(&known.fields));
            }
            cx.shared.managed(Some(owners::of_new(kind, said, written, &writer)))
        }
    };
    prepare(cx, &mut object);
    // Upstream gives a service its addresses before it looks at the rest of it.
    let taken = services::allocate(&mut object, None, cx.addresses, cx.config)?;
    if let Err(error) = check_new(cx, &object, sound, known.is_none(), has_version) {
        taken.give_back(cx.addresses);
        return Err(error);
    }
    let name = object.meta.name.clone();
    if let (Some(common), Some(fields)) = (shared, fields) {
        cx.shared.keep_body(Arc::clone(&common.body), object.body.clone(), fields.into_text().into());
    }
    cx.store.create(object).map_err(|_| errors::already_exists(kind, &name))
}

/// Whether a complete object may be created; its metadata is known to be `sound`, and its body was `unseen` where none like
/// it was checked before. Counts it under quotas.
fn check_new(
    cx: &mut Context<'_>,
    object: &Object,
    sound: bool,
    unseen: bool,
    has_version: bool,
) -> Result<(), ApiError> {
    let kind = object.kind();
    let mut wrong = Vec::new();
    if !sound {
        wrong = validate_meta(kind, &object.meta, object.pod().and_then(PodBody::node_name));
    }
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

/// There are no runtime classes, and so no overhead of one.
fn refuse_overhead(object: &Object) -> Result<(), ApiError> {
    let Some(spec) = object.pod().map(|pod| &pod.spec) else { return Ok(()) };
    let why = match spec.runtime_class_name.as_deref() {
        Some(class) if !class.is_empty() => format!("pod rejected: RuntimeClass {} not found", quoted(class)),
        _ if spec.overhead.as_ref().is_none_or(BTreeMap::is_empty) => return Ok(()),
        _ => "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead".to_owned(),
    };
    Err(ApiError::forbidden(Kind::Pod, &object.meta.name, &why))
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
    object.meta.resource_version = 0;
    object.meta.generation = 0;
    if let Some(rest) = &mut object.meta.rest {
        rest.self_link = None;
    }
    match &mut object.body {
        Body::Pod(pod) => {
            object.meta.generation = 1;
            pod.status =
                PodStatus { phase: PodPhase::Pending, qos_class: pod.status.qos_class, ..PodStatus::default() };
            if pod.spec.scheduling_gates.as_ref().is_some_and(|g| !g.is_empty()) {
                let gated = Condition::new(ConditionKind::PodScheduled, ConditionStatus::False, now)
                    .because("SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates");
                pod.status.set_condition(gated);
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
        && **rest == MetaRest::default()
    {
        object.meta.rest = None;
    }
}
