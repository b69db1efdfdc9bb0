//! Rules for what a pod asks of its place: affinity, tolerations, spreading.

use super::errors::Errors;
use super::meta::check_labels;
use crate::api::names::{dns1123_label_errors, dns1123_subdomain_errors, label_value_error, qualified_name_errors};
use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

pub(super) fn check(spec: &k8s::PodSpec, path: &str, errors: &mut Errors) {
    if let Some(affinity) = &spec.affinity {
        let at = format!("{path}.affinity");
        if let Some(node) = &affinity.node_affinity {
            check_node_affinity(node, &format!("{at}.nodeAffinity"), errors);
        }
        if let Some(pods) = &affinity.pod_affinity {
            let (required, preferred) = (
                pods.required_during_scheduling_ignored_during_execution.as_deref(),
                pods.preferred_during_scheduling_ignored_during_execution.as_deref(),
            );
            check_pod_terms(required, preferred, &format!("{at}.podAffinity"), errors);
        }
        if let Some(pods) = &affinity.pod_anti_affinity {
            let (required, preferred) = (
                pods.required_during_scheduling_ignored_during_execution.as_deref(),
                pods.preferred_during_scheduling_ignored_during_execution.as_deref(),
            );
            check_pod_terms(required, preferred, &format!("{at}.podAntiAffinity"), errors);
        }
    }
    check_tolerations(spec.tolerations.as_deref().unwrap_or_default(), path, errors);
    let spreading = spec.topology_spread_constraints.as_deref().unwrap_or_default();
    check_spreading(spreading, &format!("{path}.topologySpreadConstraints"), errors);
}

pub(super) fn check_tolerations(tolerations: &[k8s::Toleration], path: &str, errors: &mut Errors) {
    for (index, toleration) in tolerations.iter().enumerate() {
        check_toleration(toleration, &format!("{path}.tolerations[{index}]"), errors);
    }
}

pub(super) fn check_node_affinity(affinity: &k8s::NodeAffinity, at: &str, errors: &mut Errors) {
    if let Some(required) = &affinity.required_during_scheduling_ignored_during_execution {
        let at = format!("{at}.{REQUIRED}.nodeSelectorTerms");
        if required.node_selector_terms.is_empty() {
            errors.required(&at, "must have at least one node selector term");
        }
        for (index, term) in required.node_selector_terms.iter().enumerate() {
            check_node_term(term, true, &format!("{at}[{index}]"), errors);
        }
    }
    for (index, term) in affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten().enumerate() {
        let at = format!("{at}.{PREFERRED}[{index}]");
        check_weight(term.weight, &at, errors);
        // What no label can be is merely never preferred.
        check_node_term(&term.preference, false, &format!("{at}.preference"), errors);
    }
}

fn check_weight(weight: i32, at: &str, errors: &mut Errors) {
    if !(1..=100).contains(&weight) {
        errors.invalid(format_args!("{at}.weight"), weight, "must be in the range 1-100");
    }
}

fn check_node_term(term: &k8s::NodeSelectorTerm, strict: bool, at: &str, errors: &mut Errors) {
    for (index, written) in term.match_expressions.iter().flatten().enumerate() {
        let at = format!("{at}.matchExpressions[{index}]");
        check_requirement(&written.key, &written.operator, written.values.as_deref(), true, &at, errors);
        check_values(written.values.as_deref().filter(|_| strict), &at, errors);
    }
    for (index, requirement) in term.match_fields.iter().flatten().enumerate() {
        let at = format!("{at}.matchFields[{index}]");
        match requirement.operator.as_str() {
            "In" | "NotIn" if requirement.values.as_ref().map_or(0, Vec::len) != 1 => {
                let detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
                errors.required(format_args!("{at}.values"), detail);
            }
            "In" | "NotIn" => {}
            other => errors.invalid(format_args!("{at}.operator"), other, "not a valid selector operator"),
        }
        if requirement.key != "metadata.name" {
            errors.invalid(format_args!("{at}.key"), requirement.key.as_str(), "not a valid field selector key");
            continue;
        }
        for (index, name) in requirement.values.iter().flatten().enumerate() {
            errors.all_invalid(format_args!("{at}.values[{index}]"), name, dns1123_subdomain_errors(name));
        }
    }
}

