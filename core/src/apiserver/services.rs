//! Addresses and node ports of services, as requests ask for them.

use super::errors;
use crate::api::validation::FieldError;
use crate::api::{ApiError, Body, Kind, Object};
use crate::config::Config;
use crate::network::{Addresses, AllocationError};
use crate::order;
use k8s_openapi::api::core::v1 as k8s;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

fn has_cluster_ip(spec: &k8s::ServiceSpec) -> bool {
    spec.type_.as_deref() != Some("ExternalName")
}

fn has_node_ports(spec: &k8s::ServiceSpec) -> bool {
    match spec.type_.as_deref() {
        Some("NodePort") => true,
        Some("LoadBalancer") => spec.allocate_load_balancer_node_ports != Some(false),
        _ => false,
    }
}

/// Carries over what the service had and the client did not repeat.
pub(super) fn keep_given(new: &mut Object, old: &Object) {
    let (Body::Service { spec, .. }, Some(old)) = (&mut new.body, old.service()) else { return };
    let spec = Arc::make_mut(spec);
    let unset = spec.cluster_ip.as_deref().unwrap_or_default().is_empty();
    if has_cluster_ip(spec) && has_cluster_ip(old) {
        if unset && spec.cluster_ips.as_ref().is_none_or(Vec::is_empty) {
            spec.cluster_ip.clone_from(&old.cluster_ip);
            spec.cluster_ips.clone_from(&old.cluster_ips);
        } else if !unset && spec.cluster_ip != old.cluster_ip && spec.cluster_ips == old.cluster_ips {
            // Only the one was changed: the list follows it.
            spec.cluster_ips = spec.cluster_ip.clone().map(|ip| vec![ip]);
        } else if unset {
            spec.cluster_ip = spec.cluster_ips.iter().flatten().next().cloned();
        }
    } else if !has_cluster_ip(spec) {
        // A service that becomes a name gives its address back, where the client does not insist on it.
        if spec.cluster_ip == old.cluster_ip {
            spec.cluster_ip = None;
        }
        if spec.cluster_ips == old.cluster_ips {
            spec.cluster_ips = None;
        }
        if spec.ip_families == old.ip_families {
            spec.ip_families = None;
        }
        if spec.ip_family_policy == old.ip_family_policy {
            spec.ip_family_policy = None;
        }
        if spec.internal_traffic_policy == old.internal_traffic_policy {
            spec.internal_traffic_policy = None;
        }
    }
    if has_node_ports(spec) && has_node_ports(old) {
        let mut taken = order::set(spec.ports.iter().flatten().filter_map(|p| p.node_port));
        for port in spec.ports.iter_mut().flatten().filter(|p| p.node_port.unwrap_or_default() == 0) {
            let same = |o: &&k8s::ServicePort| o.protocol == port.protocol && o.port == port.port;
            if let Some(node_port) = old.ports.iter().flatten().find(same).and_then(|o| o.node_port)
                && taken.insert(node_port)
            {
                port.node_port = Some(node_port);
            }
        }
    } else if !has_node_ports(spec) && has_node_ports(old) {
        for port in spec.ports.iter_mut().flatten() {
            let had = old.ports.iter().flatten().any(|o| o.port == port.port && o.node_port == port.node_port);
            if had {
                port.node_port = None;
            }
        }
    }
    if spec.type_.as_deref() != Some("LoadBalancer") {
        if spec.allocate_load_balancer_node_ports == old.allocate_load_balancer_node_ports {
            spec.allocate_load_balancer_node_ports = None;
        }
        if !has_node_ports(spec) && spec.external_traffic_policy == old.external_traffic_policy {
            spec.external_traffic_policy = None;
        }
    }
}

/// What was given for a request, to be taken back where it fails after all.
#[derive(Debug, Default)]
#[must_use = "what is not given back stays taken"]
pub(super) struct Taken {
    ips: Vec<Ipv4Addr>,
    ports: Vec<u16>,
}

