//! The border between the control plane and machines: commands that go out, observations that come in.
//!
//! The simulator and the Docker driver both stand behind it. What the two sides owe each other:
//!
//! - Commands are idempotent: a driver that has done one already reports the outcome again.
//! - Commands for one pod are carried out in the order in which they came. [`RuntimeCommand::StopContainer`] and
//!   [`RuntimeCommand::RemovePod`] do not wait for a pull or a start under way: they end it.
//! - At most one attempt of a container runs: one that is told to start ends an earlier attempt first.
//! - After [`RuntimeEvent::Joined`], and whenever commands or events may have been lost (a restart, a partition), a
//!   driver sends [`RuntimeEvent::Listed`], from which the kubelet works out what is left to do. A list is of one
//!   moment: what was reported before it is in it, and what is not in it happens after it.
//! - No timer waits for an answer. A driver answers, or lists.

use crate::api::{Labels, Name, SharedSpec, Uid};
use crate::settings::Settings;
use crate::time::{Span, Time};
use k8s_openapi::api::core::v1 as k8s;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A pod as a runtime knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodRef {
    /// Unique for all time; what a runtime files its containers under.
    pub uid: Uid,
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
}

/// What a container uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerUsage {
    /// Its pod.
    pub pod: Uid,
    /// Its name.
    pub container: Name,
    /// Billionths of a cpu, over the last second.
    pub cpu_nanos: u64,
    /// Bytes that could not be taken away from it at once.
    pub memory_bytes: u64,
}

/// What is used on a machine that could be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineUsage {
    /// Its node.
    pub node: Name,
    /// By each container that runs.
    pub containers: Vec<ContainerUsage>,
}

/// Which probe of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeKind {
    /// Must pass once before the others start.
    Startup,
    /// Passes while the container may be sent traffic.
    Readiness,
    /// Fails when the container should be restarted.
    Liveness,
}

/// What a node's runtime shall do.
#[derive(Clone, Debug, PartialEq)]
pub enum RuntimeCommand {
    /// Make the pod's shared network and its volumes. Answer: [`RuntimeEvent::SandboxReady`] or
    /// [`RuntimeEvent::SandboxFailed`].
    StartSandbox {
        /// The pod.
        pod: PodRef,
        /// Its spec.
        spec: SharedSpec,
        /// Its labels, for whoever looks at the machine.
        labels: Labels,
        /// What its volumes show of config maps and secrets; none where they show nothing of the kind.
        settings: Option<Arc<Settings>>,
    },
    /// See that the pod's volumes show these config maps and secrets: they have changed, or it is not known that they
    /// do. Answer: [`RuntimeEvent::VolumesWritten`].
    WriteVolumes {
        /// The pod.
        pod: PodRef,
        /// Its spec.
        spec: SharedSpec,
        /// What they show.
        settings: Arc<Settings>,
    },
    /// See that the image is there, by the container's pull policy (`Always`, `IfNotPresent`, `Never`).
    /// Answer: [`RuntimeEvent::ImageReady`] or [`RuntimeEvent::ImageFailed`].
    EnsureImage {
        /// The pod.
        pod: PodRef,
        /// The container's name.
        container: Name,
        /// The image.
        image: Name,
        /// The pull policy.
        policy: Name,
    },
    /// Create and start a container. Answer: [`RuntimeEvent::Started`] or [`RuntimeEvent::StartFailed`].
    StartContainer {
        /// The pod.
        pod: PodRef,
        /// The container's name in `spec`, among containers or init containers. Ephemeral containers are among the
        /// containers there.
        container: Name,
        /// Which start of this container it is: 0, 1, 2 and so on. Makes the command idempotent. A start that
        /// failed may be asked for again with the same number.
        attempt: u32,
        /// The pod's spec.
        spec: SharedSpec,
        /// Address of the pod, for the downward API.
        pod_ip: Option<Name>,
        /// The pod's labels, for the same.
        labels: Labels,
        /// The pod's annotations, for the same.
        annotations: Labels,
        /// What its variables are taken from; none where there is nothing of the kind.
        settings: Option<Arc<Settings>>,
        /// The container whose processes it shall see, and which start of that runs; mostly none.
        target: Option<(Name, u32)>,
    },
    /// See that a container that runs has the cpu and memory that its spec says. Answer: [`RuntimeEvent::Resized`].
    ResizeContainer {
        /// The pod.
        pod: PodRef,
        /// The container's name in `spec`.
        container: Name,
        /// Which start of it.
        attempt: u32,
        /// The pod's spec, as for its start.
        spec: SharedSpec,
    },
    /// Ask a container to stop, and kill it after the grace period. It may be asked again with a shorter one.
    /// Answer: [`RuntimeEvent::Exited`], with the last attempt's exit where nothing runs any more, or
    /// [`RuntimeEvent::StartFailed`] where it never ran.
    StopContainer {
        /// The pod.
        pod: PodRef,
        /// The container's name.
        container: Name,
        /// How long it may take.
        grace: Span,
    },
    /// Remove all that is left of a pod: containers, sandbox, volumes. Answer: [`RuntimeEvent::Removed`].
    RemovePod {
        /// The pod.
        pod: PodRef,
    },
    /// Run a probe once. Answer: [`RuntimeEvent::Probed`].
    Probe {
        /// The pod.
        pod: PodRef,
        /// The container's name.
        container: Name,
        /// Which of its probes.
        kind: ProbeKind,
        /// What to do, its `timeoutSeconds` among it.
        probe: Arc<k8s::Probe>,
        /// Where http and tcp probes go.
        pod_ip: Option<Name>,
    },
}

