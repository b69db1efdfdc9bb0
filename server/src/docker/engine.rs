//! A connection to a Docker engine: its calls with time limits, and its errors in words.

use super::ports::Ports;
use super::{names, pause};
use crate::config::{DockerHost, Endpoint};
use crate::metrics::Metrics;
use bollard::query_parameters::{CreateImageOptionsBuilder, ListContainersOptionsBuilder};
use bollard::{API_DEFAULT_VERSION, Docker, models};
use bytes::Bytes;
use futures_util::StreamExt as _;
use kubarium_core::api::Name;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How long a call may take, unless it waits for something by its nature.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_mins(1);

/// How long the first calls to an engine may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest any call may take: a container's grace period.
const TIMEOUT_MAX_S: u64 = 24 * 3600;

/// How many operations run on a host at once.
const OPERATIONS_MAX: usize = 8;

/// How many pulls run on a host at once.
const PULLS_MAX: usize = 3;

/// How many stops and probes wait on a host at once; each costs it little.
const WAITS_MAX: usize = 64;

/// An engine that answered.
#[derive(Clone, Debug)]
pub(super) struct Engine(Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) docker: Docker,
    pub(super) node: Name,
    pub(super) cluster: String,
    pub(super) endpoint: Endpoint,
    pub(super) host_ip: Name,
    pub(super) allow_privileged: bool,
    pub(super) info: models::SystemInfo,
    pub(super) version: models::SystemVersion,
    pub(super) ports: Arc<Ports>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) operations: Semaphore,
    pub(super) pulls: Semaphore,
    pub(super) waits: Semaphore,
    pub(super) images: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl std::ops::Deref for Engine {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// What an engine said no to, in words; with the HTTP status where it was an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EngineError {
    pub(super) status: Option<u16>,
    pub(super) message: String,
}

impl From<bollard::errors::Error> for EngineError {
    fn from(error: bollard::errors::Error) -> Self {
        use bollard::errors::Error as E;
        match error {
            E::DockerResponseServerError { status_code, message } => Self { status: Some(status_code), message },
            E::DockerStreamError { error } => Self { status: None, message: error },
            E::JsonDataError { message, .. } => {
                Self { status: None, message: format!("the answer is not a Docker engine's: {message}") }
            }
            E::RequestTimeoutError => Self { status: None, message: "no answer in time".to_owned() },
            other => Self { status: None, message: chain(&other) },
        }
    }
}

/// An error with its causes: libraries hide the one that matters behind "client error (Connect)".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

impl EngineError {
    /// Whether the engine says that the thing is not there.
    pub(super) fn is_missing(&self) -> bool {
        self.status == Some(404)
    }

    /// Whether the engine says that the thing is there already, or that there is nothing to do.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self.status, Some(304 | 409))
    }
}

