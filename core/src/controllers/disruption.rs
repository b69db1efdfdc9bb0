//! Disruption budgets: how many of the pods they are about are healthy, and how many may be disturbed now.
//!
//! Source: upstream's `pkg/controller/disruption`.

use crate::api::{Body, Document, Key, Kind, Object, Selector, Uid, decode, encode};
use crate::cluster::Context;
use crate::deadlines::Deadlines;
use crate::order;
use crate::store::Change;
use crate::time::{Span, Time};
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// How long an evicted pod counts as disturbed before its deletion is seen, as upstream.
const DELETION_SECS_MAX: i64 = 120;

/// Budgets that may have to be counted anew.
#[derive(Clone, Debug, Default)]
pub(super) struct Disruption {
    budgets: order::Map<Key, Selector>,
    dirty: order::Set<Key>,
    /// When a pod that was to be evicted and is still there no longer counts as disturbed.
    due: Deadlines<Key>,
}

/// The selector of a budget; none where it is about no pod.
pub(crate) fn selector(budget: &Document) -> Option<Selector> {
    let written = decode(budget.at(&["spec", "selector"])).ok()?;
    Selector::from_label_selector(&written).ok()
}

/// Whether a pod may go whatever its budget allows: one that serves nobody, always or while the others are enough.
pub(crate) fn is_free(budget: &Document, pod: &Object) -> bool {
    if pod.pod().is_some_and(|pod| pod.status.is_ready()) {
        return false;
    }
    let [healthy, desired] =
        ["currentHealthy", "desiredHealthy"].map(|field| budget.number(&["status", field]).unwrap_or_default());
    budget.text(&["spec", "unhealthyPodEvictionPolicy"]) == "AlwaysAllow" || (healthy >= desired && desired > 0)
}

impl Disruption {
    pub(super) fn observe(&mut self, change: &Change) {
        let Some(object) = change.object() else { return };
        match object.kind() {
            Kind::PodDisruptionBudget => {
                let key = object.key();
                self.dirty.insert(key.clone());
                match change.after.as_ref().and_then(|o| o.document()).and_then(selector) {
                    Some(selector) => _ = self.budgets.insert(key, selector),
                    None => _ = self.budgets.remove(&key),
                }
            }
            Kind::Pod if !self.budgets.is_empty() => {
                let first = Key::new(Kind::PodDisruptionBudget, object.meta.namespace.to_name(), "");
                let near = self.budgets.range_from(&first).take_while(|(k, _)| k.namespace == object.meta.namespace);
                let touched = near.filter(|(_, selector)| {
                    change.before.iter().chain(&change.after).any(|pod| selector.matches(&pod.meta.labels))
                });
                self.dirty.extend(touched.map(|(key, _)| key.clone()));
            }
            // What is expected follows from the owners of pods.
            Kind::ReplicationController => {
                let near = self.budgets.keys().filter(|k| k.namespace == object.meta.namespace);
                self.dirty.extend(near.cloned());
            }
            _ => {}
        }
    }

    pub(super) fn work(&mut self, cx: &mut Context<'_>) {
        while let Some(key) = self.due.pop_due(cx.now) {
            self.dirty.insert(key);
        }
        for key in std::mem::take(&mut self.dirty) {
            let Some(budget) = cx.store.at(&key).cloned() else { continue };
            let recheck = self.budgets.get(&key).and_then(|selector| count(cx, &budget, selector));
            match recheck {
                Some(at) => self.due.set(key, at),
                None => self.due.cancel(&key),
            }
        }
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        self.due.next()
    }
}

