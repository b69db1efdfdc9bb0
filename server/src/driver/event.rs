//! Everything a loop listens to.

use super::Clock;
use kubarium_core::api::Name;
use kubarium_core::apiserver::{Answer, Request, Response};
use kubarium_core::runtime::RuntimeEvent;
use kubarium_core::sim::{Action, ActionError};
use kubarium_core::{Span, Time};
use tokio::sync::oneshot;

/// What a loop takes in.
#[derive(Debug)]
pub enum Event {
    /// Somebody asks the API.
    Request {
        /// What.
        request: Request,
        /// Where the answer goes, once what it says is durable.
        reply: oneshot::Sender<Answer>,
    },
    /// A Docker host saw something. Only where the cluster is live.
    Runtime {
        /// The host's node.
        node: Name,
        /// What it saw.
        event: RuntimeEvent,
    },
    /// Something that can be done to a simulation only.
    Order {
        /// What.
        order: Order,
        /// Where the clock goes, once it is done.
        reply: oneshot::Sender<Result<Clock, Refused>>,
    },
    /// End after this batch.
    Stop,
}

/// What can be done to a simulation.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Let time run or hold it, and how fast. What is none stays.
    Pace {
        /// Whether time stands.
        paused: Option<bool>,
        /// Virtual seconds per real second.
        speed: Option<f64>,
    },
    /// Let time pass as fast as it can, whether it is held or not.
    Step(Goal),
    /// Do what a scenario's timeline could.
    Act(Action),
}

/// How far a step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Until something changes an object.
    NextChange,
    /// So much further.
    For(Span),
    /// To this instant; one that is past is reached already.
    Until(Time),
}

/// Why an order was not carried out.
#[derive(Clone, Debug, PartialEq)]
pub enum Refused {
    /// The cluster is live.
    Live,
    /// Somebody held the clock before the step was at its end; where it stands.
    Held(Time),
    /// The action cannot be done.
    Action(ActionError),
    /// The API refused what the action asks of it.
    Api(Response),
    /// The server is on its way out.
    Closed,
}
