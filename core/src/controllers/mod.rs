//! Controllers: each watches some kinds and brings what is nearer to what is wanted. One file each.

use crate::api::Name;
use crate::cluster::{Component, Context};
use crate::config::Config;
use crate::runtime::RuntimeEvent;
use crate::store::Change;
use crate::time::Time;

/// All controllers of a cluster.
#[derive(Clone, Debug)]
pub struct Controllers {}

impl Controllers {
    pub(crate) fn new(_config: &Config) -> Self {
        Self {}
    }

    /// A node's runtime was heard: whatever it says, it is alive.
    pub(crate) fn node_seen(&mut self, _node: &Name, _event: &RuntimeEvent, _cx: &mut Context<'_>) {}
}

impl Component for Controllers {
    fn observe(&mut self, _change: &Change, _now: Time) {}

    fn work(&mut self, _cx: &mut Context<'_>) -> bool {
        false
    }

    fn next_due(&self) -> Option<Time> {
        None
    }
}
