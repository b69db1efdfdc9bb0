//! `kubarium serve`: puts the parts together and takes them apart again.

use crate::config::{DockerHost, ServeArguments, Settings};
use crate::docker::Hosts;
use crate::driver::{self, DriverHandle};
use crate::failure::Failure;
use crate::http::{self, Access, App};
use crate::metrics::Metrics;
use crate::proxy::{self, Proxy, Routes};
use crate::storage::{Loaded, Storage};
use crate::token::{TOKEN_FILE, Token};
use crate::{clock, logging};
use kubarium_core::{Cluster, Config, Effect};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

/// `kubarium serve`.
pub fn run(arguments: ServeArguments) -> Result<(), Failure> {
    let settings = Settings::gather(arguments)?;
    let token = token(&settings)?;
    logging::start(settings.log_format, settings.log_level);
    let (storage, loaded) =
        Storage::open(&settings.data_dir, settings.seed).map_err(|e| Failure::usage(e.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::running(format!("cannot start threads: {e}")))?;
    let result = runtime.block_on(serve(settings, token, storage, loaded));
    // Nothing that still runs may hold up the end: what counts is on disk.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// The token clients must show; none on loopback, unless a file is named.
fn token(settings: &Settings) -> Result<Option<Token>, Failure> {
    if let Some(path) = &settings.token_file {
        return Token::read(path).map(Some);
    }
    if settings.listen.ip().is_loopback() {
        return Ok(None);
    }
    let path = settings.data_dir.join(TOKEN_FILE);
    if path.exists() {
        return Token::read(&path).map(Some);
    }
    Err(Failure::usage(format!(
        "--listen: {} can be reached by others, so clients need a token: make one with `kubarium token --data-dir {}` \
         and start again, or give --token-file",
        settings.listen,
        settings.data_dir.display()
    )))
}

async fn serve(settings: Settings, token: Option<Token>, storage: Storage, loaded: Loaded) -> Result<(), Failure> {
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|e| Failure::usage(format!("--listen: cannot listen on {}: {e}", settings.listen)))?;
    let address = listener.local_addr().unwrap_or(settings.listen);
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|e| Failure::running(format!("cannot wait for signals: {e}")))?;

    let Loaded { identity, revision, objects, hosts: kept } = loaded;
    let config = Config { seed: identity.seed, ..settings.cluster.clone() };
    let cluster = match revision {
        Some(revision) => Cluster::restore(config, clock::now(), revision, objects),
        None => Cluster::new(config, clock::now()),
    };
    let storage = Arc::new(storage);
    let metrics = Arc::new(Metrics::default());
    let routes = Arc::new(Routes::new(identity.seed));
    let heartbeat = Duration::from_secs(settings.heartbeat_seconds.into());
    let hosts = Hosts::new(
        identity.cluster_id,
        settings.cluster.allow_privileged,
        heartbeat,
        Arc::clone(&metrics),
        Arc::clone(&storage),
    );
    let (driver, mut driver_end) = start_driver(cluster, storage, &metrics, &hosts, &routes)?;
    hosts.tell(driver.clone());
    join_hosts(&hosts, settings.docker, kept);

    let (stop, stopping) = watch::channel(false);
    let app = App {
        driver: driver.clone(),
        hosts: hosts.clone(),
        access: Arc::new(Access { token, allowed_hosts: settings.allowed_hosts }),
        metrics: Arc::clone(&metrics),
        stopping: stopping.clone(),
    };
    let proxy =
        Proxy { address: settings.node_port_address, routes, hosts: hosts.clone(), driver: driver.clone(), metrics };
    tokio::spawn(proxy::run(proxy, stopping));
    let served = tokio::spawn(http::serve(listener, app));
    info!(%address, data_dir = %settings.data_dir.display(), "serving");
    // For people and for programs that started us on port 0.
    println!("kubarium serves http://{address}/ui/");

    let mut ended = None;
    tokio::select! {
        end = &mut driver_end => ended = Some(end),
        _ = terminate.recv() => info!("asked to end; containers go on running"),
        _ = tokio::signal::ctrl_c() => info!("asked to end; containers go on running"),
    }
    stop.send_replace(true);
    // Answers to requests under way need the driver, so it ends after them.
    let _ = served.await;
    hosts.end().await;
    let ended = if let Some(ended) = ended {
        ended
    } else {
        driver.stop().await;
        driver_end.await
    };
    ended.unwrap_or_else(|_| {
        Err(Failure::running("the control plane ended by a fault in it; please report the log above"))
    })
}

fn start_driver(
    cluster: Cluster,
    storage: Arc<Storage>,
    metrics: &Arc<Metrics>,
    hosts: &Hosts,
    routes: &Arc<Routes>,
) -> Result<(DriverHandle, tokio::sync::oneshot::Receiver<Result<(), Failure>>), Failure> {
    let (hosts, routes) = (hosts.clone(), Arc::clone(routes));
    let effects = Box::new(move |effect| match effect {
        Effect::Runtime { node, command } => hosts.command(&node, command),
    });
    let observer = Box::new(move |cluster: &Cluster| routes.update(cluster.router()));
    driver::start(cluster, storage, Arc::clone(metrics), effects, observer, tokio::runtime::Handle::current())
}

/// Connects to the hosts of flags and file, and to those that were added in an earlier life.
fn join_hosts(hosts: &Hosts, configured: Vec<DockerHost>, kept: Vec<(String, String)>) {
    for host in configured {
        let name = host.name.clone();
        if let Err(error) = hosts.add(host, false) {
            warn!(name, ?error, "cannot add a Docker host");
        }
    }
    for (name, endpoint) in kept {
        let endpoint = match endpoint.parse() {
            Ok(endpoint) => endpoint,
            Err(error) => {
                warn!(name, error, "a Docker host that was added earlier cannot be used");
                continue;
            }
        };
        // One of the flags may have taken its name; it goes before.
        if hosts.add(DockerHost { name: name.clone(), endpoint }, true).is_err() {
            warn!(name, "a Docker host that was added earlier has the name of a configured one");
        }
    }
    if hosts.list().is_empty() {
        info!("there are no Docker hosts yet: add one with --docker NAME=ENDPOINT, the API or the dashboard");
    }
}
