//! The feed: the rows a page shows, and the news that they changed.
//!
//! Rows lie outside the component tree: thousands of them change per second, and only who shows them should draw.
//! The map asks in every frame; everything else uses [`use_feed`], which draws a few times per second at most.

use super::History;
use crate::worker::protocol::{Clock, Countdown, Flow, Ghosts, NodeFault};
use gloo_timers::callback::Timeout;
use kubarium_core::Time;
use kubarium_core::api::Name;
use kubarium_core::order;
use kubarium_core::view::{Delta, Rows};
use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;
use yew::prelude::*;

/// How the page is connected with its cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Connection {
    /// Nothing has come yet.
    #[default]
    Connecting,
    /// What is shown is up to date.
    Fresh,
    /// Nothing answers. What is shown is old; the client tries again by itself.
    Silent,
    /// What is shown is old, and why. The client tries again by itself.
    Stale(String),
    /// The server wants a token; whether it refused one.
    TokenNeeded(bool),
}

/// What is known of the shown cluster.
#[derive(Default)]
pub(crate) struct Feed {
    rows: RefCell<Rows>,
    clock: Cell<Clock>,
    connection: RefCell<Connection>,
    /// Until when what is shown was up to date, if it ever was and is no more.
    fresh_until: Cell<Option<Time>>,
    countdowns: RefCell<order::Map<Name, Countdown>>,
    faults: RefCell<order::Map<Name, Vec<NodeFault>>>,
    requests: Cell<(u64, u64)>,
    flows: RefCell<Vec<Flow>>,
    /// Where pods would go if the dragged controller were let go now.
    ghosts: RefCell<Option<Ghosts>>,
    history: RefCell<History>,
    version: Cell<u64>,
    rows_version: Cell<u64>,
    next_listener: Cell<u64>,
    listeners: RefCell<order::Map<u64, Callback<()>>>,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("version", &self.version).finish_non_exhaustive()
    }
}

