//! The kubelet's logic: what is wanted of a pod and what was seen of it give commands for its node's runtime.
//!
//! One kubelet per node that has joined; none for a Node object somebody merely created.

use crate::api::Name;
use crate::cluster::{Component, Context};
use crate::config::Config;
use crate::runtime::RuntimeEvent;
use crate::store::Change;
use crate::time::Time;

/// The kubelets of all nodes that have joined.
#[derive(Clone, Debug)]
pub struct Kubelets {}

impl Kubelets {
    pub(crate) fn new(_config: &Config) -> Self {
        Self {}
    }

    /// A node's runtime saw something.
    pub(crate) fn runtime(&mut self, _node: &Name, _event: RuntimeEvent, _cx: &mut Context<'_>) {}
}

impl Component for Kubelets {
    fn observe(&mut self, _change: &Change, _now: Time) {}

    fn work(&mut self, _cx: &mut Context<'_>) -> bool {
        false
    }

    fn next_due(&self) -> Option<Time> {
        None
    }
}
