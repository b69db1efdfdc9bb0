//! What objects must be, and what is said with which field path when they are not.
//!
//! Source: upstream's `pkg/apis/core/validation`, version 1.36. Order and wording of the errors are upstream's.

mod container;
mod environment;
mod errors;
mod meta;
mod node;
mod pod;
mod policy;
mod quota;
mod resources;
mod scheduling;
mod security;
mod service;
mod settings;
mod status;
mod subresources;
mod volume;
mod workload;

pub use errors::FieldError;

use super::{Body, Document, Kind, Meta, Object, PodBody};
use crate::config::Config;
use errors::Errors;
use k8s_openapi::api::core::v1::{NodeAffinity, ServiceSpec, TopologySpreadConstraint};
use serde_json::Value;

/// Everything that is wrong with a new object, after defaulting.
pub fn validate_create(object: &Object, config: &Config) -> Vec<FieldError> {
    let mut errors = validate_meta(object.kind(), &object.meta, object.pod().and_then(PodBody::node_name));
    errors.extend(validate_body(object, config));
    errors
}

/// What is wrong with a new object's metadata; of a pod, with the node that it is bound to.
pub(crate) fn validate_meta(kind: Kind, meta: &Meta, node: Option<&str>) -> Vec<FieldError> {
    let mut errors = Errors::default();
    meta::check(meta, kind, &mut errors);
    match kind {
        Kind::Pod => pod::check_own_annotations(&meta.annotations, node, &mut errors),
        Kind::Node => node::check_own_annotations(&meta.annotations, &mut errors),
        _ => {}
    }
    errors.list
}

/// What is wrong with the rest of a new object.
pub(crate) fn validate_body(object: &Object, config: &Config) -> Vec<FieldError> {
    let mut errors = Errors::default();
    match &object.body {
        Body::Pod(pod) => pod::check(pod, config, &mut errors),
        Body::ReplicationController { spec, .. } => workload::check(spec, config, &mut errors),
        Body::Service { spec, .. } => service::check(spec, &object.meta.annotations, &mut errors),
        Body::Node { spec, status } => node::check(spec, status, &mut errors),
        Body::Endpoints { subsets } => service::check_subsets(subsets, &mut errors),
        Body::Event(event) => workload::check_event(event, &object.meta, &mut errors),
        Body::Document(document) => check_document(document, object, &mut errors),
        Body::Namespace { spec, .. } => {
            for finalizer in spec.finalizers.iter().flatten() {
                meta::check_finalizer(finalizer, "spec.finalizers", &mut errors);
            }
        }
    }
    errors.list
}

/// What is wrong with an affinity to nodes that stands there.
pub(crate) fn validate_node_affinity(affinity: &NodeAffinity, at: &str) -> Vec<FieldError> {
    let mut errors = Errors::default();
    scheduling::check_node_affinity(affinity, at, &mut errors);
    errors.list
}

/// What is wrong with a list that stands there of how evenly pods are to be spread.
pub(crate) fn validate_spreading(constraints: &[TopologySpreadConstraint], at: &str) -> Vec<FieldError> {
    let mut errors = Errors::default();
    scheduling::check_spreading(constraints, at, &mut errors);
    errors.list
}

/// What of the addresses that a service asks for this cluster cannot give.
pub(crate) fn validate_families(spec: &ServiceSpec) -> Vec<FieldError> {
    let mut errors = Errors::default();
    service::check_families(spec, &mut errors);
    errors.list
}

fn check_document(document: &Document, object: &Object, errors: &mut Errors) {
    match document.kind {
        Kind::ConfigMap => settings::check_config_map(document, errors),
        Kind::Secret => settings::check_secret(document, &object.meta.annotations, errors),
        Kind::Lease => policy::check_lease(document, errors),
        Kind::PodDisruptionBudget => policy::check_budget(document, errors),
        Kind::PriorityClass => policy::check_class(document, &object.meta.name, errors),
        Kind::ResourceQuota => quota::check_quota(document, errors),
        Kind::LimitRange => quota::check_limits(document, errors),
        _ => {}
    }
}

