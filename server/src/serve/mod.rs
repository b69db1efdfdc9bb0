//! `kubarium serve`: puts the parts together and takes them apart again.

mod live;

use crate::config::{ClusterSettings, ServeArguments, Settings};
use crate::docker::Hosts;
use crate::driver::{self, DriverHandle, Simulation};
use crate::failure::Failure;
use crate::http::{self, Access, App, Limits, Parts};
use crate::metrics::Metrics;
use crate::proxy::{self, Proxy};
use crate::storage::Storage;
use crate::token::Tokens;
use crate::{logging, simulate, tls};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tracing::{info, warn};

/// What stands behind the API.
struct Backend {
    driver: DriverHandle,
    /// What the driver's loop ends with.
    end: oneshot::Receiver<Result<(), Failure>>,
    /// The Docker hosts and the way to their pods; none where the cluster is simulated.
    machines: Option<(Hosts, Proxy)>,
}

/// `kubarium serve`.
pub fn run(arguments: ServeArguments) -> Result<(), Failure> {
    let settings = Settings::gather(arguments)?;
    let tokens = tokens(&settings)?;
    logging::start(settings.log_format, settings.log_level);
    let tls = settings.tls.clone().map(tls::Keeper::new).transpose()?;
    if tls.is_none() && !settings.listen.ip().is_loopback() {
        warn!(listen = %settings.listen, "there is no TLS here: tokens can be read on their way");
    }
    if tokens.is_some() {
        info!("clients need a token: `kubarium token` prints it");
    }
    let metrics = Arc::new(Metrics::default());
    // What is read from disk is read before anything is bound.
    match settings.cluster.clone() {
        ClusterSettings::Live(live) => {
            let (storage, loaded) =
                Storage::open(&live.data_dir, settings.seed).map_err(|e| Failure::usage(e.to_string()))?;
            info!(data_dir = %live.data_dir.display(), "the cluster is live");
            let start = |metrics: &Arc<Metrics>| live::start(live, storage, loaded, metrics);
            block_on(serve(settings, tls, tokens, metrics, start))
        }
        ClusterSettings::Simulated(simulated) => {
            let world = simulate::begin(&simulated.scenario, settings.seed)?;
            let pace = simulated.pace();
            info!(scenario = simulated.scenario, "the cluster is simulated; nothing of it is kept");
            let start = |metrics: &Arc<Metrics>| {
                let runtime = tokio::runtime::Handle::current();
                let (driver, end) = driver::simulate(Simulation { world, pace }, Arc::clone(metrics), runtime)?;
                Ok(Backend { driver, end, machines: None })
            };
            block_on(serve(settings, tls, tokens, metrics, start))
        }
    }
}

fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::running(format!("cannot start threads: {e}")))?;
    let result = runtime.block_on(work);
    // Nothing that still runs may hold up the end: what counts is on disk.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// The tokens clients must show, the administrator's at least; none for plain HTTP on loopback, unless a file is named.
fn tokens(settings: &Settings) -> Result<Option<Tokens>, Failure> {
    if let Some(path) = &settings.token_file {
        return Tokens::read(path).map(Some);
    }
    if settings.tls.is_none() && settings.listen.ip().is_loopback() {
        return Ok(None);
    }
    Tokens::of(&settings.data_dir()?).map(Some)
}

async fn serve(
    settings: Settings,
    tls: Option<(tls::Keeper, tls::Current)>,
    tokens: Option<Tokens>,
    metrics: Arc<Metrics>,
    start: impl FnOnce(&Arc<Metrics>) -> Result<Backend, Failure>,
) -> Result<(), Failure> {
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|e| Failure::usage(format!("--listen: cannot listen on {}: {e}", settings.listen)))?;
    let address = listener.local_addr().unwrap_or(settings.listen);
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|e| Failure::running(format!("cannot wait for signals: {e}")))?;

    let Backend { driver, mut end, machines } = start(&metrics)?;
    let (hosts, proxy) = machines.unzip();
    let (stop, stopping) = watch::channel(false);
    let app = App::new(Parts {
        driver: driver.clone(),
        hosts: hosts.clone(),
        access: Access { tokens, allowed_hosts: settings.allowed_hosts },
        limits: Limits::new(settings.client_requests_per_second),
        metrics,
        stopping: stopping.clone(),
    });
    if let Some(proxy) = proxy {
        tokio::spawn(proxy::run(proxy, stopping));
    }
    let (keeper, tls) = tls.unzip();
    if let Some(keeper) = keeper {
        tokio::spawn(keeper.run());
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    let served = tokio::spawn(http::serve(listener, tls, app));
    info!(%address, scheme, "serving");
    // For people and for programs that started us on port 0.
    println!("kubarium serves {scheme}://{address}/ui/");

    let mut ended = None;
    tokio::select! {
        result = &mut end => ended = Some(result),
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    if ended.is_none() {
        info!("asked to end{}", if hosts.is_some() { "; containers go on running" } else { "" });
    }
    stop.send_replace(true);
    // Answers to requests under way need the driver, so it ends after them.
    let _ = served.await;
    if let Some(hosts) = hosts {
        hosts.end().await;
    }
    let ended = if let Some(ended) = ended {
        ended
    } else {
        driver.stop().await;
        end.await
    };
    ended.unwrap_or_else(|_| {
        Err(Failure::running("the control plane ended by a fault in it; please report the log above"))
    })
}
