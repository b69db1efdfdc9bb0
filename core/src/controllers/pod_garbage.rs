//! Removes pods nobody else will: of nodes that no longer exist, of nodes that were given up, on their way out
//! without ever having had a node, and the oldest finished ones where there are too many.

use super::node_taints::{condition, taints};
use crate::api::{Condition, ConditionKind, ConditionStatus, Key, Kind, Name, Object, PodPhase};
use crate::cluster::Context;
use crate::deadlines::Deadlines;
use crate::deletion::{DeleteOptions, delete_object};
use crate::lookup::Lookup;
use crate::order;
use crate::store::Change;
use crate::time::{Span, Time};

/// How often upstream looks.
const PERIOD: Span = Span::from_secs(20);
/// How long a node must be missing before its pods go.
const QUARANTINE: Span = Span::from_secs(40);
/// How many finished pods are kept.
const FINISHED_PODS_MAX: usize = 12_500;
/// Taint of a node whose machine is off and will not come back by itself.
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// What may have to go.
#[derive(Clone, Debug, Default)]
pub(super) struct PodGarbage {
    /// Nodes that are missing, and when that has been so for long enough.
    missing: Deadlines<Name>,
    present: Lookup<Name, ()>,
    finished: order::Set<(Time, Key)>,
    /// Pods on their way out that have no node.
    adrift: order::Set<Key>,
    look: Option<Time>,
}

impl PodGarbage {
    pub(super) fn observe(&mut self, change: &Change, now: Time) {
        let Some(object) = change.object() else { return };
        match change.kind {
            Kind::Node => {
                if change.after.is_some() {
                    self.present.insert(object.meta.name.clone(), ());
                    self.missing.cancel(&object.meta.name);
                } else {
                    self.present.remove(&object.meta.name);
                }
                let given_up = |o: &Object| taints(o).iter().any(|t| t.key == OUT_OF_SERVICE);
                if change.before.is_none() || change.after.as_deref().is_none_or(given_up) {
                    self.look_soon(now);
                }
            }
            Kind::Pod => {
                let finished = |o: &Object| o.pod().is_some_and(|p| p.status.phase.is_finished());
                for old in change.before.iter().filter(|o| finished(o)) {
                    self.finished.remove(&(old.meta.created, old.key()));
                }
                let adrift = |o: &Object| o.meta.deletion.is_some() && o.pod().is_some_and(|p| p.node.is_none());
                if change.after.as_deref().is_some_and(adrift) {
                    self.adrift.insert(object.key());
                } else if !self.adrift.is_empty() {
                    self.adrift.remove(&object.key());
                }
                let Some(after) = &change.after else { return };
                if finished(after) {
                    self.finished.insert((after.meta.created, after.key()));
                }
                let stranded = match after.pod().and_then(|p| p.node.as_ref()) {
                    Some(node) => !self.present.contains_key(node.as_str()) || after.meta.deletion.is_some(),
                    None => after.meta.deletion.is_some(),
                };
                if stranded || self.finished.len() > FINISHED_PODS_MAX {
                    self.look_soon(now);
                }
            }
            _ => {}
        }
    }

    fn look_soon(&mut self, now: Time) {
        self.look.get_or_insert(Time((now.0.div_euclid(PERIOD.0) + 1) * PERIOD.0));
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        self.look
    }

    pub(super) fn work(&mut self, cx: &mut Context<'_>) {
        if self.look.is_none_or(|at| at > cx.now) {
            return;
        }
        self.look = None;
        while self.finished.len() > FINISHED_PODS_MAX {
            let Some((_, key)) = self.finished.pop_first() else { break };
            discard(cx, &key, None);
        }
        for key in std::mem::take(&mut self.adrift) {
            discard(cx, &key, None);
        }
        self.given_up(cx);
        self.orphaned(cx);
    }

    /// Pods that will never be confirmed as stopped: their node is off, and somebody said so.
    fn given_up(&self, cx: &mut Context<'_>) {
        for name in self.present.keys() {
            let Some(node) = cx.store.get(Kind::Node, "", name) else { continue };
            let ready = node.node().and_then(|(_, s)| condition(s, "Ready")).is_some_and(|c| c.status == "True");
            if ready || !taints(node).iter().any(|t| t.key == OUT_OF_SERVICE) {
                continue;
            }
            for pod in cx.store.pods_on(name) {
                if pod.meta.deletion.is_some() {
                    discard(cx, &pod.key(), None);
                }
            }
        }
    }

    /// Pods of nodes that have been missing for long enough.
    fn orphaned(&mut self, cx: &mut Context<'_>) {
        let missing: Vec<Name> =
            cx.store.nodes_with_pods().into_iter().filter(|n| !self.present.contains_key(*n)).cloned().collect();
        while let Some(node) = self.missing.pop_due(cx.now) {
            if self.present.contains_key(&node) {
                continue;
            }
            for pod in cx.store.pods_on(&node) {
                let why = Condition::new(ConditionKind::DisruptionTarget, ConditionStatus::True, cx.now)
                    .because("DeletionByPodGC", "PodGC: node no longer exists");
                discard(cx, &pod.key(), Some(why));
            }
        }
        for node in missing {
            // Those that were just seen to are gone before the next look.
            self.missing.set_earlier(node, cx.now + QUARANTINE);
            self.look_soon(cx.now);
        }
    }
}

/// Says that a pod has failed, since nobody else can, and removes it.
fn discard(cx: &mut Context<'_>, key: &Key, why: Option<Condition>) {
    let Some(object) = cx.store.at(key) else { return };
    let mut next = Object::clone(object);
    if let Some(pod) = next.pod_mut()
        && !pod.status.phase.is_finished()
    {
        pod.status.phase = PodPhase::Failed;
        if let Some(why) = why {
            pod.status.set_condition(why);
        }
    }
    // Both can only fail where it is gone.
    let _ = cx.store.update(next, None);
    let _ = delete_object(cx, key, &DeleteOptions::now());
}
