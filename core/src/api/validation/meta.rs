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
    check_labels(&meta.labels, "metadata.labels", errors);
    let mut bytes = 0;
    for (key, value) in meta.annotations.iter() {
        errors.all_invalid("metadata.annotations", key, qualified_name_errors(&key.to_ascii_lowercase()));
        bytes += key.len() + value.len();
    }
    if bytes > ANNOTATIONS_BYTES_MAX {
        errors.too_long("metadata.annotations", ANNOTATIONS_BYTES_MAX);
    }
    check_owners(meta, errors);
    for (index, finalizer) in meta.finalizers().iter().enumerate() {
        let field = format!("metadata.finalizers[{index}]");
        let problems = qualified_name_errors(finalizer);
        if problems.is_empty()
            && kind != Kind::PodDisruptionBudget
            && !finalizer.contains('/')
            && !matches!(finalizer.as_str(), "orphan" | "foregroundDeletion" | "kubernetes")
        {
            errors.invalid(
                field,
                finalizer.as_str(),
                "name is neither a standard finalizer name nor is it fully qualified",
            );
        } else {
            errors.all_invalid(field, finalizer, problems);
        }
    }
}

fn name_errors(kind: Kind, name: &str) -> Vec<String> {
    match kind {
        // Clients make these names of whatever they have at hand, and of budgets upstream looks at the spec only.
        Kind::Event | Kind::PodDisruptionBudget => Vec::new(),
        Kind::Service if name.contains('.') => vec!["must not contain dots".to_owned()],
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

pub(super) fn check_update(new: &Meta, old: &Meta, kind: Kind, errors: &mut Errors) {
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
    check(new, kind, errors);
    if old.deletion.is_some() {
        let added: Vec<_> = new.finalizers().iter().filter(|f| !old.finalizers().contains(f)).collect();
        if !added.is_empty() {
            let list: Vec<String> = added.iter().map(|f| format!("{f:?}")).collect();
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                list.join(", ")
            );
            errors.forbidden("metadata.finalizers", &detail);
            if kind == Kind::Pod {
                // Upstream looks twice.
                errors.forbidden("metadata.finalizers", &detail);
            }
        }
    }
}
