//! Rules for what a status says.

use super::errors::Errors;
use crate::api::names::{dns1123_subdomain_errors, qualified_name_errors};
use crate::api::{ConditionStatus, PodStatus};
use k8s_openapi::api::core::v1 as k8s;
use serde_json::Value;

/// A namespace is what its metadata say.
pub(super) fn check_namespace(status: &k8s::NamespaceStatus, goes: bool, errors: &mut Errors) {
    let phase = status.phase.as_deref().unwrap_or_default();
    let (wanted, when) = if goes { ("Terminating", "not ") } else { ("Active", "") };
    if phase != wanted {
        let why = format!("may only be '{wanted}' if `deletionTimestamp` is {when}empty");
        errors.invalid("status.Phase", phase, &why);
    }
}

pub(super) fn check_service(spec: &k8s::ServiceSpec, status: &k8s::ServiceStatus, errors: &mut Errors) {
    let at = "status.loadBalancer.ingress";
    let ingress = status.load_balancer.iter().flat_map(|l| l.ingress.iter().flatten()).enumerate();
    if spec.type_.as_deref() != Some("LoadBalancer") {
        if ingress.count() > 0 {
            errors.forbidden(at, "may only be used when `spec.type` is 'LoadBalancer'");
        }
        return;
    }
    for (index, point) in ingress {
        let at = format!("{at}[{index}]");
        let ip = point.ip.as_deref().filter(|ip| !ip.is_empty());
        match (ip, point.ip_mode.as_deref()) {
            (Some(_), mode) => errors.one_of(format_args!("{at}.ipMode"), mode, &["Proxy", "VIP"], false),
            (None, Some(_)) => {
                errors.forbidden(format_args!("{at}.ipMode"), "may not be specified when `ip` is not set");
            }
            (None, None) => {}
        }
        if let Some(ip) = ip {
            errors.ip(format_args!("{at}.ip"), ip);
        }
        let Some(name) = point.hostname.as_deref().filter(|h| !h.is_empty()) else { continue };
        errors.all_invalid(format_args!("{at}.hostname"), name, dns1123_subdomain_errors(name));
        if name.parse::<std::net::IpAddr>().is_ok() {
            errors.invalid(format_args!("{at}.hostname"), name, "must be a DNS name, not an IP address");
        }
    }
}

pub(super) fn check_replication_controller(status: &k8s::ReplicationControllerStatus, errors: &mut Errors) {
    let [labeled, ready, available] = [status.fully_labeled_replicas, status.ready_replicas, status.available_replicas]
        .map(Option::unwrap_or_default);
    let counts = [("fullyLabeledReplicas", labeled), ("readyReplicas", ready), ("availableReplicas", available)];
    errors.not_negative("status.replicas", Some(status.replicas.into()));
    for (field, count) in counts {
        errors.not_negative(format!("status.{field}"), Some(count.into()));
    }
    errors.not_negative("status.observedGeneration", status.observed_generation);
    for (field, count) in counts.into_iter().filter(|(_, count)| *count > status.replicas) {
        errors.invalid(format!("status.{field}"), count, "cannot be greater than status.replicas");
    }
    if available > ready {
        errors.invalid("status.availableReplicas", available, "cannot be greater than readyReplicas");
    }
}

/// What a pod's status says of addresses, of its conditions and of its place.
pub(super) fn check_pod(status: &Value, old: &PodStatus, errors: &mut Errors) {
    check_pod_conditions(status, errors);
    let nominated = status["nominatedNodeName"].as_str().unwrap_or_default();
    if !nominated.is_empty() {
        errors.all_invalid("status.nominatedNodeName", nominated, dns1123_subdomain_errors(nominated));
    }
    if let (Some(class), Some(before)) = (status["qosClass"].as_str(), &old.qos_class)
        && class != before.as_str()
    {
        errors.invalid("status.qosClass", class, "field is immutable");
    }
    let (host, first) = (status["hostIP"].as_str(), status["hostIPs"][0]["ip"].as_str());
    if first.is_some() && host.unwrap_or_default() != first.unwrap_or_default() {
        errors.invalid("status.hostIPs[0].ip", first, "must be equal to `hostIP`");
    }
    for field in ["podIPs", "hostIPs"] {
        let ips: Vec<&str> = status[field].as_array().into_iter().flatten().filter_map(|i| i["ip"].as_str()).collect();
        for (index, ip) in ips.iter().enumerate() {
            errors.ip(format_args!("status.{field}[{index}]"), ip);
            if ips[..index].contains(ip) {
                errors.duplicate(format_args!("status.{field}[{index}]"), status[field][index].clone());
            }
        }
        let v6 = ips.iter().filter(|ip| ip.contains(':')).count();
        if ips.len() > 2 || (ips.len() == 2 && v6 != 1) {
            let why = "may specify no more than one IP for each IP family";
            errors.invalid(format_args!("status.{field}"), status[field].clone(), why);
        }
    }
}

/// Whether conditions hold, in the words that were written. Upstream keeps any; here an unknown one has no place, and is
/// refused so that it is not silently another.
fn check_pod_conditions(status: &Value, errors: &mut Errors) {
    for (index, condition) in status["conditions"].as_array().into_iter().flatten().enumerate() {
        let kind = condition["type"].as_str().unwrap_or_default();
        // Upstream looks for them there.
        errors.all_invalid(format_args!("metadata.conditions[{index}].Type"), kind, qualified_name_errors(kind));
        let word = condition["status"].as_str().unwrap_or_default();
        if !word.is_empty() && ConditionStatus::parse(word).as_str() != word {
            errors.not_supported(format!("status.conditions[{index}].status"), word, &["False", "True", "Unknown"]);
        }
    }
}
