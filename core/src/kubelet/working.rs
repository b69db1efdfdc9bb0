//! The spec a node works by: that of the pod with the resources it was granted, and its ephemeral containers as containers
//! after the others.

use crate::api::{PodBody, SharedSpec, as_container};
use crate::order;
use std::sync::Arc;

/// What a node works by for a pod: mostly its own spec. Ephemeral containers come in the order in which they were added.
pub(super) fn spec(pod: &PodBody) -> SharedSpec {
    let mut spec = pod.allocated();
    if pod.spec.ephemeral_containers.is_some() {
        let own = Arc::make_mut(&mut spec);
        let mut added = own.ephemeral_containers.take().unwrap_or_default();
        // A patch may have put a new one before the others, which are known by their places.
        let place = |name: &str| pod.status.rarer.ephemeral_containers.iter().position(|known| known.name == name);
        order::sort_by(&mut added, |a, b| {
            let [a, b] = [a, b].map(|c| place(&c.name).unwrap_or(usize::MAX));
            a.cmp(&b)
        });
        own.containers.extend(added.iter().map(as_container));
    }
    spec
}

/// The name of the container that the ephemeral one of that name wants to see the processes of.
pub(super) fn target<'a>(pod: &'a PodBody, name: &str) -> Option<&'a str> {
    let added = pod.spec.ephemeral_containers.iter().flatten().find(|added| added.name == name)?;
    added.target_container_name.as_deref().filter(|name| !name.is_empty())
}
