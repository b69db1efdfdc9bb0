//! Rules for leases, disruption budgets and priority classes.

use super::errors::Errors;
use super::scheduling;
use crate::api::priority::{PRIORITY_MAX, SYSTEM_CLASSES};
use crate::api::{Document, codec};

pub(super) fn check_lease(lease: &Document, errors: &mut Errors) {
    if let Some(seconds) = lease.number(&["spec", "leaseDurationSeconds"]).filter(|s| *s <= 0) {
        errors.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0");
    }
    errors.not_negative("spec.leaseTransitions", lease.number(&["spec", "leaseTransitions"]));
}

pub(super) fn check_budget(budget: &Document, errors: &mut Errors) {
    let spec = budget.at(&["spec"]);
    let bounds = ["minAvailable", "maxUnavailable"].map(|field| (field, &spec[field]));
    if bounds.iter().all(|(_, bound)| !bound.is_null()) {
        // Upstream shows its own form of the structure here, in its own order.
        let shown = format!(
            "{{\"MinAvailable\":{},\"Selector\":{},\"MaxUnavailable\":{},\"UnhealthyPodEvictionPolicy\":{}}}",
            spec["minAvailable"], spec["selector"], spec["maxUnavailable"], spec["unhealthyPodEvictionPolicy"]
        );
        errors.invalid_shown("spec", &shown, "minAvailable and maxUnavailable cannot be both set");
    }
    for (field, bound) in bounds {
        let at = format!("spec.{field}");
        errors.not_negative(&at, bound.as_i64());
        let Some(text) = bound.as_str() else { continue };
        let digits = text.strip_suffix('%').filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
        match digits {
            None => errors.invalid(at, text, "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"),
            Some(digits) if digits.parse().is_ok_and(|n: u32| n <= 100) => {}
            Some(_) => errors.invalid(at, text, "must not be greater than 100%"),
        }
    }
    if let Ok(selector) = codec::decode(&spec["selector"]) {
        scheduling::check_selector(&selector, "spec.selector", errors);
    }
    let policy = spec["unhealthyPodEvictionPolicy"].as_str();
    if let Some(policy) = policy.filter(|p| !matches!(*p, "AlwaysAllow" | "IfHealthyBudget")) {
        errors.not_supported("spec.unhealthyPodEvictionPolicy", policy, &["AlwaysAllow", "IfHealthyBudget"]);
    }
}

pub(super) fn check_budget_status(budget: &Document, errors: &mut Errors) {
    for field in ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] {
        errors.not_negative(format_args!("status.{field}"), budget.number(&["status", field]));
    }
}

pub(super) fn check_class(class: &Document, name: &str, errors: &mut Errors) {
    let value = class.number(&["value"]).unwrap_or_default();
    let default = class.at(&["globalDefault"]) == true;
    if name.starts_with("system-") {
        let why = match SYSTEM_CLASSES.iter().find(|(known, _)| *known == name) {
            None => format!("{name} is not a known system priority class"),
            Some((_, wanted)) if value != *wanted => format!("value of {name} PriorityClass must be {wanted}"),
            Some(_) if default => format!("globalDefault of {name} PriorityClass must be false"),
            Some(_) => String::new(),
        };
        if !why.is_empty() {
            let detail =
                format!("priority class names with 'system-' prefix are reserved for system use only. error: {why}");
            errors.forbidden("metadata.name", &detail);
        }
    } else if value > PRIORITY_MAX {
        errors.forbidden("value", &format!("maximum allowed value of a user defined priority is {PRIORITY_MAX}"));
    }
    let policy = class.at(&["preemptionPolicy"]).as_str();
    errors.one_of("preemptionPolicy", policy, &["PreemptLowerPriority", "Never"], policy.is_some());
}

pub(super) fn check_class_update(new: &Document, old: &Document, errors: &mut Errors) {
    let value = |class: &Document| class.number(&["value"]).unwrap_or_default();
    if value(new) != value(old) {
        errors.forbidden("value", "may not be changed in an update.");
    }
    errors.immutable("preemptionPolicy", new.at(&["preemptionPolicy"]), old.at(&["preemptionPolicy"]));
}
