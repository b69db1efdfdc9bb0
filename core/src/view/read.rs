//! From Kubernetes' objects to rows: what each row says is decided here and nowhere else.

use super::labels::pairs;
use super::{
    Amounts, ControllerRow, EventRow, NodeReadiness, NodeRow, NodeTaint, Owner, PodRow, PodState, ServicePort,
    ServiceRow, Slot,
};
use crate::api::{ConditionKind, ContainerState, EventBody, Kind, Meta, Name, PodBody, PodPhase, PodStatus, Quantity};
use crate::order;
use crate::time::Time;
use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Resources as Kubernetes writes them.
type List<'a> = Option<&'a BTreeMap<String, Written>>;

fn amount(written: List<'_>, resource: &str) -> Option<Quantity> {
    written?.get(resource).and_then(|q| Quantity::parse(&q.0).ok())
}

fn amounts(written: List<'_>) -> Amounts {
    Amounts {
        cpu_milli: amount(written, "cpu").map_or(0, Quantity::milli),
        memory_bytes: amount(written, "memory").map_or(0, Quantity::value),
        pods: amount(written, "pods").map_or(0, Quantity::value),
    }
}

fn requests(container: &k8s::Container) -> Amounts {
    amounts(container.resources.as_ref().and_then(|r| r.requests.as_ref()))
}

/// What a pod takes of its node: all containers together, or the largest init container where that is more, and the
/// overhead (Kubernetes' documentation, "Resource sharing within containers").
fn pod_requests(spec: &k8s::PodSpec) -> Amounts {
    let mut sum = Amounts::default();
    for container in &spec.containers {
        sum.add(requests(container));
    }
    for container in spec.init_containers.iter().flatten() {
        let one = requests(container);
        sum.cpu_milli = sum.cpu_milli.max(one.cpu_milli);
        sum.memory_bytes = sum.memory_bytes.max(one.memory_bytes);
    }
    sum.add(amounts(spec.overhead.as_ref()));
    sum.pods = 1;
    sum
}

/// The waiting reasons from which a container does not come by itself soon.
const STUCK: [&str; 8] = [
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "ErrImageNeverPull",
    "InvalidImageName",
    "CreateContainerError",
    "CreateContainerConfigError",
    "RunContainerError",
];

/// State, reason and message of a pod.
fn pod_state(meta: &Meta, pod: &PodBody) -> (PodState, Name, Arc<str>) {
    let status = &pod.status;
    let word = |text: Option<&Arc<str>>| text.map(Name::new).unwrap_or_default();
    let sentence = |text: Option<&Arc<str>>| text.cloned().unwrap_or_default();
    let said = |state| (state, word(status.rarer.reason.as_ref()), sentence(status.rarer.message.as_ref()));
    if meta.deletion.is_some() {
        return said(PodState::Terminating);
    }
    match status.phase {
        PodPhase::Succeeded => return said(PodState::Succeeded),
        PodPhase::Failed => {
            let (state, reason, message) = said(PodState::Failed);
            if !reason.is_empty() {
                return (state, reason, message);
            }
            let ended = status.containers.iter().find_map(|c| match &c.state {
                ContainerState::Terminated(t) if t.exit_code != 0 => Some(t),
                _ => None,
            });
            return match ended {
                Some(t) => (state, word(t.reason.as_ref()), sentence(t.message.as_ref())),
                None => (state, reason, message),
            };
        }
        PodPhase::Unknown => return said(PodState::NotReady),
        PodPhase::Pending | PodPhase::Running => {}
    }
    if pod.node.is_none() {
        let condition = status.condition(&ConditionKind::PodScheduled);
        return (
            PodState::Pending,
            word(condition.and_then(|c| c.reason.as_ref())),
            sentence(condition.and_then(|c| c.message.as_ref())),
        );
    }
    let mut waiting = status.rarer.init_containers.iter().chain(&status.containers).filter_map(|c| match &c.state {
        ContainerState::Waiting { reason, message } => Some((reason, message)),
        _ => None,
    });
    let first = waiting.clone().next();
    let stuck = waiting.find(|(reason, _)| reason.as_deref().is_some_and(|r| STUCK.contains(&r)));
    if let Some((reason, message)) = stuck {
        return (PodState::CrashLooping, word(reason.as_ref()), sentence(message.as_ref()));
    }
    if status.phase == PodPhase::Pending {
        let (reason, message) = first.unwrap_or((&None, &None));
        return (PodState::Starting, word(reason.as_ref()), sentence(message.as_ref()));
    }
    if status.is_ready() {
        return said(PodState::Ready);
    }
    let condition = status.condition(&ConditionKind::Ready);
    (
        PodState::NotReady,
        word(condition.and_then(|c| c.reason.as_ref())),
        sentence(condition.and_then(|c| c.message.as_ref())),
    )
}

/// A pod's row. What the old row says of requests holds as long as the pod is the same: they do not change.
pub(super) fn pod(meta: &Meta, pod: &PodBody, labels: u32, old: Option<&PodRow>) -> PodRow {
    let (state, reason, message) = pod_state(meta, pod);
    let PodStatus { containers, rarer, .. } = &pod.status;
    PodRow {
        uid: meta.uid,
        namespace: meta.namespace.to_name(),
        name: meta.name.clone(),
        node: pod.node.as_deref().cloned().unwrap_or_default(),
        state,
        phase: pod.status.phase,
        reason,
        message,
        ready: containers.iter().filter(|c| c.ready).count() as u16,
        containers: pod.spec.containers.len() as u16,
        restarts: rarer.init_containers.iter().chain(containers).map(|c| c.restarts).sum(),
        labels,
        owner: meta.controller().map(|o| Owner { kind: Name::new(&o.kind), name: Name::new(&o.name) }),
        ip: pod.status.pod_ip.clone().unwrap_or_default(),
        requests: old.map_or_else(|| pod_requests(&pod.spec), |row| row.requests),
        created: meta.created,
    }
}

