//! The control plane: one function, [`Cluster::handle`], through which everything happens.

mod preview;

pub use preview::{Preview, PreviewPod};

use crate::api::{ApiError, Body, EventBody, EventKind, Key, Kind, Meta, Name, Object, ObjectReference};
use crate::apiserver::{self, Answer, Draft, Request, Shared, WatchBatch, WatchDraft, WatchQuery};
use crate::config::Config;
use crate::controllers::{Controllers, Countdown};
use crate::kubelet::Kubelets;
use crate::network::{Addresses, Backend, Router};
use crate::rng::Rng;
use crate::runtime::{RuntimeCommand, RuntimeEvent};
use crate::scheduler::Schedulers;
use crate::store::{Change, LOG_CHANGES_MAX, Store};
use crate::time::Time;
use std::collections::VecDeque;
use std::sync::Arc;

/// Everything that can happen to a cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Somebody asks the API.
    Request(Request),
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

/// How many rounds of controllers, scheduler and kubelets one call makes at most before it hands back control.
const ROUNDS_MAX: usize = 64;

/// What the parts of the control plane work with.
pub(crate) struct Context<'a> {
    pub(crate) now: Time,
    pub(crate) config: &'a Config,
    pub(crate) store: &'a mut Store,
    pub(crate) rng: &'a mut Rng,
    pub(crate) addresses: &'a mut Addresses,
    pub(crate) router: &'a mut Router,
    pub(crate) effects: &'a mut Vec<Effect>,
    pub(crate) events: &'a mut EventLog,
    pub(crate) shared: &'a mut Shared,
}

/// A part of the control plane: it sees every change of the store once, in order, and works when asked.
pub(crate) trait Component {
    /// Takes note of a change. Cheap: it only marks what is to be looked at.
    fn observe(&mut self, change: &Change, now: Time);

    /// Does what is to be done now, a bounded amount of it. Returns whether some is left for now.
    fn work(&mut self, cx: &mut Context<'_>) -> bool;

    /// When it next wants to work although nothing changed.
    fn next_due(&self) -> Option<Time>;
}

/// Keys of events in the order of their creation, to keep only the latest.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventLog {
    keys: VecDeque<Key>,
}