impl Taken {
    pub(super) fn give_back(self, addresses: &mut Addresses) {
        self.ips.into_iter().for_each(|ip| addresses.release_ip(ip));
        self.ports.into_iter().for_each(|port| addresses.release_port(port));
    }
}

/// Gives a service the address and node ports it asks for or needs beyond those that it had before, as `old`. Those
/// stay taken: see [`release_replaced`].
pub(super) fn allocate(
    object: &mut Object,
    old: Option<&Object>,
    addresses: &mut Addresses,
    config: &Config,
) -> Result<Taken, ApiError> {
    let mut taken = Taken::default();
    let name = object.meta.name.clone();
    let Body::Service { spec, .. } = &mut object.body else { return Ok(taken) };
    let spec = Arc::make_mut(spec);
    let old = old.and_then(Object::service);
    let given = cluster_ip(spec, old, addresses, config, &mut taken)
        .and_then(|()| node_ports(spec, old, addresses, config, &mut taken))
        .and_then(|()| health_check_port(spec, old, addresses, config, &mut taken));
    if let Err(error) = given {
        taken.give_back(addresses);
        return Err(errors::invalid(Kind::Service, &name, &[error]));
    }
    Ok(taken)
}

/// Takes back what a service had and has no more, once that is settled.
pub(super) fn release_replaced(old: &Object, new: &Object, addresses: &mut Addresses) {
    if let (Some(old), Some(new)) = (old.service(), new.service()) {
        addresses.release_replaced(old, new);
    }
}

fn cluster_ip(
    spec: &mut k8s::ServiceSpec,
    old: Option<&k8s::ServiceSpec>,
    addresses: &mut Addresses,
    config: &Config,
    taken: &mut Taken,
) -> Result<(), FieldError> {
    if !has_cluster_ip(spec) {
        return Ok(());
    }
    let wanted = spec.cluster_ip.clone().filter(|ip| !ip.is_empty());
    let wanted = wanted.or_else(|| spec.cluster_ips.iter().flatten().next().cloned().filter(|ip| !ip.is_empty()));
    let ip = match wanted {
        Some(same) if old.is_some_and(|o| o.cluster_ip.as_deref() == Some(same.as_str())) => same,
        Some(headless) if headless == "None" => headless,
        wanted => {
            let refuse = |why: &str| FieldError {
                reason: "FieldValueInvalid",
                field: "spec.clusterIPs".to_owned(),
                message: format!(
                    "Invalid value: {}: failed to allocate IP{}: {why}",
                    serde_json::json!([wanted.as_deref().unwrap_or_default()]),
                    wanted.as_deref().map(|ip| format!(" {ip}")).unwrap_or_default(),
                ),
            };
            let given = match &wanted {
                None => addresses.next_ip(config),
                Some(text) => {
                    let ip: Ipv4Addr = text.parse().map_err(|_| refuse("this cluster has IPv4 addresses only"))?;
                    addresses.take_ip(ip, config).map(|()| ip)
                }
            };
            let ip = given.map_err(|e| match e {
                AllocationError::Taken => refuse("provided IP is already allocated"),
                AllocationError::Full => refuse("range is full"),
                AllocationError::OutOfRange(range) => refuse(&format!(
                    "the provided network does not match the current range, {} is not in the valid range. The range of valid IPs is {range}",
                    wanted.as_deref().unwrap_or_default()
                )),
            })?;
            taken.ips.push(ip);
            ip.to_string()
        }
    };
    spec.cluster_ip = Some(ip.clone());
    spec.cluster_ips = Some(vec![ip]);
    // A headless service without selector may be given endpoints of either family.
    let any = spec.cluster_ip.as_deref() == Some("None") && spec.selector.as_ref().is_none_or(BTreeMap::is_empty);
    let (families, policy): (&[&str], _) =
        if any { (&["IPv4", "IPv6"], "RequireDualStack") } else { (&["IPv4"], "SingleStack") };
    spec.ip_families.get_or_insert_with(|| families.iter().map(ToString::to_string).collect());
    spec.ip_family_policy.get_or_insert_with(|| policy.to_owned());
    Ok(())
}

