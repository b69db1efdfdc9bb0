//! Rules for amounts: of what, how much, and by which claim.

use std::collections::BTreeMap;

use super::errors::Errors;
use crate::api::Quantity;
use crate::api::names::{dns1123_label_errors, dns1123_subdomain_errors, qualified_name_errors};
use crate::order;
use k8s_openapi::api::core::v1 as k8s;
use serde_json::json;

/// Amounts of something that pods ask for.
pub(super) const COMPUTE: [&str; 6] =
    ["cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
const STORAGE: [&str; 4] =
    ["ephemeral-storage", "requests.storage", "requests.ephemeral-storage", "limits.ephemeral-storage"];
/// Numbers of objects.
const COUNTS: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];
/// What a container may ask for by a plain name, besides huge pages.
const OF_CONTAINERS: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// Whether a quota may bound it by a plain name.
pub(super) fn is_standard(resource: &str) -> bool {
    COMPUTE.contains(&resource)
        || STORAGE.contains(&resource)
        || COUNTS.contains(&resource)
        || resource.strip_prefix("requests.").unwrap_or(resource).starts_with("hugepages-")
}

fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.") && qualified_name_errors(&format!("requests.{name}")).is_empty()
}

/// The name of any resource.
pub(super) fn check_any_name(name: &str, at: &str, errors: &mut Errors) {
    let problems = qualified_name_errors(name);
    if problems.is_empty() && !name.contains('/') && !is_standard(name) && name != "storage" {
        errors.invalid(at, name, "must be a standard resource type or fully qualified");
    }
    errors.all_invalid(at, name, problems);
}

/// The name of a resource that containers may ask for.
pub(super) fn check_name(name: &str, at: &str, errors: &mut Errors) {
    check_any_name(name, at, errors);
    if !name.contains('/') && !OF_CONTAINERS.contains(&name) && !name.starts_with("hugepages-") {
        errors.invalid(at, name, "must be a standard resource for containers");
    } else if !is_native(name) && !is_extended(name) {
        errors.invalid(at, name, "doesn't follow extended resource name standard");
    }
}

/// An amount of that resource.
pub(super) fn check_amount(name: &str, text: &str, at: &str, errors: &mut Errors) -> Option<Quantity> {
    let Ok(amount) = Quantity::parse(text) else {
        errors.invalid(at, text, "must be a quantity such as 500m, 2 or 1.5Gi");
        return None;
    };
    if amount.signum() < 0 {
        errors.invalid(at, amount.to_string(), "must be greater than or equal to 0");
    }
    if (COUNTS.contains(&name) || is_extended(name)) && !amount.is_whole() {
        errors.invalid(at, amount.to_string(), "must be an integer");
    }
    Some(amount)
}

/// Whether requests may be below limits.
pub(super) fn may_overcommit(name: &str) -> bool {
    is_native(name) && !name.starts_with("hugepages-")
}

