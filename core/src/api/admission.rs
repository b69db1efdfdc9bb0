//! What every pod is given on admission, whoever makes it: a client or a controller.

use crate::config::Config;
use k8s_openapi::api::core::v1 as k8s;

/// Taint of a node whose kubelet says that it is not ready.
pub const NOT_READY: &str = "node.kubernetes.io/not-ready";
/// Taint of a node that was not heard of for the grace period.
pub const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// Gives a pod what upstream's default admission plugins give it: a priority, and tolerations for nodes that are
/// not ready or unreachable for `config.toleration_seconds` (plugins `Priority` and `DefaultTolerationSeconds`).
pub fn admit_pod_spec(spec: &mut k8s::PodSpec, config: &Config) {
    spec.priority.get_or_insert(match spec.priority_class_name.as_deref() {
        Some("system-node-critical") => 2_000_001_000,
        Some("system-cluster-critical") => 2_000_000_000,
        _ => 0,
    });
    spec.preemption_policy.get_or_insert_with(|| "PreemptLowerPriority".to_owned());
    let tolerations = spec.tolerations.get_or_insert_default();
    for taint in [NOT_READY, UNREACHABLE] {
        let tolerated = tolerations.iter().any(|t| {
            (t.key.as_deref() == Some(taint) || t.key.as_deref().unwrap_or_default().is_empty())
                && matches!(t.effect.as_deref(), Some("NoExecute" | "") | None)
        });
        if !tolerated {
            tolerations.push(k8s::Toleration {
                key: Some(taint.to_owned()),
                operator: Some("Exists".to_owned()),
                effect: Some("NoExecute".to_owned()),
                toleration_seconds: Some(config.toleration_seconds),
                value: None,
            });
        }
    }
}
