//! Docker hosts: each is a node, each has a task of its own, and none can hold up another.
//!
//! A pod is a sandbox container that holds network and volumes, and its containers, which join it. Everything carries the
//! cluster's id as a label, so that it is found again after a restart and strangers' containers are left alone.
//! Nothing here decides what should run.

mod container;
mod dial;
mod dial_program;
mod disk;
mod engine;
mod environment;
mod hijack;
mod host;
mod image;
mod lanes;
mod listing;
mod logs;
mod machine;
mod names;
mod operation;
mod own_image;
mod ports;
mod probe;
mod process;
mod reporter;
mod settings;
mod status;
mod tar;
mod unverified;
mod usage;
mod volume;

pub use dial::Connection;
pub use hijack::{Input, Output, Source};
pub use logs::LogStream;
pub(crate) use ports::join;
pub use process::{Control, End, Process};

use crate::config::DockerHost;
use crate::driver::DriverHandle;
use crate::metrics::Metrics;
use crate::storage::Storage;
use engine::{Engine, Purpose};
use kubarium_core::api::{Name, Uid};
use kubarium_core::apiserver::{ExecQuery, LogQuery};
use kubarium_core::runtime::{MachineUsage, PodRef, RuntimeCommand, RuntimeEvent};
use ports::Ports;
use reporter::Reporter;
use status::StatusCell;
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// How a host is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostStatus {
    /// Its name and its node's.
    pub name: String,
    /// Where it is reached.
    pub endpoint: String,
    /// Whether it comes from the flags or the configuration file, and so cannot be removed while the server runs.
    pub configured: bool,
    /// Whether it answers.
    pub connected: bool,
    /// A sentence on how it is.
    pub message: String,
}

/// Why a host was not added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddError {
    /// There is one of that name.
    Exists,
    /// It could not be kept.
    Storage(String),
}

#[derive(Debug)]
struct Entry {
    host: DockerHost,
    configured: bool,
    commands: mpsc::UnboundedSender<RuntimeCommand>,
    ports: Arc<Ports>,
    status: Arc<StatusCell>,
    end: CancellationToken,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Inner {
    entries: RwLock<BTreeMap<Name, Entry>>,
    driver: std::sync::OnceLock<DriverHandle>,
    storage: Arc<Storage>,
    purpose: Purpose,
    heartbeat: Duration,
}

/// All Docker hosts. Clones are the same.
#[derive(Clone, Debug)]
pub struct Hosts(Arc<Inner>);

impl Hosts {
    /// None yet.
    pub fn new(
        cluster_id: String,
        allow_privileged: bool,
        heartbeat: Duration,
        metrics: Arc<Metrics>,
        storage: Arc<Storage>,
    ) -> Self {
        Self(Arc::new(Inner {
            entries: RwLock::default(),
            driver: std::sync::OnceLock::new(),
            storage,
            purpose: Purpose { cluster: cluster_id, allow_privileged, metrics },
            heartbeat,
        }))
    }

    /// The id of the cluster whose containers these are.
    pub fn cluster_id(&self) -> &str {
        &self.0.purpose.cluster
    }

    /// Says whom to tell what is seen. Before this, no host is connected to.
    pub fn tell(&self, driver: DriverHandle) {
        // Set once, when the server starts.
        let _ = self.0.driver.set(driver);
    }

    /// Adds a host and begins to connect to it; `keep` it for the next start, or take it as configured.
    pub fn add(&self, host: DockerHost, keep: bool) -> Result<(), AddError> {
        let Some(driver) = self.0.driver.get().cloned() else {
            return Err(AddError::Storage("the server is still starting".to_owned()));
        };
        let mut entries = self.0.entries.write().map_err(|e| AddError::Storage(e.to_string()))?;
        let node: Name = host.name.as_str().into();
        if entries.contains_key(&node) {
            return Err(AddError::Exists);
        }
        if keep {
            let endpoint = host.endpoint.to_string();
            self.0.storage.set_host(&host.name, Some(&endpoint)).map_err(|e| AddError::Storage(e.to_string()))?;
        }
        let (sender, commands) = mpsc::unbounded_channel();
        let ports = Arc::new(Ports::new(&host.endpoint));
        let status = Arc::new(StatusCell::default());
        status.set(None, "connecting");
        let end = CancellationToken::new();
        let task = host::Task {
            host: host.clone(),
            node: node.clone(),
            purpose: self.0.purpose.clone(),
            heartbeat: self.0.heartbeat,
            reporter: Reporter { driver, node: node.clone() },
            ports: Arc::clone(&ports),
            status: Arc::clone(&status),
            commands,
            end: end.clone(),
        };
        let task = tokio::spawn(task.run());
        entries.insert(node, Entry { host, configured: !keep, commands: sender, ports, status, end, task });
        Ok(())
    }

