//! Which groups of the API are served, and as of which version of Kubernetes.

use super::explanation;

/// The Kubernetes version whose API this is.
pub const KUBERNETES_VERSION: &str = "v1.36.2";

/// Kubernetes' groups besides the core one.
pub(super) const GROUPS: [&str; 5] =
    ["authentication.k8s.io", "authorization.k8s.io", "coordination.k8s.io", "policy", "scheduling.k8s.io"];

/// Whether the group that a path behind `/apis/` begins with is served: only there does what is missing have a form.
pub(super) fn serves_group(path: &str) -> bool {
    let group = path.split('/').next().unwrap_or_default();
    GROUPS.contains(&group) || [explanation::GROUP, "discovery.k8s.io"].contains(&group)
}
