//! Rules for metadata.

use super::errors::Errors;
use crate::api::names::{dns1123_label_errors, dns1123_subdomain_errors, label_value_error, qualified_name_errors};
use crate::api::{Kind, Meta, Name};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use std::collections::BTreeMap;
use std::fmt::Display;

const ANNOTATIONS_BYTES_MAX: usize = 256 * 1024;

pub(super) fn check(meta: &Meta, kind: Kind, errors: &mut Errors) {
    // Upstream validates controllers by another, newer path, which looks at the whole name only.
    if let Some(prefix) = meta.rest.as_ref().and_then(|r| r.generate_name.as_deref())
        && kind != Kind::ReplicationController
    {
        // A prefix may end with what a whole name may not.
        let trimmed = prefix.strip_suffix('-').map_or_else(|| prefix.to_owned(), |p| format!("{p}a"));
        errors.all_invalid("metadata.generateName", prefix, name_errors(kind, &trimmed));
    }
    if meta.name.is_empty() {
        errors.required("metadata.name", "name or generateName is required");
    } else {
        errors.all_invalid("metadata.name", &meta.name, name_errors(kind, &meta.name));
    }
    if kind.info().namespaced && meta.namespace.is_empty() {
        errors.required("metadata.namespace", "");
    } else if kind.info().namespaced {
        errors.all_invalid("metadata.namespace", &meta.namespace, dns1123_label_errors(&meta.namespace));
    }
    check_common(meta, errors);
    check_finalizers(meta, errors);
    if !is_generic(kind) {
        for (index, finalizer) in meta.finalizers().iter().enumerate() {
            check_standard(finalizer, format_args!("metadata.finalizers[{index}]"), errors);
        }
    }
}

/// What is looked at in every change.
fn check_common(meta: &Meta, errors: &mut Errors) {
    check_labels(&meta.labels, "metadata.labels", errors);
    check_annotations(&meta.annotations, "metadata.annotations", errors);
    check_owners(meta, errors);
}

/// Kinds of which upstream looks at the metadata only as it does of any.
fn is_generic(kind: Kind) -> bool {
    matches!(kind, Kind::PodDisruptionBudget | Kind::Event | Kind::Lease)
}

/// A finalizer of a namespace's own.
pub(super) fn check_finalizer(finalizer: &str, field: &str, errors: &mut Errors) {
    errors.all_invalid(field, finalizer, qualified_name_errors(finalizer));
    check_standard(finalizer, field, errors);
}

/// A finalizer is known, or says whose it is.
fn check_standard(finalizer: &str, field: impl Display, errors: &mut Errors) {
    if !finalizer.contains('/') && !matches!(finalizer, "orphan" | "foregroundDeletion" | "kubernetes") {
        let why = "name is neither a standard finalizer name nor is it fully qualified";
        errors.invalid(field, finalizer, why);
    }
}

fn check_finalizers(meta: &Meta, errors: &mut Errors) {
    let field = "metadata.finalizers";
    let finalizers = meta.finalizers();
    for finalizer in finalizers {
        errors.all_invalid(field, finalizer, qualified_name_errors(finalizer));
    }
    if ["orphan", "foregroundDeletion"].iter().all(|known| finalizers.iter().any(|f| f == known)) {
        let why = "finalizer orphan and foregroundDeletion cannot be both set";
        errors.invalid(field, serde_json::json!(finalizers), why);
    }
}

fn name_errors(kind: Kind, name: &str) -> Vec<String> {
    match kind {
        // Clients make these names of whatever they have at hand, and of budgets upstream looks at the spec only.
        Kind::Event | Kind::PodDisruptionBudget => match name {
            "." | ".." => vec![format!("may not be '{name}'")],
            _ => ['/', '%'].iter().filter(|c| name.contains(**c)).map(|c| format!("may not contain '{c}'")).collect(),
        },
        Kind::Namespace | Kind::Service => dns1123_label_errors(name),
        // Upstream validates this kind by another, newer path, which counts in bytes.
        Kind::ReplicationController => {
            dns1123_subdomain_errors(name).into_iter().map(|e| e.replace("253 characters", "253 bytes")).collect()
        }
        _ => dns1123_subdomain_errors(name),
    }
}