    /// Removes a host that was added while the server ran. Its containers go on running.
    pub async fn remove(&self, name: &str) -> Result<(), String> {
        self.0.storage.set_host(name, None).map_err(|e| e.to_string())?;
        let entry = self.0.entries.write().map_err(|e| e.to_string())?.remove(name);
        let Some(entry) = entry else { return Ok(()) };
        entry.end.cancel();
        // It ends at its next step; what it saw until then was told.
        let _ = entry.task.await;
        self.0.purpose.metrics.docker_forgotten(name);
        if let Some(driver) = self.0.driver.get() {
            driver.runtime(&name.into(), RuntimeEvent::Left).await.map_err(|e| e.to_string())?;
            // Whoever removed it finds what came of it.
            driver.caught_up().await.map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// All hosts by name.
    pub fn list(&self) -> Vec<HostStatus> {
        let Ok(entries) = self.0.entries.read() else { return Vec::new() };
        entries
            .values()
            .map(|entry| {
                let (connected, message) = entry.status.summary();
                HostStatus {
                    name: entry.host.name.clone(),
                    endpoint: entry.host.endpoint.to_string(),
                    configured: entry.configured,
                    connected,
                    message,
                }
            })
            .collect()
    }

    /// Hands a command to a node's host. Commands for nodes without one are dropped: nobody is there to do them.
    pub fn command(&self, node: &Name, command: RuntimeCommand) {
        let sent = self.0.entries.read().ok().and_then(|e| e.get(node).map(|e| e.commands.send(command).is_ok()));
        if sent != Some(true) {
            debug!(%node, "no host for a command");
        }
    }

    /// Where to connect for a port of a pod on a node, or of an address that is no pod's. The error is a sentence.
    pub fn address(&self, place: Option<(&Name, Uid)>, ip: Option<&Name>, port: u16) -> Result<String, String> {
        let ip = ip.map(Name::as_str).filter(|ip| !ip.is_empty());
        let Some((node, pod)) = place else {
            return ip.map(|ip| ports::join(ip, port)).ok_or_else(|| "there is no address".to_owned());
        };
        let ports = self.0.entries.read().ok().and_then(|e| e.get(node).map(|e| Arc::clone(&e.ports)));
        match (ports, ip) {
            (Some(ports), ip) => ports.address(pod, ip, port),
            (None, Some(ip)) => Ok(ports::join(ip, port)),
            (None, None) => Err(format!("node {node} has no Docker host")),
        }
    }

    /// What a container wrote. The error is a sentence.
    pub async fn logs(&self, query: &LogQuery) -> Result<LogStream, String> {
        logs::stream(&self.engine(&query.node)?, query).await
    }

    /// Begins a command in a container, or attaches to it. The error is a sentence.
    pub async fn process(&self, query: &ExecQuery) -> Result<Process, String> {
        process::start(&self.engine(&query.node)?, query).await
    }

    /// Connects to a port of a pod, as who is in it would. The error is a sentence.
    pub async fn dial(&self, node: &Name, pod: &PodRef, port: u16) -> Result<Connection, String> {
        dial::dial(&self.engine(node)?, pod, port).await
    }

    /// What the containers on all hosts that answer use now. It takes a second or two.
    pub async fn usage(&self) -> Vec<MachineUsage> {
        let nodes: Vec<Name> = self.0.entries.read().map(|e| e.keys().cloned().collect()).unwrap_or_default();
        let asked = nodes.into_iter().map(|node| async move {
            let engine = self.engine(&node).ok()?;
            let containers = usage::of(&engine).await.ok()?;
            Some(MachineUsage { node, containers })
        });
        futures_util::future::join_all(asked).await.into_iter().flatten().collect()
    }

    fn engine(&self, node: &Name) -> Result<Engine, String> {
        let status = self.0.entries.read().ok().and_then(|e| e.get(node).map(|e| Arc::clone(&e.status)));
        status.ok_or_else(|| format!("node {node} has no Docker host"))?.engine()
    }

    /// Ends all tasks. Containers go on running.
    pub async fn end(&self) {
        let entries = self.0.entries.write().map(|mut e| std::mem::take(&mut *e)).unwrap_or_default();
        for entry in entries.values() {
            entry.end.cancel();
        }
        for entry in entries.into_values() {
            // It was told to end.
            let _ = entry.task.await;
        }
    }
}
