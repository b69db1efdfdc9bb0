//! Addresses and node ports of services, as requests ask for them.

use super::errors;
use crate::api::validation::{FieldError, validate_families};
use crate::api::{ApiError, Body, Kind, Object};
use crate::config::Config;
use crate::network::{Addresses, AllocationError};
use crate::order;
use k8s_openapi::api::core::v1 as k8s;
use serde_json::json;
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
    if has_cluster_ip(spec) && has_cluster_ip(old) {
        if spec.cluster_ip.as_deref().unwrap_or_default().is_empty() {
            spec.cluster_ip.clone_from(&old.cluster_ip);
        }
        if spec.cluster_ip == old.cluster_ip {
            if spec.cluster_ips.as_ref().is_none_or(Vec::is_empty) {
                spec.cluster_ips.clone_from(&old.cluster_ips);
            }
        } else if spec.cluster_ips == old.cluster_ips {
            // Only the one was changed: the list follows it.
            spec.cluster_ips = spec.cluster_ip.clone().map(|ip| vec![ip]);
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
        let mut taken = spec.ports.iter().flatten().filter_map(|p| p.node_port).collect::<order::Set<_>>();
        for port in spec.ports.iter_mut().flatten().filter(|p| p.node_port.unwrap_or_default() == 0) {
            let same = |o: &&k8s::ServicePort| o.name == port.name;
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
    if let Some(ip) = spec.cluster_ip.clone().filter(|ip| !ip.is_empty() && old.is_none()) {
        spec.cluster_ips.get_or_insert_with(|| vec![ip]);
    }
    let wrong = validate_families(spec);
    if !wrong.is_empty() {
        return Err(errors::invalid(Kind::Service, &name, &wrong));
    }
    let given = cluster_ip(spec, old, &name, addresses, config, &mut taken)
        .and_then(|()| node_ports(spec, old, addresses, config, &mut taken))
        .and_then(|()| health_check_port(spec, old, addresses, config, &mut taken));
    given.map(|()| std::mem::take(&mut taken)).map_err(|refusal| {
        taken.give_back(addresses);
        match refusal {
            Refusal::Field(error) => errors::invalid(Kind::Service, &name, &[error]),
            Refusal::Internal(why) => errors::internal_error(&why),
        }
    })
}

/// Why a service does not get what it asks for.
enum Refusal {
    Field(FieldError),
    Internal(String),
}

fn refuse(field: impl Into<String>, value: &serde_json::Value, why: &str) -> Refusal {
    let message = format!("Invalid value: {value}: {why}");
    Refusal::Field(FieldError { reason: "FieldValueInvalid", field: field.into(), message })
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
    name: &str,
    addresses: &mut Addresses,
    config: &Config,
    taken: &mut Taken,
) -> Result<(), Refusal> {
    if !has_cluster_ip(spec) {
        return Ok(());
    }
    let wanted = spec.cluster_ip.clone().unwrap_or_default();
    let ip = match old {
        // One that has an address keeps it: that another one is asked for is for validation to say.
        Some(old) if has_cluster_ip(old) => wanted,
        _ if wanted == "None" => wanted,
        _ => {
            let refuse = |why: &str| refuse("spec.clusterIPs", &json!([&wanted]), why);
            let given = match wanted.parse::<Ipv4Addr>() {
                Ok(ip) => addresses.take_ip(ip, config).map(|()| ip).map_err(|e| {
                    let why = match e {
                        AllocationError::Taken => "provided IP is already allocated".to_owned(),
                        AllocationError::Full => "range is full".to_owned(),
                        AllocationError::OutOfRange(range) => format!(
                            "the provided network does not match the current range, {ip} is not in the valid range. The range of valid IPs is {range}"
                        ),
                    };
                    refuse(&format!("failed to allocate IP {ip}: {why}"))
                })?,
                Err(_) => addresses
                    .next_ip(config)
                    .map_err(|_| Refusal::Internal("failed to allocate a serviceIP: range is full".to_owned()))?,
            };
            taken.ips.push(given);
            if name.is_empty() {
                // Upstream writes down whose an address is before it looks at the name.
                return Err(refuse(&format!(
                    "failed to allocate IP: IPAddress.networking.k8s.io \"{given}\" is invalid: spec.parentRef.name: Required value"
                )));
            }
            given.to_string()
        }
    };
    if ip.is_empty() {
        return Ok(());
    }
    spec.cluster_ips.get_or_insert_with(|| vec![ip.clone()]);
    spec.cluster_ip = Some(ip);
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
) -> Result<(), Refusal> {
    let needed = needs_health_check(spec);
    let had = old.filter(|old| needs_health_check(old)).and_then(|o| o.health_check_node_port).filter(|p| *p != 0);
    let wanted = spec.health_check_node_port.filter(|p| *p != 0);
    if let (true, Some(had)) = (needed, had) {
        spec.health_check_node_port = wanted.or(Some(had));
        return match wanted {
            Some(port) if port != had => Err(refuse("spec.healthCheckNodePort", &json!(port), "field is immutable")),
            _ => Ok(()),
        };
    }
    if !needed {
        return Ok(());
    }
    let port = match wanted {
        None => addresses
            .next_port(config)
            .map_err(|e| format!("failed to allocate a HealthCheck NodePort 0: {}", port_refusal(e))),
        Some(port) => take_port(port, addresses, config)
            .map_err(|why| format!("failed to allocate requested HealthCheck NodePort {port}: {why}")),
    };
    let port = port.map_err(Refusal::Internal)?;
    taken.ports.push(port);
    spec.health_check_node_port = Some(i32::from(port));
    Ok(())
}

fn needs_health_check(spec: &k8s::ServiceSpec) -> bool {
    spec.type_.as_deref() == Some("LoadBalancer") && spec.external_traffic_policy.as_deref() == Some("Local")
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
) -> Result<(), Refusal> {
    if !matches!(spec.type_.as_deref(), Some("NodePort" | "LoadBalancer")) {
        return Ok(());
    }
    let needed = has_node_ports(spec);
    let new = old.is_none();
    let mut mine =
        old.into_iter().flat_map(|o| o.ports.iter().flatten()).filter_map(|p| p.node_port).collect::<order::Set<_>>();
    let ports = spec.ports.get_or_insert_default();
    // Of a new service, the protocols of one port share its node port.
    let mut shared: order::Map<i32, i32> = order::Map::new();
    for index in 0..ports.len() {
        let (port, said) = (ports[index].port, ports[index].node_port.unwrap_or_default());
        let known = shared.get(&port).copied();
        let asked = || ports.iter().filter(|p| p.port == port).filter_map(|p| p.node_port).find(|p| *p != 0);
        let wanted = match known {
            _ if said == 0 && !needed => continue,
            None if new => asked().unwrap_or(said),
            Some(known) if said == 0 => known,
            _ => said,
        };
        let given = if wanted == 0 {
            let full = |_| Refusal::Internal("failed to allocate a nodePort: range is full".to_owned());
            let number = addresses.next_port(config).map_err(full)?;
            taken.ports.push(number);
            i32::from(number)
        } else {
            if known != Some(wanted) && (new || mine.insert(wanted)) {
                let refuse = |why: String| refuse(format!("spec.ports[{index}].nodePort"), &json!(wanted), &why);
                taken.ports.push(take_port(wanted, addresses, config).map_err(refuse)?);
            }
            wanted
        };
        if new {
            shared.entry(port).or_insert(given);
        }
        if said == 0 {
            ports[index].node_port = Some(given);
        }
    }
    Ok(())
}
