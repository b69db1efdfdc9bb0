//! Where the ports of pods are reached from the server.

use crate::config::Endpoint;
use kubarium_core::api::Uid;
use std::collections::HashMap;
use std::sync::RwLock;

/// Published ports of the pods of one host.
#[derive(Debug)]
pub(super) struct Ports {
    remote: Option<String>,
    published: RwLock<HashMap<(Uid, u16), u16>>,
}

impl Ports {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        Self { remote: endpoint.remote_host().map(str::to_owned), published: RwLock::default() }
    }

    /// Takes note of the published ports of a pod: port in the pod, port of the host.
    pub(super) fn set(&self, pod: Uid, ports: impl IntoIterator<Item = (u16, u16)>) {
        if let Ok(mut published) = self.published.write() {
            published.retain(|(uid, _), _| *uid != pod);
            published.extend(ports.into_iter().map(|(inner, outer)| ((pod, inner), outer)));
        }
    }

    /// Forgets a pod.
    pub(super) fn forget(&self, pod: Uid) {
        self.set(pod, []);
    }

    /// Where to connect for a port of a pod.
    pub(super) fn address(&self, pod: Uid, pod_ip: Option<&str>, port: u16) -> Result<String, String> {
        let pod_ip = pod_ip.filter(|ip| !ip.is_empty());
        let Some(host) = &self.remote else {
            return pod_ip.map(|ip| join(ip, port)).ok_or_else(|| "the pod has no address yet".to_owned());
        };
        let published = self.published.read().ok().and_then(|p| p.get(&(pod, port)).copied());
        match published {
            Some(outer) => Ok(join(host, outer)),
            // A pod in the host's own network is at the host.
            None if pod_ip == Some(host) => Ok(join(host, port)),
            None => Err(format!(
                "port {port} of the pod is not published on its host: on another machine than the server's, only \
                 ports that a container lists under `ports` can be reached"
            )),
        }
    }
}

/// Address and port in one, as it is connected to.
pub(crate) fn join(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