fn check_pod_terms(
    required: Option<&[k8s::PodAffinityTerm]>,
    preferred: Option<&[k8s::WeightedPodAffinityTerm]>,
    at: &str,
    errors: &mut Errors,
) {
    for (index, term) in required.unwrap_or_default().iter().enumerate() {
        check_pod_term(term, &format!("{at}.{REQUIRED}[{index}]"), errors);
    }
    for (index, term) in preferred.unwrap_or_default().iter().enumerate() {
        let at = format!("{at}.{PREFERRED}[{index}]");
        check_weight(term.weight, &at, errors);
        check_pod_term(&term.pod_affinity_term, &format!("{at}.podAffinityTerm"), errors);
    }
}

fn check_pod_term(term: &k8s::PodAffinityTerm, at: &str, errors: &mut Errors) {
    if let Some(selector) = &term.label_selector {
        check_selector(selector, &format!("{at}.labelSelector"), errors);
    }
    if let Some(selector) = &term.namespace_selector {
        check_selector(selector, &format!("{at}.namespaceSelector"), errors);
    }
    for name in term.namespaces.iter().flatten() {
        errors.all_invalid(format_args!("{at}.namespace"), name, dns1123_label_errors(name));
    }
    let matched = term.match_label_keys.as_deref().unwrap_or_default();
    let mismatched = term.mismatch_label_keys.as_deref().unwrap_or_default();
    let selects = term.label_selector.is_some();
    check_label_keys(matched, selects, &format!("{at}.matchLabelKeys"), errors);
    check_label_keys(mismatched, selects, &format!("{at}.mismatchLabelKeys"), errors);
    for (index, key) in matched.iter().enumerate().filter(|(_, key)| mismatched.contains(key)) {
        let why = "exists in both matchLabelKeys and mismatchLabelKeys";
        errors.invalid(format_args!("{at}.matchLabelKeys[{index}]"), key.as_str(), why);
    }
    if term.topology_key.is_empty() {
        errors.required(format_args!("{at}.topologyKey"), "can not be empty");
    }
    let problems = qualified_name_errors(&term.topology_key);
    errors.all_invalid(format_args!("{at}.topologyKey"), &term.topology_key, problems);
}

/// Labels of the pod's own by which others are told apart.
fn check_label_keys(keys: &[String], selects: bool, at: &str, errors: &mut Errors) {
    if !keys.is_empty() && !selects {
        return errors.forbidden(at, "must not be specified when labelSelector is not set");
    }
    for (index, key) in keys.iter().enumerate() {
        errors.all_invalid(format_args!("{at}[{index}]"), key, qualified_name_errors(key));
    }
}

pub(super) fn check_selector(selector: &LabelSelector, at: &str, errors: &mut Errors) {
    if let Some(labels) = &selector.match_labels {
        check_labels(labels, format!("{at}.matchLabels"), errors);
    }
    for (index, written) in selector.match_expressions.iter().flatten().enumerate() {
        let at = format!("{at}.matchExpressions[{index}]");
        check_requirement(&written.key, &written.operator, written.values.as_deref(), false, &at, errors);
        check_values(written.values.as_deref(), &at, errors);
    }
}

fn check_values(values: Option<&[String]>, at: &str, errors: &mut Errors) {
    for (index, value) in values.unwrap_or_default().iter().enumerate() {
        if let Some(problem) = label_value_error(value) {
            errors.invalid(format_args!("{at}.values[{index}]"), value.as_str(), &problem);
        }
    }
}

