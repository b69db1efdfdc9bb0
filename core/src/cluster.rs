//! The control plane: one function, [`Cluster::handle`], through which everything happens.

mod components;
mod context;
mod event_log;
mod preview;

pub(crate) use components::{Component, Components};
pub(crate) use context::Context;
pub use preview::{Preview, PreviewPod};

use crate::api::{ApiError, Body, Kind, Meta, Name, Object, priority};
use crate::apiserver::{self, Answer, Creation, Draft, Request, Shared, WatchBatch, WatchDraft, WatchQuery};
use crate::config::Config;
use crate::controllers::Countdown;
use crate::network::{Addresses, Backend, Router};
use crate::rng::Rng;
use crate::runtime::{RuntimeCommand, RuntimeEvent};
use crate::scheduler::Schedulers;
use crate::store::Store;
use crate::time::Time;
use event_log::EventLog;
use std::sync::Arc;

/// Everything that can happen to a cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Somebody asks the API.
    Request(Request),
    /// The administrator creates what was read ahead.
    Create(Box<Creation>),
    /// A node's runtime saw something.
    Runtime {
        /// The node.
        node: Name,
        /// What it saw.
        event: RuntimeEvent,
    },
    /// Time has passed: the instant of an earlier [`Output::wake`] has come.
    Wake,
}

/// Something the world shall do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A node's runtime shall do this.
    Runtime {
        /// The node.
        node: Name,
        /// What it shall do.
        command: RuntimeCommand,
    },
}

/// What came of an input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// The answer, where the input was a request.
    pub answer: Option<Answer>,
    /// What the world shall do, in this order.
    pub effects: Vec<Effect>,
    /// When to call again with [`Input::Wake`] unless something happens earlier. Not after `now` where work is
    /// left: a call does a bounded amount of it.
    pub wake: Option<Time>,
}

/// A whole control plane. A clone is a fork: it shares what has not changed and goes its own way.
#[derive(Clone, Debug)]
pub struct Cluster {
    config: Arc<Config>,
    now: Time,
    store: Store,
    rng: Rng,
    routing_rng: Rng,
    addresses: Addresses,
    router: Router,
    events: EventLog,
    shared: Shared,
    components: Components,
}

