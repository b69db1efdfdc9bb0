//! What page and worker say to each other.
//!
//! Questions and their answers are JSON text: few and small. Updates are bytes (postcard): one per drawn frame at
//! most, because the page acknowledges each with [`Ask::Drawn`].

use kubarium_core::Time;
use kubarium_core::api::Name;
use kubarium_core::apiserver::{Request, Response};
use kubarium_core::sim::Action;
use kubarium_core::view::{Delta, Id, Slot};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Writes a message.
pub(crate) fn write<T: Serialize>(message: &T) -> String {
    // The protocol's types have string keys throughout, so this cannot fail.
    serde_json::to_value(message).unwrap_or_default().to_string()
}

/// Reads a message. By way of a value, as all typed JSON is read here: each type's reader is compiled once.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text).and_then(serde_json::from_value)
}

/// What the page asks or orders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// A request to the Kubernetes API. Answer: [`Reply::Response`].
    Request(Request),
    /// Let time run, or hold it.
    Play(bool),
    /// Let the next thing happen, and hold.
    Step,
    /// How many virtual seconds pass in a real one.
    Speed(f64),
    /// Something that only a simulation can do, as in a scenario's timeline.
    Act(Box<Action>),
    /// Where pods of a replication controller would go if it had this many. Answer: [`Reply::Ghosts`].
    Preview {
        /// Namespace of the controller.
        namespace: String,
        /// Name of the controller.
        name: String,
        /// The wanted number.
        replicas: u32,
    },
    /// Begin anew with this scenario, as YAML. Answer: [`Reply::Done`], or what is wrong with it and where.
    Load(String),
    /// The scenario with all that was done so far. Answer: [`Reply::Text`].
    Recording,
    /// The page has drawn the last update and wants the next.
    Drawn,
}

/// A question with the number its answer carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) id: u32,
    pub(crate) ask: Ask,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// It is done.
    Done,
    /// What the API answered.
    Response(Response),
    /// Where pods would go.
    Ghosts(Ghosts),
    /// Text, as the question says.
    Text(String),
    /// It could not be done, and why.
    Error(String),
}

/// An answer with the number of its question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Replied {
    pub(crate) id: u32,
    pub(crate) reply: Reply,
}

/// Where pods would go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ghosts {
    /// How many more on which node.
    pub(crate) placed: Vec<(Name, u32)>,
    /// Pods that would go away, by name.
    pub(crate) leaving: Vec<Name>,
    /// How many would stay pending.
    pub(crate) pending: u32,
    /// Why these would.
    pub(crate) reason: String,
}

/// Time in a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Clock {
    /// The cluster's time.
    pub(crate) now: Time,
    /// When it began.
    pub(crate) start: Time,
    /// Whether time runs.
    pub(crate) playing: bool,
    /// Wanted virtual seconds per real second.
    pub(crate) speed: f64,
    /// Reached virtual seconds per real second: less than wanted where there is too much to do.
    pub(crate) reached: f64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { now: Time::EPOCH, start: Time::EPOCH, playing: false, speed: 1.0, reached: 0.0 }
    }
}

/// Requests from a service to one of its pods since the last update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flow {
    /// The service.
    pub(crate) service: Id,
    /// The pod; none where no pod was ready.
    pub(crate) pod: Option<Slot>,
    /// How many were answered.
    pub(crate) answered: u32,
    /// How many were lost.
    pub(crate) lost: u32,
}

/// What happens next to a silent node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// It becomes `NotReady`.
    Grace,
    /// Its first pod is evicted.
    Eviction,
    /// Its evicted pods are replaced elsewhere; they stay here, terminating, until the node is back or gone.
    Replacement,
}

/// A stage and when it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Countdown {
    pub(crate) stage: Stage,
    /// When the wait for it began.
    pub(crate) from: Time,
    /// When it comes, if nothing changes.
    pub(crate) at: Time,
    /// How many pods it is about.
    pub(crate) pods: u32,
}

/// What was made to go wrong with a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum NodeFault {
    /// Its machine is off.
    Off,
    /// Its machine works on, but is cut off.
    Partitioned,
    /// Its disk is full.
    DiskFull,
    /// Its pulls take longer.
    SlowPulls,
}

/// What changed since the last update.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Update {
    pub(crate) clock: Clock,
    pub(crate) delta: Delta,
    /// What the latest requests to services came to; a sample where there are many.
    pub(crate) flows: Vec<Flow>,
    /// Requests so far, of all services: answered, lost (refused ones among them).
    pub(crate) requests: (u64, u64),
    /// All that is wrong with nodes.
    pub(crate) faults: Vec<(Name, NodeFault)>,
    /// Nodes for which something is counted down.
    pub(crate) countdowns: Vec<(Name, Countdown)>,
}
