//! The settings of `kubarium serve`: flags over file over defaults, each checked, errors naming flag and field.

use super::file::ConfigFile;
use super::live::LiveSettings;
use super::serving_tls::{ServingTls, TlsArguments};
use super::simulated::SimulatedSettings;
use super::{DATA_DIR_HELP, default_data_dir};
use crate::failure::Failure;
use clap::{Args, ValueEnum};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use tracing::Level;

/// How many requests a second a client may send that is not on this machine: twenty times what kubectl allows itself.
const CLIENT_RATE: u32 = 1_000;

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
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct ServeArguments {
    /// Address to listen on. Off loopback TLS is spoken, and clients need a token: see `kubarium token`.
    /// [default: 127.0.0.1:8080]
    #[arg(long, value_name = "IP:PORT")]
    pub(super) listen: Option<String>,
    #[arg(long, value_name = "DIR", help = DATA_DIR_HELP)]
    pub(super) data_dir: Option<PathBuf>,
    /// A Docker host, which becomes a node; may be given several times. An endpoint is `unix://PATH`,
    /// `tcp://HOST:PORT` or `tcp://HOST:PORT?ca=FILE&cert=FILE&key=FILE`; `publish=IP` in it says on which of the
    /// host's addresses pods' ports are published. [default: this machine's Docker engine, where there is one]
    #[arg(long, value_name = "NAME=ENDPOINT")]
    pub(super) docker: Vec<String>,
    /// Start without this machine's Docker engine although no other host is given.
    #[arg(long, conflicts_with = "docker")]
    pub(super) no_docker: bool,
    /// YAML file with settings; flags go before it.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// File with the tokens of which clients must send one as `Authorization: Bearer TOKEN`. [default: that of the data
    /// directory, made where there is none; on loopback without TLS no token is needed]
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) tls: TlsArguments,
    /// A host name under which clients may reach the server, besides localhost and addresses; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub(super) allowed_host: Vec<String>,
    /// How many requests a second each client may send, watches and health checks apart; 0 for as many as it likes. One
    /// too many is answered with 429 and `Retry-After`. [default: 0 on loopback, else 1000]
    #[arg(long, value_name = "N")]
    pub(super) client_requests_per_second: Option<u32>,
    /// Let pods be privileged, and all that --allow-host lets them.
    #[arg(long)]
    pub(super) allow_privileged: bool,
    /// Let pods use the host's network and processes, and mount its paths.
    #[arg(long)]
    pub(super) allow_host: bool,
    /// How logs are written. [default: text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) log_format: Option<LogFormat>,
    /// How much is logged: error, warn, info, debug or trace. [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub(super) log_level: Option<String>,
    /// Address on which node ports are open. [default: that of --listen]
    #[arg(long, value_name = "IP")]
    pub(super) node_port_address: Option<String>,
    /// First and last node port. [default: 30000-32767]
    #[arg(long, value_name = "FIRST-LAST")]
    pub(super) node_ports: Option<String>,
    /// Range of service addresses. [default: 10.96.0.0/12]
    #[arg(long, value_name = "IP/PREFIX")]
    pub(super) service_network: Option<String>,
    /// How often each Docker host is asked whether it lives. [default: 5]
    #[arg(long, value_name = "SECONDS")]
    pub(super) heartbeat_seconds: Option<u32>,
    /// How long a node may be silent before it is `NotReady`. [default: 50]
    #[arg(long, value_name = "SECONDS")]
    pub(super) node_grace_seconds: Option<u32>,
    /// How long pods stay on a node that is `NotReady`, unless they say otherwise. [default: 300]
    #[arg(long, value_name = "SECONDS")]
    pub(super) toleration_seconds: Option<u32>,
    /// File with a `KubeSchedulerConfiguration` (v1): the schedulers' profiles, their plugins, weights and arguments.
    /// [default: upstream's default profile]
    #[arg(long, value_name = "FILE")]
    pub(super) scheduler_config: Option<PathBuf>,
    /// Seed of the cluster's random choices; kept from the first start on. [default: a random one, or the scenario's]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Serve a simulated cluster in virtual time instead of Docker hosts: a file of manifests or a scenario, `-` for
    /// standard input, or the name of a scenario Kubarium comes with, such as `demo`. Nothing of it is kept.
    #[arg(long, value_name = "SCENARIO")]
    pub(super) simulate: Option<String>,
    /// How many virtual seconds pass in a real one, from 0.01; 1000000 is as fast as it can. [default: 1]
    #[arg(long, value_name = "N")]
    pub(super) speed: Option<f64>,
    /// Begin with the clock of the simulated cluster held: see `kubarium clock`.
    #[arg(long)]
    pub(super) paused: bool,
}

