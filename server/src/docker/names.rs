//! How our containers, volumes and labels are called, so that they can be found again.

use kubarium_core::api::{Name, Uid};
use kubarium_core::runtime::PodRef;
use std::collections::HashMap;

/// Whose container it is: the cluster's id.
pub(super) const CLUSTER: &str = "io.kubarium.cluster";
/// Uid of the pod.
pub(super) const POD_UID: &str = "io.kubarium.pod.uid";
/// Name of the pod.
pub(super) const POD_NAME: &str = "io.kubarium.pod.name";
/// Namespace of the pod.
pub(super) const POD_NAMESPACE: &str = "io.kubarium.pod.namespace";
/// Name of the container in the pod's spec; none on the sandbox.
pub(super) const CONTAINER: &str = "io.kubarium.container";
/// Which start of the container it is.
pub(super) const ATTEMPT: &str = "io.kubarium.attempt";

/// In a container's name, where the sandbox is meant. No container can be called so.
const SANDBOX: &str = "POD";

/// Name of a container on its host.
pub(super) fn container(pod: &PodRef, container: &str, attempt: u32) -> String {
    format!("kubarium_{container}_{}_{}_{}_{attempt}", pod.name, pod.namespace, pod.uid)
}

/// Name of the container that holds a pod's network.
pub(super) fn sandbox(pod: &PodRef) -> String {
    container(pod, SANDBOX, 0)
}

/// Name of the volume behind an emptyDir.
pub(super) fn volume(pod: Uid, volume: &str) -> String {
    format!("kubarium_{pod}_{volume}")
}

/// Labels of everything that belongs to a pod.
pub(super) fn pod_labels(cluster: &str, pod: &PodRef) -> HashMap<String, String> {
    [
        (CLUSTER, cluster.to_owned()),
        (POD_UID, pod.uid.to_string()),
        (POD_NAME, pod.name.to_string()),
        (POD_NAMESPACE, pod.namespace.to_string()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// The pod that labels speak of.
pub(super) fn pod_of(labels: &HashMap<String, String>) -> Option<PodRef> {
    Some(PodRef {
        uid: labels.get(POD_UID)?.parse().ok()?,
        namespace: labels.get(POD_NAMESPACE)?.into(),
        name: labels.get(POD_NAME)?.into(),
    })
}

/// The container and attempt that labels speak of; none for a sandbox.
pub(super) fn container_of(labels: &HashMap<String, String>) -> Option<(Name, u32)> {
    Some((labels.get(CONTAINER)?.into(), labels.get(ATTEMPT)?.parse().ok()?))
}
