//! What matters of a node for which pods it takes: what it has, what is taken, and whom it turns away.

use super::info::PodInfo;
use super::pod::{HostPort, PodClass};
use crate::api::resources::Amounts;
use crate::api::{CommonName, Labels, Name, Uid};
use crate::time::Time;
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

/// A pod on a node.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) uid: Uid,
    pub(super) info: Arc<PodInfo>,
    pub(super) stage: Stage,
}

/// When its node took a pod on, and whether the pod is on its way out: in one word, for there are many pods. Instants are
/// kept to two microseconds, and those of an API to a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stage(i64);

impl Stage {
    /// Its node has not taken it on yet.
    pub(super) const NEW: Self = Self::of(None, false);

    /// What a pod's status and metadata say.
    pub(super) const fn of(started: Option<Time>, leaving: bool) -> Self {
        let started = match started {
            Some(at) => at.0,
            None => i64::MAX,
        };
        Self(started & !1 | leaving as i64)
    }

    /// When its node took it on; the end of time where it has not yet.
    pub(super) const fn started(self) -> Time {
        Time(self.0 & !1)
    }

    /// The same of a pod on its way out.
    #[cfg(feature = "foresight")]
    pub(super) const fn left(self) -> Self {
        Self(self.0 | 1)
    }

    /// Whether it is on its way out.
    pub(super) const fn leaving(self) -> bool {
        self.0 & 1 != 0
    }
}

/// One node, in numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeInfo {
    pub(super) name: CommonName,
    /// Whether there is a Node object. Pods may be bound to a name that has none (yet).
    pub(super) present: bool,
    /// What pods may take.
    pub(super) allocatable: Amounts,
    /// How many pods it may have.
    pub(super) pods_max: i64,
    /// What its pods ask for.
    pub(super) used: Amounts,
    /// Cpu and memory its pods count as where pods are spread by requests.
    pub(super) counted: [i64; 2],
    /// Its pods, in the order in which they came.
    pub(super) pods: Vec<Placed>,
    /// How many of them say something about other pods near them.
    pub(super) with_terms: u32,
    /// How many of them use disks of their own.
    pub(super) with_disks: u32,
    /// Ports its pods take.
    pub(super) ports: Vec<HostPort>,
    /// Whether it was cordoned.
    pub(super) unschedulable: bool,
    pub(super) taints: Arc<[Taint]>,
    pub(super) labels: Labels,
    /// The images it has, by number; sorted. See [`super::images::Images`].
    pub(super) images: Vec<u32>,
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
            used: std::mem::take(&mut self.used),
            counted: self.counted,
            pods: std::mem::take(&mut self.pods),
            with_terms: self.with_terms,
            with_disks: self.with_disks,
            ports: std::mem::take(&mut self.ports),
            ..Self::default()
        };
    }

    /// Counts a pod in.
    pub(super) fn add(&mut self, pod: Placed) {
        let class = &pod.info.class;
        self.used.add(&class.requests);
        self.ports.extend(class.ports.iter().cloned());
        self.count(class, 1);
        self.with_terms += u32::from(pod.info.has_terms());
        self.with_disks += u32::from(!class.disks.is_empty());
        self.pods.push(pod);
    }

    /// Counts a pod out that was counted in. Returns what was known of it.
    pub(super) fn remove(&mut self, uid: Uid) -> Option<Placed> {
        // Who came last often goes first.
        let at = self.pods.iter().rposition(|p| p.uid == uid)?;
        let pod = self.pods.remove(at);
        let class = &pod.info.class;
        if self.used.is_cut() || self.counted.contains(&i64::MAX) {
            self.sum_up();
        } else {
            self.used.subtract(&class.requests);
            self.count(class, -1);
        }
        self.with_terms -= u32::from(pod.info.has_terms());
        self.with_disks -= u32::from(!class.disks.is_empty());
        for port in &class.ports {
            if let Some(at) = self.ports.iter().position(|p| p == port) {
                self.ports.swap_remove(at);
            }
        }
        Some(pod)
    }

    /// Adds up anew what its pods ask for.
    fn sum_up(&mut self) {
        (self.used, self.counted) = (Amounts::default(), [0; 2]);
        for at in 0..self.pods.len() {
            let class = Arc::clone(&self.pods[at].info.class);
            self.used.add(&class.requests);
            self.count(&class, 1);
        }
    }

    fn count(&mut self, pod: &PodClass, sign: i64) {
        for (sum, counted) in self.counted.iter_mut().zip(pod.settled) {
            *sum = sum.saturating_add(sign.saturating_mul(counted));
        }
    }

    /// The first taint that keeps a pod away.
    pub(super) fn untolerated(&self, pod: &PodClass) -> Option<&Taint> {
        self.all_untolerated(pod).next()
    }

    /// The taints that keep a pod away.
    pub(super) fn all_untolerated(&self, pod: &PodClass) -> impl Iterator<Item = &Taint> {
        let keep_away = self.taints.iter().filter(|t| t.effect == "NoSchedule" || t.effect == "NoExecute");
        keep_away.filter(|t| !pod.tolerates(&t.key, &t.value, &t.effect))
    }
}