/// Settings that were checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the API is served.
    pub listen: SocketAddr,
    /// The data directory, where one was named.
    pub data_dir: Option<PathBuf>,
    /// What clients are shown; none for plain HTTP.
    pub tls: Option<ServingTls>,
    /// The file with the token, where one was named.
    pub token_file: Option<PathBuf>,
    /// Host names clients may use, besides localhost and addresses.
    pub allowed_hosts: BTreeSet<String>,
    /// How many requests a second each client may send; none for as many as it likes.
    pub client_requests_per_second: Option<NonZeroU32>,
    /// How logs are written.
    pub log_format: LogFormat,
    /// How much is logged.
    pub log_level: Level,
    /// The seed, where one was given.
    pub seed: Option<u64>,
    /// What kind of cluster is served.
    pub cluster: ClusterSettings,
}

/// What kind of cluster is served.
#[derive(Clone, Debug)]
pub enum ClusterSettings {
    /// One on Docker hosts.
    Live(LiveSettings),
    /// One in virtual time.
    Simulated(SimulatedSettings),
}

impl Settings {
    /// Brings flags and file together and checks everything that can be checked without opening or binding.
    pub fn gather(arguments: ServeArguments) -> Result<Self, Failure> {
        let file = arguments.config.as_deref().map(ConfigFile::read).transpose()?.unwrap_or_default();
        let field = Field { file: arguments.config.is_some() };

        let listen = arguments.listen.clone().or(file.listen.clone()).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
        let listen: SocketAddr = match listen.strip_prefix("localhost:").map(str::parse::<u16>) {
            Some(Ok(port)) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            _ => listen.parse().map_err(|_| {
                field.wrong("listen", &format!("`{listen}` is not an address with a port, like 127.0.0.1:8080"))
            })?,
        };
        let token_file = arguments.token_file.clone().or(file.token_file.clone());
        let mut allowed_hosts: BTreeSet<String> =
            arguments.allowed_host.iter().chain(&file.allowed_hosts).map(|h| h.to_ascii_lowercase()).collect();
        for host in &allowed_hosts {
            if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')) {
                return Err(field.wrong("allowed-host", &format!("`{host}` is not a host name")));
            }
        }
        let tls = ServingTls::gather(&arguments, &file, &field, listen, &mut allowed_hosts)?;
        let data_dir = arguments.data_dir.clone().or(file.data_dir.clone());
        let log_level = arguments.log_level.clone().or(file.log_level.clone()).unwrap_or_else(|| "info".to_owned());
        let log_level = log_level.parse().map_err(|_| {
            field.wrong("log-level", &format!("`{log_level}` is none of error, warn, info, debug, trace"))
        })?;
        let log_format = arguments.log_format.or(file.log_format).unwrap_or_default();
        let seed = arguments.seed.or(file.seed);
        let client_rate = arguments.client_requests_per_second.or(file.client_requests_per_second);
        let client_rate = client_rate.unwrap_or(if listen.ip().is_loopback() { 0 } else { CLIENT_RATE });
        let cluster = match arguments.simulate.clone().or(file.simulate.clone()) {
            Some(scenario) => {
                ClusterSettings::Simulated(SimulatedSettings::gather(scenario, &arguments, &file, &field)?)
            }
            None => ClusterSettings::Live(LiveSettings::gather(arguments, file, &field, listen.ip())?),
        };
        Ok(Self {
            listen,
            data_dir,
            tls,
            token_file,
            allowed_hosts,
            client_requests_per_second: NonZeroU32::new(client_rate),
            log_format,
            log_level,
            seed,
            cluster,
        })
    }

    /// Where state, tokens and certificates are.
    pub fn data_dir(&self) -> Result<PathBuf, Failure> {
        self.data_dir.clone().map_or_else(default_data_dir, Ok)
    }
}

/// Names a setting in an error: as a flag, and as a field where a file was read.
pub(super) struct Field {
    file: bool,
}

impl Field {
    pub(super) fn wrong(&self, flag: &str, what: &str) -> Failure {
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
