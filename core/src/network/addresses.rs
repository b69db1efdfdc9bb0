//! Addresses and node ports of services: none is given twice.

use crate::config::Config;
use crate::order;
use k8s_openapi::api::core::v1::ServiceSpec;
use std::net::Ipv4Addr;

/// Why an address or port was not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllocationError {
    /// Outside the range, whose ends are named.
    OutOfRange(String),
    /// Somebody has it.
    Taken,
    /// All are given.
    Full,
}

/// Which addresses and node ports are given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    ips: order::Set<u32>,
    ports: order::Set<u16>,
}

impl Addresses {
    fn ip_range(config: &Config) -> (u32, u32) {
        let size = 1u32.checked_shl(32 - u32::from(config.service_prefix.min(32))).unwrap_or(u32::MAX);
        let base = u32::from(config.service_network) & !(size - 1);
        // The network's own address, its first (the API server's) and its broadcast are not given out.
        (base + 2, base + size - 2)
    }

    /// Gives this very address.
    pub fn take_ip(&mut self, ip: Ipv4Addr, config: &Config) -> Result<(), AllocationError> {
        let (first, last) = Self::ip_range(config);
        if u32::from(ip) == first - 1 {
            return Err(AllocationError::Taken);
        }
        if !(first..=last).contains(&u32::from(ip)) {
            return Err(AllocationError::OutOfRange(format!("{}/{}", config.service_network, config.service_prefix)));
        }
        if self.ips.insert(u32::from(ip)) { Ok(()) } else { Err(AllocationError::Taken) }
    }

    /// Gives the lowest free address.
    pub fn next_ip(&mut self, config: &Config) -> Result<Ipv4Addr, AllocationError> {
        let (first, last) = Self::ip_range(config);
        let ip = lowest_free(first, last, |n| self.ips.range_from(&n).copied()).ok_or(AllocationError::Full)?;
        self.ips.insert(ip);
        Ok(Ipv4Addr::from(ip))
    }

    /// Takes an address back.
    pub fn release_ip(&mut self, ip: Ipv4Addr) {
        self.ips.remove(&u32::from(ip));
    }

    /// Gives this very node port.
    pub fn take_port(&mut self, port: u16, config: &Config) -> Result<(), AllocationError> {
        let (first, last) = config.node_ports;
        if !(first..=last).contains(&port) {
            return Err(AllocationError::OutOfRange(format!("{first}-{last}")));
        }
        if self.ports.insert(port) { Ok(()) } else { Err(AllocationError::Taken) }
    }

    /// Gives the lowest free node port.
    pub fn next_port(&mut self, config: &Config) -> Result<u16, AllocationError> {
        let (first, last) = config.node_ports;
        let port = lowest_free(u32::from(first), u32::from(last), |n| {
            self.ports.range_from(&(n as u16)).map(|p| u32::from(*p))
        })
        .ok_or(AllocationError::Full)? as u16;
        self.ports.insert(port);
        Ok(port)
    }

    /// Takes a node port back.
    pub fn release_port(&mut self, port: u16) {
        self.ports.remove(&port);
    }

    /// Notes what a service has that was there before. What lies outside the ranges was not ours to give.
    pub fn keep_service(&mut self, spec: &ServiceSpec, config: &Config) {
        for ip in given_ips(spec) {
            let _ = self.take_ip(ip, config);
        }
        for port in given_ports(spec) {
            let _ = self.take_port(port, config);
        }
    }

    /// Takes back all that a service has.
    pub fn release_service(&mut self, spec: &ServiceSpec) {
        self.release_replaced(spec, &ServiceSpec::default());
    }

    /// Takes back what a service had and has no more.
    pub fn release_replaced(&mut self, had: &ServiceSpec, has: &ServiceSpec) {
        let (ips, ports) = (given_ips(has).collect::<order::Set<_>>(), given_ports(has).collect::<order::Set<_>>());
        given_ips(had).filter(|ip| !ips.contains(ip)).for_each(|ip| self.release_ip(ip));
        given_ports(had).filter(|port| !ports.contains(port)).for_each(|port| self.release_port(port));
    }
}

fn given_ips(spec: &ServiceSpec) -> impl Iterator<Item = Ipv4Addr> {
    let more = spec.cluster_ips.iter().flatten().map(String::as_str);
    spec.cluster_ip.as_deref().into_iter().chain(more).flat_map(str::parse).collect::<order::Set<_>>().into_iter()
}

fn given_ports(spec: &ServiceSpec) -> impl Iterator<Item = u16> {
    let ports = spec.ports.iter().flatten().filter_map(|p| p.node_port).chain(spec.health_check_node_port);
    ports.filter_map(|p| u16::try_from(p).ok()).filter(|p| *p != 0).collect::<order::Set<_>>().into_iter()
}

fn lowest_free<I: Iterator<Item = u32>>(first: u32, last: u32, taken_from: impl Fn(u32) -> I) -> Option<u32> {
    let mut candidate = first;
    for taken in taken_from(first) {
        if taken != candidate {
            break;
        }
        candidate = candidate.checked_add(1)?;
    }
    (candidate <= last).then_some(candidate)
}
