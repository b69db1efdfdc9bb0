//! What matters of a node for which pods it takes: what it has, what is taken, and whom it turns away.

use super::pod::{HostPort, PodClass};
use crate::api::resources::Amounts;
use crate::api::{Labels, Name};
use k8s_openapi::api::core::v1 as k8s;
use std::sync::Arc;

/// A taint that keeps pods away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: Name,
    /// Its value; may be empty.
    pub value: Name,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: Name,
}

/// One node, in numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeInfo {
    pub(super) name: Name,
    /// Whether there is a Node object. Pods may be bound to a name that has none (yet).
    pub(super) present: bool,
    /// Breaks ties between equal nodes, before the name does; made from the seed.
    pub(super) tie: u64,
    /// What pods may take.
    pub(super) allocatable: Amounts,
    /// How many pods it may have.
    pub(super) pods_max: i64,
    /// What its pods ask for.
    pub(super) used: Amounts,
    /// Cpu and memory its pods count as where pods are spread by requests.
    pub(super) counted: [i64; 2],
    /// How many pods it has.
    pub(super) pods: i64,
    /// Ports its pods take.
    pub(super) ports: Vec<HostPort>,
    /// Whether it was cordoned.
    pub(super) unschedulable: bool,
    pub(super) taints: Arc<[Taint]>,
    pub(super) labels: Labels,
    /// The number of the latest change, see [`super::snapshot::Snapshot`].
    pub(super) changed: u64,
}

impl NodeInfo {
    /// Takes over what a Node object says.
    pub(super) fn set(&mut self, labels: &Labels, spec: &k8s::NodeSpec, status: &k8s::NodeStatus) {
        let list = status.allocatable.as_ref().or(status.capacity.as_ref());
        let mut allocatable = Amounts::from_list(list);
        self.pods_max = allocatable.get("pods");
        allocatable.others.retain(|(name, _)| name != "pods");
        self.allocatable = allocatable;
        self.unschedulable = spec.unschedulable == Some(true);
        self.taints = spec
            .taints
            .iter()
            .flatten()
            .map(|t| Taint {
                key: t.key.as_str().into(),
                value: t.value.as_deref().unwrap_or_default().into(),
                effect: t.effect.as_str().into(),
            })
            .collect();
        self.labels = Arc::clone(labels);
        self.present = true;
    }

    /// Forgets the Node object, not the pods.
    pub(super) fn unset(&mut self) {
        *self = Self {
            name: self.name.clone(),
            tie: self.tie,
            used: std::mem::take(&mut self.used),
            counted: self.counted,
            pods: self.pods,
            ports: std::mem::take(&mut self.ports),
            ..Self::default()
        };
    }

    /// Counts a pod in.
    pub(super) fn add(&mut self, pod: &PodClass) {
        self.used.add(&pod.requests);
        self.count(pod, 1);
        self.ports.extend(pod.ports.iter().cloned());
    }

    /// Counts a pod out that was counted in.
    pub(super) fn remove(&mut self, pod: &PodClass) {
        self.used.subtract(&pod.requests);
        self.count(pod, -1);
        for port in &pod.ports {
            if let Some(at) = self.ports.iter().position(|p| p == port) {
                self.ports.swap_remove(at);
            }
        }
    }

    fn count(&mut self, pod: &PodClass, sign: i64) {
        self.pods += sign;
        for (sum, counted) in self.counted.iter_mut().zip(pod.counted) {
            *sum = sum.saturating_add(sign.saturating_mul(counted));
        }
    }

    /// Whether this node goes before `other` among equals.
    pub(super) fn before(&self, other: &Self) -> bool {
        (self.tie, &self.name) < (other.tie, &other.name)
    }
}
