//! The settings of a live cluster: where its state is kept, on which Docker hosts it runs, what it allows.

use super::file::ConfigFile;
use super::scheduler::read_scheduler_config;
use super::settings::{Field, ServeArguments};
use super::{ENDPOINT_FORMS, Endpoint, default_data_dir};
use crate::failure::Failure;
use kubarium_core::{Config, Span};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// Socket of this machine's own Docker engine.
const LOCAL_DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// A Docker host and where it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerHost {
    /// Its name, which is also its node's.
    pub name: String,
    /// Where it is reached.
    pub endpoint: Endpoint,
}

/// Settings of a live cluster.
#[derive(Clone, Debug)]
pub struct LiveSettings {
    /// Where state is kept.
    pub data_dir: PathBuf,
    /// The Docker hosts from flags and file.
    pub docker: Vec<DockerHost>,
    /// Where node ports are open.
    pub node_port_address: IpAddr,
    /// How often each Docker host is pinged, in seconds.
    pub heartbeat_seconds: u32,
    /// Settings of the control plane; its seed is filled in when the data directory is open.
    pub config: Config,
}

impl LiveSettings {
    pub(super) fn gather(
        arguments: ServeArguments,
        file: ConfigFile,
        field: &Field,
        listen: IpAddr,
    ) -> Result<Self, Failure> {
        for (flag, given) in [
            ("speed", arguments.speed.or(file.speed).is_some()),
            ("paused", arguments.paused || file.paused.unwrap_or(false)),
        ] {
            if given {
                return Err(field.wrong(flag, "a live cluster has the real time; this goes with --simulate SCENARIO"));
            }
        }
        let data_dir = match arguments.data_dir.or(file.data_dir) {
            Some(dir) => dir,
            None => default_data_dir()?,
        };
        if data_dir.exists() && !data_dir.is_dir() {
            return Err(field.wrong("data-dir", &format!("{} is not a directory", data_dir.display())));
        }

        let mut entries = Vec::new();
        for entry in &arguments.docker {
            let (name, endpoint) = entry.split_once('=').ok_or_else(|| {
                field.wrong("docker", &format!("`{entry}` is not NAME=ENDPOINT, with an endpoint of {ENDPOINT_FORMS}"))
            })?;
            entries.push((name.to_owned(), endpoint.to_owned()));
        }
        if entries.is_empty() {
            entries = file.docker.into_iter().map(|e| (e.name, e.endpoint)).collect();
        }
        if entries.is_empty() && !arguments.no_docker && std::path::Path::new(LOCAL_DOCKER_SOCKET).exists() {
            entries.push((local_node_name(), format!("unix://{LOCAL_DOCKER_SOCKET}")));
        }
        let mut docker: Vec<DockerHost> = Vec::new();
        for (name, endpoint) in entries {
            check_node_name(&name).map_err(|e| field.wrong("docker", &e))?;
            if docker.iter().any(|d| d.name == name) {
                return Err(field.wrong("docker", &format!("the name `{name}` is given twice")));
            }
            let endpoint: Endpoint = endpoint.parse().map_err(|e| field.wrong("docker", &format!("{name}: {e}")))?;
            endpoint.check_files().map_err(|e| field.wrong("docker", &format!("{name}: {e}")))?;
            docker.push(DockerHost { name, endpoint });
        }

        let node_port_address = match arguments.node_port_address.or(file.node_port_address) {
            None => listen,
            Some(ip) => {
                ip.parse().map_err(|_| field.wrong("node-port-address", &format!("`{ip}` is not an IP address")))?
            }
        };
        let heartbeat_seconds = arguments.heartbeat_seconds.or(file.heartbeat_seconds).unwrap_or(5);
        if heartbeat_seconds == 0 {
            return Err(field.wrong("heartbeat-seconds", "must be at least 1"));
        }

        let mut config = Config {
            allow_privileged: arguments.allow_privileged || file.allow_privileged.unwrap_or(false),
            allow_host: arguments.allow_host || file.allow_host.unwrap_or(false),
            ..Config::default()
        };
        if let Some(seconds) = arguments.node_grace_seconds.or(file.node_grace_seconds) {
            if seconds <= heartbeat_seconds {
                return Err(field.wrong(
                    "node-grace-seconds",
                    &format!("{seconds} must be more than the {heartbeat_seconds} seconds between two heartbeats"),
                ));
            }
            config.node_grace = Span::from_secs(i64::from(seconds));
        }
        if let Some(seconds) = arguments.toleration_seconds.or(file.toleration_seconds) {
            config.toleration_seconds = i64::from(seconds);
        }
        if let Some(path) = arguments.scheduler_config.or(file.scheduler_config) {
            config.scheduler = Some(read_scheduler_config(&path)?);
        }
        if let Some(range) = arguments.node_ports.or(file.node_ports) {
            config.node_ports = port_range(&range).ok_or_else(|| {
                field.wrong("node-ports", &format!("`{range}` is not a range of ports like 30000-32767"))
            })?;
        }
        if let Some(network) = arguments.service_network.or(file.service_network) {
            (config.service_network, config.service_prefix) = network_of(&network).ok_or_else(|| {
                field.wrong("service-network", &format!("`{network}` is not a range like 10.96.0.0/12, /8 to /28"))
            })?;
        }
        Ok(Self { data_dir, docker, node_port_address, heartbeat_seconds, config })
    }
}

/// Whether a name can be a node's: a DNS subdomain.
pub fn check_node_name(name: &str) -> Result<(), String> {
    let label = |l: &str| {
        !l.is_empty()
            && l.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    if name.len() <= 253 && name.split('.').all(label) {
        Ok(())
    } else {
        Err(format!("`{name}` cannot name a node: use lower case letters, digits, `-` and `.`"))
    }
}

/// This machine's name, in the form of a node's.
fn local_node_name() -> String {
    let name: String = gethostname::gethostname()
        .to_string_lossy()
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' })
        .collect();
    let name = name.trim_matches(['-', '.']).to_owned();
    if check_node_name(&name).is_ok() { name } else { "local".to_owned() }
}

fn port_range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first > 0 && first <= last).then_some((first, last))
}

fn network_of(text: &str) -> Option<(Ipv4Addr, u8)> {
    let (ip, prefix) = text.split_once('/')?;
    let prefix = prefix.parse().ok()?;
    (8..=28).contains(&prefix).then_some((ip.parse().ok()?, prefix))
}
