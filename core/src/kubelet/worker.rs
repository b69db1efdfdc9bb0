//! What the kubelet remembers of one pod between two looks at it: little, for there are many.
//!
//! Times and outcomes that people see are in the pod's status; here is only what decides the next step.

use super::probe::Probes;
use super::working;
use crate::api::{ContainerState, Key, Name, Object, PodBody, Uid};
use crate::runtime::PodRef;
use crate::scheduler::PodClass;
use crate::settings::{Reference, Settings};
use crate::time::{Span, Time};
use k8s_openapi::api::core::v1 as k8s;
use std::sync::Arc;

/// The pod's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sandbox {
    /// It has none.
    Absent,
    /// It was asked for.
    Starting,
    /// It stands.
    Ready,
    /// It could not be made, and is tried again at that time.
    Failed { until: Time },
}

/// Those of the pod's volumes that show config maps and secrets.
#[derive(Clone, Debug)]
pub(super) enum Volumes {
    /// Nobody knows what they show.
    Unknown,
    /// The machine was told to show these, and has not answered.
    Told(Arc<Settings>),
    /// They show these.
    Written(Arc<Settings>),
    /// Something that must be there is not; that is said again at that time.
    Missing { until: Time },
    /// They could not be written, and are tried again at that time.
    Failed { until: Time },
}

/// Where one container is on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its turn has not come.
    #[default]
    Waiting,
    /// Its image was asked for.
    Pulling,
    /// Its image could not be had; from `quiet` on that counts as backing off, at `until` it is tried again.
    PullFailed { quiet: Time, until: Time },
    /// The same, backing off.
    PullBackOff { until: Time },
    /// Its image is there.
    Fetched,
    /// It was told to start.
    Starting,
    /// It could not be started, and is tried again at that time.
    StartFailed { until: Time },
    /// What its variables are taken from is missing: it is tried again when that is there, or at that time.
    Unconfigured { until: Time },
    /// It runs.
    Running,
    /// It was told to stop.
    Stopping,
    /// It ended, and may be started again from that time on.
    Exited { code: i32, until: Time },
}

impl Stage {
    /// Whether there may be a process.
    pub(super) const fn is_live(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Stopping)
    }

    /// When something is to be done although nothing happens.
    pub(super) const fn due(self) -> Option<Time> {
        match self {
            Self::PullFailed { quiet: at, .. }
            | Self::PullBackOff { until: at }
            | Self::StartFailed { until: at }
            | Self::Unconfigured { until: at }
            | Self::Exited { until: at, .. } => Some(at),
            _ => None,
        }
    }
}

/// One container.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    /// Which start its stage is about.
    pub(super) attempt: u32,
    pub(super) stage: Stage,
    /// How often in a row it ended soon; sets the back-off.
    pub(super) crashes: u8,
    /// How often in a row its image could not be had or it could not be started.
    pub(super) failures: u8,
    /// The runtime's name for its image from when that is there until the container is: only then it is shown.
    pub(super) image_id: Option<Arc<str>>,
    /// The runs of its probes while it runs; none where it has no probe.
    pub(super) probes: Option<Box<Probes>>,
    pub(super) resize: Resize,
}

/// What is under way to give a container the resources it was granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Resize {
    /// Nothing.
    #[default]
    Idle,
    /// Its machine was told.
    Asked,
    /// Its machine could not, and is told again at that time.
    Failed { until: Time },
    /// It was told to stop, to be started anew with them whatever its restart policy.
    Restarting,
}

impl Resize {
    const fn due(self) -> Option<Time> {
        match self {
            Self::Failed { until } => Some(until),
            _ => None,
        }
    }
}

/// Why the kubelet ends a pod that nobody deleted.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) reason: Arc<str>,
    pub(super) message: Arc<str>,
    /// How long containers may take; the pod's own grace period where none.
    pub(super) grace: Option<Span>,
    /// Whether nothing of it is kept on the machine.
    pub(super) remove: bool,
}

/// Whether anything of the pod is left on its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Removal {
    /// It is wanted there.
    Kept,
    /// It was told to go.
    Asked,
    /// It has gone.
    Done,
}

/// One pod on one node.
#[derive(Clone, Debug)]
pub(super) struct Worker {
    pub(super) namespace: Name,
    pub(super) name: Name,
    pub(super) node: Name,
    pub(super) sandbox: Sandbox,
    pub(super) sandbox_failures: u8,
    /// The config maps and secrets that its spec names, each once; mostly none.
    pub(super) references: Box<[Key]>,
    pub(super) volumes: Volumes,
    /// How often in a row they could not be mounted or written.
    pub(super) volume_failures: u8,
    /// Whether they have shown all they must since the sandbox was made, as far as it is known. No container starts
    /// before.
    pub(super) volumes_ready: bool,
    /// Init containers, then containers, then ephemeral ones, in the order of the spec.
    pub(super) cells: Box<[Cell]>,
    /// How many of the cells are init containers.
    pub(super) inits: u16,
    /// How many are init containers or containers; the rest are ephemeral.
    pub(super) mains: u16,
    /// Whether all init containers have done their part.
    pub(super) initialized: bool,
    /// Whether it began in an earlier life of this process: nothing is done before its machine has listed what runs.
    pub(super) held: bool,
    /// What is counted on its node for it.
    pub(super) counted: Option<Arc<PodClass>>,
    pub(super) removal: Removal,
    pub(super) verdict: Option<Box<Verdict>>,
    /// The grace period containers were last told to stop with.
    pub(super) grace_sent: Option<Span>,
    /// The revision of the kubelet's own last write, so that it is no news.
    pub(super) written: u64,
}

