//! Rules for services and endpoints.

use super::container::check_port_or_name;
use super::errors::{Errors, is_range};
use super::meta::check_labels;
use crate::api::Labels;
use crate::api::names::{dns1123_label_errors, dns1123_subdomain_errors, qualified_name_errors};
use crate::order;
use k8s_openapi::api::core::v1 as k8s;
use serde_json::json;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The port of kubelets, which no load balancer may show.
const KUBELET: i32 = 10_250;
const FOR_LOAD_BALANCERS: &str = "may only be used when `type` is 'LoadBalancer'";
/// The annotation that came before `spec.loadBalancerSourceRanges`.
const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

pub(super) fn check(spec: &k8s::ServiceSpec, annotations: &Labels, errors: &mut Errors) {
    let kind = spec.type_.as_deref().unwrap_or_default();
    let headless = is_headless(spec);
    let ports = spec.ports.as_deref().unwrap_or_default();
    if ports.is_empty() && !headless && kind != "ExternalName" {
        errors.required("spec.ports", "");
    }
    match kind {
        "LoadBalancer" | "NodePort" => {
            for (index, port) in ports.iter().enumerate().filter(|(_, p)| kind == "LoadBalancer" && p.port == KUBELET) {
                let detail = format!("may not expose port {KUBELET} externally since it is used by kubelet");
                errors.invalid(format_args!("spec.ports[{index}].port"), port.port, &detail);
            }
            if headless {
                errors.invalid("spec.clusterIPs[0]", "None", &format!("may not be set to 'None' for {kind} services"));
            }
        }
        "ExternalName" => {
            let set = [
                (
                    "clusterIPs",
                    spec.cluster_ip.as_ref().is_some_and(|ip| !ip.is_empty()) || !is_empty(spec.cluster_ips.as_ref()),
                ),
                ("ipFamilies", !is_empty(spec.ip_families.as_ref())),
                ("ipFamilyPolicy", spec.ip_family_policy.is_some()),
            ];
            for (field, _) in set.into_iter().filter(|(_, set)| *set) {
                errors.forbidden(format_args!("spec.{field}"), "may not be set for ExternalName services");
            }
            let name = spec.external_name.as_deref().unwrap_or_default();
            let name = name.strip_suffix('.').unwrap_or(name);
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
    check_cluster_ips(spec, errors);
    for (index, ip) in spec.external_ips.iter().flatten().enumerate() {
        let field = format!("spec.externalIPs[{index}]");
        if errors.ip(&field, ip) {
            check_ip(ip, &field, errors);
        }
    }
    let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    errors.one_of("spec.type", spec.type_.as_deref(), &kinds, true);
    check_source_ranges(spec, annotations, errors);
    if spec.allocate_load_balancer_node_ports.is_some() && kind != "LoadBalancer" {
        errors.forbidden("spec.allocateLoadBalancerNodePorts", FOR_LOAD_BALANCERS);
    }
    check_class(spec, errors);
    check_traffic(spec, kind, errors);
}

fn is_empty(list: Option<&Vec<String>>) -> bool {
    list.is_none_or(Vec::is_empty)
}

fn is_headless(spec: &k8s::ServiceSpec) -> bool {
    spec.cluster_ip.as_deref() == Some("None")
}

fn check_traffic(spec: &k8s::ServiceSpec, kind: &str, errors: &mut Errors) {
    let policies = ["Cluster", "Local"];
    let policy = spec.external_traffic_policy.as_deref().unwrap_or_default();
    if matches!(kind, "LoadBalancer" | "NodePort") || kind == "ClusterIP" && !is_empty(spec.external_ips.as_ref()) {
        errors.one_of("spec.externalTrafficPolicy", Some(policy), &policies, true);
    } else if !policy.is_empty() {
        errors.invalid("spec.externalTrafficPolicy", policy, "may only be set for externally-accessible services");
    }
    let checked = kind == "LoadBalancer" && policy == "Local";
    if let Some(port) = spec.health_check_node_port.filter(|p| *p != 0 && !checked) {
        let detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        errors.invalid("spec.healthCheckNodePort", port, detail);
    }
    if let Some(policy) = &spec.internal_traffic_policy
        && !policies.contains(&policy.as_str())
    {
        errors.not_supported("spec.internalTrafficPolicy", policy, &policies);
    }
    if let Some(distribution) = &spec.traffic_distribution {
        let known = ["PreferClose", "PreferSameNode", "PreferSameZone"];
        if !known.contains(&distribution.as_str()) {
            errors.not_supported("spec.trafficDistribution", distribution, &known);
        }
    }
}

fn check_class(spec: &k8s::ServiceSpec, errors: &mut Errors) {
    let Some(class) = &spec.load_balancer_class else { return };
    if spec.type_.as_deref() == Some("LoadBalancer") {
        errors.all_invalid("spec.loadBalancerClass", class, qualified_name_errors(class));
    } else {
        errors.forbidden("spec.loadBalancerClass", FOR_LOAD_BALANCERS);
    }
}

fn check_source_ranges(spec: &k8s::ServiceSpec, annotations: &Labels, errors: &mut Errors) {
    let listed = spec.load_balancer_source_ranges.as_deref().unwrap_or_default();
    let annotation = annotations.get(SOURCE_RANGES).filter(|_| listed.is_empty());
    let field = match annotation {
        None if listed.is_empty() => return,
        None => "spec.LoadBalancerSourceRanges".to_owned(),
        Some(_) => format!("metadata.annotations[{SOURCE_RANGES}]"),
    };
    if spec.type_.as_deref() != Some("LoadBalancer") {
        errors.forbidden(&field, FOR_LOAD_BALANCERS);
    }
    for (index, range) in listed.iter().enumerate() {
        errors.cidr(format_args!("{field}[{index}]"), range.trim());
    }
    if let Some(text) = annotation
        .map(|text| text.trim())
        .filter(|t| !t.is_empty() && !t.split(',').all(|range| is_range(range.trim())))
    {
        let detail = "must be a comma separated list of CIDRs e.g. 192.168.0.0/16,10.0.0.0/8";
        errors.invalid(&field, text, detail);
    }
}

fn check_ports(ports: &[k8s::ServicePort], kind: &str, errors: &mut Errors) {
    let mut names = order::Set::new();
    let mut numbers = order::Set::new();
    let mut node_ports = order::Set::new();
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
            // Upstream shows the whole structure.
            let shown = format!(
                r#"{{"Name":"","Protocol":{},"AppProtocol":null,"Port":{},"TargetPort":0,"NodePort":0}}"#,
                json!(protocol),
                port.port
            );
            errors.duplicate_shown(&at, &shown);
        }
        if let Some(node_port) = port.node_port.filter(|p| *p != 0) {
            if kind == "ClusterIP" {
                errors.forbidden(format_args!("{at}.nodePort"), "may not be used when `type` is 'ClusterIP'");
            }
            if !node_ports.insert((protocol, node_port)) {
                errors.duplicate(format_args!("{at}.nodePort"), node_port);
            }
        }
    }
}

