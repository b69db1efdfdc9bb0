//! Rules for services and endpoints.

use super::container::check_port_or_name;
use super::errors::Errors;
use super::meta::check_labels;
use crate::api::names::{dns1123_label_errors, dns1123_subdomain_errors, qualified_name_errors};
use k8s_openapi::api::core::v1 as k8s;
use std::collections::BTreeSet;
use std::net::IpAddr;

const NOT_AN_IP: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

pub(super) fn check(spec: &k8s::ServiceSpec, errors: &mut Errors) {
    let kind = spec.type_.as_deref().unwrap_or_default();
    let headless = spec.cluster_ip.as_deref() == Some("None");
    let ports = spec.ports.as_deref().unwrap_or_default();
    if ports.is_empty() && !headless && kind != "ExternalName" {
        errors.required("spec.ports", "");
    }
    match kind {
        "LoadBalancer" | "NodePort" if headless => {
            errors.invalid("spec.clusterIPs[0]", "None", &format!("may not be set to 'None' for {kind} services"));
        }
        "ExternalName" => {
            if spec.cluster_ip.as_deref().is_some_and(|ip| !ip.is_empty() && ip != "None") {
                errors.forbidden("spec.clusterIPs", "may not be set for ExternalName services");
            }
            let name = spec.external_name.as_deref().unwrap_or_default().trim_end_matches('.');
            if name.is_empty() {
                errors.required("spec.externalName", "");
            } else {
                errors.all_invalid("spec.externalName", name, dns1123_subdomain_errors(name));
            }
        }
        _ => {}
    }
    check_ports(ports, kind, errors);
    if let Some(selector) = &spec.selector {
        check_labels(selector, "spec.selector", errors);
    }
    errors.one_of("spec.sessionAffinity", spec.session_affinity.as_deref(), &["ClientIP", "None"], true);
    if let Some(timeout) =
        spec.session_affinity_config.as_ref().and_then(|c| c.client_ip.as_ref()).and_then(|c| c.timeout_seconds)
        && !(1..=86_400).contains(&timeout)
    {
        let field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
        errors.invalid(field, timeout, "must be greater than 0 and less than 86400");
    }
    check_addresses(spec, errors);
    let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    errors.one_of("spec.type", spec.type_.as_deref(), &kinds, true);
    errors.one_of("spec.internalTrafficPolicy", spec.internal_traffic_policy.as_deref(), &["Cluster", "Local"], false);
    errors.one_of("spec.externalTrafficPolicy", spec.external_traffic_policy.as_deref(), &["Cluster", "Local"], false);
    let local = kind == "LoadBalancer" && spec.external_traffic_policy.as_deref() == Some("Local");
    if let Some(port) = spec.health_check_node_port.filter(|p| *p != 0 && !local) {
        let detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        errors.invalid("spec.healthCheckNodePort", port, detail);
    }
    if spec.load_balancer_class.is_some() && kind != "LoadBalancer" {
        errors.forbidden("spec.loadBalancerClass", "may only be used when `type` is 'LoadBalancer'");
    }
}

fn check_ports(ports: &[k8s::ServicePort], kind: &str, errors: &mut Errors) {
    let mut names = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    let mut node_ports = BTreeSet::new();
    for (index, port) in ports.iter().enumerate() {
        let at = format!("spec.ports[{index}]");
        let name = port.name.as_deref().unwrap_or_default();
        if name.is_empty() {
            if ports.len() > 1 {
                errors.required(format_args!("{at}.name"), "");
            }
        } else {
            errors.all_invalid(format_args!("{at}.name"), name, dns1123_label_errors(name));
            if !names.insert(name) {
                errors.duplicate(format_args!("{at}.name"), name);
            }
        }
        errors.port(format_args!("{at}.port"), port.port);
        errors.one_of(format_args!("{at}.protocol"), port.protocol.as_deref(), &["SCTP", "TCP", "UDP"], true);
        if let Some(target) = &port.target_port {
            check_port_or_name(target, &format!("{at}.targetPort"), errors);
        }
        if let Some(protocol) = &port.app_protocol {
            errors.all_invalid(format_args!("{at}.appProtocol"), protocol, qualified_name_errors(protocol));
        }
        let protocol = port.protocol.as_deref().unwrap_or_default();
        if !numbers.insert((protocol, port.port)) {
            errors.duplicate(&at, serde_json::json!({ "port": port.port, "protocol": protocol }));
        }
        if let Some(node_port) = port.node_port.filter(|p| *p != 0) {
            if matches!(kind, "ClusterIP" | "ExternalName") {
                errors.forbidden(format_args!("{at}.nodePort"), &format!("may not be used when `type` is '{kind}'"));
            } else if !node_ports.insert((protocol, node_port)) {
                errors.duplicate(format_args!("{at}.nodePort"), node_port);
            }
        }
    }
}