/// What a selector asks of a label; nodes' labels may be compared as numbers too.
fn check_requirement(
    key: &str,
    operator: &str,
    values: Option<&[String]>,
    numbers: bool,
    at: &str,
    errors: &mut Errors,
) {
    let values = values.unwrap_or_default();
    match operator {
        "In" | "NotIn" if values.is_empty() => {
            errors.required(format_args!("{at}.values"), "must be specified when `operator` is 'In' or 'NotIn'");
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            errors.forbidden(format_args!("{at}.values"), detail);
        }
        "Gt" | "Lt" if numbers && values.len() != 1 => {
            let detail = "must be specified single value when `operator` is 'Lt' or 'Gt'";
            errors.required(format_args!("{at}.values"), detail);
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        "Gt" | "Lt" if numbers => {}
        other => errors.invalid(format_args!("{at}.operator"), other, "not a valid selector operator"),
    }
    errors.all_invalid(format_args!("{at}.key"), key, qualified_name_errors(key));
}

fn check_toleration(toleration: &k8s::Toleration, at: &str, errors: &mut Errors) {
    let key = toleration.key.as_deref().unwrap_or_default();
    let operator = toleration.operator.as_deref().unwrap_or_default();
    let value = toleration.value.as_deref().unwrap_or_default();
    if !key.is_empty() {
        errors.all_invalid(format_args!("{at}.key"), key, qualified_name_errors(key));
    } else if operator != "Exists" {
        let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        errors.invalid(format_args!("{at}.operator"), operator, detail);
    }
    let effect = toleration.effect.as_deref().unwrap_or_default();
    if toleration.toleration_seconds.is_some() && effect != "NoExecute" {
        errors.invalid(
            format_args!("{at}.effect"),
            effect,
            "effect must be 'NoExecute' when `tolerationSeconds` is set",
        );
    }
    match operator {
        "" | "Equal" => {
            if let Some(problem) = label_value_error(value) {
                errors.invalid(format_args!("{at}.operator"), value, &problem);
            }
        }
        "Exists" if !value.is_empty() => {
            errors.invalid(format_args!("{at}.operator"), value, "value must be empty when `operator` is 'Exists'");
        }
        "Exists" => {}
        other => errors.not_supported(format_args!("{at}.operator"), other, &["Equal", "Exists"]),
    }
    errors.one_of(format_args!("{at}.effect"), Some(effect), &["NoSchedule", "PreferNoSchedule", "NoExecute"], false);
}

pub(super) fn check_spreading(constraints: &[k8s::TopologySpreadConstraint], at: &str, errors: &mut Errors) {
    for (index, constraint) in constraints.iter().enumerate() {
        let at = format!("{at}[{index}]");
        if constraint.max_skew <= 0 {
            errors.invalid(format_args!("{at}.maxSkew"), constraint.max_skew, "must be greater than zero");
        }
        if constraint.topology_key.is_empty() {
            errors.required(format_args!("{at}.topologyKey"), "can not be empty");
        }
        let (key, when) = (constraint.topology_key.as_str(), constraint.when_unsatisfiable.as_str());
        let actions = ["DoNotSchedule", "ScheduleAnyway"];
        if !actions.contains(&when) {
            errors.not_supported(format_args!("{at}.whenUnsatisfiable"), when, &actions);
        }
        // Upstream names the first of two that are alike.
        if constraints[index + 1..].iter().any(|c| c.topology_key == key && c.when_unsatisfiable == when) {
            errors.duplicate(format_args!("{at}.{{topologyKey, whenUnsatisfiable}}"), format!("{{{key}, {when}}}"));
        }
        let keys = constraint.match_label_keys.as_deref().unwrap_or_default();
        check_label_keys(keys, constraint.label_selector.is_some(), &format!("{at}.matchLabelKeys"), errors);
        if let Some(domains) = constraint.min_domains {
            let field = format!("{at}.minDomains");
            if domains <= 0 {
                errors.invalid(&field, domains, "must be greater than zero");
            }
            if when != "DoNotSchedule" {
                let detail = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {when}");
                errors.invalid(&field, domains, &detail);
            }
        }
        for (field, policy) in [
            ("nodeAffinityPolicy", &constraint.node_affinity_policy),
            ("nodeTaintsPolicy", &constraint.node_taints_policy),
        ] {
            errors.one_of(format_args!("{at}.{field}"), policy.as_deref(), &["Honor", "Ignore"], false);
        }
        if let Some(selector) = &constraint.label_selector {
            check_selector(selector, &format!("{at}.labelSelector"), errors);
        }
    }
}