impl RuntimeCommand {
    /// The pod it is about.
    pub const fn pod(&self) -> &PodRef {
        match self {
            Self::StartSandbox { pod, .. }
            | Self::WriteVolumes { pod, .. }
            | Self::EnsureImage { pod, .. }
            | Self::StartContainer { pod, .. }
            | Self::ResizeContainer { pod, .. }
            | Self::StopContainer { pod, .. }
            | Self::RemovePod { pod }
            | Self::Probe { pod, .. } => pod,
        }
    }
}

/// What a machine says of itself when it joins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    /// Labels its Node gets, besides `kubernetes.io/hostname`, `kubernetes.io/os` and `kubernetes.io/arch`.
    pub labels: Labels,
    /// Capacity: `cpu`, `memory`, `ephemeral-storage`, `pods` and extended resources, as Kubernetes quantities. Machines
    /// that are alike share it.
    pub capacity: Arc<BTreeMap<String, String>>,
    /// What of it pods may use; the same as the capacity where empty.
    pub allocatable: Arc<BTreeMap<String, String>>,
    /// Address under which the server reaches it.
    pub address: Option<Name>,
    /// Operating system, kernel, runtime and so on.
    pub info: Option<Box<k8s::NodeSystemInfo>>,
}

/// One container as a runtime lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedContainer {
    /// Its name in the pod's spec.
    pub container: Name,
    /// Which start it was.
    pub attempt: u32,
    /// The runtime's name for it.
    pub id: Name,
    /// The runtime's name for its image, as [`RuntimeEvent::ImageReady`] says it, where known.
    pub image_id: Option<Name>,
    /// Whether it runs.
    pub running: bool,
    /// Since when it runs or ran.
    pub started: Option<Time>,
    /// How it ended, where it did.
    pub exit: Option<Exit>,
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exit {
    /// Exit code; 128 + n for signal n.
    pub code: i32,
    /// The signal that ended it, where known.
    pub signal: Option<i32>,
    /// Whether the kernel killed it for memory.
    pub out_of_memory: bool,
    /// When.
    pub at: Option<Time>,
}

/// One pod as a runtime lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedPod {
    /// The pod.
    pub pod: PodRef,
    /// Its address, while its network stands.
    pub pod_ip: Option<Name>,
    /// Its containers.
    pub containers: Vec<ListedContainer>,
}

