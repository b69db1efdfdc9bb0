//! A pod, kept small: replicas share one spec, and what differs takes hundreds of bytes instead of the
//! thousands of Kubernetes' own structure.

use super::granted::{self, Granted};
use super::{CommonName, Name, Typed};
use crate::time::Time;
use k8s_openapi::api::core::v1 as k8s;
use serde::{Deserialize, Serialize};
use std::ops::Deref;
use std::sync::Arc;

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PodPhase {
    /// Not all containers have started yet, or it has no node.
    #[default]
    Pending,
    /// At least one container runs, starts or restarts.
    Running,
    /// All containers ended well and stay so.
    Succeeded,
    /// All containers ended, at least one badly.
    Failed,
    /// Nothing is known of it.
    Unknown,
}

impl PodPhase {
    /// Kubernetes' word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Unknown => "Unknown",
        }
    }

    /// The phase of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Pending, Self::Running, Self::Succeeded, Self::Failed, Self::Unknown]
            .into_iter()
            .find(|p| p.as_str() == word)
    }

    /// Whether it has ended for good.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// What a condition is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is Kubernetes' own word")]
pub enum ConditionKind {
    PodReadyToStartContainers,
    Initialized,
    Ready,
    ContainersReady,
    PodScheduled,
    DisruptionTarget,
    /// Any other, such as a readiness gate.
    Other(Arc<str>),
}

impl ConditionKind {
    const KNOWN: [Self; 6] = [
        Self::PodReadyToStartContainers,
        Self::Initialized,
        Self::Ready,
        Self::ContainersReady,
        Self::PodScheduled,
        Self::DisruptionTarget,
    ];

    /// Kubernetes' word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::PodReadyToStartContainers => "PodReadyToStartContainers",
            Self::Initialized => "Initialized",
            Self::Ready => "Ready",
            Self::ContainersReady => "ContainersReady",
            Self::PodScheduled => "PodScheduled",
            Self::DisruptionTarget => "DisruptionTarget",
            Self::Other(word) => word,
        }
    }

    /// The condition of that word.
    pub fn parse(word: &str) -> Self {
        Self::KNOWN.into_iter().find(|k| k.as_str() == word).unwrap_or_else(|| Self::Other(word.into()))
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is Kubernetes' own word")]
pub enum ConditionStatus {
    True,
    False,
    Unknown,
}

impl ConditionStatus {
    /// Kubernetes' word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }

    /// The status of that word; anything else is `Unknown`.
    pub fn parse(word: &str) -> Self {
        match word {
            "True" => Self::True,
            "False" => Self::False,
            _ => Self::Unknown,
        }
    }
}

impl From<bool> for ConditionStatus {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// Something that is or is not so about a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// About what.
    pub kind: ConditionKind,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Since when.
    pub since: Option<Time>,
    /// When it was last looked at.
    pub probed: Option<Time>,
    /// One word.
    pub reason: Option<Arc<str>>,
    /// A sentence.
    pub message: Option<Arc<str>>,
    /// The generation it was found in.
    pub observed_generation: Option<i64>,
}

impl Condition {
    /// A condition that came to be so at `since`.
    pub fn new(kind: ConditionKind, status: ConditionStatus, since: Time) -> Self {
        Self { kind, status, since: Some(since), probed: None, reason: None, message: None, observed_generation: None }
    }

    /// With its reason and message; empty ones are left out.
    #[must_use]
    pub fn because(mut self, reason: &str, message: &str) -> Self {
        self.reason = (!reason.is_empty()).then(|| reason.into());
        self.message = (!message.is_empty()).then(|| message.into());
        self
    }
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terminated {
    /// Its exit code.
    pub exit_code: i32,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// One word, such as `Error`, `Completed` or `OOMKilled`.
    pub reason: Option<Arc<str>>,
    /// What it left to say.
    pub message: Option<Arc<str>>,
    /// When it started.
    pub started: Option<Time>,
    /// When it ended.
    pub finished: Option<Time>,
    /// The runtime's name for it.
    pub container_id: Option<Arc<str>>,
}

/// What a container is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ContainerState {
    /// Nothing is known.
    #[default]
    Unset,
    /// It does not run yet, or not again yet.
    Waiting {
        /// One word, such as `ContainerCreating` or `CrashLoopBackOff`.
        reason: Option<Arc<str>>,
        /// A sentence.
        message: Option<Arc<str>>,
    },
    /// It runs.
    Running {
        /// Since when.
        since: Option<Time>,
    },
    /// It has ended.
    Terminated(Box<Terminated>),
}

/// What is known of one container of a pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerStatus {
    /// Its name in the spec.
    pub name: Name,
    /// The image it runs.
    pub image: Name,
    /// What it is doing.
    pub state: ContainerState,
    /// How it ended the last time.
    pub last: Option<Box<Terminated>>,
    /// How often it was restarted.
    pub restarts: u32,
    /// Whether it passes its readiness probe.
    pub ready: bool,
    /// Whether it passes its startup probe.
    pub started: Option<bool>,
    /// The runtime's name for it.
    pub id: Option<Arc<str>>,
    /// The runtime's name for the image.
    pub image_id: Option<Arc<str>>,
    /// What it has of its machine.
    pub granted: Granted,
    /// What a client wrote beyond that.
    pub rest: Option<Box<Typed<k8s::ContainerStatus>>>,
}

