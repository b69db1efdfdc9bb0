//! What the rest of the server holds of the loop: a way in, and a view of what is durable.

use super::Event;
use kubarium_core::Cluster;
use kubarium_core::api::Name;
use kubarium_core::apiserver::{Answer, Request};
use kubarium_core::runtime::RuntimeEvent;
use std::fmt;
use std::sync::Arc;
use tokio::sync::{RwLock, mpsc, oneshot, watch};

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
    cluster: Arc<RwLock<Cluster>>,
    revisions: watch::Receiver<u64>,
}

impl DriverHandle {
    pub(super) const fn new(
        events: mpsc::Sender<Event>,
        cluster: Arc<RwLock<Cluster>>,
        revisions: watch::Receiver<u64>,
    ) -> Self {
        Self { events, cluster, revisions }
    }

    /// Asks the API. What only reads is answered from the durable state, past the loop; the rest by it.
    pub async fn ask(&self, request: Request) -> Result<Answer, Closed> {
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
        let draft = self.read(|cluster| cluster.look(crate::clock::now(), request)).await?;
        if !draft.is_long() {
            return Some(draft.finish());
        }
        // Where the server ends meanwhile, the loop says so.
        tokio::task::spawn_blocking(|| draft.finish()).await.ok()
    }

    /// Tells what a host saw. Waits while the queue is full.
    pub async fn runtime(&self, node: &Name, event: RuntimeEvent) -> Result<(), Closed> {
        self.events.send(Event::Runtime { node: node.clone(), event }).await.map_err(|_| Closed)
    }

    /// Looks at the durable state. Keep it short: the loop waits meanwhile.
    pub async fn read<T>(&self, look: impl FnOnce(&Cluster) -> T) -> T {
        look(&*self.cluster.read().await)
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