fn check_addresses(spec: &k8s::ServiceSpec, errors: &mut Errors) {
    let listed = spec.cluster_ips.clone().unwrap_or_default();
    let single = spec.cluster_ip.clone().filter(|ip| !ip.is_empty());
    if let (Some(single), Some(first)) = (&single, listed.first())
        && single != first
    {
        errors.invalid("spec.clusterIPs", serde_json::json!(listed), "first value must match `clusterIP`");
    }
    let ips = if listed.is_empty() { single.into_iter().collect() } else { listed };
    for (index, ip) in ips.iter().enumerate() {
        if ip != "None" && ip.parse::<IpAddr>().is_err() {
            errors.invalid(format_args!("spec.clusterIPs[{index}]"), ip.as_str(), NOT_AN_IP);
        }
    }
    for (index, family) in spec.ip_families.iter().flatten().enumerate() {
        errors.one_of(format_args!("spec.ipFamilies[{index}]"), Some(family), &["IPv4", "IPv6"], true);
    }
    let policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
    errors.one_of("spec.ipFamilyPolicy", spec.ip_family_policy.as_deref(), &policies, false);
    if spec.ip_family_policy.as_deref() == Some("RequireDualStack") {
        let detail = "this cluster is not configured for dual-stack services";
        errors.invalid("spec.ipFamilyPolicy", "RequireDualStack", detail);
    }
    for (index, ip) in spec.external_ips.iter().flatten().enumerate() {
        check_ip(ip, &format!("spec.externalIPs[{index}]"), errors);
    }
}

/// An address that is not of this machine or this link alone, in whatever way it is written: traffic is passed on to it.
fn check_ip(text: &str, field: &str, errors: &mut Errors) {
    let Ok(ip) = text.parse::<IpAddr>() else {
        errors.invalid(field, text, NOT_AN_IP);
        return;
    };
    let ip = ip.to_canonical();
    let (link_local, multicast) = match ip {
        IpAddr::V4(ip) => (ip.is_link_local(), ip.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(ip) => (ip.segments()[0] & 0xffc0 == 0xfe80, ip.segments()[0] & 0xff0f == 0xff02),
    };
    if ip.is_unspecified() {
        errors.invalid(field, text, &format!("may not be unspecified ({text})"));
    }
    if ip.is_loopback() {
        errors.invalid(field, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
    }
    if link_local {
        errors.invalid(field, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
    }
    if multicast {
        errors.invalid(field, text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
    }
}

/// What may not change once it is set.
pub(super) fn check_update(new: &k8s::ServiceSpec, old: &k8s::ServiceSpec, errors: &mut Errors) {
    let kept = |spec: &k8s::ServiceSpec| spec.type_.as_deref() != Some("ExternalName");
    let old_ip = old.cluster_ip.as_deref().unwrap_or_default();
    if kept(new) && kept(old) && !old_ip.is_empty() && new.cluster_ip != old.cluster_ip {
        let value = serde_json::json!(new.cluster_ips.clone().unwrap_or_default());
        errors.invalid("spec.clusterIPs[0]", value, "may not change once set");
    }
}

pub(super) fn check_subsets(subsets: &[k8s::EndpointSubset], errors: &mut Errors) {
    for (index, subset) in subsets.iter().enumerate() {
        let at = format!("subsets[{index}]");
        let ready = subset.addresses.as_deref().unwrap_or_default();
        let unready = subset.not_ready_addresses.as_deref().unwrap_or_default();
        if ready.is_empty() && unready.is_empty() {
            errors.required(&at, "must specify `addresses` or `notReadyAddresses`");
        }
        for (field, list) in [("addresses", ready), ("notReadyAddresses", unready)] {
            for (index, address) in list.iter().enumerate() {
                let at = format!("{at}.{field}[{index}]");
                if address.ip.parse::<IpAddr>().is_err() {
                    errors.invalid(format_args!("{at}.ip"), address.ip.as_str(), "must be a valid IP address");
                }
                check_ip(&address.ip, &format!("{at}.ip"), errors);
                if let Some(hostname) = address.hostname.as_deref().filter(|h| !h.is_empty()) {
                    let field = format!("{at}.hostname");
                    if hostname.contains('.') {
                        errors.invalid(field, hostname, "must not contain dots");
                    } else {
                        errors.all_invalid(field, hostname, dns1123_label_errors(hostname));
                    }
                }
            }
        }
        let ports = subset.ports.as_deref().unwrap_or_default();
        for (index, port) in ports.iter().enumerate() {
            let at = format!("{at}.ports[{index}]");
            let name = port.name.as_deref().unwrap_or_default();
            if name.is_empty() {
                if ports.len() > 1 {
                    errors.required(format_args!("{at}.name"), "");
                }
            } else {
                errors.all_invalid(format_args!("{at}.name"), name, dns1123_label_errors(name));
            }
            errors.port(format_args!("{at}.port"), port.port);
            errors.one_of(format_args!("{at}.protocol"), port.protocol.as_deref(), &["SCTP", "TCP", "UDP"], true);
        }
    }
}