fn check_document_update(new: &Document, old: &Document, object: &Object, errors: &mut Errors) {
    match new.kind {
        Kind::ConfigMap => settings::check_immutable(new, old, errors),
        Kind::Secret => {
            errors.immutable("type", new.at(&["type"]), old.at(&["type"]));
            settings::check_immutable(new, old, errors);
        }
        Kind::ResourceQuota => quota::check_quota_update(new, old, errors),
        // The one kind upstream does not look at as a whole again.
        Kind::PriorityClass => return policy::check_class_update(new, old, errors),
        _ => {}
    }
    check_document(new, object, errors);
}

/// Everything that is wrong with `new` in place of `old`, both after defaulting.
pub fn validate_update(new: &Object, old: &Object, config: &Config) -> Vec<FieldError> {
    let mut errors = Errors::default();
    meta::check_update(&new.meta, &old.meta, new.kind(), true, &mut errors);
    if let Body::Node { spec, status } = &new.body {
        node::check_own_annotations(&new.meta.annotations, &mut errors);
        node::check(spec, status, &mut errors);
    }
    check_change(new, old, config, &mut errors);
    errors.list
}

/// Everything that is wrong with the ephemeral containers of `new`; the rest of it is as in `old`.
pub(crate) fn validate_ephemeral_containers(new: &Object, old: &Object, config: &Config) -> Vec<FieldError> {
    let mut errors = Errors::default();
    if let (Body::Pod(now), Body::Pod(before)) = (&new.body, &old.body) {
        subresources::check_ephemeral(now, before, &old.meta, config, &mut errors);
    }
    errors.list
}

/// Everything that is wrong with what the containers of `new` ask for; the rest of it is as in `old`.
pub(crate) fn validate_resize(new: &Object, old: &Object, config: &Config) -> Vec<FieldError> {
    let mut errors = Errors::default();
    if let (Body::Pod(now), Body::Pod(before)) = (&new.body, &old.body) {
        subresources::check_resize(now, before, &old.meta, config, &mut errors);
    }
    errors.list
}

fn check_change(new: &Object, old: &Object, config: &Config, errors: &mut Errors) {
    match (&new.body, &old.body) {
        (Body::Pod(new_pod), Body::Pod(old_pod)) => {
            pod::check_update(new_pod, old_pod, &new.meta, &old.meta, config, errors);
        }
        (Body::ReplicationController { spec, .. }, _) => workload::check(spec, config, errors),
        (Body::Service { spec, .. }, Body::Service { spec: old_spec, .. }) => {
            service::check_update(spec, old_spec, errors);
            service::check(spec, &new.meta.annotations, errors);
        }
        (Body::Node { spec, status }, Body::Node { spec: old_spec, .. }) => {
            node::check_update(spec, status, old_spec, errors);
        }
        (Body::Endpoints { subsets }, _) => service::check_subsets(subsets, errors),
        (Body::Event(event), _) => workload::check_event(event, &new.meta, errors),
        (Body::Document(document), Body::Document(before)) => {
            check_document_update(document, before, new, errors);
        }
        _ => {}
    }
}

/// Everything that is wrong with the status of `new`, which was `written` so; the rest of it is as in `old`.
pub fn validate_status(written: &Value, new: &Object, old: &Object, config: &Config) -> Vec<FieldError> {
    let mut errors = Errors::default();
    match (&new.body, &old.body) {
        (Body::Pod(_), Body::Pod(before)) => status::check_pod(&written["status"], &before.status, &mut errors),
        (Body::Namespace { spec, status }, Body::Namespace { spec: before, .. }) => {
            for (index, finalizer) in spec.finalizers.iter().flatten().enumerate().filter(|_| spec != before) {
                meta::check_finalizer(finalizer, &format!("spec.finalizers[{index}]"), &mut errors);
            }
            status::check_namespace(status, new.meta.deletion.is_some(), &mut errors);
        }
        (Body::Service { spec, status }, _) => status::check_service(spec, status, &mut errors),
        (Body::Document(document), _) if document.kind == Kind::ResourceQuota => {
            quota::check_quota_status(document, &mut errors);
        }
        (Body::Document(document), _) if document.kind == Kind::PodDisruptionBudget => {
            policy::check_budget_status(document, &mut errors);
        }
        _ => {}
    }
    meta::check_update(&new.meta, &old.meta, new.kind(), false, &mut errors);
    check_change(new, old, config, &mut errors);
    if let Body::ReplicationController { status, .. } = &new.body {
        status::check_replication_controller(status, &mut errors);
    }
    errors.list
}