/// What a node's runtime saw.
#[derive(Clone, Debug, PartialEq)]
pub enum RuntimeEvent {
    /// The machine joins, or joins again: its Node is created or brought up to date, and its kubelet starts.
    Joined(Box<Machine>),
    /// The machine leaves for good: its kubelet stops. The Node object stays until it is deleted.
    Left,
    /// The machine is alive.
    Heartbeat,
    /// The machine does not answer, or not as a machine of ours would. No sign of life: it is said again at each try,
    /// so that a machine that never answered is seen, too.
    Unreachable {
        /// Why, in words, and where it was tried.
        message: String,
    },
    /// All pods of ours on the machine. What is not in it is gone.
    Listed(Vec<ListedPod>),
    /// The pod's network stands.
    SandboxReady {
        /// The pod.
        pod: PodRef,
        /// Its address.
        pod_ip: Name,
    },
    /// The pod's network could not be made; the kubelet tries again later.
    SandboxFailed {
        /// The pod.
        pod: PodRef,
        /// Why.
        message: String,
    },
    /// The pod's volumes show what they were last told to, or could not be written.
    VolumesWritten {
        /// The pod.
        pod: PodRef,
        /// Nothing where they do, else why not.
        failure: Option<String>,
    },
    /// The pull of an image has begun.
    ImagePulling {
        /// The pod.
        pod: PodRef,
        /// The container's name.
        container: Name,
    },
    /// The image is there.
    ImageReady {
        /// The pod.
        pod: PodRef,
        /// The container's name.
        container: Name,
        /// The runtime's name for the image.
        image_id: Name,
        /// How long the pull took; none where it was there already.
        pulled: Option<Span>,
        /// Size in bytes, where known.
        size_bytes: Option<u64>,
    },
    /// The image is not there and cannot be had.
    ImageFailed {
        /// The pod.
        pod: PodRef,
        /// The container's name.
        container: Name,
        /// Kubernetes' word: `ErrImagePull`, `ErrImageNeverPull` or `InvalidImageName`.
        reason: Name,
        /// Why.
        message: String,
    },
    /// A container runs.
    Started {
        /// The pod.
        pod: PodRef,
        /// The container's name.
        container: Name,
        /// Which start it is.
        attempt: u32,
        /// The runtime's name for it.
        id: Name,
        /// Since when.
        at: Time,
    },
    /// A container could not be created or started.
    StartFailed {
        /// The pod.
        pod: PodRef,
        /// The container's name.
        container: Name,
        /// Which start it was.
        attempt: u32,
        /// Kubernetes' word. `RunContainerError`, where it was created and would not run, counts as a run that
        /// ended with 128; with any other, such as `CreateContainerError`, the same attempt is tried again.
        reason: Name,
        /// Why.
        message: String,
    },
    /// A container has the cpu and memory it was to have, or cannot be given them.
    Resized {
        /// The pod.
        pod: PodRef,
        /// The container's name.
        container: Name,
        /// Which start of it.
        attempt: u32,
        /// Nothing where it has them, else why not.
        failure: Option<String>,
    },
    /// A container ended.
    Exited {
        /// The pod.
        pod: PodRef,
        /// The container's name.
        container: Name,
        /// Which start it was.
        attempt: u32,
        /// How.
        exit: Exit,
    },
    /// Nothing is left of the pod.
    Removed {
        /// The pod.
        pod: PodRef,
    },
    /// A probe has run.
    Probed {
        /// The pod.
        pod: PodRef,
        /// The container's name.
        container: Name,
        /// Which of its probes.
        kind: ProbeKind,
        /// Nothing where it passed, else what went wrong.
        failure: Option<String>,
    },
    /// The machine's disk is full, or no longer.
    DiskPressure(bool),
}

impl RuntimeEvent {
    /// The pod it is about; none where it is about the machine.
    pub const fn pod(&self) -> Option<&PodRef> {
        match self {
            Self::SandboxReady { pod, .. }
            | Self::SandboxFailed { pod, .. }
            | Self::VolumesWritten { pod, .. }
            | Self::ImagePulling { pod, .. }
            | Self::ImageReady { pod, .. }
            | Self::ImageFailed { pod, .. }
            | Self::Started { pod, .. }
            | Self::StartFailed { pod, .. }
            | Self::Resized { pod, .. }
            | Self::Exited { pod, .. }
            | Self::Removed { pod }
            | Self::Probed { pod, .. } => Some(pod),
            Self::Joined(_)
            | Self::Left
            | Self::Heartbeat
            | Self::Unreachable { .. }
            | Self::Listed(_)
            | Self::DiskPressure(_) => None,
        }
    }
}