/// What is known of a pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodStatus {
    /// Where it is in its life.
    pub phase: PodPhase,
    /// What is or is not so about it.
    pub conditions: Arc<Vec<Condition>>,
    /// Its containers, in the order of the spec.
    pub containers: Vec<ContainerStatus>,
    /// Address of its node.
    pub host_ip: Option<CommonName>,
    /// Its own address.
    pub pod_ip: Option<Name>,
    /// When its node took it on.
    pub start_time: Option<Time>,
    /// Quality of service.
    pub qos_class: Option<QosClass>,
    /// What few pods have.
    pub rarer: Rarer,
}

/// What few pods' statuses have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RarerStatus {
    /// Its init containers, in the order of the spec.
    pub init_containers: Vec<ContainerStatus>,
    /// Its ephemeral containers, in the order of the spec.
    pub ephemeral_containers: Vec<ContainerStatus>,
    /// One word on why it is as it is, such as `Evicted`.
    pub reason: Option<Arc<str>>,
    /// A sentence on why it is as it is.
    pub message: Option<Arc<str>>,
    /// Where it may go once others made room.
    pub nominated_node: Option<Name>,
    /// What a client wrote beyond that.
    pub rest: Option<Box<Typed<k8s::PodStatus>>>,
}

/// The rarer fields of a status, which take no room where none is set.
#[derive(Clone, Debug, Default)]
pub struct Rarer(Option<Box<RarerStatus>>);

impl Rarer {
    /// The fields, to be set.
    pub fn make_mut(&mut self) -> &mut RarerStatus {
        self.0.get_or_insert_default()
    }

    /// The fields, to be changed where there are any.
    pub fn get_mut(&mut self) -> Option<&mut RarerStatus> {
        self.0.as_deref_mut()
    }
}

impl Deref for Rarer {
    type Target = RarerStatus;

    fn deref(&self) -> &RarerStatus {
        static NONE: RarerStatus = RarerStatus {
            init_containers: Vec::new(),
            ephemeral_containers: Vec::new(),
            reason: None,
            message: None,
            nominated_node: None,
            rest: None,
        };
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl PartialEq for Rarer {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

/// Quality of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is Kubernetes' own word")]
pub enum QosClass {
    BestEffort,
    Burstable,
    Guaranteed,
}

impl QosClass {
    /// Kubernetes' word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BestEffort => "BestEffort",
            Self::Burstable => "Burstable",
            Self::Guaranteed => "Guaranteed",
        }
    }

    /// The class of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::BestEffort, Self::Burstable, Self::Guaranteed].into_iter().find(|class| class.as_str() == word)
    }
}