impl Context<'_> {
    /// Records that something happened to an object. The same happening again raises its count.
    pub(crate) fn event(&mut self, about: &Object, kind: EventKind, component: &str, reason: &str, message: &str) {
        self.event_on(about, kind, component, "", reason, message);
    }

    /// Records that something happened to an object, as seen by a component on `host`.
    pub(crate) fn event_on(
        &mut self,
        about: &Object,
        kind: EventKind,
        component: &str,
        host: &str,
        reason: &str,
        message: &str,
    ) {
        self.event_in(about, kind, component, host, "", reason, message);
    }

    /// The same about a part of the object, such as `spec.containers{web}`.
    #[expect(clippy::too_many_arguments, reason = "an event has that many parts")]
    pub(crate) fn event_in(
        &mut self,
        about: &Object,
        kind: EventKind,
        component: &str,
        host: &str,
        field_path: &str,
        reason: &str,
        message: &str,
    ) {
        let key = about.key();
        let namespace = if key.namespace.is_empty() { Name::new_static("default") } else { key.namespace.clone() };
        // Nothing comes into a namespace that is on its way out.
        if self.store.get(Kind::Namespace, "", &namespace).is_none_or(|n| crate::deletion::is_terminating(n)) {
            return;
        }
        // One name per object, reason and message: what repeats finds its earlier event without a search.
        let uid = about.meta.uid.to_string();
        let mut hash = xxhash_rust::xxh3::Xxh3Default::new();
        for part in [uid.as_str(), component, field_path, reason, message] {
            hash.update(part.as_bytes());
            hash.update(&[0]);
        }
        let name: Name = format!("{}.{:016x}", key.name, hash.digest()).into();
        let now = self.now.floor_secs();
        if let Some(old) = self.store.get(Kind::Event, &namespace, &name) {
            let mut next = Object::clone(old);
            if let Body::Event(event) = &mut next.body {
                event.count = event.count.saturating_add(1);
                event.last = now;
            }
            // It was there a line above.
            let _ = self.store.update(next, None);
            return;
        }
        let event = Object {
            meta: Meta { name, namespace, uid: self.rng.uid(), created: now, ..Meta::default() },
            body: Body::Event(EventBody {
                involved: Arc::new(ObjectReference {
                    kind: Name::new_static(key.kind.info().kind),
                    api_version: key.kind.api_version().into(),
                    namespace: key.namespace,
                    name: key.name,
                    uid: uid.into(),
                    resource_version: about.meta.resource_version.to_string().into(),
                    field_path: field_path.into(),
                }),
                reason: reason.into(),
                message: message.into(),
                kind,
                count: 1,
                first: now,
                last: now,
                component: component.into(),
                host: host.into(),
                rest: None,
            }),
        };
        self.events.keys.push_back(event.key());
        let _ = self.store.create(event);
        while self.events.keys.len() > self.config.events_max {
            if let Some(oldest) = self.events.keys.pop_front() {
                // A client may have deleted it already.
                let _ = self.store.delete(&oldest);
            }
        }
    }
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
    schedulers: Schedulers,
    controllers: Controllers,
    kubelets: Kubelets,
    /// Up to which revision the components have seen the changes.
    seen: u64,
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
        cluster
    }

    /// A cluster over the objects of an earlier life. What is not in the store (back-offs, decisions, probes) starts
    /// anew; what runs is learned from the machines as they join again.
    pub fn restore(config: Config, now: Time, revision: u64, objects: impl IntoIterator<Item = Arc<Object>>) -> Self {
        Self::over(config, now, Store::restore(revision, objects))
    }

    fn over(config: Config, now: Time, store: Store) -> Self {
        let seed = config.seed;
        // After a restart the same numbers must not come again: uids would repeat.
        let rng = Rng::new(seed ^ store.revision(), "cluster");
        let mut cluster = Self {
            now,
            seen: store.revision(),
            rng,
            routing_rng: Rng::new(seed, "routing"),
            addresses: Addresses::default(),
            router: Router::default(),
            events: EventLog { keys: store.list(Kind::Event, None).map(|o| o.key()).collect() },
            shared: Shared::default(),
            schedulers: Schedulers::new(&config, (store.revision() > 0).then_some(now)),
            controllers: Controllers::new(&config),
            kubelets: Kubelets::new(&config),
            store,
            config: Arc::new(config),
        };
        for service in cluster.store.list(Kind::Service, None) {
            if let Some(spec) = service.service() {
                cluster.addresses.keep_service(spec, &cluster.config);
            }
        }
        // What is there already is news to every component.
        let present: Vec<_> = Kind::ALL.into_iter().flat_map(|kind| cluster.store.list(kind, None)).cloned().collect();
        for object in present {
            let change = Change { revision: object.meta.resource_version, before: None, after: Some(object) };
            cluster.observe(&change);
        }
        cluster
    }

    /// Takes one input at an instant that is not before the last one, and says what shall be done.
    pub fn handle(&mut self, now: Time, input: Input) -> Output {
        self.now = self.now.max(now);
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
            Input::Request(request) => {
                Some(apiserver::handle(&request, &mut cx, &self.schedulers, &mut self.routing_rng))
            }
            Input::Runtime { node, event } => {
                self.controllers.node_seen(&node, &event, &mut cx);
                self.kubelets.runtime(&node, event, &mut cx);
                None
            }
            Input::Wake => None,
        };
        let mut left = true;
        for _ in 0..ROUNDS_MAX {
            let changed = self.spread();
            if !changed && !left {
                break;
            }
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
            left = self.controllers.work(&mut cx);
            left |= self.schedulers.work(&mut cx);
            left |= self.kubelets.work(&mut cx);
        }
        left |= self.spread();
        self.store.compact(LOG_CHANGES_MAX);
        let wake = if left {
            Some(self.now)
        } else {
            [self.controllers.next_due(), self.schedulers.next_due(), self.kubelets.next_due()]
                .into_iter()
                .flatten()
                .min()
        };
        Output { answer, effects, wake }
    }

    /// Lets every component see what changed since it last looked. Returns whether anything did.
    fn spread(&mut self) -> bool {
        let from = self.seen;
        let to = self.store.revision();
        for revision in from + 1..=to {
            // The log is cut only at the end of a call, so every change since is in it.
            if let Some(change) = self.store.change(revision).cloned() {
                self.observe(&change);
            }
        }
        self.seen = to;
        to > from
    }

    fn observe(&mut self, change: &Change) {
        self.controllers.observe(change, self.now);
        self.schedulers.observe(change, self.now);
        self.kubelets.observe(change, self.now);
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
        self.controllers.countdown(node, &self.store, self.now)
    }

    /// The schedulers and their decisions.
    pub const fn schedulers(&self) -> &Schedulers {
        &self.schedulers
    }

    /// All routes of all services.
    pub const fn router(&self) -> &Router {
        &self.router
    }

    /// Answers a request that only reads what is in the store; none for any other, which is for [`Self::handle`]. Looking
    /// is short: what takes long is done by [`Draft::finish`], which needs the cluster no more.
    pub fn look(&self, now: Time, request: &Request) -> Option<Draft> {
        apiserver::look(request, &self.store, now.max(self.now))
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