/// What a container asks for, or, by the names that are allowed there, a whole pod.
pub(super) fn check(
    resources: &k8s::ResourceRequirements,
    at: &str,
    claims: &order::Set<&str>,
    check_name: fn(&str, &str, &mut Errors),
    errors: &mut Errors,
) {
    let empty = BTreeMap::new();
    let limits = resources.limits.as_ref().unwrap_or(&empty);
    let requests = resources.requests.as_ref().unwrap_or(&empty);
    let mut huge = false;
    for (map, field) in [(limits, "limits"), (requests, "requests")] {
        for (name, text) in map {
            let field_at = format!("{at}.{field}[{name}]");
            check_name(name, &field_at, errors);
            let Some(amount) = check_amount(name, &text.0, &field_at, errors) else { continue };
            if let Some(size) = name.strip_prefix("hugepages-") {
                huge = true;
                let page = Quantity::parse(size).map_or(0, Quantity::value);
                if page <= 0 || amount.value() % page != 0 {
                    let detail = format!("{amount} is not positive integer multiple of {name}");
                    errors.invalid(&field_at, amount.to_string(), &detail);
                }
            }
            if field == "limits" {
                continue;
            }
            let limit = limits.get(name).and_then(|limit| Quantity::parse(&limit.0).ok());
            let at_requests = format!("{at}.requests");
            match limit {
                Some(limit) if !may_overcommit(name) && amount.compare(limit).is_ne() => {
                    let detail = format!("must be equal to {name} limit of {limit}");
                    errors.invalid(at_requests, amount.to_string(), &detail);
                }
                Some(limit) if amount.compare(limit).is_gt() => {
                    let detail = format!("must be less than or equal to {name} limit of {limit}");
                    errors.invalid(at_requests, amount.to_string(), &detail);
                }
                None if !may_overcommit(name) && !limits.contains_key(name) => {
                    let detail = "Limit must be set for non overcommitable resources";
                    errors.required(format_args!("{at}.limits"), detail);
                }
                _ => {}
            }
        }
    }
    let has = |name: &str| limits.contains_key(name) || requests.contains_key(name);
    if huge && !has("cpu") && !has("memory") {
        errors.forbidden(at, "HugePages require cpu or memory");
    }
    check_claimed(resources, at, claims, errors);
}

fn check_claimed(resources: &k8s::ResourceRequirements, at: &str, claims: &order::Set<&str>, errors: &mut Errors) {
    let mut seen = order::Set::new();
    for (index, claim) in resources.claims.iter().flatten().enumerate() {
        let at = format!("{at}.claims[{index}]");
        let request = claim.request.as_deref().filter(|r| !r.is_empty());
        errors.named(format_args!("{at}.request"), request, dns1123_label_errors);
        let key = request.map_or_else(|| claim.name.clone(), |request| format!("{}/{request}", claim.name));
        if claim.name.is_empty() {
            errors.required(at, "");
            continue;
        }
        let whole = |key: &String| key.split('/').next() == Some(&claim.name);
        if seen.contains(&claim.name) || seen.contains(&key) || (request.is_none() && seen.iter().any(whole)) {
            errors.duplicate(&at, key.as_str());
        }
        seen.insert(key);
        if !claims.contains(claim.name.as_str()) {
            let known = claims.iter().copied().collect::<Vec<_>>().join(", ");
            let rest = if known.is_empty() { " which is empty".to_owned() } else { format!(": {known}") };
            errors.not_found_of(at, &claim.name, &format!("must be one of the names in pod.spec.resourceClaims{rest}"));
        }
    }
}

/// The claims of a pod, and the names by which containers may refer to them.
pub(super) fn check_claims<'a>(spec: &'a k8s::PodSpec, path: &str, errors: &mut Errors) -> order::Set<&'a str> {
    let mut names = order::Set::new();
    for (index, claim) in spec.resource_claims.iter().flatten().enumerate() {
        let at = format!("{path}.resourceClaims[{index}]");
        if claim.name.is_empty() {
            errors.required(format_args!("{at}.name"), "");
        } else if names.insert(claim.name.as_str()) {
            errors.all_invalid(format_args!("{at}.name"), &claim.name, dns1123_label_errors(&claim.name));
        } else {
            errors.duplicate(format_args!("{at}.name"), claim.name.as_str());
        }
        let (claimed, template) = (claim.resource_claim_name.as_deref(), claim.resource_claim_template_name.as_deref());
        if claimed.is_some() == template.is_some() {
            let why = match claimed {
                Some(_) => "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified",
                None => "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`",
            };
            let shown = format!(
                "{{\"Name\":{},\"ResourceClaimName\":{},\"ResourceClaimTemplateName\":{}}}",
                json!(claim.name),
                json!(claimed),
                json!(template)
            );
            errors.invalid_shown(&at, &shown, why);
        }
        errors.named(format_args!("{at}.resourceClaimName"), claimed, dns1123_subdomain_errors);
        errors.named(format_args!("{at}.resourceClaimTemplateName"), template, dns1123_subdomain_errors);
    }
    names
}
