//! Replication controllers: what the replica manager needs to know of them.

use super::replica_manager::{Failure, ReplicaKind, Tally, Wanted};
use crate::api::{Body, Kind, Object, Selector};
use crate::time::{Span, Time};
use k8s_openapi::api::core::v1 as k8s;
use std::sync::Arc;

/// The kind `ReplicationController`.
#[derive(Clone, Debug)]
pub(super) struct Replication;

impl ReplicaKind for Replication {
    const KIND: Kind = Kind::ReplicationController;
    const COMPONENT: &'static str = "replication-controller";

    fn wanted(object: &Object) -> Option<Wanted<'_>> {
        let (spec, _) = object.replication_controller()?;
        // One without selector takes its template's labels; defaulting has written them there already.
        let labels = spec.template.as_ref().and_then(|t| t.metadata.as_ref()?.labels.as_ref());
        Some(Wanted {
            selector: spec.selector.as_ref().or(labels).map_or_else(Selector::nothing, Selector::from_map),
            replicas: spec.replicas.unwrap_or(1).max(0) as usize,
            template: spec.template.as_ref()?,
            min_ready: Span::from_secs(i64::from(spec.min_ready_seconds.unwrap_or_default().max(0))),
        })
    }

    fn with_status(object: &Object, tally: Tally, failure: Option<&Failure>, now: Time) -> Object {
        let mut next = object.clone();
        if let Body::ReplicationController { status, .. } = &mut next.body {
            let some = |n: usize| (n > 0).then(|| i32::try_from(n).unwrap_or(i32::MAX));
            let mut conditions: Vec<_> =
                status.conditions.iter().flatten().filter(|c| c.type_ != "ReplicaFailure").cloned().collect();
            if let Some(failure) = failure {
                // It stays as it was first seen.
                let old = status.conditions.iter().flatten().find(|c| c.type_ == "ReplicaFailure");
                conditions.push(old.cloned().unwrap_or_else(|| k8s::ReplicationControllerCondition {
                    type_: "ReplicaFailure".to_owned(),
                    status: "True".to_owned(),
                    last_transition_time: Some(now.floor_secs().to_meta()),
                    reason: Some(failure.reason.to_owned()),
                    message: Some(failure.message.clone()),
                }));
            }
            let fresh = k8s::ReplicationControllerStatus {
                replicas: i32::try_from(tally.replicas).unwrap_or(i32::MAX),
                fully_labeled_replicas: some(tally.labeled),
                ready_replicas: some(tally.ready),
                available_replicas: some(tally.available),
                observed_generation: Some(object.meta.generation).filter(|g| *g > 0),
                conditions: Some(conditions).filter(|c| !c.is_empty()),
            };
            if **status != fresh {
                *status = Arc::new(fresh);
            }
        }
        next
    }
}
