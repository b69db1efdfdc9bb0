//! Rules for nodes.

use super::errors::Errors;
use crate::api::names::{label_value_error, qualified_name_errors};
use crate::api::{Meta, Quantity};
use k8s_openapi::api::core::v1 as k8s;
use std::collections::BTreeSet;
use std::net::IpAddr;

pub(super) fn check(spec: &k8s::NodeSpec, status: &k8s::NodeStatus, meta: &Meta, errors: &mut Errors) {
    let annotation = "scheduler.alpha.kubernetes.io/preferAvoidPods";
    if let Some(text) = meta.annotations.get(annotation)
        && serde_json::from_str::<serde_json::Value>(text).is_err()
    {
        let first = text.chars().next().map_or_else(
            || "unexpected end of JSON input".to_owned(),
            |c| format!("invalid character '{c}' looking for beginning of value"),
        );
        errors.invalid("metadata.annotations.AvoidPods", annotation, &first);
    }
    check_taints(spec, errors);
    for (field, map) in [("allocatable", &status.allocatable), ("capacity", &status.capacity)] {
        for (name, text) in map.iter().flatten() {
            let at = format!("status.{field}.{name}");
            match Quantity::parse(&text.0) {
                Ok(quantity) if quantity.signum() < 0 => {
                    errors.invalid(at, text.0.as_str(), "must be greater than or equal to 0");
                }
                Ok(_) => {}
                Err(_) => errors.invalid(at, text.0.as_str(), "must be a quantity such as 500m, 2 or 1.5Gi"),
            }
        }
    }
    for (index, cidr) in spec.pod_cidrs.iter().flatten().enumerate() {
        let valid = cidr.split_once('/').is_some_and(|(ip, bits)| {
            ip.parse::<IpAddr>()
                .is_ok_and(|ip| bits.parse::<u8>().is_ok_and(|b| b <= if ip.is_ipv4() { 32 } else { 128 }))
        });
        if !valid {
            errors.invalid(
                format_args!("spec.podCIDRs[{index}]"),
                cidr.as_str(),
                "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            );
        }
    }
}

pub(super) fn check_update(new: &k8s::NodeSpec, old: &k8s::NodeSpec, errors: &mut Errors) {
    let set = |id: &Option<String>| id.as_deref().is_some_and(|id| !id.is_empty());
    if set(&old.provider_id) && new.provider_id != old.provider_id {
        errors.forbidden("spec.providerID", "node updates may not change providerID except from \"\" to valid");
    }
    if old.pod_cidrs.as_ref().is_some_and(|c| !c.is_empty()) && new.pod_cidrs != old.pod_cidrs {
        errors.forbidden("spec.podCIDRs", "node updates may not change podCIDR except from \"\" to valid");
    }
}

/// The taints alone.
pub(super) fn check_taints(spec: &k8s::NodeSpec, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
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
