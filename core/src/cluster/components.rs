//! The parts of the control plane, and the rounds in which they work.

use super::Context;
use crate::config::Config;
use crate::controllers::Controllers;
use crate::kubelet::Kubelets;
use crate::scheduler::Schedulers;
use crate::store::{Change, Store};
use crate::time::Time;
use std::sync::Arc;

/// How many rounds of controllers, scheduler and kubelets one call makes at most before it hands back control.
const ROUNDS_MAX: usize = 64;

/// A part of the control plane: it sees every change of the store once, in order, and works when asked.
pub(crate) trait Component {
    /// Takes note of a change. Cheap: it only marks what is to be looked at.
    fn observe(&mut self, change: &Change, now: Time);

    /// Does what is to be done now, a bounded amount of it. Returns whether some is left for now.
    fn work(&mut self, cx: &mut Context<'_>) -> bool;

    /// When it next wants to work although nothing changed.
    fn next_due(&self) -> Option<Time>;
}

/// All of them.
#[derive(Clone, Debug)]
pub(crate) struct Components {
    pub(crate) schedulers: Schedulers,
    pub(super) controllers: Controllers,
    pub(crate) kubelets: Kubelets,
    /// Up to which revision they have seen the changes.
    seen: u64,
}

impl Components {
    /// What is in the store already is news to them.
    pub(super) fn new(config: &Config, store: &Store, now: Time) -> Self {
        let mut components = Self {
            schedulers: Schedulers::new(config, (store.revision() > 0).then_some(now)),
            controllers: Controllers::new(config),
            kubelets: Kubelets::new(config),
            seen: store.revision(),
        };
        for (seat, object) in store.all() {
            let (revision, kind, after) = (object.meta.resource_version, object.kind(), Some(Arc::clone(object)));
            components.observe(&Change { revision, kind, seat, before: None, after }, now);
        }
        components
    }

    /// Lets all work, round by round, until nothing is left to do or a call has done its part. Returns whether some
    /// is left for now.
    pub(super) fn work(&mut self, cx: &mut Context<'_>) -> bool {
        let mut left = true;
        for _ in 0..ROUNDS_MAX {
            let changed = self.spread(cx.store, cx.now);
            if !changed && !left {
                break;
            }
            left = self.controllers.work(cx);
            left |= self.schedulers.work(cx);
            left |= self.kubelets.work(cx);
        }
        left |= self.spread(cx.store, cx.now);
        let mut recorded = !left;
        while recorded {
            recorded = cx.write_events();
            // They are news to nobody who would do more.
            self.spread(cx.store, cx.now);
        }
        left
    }

    /// When the first of them next wants to work although nothing changed.
    pub(super) fn next_due(&self) -> Option<Time> {
        let due = [self.controllers.next_due(), self.schedulers.next_due(), self.kubelets.next_due()];
        due.into_iter().flatten().min()
    }

    /// Lets every one see what changed since it last looked. Returns whether anything did.
    fn spread(&mut self, store: &mut Store, now: Time) -> bool {
        let from = self.seen;
        let to = store.revision();
        for revision in from + 1..=to {
            // The log is cut only when all have seen it, so every change since is in it.
            if let Some(change) = store.change(revision) {
                self.observe(change, now);
            }
        }
        self.seen = to;
        store.compact();
        to > from
    }

    fn observe(&mut self, change: &Change, now: Time) {
        self.controllers.observe(change, now);
        self.schedulers.observe(change, now);
        self.kubelets.observe(change, now);
    }
}
