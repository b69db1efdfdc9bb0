//! Rules for pods.

use super::container::{self, Surroundings};
use super::errors::Errors;
use super::meta::check_labels;
use super::{resources, scheduling, security, volume};
use crate::api::codec::encode;
use crate::api::names::{dns1123_label_errors, dns1123_subdomain_errors, qualified_name_errors};
use crate::api::{Meta, PodBody, Typed, same};
use crate::config::Config;
use crate::order;
use k8s_openapi::api::core::v1 as k8s;
use std::collections::BTreeMap;

pub(super) fn check(pod: &PodBody, config: &Config, errors: &mut Errors) {
    check_pod(pod, config, errors);
    let spec = &pod.spec;
    if spec.ephemeral_containers.as_ref().is_some_and(|e| !e.is_empty()) {
        errors.forbidden("spec.ephemeralContainers", "cannot be set on create");
    }
    if pod.node.is_some() && spec.scheduling_gates.as_ref().is_some_and(|g| !g.is_empty()) {
        errors.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared");
    }
}

/// What holds for pods, but not for their templates.
pub(super) fn check_pod(pod: &PodBody, config: &Config, errors: &mut Errors) {
    let spec = &pod.spec;
    check_spec(spec, "spec", true, config, errors);
    errors.named("spec.nodeName", pod.node_name(), dns1123_subdomain_errors);
    if spec.service_account_name.as_deref().unwrap_or_default().is_empty() {
        for (index, volume) in spec.volumes.iter().flatten().enumerate() {
            let sources = volume.projected.iter().flat_map(|p| p.sources.iter().flatten()).enumerate();
            for (source, _) in sources.filter(|(_, s)| s.service_account_token.is_some()) {
                errors.forbidden(
                    format_args!("spec.volumes[{index}].projected.sources[{source}].serviceAccountToken"),
                    "must not be specified when serviceAccountName is not set",
                );
            }
        }
    }
    for (list, containers) in
        [("containers", Some(&spec.containers)), ("initContainers", spec.init_containers.as_ref())]
    {
        for (index, container) in containers.into_iter().flatten().enumerate() {
            let image = container.image.as_deref().unwrap_or_default();
            if image.trim() != image {
                let why = "must not have leading or trailing whitespace";
                errors.invalid(format_args!("spec.{list}[{index}].image"), image, why);
            }
        }
    }
}

pub(super) const MIRROR: &str = "kubernetes.io/config.mirror";
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// What a pod's annotations say.
pub(super) fn check_own_annotations(annotations: &BTreeMap<String, String>, node: Option<&str>, errors: &mut Errors) {
    check_annotations(annotations, "metadata.annotations", errors);
    if let (Some(value), None) = (annotations.get(MIRROR), node) {
        let why = "must set spec.nodeName if mirror pod annotation is set";
        errors.invalid(format_args!("metadata.annotations[{MIRROR}]"), value.as_str(), why);
    }
}