pub(super) fn node(meta: &Meta, spec: &k8s::NodeSpec, status: &k8s::NodeStatus) -> NodeRow {
    let ready = status.conditions.iter().flatten().find(|c| c.type_ == "Ready");
    let capacity = amounts(status.capacity.as_ref());
    let label = |name: &str| meta.labels.get(name).map(Name::new);
    let text = |s: Option<&String>| s.map(Name::new).unwrap_or_default();
    NodeRow {
        name: meta.name.clone(),
        readiness: match ready.map(|c| c.status.as_str()) {
            Some("True") => NodeReadiness::Ready,
            Some("Unknown") => NodeReadiness::Unknown,
            _ => NodeReadiness::NotReady,
        },
        cordoned: spec.unschedulable == Some(true),
        zone: label("topology.kubernetes.io/zone").unwrap_or_default(),
        capacity,
        allocatable: status.allocatable.as_ref().map_or(capacity, |a| amounts(Some(a))),
        labels: pairs(&meta.labels),
        taints: spec.taints.iter().flatten().map(taint).collect(),
        version: status.node_info.as_ref().map(|i| Name::new(&i.kubelet_version)).unwrap_or_default(),
        address: status.addresses.iter().flatten().next().map(|a| Name::new(&a.address)).unwrap_or_default(),
        reason: text(ready.and_then(|c| c.reason.as_ref())),
        message: ready.and_then(|c| c.message.as_deref()).unwrap_or_default().into(),
        since: ready.and_then(|c| c.last_transition_time.as_ref()).map(Time::from),
        created: meta.created,
    }
}

fn taint(taint: &k8s::Taint) -> NodeTaint {
    NodeTaint {
        key: Name::new(&taint.key),
        value: taint.value.as_ref().map(Name::new).unwrap_or_default(),
        effect: Name::new(&taint.effect),
        since: taint.time_added.as_ref().map(Time::from),
    }
}

const fn count(n: i32) -> u32 {
    if n < 0 { 0 } else { n as u32 }
}

pub(super) fn replication_controller(
    meta: &Meta,
    spec: &k8s::ReplicationControllerSpec,
    status: &k8s::ReplicationControllerStatus,
) -> ControllerRow {
    let containers = spec.template.as_ref().and_then(|t| t.spec.as_ref()).map_or(&[][..], |s| &s.containers);
    ControllerRow {
        kind: Kind::ReplicationController,
        namespace: meta.namespace.to_name(),
        name: meta.name.clone(),
        // Kubernetes' default.
        desired: count(spec.replicas.unwrap_or(1)),
        current: count(status.replicas),
        ready: count(status.ready_replicas.unwrap_or(0)),
        selector: spec.selector.as_ref().map(pairs).unwrap_or_default(),
        images: containers.iter().filter_map(|c| c.image.as_ref()).map(Name::new).collect(),
        labels: pairs(&meta.labels),
        created: meta.created,
    }
}

/// A service's row, without the pods behind it.
pub(super) fn service(meta: &Meta, spec: &k8s::ServiceSpec) -> ServiceRow {
    let port = |n: i32| u16::try_from(n).unwrap_or(0);
    ServiceRow {
        namespace: meta.namespace.to_name(),
        name: meta.name.clone(),
        kind: spec.type_.as_ref().map_or(Name::new_static("ClusterIP"), Name::new),
        cluster_ip: spec.cluster_ip.as_ref().map(Name::new).unwrap_or_default(),
        ports: spec
            .ports
            .iter()
            .flatten()
            .map(|p| ServicePort {
                name: p.name.as_ref().map(Name::new).unwrap_or_default(),
                port: port(p.port),
                target: match &p.target_port {
                    Some(IntOrString::Int(n)) => n.to_string().into(),
                    Some(IntOrString::String(name)) => name.into(),
                    None => p.port.to_string().into(),
                },
                node_port: p.node_port.map(port).filter(|p| *p != 0),
                protocol: p.protocol.as_ref().map_or(Name::new_static("TCP"), Name::new),
            })
            .collect(),
        selector: spec.selector.as_ref().map(pairs).unwrap_or_default(),
        backends: Vec::new(),
        ready: 0,
        not_ready: 0,
        labels: pairs(&meta.labels),
        created: meta.created,
    }
}

/// Writes into a service's row what its endpoints say.
pub(super) fn endpoints(row: &mut ServiceRow, subsets: &[k8s::EndpointSubset], slot_of: impl Fn(&str) -> Option<Slot>) {
    let ready = || subsets.iter().flat_map(|s| s.addresses.iter().flatten());
    row.ready = ready().count() as u32;
    row.not_ready = subsets.iter().flat_map(|s| s.not_ready_addresses.iter().flatten()).count() as u32;
    row.backends = ready()
        .filter_map(|a| a.target_ref.as_ref().filter(|t| t.kind.as_deref() == Some("Pod"))?.name.as_deref())
        .filter_map(slot_of)
        .collect();
    order::sort(&mut row.backends);
    row.backends.dedup();
}

pub(super) fn event(meta: &Meta, event: &EventBody) -> EventRow {
    EventRow {
        namespace: meta.namespace.to_name(),
        name: meta.name.clone(),
        kind: event.occasion.kind,
        about: event.occasion.of.clone(),
        object: (event.occasion.namespace.to_name(), event.name.clone()),
        reason: event.occasion.reason.clone(),
        message: Arc::clone(&event.message),
        count: event.count,
        first: event.first,
        last: event.last,
        component: event.occasion.component.clone(),
    }
}
