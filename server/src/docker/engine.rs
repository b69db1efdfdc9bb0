//! A connection to a Docker engine: its calls with time limits, and its errors in words.

use super::ports::Ports;
use super::{disk, names, own_image};
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
use tracing::warn;

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
    /// How large the disk is on which it keeps containers, in bytes, where that could be found out.
    pub(super) disk_bytes: Option<u64>,
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
        let (status, message) = match error {
            E::DockerResponseServerError { status_code, message } => (Some(status_code), message),
            E::DockerStreamError { error } => (None, error),
            E::JsonDataError { message, .. } => (None, format!("{NOT_AN_ENGINE}: {message}")),
            E::APIVersionParseError {} => (None, format!("{NOT_AN_ENGINE}: it names no version of the API")),
            E::SocketNotFoundError(_) => (None, "there is no such socket".to_owned()),
            E::RequestTimeoutError => (None, "no answer in time".to_owned()),
            other => (None, cause(&other)),
        };
        Self { status, message }
    }
}

const NOT_AN_ENGINE: &str = "the answer is not a Docker engine's";

/// The cause that matters, which libraries hide behind "client error (Connect)" and the like.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut at = Some(error);
    while let Some(error) = at {
        text = match (error.downcast_ref::<std::io::Error>(), error.downcast_ref::<hyper::Error>()) {
            // In words: without the number, and without a capital within a sentence.
            (Some(io), _) if io.raw_os_error().is_some() => {
                let words = io.to_string();
                let words = words.split(" (os error").next().unwrap_or_default();
                let mut letters = words.chars();
                letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
            }
            (_, Some(http)) if http.is_parse() => format!("{NOT_AN_ENGINE}: {http}"),
            (_, Some(http)) if http.is_incomplete_message() => "the connection ended before an answer".to_owned(),
            _ => error.to_string(),
        };
        at = error.source();
    }
    text
}

/// How much of what an endpoint answered is shown: it may be a page.
const BRIEF_CHARACTERS_MAX: usize = 200;

impl EngineError {
    /// The message on one line, cut where it is long.
    pub(super) fn brief(&self) -> String {
        let mut line = String::new();
        if let Some(status) = self.status {
            line = format!("HTTP status {status}: ");
        }
        line += &self.message.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() > BRIEF_CHARACTERS_MAX {
            line = line.chars().take(BRIEF_CHARACTERS_MAX).chain(['…']).collect();
        }
        line.chars().filter(|c| !c.is_control()).collect()
    }

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
    /// Connects, agrees on a version, asks what the machine is, and sees that our own image is there.
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
            let message = format!("{NOT_AN_ENGINE}: it names no processors and no memory");
            return Err(EngineError { status: None, message });
        }
        ensure_own_image(&docker, version.arch.as_deref().unwrap_or_default()).await?;
        let disk_bytes = match disk::size(&docker, &purpose.cluster).await {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                warn!(node = host.name, error = error.message, "the size of the host's disk is not known");
                None
            }
        };
        let host_ip = host_ip(&host.endpoint).await;
        Ok(Self(Arc::new(Inner {
            docker,
            node: host.name.as_str().into(),
            cluster: purpose.cluster.clone(),
            endpoint: host.endpoint.clone(),
            host_ip,
            allow_privileged: purpose.allow_privileged,
            info,
            version,
            disk_bytes,
            ports,
            metrics: Arc::clone(&purpose.metrics),
            operations: Semaphore::new(OPERATIONS_MAX),
            pulls: Semaphore::new(PULLS_MAX),
            waits: Semaphore::new(WAITS_MAX),
            images: Mutex::default(),
        })))
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
}

async fn ensure_own_image(docker: &Docker, architecture: &str) -> Result<(), EngineError> {
    match limited(CALL_TIMEOUT, docker.inspect_image(own_image::IMAGE)).await {
        Ok(_) => return Ok(()),
        Err(error) if error.is_missing() => {}
        Err(error) => return Err(error),
    }
    let tar = own_image::image(architecture).map_err(|message| EngineError { status: None, message })?;
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo(own_image::IMAGE_REPOSITORY)
        .tag(own_image::IMAGE_TAG)
        .message("made by kubarium: holds the network of a pod, and measures the disk")
        .build();
    let body = bollard::body_full(Bytes::from(tar));
    limited(CALL_TIMEOUT, async {
        let mut progress = std::pin::pin!(docker.create_image(Some(options), Some(body), None));
        while let Some(step) = progress.next().await {
            step?;
        }
        Ok::<_, bollard::errors::Error>(())
    })
    .await
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
