//! For how long pods stay on nodes that are not ready or not heard of.

use crate::config::Config;
use k8s_openapi::api::core::v1 as k8s;

/// Taint of a node whose kubelet says that it is not ready.
pub(crate) const NOT_READY: &str = "node.kubernetes.io/not-ready";
/// Taint of a node that was not heard of for the grace period.
pub(crate) const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// The taint of a node that was cordoned.
pub(crate) const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Gives a pod tolerations for nodes that are not ready or unreachable, for `config.toleration_seconds`, unless it
/// has some (upstream's plugin `DefaultTolerationSeconds`).
pub(crate) fn tolerate(spec: &mut k8s::PodSpec, config: &Config) {
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
