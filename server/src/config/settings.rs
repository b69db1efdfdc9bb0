//! The settings of `kubarium serve`: flags over file over defaults, each checked, errors naming flag and field.

use super::file::ConfigFile;
use super::{DATA_DIR_HELP, ENDPOINT_FORMS, Endpoint, default_data_dir};
use crate::failure::Failure;
use clap::{Args, ValueEnum};
use kubarium_core::{Config, Span};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use tracing::Level;

/// Socket of this machine's own Docker engine.
const LOCAL_DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Flags of `kubarium serve`.
#[derive(Args, Debug, Default)]
#[command(
    after_long_help = "Every flag is also a field of the configuration file, in camelCase; --docker is a list there:\n\n  \
listen: 127.0.0.1:8080\n  docker:\n    - name: host-a\n      endpoint: tcp://10.0.0.2:2375\n\n\
Docker hosts can also be added and removed while the server runs: POST and DELETE on\n\
/apis/kubarium.io/v1/dockerhosts, or in the dashboard."
)]
pub struct ServeArguments {
    /// Address to listen on. Any but loopback needs a token: see `kubarium token`. [default: 127.0.0.1:8080]
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<String>,
    #[arg(long, value_name = "DIR", help = DATA_DIR_HELP)]
    data_dir: Option<PathBuf>,
    /// A Docker host, which becomes a node; may be given several times. An endpoint is `unix://PATH`,
    /// `tcp://HOST:PORT` or `tcp://HOST:PORT?ca=FILE&cert=FILE&key=FILE`; `publish=IP` in it says on which of the
    /// host's addresses pods' ports are published. [default: this machine's Docker engine, where there is one]
    #[arg(long, value_name = "NAME=ENDPOINT")]
    docker: Vec<String>,
    /// Start without this machine's Docker engine although no other host is given.
    #[arg(long, conflicts_with = "docker")]
    no_docker: bool,
    /// YAML file with settings; flags go before it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// File with the token that clients must send as `Authorization: Bearer TOKEN`.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A host name under which clients may reach the server, besides localhost and addresses; may be repeated.
    #[arg(long, value_name = "NAME")]
    allowed_host: Vec<String>,
    /// Let pods be privileged, use the host's network and mount its paths.
    #[arg(long)]
    allow_privileged: bool,
    /// How logs are written. [default: text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// How much is logged: error, warn, info, debug or trace. [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Address on which node ports are open. [default: that of --listen]
    #[arg(long, value_name = "IP")]
    node_port_address: Option<String>,
    /// First and last node port. [default: 30000-32767]
    #[arg(long, value_name = "FIRST-LAST")]
    node_ports: Option<String>,
    /// Range of service addresses. [default: 10.96.0.0/12]
    #[arg(long, value_name = "IP/PREFIX")]
    service_network: Option<String>,
    /// How often each Docker host is asked whether it lives. [default: 5]
    #[arg(long, value_name = "SECONDS")]
    heartbeat_seconds: Option<u32>,
    /// How long a node may be silent before it is `NotReady`. [default: 50]
    #[arg(long, value_name = "SECONDS")]
    node_grace_seconds: Option<u32>,
    /// How long pods stay on a node that is `NotReady`, unless they say otherwise. [default: 300]
    #[arg(long, value_name = "SECONDS")]
    toleration_seconds: Option<u32>,
    /// Seed of the cluster's random choices; kept from the first start on. [default: a random one]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// A Docker host and where it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerHost {
    /// Its name, which is also its node's.
    pub name: String,
    /// Where it is reached.
    pub endpoint: Endpoint,
}

/// Settings that were checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the API is served.
    pub listen: SocketAddr,
    /// Where state is kept.
    pub data_dir: PathBuf,
    /// The Docker hosts from flags and file.
    pub docker: Vec<DockerHost>,
    /// The file with the token, where one was named.
    pub token_file: Option<PathBuf>,
    /// Host names clients may use, besides localhost and addresses.
    pub allowed_hosts: BTreeSet<String>,
    /// How logs are written.
    pub log_format: LogFormat,
    /// How much is logged.
    pub log_level: Level,
    /// Where node ports are open.
    pub node_port_address: IpAddr,
    /// How often each Docker host is pinged, in seconds.
    pub heartbeat_seconds: u32,
    /// The seed, where one was given.
    pub seed: Option<u64>,
    /// Settings of the control plane; its seed is filled in when the data directory is open.
    pub cluster: Config,
}