pub(super) fn check_labels(labels: &BTreeMap<String, String>, field: impl Display, errors: &mut Errors) {
    for (key, value) in labels {
        errors.all_invalid(&field, key, qualified_name_errors(key));
        if let Some(problem) = label_value_error(value) {
            errors.invalid(&field, value.as_str(), &problem);
        }
    }
}

pub(super) fn check_annotations(annotations: &BTreeMap<String, String>, field: &str, errors: &mut Errors) {
    let mut bytes = 0;
    for (key, value) in annotations {
        errors.all_invalid(field, key, qualified_name_errors(&key.to_ascii_lowercase()));
        bytes += key.len() + value.len();
    }
    if bytes > ANNOTATIONS_BYTES_MAX {
        errors.too_long(field, ANNOTATIONS_BYTES_MAX);
    }
}

/// An owner reference in the order in which upstream writes its fields.
fn shown(owner: &OwnerReference) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let mut json = format!(
        "{{\"apiVersion\":{},\"kind\":{},\"name\":{},\"uid\":{}",
        text(&owner.api_version),
        text(&owner.kind),
        text(&owner.name),
        text(&owner.uid)
    );
    for (key, flag) in [("controller", owner.controller), ("blockOwnerDeletion", owner.block_owner_deletion)] {
        if let Some(flag) = flag {
            json.push_str(&[",\"", key, "\":", if flag { "true" } else { "false" }].concat());
        }
    }
    json.push('}');
    json
}

fn check_owners(meta: &Meta, errors: &mut Errors) {
    let Some(owners) = &meta.owners else { return };
    let field = "metadata.ownerReferences";
    let mut controller: Option<String> = None;
    for owner in owners.iter() {
        for (part, value) in
            [("apiVersion", &owner.api_version), ("kind", &owner.kind), ("name", &owner.name), ("uid", &owner.uid)]
        {
            if value.is_empty() {
                let text = if part == "apiVersion" { "version must not be empty" } else { "must not be empty" };
                errors.invalid(format_args!("{field}.{part}"), "", text);
            }
        }
        if owner.api_version == "v1" && owner.kind == "Event" {
            errors.invalid_shown(field, &shown(owner), "/v1, Kind=Event is disallowed from being an owner");
        }
        if owner.controller == Some(true) {
            let this = format!("{}/{}", owner.kind, owner.name);
            if let Some(other) = &controller {
                let list = format!("[{}]", owners.iter().map(shown).collect::<Vec<_>>().join(","));
                let detail = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {other} and {this}"
                );
                errors.invalid_shown(field, &list, &detail);
            } else {
                controller = Some(this);
            }
        }
    }
}

/// What is said of metadata in an update. Upstream looks at it in general, and then once more for most kinds, at the
/// change and, where more than the status changes, at the whole; what is wrong is said each time.
pub(super) fn check_update(new: &Meta, old: &Meta, kind: Kind, whole: bool, errors: &mut Errors) {
    let (changes, wholes) = match kind {
        Kind::Event | Kind::PodDisruptionBudget => (0, 0),
        Kind::Lease | Kind::ResourceQuota | Kind::PriorityClass | Kind::ReplicationController => (1, 0),
        Kind::LimitRange => (0, 1),
        _ => (1, 1),
    };
    for _ in 0..=changes {
        check_change(new, old, errors);
        check_common(new, errors);
    }
    check_common(new, errors);
    check_finalizers(new, errors);
    if whole && wholes > 0 {
        check(new, kind, errors);
    }
}

fn check_change(new: &Meta, old: &Meta, errors: &mut Errors) {
    let immutable = |field: &str, new: &Name, old: &Name, errors: &mut Errors| {
        if new != old {
            errors.invalid(field, new.as_str(), "field is immutable");
        }
    };
    immutable("metadata.name", &new.name, &old.name, errors);
    immutable("metadata.namespace", &new.namespace, &old.namespace, errors);
    if new.uid != old.uid {
        errors.invalid("metadata.uid", new.uid.to_string(), "field is immutable");
    }
    if old.deletion.is_some() {
        let added: Vec<_> = new.finalizers().iter().filter(|f| !old.finalizers().contains(f)).collect();
        if !added.is_empty() {
            let list: Vec<String> = added.iter().map(|f| format!("{f:?}")).collect();
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                list.join(", ")
            );
            errors.forbidden("metadata.finalizers", &detail);
        }
    }
}
