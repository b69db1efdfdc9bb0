//! The rows: what lists, map and inspector need of an object, and no more.

use super::Amounts;
use crate::api::{EventKind, Kind, Name, PodPhase, Uid};
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Where a pod's row lies. A slot is stable while the pod lives and is given to another pod afterwards.
pub type Slot = u32;

/// Names and values of labels or a selector, in order.
pub type Pairs = Vec<(Name, Name)>;

/// Namespace and name; the namespace is empty for kinds without.
pub type Id = (Name, Name);

/// How a pod is, as the map shows it. More precise than Kubernetes' phase: it is what a person wants to know first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PodState {
    /// It has no node.
    Pending,
    /// It has a node, and its containers are being made.
    Starting,
    /// It runs and passes its readiness probes.
    Ready,
    /// It runs and does not pass them, or its node is silent.
    NotReady,
    /// A container keeps ending, or its image cannot be had: the next try waits.
    CrashLooping,
    /// It was asked to go.
    Terminating,
    /// All its containers ended, at least one badly.
    Failed,
    /// All its containers ended well.
    Succeeded,
}

impl PodState {
    /// Every state, in the order of a legend.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Pending,
        Self::Starting,
        Self::Ready,
        Self::NotReady,
        Self::CrashLooping,
        Self::Terminating,
        Self::Failed,
        Self::Succeeded,
    ];

    /// How many states there are.
    pub const COUNT: usize = 8;

    /// The word for it in filters and addresses, such as `crash-looping`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::NotReady => "not-ready",
            Self::CrashLooping => "crash-looping",
            Self::Terminating => "terminating",
            Self::Failed => "failed",
            Self::Succeeded => "succeeded",
        }
    }

    /// The state of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }

    /// Whether a person should look: the pod does not do its work and does not get there by itself soon.
    pub const fn needs_a_look(self) -> bool {
        matches!(self, Self::Pending | Self::NotReady | Self::CrashLooping | Self::Failed)
    }

    /// Whether it takes up room on its node.
    pub const fn takes_room(self) -> bool {
        !matches!(self, Self::Failed | Self::Succeeded)
    }
}

/// The controller of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// Its kind.
    pub kind: Name,
    /// Its name; it is in the same namespace.
    pub name: Name,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PodRow {
    /// Unique for all time: tells a pod from the next one in its slot.
    pub uid: Uid,
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// The name of its node; empty for none.
    pub node: Name,
    /// How it is.
    pub state: PodState,
    /// Kubernetes' phase.
    pub phase: PodPhase,
    /// One word on why it is so, such as `Unschedulable` or `CrashLoopBackOff`; empty where there is nothing to say.
    pub reason: Name,
    /// The sentence to that word; empty where there is none.
    pub message: Arc<str>,
    /// How many of its containers are ready.
    pub ready: u16,
    /// How many containers it has.
    pub containers: u16,
    /// How often they were restarted, all together.
    pub restarts: u32,
    /// Its labels, see [`super::LabelTable`].
    pub labels: u32,
    /// Its controller.
    pub owner: Option<Owner>,
    /// Its own address; empty for none.
    pub ip: Name,
    /// What it requests.
    pub requests: Amounts,
    /// When it was created.
    pub created: Time,
}

/// Whether a node answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NodeReadiness {
    /// It is ready for pods.
    Ready,
    /// It says that it is not.
    NotReady,
    /// It has been silent for longer than the grace period.
    Unknown,
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeTaint {
    /// Its key.
    pub key: Name,
    /// Its value; may be empty.
    pub value: Name,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: Name,
    /// Since when, where known: from then on pods that do not tolerate it for ever are counted down.
    pub since: Option<Time>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeRow {
    /// Its name.
    pub name: Name,
    /// Whether it answers.
    pub readiness: NodeReadiness,
    /// Whether it takes no new pods.
    pub cordoned: bool,
    /// Its zone; empty for none.
    pub zone: Name,
    /// All it has.
    pub capacity: Amounts,
    /// What of it pods may use.
    pub allocatable: Amounts,
    /// Its labels.
    pub labels: Pairs,
    /// Its taints.
    pub taints: Vec<NodeTaint>,
    /// Version of its kubelet; empty where unknown.
    pub version: Name,
    /// Its address; empty for none.
    pub address: Name,
    /// One word on its readiness, such as `NodeStatusUnknown`.
    pub reason: Name,
    /// The sentence to that word.
    pub message: Arc<str>,
    /// Since when its readiness is what it is.
    pub since: Option<Time>,
    /// When it was created.
    pub created: Time,
}

/// A controller that keeps a number of equal pods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControllerRow {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// How many pods are wanted.
    pub desired: u32,
    /// How many there are.
    pub current: u32,
    /// How many of these are ready.
    pub ready: u32,
    /// Which pods are its own.
    pub selector: Pairs,
    /// The images of its template.
    pub images: Vec<Name>,
    /// Its labels.
    pub labels: Pairs,
    /// When it was created.
    pub created: Time,
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePort {
    /// Its name; may be empty.
    pub name: Name,
    /// Its number.
    pub port: u16,
    /// Number or name of the port in the pods.
    pub target: Name,
    /// The node port, where it has one.
    pub node_port: Option<u16>,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: Name,
}

/// A service with the pods behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceRow {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// `ClusterIP`, `NodePort` and so on.
    pub kind: Name,
    /// Its address; `None` for a headless one, as Kubernetes writes it.
    pub cluster_ip: Name,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// Which pods are behind it.
    pub selector: Pairs,
    /// The ready pods, as far as they are in the rows; sorted.
    pub backends: Vec<Slot>,
    /// How many addresses are ready.
    pub ready: u32,
    /// How many are not.
    pub not_ready: u32,
    /// Its labels.
    pub labels: Pairs,
    /// When it was created.
    pub created: Time,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventRow {
    /// Its namespace.
    pub namespace: Name,
    /// Its name: the same happening again keeps it.
    pub name: Name,
    /// Good news or a warning.
    pub kind: EventKind,
    /// Kind of the object it is about, such as `Pod`.
    pub about: Name,
    /// Namespace and name of that object.
    pub object: Id,
    /// One word.
    pub reason: Name,
    /// A sentence.
    pub message: Arc<str>,
    /// How often.
    pub count: u32,
    /// When first.
    pub first: Time,
    /// When last.
    pub last: Time,
    /// Who says so.
    pub component: Name,
}