impl Settings {
    /// Brings flags and file together and checks everything that can be checked without opening or binding.
    pub fn gather(arguments: ServeArguments) -> Result<Self, Failure> {
        let file = arguments.config.as_deref().map(ConfigFile::read).transpose()?.unwrap_or_default();
        let field = Field { file: arguments.config.is_some() };

        let listen = arguments.listen.or(file.listen).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
        let listen: SocketAddr = match listen.strip_prefix("localhost:").map(str::parse::<u16>) {
            Some(Ok(port)) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            _ => listen.parse().map_err(|_| {
                field.wrong("listen", &format!("`{listen}` is not an address with a port, like 127.0.0.1:8080"))
            })?,
        };
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

        let token_file = arguments.token_file.or(file.token_file);
        let allowed_hosts: BTreeSet<String> =
            arguments.allowed_host.into_iter().chain(file.allowed_hosts).map(|h| h.to_ascii_lowercase()).collect();
        for host in &allowed_hosts {
            if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')) {
                return Err(field.wrong("allowed-host", &format!("`{host}` is not a host name")));
            }
        }
        let log_level = arguments.log_level.or(file.log_level).unwrap_or_else(|| "info".to_owned());
        let log_level = log_level.parse().map_err(|_| {
            field.wrong("log-level", &format!("`{log_level}` is none of error, warn, info, debug, trace"))
        })?;
        let node_port_address = match arguments.node_port_address.or(file.node_port_address) {
            None => listen.ip(),
            Some(ip) => {
                ip.parse().map_err(|_| field.wrong("node-port-address", &format!("`{ip}` is not an IP address")))?
            }
        };
        let heartbeat_seconds = arguments.heartbeat_seconds.or(file.heartbeat_seconds).unwrap_or(5);
        if heartbeat_seconds == 0 {
            return Err(field.wrong("heartbeat-seconds", "must be at least 1"));
        }

        let mut cluster = Config {
            allow_privileged: arguments.allow_privileged || file.allow_privileged.unwrap_or(false),
            ..Config::default()
        };
        if let Some(seconds) = arguments.node_grace_seconds.or(file.node_grace_seconds) {
            if seconds <= heartbeat_seconds {
                return Err(field.wrong(
                    "node-grace-seconds",
                    &format!("{seconds} must be more than the {heartbeat_seconds} seconds between two heartbeats"),
                ));
            }
            cluster.node_grace = Span::from_secs(i64::from(seconds));
        }
        if let Some(seconds) = arguments.toleration_seconds.or(file.toleration_seconds) {
            cluster.toleration_seconds = i64::from(seconds);
        }
        if let Some(range) = arguments.node_ports.or(file.node_ports) {
            cluster.node_ports = port_range(&range).ok_or_else(|| {
                field.wrong("node-ports", &format!("`{range}` is not a range of ports like 30000-32767"))
            })?;
        }
        if let Some(network) = arguments.service_network.or(file.service_network) {
            (cluster.service_network, cluster.service_prefix) = network_of(&network).ok_or_else(|| {
                field.wrong("service-network", &format!("`{network}` is not a range like 10.96.0.0/12, /8 to /28"))
            })?;
        }
        Ok(Self {
            listen,
            data_dir,
            docker,
            token_file,
            allowed_hosts,
            log_format: arguments.log_format.or(file.log_format).unwrap_or_default(),
            log_level,
            node_port_address,
            heartbeat_seconds,
            seed: arguments.seed.or(file.seed),
            cluster,
        })
    }
}

/// Names a setting in an error: as a flag, and as a field where a file was read.
struct Field {
    file: bool,
}

impl Field {
    fn wrong(&self, flag: &str, what: &str) -> Failure {
        if self.file {
            let mut camel = String::new();
            for (i, part) in flag.split('-').enumerate() {
                let (first, rest) = part.split_at(usize::from(i > 0 && !part.is_empty()));
                camel += &first.to_ascii_uppercase();
                camel += rest;
            }
            Failure::usage(format!("--{flag} (`{camel}` in the configuration file): {what}"))
        } else {
            Failure::usage(format!("--{flag}: {what}"))
        }
    }
}

/// Whether a host name or address can only mean this machine.
pub fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
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
