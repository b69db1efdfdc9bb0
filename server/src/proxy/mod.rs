//! Node ports for real: listeners on the server that pass connections on to ready pods.
//!
//! Which pod answers is the core's decision, taken for each connection by [`Routes`]. A connection once made lives as
//! long as its two ends want, whatever becomes of the service or other pods.

mod connection;
mod port;
mod routes;

pub use routes::Routes;

use crate::docker::Hosts;
use crate::driver::DriverHandle;
use crate::metrics::Metrics;
use port::NodePort;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// What every listener needs.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Address on which node ports are open.
    pub address: IpAddr,
    /// Who decides.
    pub routes: Arc<Routes>,
    /// Where pods are.
    pub hosts: Hosts,
    /// Whom to tell of a port that cannot be opened.
    pub driver: DriverHandle,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Keeps the listeners in step with the services until `stopping` says to end.
pub async fn run(proxy: Proxy, mut stopping: watch::Receiver<bool>) {
    let mut changes = proxy.routes.changes();
    let mut open: BTreeMap<u16, NodePort> = BTreeMap::new();
    loop {
        changes.borrow_and_update();
        let wanted = proxy.routes.node_ports();
        // Dropping a listener closes it; its connections go on.
        open.retain(|port, listener| wanted.get(port) == Some(listener.service()));
        for (port, service) in wanted {
            open.entry(port).or_insert_with(|| NodePort::open(proxy.clone(), port, service));
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}