/// What is wrong with the addresses of a service that it asks for, each by itself and with one another.
fn check_cluster_ips(spec: &k8s::ServiceSpec, errors: &mut Errors) {
    if spec.type_.as_deref() == Some("ExternalName") {
        return;
    }
    let before = errors.list.len();
    let ips = spec.cluster_ips.as_deref().unwrap_or_default();
    let single = spec.cluster_ip.as_deref().unwrap_or_default();
    let refuse = |errors: &mut Errors, why: &str| errors.invalid("spec.clusterIPs", json!(ips), why);
    match ips.first() {
        None if !single.is_empty() => errors.required("spec.clusterIPs", ""),
        Some(_) if single.is_empty() => refuse(errors, "must be empty when `clusterIP` is not specified"),
        Some(first) if first != single => refuse(errors, "first value must match `clusterIP`"),
        _ => {}
    }
    let families = spec.ip_families.as_deref().unwrap_or_default();
    for (index, family) in families.iter().enumerate() {
        let field = format!("spec.ipFamilies[{index}]");
        if !["IPv4", "IPv6"].contains(&family.as_str()) {
            errors.not_supported(&field, family, &["IPv4", "IPv6"]);
        }
        if families[..index].contains(family) {
            errors.duplicate(&field, family.as_str());
        }
    }
    if let Some(policy) = &spec.ip_family_policy {
        let policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
        if !policies.contains(&policy.as_str()) {
            errors.not_supported("spec.ipFamilyPolicy", policy, &policies);
        }
    }
    let mut readable = true;
    for (index, ip) in ips.iter().enumerate() {
        if index == 0 && ip == "None" {
            if ips.len() > 1 {
                readable = false;
                refuse(errors, "'None' must be the first and only value");
            }
        } else {
            readable &= errors.ip(format_args!("spec.clusterIPs[{index}]"), ip);
        }
    }
    if ips.len() > 2 {
        refuse(errors, "may only hold up to 2 values");
    }
    let sixes: Vec<bool> = ips.iter().map(|ip| ip.contains(':')).collect();
    if readable && sixes.len() > 1 && !(sixes.contains(&true) && sixes.contains(&false)) {
        refuse(errors, "may specify no more than one IP for each IP family");
    }
    if readable && !is_headless(spec) && errors.list.len() == before {
        for (index, (ip, family)) in ips.iter().zip(families).enumerate() {
            let said = if ip.contains(':') { "IPv6" } else { "IPv4" };
            if said != family {
                let detail = format!("expected an {family} value as indicated by `ipFamilies[{index}]`");
                errors.invalid(format_args!("spec.clusterIPs[{index}]"), ip.as_str(), &detail);
            }
        }
    }
}