/// Counts a budget's pods and writes down what came of it. Returns when to look again.
fn count(cx: &mut Context<'_>, budget: &Arc<Object>, selector: &Selector) -> Option<Time> {
    let document = budget.document()?;
    let pods: Vec<&Arc<Object>> = cx
        .store
        .list(Kind::Pod, Some(&budget.meta.namespace))
        .filter(|pod| selector.matches(&pod.meta.labels))
        .collect();
    let (expected, desired) = wanted(cx, document, &pods);
    let mut disrupted = Map::new();
    let mut recheck: Option<Time> = None;
    for (name, since) in document.entries(&["status", "disruptedPods"]) {
        let waits = pods.iter().any(|pod| pod.meta.name == name && pod.meta.deletion.is_none());
        let since_then = decode::<meta::Time>(since).ok();
        let until = since_then.map(|at| Time::from(&at) + Span::from_secs(DELETION_SECS_MAX));
        if let Some(until) = until.filter(|until| waits && *until > cx.now) {
            disrupted.insert(name.to_owned(), since.clone());
            recheck = Some(recheck.map_or(until, |other| other.min(until)));
        }
    }
    let ready = |pod: &Object| pod.pod().is_some_and(|pod| pod.status.is_ready());
    let healthy = pods
        .iter()
        .filter(|pod| pod.meta.deletion.is_none() && !disrupted.contains_key(pod.meta.name.as_str()) && ready(pod))
        .count() as i64;
    let allowed = if expected <= 0 { 0 } else { (healthy - desired).max(0) };
    let mut status = json!({
        "currentHealthy": healthy, "desiredHealthy": desired, "disruptionsAllowed": allowed, "expectedPods": expected,
        "observedGeneration": budget.meta.generation,
    });
    if !disrupted.is_empty() {
        status["disruptedPods"] = disrupted.into();
    }
    status["conditions"] = conditions(document, allowed, budget.meta.generation, cx.now);
    if *document.at(&["status"]) != status {
        let mut next = Object::clone(budget);
        if let Body::Document(document) = &mut next.body {
            document.fields_mut().insert("status".to_owned(), status);
        }
        // It was there when this began.
        let _ = cx.store.update(next, None);
    }
    recheck
}

/// How many pods there should be, and how many of them healthy.
fn wanted(cx: &Context<'_>, budget: &Document, pods: &[&Arc<Object>]) -> (i64, i64) {
    // Of pods with a controller, what that is set to; others are not counted where a share is asked for.
    let scale = || -> i64 {
        let owners: Vec<Uid> = pods.iter().filter_map(|pod| pod.meta.controller_uid()).collect();
        let namespace = pods.first().map(|pod| pod.meta.namespace.as_str());
        let controllers = cx.store.list(Kind::ReplicationController, namespace);
        let own = controllers.filter(|c| owners.contains(&c.meta.uid)).filter_map(|c| c.replication_controller());
        own.map(|(spec, _)| i64::from(spec.replicas.unwrap_or(1))).sum()
    };
    let bound = |value: &Value, of: i64| match value {
        Value::String(percent) => {
            let share: i64 = percent.trim_end_matches('%').parse().unwrap_or_default();
            (of * share + 99) / 100
        }
        number => number.as_i64().unwrap_or_default(),
    };
    match (budget.at(&["spec", "maxUnavailable"]), budget.at(&["spec", "minAvailable"])) {
        (Value::Null, Value::Null) => (pods.len() as i64, 0),
        (Value::Null, least @ Value::String(_)) => {
            let expected = scale();
            (expected, bound(least, expected))
        }
        (Value::Null, least) => (pods.len() as i64, bound(least, 0)),
        (most, _) => {
            let expected = scale();
            (expected, (expected - bound(most, expected)).max(0))
        }
    }
}

/// The conditions of a status, with the one that says whether a pod may be disturbed.
pub(crate) fn conditions(budget: &Document, allowed: i64, generation: i64, now: Time) -> Value {
    let (word, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let mut list = budget.at(&["status", "conditions"]).as_array().cloned().unwrap_or_default();
    let at = list.iter().position(|c| c["type"] == "DisruptionAllowed");
    let since = at.map(|at| &list[at]).filter(|c| c["status"] == word).map(|c| c["lastTransitionTime"].clone());
    let condition = json!({
        "type": "DisruptionAllowed", "status": word, "reason": reason, "message": "",
        "observedGeneration": generation,
        "lastTransitionTime": since.unwrap_or_else(|| encode(&now.floor_secs().to_meta())),
    });
    match at {
        Some(at) => list[at] = condition,
        None => list.push(condition),
    }
    list.into()
}
