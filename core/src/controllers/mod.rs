//! Controllers: each watches some kinds and brings what is nearer to what is wanted. One file each.

mod endpoints;
mod members;
mod owned;
mod replica_manager;
mod replication;
mod subsets;
mod template;
mod victims;

use crate::api::Name;
use crate::cluster::{Component, Context};
use crate::config::Config;
use crate::runtime::RuntimeEvent;
use crate::store::Change;
use crate::time::Time;
use endpoints::EndpointsController;
use owned::Owned;
use replica_manager::ReplicaManager;
use replication::Replication;

/// All controllers of a cluster.
#[derive(Clone, Debug)]
pub struct Controllers {
    owned: Owned,
    replication: ReplicaManager<Replication>,
    endpoints: EndpointsController,
}

impl Controllers {
    pub(crate) fn new(_config: &Config) -> Self {
        Self {
            owned: Owned::default(),
            replication: ReplicaManager::default(),
            endpoints: EndpointsController::default(),
        }
    }

    /// A node's runtime was heard: whatever it says, it is alive.
    pub(crate) fn node_seen(&mut self, _node: &Name, _event: &RuntimeEvent, _cx: &mut Context<'_>) {}
}

impl Component for Controllers {
    fn observe(&mut self, change: &Change, now: Time) {
        self.owned.observe(change);
        self.replication.observe(change, now);
        self.endpoints.observe(change);
    }

    fn work(&mut self, cx: &mut Context<'_>) -> bool {
        let left = self.replication.work(cx, &self.owned);
        self.endpoints.work(cx);
        left
    }

    fn next_due(&self) -> Option<Time> {
        [self.replication.next_due(), self.endpoints.next_due()].into_iter().flatten().min()
    }
}