/// What of the addresses a service asks for cannot be given by a cluster that has IPv4 only. The first kind of fault
/// ends it, as upstream has it: a service must make sense before it is held against the cluster.
pub(super) fn check_families(spec: &k8s::ServiceSpec, errors: &mut Errors) {
    check_cluster_ips(spec, errors);
    let any = is_headless(spec) && spec.selector.as_ref().is_none_or(BTreeMap::is_empty);
    if !errors.list.is_empty() || spec.type_.as_deref() == Some("ExternalName") {
        return;
    }
    let ips = spec.cluster_ips.as_deref().unwrap_or_default();
    let families = spec.ip_families.as_deref().unwrap_or_default();
    let default = if any { "RequireDualStack" } else { "SingleStack" };
    let policy = spec.ip_family_policy.as_deref().unwrap_or(default);
    for (many, what) in [(ips.len() == 2, "cluster IPs"), (families.len() == 2, "IP families")] {
        if many && policy == "SingleStack" {
            let detail = format!("must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified");
            errors.invalid("spec.ipFamilyPolicy", policy, &detail);
        }
    }
    for (index, _) in ips.iter().enumerate().skip(families.len()).filter(|(_, ip)| ip.contains(':')) {
        errors.invalid(format_args!("spec.clusterIPs[{index}]"), json!(ips), "IPv6 is not configured on this cluster");
    }
    if any || !errors.list.is_empty() {
        return;
    }
    if policy == "RequireDualStack" {
        errors.invalid("spec.ipFamilyPolicy", policy, "this cluster is not configured for dual-stack services");
    }
    for (index, family) in families.iter().enumerate().filter(|(_, family)| *family == "IPv6") {
        errors.invalid(format_args!("spec.ipFamilies[{index}]"), family.as_str(), "not configured on this cluster");
    }
}

/// An address that is not of this machine or this link alone, in whatever way it is written: traffic is passed on to it.
fn check_ip(text: &str, field: &str, errors: &mut Errors) {
    let Ok(ip) = text.parse::<IpAddr>() else { return errors.invalid(field, text, "must be a valid IP address") };
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
    let named = |spec: &k8s::ServiceSpec| spec.type_.as_deref() == Some("ExternalName");
    if !(named(new) || named(old) || is_headless(new) && is_headless(old)) {
        for (field, new, old) in
            [("clusterIPs", &new.cluster_ips, &old.cluster_ips), ("ipFamilies", &new.ip_families, &old.ip_families)]
        {
            let (first, had) = (new.iter().flatten().next(), old.iter().flatten().next());
            let value = || json!(new.as_deref().unwrap_or_default());
            let at = format!("spec.{field}[0]");
            match (first, had) {
                (None, Some(_)) if field == "clusterIPs" => {
                    errors.invalid(at, value(), "primary clusterIP can not be unset");
                }
                (None, Some(_)) => errors.invalid(at, value(), "primary ipFamily can not be unset"),
                (Some(first), Some(had)) if first != had => errors.invalid(at, value(), "may not change once set"),
                _ => {}
            }
        }
    }
    let balanced = |spec: &k8s::ServiceSpec| spec.type_.as_deref() == Some("LoadBalancer");
    if balanced(new) && balanced(old) && new.load_balancer_class != old.load_balancer_class {
        errors.invalid("spec.loadBalancerClass", json!(new.load_balancer_class), "may not change once set");
    }
    let local = |spec: &k8s::ServiceSpec| balanced(spec) && spec.external_traffic_policy.as_deref() == Some("Local");
    if local(new) && local(old) && new.health_check_node_port != old.health_check_node_port {
        errors.forbidden("spec.healthCheckNodePort", "field is immutable");
    }
    // Upstream looks at it twice.
    check_class(new, errors);
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
                errors.ip(format_args!("{at}.ip"), &address.ip);
                errors.named(format_args!("{at}.nodeName"), address.node_name.as_deref(), dns1123_subdomain_errors);
                check_ip(&address.ip, &format!("{at}.ip"), errors);
                let hostname = address.hostname.as_deref().filter(|h| !h.is_empty());
                errors.named(format_args!("{at}.hostname"), hostname, dns1123_label_errors);
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
            errors.named(format_args!("{at}.appProtocol"), port.app_protocol.as_deref(), qualified_name_errors);
        }
    }
}
