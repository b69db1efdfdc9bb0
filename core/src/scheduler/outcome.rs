//! What follows from a decision: a pod is bound, or says why it is not, and others make room for it.

use super::decision::Plan;
use super::queue::Waiting;
use super::snapshot::Nominated;
use super::{Schedulers, preemption};
use crate::api::{CommonName, Condition, ConditionKind, ConditionStatus, EventKind, Key, Kind, Name, Object};
use crate::cluster::{Component, Context};
use crate::deletion::{DeleteOptions, delete_object};
use crate::seat::Seat;
use crate::store::Change;
use crate::time::Time;
use std::sync::Arc;

/// The longest message of an event in bytes, as upstream cuts it.
const EVENT_MESSAGE_BYTES_MAX: usize = 1024;

impl Schedulers {
    /// Makes the victims of a plan go.
    pub(super) fn carry_out(
        &mut self,
        plan: &Plan,
        object: &Object,
        waiting: &Waiting,
        scheduler: &str,
        cx: &mut Context<'_>,
    ) {
        // Those who were to come to that node and are less important are tried anew: it may not do any more.
        let lesser = |n: &&Nominated| n.uid != waiting.uid && n.info.class.priority < waiting.info.class.priority;
        let lesser: Vec<Nominated> = self.snapshot.nominated_on(&plan.node).iter().filter(lesser).cloned().collect();
        for other in lesser {
            self.dismiss(other.uid, None);
            if let Some(mut next) = cx.store.pod(other.uid).map(|o| Object::clone(o)) {
                if let Some(pod) = next.pod_mut() {
                    pod.status.rarer.make_mut().nominated_node = None;
                }
                // It was there a moment ago.
                let _ = cx.store.update(next, None);
            }
            self.queue.wake_one(other.seat, cx.now);
        }
        for (namespace, name) in &plan.victims {
            let key = Key::new(Kind::Pod, namespace.clone(), name.clone());
            let Some(victim) = cx.store.at(&key).cloned() else { continue };
            let message = format!("Preempted by pod {} on node {}", object.meta.uid, plan.node);
            cx.event(&victim, EventKind::Normal, scheduler, "Preempted", &message);
            if victim.meta.deletion.is_some() {
                continue;
            }
            let mut next = Object::clone(&victim);
            if let Some(pod) = next.pod_mut() {
                let message = format!("{scheduler}: preempting to accommodate a higher priority pod");
                let condition = Condition::new(ConditionKind::DisruptionTarget, ConditionStatus::True, cx.now);
                pod.status.set_condition(condition.because(preemption::REASON, &message));
            }
            let before = cx.store.revision();
            // Both can only fail where it is gone.
            let _ = cx.store.update(next, None);
            let _ = delete_object(cx, &key, &DeleteOptions::default());
            // The next decision must see that it leaves, or that it is gone.
            let changes: Vec<Change> = cx.store.changes_since(before).into_iter().flatten().cloned().collect();
            for change in changes {
                self.observe(&change, cx.now);
                self.ahead.push_back(change.revision);
            }
        }
    }

    pub(super) fn bind(
        &mut self,
        seat: Seat,
        object: &Arc<Object>,
        node: &CommonName,
        scheduler: &str,
        cx: &mut Context<'_>,
    ) {
        let mut next = Object::clone(object);
        let condition = condition(&next, ConditionStatus::True, cx.now);
        if let Some(pod) = next.pod_mut() {
            pod.node = Some(node.clone());
            pod.status.set_condition(condition);
            cx.shared.conditions(&mut pod.status.conditions);
        }
        // It was there when the decision began, and nobody else writes meanwhile.
        let Ok(bound) = cx.store.replace(seat, next) else { return };
        // The next decision must see this one. It waits no more: it was taken out of the queue to be tried.
        self.count_pod(Some(object), Some(&bound), cx.now);
        self.dismiss(bound.meta.uid, Some(node));
        self.ahead.push_back(bound.meta.resource_version);
        let message = ["Successfully assigned ", &bound.meta.namespace, "/", &bound.meta.name, " to ", node].concat();
        cx.event(&bound, EventKind::Normal, scheduler, "Scheduled", &message);
    }
}

/// What becomes of the node on which others make room for a pod.
#[derive(Clone, Copy)]
pub(super) enum Nomination<'a> {
    AsItWas,
    None,
    Of(&'a Name),
}

fn condition(object: &Object, status: ConditionStatus, now: Time) -> Condition {
    let generation = object.meta.generation;
    Condition {
        observed_generation: (generation != 0).then_some(generation),
        ..Condition::new(ConditionKind::PodScheduled, status, now.floor_secs())
    }
}

/// Notes on a pod why it is not scheduled, and where others make room for it. Returns the pod where that was news.
pub(super) fn note(
    object: &Object,
    reason: &str,
    message: &str,
    nomination: Nomination<'_>,
    cx: &mut Context<'_>,
) -> Option<Arc<Object>> {
    let condition = condition(object, ConditionStatus::False, cx.now).because(reason, message);
    let status = &object.pod()?.status;
    let nominated = match nomination {
        Nomination::AsItWas => status.rarer.nominated_node.clone(),
        Nomination::None => None,
        Nomination::Of(node) => Some(node.clone()),
    };
    let old = status.condition(&ConditionKind::PodScheduled);
    if status.rarer.nominated_node == nominated
        && old.is_some_and(|old| Condition { since: condition.since, ..old.clone() } == condition)
    {
        return None;
    }
    let mut next = object.clone();
    let pod = next.pod_mut()?;
    pod.status.set_condition(condition);
    if pod.status.rarer.nominated_node != nominated {
        pod.status.rarer.make_mut().nominated_node = nominated;
    }
    cx.store.update(next, None).ok()
}

/// A message as long as an event may have it.
pub(super) fn cut(message: &str) -> String {
    const MARK: &str = " ...";
    if message.len() <= EVENT_MESSAGE_BYTES_MAX {
        return message.to_owned();
    }
    let mut end = EVENT_MESSAGE_BYTES_MAX - MARK.len();
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{MARK}", &message[..end])
}