/// What is wanted of a pod, shared between replicas.
pub type SharedSpec = Arc<Typed<k8s::PodSpec>>;

/// Spec and status of a pod.
#[derive(Clone, Debug)]
pub struct PodBody {
    /// What is wanted, shared between replicas; its `node_name` is empty, see `node`.
    pub spec: SharedSpec,
    /// The node it is bound to.
    pub node: Option<CommonName>,
    /// What is.
    pub status: PodStatus,
}

impl PartialEq for PodBody {
    /// Versions of a pod share its spec: what is the same need not be looked into.
    fn eq(&self, other: &Self) -> bool {
        (Arc::ptr_eq(&self.spec, &other.spec) || self.spec == other.spec)
            && self.node == other.node
            && self.status == other.status
    }
}

impl PodBody {
    /// The name of the node it is bound to.
    pub fn node_name(&self) -> Option<&str> {
        self.node.as_deref().map(Name::as_str)
    }
}

impl PodStatus {
    /// The condition of that kind.
    pub fn condition(&self, kind: &ConditionKind) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.kind == *kind)
    }

    /// What is known of all its containers: init containers, containers, ephemeral ones.
    pub fn all_containers(&self) -> impl Iterator<Item = &ContainerStatus> + Clone {
        self.rarer.init_containers.iter().chain(&self.containers).chain(&self.rarer.ephemeral_containers)
    }

    /// Whether its `Ready` condition holds.
    pub fn is_ready(&self) -> bool {
        self.condition(&ConditionKind::Ready).is_some_and(|c| c.status == ConditionStatus::True)
    }

    /// Sets a condition. The time of transition stays where the status does. Returns whether anything changed.
    pub fn set_condition(&mut self, mut condition: Condition) -> bool {
        let Some(at) = self.conditions.iter().position(|c| c.kind == condition.kind) else {
            Arc::make_mut(&mut self.conditions).push(condition);
            return true;
        };
        let old = &self.conditions[at];
        if old.status == condition.status {
            condition.since = old.since;
        }
        let changed = *old != condition;
        if changed {
            // Other versions and other pods may share them.
            Arc::make_mut(&mut self.conditions)[at] = condition;
        }
        changed
    }

    /// The word for its phase: one that means nothing here, as a client wrote it.
    pub fn phase_word(&self) -> &str {
        match (self.phase, &self.rarer.rest) {
            (PodPhase::Unknown, Some(rest)) => rest.phase.as_deref().unwrap_or(PodPhase::Unknown.as_str()),
            (phase, _) => phase.as_str(),
        }
    }

    /// From Kubernetes' form, of a pod with that spec.
    pub fn from_k8s(mut status: k8s::PodStatus, spec: &k8s::PodSpec) -> Self {
        let phase = match status.phase.as_deref() {
            None | Some("") => Some(PodPhase::default()),
            Some(word) => PodPhase::parse(word),
        };
        if phase.is_some() {
            status.phase = None;
        }
        let qos_class = status.qos_class.as_deref().and_then(QosClass::parse);
        if qos_class.is_some() {
            status.qos_class = None;
        }
        let conditions = status.conditions.as_deref().unwrap_or_default();
        let in_progress = conditions.iter().any(|c| c.type_ == granted::RESIZE_IN_PROGRESS);
        let containers_from = |list: Option<Vec<k8s::ContainerStatus>>| {
            let parse = |status| container_from(status, spec, in_progress);
            list.unwrap_or_default().into_iter().map(parse).collect::<Vec<_>>()
        };
        let conditions = status.conditions.take().unwrap_or_default().into_iter().map(condition_from).collect();
        let parsed = Self {
            phase: phase.unwrap_or(PodPhase::Unknown),
            conditions: Arc::new(conditions),
            containers: containers_from(status.container_statuses.take()),
            host_ip: status.host_ip.take().map(Into::into),
            pod_ip: status.pod_ip.take().map(Into::into),
            start_time: status.start_time.take().as_ref().map(Time::from),
            qos_class,
            rarer: Rarer::default(),
        };
        let mut rarer = RarerStatus {
            init_containers: containers_from(status.init_container_statuses.take()),
            ephemeral_containers: containers_from(status.ephemeral_container_statuses.take()),
            reason: status.reason.take().map(Into::into),
            message: status.message.take().map(Into::into),
            nominated_node: status.nominated_node_name.take().map(Into::into),
            rest: None,
        };
        let one = |ip: Option<&Name>, list: usize, first: Option<&str>| list == 1 && ip.map(Name::as_str) == first;
        if let Some(ips) = &status.pod_ips
            && one(parsed.pod_ip.as_ref(), ips.len(), ips.first().map(|i| i.ip.as_str()))
        {
            status.pod_ips = None;
        }
        if let Some(ips) = &status.host_ips
            && one(parsed.host_ip.as_deref(), ips.len(), ips.first().map(|i| i.ip.as_str()))
        {
            status.host_ips = None;
        }
        rarer.rest = Typed::of(status);
        let rarer = Rarer((rarer != *parsed.rarer).then(|| Box::new(rarer)));
        Self { rarer, ..parsed }
    }

    /// In Kubernetes' form, of a pod with that spec.
    pub fn to_k8s(&self, spec: &k8s::PodSpec) -> k8s::PodStatus {
        let RarerStatus { init_containers, ephemeral_containers, reason, message, nominated_node, rest } = &*self.rarer;
        let mut status = rest.as_deref().cloned().unwrap_or_default().into_inner();
        let text = |s: &Option<Arc<str>>| s.as_deref().map(str::to_owned);
        let name = |s: Option<&Name>| s.map(Name::to_string);
        let containers = |list: &[ContainerStatus]| {
            (!list.is_empty()).then(|| list.iter().map(|c| container_to(c, spec)).collect::<Vec<_>>())
        };
        status.phase = Some(self.phase_word().to_owned());
        status.conditions = (!self.conditions.is_empty()).then(|| self.conditions.iter().map(condition_to).collect());
        status.init_container_statuses = containers(init_containers);
        status.container_statuses = containers(&self.containers);
        status.ephemeral_container_statuses = containers(ephemeral_containers);
        status.reason = text(reason);
        status.message = text(message);
        status.host_ip = name(self.host_ip.as_deref());
        status.pod_ip = name(self.pod_ip.as_ref());
        status.host_ips = status.host_ips.or_else(|| status.host_ip.clone().map(|ip| vec![k8s::HostIP { ip }]));
        status.pod_ips = status.pod_ips.or_else(|| status.pod_ip.clone().map(|ip| vec![k8s::PodIP { ip }]));
        status.start_time = self.start_time.map(Time::to_meta);
        status.qos_class = self.qos_class.map(|class| class.as_str().to_owned()).or(status.qos_class);
        status.nominated_node_name = name(nominated_node.as_ref());
        status
    }
}

