//! One connection through a node port, from its client to a pod and back.

use super::Proxy;
use super::routes::ServicePort;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tracing::debug;

/// How long a pod may take to accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How many times a pod is chosen for one connection, where those chosen before did not accept.
const CHOICES_MAX: usize = 8;

/// How many different pods are tried for one connection.
const PODS_TRIED_MAX: usize = 3;

/// Passes a connection on to a pod that is ready and accepts; closes it where there is none.
pub(super) async fn pass(proxy: Proxy, service: ServicePort, mut client: TcpStream, from: SocketAddr) {
    let Some(mut pod) = connect(&proxy, &service, from).await else {
        proxy.metrics.proxy_connection(false);
        return;
    };
    proxy.metrics.proxy_connection(true);
    // Small messages go at once.
    let _ = (client.set_nodelay(true), pod.set_nodelay(true));
    // Each direction ends by itself, and an error is either end's own business.
    let _ = copy_bidirectional(&mut client, &mut pod).await;
}

async fn connect(proxy: &Proxy, service: &ServicePort, from: SocketAddr) -> Option<TcpStream> {
    let client = from.ip().to_string();
    let mut tried = BTreeSet::new();
    for _ in 0..CHOICES_MAX {
        let backend = proxy.routes.route(service, &client)?;
        if tried.len() >= PODS_TRIED_MAX {
            return None;
        }
        if !tried.insert((backend.ip.clone(), backend.port)) {
            continue;
        }
        let place = backend.node.as_ref().zip(backend.pod.as_ref().map(|pod| pod.uid));
        let address = match proxy.hosts.address(place, Some(&backend.ip), backend.port) {
            Ok(address) => address,
            Err(why) => {
                debug!(ip = %backend.ip, why, "cannot be reached");
                continue;
            }
        };
        match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(&address)).await {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => debug!(address, %error, "did not accept"),
            Err(_) => debug!(address, "did not accept in time"),
        }
    }
    None
}
