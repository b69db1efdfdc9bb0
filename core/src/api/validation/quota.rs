//! Rules for resource quotas and limit ranges.

use super::errors::Errors;
use super::resources::{self, COMPUTE, is_standard};
use crate::api::names::qualified_name_errors;
use crate::api::{Document, Quantity};
use crate::order;
use serde_json::Value;
use std::cmp::Ordering;

const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];
const CONFLICTING: [[&str; 2]; 2] = [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]];

fn quantity(value: &Value) -> Option<Quantity> {
    Quantity::parse(value.as_str()?).ok()
}

fn check_amounts(quota: &Document, section: &str, field: &str, errors: &mut Errors) {
    for (name, value) in quota.entries(&[section, field]) {
        let at = format!("{section}.{field}[{name}]");
        resources::check_any_name(name, &at, errors);
        if !name.contains('/') && !is_standard(name) {
            errors.invalid(&at, name, "must be a standard resource for quota");
        }
        resources::check_amount(name, value.as_str().unwrap_or_default(), &at, errors);
    }
}

/// Whether a scope says anything about a resource.
fn applies(scope: &str, resource: &str) -> bool {
    match scope {
        "BestEffort" => resource == "pods",
        "VolumeAttributesClass" => resource == "persistentvolumeclaims" || resource == "requests.storage",
        _ => resource == "pods" || COMPUTE.contains(&resource),
    }
}

pub(super) fn check_quota(quota: &Document, errors: &mut Errors) {
    check_amounts(quota, "spec", "hard", errors);
    let standard = || quota.entries(&["spec", "hard"]).map(|(name, _)| name).filter(|name| is_standard(name));
    let listed = quota.at(&["spec", "scopes"]);
    let scopes: Vec<&str> = listed.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for scope in &scopes {
        if !SCOPES.contains(scope) {
            errors.invalid("spec.scopes", listed.clone(), "unsupported scope");
        }
        for _ in standard().filter(|resource| !applies(scope, resource)) {
            errors.invalid("spec.scopes", listed.clone(), "unsupported scope applied to resource");
        }
    }
    check_conflicts(&scopes, "spec.scopes", listed, errors);
    let selector = quota.at(&["spec", "scopeSelector"]);
    let at = "spec.scopeSelector.matchExpressions";
    let mut selected = Vec::new();
    for requirement in selector["matchExpressions"].as_array().into_iter().flatten() {
        let text = |field: &str| requirement[field].as_str().unwrap_or_default();
        let (scope, operator) = (text("scopeName"), text("operator"));
        if !SCOPES.contains(&scope) {
            errors.invalid(format_args!("{at}.scopeName"), scope, "unsupported scope");
        }
        for _ in standard().filter(|resource| !applies(scope, resource)) {
            errors.invalid(at, selector.clone(), "unsupported scope applied to resource");
        }
        if SCOPES[..6].contains(&scope) && scope != "PriorityClass" && operator != "Exists" {
            errors.invalid(
                format_args!("{at}.operator"),
                operator,
                "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
            );
        }
        let values = &requirement["values"];
        let empty = values.as_array().is_none_or(Vec::is_empty);
        match operator {
            "In" | "NotIn" if empty => errors.required(
                format_args!("{at}.values"),
                "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
            ),
            "Exists" | "DoesNotExist" if !empty => errors.invalid(
                format_args!("{at}.values"),
                values.clone(),
                "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
            ),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => errors.invalid(format_args!("{at}.operator"), other, "not a valid selector operator"),
        }
        selected.push(scope);
    }
    check_conflicts(&selected, at, listed, errors);
}

fn check_conflicts(scopes: &[&str], at: &str, shown: &Value, errors: &mut Errors) {
    for pair in CONFLICTING {
        if pair.iter().all(|scope| scopes.contains(scope)) {
            errors.invalid(at, shown.clone(), "conflicting scopes");
        }
    }
}

pub(super) fn check_quota_update(new: &Document, old: &Document, errors: &mut Errors) {
    fn scopes(quota: &Document) -> Vec<&str> {
        let listed = quota.at(&["spec", "scopes"]).as_array().into_iter().flatten();
        let mut scopes: Vec<&str> = listed.filter_map(Value::as_str).collect();
        order::sort(&mut scopes);
        scopes.dedup();
        scopes
    }
    if scopes(new) != scopes(old) {
        errors.invalid("spec.scopes", new.at(&["spec", "scopes"]).clone(), "field is immutable");
    }
}

