//! The choice of a pod for a request to a service.

use crate::api::Name;
use crate::order;
use crate::rng::Rng;
use crate::runtime::PodRef;
use std::sync::Arc;

/// How a service spreads its requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balancing {
    /// Any ready pod, all equally likely, as kube-proxy's iptables mode does.
    #[default]
    Random,
    /// One after the other.
    RoundRobin,
}

/// Who can answer: a pod, or an address that somebody wrote into the Endpoints of a service without selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The pod; none for an address that is no pod's.
    pub pod: Option<PodRef>,
    /// Its node.
    pub node: Option<Name>,
    /// The address.
    pub ip: Name,
    /// The port at it.
    pub port: u16,
}

impl Backend {
    fn pod_name(&self) -> &str {
        self.pod.as_ref().map_or("", |pod| pod.name.as_str())
    }
}

/// The way behind one port of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// How requests are spread.
    pub balancing: Balancing,
    /// Whether one client stays with one pod (`sessionAffinity: ClientIP`).
    pub sticky: bool,
    /// The node port, where the service has one.
    pub node_port: Option<u16>,
    /// Who takes requests: pods by name, or addresses in the order in which they were written.
    pub backends: Arc<Vec<Arc<Backend>>>,
}

/// All routes: by namespace, service, port.
#[derive(Clone, Debug, Default)]
pub struct Router {
    routes: order::Map<(Name, Name, u16), Route>,
    turns: order::Map<(Name, Name, u16), u64>,
    revision: u64,
}

impl Router {
    /// The pod that answers a request to a service's port; none where no pod is ready. `client` is the address
    /// of whoever asks, for services on which a client stays with its pod.
    pub fn route(&mut self, namespace: &str, service: &str, port: u16, client: &str, rng: &mut Rng) -> Option<Backend> {
        let key = (Name::new(namespace), Name::new(service), port);
        let route = self.routes.get(&key)?;
        let n = route.backends.len() as u64;
        if n == 0 {
            return None;
        }
        let index = if route.sticky {
            xxhash_rust::xxh3::xxh3_64(client.as_bytes()) % n
        } else {
            match route.balancing {
                Balancing::Random => rng.below(n),
                Balancing::RoundRobin => {
                    let turn = self.turns.entry(key).or_default();
                    *turn += 1;
                    (*turn - 1) % n
                }
            }
        };
        route.backends.get(index as usize).map(|b| Backend::clone(b))
    }

    /// Adds, replaces or, with none, removes one pod behind a port. Without that route nothing happens.
    pub fn set_backend(&mut self, namespace: &Name, service: &Name, port: u16, pod: &str, backend: Option<Backend>) {
        let Some(route) = self.routes.get_mut(&(namespace.clone(), service.clone(), port)) else { return };
        let found = route.backends.binary_search_by(|b| b.pod_name().cmp(pod));
        match (found, backend) {
            (Ok(at), Some(backend)) if *route.backends[at] == backend => return,
            (Ok(at), Some(backend)) => Arc::make_mut(&mut route.backends)[at] = Arc::new(backend),
            (Ok(at), None) => {
                Arc::make_mut(&mut route.backends).remove(at);
            }
            (Err(at), Some(backend)) => Arc::make_mut(&mut route.backends).insert(at, Arc::new(backend)),
            (Err(_), None) => return,
        }
        self.revision += 1;
    }

    /// Sets or, with none, removes a route.
    pub fn set(&mut self, namespace: &Name, service: &Name, port: u16, route: Option<Route>) {
        let key = (namespace.clone(), service.clone(), port);
        let changed = match route {
            Some(route) if self.routes.get(&key) == Some(&route) => false,
            Some(route) => self.routes.insert(key, route).is_none_or(|_| true),
            None => {
                self.turns.remove(&key);
                self.routes.remove(&key).is_some()
            }
        };
        self.revision += u64::from(changed);
    }

    /// All routes, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&(Name, Name, u16), &Route)> {
        self.routes.iter()
    }

    /// Counts changes, so that a driver sees when to look again.
    pub const fn revision(&self) -> u64 {
        self.revision
    }
}
