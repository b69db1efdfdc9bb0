//! What can be set for a cluster. Part of every recording.

use crate::scheduler::Configuration;
use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// Settings of a cluster. The defaults are Kubernetes'.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Config {
    /// Seed of every random choice.
    pub seed: u64,
    /// How long a node may be silent before it is `NotReady` (microseconds).
    pub node_grace: Span,
    /// How long pods tolerate a node that is `NotReady` or unreachable, unless they say otherwise (seconds).
    pub toleration_seconds: i64,
    /// How often the node lifecycle controller looks (microseconds).
    pub node_monitor_period: Span,
    /// Nodes tainted for eviction, per second and zone.
    pub eviction_rate: f64,
    /// The same in a large zone where more than the threshold of nodes is unhealthy.
    pub secondary_eviction_rate: f64,
    /// Share of a zone's nodes from which on it counts as partially disrupted.
    pub unhealthy_zone_threshold: f64,
    /// First address of the range services get theirs from.
    pub service_network: Ipv4Addr,
    /// Length of that range's prefix in bits.
    pub service_prefix: u8,
    /// First and last node port.
    pub node_ports: (u16, u16),
    /// Whether pods may be privileged; they may then do with the host what [`Self::allow_host`] allows as well.
    pub allow_privileged: bool,
    /// Whether pods may use the host's network and processes, and mount its paths.
    pub allow_host: bool,
    /// How many events are kept; the oldest go first.
    pub events_max: usize,
    /// By which profiles pods are placed; where none is given, by upstream's default one.
    pub scheduler: Option<Configuration>,
}

impl Config {
    /// Whether pods may use what is the host's.
    pub(crate) const fn allows_host(&self) -> bool {
        self.allow_host || self.allow_privileged
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            node_grace: Span::from_secs(50),
            toleration_seconds: 300,
            node_monitor_period: Span::from_secs(5),
            eviction_rate: 0.1,
            secondary_eviction_rate: 0.01,
            unhealthy_zone_threshold: 0.55,
            service_network: Ipv4Addr::new(10, 96, 0, 0),
            service_prefix: 12,
            node_ports: (30_000, 32_767),
            allow_privileged: false,
            allow_host: false,
            events_max: 20_000,
            scheduler: None,
        }
    }
}