pub(super) fn check_quota_status(quota: &Document, errors: &mut Errors) {
    check_amounts(quota, "status", "hard", errors);
    check_amounts(quota, "status", "used", errors);
}

pub(super) fn check_limits(range: &Document, errors: &mut Errors) {
    let mut seen = Vec::new();
    for (index, item) in range.at(&["spec", "limits"]).as_array().into_iter().flatten().enumerate() {
        let at = format!("spec.limits[{index}]");
        let of_type = item["type"].as_str().unwrap_or_default();
        let problems = qualified_name_errors(of_type);
        if problems.is_empty() && !of_type.contains('/') && !matches!(of_type, "Pod" | "Container" | CLAIM) {
            errors.invalid(format_args!("{at}.type"), of_type, "must be a standard limit type or fully qualified");
        }
        errors.all_invalid(format_args!("{at}.type"), of_type, problems);
        if seen.contains(&of_type) {
            errors.duplicate(format_args!("{at}.type"), of_type);
        }
        seen.push(of_type);
        check_item(item, of_type, &at, errors);
    }
}

const CLAIM: &str = "PersistentVolumeClaim";

fn check_item(item: &Value, of_type: &str, at: &str, errors: &mut Errors) {
    let mut resources: Vec<&str> = Vec::new();
    for field in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
        let names: Vec<&String> = item[field].as_object().into_iter().flatten().map(|(name, _)| name).collect();
        if of_type == "Pod" && field.starts_with("default") {
            if !names.is_empty() {
                errors.forbidden(format_args!("{at}.{field}"), "may not be specified when `type` is 'Pod'");
            }
            continue;
        }
        for name in names {
            let at = format!("{at}.{field}[{name}]");
            if matches!(of_type, "Pod" | "Container") {
                resources::check_name(name, &at, errors);
            } else {
                resources::check_any_name(name, &at, errors);
            }
            resources.push(name);
        }
    }
    if of_type == CLAIM && item["min"]["storage"].is_null() && item["max"]["storage"].is_null() {
        let detail = "either minimum or maximum storage value is required, but neither was provided";
        errors.required(format_args!("{at}.limits"), detail);
    }
    order::sort(&mut resources);
    resources.dedup();
    for name in resources {
        check_resource(item, name, of_type, at, errors);
    }
}

fn check_resource(item: &Value, name: &str, of_type: &str, at: &str, errors: &mut Errors) {
    let of = |field: &str| quantity(&item[field][name]).filter(|_| of_type != "Pod" || !field.starts_with("default"));
    let (min, max, ratio) = (of("min"), of("max"), of("maxLimitRequestRatio"));
    let (default, request) = (of("default"), of("defaultRequest"));
    // Low and high value with their names, and the field and value that are said to be wrong.
    let bounds = [
        (min, "min value", max, "max value", "min", min),
        (min, "min value", request, "default request value", "defaultRequest", request),
        (request, "default request value", max, "max value", "defaultRequest", request),
        (request, "default request value", default, "default limit value", "defaultRequest", request),
        (min, "min value", default, "default value", "default", min),
        (default, "default value", max, "max value", "default", max),
    ];
    for (low, low_name, high, high_name, field, shown) in bounds {
        let (Some(low), Some(high), Some(shown)) = (low, high, shown) else { continue };
        if low.compare(high) == Ordering::Greater {
            let detail = format!("{low_name} {low} is greater than {high_name} {high}");
            errors.invalid(format_args!("{at}.{field}[{name}]"), shown.to_string(), &detail);
        }
    }
    if let Some(ratio) = ratio {
        let field = format!("{at}.maxLimitRequestRatio[{name}]");
        if ratio.compare(Quantity::from_value(1)) == Ordering::Less {
            errors.invalid(&field, ratio.to_string(), &format!("ratio {ratio} is less than 1"));
        }
        if let (Some(min), Some(max)) = (min, max) {
            let most = max.milli() as f64 / min.milli() as f64;
            if ratio.milli() as f64 / 1000.0 > most {
                let detail = format!("ratio {ratio} is greater than max/min = {most:.6}");
                errors.invalid(&field, ratio.to_string(), &detail);
            }
        }
    }
    if let (Some(default), Some(request), false) = (default, request, resources::may_overcommit(name))
        && default.compare(request) != Ordering::Equal
    {
        let detail = format!("default value {default} must equal to defaultRequest value {request} in {name}");
        errors.invalid(format_args!("{at}.defaultRequest[{name}]"), request.to_string(), &detail);
    }
}