/// Waits for a call, but not forever.
pub(super) async fn limited<T, E: Into<EngineError>>(
    limit: Duration,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, EngineError> {
    match tokio::time::timeout(limit, call).await {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(EngineError { status: None, message: format!("no answer within {} s", limit.as_secs()) }),
    }
}

/// What an engine is connected for.
#[derive(Clone, Debug)]
pub(super) struct Purpose {
    pub(super) cluster: String,
    pub(super) allow_privileged: bool,
    pub(super) metrics: Arc<Metrics>,
}

impl Engine {
    /// Connects, agrees on a version, asks what the machine is and sees that the pause image is there.
    pub(super) async fn connect(host: &DockerHost, purpose: &Purpose, ports: Arc<Ports>) -> Result<Self, EngineError> {
        let docker = open(&host.endpoint)?;
        let (docker, version, info) = limited(CONNECT_TIMEOUT, async {
            let docker = docker.negotiate_version().await?;
            let version = docker.version().await?;
            let info = docker.info().await?;
            Ok::<_, bollard::errors::Error>((docker, version, info))
        })
        .await?;
        if info.ncpu.is_none_or(|n| n <= 0) || info.mem_total.is_none_or(|n| n <= 0) {
            let message = "the answer is not a Docker engine's: it names no processors and no memory".to_owned();
            return Err(EngineError { status: None, message });
        }
        let host_ip = host_ip(&host.endpoint).await;
        let engine = Self(Arc::new(Inner {
            docker,
            node: host.name.as_str().into(),
            cluster: purpose.cluster.clone(),
            endpoint: host.endpoint.clone(),
            host_ip,
            allow_privileged: purpose.allow_privileged,
            info,
            version,
            ports,
            metrics: Arc::clone(&purpose.metrics),
            operations: Semaphore::new(OPERATIONS_MAX),
            pulls: Semaphore::new(PULLS_MAX),
            waits: Semaphore::new(WAITS_MAX),
            images: Mutex::default(),
        }));
        engine.ensure_pause_image().await?;
        Ok(engine)
    }

    /// Is it there?
    pub(super) async fn ping(&self, limit: Duration) -> Result<(), EngineError> {
        limited(limit, self.docker.ping()).await.map(|_| ())
    }

    /// All containers of this cluster on the host, running or not.
    pub(super) async fn list(&self, label: Option<String>) -> Result<Vec<models::ContainerSummary>, EngineError> {
        let mut labels = vec![format!("{}={}", names::CLUSTER, self.cluster)];
        labels.extend(label);
        let filters = HashMap::from([("label", labels)]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        self.timed("list", limited(CALL_TIMEOUT, self.docker.list_containers(Some(options)))).await
    }

    /// Looks at a container; none where there is no such.
    pub(super) async fn inspect(&self, name: &str) -> Result<Option<models::ContainerInspectResponse>, EngineError> {
        match limited(CALL_TIMEOUT, self.docker.inspect_container(name, None)).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Counts an operation and the time it took.
    pub(super) async fn timed<T>(
        &self,
        operation: &str,
        call: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        let start = Instant::now();
        let result = call.await;
        self.metrics.docker_operation(&self.node, operation, result.is_ok(), start.elapsed());
        result
    }

    async fn ensure_pause_image(&self) -> Result<(), EngineError> {
        match limited(CALL_TIMEOUT, self.docker.inspect_image(pause::IMAGE)).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error),
        }
        let architecture = self.version.arch.as_deref().unwrap_or_default();
        let tar = pause::image(architecture).map_err(|message| EngineError { status: None, message })?;
        let options = CreateImageOptionsBuilder::new()
            .from_src("-")
            .repo(pause::IMAGE_REPOSITORY)
            .tag(pause::IMAGE_TAG)
            .message("made by kubarium: holds the network of a pod")
            .build();
        let body = bollard::body_full(Bytes::from(tar));
        limited(CALL_TIMEOUT, async {
            let mut progress = std::pin::pin!(self.docker.create_image(Some(options), Some(body), None));
            while let Some(step) = progress.next().await {
                step?;
            }
            Ok::<_, bollard::errors::Error>(())
        })
        .await
    }
}

fn open(endpoint: &Endpoint) -> Result<Docker, EngineError> {
    Ok(match endpoint {
        Endpoint::Unix { path } => {
            Docker::connect_with_unix(&path.to_string_lossy(), TIMEOUT_MAX_S, API_DEFAULT_VERSION)?
        }
        Endpoint::Tcp { host, port, tls, .. } => {
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            let address = format!("tcp://{host}:{port}");
            match tls {
                None => Docker::connect_with_http(&address, TIMEOUT_MAX_S, API_DEFAULT_VERSION)?,
                Some(tls) => Docker::connect_with_ssl(
                    &address,
                    &tls.key,
                    &tls.cert,
                    &tls.ca,
                    TIMEOUT_MAX_S,
                    API_DEFAULT_VERSION,
                )?,
            }
        }
    })
}

/// The host's address as nodes show it: a name is looked up, as far as it can be.
async fn host_ip(endpoint: &Endpoint) -> Name {
    match endpoint {
        Endpoint::Unix { .. } => Name::new_static("127.0.0.1"),
        Endpoint::Tcp { host, .. } if host.parse::<std::net::IpAddr>().is_ok() => host.as_str().into(),
        Endpoint::Tcp { host, port, .. } => match tokio::net::lookup_host((host.as_str(), *port)).await {
            Ok(mut found) => found.next().map_or_else(|| host.as_str().into(), |a| a.ip().to_string().into()),
            Err(_) => host.as_str().into(),
        },
    }
}