fn condition_from(c: k8s::PodCondition) -> Condition {
    Condition {
        kind: ConditionKind::parse(&c.type_),
        status: ConditionStatus::parse(&c.status),
        since: c.last_transition_time.as_ref().map(Time::from),
        probed: c.last_probe_time.as_ref().map(Time::from),
        reason: c.reason.map(Into::into),
        message: c.message.map(Into::into),
        observed_generation: c.observed_generation,
    }
}

fn condition_to(c: &Condition) -> k8s::PodCondition {
    k8s::PodCondition {
        type_: c.kind.as_str().to_owned(),
        status: c.status.as_str().to_owned(),
        last_transition_time: c.since.map(Time::to_meta),
        last_probe_time: c.probed.map(Time::to_meta),
        reason: c.reason.as_deref().map(str::to_owned),
        message: c.message.as_deref().map(str::to_owned),
        observed_generation: c.observed_generation,
    }
}

fn terminated_from(t: k8s::ContainerStateTerminated) -> Terminated {
    Terminated {
        exit_code: t.exit_code,
        signal: t.signal,
        reason: t.reason.map(Into::into),
        message: t.message.map(Into::into),
        started: t.started_at.as_ref().map(Time::from),
        finished: t.finished_at.as_ref().map(Time::from),
        container_id: t.container_id.map(Into::into),
    }
}

