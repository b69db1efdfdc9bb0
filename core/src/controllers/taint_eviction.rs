//! Drives pods off nodes with `NoExecute` taints they do not tolerate, or no longer.

use super::node_taints::{NO_EXECUTE, taints};
use crate::api::{Condition, ConditionKind, ConditionStatus, EventKind, Key, Kind, Name, Object};
use crate::cluster::Context;
use crate::deadlines::Deadlines;
use crate::deletion::{DeleteOptions, delete_object};
use crate::order;
use crate::store::Change;
use crate::time::{Span, Time};
use k8s_openapi::api::core::v1::{Taint, Toleration};
use std::sync::Arc;

const COMPONENT: &str = "taint-eviction-controller";

/// Pods that will be evicted, and when.
#[derive(Clone, Debug, Default)]
pub(super) struct TaintEviction {
    /// Nodes with such taints.
    tainted: order::Set<Name>,
    nodes: order::Set<Name>,
    pods: order::Set<Key>,
    due: Deadlines<Key>,
    /// Since when a pod that will be evicted has had its time.
    started: order::Map<Key, Time>,
}

/// Whether a toleration covers a taint.
fn covers(toleration: &Toleration, taint: &Taint) -> bool {
    let effect = toleration.effect.as_deref().unwrap_or_default();
    let key = toleration.key.as_deref().unwrap_or_default();
    (effect.is_empty() || effect == taint.effect)
        && (key.is_empty() || key == taint.key)
        && match toleration.operator.as_deref().unwrap_or_default() {
            "" | "Equal" => {
                toleration.value.as_deref().unwrap_or_default() == taint.value.as_deref().unwrap_or_default()
            }
            "Exists" => true,
            _ => false,
        }
}

/// How long a pod may stay: none for ever, zero where one of the taints is not tolerated at all. Of several that
/// apply, the shortest counts.
pub(crate) fn allowance<'a>(taints: impl Iterator<Item = &'a Taint>, tolerations: &[Toleration]) -> Option<Span> {
    let mut least = None;
    for taint in taints {
        let Some(toleration) = tolerations.iter().find(|t| covers(t, taint)) else { return Some(Span::ZERO) };
        let seconds = toleration.toleration_seconds.map(|s| Span::from_secs(s.max(0)));
        least = match (least, seconds) {
            (Some(a), Some(b)) => Some(std::cmp::min::<Span>(a, b)),
            (a, b) => a.or(b),
        };
    }
    least
}

fn is_tainted(node: &Object) -> bool {
    taints(node).iter().any(|t| t.effect == NO_EXECUTE)
}

impl TaintEviction {
    pub(super) fn observe(&mut self, change: &Change) {
        match change.kind {
            Kind::Node => self.observe_node(change),
            Kind::Pod => self.observe_pod(change),
            _ => {}
        }
    }

    fn observe_node(&mut self, change: &Change) {
        let Some(object) = change.object() else { return };
        let list = |o: &Option<Arc<Object>>| o.as_ref().map(|o| taints(o).to_vec()).unwrap_or_default();
        if list(&change.before) != list(&change.after) {
            self.nodes.insert(object.meta.name.clone());
        }
        if change.after.as_deref().is_some_and(is_tainted) {
            self.tainted.insert(object.meta.name.clone());
        } else {
            self.tainted.remove(&object.meta.name);
        }
    }

    fn observe_pod(&mut self, change: &Change) {
        let Some(after) = &change.after else {
            if let Some(gone) = &change.before {
                self.forget(&gone.key());
            }
            return;
        };
        let Some(pod) = after.pod() else { return };
        if self.tainted.is_empty() && self.due.is_empty() {
            return;
        }
        let same = change.before.as_ref().is_some_and(|b| {
            b.meta.uid == after.meta.uid
                && b.meta.deletion.is_some() == after.meta.deletion.is_some()
                && b.pod().is_some_and(|b| b.node == pod.node && Arc::ptr_eq(&b.spec, &pod.spec))
        });
        let key = after.key();
        if !same
            && (pod.node.as_ref().is_some_and(|n| self.tainted.contains(n.as_str())) || self.due.get(&key).is_some())
        {
            self.pods.insert(key);
        }
    }

    fn forget(&mut self, key: &Key) -> bool {
        self.due.cancel(key);
        self.started.remove(key).is_some()
    }

    pub(super) fn work(&mut self, cx: &mut Context<'_>) {
        for node in std::mem::take(&mut self.nodes) {
            self.pods.extend(cx.store.pods_on(&node).iter().map(|pod| pod.key()));
        }
        for key in std::mem::take(&mut self.pods) {
            self.look_at(cx, &key);
        }
        while let Some(key) = self.due.pop_due(cx.now) {
            self.started.remove(&key);
            evict(cx, &key);
        }
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        self.due.next()
    }

    /// When a pod will be evicted.
    pub(super) fn at(&self, pod: &Key) -> Option<Time> {
        self.due.get(pod)
    }

    fn look_at(&mut self, cx: &mut Context<'_>, key: &Key) {
        let Some(object) = cx.store.at(key).cloned() else { return };
        let Some(pod) = object.pod() else { return };
        let node = pod.node.as_ref().and_then(|name| cx.store.get(Kind::Node, "", name)).cloned();
        let mut no_execute = node.iter().flat_map(|n| taints(n)).filter(|t| t.effect == NO_EXECUTE).peekable();
        // What is on its way out already needs no second push.
        let allowed = if no_execute.peek().is_none() || object.meta.deletion.is_some() {
            None
        } else {
            allowance(no_execute, pod.spec.tolerations.as_deref().unwrap_or_default())
        };
        let Some(allowed) = allowed else {
            if self.forget(key) && object.meta.deletion.is_none() {
                let message = format!("Cancelling deletion of Pod {}/{}", key.namespace, key.name);
                cx.event(&object, EventKind::Normal, COMPONENT, "TaintManagerEviction", &message);
            }
            return;
        };
        let since = *self.started.entry(key.clone()).or_insert(cx.now);
        self.due.set(key.clone(), since + allowed);
    }
}

fn evict(cx: &mut Context<'_>, key: &Key) {
    let Some(object) = cx.store.at(key).cloned() else { return };
    let message = format!("Marking for deletion Pod {}/{}", key.namespace, key.name);
    cx.event(&object, EventKind::Normal, COMPONENT, "TaintManagerEviction", &message);
    let mut next = Object::clone(&object);
    if let Some(pod) = next.pod_mut() {
        pod.status.set_condition(
            Condition::new(ConditionKind::DisruptionTarget, ConditionStatus::True, cx.now)
                .because("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint"),
        );
    }
    // Both can only fail where it is gone.
    let _ = cx.store.update(next, None);
    let _ = delete_object(cx, key, &DeleteOptions::default());
}