impl Cluster {
    /// An empty cluster with the namespaces every cluster has.
    pub fn new(config: Config, now: Time) -> Self {
        let mut cluster = Self::over(config, now, Store::default());
        for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            let uid = cluster.rng.uid();
            let meta = Meta {
                name: Name::new_static(name),
                uid,
                created: now.floor_secs(),
                labels: Arc::new([("kubernetes.io/metadata.name".to_owned(), name.to_owned())].into()),
                ..Meta::default()
            };
            let body = Body::Namespace {
                spec: Arc::new(k8s_openapi::api::core::v1::NamespaceSpec {
                    finalizers: Some(vec!["kubernetes".to_owned()]),
                }),
                status: Arc::new(k8s_openapi::api::core::v1::NamespaceStatus {
                    phase: Some("Active".to_owned()),
                    conditions: None,
                }),
            };
            // The store is empty, so no name is taken.
            let _ = cluster.store.create(Object { meta, body });
        }
        cluster.create_system_classes();
        cluster
    }

    /// Creates the priority classes that are not there yet.
    fn create_system_classes(&mut self) {
        for (name, value) in priority::SYSTEM_CLASSES {
            let missing = self.store.get(Kind::PriorityClass, "", name).is_none();
            if let Some(mut class) = priority::system_class(name, value).filter(|_| missing) {
                // Of a chance of their own: what the cluster draws is the same whether they were there or not.
                class.meta.uid = Rng::new(self.config.seed, name).uid();
                class.meta.created = self.now.floor_secs();
                // It is missing, so the name is not taken.
                let _ = self.store.create(class);
            }
        }
    }

    /// A cluster over the objects of an earlier life. What is not in the store (back-offs, decisions, probes) starts
    /// anew; what runs is learned from the machines as they join again.
    pub fn restore(config: Config, now: Time, revision: u64, objects: impl IntoIterator<Item = Arc<Object>>) -> Self {
        let mut cluster = Self::over(config, now, Store::restore(revision, objects));
        // An earlier version did not know them.
        cluster.create_system_classes();
        cluster
    }

    fn over(config: Config, now: Time, store: Store) -> Self {
        let seed = config.seed;
        // After a restart the same numbers must not come again: uids would repeat.
        let rng = Rng::new(seed ^ store.revision(), "cluster");
        let mut cluster = Self {
            now,
            rng,
            routing_rng: Rng::new(seed, "routing"),
            addresses: Addresses::default(),
            router: Router::default(),
            events: EventLog::new(&store),
            shared: Shared::default(),
            components: Components::new(&config, &store, now),
            store,
            config: Arc::new(config),
        };
        for service in cluster.store.list(Kind::Service, None) {
            if let Some(spec) = service.service() {
                cluster.addresses.keep_service(spec, &cluster.config);
            }
        }
        cluster
    }

    /// Takes one input at an instant that is not before the last one, and says what shall be done.
    pub fn handle(&mut self, now: Time, input: Input) -> Output {
        self.now = self.now.max(now);
        let foreseen = match &input {
            Input::Request(request) => apiserver::foresee(request, self),
            _ => None,
        };
        let mut effects = Vec::new();
        let mut cx = Context {
            now: self.now,
            config: &self.config,
            store: &mut self.store,
            rng: &mut self.rng,
            addresses: &mut self.addresses,
            router: &mut self.router,
            effects: &mut effects,
            events: &mut self.events,
            shared: &mut self.shared,
        };
        let answer = match input {
            Input::Request(_) if foreseen.is_some() => foreseen,
            Input::Request(request) => {
                Some(apiserver::handle(&request, &mut cx, &self.components, &mut self.routing_rng))
            }
            Input::Create(creation) => Some(apiserver::create(*creation, &mut cx)),
            Input::Runtime { node, event } => {
                self.components.controllers.node_seen(&node, &event, &mut cx);
                self.components.kubelets.runtime(&node, event, &mut cx);
                None
            }
            Input::Wake => None,
        };
        let left = self.components.work(&mut cx);
        let wake = if left { Some(self.now) } else { self.components.next_due() };
        Output { answer, effects, wake }
    }

    /// Lets go of every change from now on, once all parts have seen it. For a cluster that nobody watches: what becomes of
    /// it is the same.
    pub const fn forget_changes(&mut self) {
        self.store.forget_changes();
    }

    /// The addresses and node ports that services have.
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The objects.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The latest instant it was told.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// How far a node is on its way to eviction. None where there is no such node.
    pub fn countdown(&self, node: &str) -> Option<Countdown> {
        self.components.controllers.countdown(node, &self.store, self.now)
    }

    /// The schedulers and their decisions.
    pub const fn schedulers(&self) -> &Schedulers {
        &self.components.schedulers
    }

    /// From now on no pod leaves for others.
    #[cfg(feature = "foresight")]
    pub(crate) const fn spare(&mut self) {
        self.components.schedulers.spare();
    }

    /// All routes of all services.
    pub const fn router(&self) -> &Router {
        &self.router
    }

    /// Answers a request that only reads what there is; none for any other, which is for [`Self::handle`]. Looking
    /// is short: what takes long is done by [`Draft::finish`], which needs the cluster no more.
    pub fn look(&self, now: Time, request: &Request) -> Option<Draft> {
        apiserver::look(request, &self.store, &self.components, now.max(self.now))
    }

    /// What is new for a watch since `from`, the `next` of its last batch; without it the watch begins. Of what is
    /// no longer known the error is a `Status` with code 410, which ends the watch as an `ERROR` event.
    pub fn watch(&self, query: &WatchQuery, from: Option<u64>) -> Result<WatchBatch, ApiError> {
        self.look_watch(query, from).map(|draft| draft.finish())
    }

    /// As [`Self::watch`], to be written out without the cluster.
    pub fn look_watch(&self, query: &WatchQuery, from: Option<u64>) -> Result<WatchDraft, ApiError> {
        apiserver::read_watch(&self.store, query, from, self.now)
    }

    /// The pod that answers a request to a port of a service. A turn is taken: ask once per request or connection.
    pub fn route(&mut self, namespace: &str, service: &str, port: u16, client: &str) -> Option<Backend> {
        self.router.route(namespace, service, port, client, &mut self.routing_rng)
    }
}
