//! What the rest of the server holds of the loop: a way in, and a view of what is durable.

use super::place::Place;
use super::{Clock, Event, Order, Refused};
use kubarium_core::api::Name;
use kubarium_core::apiserver::{Answer, LogQuery, Request, Response, UsageQuery, is_foresight};
use kubarium_core::recording::state_hash;
use kubarium_core::runtime::{MachineUsage, RuntimeEvent};
use kubarium_core::sim::{Fault, Output};
use kubarium_core::{Cluster, Input};
use std::fmt;
use tokio::sync::{mpsc, oneshot, watch};

/// The loop has ended: the server is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server is shutting down")
    }
}

impl std::error::Error for Closed {}

/// A way to the loop. Clones lead to the same one.
#[derive(Clone, Debug)]
pub struct DriverHandle {
    events: mpsc::Sender<Event>,
    place: Place,
    revisions: watch::Receiver<u64>,
}

impl DriverHandle {
    pub(super) const fn new(events: mpsc::Sender<Event>, place: Place, revisions: watch::Receiver<u64>) -> Self {
        Self { events, place, revisions }
    }

    /// Asks the API. What only reads is answered from the durable state, past the loop; the rest by it.
    pub async fn ask(&self, request: Request) -> Result<Answer, Closed> {
        if is_foresight(&request) {
            return self.foresee(request).await;
        }
        match self.look(&request).await {
            Some(answer) => Ok(answer),
            None => self.request(request).await,
        }
    }

    /// Asks the API through the loop. Waits while the queue is full, and until what was changed is durable.
    pub async fn request(&self, request: Request) -> Result<Answer, Closed> {
        let (reply, answer) = oneshot::channel();
        self.events.send(Event::Request { request, reply }).await.map_err(|_| Closed)?;
        answer.await.map_err(|_| Closed)
    }

    async fn look(&self, request: &Request) -> Option<Answer> {
        let draft = self.place.read(|now, cluster| cluster.look(now, request)).await?;
        if !draft.is_long() {
            return Some(draft.finish());
        }
        // Where the server ends meanwhile, the loop says so.
        tokio::task::spawn_blocking(|| draft.finish()).await.ok()
    }

    /// What would be if: found in a fork, while the cluster goes on.
    async fn foresee(&self, request: Request) -> Result<Answer, Closed> {
        let mut fork = self.read(Cluster::clone).await;
        let answer = move || fork.handle(fork.now(), Input::Request(request)).answer;
        tokio::task::spawn_blocking(answer).await.ok().flatten().ok_or(Closed)
    }

    /// Tells what a host saw. Waits while the queue is full.
    pub async fn runtime(&self, node: &Name, event: RuntimeEvent) -> Result<(), Closed> {
        self.events.send(Event::Runtime { node: node.clone(), event }).await.map_err(|_| Closed)
    }

    /// Waits until what was told before has happened, and is durable.
    pub async fn caught_up(&self) -> Result<(), Closed> {
        // The loop takes in order what comes, whatever it is.
        self.request(Request::get("/version")).await.map(drop)
    }

    /// Looks at the durable state. Keep it short: the loop waits meanwhile.
    pub async fn read<T>(&self, look: impl FnOnce(&Cluster) -> T) -> T {
        self.place.read(|_, cluster| look(cluster)).await
    }

    /// The cluster's time.
    pub async fn clock(&self) -> Clock {
        self.place.clock().await
    }

    /// A number that stands for the whole state: equal states have equal ones.
    pub async fn state_hash(&self) -> Result<u64, Closed> {
        // A fork is made at once; counting it through takes its time.
        let fork = self.read(Cluster::clone).await;
        tokio::task::spawn_blocking(move || state_hash(&fork)).await.map_err(|_| Closed)
    }

    /// Has something done that only a simulation can do, and waits until it is done. A step that nobody waits for any
    /// more ends.
    pub async fn order(&self, order: Order) -> Result<Clock, Refused> {
        if matches!(self.place, Place::Live(_)) {
            return Err(Refused::Live);
        }
        let (reply, outcome) = oneshot::channel();
        self.events.send(Event::Order { order, reply }).await.map_err(|_| Refused::Closed)?;
        outcome.await.map_err(|_| Refused::Closed)?
    }

    /// What is wrong with each simulated machine, by node. None where the machines are no simulated ones.
    pub async fn machines(&self) -> Option<Vec<(Name, Vec<Fault>)>> {
        let Place::Simulated(simulation) = &self.place else { return None };
        let simulation = simulation.read().await;
        let present = simulation.world.machines().iter().filter(|machine| !machine.is_gone());
        Some(present.map(|machine| (machine.name().clone(), machine.faults())).collect())
    }

    /// What is used on the simulated machines; nothing where the machines are no simulated ones.
    pub async fn usage(&self) -> Vec<MachineUsage> {
        let Place::Simulated(simulation) = &self.place else { return Vec::new() };
        simulation.read().await.world.usage()
    }

    /// Tells what is used where, as a query wants to know it.
    pub async fn tell_usage(&self, query: &UsageQuery, machines: &[MachineUsage]) -> Response {
        self.place.read(|now, cluster| query.answer(cluster.store(), now, machines)).await
    }

    /// What a simulated container has written. None where its machine cannot be reached, or is no simulated one.
    pub async fn output(&self, query: &LogQuery) -> Option<Output> {
        let Place::Simulated(simulation) = &self.place else { return None };
        let simulation = simulation.read().await;
        simulation.world.output(query)
    }

    /// Tells of every new durable revision.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.revisions.clone()
    }

    /// Ends the loop after what it has taken in.
    pub async fn stop(&self) {
        // It may have ended by itself.
        let _ = self.events.send(Event::Stop).await;
    }
}
