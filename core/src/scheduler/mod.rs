//! Where pods go: a queue, a framework of small plugins, and the reasons for every decision as data.
//!
//! Replaceable: a pod names its scheduler in `schedulerName`. Knows nothing of how pods are run.

use crate::cluster::{Component, Context};
use crate::config::Config;
use crate::store::Change;
use crate::time::Time;

/// All schedulers of a cluster.
#[derive(Clone, Debug)]
pub struct Schedulers {}

impl Schedulers {
    pub(crate) fn new(_config: &Config) -> Self {
        Self {}
    }
}

impl Component for Schedulers {
    fn observe(&mut self, _change: &Change, _now: Time) {}

    fn work(&mut self, _cx: &mut Context<'_>) -> bool {
        false
    }

    fn next_due(&self) -> Option<Time> {
        None
    }
}
