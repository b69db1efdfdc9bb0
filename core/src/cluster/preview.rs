//! What scaling would do, found by doing it in a fork.

use super::{Cluster, Input};
use crate::api::{Body, ConditionKind, Kind, Name, Object, Uid};
use std::sync::Arc;

/// How many calls of [`Cluster::handle`] a preview takes at most: each decides on thousands of pods.
const CALLS_MAX: usize = 1_000;

/// A pod that there would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewPod {
    /// Its name: the one it gets if nothing else happens before.
    pub name: Name,
    /// The node it would go to; none where it would stay pending.
    pub node: Option<Name>,
    /// Why it would stay pending; empty where it would not.
    pub message: Arc<str>,
}

/// What scaling would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// The pods that would come, by name.
    pub placements: Vec<PreviewPod>,
    /// The pods that would go, by name.
    pub removed: Vec<Name>,
}

impl Cluster {
    /// Which pods would come, and where to, or go, if a replication controller were to keep so many replicas.
    /// The controllers and schedulers of a fork are really asked; this cluster stays as it is. Fewer than none counts
    /// as none. Nothing where there is no such controller.
    pub fn preview_scale(&self, namespace: &str, controller: &str, replicas: i32) -> Option<Preview> {
        let mut fork = self.clone();
        let mut object = fork.store.get(Kind::ReplicationController, namespace, controller)?.as_ref().clone();
        let owner = object.meta.uid;
        object.meta.generation += 1;
        let Body::ReplicationController { spec, .. } = &mut object.body else { return None };
        Arc::make_mut(spec).replicas = Some(replicas.max(0));
        fork.store.update(object, None).ok()?;
        for _ in 0..CALLS_MAX {
            if fork.handle(self.now, Input::Wake).wake != Some(self.now) {
                break;
            }
        }
        let pods = |cluster: &Self| -> Vec<_> {
            let pods = cluster.store.list(Kind::Pod, Some(namespace));
            let pods = pods.filter(|o| owner != Uid::NIL && o.meta.controller_uid() == Some(owner));
            pods.filter(|o| o.meta.deletion.is_none()).cloned().collect()
        };
        let (before, after) = (pods(self), pods(&fork));
        // Both come by name.
        let missing = |from: &[Arc<Object>], name: &Name| from.binary_search_by(|o| o.meta.name.cmp(name)).is_err();
        let placements = after.iter().filter(|o| missing(&before, &o.meta.name)).filter_map(|o| {
            let pod = o.pod()?;
            let why = pod.status.condition(&ConditionKind::PodScheduled).and_then(|c| c.message.clone());
            let message = why.filter(|_| pod.node.is_none()).unwrap_or_else(|| "".into());
            Some(PreviewPod { name: o.meta.name.clone(), node: pod.node.clone(), message })
        });
        let removed = before.iter().filter(|o| missing(&after, &o.meta.name)).map(|o| o.meta.name.clone());
        Some(Preview { placements: placements.collect(), removed: removed.collect() })
    }
}
