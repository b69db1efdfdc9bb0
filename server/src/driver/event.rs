//! Everything the loop listens to.

use kubarium_core::api::Name;
use kubarium_core::apiserver::{Answer, Request};
use kubarium_core::runtime::RuntimeEvent;
use tokio::sync::oneshot;

/// What the loop takes in.
#[derive(Debug)]
pub enum Event {
    /// Somebody asks the API.
    Request {
        /// What.
        request: Request,
        /// Where the answer goes, once what it says is durable.
        reply: oneshot::Sender<Answer>,
    },
    /// A Docker host saw something.
    Runtime {
        /// The host's node.
        node: Name,
        /// What it saw.
        event: RuntimeEvent,
    },
    /// End after this batch.
    Stop,
}
