//! The kinds Kubarium serves, and what discovery says of each.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A kind of object. The order is the order in which lists of kinds are walked; it is part of what a
/// recording replays, so new kinds go to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A space for names.
    Namespace,
    /// A machine.
    Node,
    /// Containers that live together on one node.
    Pod,
    /// Keeps a number of equal pods.
    ReplicationController,
    /// A stable address for changing pods.
    Service,
    /// The addresses behind a service.
    Endpoints,
    /// Something that happened to an object.
    Event,
    /// Settings for pods.
    ConfigMap,
    /// Settings for pods that not everybody shall see.
    Secret,
    /// Who a pod is to the API.
    ServiceAccount,
    /// Who leads, and until when.
    Lease,
    /// How many pods of a set may be disturbed at a time.
    PodDisruptionBudget,
    /// How much a namespace may hold.
    ResourceQuota,
    /// What one pod or container of a namespace may and shall ask for.
    LimitRange,
    /// How important pods are.
    PriorityClass,
}

/// What discovery says of a kind.
#[derive(Clone, Copy, Debug)]
pub struct KindInfo {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// API version within the group.
    pub version: &'static str,
    /// `v1` or `group/v1`, as objects say it.
    pub api_version: &'static str,
    /// Kind as written in objects.
    pub kind: &'static str,
    /// Resource name in paths.
    pub plural: &'static str,
    /// Name of one.
    pub singular: &'static str,
    /// What people type.
    pub short_names: &'static [&'static str],
    /// Whether objects live in a namespace.
    pub namespaced: bool,
    /// Categories such as `all`.
    pub categories: &'static [&'static str],
}

const fn core(
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
    short_names: &'static [&'static str],
    namespaced: bool,
    categories: &'static [&'static str],
) -> KindInfo {
    KindInfo {
        group: "",
        version: "v1",
        api_version: "v1",
        kind,
        plural,
        singular,
        short_names,
        namespaced,
        categories,
    }
}

/// A kind of another group than the core one.
const fn of(group: &'static str, api_version: &'static str, of_core: KindInfo) -> KindInfo {
    KindInfo { group, api_version, ..of_core }
}

const INFO: [KindInfo; Kind::COUNT] = [
    core("Namespace", "namespaces", "namespace", &["ns"], false, &[]),
    core("Node", "nodes", "node", &["no"], false, &[]),
    core("Pod", "pods", "pod", &["po"], true, &["all"]),
    core("ReplicationController", "replicationcontrollers", "replicationcontroller", &["rc"], true, &["all"]),
    core("Service", "services", "service", &["svc"], true, &["all"]),
    core("Endpoints", "endpoints", "endpoints", &["ep"], true, &[]),
    core("Event", "events", "event", &["ev"], true, &[]),
    core("ConfigMap", "configmaps", "configmap", &["cm"], true, &[]),
    core("Secret", "secrets", "secret", &[], true, &[]),
    core("ServiceAccount", "serviceaccounts", "serviceaccount", &["sa"], true, &[]),
    of("coordination.k8s.io", "coordination.k8s.io/v1", core("Lease", "leases", "lease", &[], true, &[])),
    of(
        "policy",
        "policy/v1",
        core("PodDisruptionBudget", "poddisruptionbudgets", "poddisruptionbudget", &["pdb"], true, &[]),
    ),
    core("ResourceQuota", "resourcequotas", "resourcequota", &["quota"], true, &[]),
    core("LimitRange", "limitranges", "limitrange", &["limits"], true, &[]),
    of(
        "scheduling.k8s.io",
        "scheduling.k8s.io/v1",
        core("PriorityClass", "priorityclasses", "priorityclass", &["pc"], false, &[]),
    ),
];

impl Kind {
    /// How many kinds there are.
    pub const COUNT: usize = 15;

    /// Every kind, in order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Namespace,
        Self::Node,
        Self::Pod,
        Self::ReplicationController,
        Self::Service,
        Self::Endpoints,
        Self::Event,
        Self::ConfigMap,
        Self::Secret,
        Self::ServiceAccount,
        Self::Lease,
        Self::PodDisruptionBudget,
        Self::ResourceQuota,
        Self::LimitRange,
        Self::PriorityClass,
    ];

    /// What discovery says of it.
    pub const fn info(self) -> &'static KindInfo {
        &INFO[self as usize]
    }

    /// As errors and quotas name it: `pods`, or `leases.coordination.k8s.io` outside the core group.
    pub fn resource(self) -> String {
        let info = self.info();
        if info.group.is_empty() { info.plural.to_owned() } else { format!("{}.{}", info.plural, info.group) }
    }

    /// `v1` or `group/v1`.
    pub const fn api_version(self) -> &'static str {
        self.info().api_version
    }

    /// The kind whose objects say `apiVersion` and `kind`.
    pub fn from_type(api_version: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.info().kind == kind && k.api_version() == api_version)
    }

    /// The kind served under a group, version and resource name.
    pub fn from_resource(group: &str, version: &str, plural: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| {
            let info = k.info();
            info.plural == plural && info.group == group && info.version == version
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.info().kind)
    }
}