/// The port on which a load balancer asks whether a node has a pod of the service.
fn health_check_port(
    spec: &mut k8s::ServiceSpec,
    old: Option<&k8s::ServiceSpec>,
    addresses: &mut Addresses,
    config: &Config,
    taken: &mut Taken,
) -> Result<(), FieldError> {
    let needed =
        spec.type_.as_deref() == Some("LoadBalancer") && spec.external_traffic_policy.as_deref() == Some("Local");
    let had = old.and_then(|o| o.health_check_node_port).filter(|p| *p != 0);
    let wanted = spec.health_check_node_port.filter(|p| *p != 0);
    if !needed || had.is_some() && wanted.is_none_or(|w| Some(w) == had) {
        spec.health_check_node_port = if needed { had } else { wanted };
        return Ok(());
    }
    let port = match wanted {
        None => addresses.next_port(config).map_err(port_refusal),
        Some(port) => take_port(port, addresses, config),
    };
    let port = port.map_err(|why| FieldError {
        reason: "FieldValueInvalid",
        field: "spec.healthCheckNodePort".to_owned(),
        message: format!("Invalid value: {}: {why}", wanted.unwrap_or_default()),
    })?;
    taken.ports.push(port);
    spec.health_check_node_port = Some(i32::from(port));
    Ok(())
}

/// Takes a port that was asked for; otherwise says why not.
fn take_port(wanted: i32, addresses: &mut Addresses, config: &Config) -> Result<u16, String> {
    let port = u16::try_from(wanted).map_err(|_| "provided port is not in the valid range".to_owned())?;
    addresses.take_port(port, config).map_err(port_refusal)?;
    Ok(port)
}

fn port_refusal(error: AllocationError) -> String {
    match error {
        AllocationError::Taken => "provided port is already allocated".to_owned(),
        AllocationError::Full => "range is full".to_owned(),
        AllocationError::OutOfRange(range) => {
            format!("provided port is not in the valid range. The range of valid ports is {range}")
        }
    }
}

fn node_ports(
    spec: &mut k8s::ServiceSpec,
    old: Option<&k8s::ServiceSpec>,
    addresses: &mut Addresses,
    config: &Config,
    taken: &mut Taken,
) -> Result<(), FieldError> {
    if !has_node_ports(spec) {
        return Ok(());
    }
    let had = order::set(old.into_iter().flat_map(|o| o.ports.iter().flatten()).filter_map(|p| p.node_port));
    // Two protocols may share a number.
    let mut mine = had.clone();
    let ports = spec.ports.get_or_insert_default();
    for (index, port) in ports.iter_mut().enumerate().filter(|(_, p)| p.node_port.unwrap_or_default() != 0) {
        let wanted = port.node_port.unwrap_or_default();
        if !mine.insert(wanted) {
            continue;
        }
        let number = take_port(wanted, addresses, config).map_err(|why| FieldError {
            reason: "FieldValueInvalid",
            field: format!("spec.ports[{index}].nodePort"),
            message: format!("Invalid value: {wanted}: {why}"),
        })?;
        taken.ports.push(number);
    }
    for (index, port) in ports.iter_mut().enumerate().filter(|(_, p)| p.node_port.unwrap_or_default() == 0) {
        let number = addresses.next_port(config).map_err(|_| FieldError {
            reason: "FieldValueInvalid",
            field: format!("spec.ports[{index}].nodePort"),
            message: "Invalid value: 0: failed to allocate a nodePort: range is full".to_owned(),
        })?;
        taken.ports.push(number);
        port.node_port = Some(i32::from(number));
    }
    Ok(())
}