impl Worker {
    /// For a pod that was just bound, or that is met again after a restart.
    pub(super) fn new(object: &Object, pod: &PodBody, node: &Name, listed: bool) -> Self {
        let inits = pod.spec.init_containers.as_ref().map_or(0, Vec::len);
        let begun = pod.status.start_time.is_some();
        let working = working::spec(pod);
        let cells = containers(&working)
            .map(|container| {
                let status = pod.status.all_containers().find(|s| s.name == container.name);
                let stage = match status.map(|s| (&s.state, &s.last)) {
                    Some((ContainerState::Running { .. }, _)) => Stage::Running,
                    Some((ContainerState::Terminated(t), _) | (ContainerState::Waiting { .. }, Some(t))) => {
                        Stage::Exited { code: t.exit_code, until: t.finished.unwrap_or_default() }
                    }
                    _ => Stage::Waiting,
                };
                Cell { attempt: status.map_or(0, |s| s.restarts), stage, ..Cell::default() }
            })
            .collect();
        Self {
            namespace: object.meta.namespace.to_name(),
            name: object.meta.name.clone(),
            node: node.clone(),
            sandbox: Sandbox::Absent,
            sandbox_failures: 0,
            references: references(&working, &object.meta.namespace),
            volumes: Volumes::Unknown,
            volume_failures: 0,
            volumes_ready: false,
            cells,
            inits: inits as u16,
            mains: (inits + pod.spec.containers.len()) as u16,
            initialized: inits == 0
                || pod.status.containers.iter().any(|c| {
                    c.last.is_some()
                        || matches!(c.state, ContainerState::Running { .. } | ContainerState::Terminated(_))
                }),
            held: begun && !listed,
            counted: None,
            removal: Removal::Kept,
            verdict: None,
            grace_sent: None,
            written: 0,
        }
    }

    /// Takes in that containers were added to the pod, which has `spec` now.
    pub(super) fn grow(&mut self, spec: &k8s::PodSpec) {
        self.references = references(spec, &self.namespace);
        let mut cells = std::mem::take(&mut self.cells).into_vec();
        cells.resize_with(containers(spec).count(), Cell::default);
        self.cells = cells.into();
    }

    /// As the runtime knows it.
    pub(super) fn pod_ref(&self, uid: Uid) -> PodRef {
        PodRef { uid, namespace: self.namespace.clone(), name: self.name.clone() }
    }

    /// Whether there may be a process of it.
    pub(super) fn is_live(&self) -> bool {
        self.cells.iter().any(|cell| cell.stage.is_live())
    }

    /// When something is to be done after `now` although nothing happens. What was due earlier is done, or waits for
    /// something else.
    pub(super) fn due(&self, now: Time) -> Option<Time> {
        let sandbox = match self.sandbox {
            Sandbox::Failed { until } => Some(until),
            _ => None,
        };
        let volumes = match self.volumes {
            Volumes::Missing { until } | Volumes::Failed { until } => Some(until),
            Volumes::Unknown | Volumes::Told(_) | Volumes::Written(_) => None,
        };
        let cells = self.cells.iter().flat_map(|cell| {
            let probes = cell.probes.as_ref().filter(|_| cell.stage == Stage::Running).and_then(|p| p.due());
            [cell.stage.due(), probes, cell.resize.due()]
        });
        cells.chain([sandbox, volumes]).flatten().filter(|at| *at > now).min()
    }
}

/// The config maps and secrets that a pod's spec names, each once.
fn references(spec: &k8s::PodSpec, namespace: &Name) -> Box<[Key]> {
    let of_volumes = spec.volumes.iter().flatten().flat_map(Reference::of_volume);
    let mut keys: Vec<Key> = Vec::new();
    for reference in of_volumes.chain(containers(spec).flat_map(Reference::of_container)) {
        let key = Key::new(reference.kind, namespace.clone(), reference.name);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.into()
}

/// All containers of a pod: init containers, then the others.
pub(super) fn containers(spec: &k8s::PodSpec) -> impl Iterator<Item = &k8s::Container> {
    spec.init_containers.iter().flatten().chain(&spec.containers)
}

/// The container of a cell.
pub(super) fn container(spec: &k8s::PodSpec, index: usize) -> Option<&k8s::Container> {
    containers(spec).nth(index)
}

/// Whether it is an init container that stays: a sidecar.
pub(super) fn is_sidecar(container: &k8s::Container, is_init: bool) -> bool {
    is_init && container.restart_policy.as_deref() == Some("Always")
}

/// Whether a container that ended with `code` is to be started again.
pub(super) fn restarts(spec: &k8s::PodSpec, container: &k8s::Container, is_init: bool, code: i32) -> bool {
    let policy = container.restart_policy.as_deref().or(spec.restart_policy.as_deref()).unwrap_or("Always");
    match policy {
        "Never" => false,
        // An init container that ended well has done its part, unless it is one that stays.
        "Always" => !is_init || code != 0 || is_sidecar(container, is_init),
        _ => code != 0,
    }
}
