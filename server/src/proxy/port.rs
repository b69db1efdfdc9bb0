//! One open node port.

use super::routes::ServicePort;
use super::{Proxy, connection};
use kubarium_core::apiserver;
use serde_json::json;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tracing::{info, warn};

/// First and longest wait before a port that could not be opened is tried again.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// A listener and the service behind it. Closes when dropped; connections made through it go on.
#[derive(Debug)]
pub(super) struct NodePort {
    service: ServicePort,
    task: JoinHandle<()>,
}

impl Drop for NodePort {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl NodePort {
    /// Opens a port, now or as soon as it is free.
    pub(super) fn open(proxy: Proxy, port: u16, service: ServicePort) -> Self {
        let task = tokio::spawn(listen(proxy, port, service.clone()));
        Self { service, task }
    }

    pub(super) const fn service(&self) -> &ServicePort {
        &self.service
    }
}

async fn listen(proxy: Proxy, port: u16, service: ServicePort) {
    let mut retry = RETRY_MIN;
    let listener = loop {
        match TcpListener::bind((proxy.address, port)).await {
            Ok(listener) => break listener,
            Err(error) => {
                if retry == RETRY_MIN {
                    let message = format!("node port {port} cannot be opened on {}: {error}", proxy.address);
                    warn!(namespace = %service.0, service = %service.1, "{message}");
                    report(&proxy, &service, &message).await;
                }
                tokio::time::sleep(retry).await;
                retry = (retry * 2).min(RETRY_MAX);
            }
        }
    };
    info!(port, namespace = %service.0, service = %service.1, "node port open");
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                tokio::spawn(connection::pass(proxy.clone(), service.clone(), stream, client));
            }
            Err(error) => {
                warn!(port, %error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Tells whoever looks at the service, by an event on it.
async fn report(proxy: &Proxy, (namespace, service, port): &ServicePort, message: &str) {
    let now = crate::clock::now().floor_secs();
    let uid = proxy.driver.read(|cluster| {
        let found = cluster.store().get(kubarium_core::api::Kind::Service, namespace, service);
        found.map(|o| o.meta.uid.to_string())
    });
    let event = json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": { "name": format!("{service}.port-{port}.{:x}", now.0), "namespace": namespace },
        "involvedObject": {
            "apiVersion": "v1", "kind": "Service", "namespace": namespace, "name": service, "uid": uid.await,
        },
        "type": "Warning", "reason": "PortAllocationFailed", "message": message, "count": 1,
        "firstTimestamp": now.to_string(), "lastTimestamp": now.to_string(),
        "source": { "component": "kubarium-proxy" },
    });
    let path = format!("/api/v1/namespaces/{namespace}/events");
    // An event is a courtesy; the log has the message too.
    let _ = proxy.driver.request(apiserver::Request::new(apiserver::Method::Post, path).with_json(&event)).await;
}
