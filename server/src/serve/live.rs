//! A live cluster behind the API: its state on disk, its machines the Docker hosts, its node ports open here.

use super::Backend;
use crate::clock;
use crate::config::{DockerHost, LiveSettings};
use crate::docker::Hosts;
use crate::driver::{self, DriverHandle};
use crate::failure::Failure;
use crate::metrics::Metrics;
use crate::proxy::{Proxy, Routes};
use crate::storage::{Loaded, Storage};
use kubarium_core::{Cluster, Config, Effect};
use std::sync::Arc;
use std::time::Duration;
use tracing::{info, warn};

/// Starts it.
pub(super) fn start(
    settings: LiveSettings,
    storage: Storage,
    loaded: Loaded,
    metrics: &Arc<Metrics>,
) -> Result<Backend, Failure> {
    let Loaded { identity, revision, objects, hosts: kept } = loaded;
    let config = Config { seed: identity.seed, ..settings.config.clone() };
    let cluster = match revision {
        Some(revision) => Cluster::restore(config, clock::now(), revision, objects),
        None => Cluster::new(config, clock::now()),
    };
    let storage = Arc::new(storage);
    let routes = Arc::new(Routes::new(identity.seed));
    let heartbeat = Duration::from_secs(settings.heartbeat_seconds.into());
    let hosts = Hosts::new(
        identity.cluster_id,
        settings.config.allow_privileged,
        heartbeat,
        Arc::clone(metrics),
        Arc::clone(&storage),
    );
    let (driver, end) = start_driver(cluster, storage, metrics, &hosts, &routes)?;
    hosts.tell(driver.clone());
    join_hosts(&hosts, settings.docker, kept);
    let proxy = Proxy {
        address: settings.node_port_address,
        routes,
        hosts: hosts.clone(),
        driver: driver.clone(),
        metrics: Arc::clone(metrics),
    };
    Ok(Backend { driver, end, machines: Some((hosts, proxy)) })
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
