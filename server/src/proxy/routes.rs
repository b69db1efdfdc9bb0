//! The core's routing decision, within reach of many connections at once.

use kubarium_core::Rng;
use kubarium_core::api::Name;
use kubarium_core::network::{Backend, Router};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use tokio::sync::watch;

/// A port of a service: namespace, name, port.
pub(super) type ServicePort = (Name, Name, u16);

/// A copy of the routes, kept up to date by the driver's loop, with turns and chance of its own.
#[derive(Debug)]
pub struct Routes {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    router: Router,
    copied: Option<u64>,
    rng: Rng,
}

impl Routes {
    /// No routes yet. `seed` is the cluster's.
    pub fn new(seed: u64) -> Self {
        let state = State { router: Router::default(), copied: None, rng: Rng::new(seed, "node ports") };
        Self { state: Mutex::new(state), changes: watch::channel(0).0 }
    }

    /// Takes over what changed. Cheap where nothing did.
    pub fn update(&self, from: &Router) {
        let Ok(mut state) = self.state.lock() else { return };
        if state.copied == Some(from.revision()) {
            return;
        }
        state.copied = Some(from.revision());
        // Route by route, so that whose turn it is outlives a change of another service.
        let gone: BTreeSet<ServicePort> = state.router.iter().map(|(key, _)| key.clone()).collect();
        let gone: Vec<ServicePort> = gone.into_iter().filter(|key| from.iter().all(|(k, _)| k != key)).collect();
        for (namespace, service, port) in &gone {
            state.router.set(namespace, service, *port, None);
        }
        for ((namespace, service, port), route) in from.iter() {
            state.router.set(namespace, service, *port, Some(route.clone()));
        }
        self.changes.send_replace(from.revision());
    }

    /// Tells of every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Which ports shall be open, and for what.
    pub fn node_ports(&self) -> BTreeMap<u16, ServicePort> {
        let Ok(state) = self.state.lock() else { return BTreeMap::new() };
        state.router.iter().filter_map(|(key, route)| Some((route.node_port?, key.clone()))).collect()
    }

    /// The pod that answers a connection.
    pub fn route(&self, (namespace, service, port): &ServicePort, client: &str) -> Option<Backend> {
        let mut state = self.state.lock().ok()?;
        let State { router, rng, .. } = &mut *state;
        router.route(namespace, service, *port, client, rng)
    }
}