impl Feed {
    /// The rows. The borrow must end before the next call that changes them: keep it within one drawing.
    pub(crate) fn rows(&self) -> Ref<'_, Rows> {
        self.rows.borrow()
    }

    /// The cluster's clock and how fast it runs.
    pub(crate) const fn clock(&self) -> Clock {
        self.clock.get()
    }

    /// How the page is connected.
    pub(crate) fn connection(&self) -> Connection {
        self.connection.borrow().clone()
    }

    /// When what is shown was last up to date; none if it never was.
    pub(crate) const fn fresh_until(&self) -> Option<Time> {
        self.fresh_until.get()
    }

    /// What a silent node's pods wait for.
    pub(crate) fn countdown(&self, node: &str) -> Option<Countdown> {
        self.countdowns.borrow().get(node).copied()
    }

    /// What was made to go wrong with a node.
    pub(crate) fn faults(&self, node: &str) -> Vec<NodeFault> {
        self.faults.borrow().get(node).cloned().unwrap_or_default()
    }

    /// What was.
    pub(crate) fn history(&self) -> Ref<'_, History> {
        self.history.borrow()
    }

    /// Requests that were routed since the last call. For the map, which draws each once.
    pub(crate) fn take_flows(&self) -> Vec<Flow> {
        self.flows.take()
    }

    /// Where pods would go if the dragged controller were let go now; none while none is dragged.
    pub(crate) fn ghosts(&self) -> Ref<'_, Option<Ghosts>> {
        self.ghosts.borrow()
    }

    pub(crate) fn set_ghosts(&self, ghosts: Option<Ghosts>) {
        if *self.ghosts.borrow() != ghosts {
            *self.ghosts.borrow_mut() = ghosts;
            self.changed();
        }
    }

    /// Whether requests wait to be drawn.
    pub(crate) fn has_flows(&self) -> bool {
        !self.flows.borrow().is_empty()
    }

    /// Whether something is counted down.
    pub(crate) fn has_countdowns(&self) -> bool {
        !self.countdowns.borrow().is_empty()
    }

    /// Grows with every change of rows.
    pub(crate) const fn rows_version(&self) -> u64 {
        self.rows_version.get()
    }

    /// Grows with every change.
    pub(crate) const fn version(&self) -> u64 {
        self.version.get()
    }

    /// Changed rows.
    pub(crate) fn apply(&self, delta: Delta) {
        self.rows.borrow_mut().apply(delta);
        self.rows_version.set(self.rows_version.get() + 1);
        self.changed();
    }

    pub(crate) fn set_clock(&self, clock: Clock) {
        if self.clock.replace(clock) != clock {
            // What is not known at a time is no part of its history.
            if *self.connection.borrow() == Connection::Fresh {
                self.history.borrow_mut().observe(clock.now, &self.rows.borrow(), self.requests.get());
            }
            self.changed();
        }
    }

    pub(crate) fn set_connection(&self, connection: Connection) {
        if *self.connection.borrow() != connection {
            let before = self.connection.replace(connection);
            if before == Connection::Fresh {
                self.fresh_until.set(Some(self.clock().now));
            }
            self.changed();
        }
    }

    pub(crate) fn set_nodes_ahead(&self, countdowns: Vec<(Name, Countdown)>, faults: Vec<(Name, NodeFault)>) {
        *self.countdowns.borrow_mut() = countdowns.into_iter().collect();
        let mut by_node: order::Map<Name, Vec<NodeFault>> = order::Map::new();
        for (node, fault) in faults {
            by_node.entry(node).or_default().push(fault);
        }
        if self.faults.replace(by_node.clone()) != by_node {
            self.changed();
        }
    }

    pub(crate) fn set_requests(&self, requests: (u64, u64)) {
        self.requests.set(requests);
    }

    pub(crate) fn add_flows(&self, mut flows: Vec<Flow>) {
        /// More than a map can show: the rest of a busy moment is left out.
        const FLOWS_MAX: usize = 4_096;
        let mut kept = self.flows.borrow_mut();
        kept.append(&mut flows);
        kept.truncate(FLOWS_MAX);
    }

    fn changed(&self) {
        self.version.set(self.version.get() + 1);
        let listeners: Vec<_> = self.listeners.borrow().values().cloned().collect();
        for listener in listeners {
            listener.emit(());
        }
    }

    /// Calls back after every change, until the subscription is dropped.
    pub(crate) fn subscribe(self: &Rc<Self>, listener: Callback<()>) -> Subscription {
        let id = self.next_listener.get();
        self.next_listener.set(id + 1);
        self.listeners.borrow_mut().insert(id, listener);
        Subscription { feed: Rc::clone(self), id }
    }
}

/// Ends when dropped.
pub(crate) struct Subscription {
    feed: Rc<Feed>,
    id: u64,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.feed.listeners.borrow_mut().remove(&self.id);
    }
}

/// The present feed; the component draws again when it changed, at most once per `every_ms` milliseconds.
#[hook]
pub(crate) fn use_feed(every_ms: u32) -> Rc<Feed> {
    let feed = crate::client::use_session().feed;
    let update = use_force_update();
    use_effect_with((Rc::as_ptr(&feed), every_ms), {
        let feed = Rc::clone(&feed);
        move |_| {
            let timer: Rc<RefCell<Option<Timeout>>> = Rc::default();
            let subscription = feed.subscribe(Callback::from({
                let timer = Rc::clone(&timer);
                move |()| {
                    if timer.borrow().is_some() {
                        return;
                    }
                    let (update, done) = (update.clone(), Rc::clone(&timer));
                    let drawing = Timeout::new(every_ms, move || {
                        done.take();
                        update.force_update();
                    });
                    *timer.borrow_mut() = Some(drawing);
                }
            }));
            move || {
                drop(subscription);
                timer.take();
            }
        }
    });
    feed
}