/// Annotations that mean something in templates too.
pub(super) fn check_annotations(annotations: &BTreeMap<String, String>, at: &str, errors: &mut Errors) {
    if let Some(cost) = annotations.get(DELETION_COST) {
        let plain = cost == "0" || cost.starts_with(['-', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
        if !plain || cost.parse::<i32>().is_err() {
            errors.invalid(format_args!("{at}[{DELETION_COST}]"), cost.as_str(), "must be a 32bit integer");
        }
    }
}

/// The rules for a pod's spec at `path`, as they hold for templates too; `whole` where it is a pod's own.
pub(super) fn check_spec(spec: &k8s::PodSpec, path: &str, whole: bool, config: &Config, errors: &mut Errors) {
    let volumes = volume::check_all(spec, path, config, errors);
    let claims = resources::check_claims(spec, path, errors);
    container::check_all(path, &Surroundings { spec, volumes, claims, config }, errors);
    check_resources(spec, path, errors);
    if spec.host_network == Some(true) {
        for (index, container) in spec.containers.iter().enumerate() {
            for (port_index, port) in container.ports.iter().flatten().enumerate() {
                let number = port.host_port.unwrap_or_default();
                if (whole || number != 0) && number != port.container_port {
                    let why = "must match `containerPort` when `hostNetwork` is true";
                    errors.invalid(
                        format_args!("{path}.containers[{index}].ports[{port_index}].hostPort"),
                        number,
                        why,
                    );
                }
            }
        }
    }
    for (field, value, supported, required) in [
        ("restartPolicy", &spec.restart_policy, ["Always", "OnFailure", "Never"].as_slice(), true),
        ("dnsPolicy", &spec.dns_policy, &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"], true),
        ("preemptionPolicy", &spec.preemption_policy, &["PreemptLowerPriority", "Never"], false),
    ] {
        errors.one_of(format_args!("{path}.{field}"), value.as_deref(), supported, required);
    }
    if let Some(selector) = &spec.node_selector {
        check_labels(selector, format!("{path}.nodeSelector"), errors);
    }
    security::check_pod(spec, path, config, errors);
    if let Some(deadline) = spec.active_deadline_seconds
        && !(1..=i64::from(i32::MAX)).contains(&deadline)
    {
        errors.invalid(
            format_args!("{path}.activeDeadlineSeconds"),
            deadline,
            "must be between 1 and 2147483647, inclusive",
        );
    }
    for (field, name, problems) in [
        ("hostname", &spec.hostname, dns1123_label_errors as fn(&str) -> Vec<String>),
        ("subdomain", &spec.subdomain, dns1123_label_errors),
        ("serviceAccountName", &spec.service_account_name, dns1123_subdomain_errors),
        ("priorityClassName", &spec.priority_class_name, dns1123_subdomain_errors),
        ("runtimeClassName", &spec.runtime_class_name, dns1123_subdomain_errors),
        ("hostnameOverride", &spec.hostname_override, dns1123_subdomain_errors),
    ] {
        errors.named(format_args!("{path}.{field}"), name.as_deref().filter(|n| !n.is_empty()), problems);
    }
    for (index, gate) in spec.readiness_gates.iter().flatten().enumerate() {
        let field = format!("{path}.readinessGates[{index}].conditionType");
        errors.all_invalid(field, &gate.condition_type, qualified_name_errors(&gate.condition_type));
    }
    let mut gates = order::Set::new();
    for (index, gate) in spec.scheduling_gates.iter().flatten().enumerate() {
        let field = format!("{path}.schedulingGates[{index}]");
        errors.all_invalid(&field, &gate.name, qualified_name_errors(&gate.name));
        if !gates.insert(&gate.name) {
            errors.duplicate(&field, gate.name.as_str());
        }
    }
    scheduling::check(spec, path, errors);
    check_dns(spec, path, errors);
    for (index, alias) in spec.host_aliases.iter().flatten().enumerate() {
        let at = format!("{path}.hostAliases[{index}]");
        errors.ip(format_args!("{at}.ip"), &alias.ip);
        for (index, name) in alias.hostnames.iter().flatten().enumerate() {
            errors.all_invalid(format_args!("{at}.hostnames[{index}]"), name, dns1123_subdomain_errors(name));
        }
    }
}

/// What a pod as a whole may use.
fn check_resources(spec: &k8s::PodSpec, path: &str, errors: &mut Errors) {
    let Some(whole) = &spec.resources else { return };
    let at = format!("{path}.resources");
    if whole.claims.is_some() {
        errors.forbidden(format_args!("{at}.claims"), "claims cannot be set for Resources at pod-level");
    }
    let check_name = |name: &str, at: &str, errors: &mut Errors| {
        let before = errors.list.len();
        resources::check_any_name(name, at, errors);
        if errors.list.len() == before && !matches!(name, "cpu" | "memory") && !name.starts_with("hugepages-") {
            errors.not_supported(at, name, &["cpu", "hugepages-", "memory"]);
        }
    };
    resources::check(whole, &at, &order::Set::new(), check_name, errors);
    let parsed =
        |text: &k8s_openapi::apimachinery::pkg::api::resource::Quantity| crate::api::Quantity::parse(&text.0).ok();
    for (index, container) in spec.containers.iter().enumerate() {
        let limits = container.resources.iter().flat_map(|r| r.limits.iter().flatten());
        for (name, limit) in limits {
            let bound = whole.limits.as_ref().and_then(|l| l.get(name)).and_then(parsed);
            if let (Some(limit), Some(bound)) = (parsed(limit), bound)
                && limit.compare(bound).is_gt()
            {
                let why = format!("must be less than or equal to pod limits of {bound}");
                errors.invalid(format_args!("{at}.containers[{index}][{name}].limits"), limit.to_string(), &why);
            }
        }
    }
}

fn check_dns(spec: &k8s::PodSpec, path: &str, errors: &mut Errors) {
    let at = format!("{path}.dnsConfig");
    let none = spec.dns_policy.as_deref() == Some("None");
    let Some(dns) = &spec.dns_config else {
        if none {
            errors.required(at, "must provide `dnsConfig` when `dnsPolicy` is None");
        }
        return;
    };
    let servers = dns.nameservers.as_deref().unwrap_or_default();
    if none && servers.is_empty() {
        let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        return errors.required(format_args!("{at}.nameservers"), why);
    }
    let list = |list: &[String]| serde_json::to_value(list).unwrap_or_default();
    if servers.len() > 3 {
        errors.invalid(format_args!("{at}.nameservers"), list(servers), "must not have more than 3 nameservers");
    }
    for (index, server) in servers.iter().enumerate() {
        errors.ip(format_args!("{at}.nameservers[{index}]"), server);
    }
    let searches = dns.searches.as_deref().unwrap_or_default();
    if searches.len() > 32 {
        errors.invalid(format_args!("{at}.searches"), list(searches), "must not have more than 32 search paths");
    }
    if searches.join(" ").len() > 2048 {
        let why = "must not have more than 2048 characters (including spaces) in the search list";
        errors.invalid(format_args!("{at}.searches"), list(searches), why);
    }
    for (index, search) in searches.iter().enumerate().filter(|(_, search)| *search != ".") {
        let search = search.strip_suffix('.').unwrap_or(search);
        // Underscores are welcome here.
        errors.all_invalid(
            format_args!("{at}.searches[{index}]"),
            search,
            dns1123_subdomain_errors(&search.replace('_', "a")),
        );
    }
    for (index, option) in dns.options.iter().flatten().enumerate() {
        if option.name.as_deref().unwrap_or_default().is_empty() {
            errors.required(format_args!("{at}.options[{index}]"), "must not be empty");
        }
    }
}

/// A pod's spec is fixed but for images, its deadline, added tolerations and fewer gates.
pub(super) fn check_update(
    new: &PodBody,
    old: &PodBody,
    meta: &Meta,
    before: &Meta,
    config: &Config,
    errors: &mut Errors,
) {
    let (now, then) = (meta.annotations.get(MIRROR), before.annotations.get(MIRROR));
    if now != then {
        let what = if then.is_some() { "may not remove or update" } else { "may not add" };
        errors.forbidden(format_args!("metadata.annotations[{MIRROR}]"), &format!("{what} mirror pod annotation"));
    }
    if meta.annotations != before.annotations {
        // Upstream looks twice.
        for _ in 0..2 {
            check_own_annotations(&meta.annotations, new.node_name(), errors);
        }
    }
    if new.spec == old.spec && new.node == old.node {
        return;
    }
    check_pod(new, config, errors);
    for (list, now, then) in [
        ("containers", Some(&new.spec.containers), Some(&old.spec.containers)),
        ("initContainers", new.spec.init_containers.as_ref(), old.spec.init_containers.as_ref()),
    ] {
        if now.map_or(0, Vec::len) != then.map_or(0, Vec::len) {
            return errors.forbidden(format_args!("spec.{list}"), "pod updates may not add or remove containers");
        }
        for (index, container) in now.into_iter().flatten().enumerate() {
            let at = format!("spec.{list}[{index}].image");
            let image = container.image.as_deref().unwrap_or_default();
            errors.present(&at, image);
            if image.trim() != image {
                errors.invalid(at, image, "must not have leading or trailing whitespace");
            }
        }
    }
    let (deadline, old_deadline) = (new.spec.active_deadline_seconds, old.spec.active_deadline_seconds);
    let at = "spec.activeDeadlineSeconds";
    match (deadline, old_deadline) {
        (Some(new), _) if !(0..=i64::from(i32::MAX)).contains(&new) => {
            return errors.invalid(at, new, "must be between 0 and 2147483647, inclusive");
        }
        (Some(new), Some(old)) if new > old => {
            return errors.invalid(at, new, "must be less than or equal to previous value");
        }
        (None, Some(_)) => {
            errors.invalid(at, serde_json::Value::Null, "must not update from a positive integer to nil value");
        }
        _ => {}
    }
    let kept = new.spec.tolerations.as_deref().unwrap_or_default();
    let same = |a: &k8s::Toleration, b: &k8s::Toleration| {
        (&a.key, &a.operator, &a.value, &a.effect) == (&b.key, &b.operator, &b.value, &b.effect)
    };
    if old.spec.tolerations.iter().flatten().all(|old| kept.iter().any(|new| same(old, new))) {
        // And here too.
        scheduling::check_tolerations(kept, "spec", errors);
    } else {
        errors.forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds");
    }
    let old_gates = old.spec.scheduling_gates.as_deref().unwrap_or_default();
    for (index, gate) in new.spec.scheduling_gates.iter().flatten().enumerate() {
        if !old_gates.contains(gate) {
            let why = format!("only deletion is allowed, but found new scheduling gate '{}'", gate.name);
            errors.forbidden(format_args!("spec.schedulingGates[{index}].name"), &why);
        }
    }
    // What may change is made equal; what then differs may not.
    let mut masked = Typed::clone(&new.spec);
    masked.active_deadline_seconds = old_deadline;
    masked.tolerations.clone_from(&old.spec.tolerations);
    masked.scheduling_gates.clone_from(&old.spec.scheduling_gates);
    if !old_gates.is_empty() {
        check_gated(&mut masked, &old.spec, errors);
    }
    let grace = |spec: &k8s::PodSpec| spec.termination_grace_period_seconds;
    if grace(&old.spec).is_some_and(|grace| grace < 0) && grace(&masked) == Some(1) {
        masked.termination_grace_period_seconds = grace(&old.spec);
    }
    let spec = &mut *masked;
    for (container, before) in spec
        .containers
        .iter_mut()
        .chain(spec.init_containers.iter_mut().flatten())
        .zip(old.spec.containers.iter().chain(old.spec.init_containers.iter().flatten()))
    {
        container.image.clone_from(&before.image);
    }
    if masked != *old.spec || new.node != old.node {
        let why = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        let difference = difference([(&old.spec, old.node_name()), (&masked, new.node_name())]);
        errors.forbidden("spec", &format!("{why}{difference}"));
    }
}

/// What differs between two specs and their nodes, in lines of its own.
#[cfg(feature = "described")]
fn difference(both: [(&k8s::PodSpec, Option<&str>); 2]) -> String {
    let [before, after] = both.map(|(spec, node)| {
        let mut document = encode(spec);
        document["nodeName"] = node.unwrap_or_default().into();
        document
    });
    format!("\n{}", crate::api::upstream_form::difference(&before, &after))
}

/// The page says only that something does.
#[cfg(not(feature = "described"))]
const fn difference(_: [(&k8s::PodSpec, Option<&str>); 2]) -> &'static str {
    ""
}

/// A pod that waits at a gate may be given a narrower choice of nodes.
fn check_gated(masked: &mut k8s::PodSpec, old: &k8s::PodSpec, errors: &mut Errors) {
    let selector = masked.node_selector.clone().unwrap_or_default();
    if old.node_selector.iter().flatten().any(|(key, value)| selector.get(key) != Some(value)) {
        let why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
        errors.invalid("spec.nodeSelector", serde_json::json!(selector), why);
    }
    masked.node_selector.clone_from(&old.node_selector);
    let (now, then) = (required_terms(masked), required_terms(old));
    let at = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
    if !then.is_empty() && now.len() != then.len() {
        let why = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
        errors.invalid(at, serde_json::Value::Null, why);
    }
    for (index, (now, then)) in now.iter().zip(then).enumerate() {
        let lists = |term: &k8s::NodeSelectorTerm| {
            term.match_expressions.iter().chain(&term.match_fields).map(Vec::len).sum::<usize>()
        };
        let grown = [(&now.match_expressions, &then.match_expressions), (&now.match_fields, &then.match_fields)]
            .into_iter()
            .all(|(now, then)| {
                let (now, then) = (now.as_deref().unwrap_or_default(), then.as_deref().unwrap_or_default());
                now.len() >= then.len() && now.iter().zip(then).all(|(now, then)| same(now, then))
            });
        if !grown || (lists(then) == 0 && lists(now) > 0) {
            let why = "only additions are allowed (no mutations or deletions)";
            errors.invalid(format_args!("{at}[{index}]"), serde_json::Value::Null, why);
        }
    }
    // What else an affinity says stays.
    let rest = |spec: &k8s::PodSpec| {
        let affinity = spec.affinity.as_ref();
        let pods = affinity.and_then(|a| a.pod_affinity.as_ref()).map(encode);
        (pods, affinity.and_then(|a| a.pod_anti_affinity.as_ref()).map(encode))
    };
    if rest(masked) == rest(old) {
        masked.affinity.clone_from(&old.affinity);
    }
}

fn required_terms(spec: &k8s::PodSpec) -> &[k8s::NodeSelectorTerm] {
    let affinity = spec.affinity.as_ref().and_then(|a| a.node_affinity.as_ref());
    let required = affinity.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
    required.map(|r| r.node_selector_terms.as_slice()).unwrap_or_default()
}
