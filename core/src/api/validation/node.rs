//! Rules for nodes.

use super::errors::Errors;
use super::resources;
use crate::api::Labels;
use crate::api::names::{label_value_error, qualified_name_errors};
use crate::order;
use k8s_openapi::api::core::v1 as k8s;

/// The annotation that means something on nodes.
pub(super) fn check_own_annotations(annotations: &Labels, errors: &mut Errors) {
    let annotation = "scheduler.alpha.kubernetes.io/preferAvoidPods";
    if let Some(text) = annotations.get(annotation)
        && serde_json::from_str::<serde_json::Value>(text).is_err()
    {
        let first = text.chars().next().map_or_else(
            || "unexpected end of JSON input".to_owned(),
            |c| format!("invalid character '{c}' looking for beginning of value"),
        );
        errors.invalid("metadata.annotations.AvoidPods", annotation, &first);
    }
}

pub(super) fn check(spec: &k8s::NodeSpec, status: &k8s::NodeStatus, errors: &mut Errors) {
    check_taints(spec, errors);
    check_amounts(status, errors);
    let cidrs = spec.pod_cidrs.as_deref().unwrap_or_default();
    for (index, cidr) in cidrs.iter().enumerate() {
        errors.cidr(format_args!("spec.podCIDRs[{index}]"), cidr);
    }
    let v6 = cidrs.iter().filter(|cidr| cidr.contains(':')).count();
    if cidrs.len() > 2 || (cidrs.len() == 2 && v6 != 1) {
        let why = "may specify no more than one CIDR for each IP family";
        errors.invalid("spec.podCIDRs", serde_json::json!(cidrs), why);
    }
    for (index, cidr) in cidrs.iter().enumerate().filter(|(index, cidr)| cidrs[..*index].contains(cidr)) {
        errors.duplicate(format_args!("spec.podCIDRs[{index}]"), cidr.as_str());
    }
}

/// How much there is.
pub(super) fn check_amounts(status: &k8s::NodeStatus, errors: &mut Errors) {
    for (field, map) in [("allocatable", &status.allocatable), ("capacity", &status.capacity)] {
        for (name, text) in map.iter().flatten() {
            resources::check_amount(name, &text.0, &format!("status.{field}.{name}"), errors);
        }
    }
}

pub(super) fn check_update(new: &k8s::NodeSpec, status: &k8s::NodeStatus, old: &k8s::NodeSpec, errors: &mut Errors) {
    let set = |id: &Option<String>| id.as_deref().is_some_and(|id| !id.is_empty());
    if set(&old.provider_id) && new.provider_id != old.provider_id {
        errors.forbidden("spec.providerID", "node updates may not change providerID except from \"\" to valid");
    }
    if old.pod_cidrs.as_ref().is_some_and(|c| !c.is_empty()) && new.pod_cidrs != old.pod_cidrs {
        errors.forbidden("spec.podCIDRs", "node updates may not change podCIDR except from \"\" to valid");
    }
    // Upstream looks at these twice.
    check_taints(new, errors);
    check_amounts(status, errors);
    let addresses = status.addresses.as_deref().unwrap_or_default();
    for (index, address) in addresses.iter().enumerate().filter(|(index, a)| addresses[..*index].contains(a)) {
        let shown = serde_json::json!({ "Type": address.type_, "Address": address.address });
        errors.duplicate(format_args!("status.addresses[{index}]"), shown);
    }
}

/// The taints alone.
pub(super) fn check_taints(spec: &k8s::NodeSpec, errors: &mut Errors) {
    let mut seen = order::Set::new();
    for (index, taint) in spec.taints.iter().flatten().enumerate() {
        let at = format!("metadata.taints[{index}]");
        errors.all_invalid(format_args!("{at}.key"), &taint.key, qualified_name_errors(&taint.key));
        if let Some(problem) = taint.value.as_deref().and_then(label_value_error) {
            errors.invalid(format_args!("{at}.value"), taint.value.as_deref().unwrap_or_default(), &problem);
        }
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        errors.one_of(format_args!("{at}.effect"), Some(&taint.effect), &effects, true);
        if !seen.insert((&taint.key, &taint.effect)) {
            errors.duplicate(at, serde_json::json!({ "key": taint.key, "value": taint.value, "effect": taint.effect }));
        }
    }
}
