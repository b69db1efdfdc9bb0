//! What scaling would do, found by doing it in a fork.

use super::{Cluster, Input};
use crate::api::{Body, ConditionKind, Kind, Name, Object, Uid};
use std::cmp::Ordering;
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

impl PreviewPod {
    fn of(object: &Object) -> Option<Self> {
        let pod = object.pod()?;
        let why = pod.status.condition(&ConditionKind::PodScheduled).and_then(|c| c.message.clone());
        let message = why.filter(|_| pod.node.is_none()).unwrap_or_else(|| "".into());
        Some(Self { name: object.meta.name.clone(), node: pod.node.as_deref().cloned(), message })
    }
}

impl Cluster {
    fn pods_of(&self, namespace: &str) -> impl Iterator<Item = &Arc<Object>> {
        self.store.list(Kind::Pod, Some(namespace))
    }

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
        let mut preview = Preview::default();
        let ours = |object: &Object| {
            owner != Uid::NIL && object.meta.controller_uid() == Some(owner) && object.meta.deletion.is_none()
        };
        let (mut before, mut after) = (self.pods_of(namespace).peekable(), fork.pods_of(namespace).peekable());
        // Both come by name, and almost all are in both as they are.
        loop {
            let order = match (before.peek(), after.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) if Arc::ptr_eq(old, new) => Ordering::Equal,
                (Some(old), Some(new)) => old.meta.name.cmp(&new.meta.name),
            };
            let old = if order.is_le() { before.next() } else { None };
            let new = if order.is_ge() { after.next() } else { None };
            match (old, new) {
                (Some(old), Some(new)) if Arc::ptr_eq(old, new) => {}
                (old, new) => match (old.filter(|o| ours(o)), new.filter(|o| ours(o))) {
                    (None, Some(new)) => preview.placements.extend(PreviewPod::of(new)),
                    (Some(old), None) => preview.removed.push(old.meta.name.clone()),
                    _ => {}
                },
            }
        }
        Some(preview)
    }
}