fn terminated_to(t: &Terminated) -> k8s::ContainerState {
    let text = |s: &Option<Arc<str>>| s.as_deref().map(str::to_owned);
    k8s::ContainerState {
        terminated: Some(k8s::ContainerStateTerminated {
            exit_code: t.exit_code,
            signal: t.signal,
            reason: text(&t.reason),
            message: text(&t.message),
            started_at: t.started.map(Time::to_meta),
            finished_at: t.finished.map(Time::to_meta),
            container_id: text(&t.container_id),
        }),
        ..k8s::ContainerState::default()
    }
}

fn container_from(mut c: k8s::ContainerStatus, spec: &k8s::PodSpec, in_progress: bool) -> ContainerStatus {
    let wanted = granted::container(spec, &c.name);
    let granted = granted::take(&mut c, wanted, in_progress);
    let state = c.state.take().unwrap_or_default();
    let mut parsed = ContainerStatus {
        name: std::mem::take(&mut c.name).into(),
        image: std::mem::take(&mut c.image).into(),
        state: match (state.running, state.terminated, state.waiting) {
            (Some(r), _, _) => ContainerState::Running { since: r.started_at.as_ref().map(Time::from) },
            (None, Some(t), _) => ContainerState::Terminated(Box::new(terminated_from(t))),
            (None, None, Some(w)) => {
                ContainerState::Waiting { reason: w.reason.map(Into::into), message: w.message.map(Into::into) }
            }
            (None, None, None) => ContainerState::Unset,
        },
        last: c.last_state.take().and_then(|l| l.terminated).map(|t| Box::new(terminated_from(t))),
        restarts: std::mem::take(&mut c.restart_count).max(0) as u32,
        ready: std::mem::take(&mut c.ready),
        started: c.started.take(),
        id: c.container_id.take().map(Into::into),
        image_id: Some(std::mem::take(&mut c.image_id)).filter(|i| !i.is_empty()).map(Into::into),
        granted,
        rest: None,
    };
    parsed.rest = Typed::of(c);
    parsed
}

fn container_to(c: &ContainerStatus, spec: &k8s::PodSpec) -> k8s::ContainerStatus {
    let mut status = c.rest.as_deref().cloned().unwrap_or_default().into_inner();
    let text = |s: &Option<Arc<str>>| s.as_deref().map(str::to_owned);
    status.name = c.name.to_string();
    status.image = c.image.to_string();
    status.state = match &c.state {
        ContainerState::Unset => None,
        ContainerState::Waiting { reason, message } => Some(k8s::ContainerState {
            waiting: Some(k8s::ContainerStateWaiting { reason: text(reason), message: text(message) }),
            ..k8s::ContainerState::default()
        }),
        ContainerState::Running { since } => Some(k8s::ContainerState {
            running: Some(k8s::ContainerStateRunning { started_at: since.map(Time::to_meta) }),
            ..k8s::ContainerState::default()
        }),
        ContainerState::Terminated(t) => Some(terminated_to(t)),
    };
    // Kubernetes always writes a last state, empty where there was none.
    status.last_state = Some(c.last.as_deref().map(terminated_to).unwrap_or_default());
    status.restart_count = c.restarts as i32;
    status.ready = c.ready;
    status.started = c.started;
    status.container_id = text(&c.id);
    c.image_id.as_deref().unwrap_or_default().clone_into(&mut status.image_id);
    granted::put(&c.granted, &mut status, granted::container(spec, &c.name));
    status
}
