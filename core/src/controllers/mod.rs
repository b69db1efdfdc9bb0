//! Controllers: each watches some kinds and brings what is nearer to what is wanted. One file each.
//!
//! They know the store and each other's indexes, but no requests and no machines.

mod countdown;
pub(crate) mod disruption;
mod endpoints;
mod garbage;
mod members;
mod namespaces;
mod node_lifecycle;
mod node_taints;
mod owned;
mod pod_garbage;
mod quotas;
mod replica_manager;
mod replication;
mod service_accounts;
mod subsets;
mod taint_eviction;
mod template;
mod victims;

pub use countdown::{Countdown, PendingEviction};
#[cfg(feature = "foresight")]
pub(crate) use taint_eviction::allowance;

#[cfg(feature = "foresight")]
use crate::api::Object;
use crate::api::{Kind, Name};
use crate::cluster::{Component, Context};
use crate::config::Config;
use crate::order;
use crate::runtime::{PodRef, RuntimeEvent};
use crate::store::{Change, Store};
use crate::time::Time;
use disruption::Disruption;
use endpoints::EndpointsController;
use garbage::Garbage;
use namespaces::Namespaces;
use node_lifecycle::NodeLifecycle;
use owned::Owned;
use pod_garbage::PodGarbage;
use quotas::Quotas;
use replica_manager::ReplicaManager;
use replication::Replication;
use service_accounts::ServiceAccounts;
use taint_eviction::TaintEviction;

/// A pod as a replication controller would make it now, but for name, uid and time; none where it can make none.
#[cfg(feature = "foresight")]
pub(crate) fn replica(owner: &Object, store: &Store, config: &Config) -> Option<Object> {
    replica_manager::replica::<Replication>(owner, store, config)
}

/// All controllers of a cluster.
#[derive(Clone, Debug)]
pub struct Controllers {
    owned: Owned,
    nodes: NodeLifecycle,
    evictions: TaintEviction,
    pod_garbage: PodGarbage,
    garbage: Garbage,
    namespaces: Namespaces,
    replication: ReplicaManager<Replication>,
    endpoints: EndpointsController,
    service_accounts: ServiceAccounts,
    disruption: Disruption,
    quotas: Quotas,
}

impl Controllers {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            owned: Owned::default(),
            nodes: NodeLifecycle::new(config),
            evictions: TaintEviction::default(),
            pod_garbage: PodGarbage::default(),
            garbage: Garbage::default(),
            namespaces: Namespaces::default(),
            replication: ReplicaManager::default(),
            endpoints: EndpointsController::default(),
            service_accounts: ServiceAccounts::default(),
            disruption: Disruption::default(),
            quotas: Quotas::default(),
        }
    }

    /// A node's runtime was heard: whatever it says, it is alive; unless it leaves, or is only said not to answer.
    pub(crate) fn node_seen(&mut self, node: &Name, event: &RuntimeEvent, cx: &mut Context<'_>) {
        if !matches!(event, RuntimeEvent::Left | RuntimeEvent::Unreachable { .. }) {
            self.nodes.heard(node, cx.now);
        }
    }

    /// How far a node is on its way to eviction. None where there is no such node.
    pub(crate) fn countdown(&self, node: &str, store: &Store, now: Time) -> Option<Countdown> {
        let silence = self.nodes.silence(node, now)?;
        let mut evictions: Vec<PendingEviction> = store
            .pods_on(node)
            .into_iter()
            .filter_map(|object| {
                let key = object.key();
                let at = self.evictions.at(&key)?;
                let pod = PodRef { uid: object.meta.uid, namespace: key.namespace, name: key.name };
                Some(PendingEviction { pod, at })
            })
            .collect();
        order::sort_by(&mut evictions, |a, b| a.at.cmp(&b.at));
        Some(Countdown {
            heard: silence.heard,
            grace_ends: silence.grace_ends,
            ready: silence.ready,
            tainted_at: silence.taint_at,
            evictions,
        })
    }
}

impl Component for Controllers {
    fn observe(&mut self, change: &Change, now: Time) {
        if change.kind == Kind::Event {
            // They are nobody's concern but their namespace's when it goes, and there are many.
            self.namespaces.observe(change);
            return;
        }
        self.owned.observe(change);
        self.nodes.observe(change, now);
        self.evictions.observe(change);
        self.pod_garbage.observe(change, now);
        self.garbage.observe(change, &self.owned);
        self.namespaces.observe(change);
        self.replication.observe(change, now);
        self.endpoints.observe(change);
        self.service_accounts.observe(change);
        self.disruption.observe(change);
        self.quotas.observe(change);
    }

    fn work(&mut self, cx: &mut Context<'_>) -> bool {
        for namespace in self.quotas.work(cx) {
            self.replication.retry(&namespace);
        }
        self.nodes.work(cx);
        self.evictions.work(cx);
        self.pod_garbage.work(cx);
        let mut left = self.namespaces.work(cx);
        left |= self.garbage.work(cx, &self.owned);
        left |= self.replication.work(cx, &self.owned);
        self.endpoints.work(cx);
        self.service_accounts.work(cx);
        self.disruption.work(cx);
        left
    }

    fn next_due(&self) -> Option<Time> {
        let due = [
            self.nodes.next_due(),
            self.evictions.next_due(),
            self.pod_garbage.next_due(),
            self.replication.next_due(),
            self.endpoints.next_due(),
            self.disruption.next_due(),
            self.quotas.next_due(),
        ];
        due.into_iter().flatten().min()
    }
}
