//! The smallest changes that would give a pending pod a node. Each was tried: the same schedulers placed the pod.

use super::pod_edit::{self, Edit};
use super::remedy::{Change, Reach, Step, objection, steps};
use super::trial::Trial;
use super::{document, hindrances, wrong};
use crate::api::{ApiError, Kind, Name, Object, Uid};
use crate::apiserver::Method;
use crate::cluster::Cluster;
use crate::order;
use serde_json::{Value, json};
use std::sync::Arc;

/// How many forks are made for one answer at most.
const TRIES_MAX: usize = 64;

/// How many changes are put together at most.
const STEPS_MAX: usize = 3;

/// Changes that are made together.
#[derive(Clone, Debug, Default)]
struct Plan {
    steps: Vec<Step>,
}

/// What came of a plan.
enum Outcome {
    /// The pod has a node.
    Placed(Value),
    /// It has none: what else might help.
    Pending(Vec<Step>),
}

impl Plan {
    fn with(&self, step: Step) -> Self {
        Self { steps: self.steps.iter().cloned().chain([step]).collect() }
    }

    /// How small it is: as few changes as can be, then as far-reaching as little as can be, then of little size.
    fn measure(&self) -> (usize, usize, i64, Vec<&str>) {
        let reach = self.steps.iter().map(|s| s.reach as usize).sum();
        let messages = self.steps.iter().map(|s| s.message.as_str()).collect();
        (self.steps.len(), reach, self.steps.iter().map(|s| s.size).sum(), messages)
    }

    /// Whether the other one is but more of the same, or breaks a budget where this one need not.
    fn makes_needless(&self, larger: &Self) -> bool {
        let ([this], [other]) = (self.steps.as_slice(), larger.steps.as_slice()) else { return false };
        let removes = matches!(this.reach, Reach::Ease | Reach::Remove);
        (this.measure_of.is_some() && this.measure_of == other.measure_of) || removes && other.reach == Reach::Breach
    }

    fn node(&self) -> Option<&Name> {
        self.steps.iter().find_map(|s| s.node.as_ref())
    }

    /// Tries it in a fork.
    fn attempt(&self, cluster: &Cluster, pod: &Arc<Object>) -> Outcome {
        let mut trial = Trial::new(cluster);
        let (mut told, mut edits, mut all_told): (Vec<Value>, Vec<Edit>, bool) = (Vec::new(), Vec::new(), true);
        let mut removed: Vec<&Arc<Object>> = Vec::new();
        for change in self.steps.iter().flat_map(|s| &s.change) {
            let done = match change {
                Change::Ask(method, path, body) => ask(&mut trial, &mut told, *method, path, body),
                Change::Room(path, body) => {
                    all_told = false;
                    trial.ask(Method::Patch, path, body).is_ok()
                }
                Change::Edit(more) => {
                    edits.extend(more.iter().cloned());
                    true
                }
                Change::Remove(namespace, name) => {
                    removed.extend(cluster.store().get(Kind::Pod, namespace, name));
                    true
                }
            };
            if !done {
                return Outcome::Pending(Vec::new());
            }
        }
        if !edits.is_empty() {
            // What was asked before may have given it another form.
            let now = trial.cluster.store().at(&pod.key()).unwrap_or(pod).clone();
            for (method, path, body) in pod_edit::requests(&trial.cluster, &now, &edits) {
                if !ask(&mut trial, &mut told, method, &path, &body) {
                    return Outcome::Pending(Vec::new());
                }
            }
        }
        for other in &removed {
            let path = format!("/api/v1/namespaces/{}/pods/{}", other.meta.namespace, other.meta.name);
            if !ask(&mut trial, &mut told, Method::Delete, &path, &json!({})) {
                return Outcome::Pending(Vec::new());
            }
        }
        let mut owners: Vec<Uid> =
            removed.iter().filter_map(|o| pod_edit::owner(cluster, o)).map(|o| o.meta.uid).collect();
        order::sort(&mut owners);
        owners.dedup();
        let removed: Vec<Uid> = removed.iter().map(|o| o.meta.uid).collect();
        if !removed.is_empty() {
            trial.settle();
            // What is made in their place looks for another one while they end.
            trial.settle_new(cluster);
            trial.end(|o| removed.contains(&o.meta.uid));
            trial.pause();
        }
        let replaced = !edits.is_empty();
        let find = |fork: &Cluster| successor(cluster, fork, pod, replaced);
        let node_of = |o: &Arc<Object>| o.pod().and_then(|p| p.node.clone());
        let Some(mut now) = trial.settle_for(find) else { return Outcome::Pending(Vec::new()) };
        if let (None, Some(node)) = (node_of(&now), now.pod().and_then(|p| p.status.rarer.nominated_node.clone())) {
            trial.end(|o| o.pod().is_some_and(|pod| pod.node_name() == Some(node.as_str())));
            match trial.settle_for(find) {
                Some(later) => now = later,
                None => return Outcome::Pending(Vec::new()),
            }
        }
        let Some(node) = node_of(&now) else {
            return Outcome::Pending(steps(&trial.cluster, &now, self.node(), false));
        };
        // Whoever was removed for it is not to wait in its place, or to be missed.
        if owners.iter().any(|owner| trial.has_fewer(cluster, *owner))
            || !removed.is_empty() && !trial.settle_new(cluster).is_empty()
        {
            return Outcome::Pending(Vec::new());
        }
        let evicts = trial.gone_from(cluster, &node, &[removed.as_slice(), &[pod.meta.uid]].concat());
        let messages: Vec<&str> = self.steps.iter().map(|s| s.message.as_str()).collect();
        let objection = objection(cluster, &evicts).unwrap_or_default();
        let message = messages.join(", and ") + &objection;
        let mut value = json!({"message": message, "steps": messages, "node": node.as_str()});
        if !evicts.is_empty() {
            let name = |o: &&Arc<Object>| format!("{}/{}", o.meta.namespace, o.meta.name);
            value["evicts"] = evicts.iter().map(name).collect();
        }
        if all_told {
            value["requests"] = told.into();
        }
        Outcome::Placed(value)
    }
}

/// Asks, and keeps what was asked.
fn ask(trial: &mut Trial, told: &mut Vec<Value>, method: Method, path: &str, body: &Value) -> bool {
    told.push(json!({"method": method.as_str(), "path": path, "body": body}));
    trial.ask(method, path, body).is_ok()
}

/// The pod, or the one that is there in its place.
fn successor(before: &Cluster, fork: &Cluster, pod: &Arc<Object>, replaced: bool) -> Option<Arc<Object>> {
    let owner: Option<Uid> = pod.meta.controller_uid();
    let same = fork.store().at(&pod.key()).filter(|o| !replaced || o.meta.uid != pod.meta.uid);
    let new = |o: &&Arc<Object>| {
        o.meta.controller_uid() == owner && before.store().get(Kind::Pod, &o.meta.namespace, &o.meta.name).is_none()
    };
    let made = || fork.store().list(Kind::Pod, Some(&pod.meta.namespace)).find(new);
    same.or_else(|| owner.and_then(|_| made())).cloned()
}

/// A pod that waits for a node.
fn pending<'a>(cluster: &'a Cluster, namespace: &str, name: &str) -> Result<&'a Arc<Object>, ApiError> {
    let missing = || ApiError::not_found(Kind::Pod, name);
    let object = cluster.store().get(Kind::Pod, namespace, name).ok_or_else(missing)?;
    let pod = object.pod().ok_or_else(missing)?;
    if let Some(node) = &pod.node {
        return Err(wrong(format!("pod \"{name}\" is on node \"{node}\" already: nothing has to change")));
    }
    if pod.status.phase.is_finished() || object.meta.deletion.is_some() {
        return Err(wrong(format!("pod \"{name}\" is on its way out: it gets no node any more")));
    }
    if cluster.schedulers().wait(object.meta.uid, cluster.store()).is_none() {
        let wanted = pod.spec.scheduler_name.as_deref().unwrap_or_default();
        return Err(wrong(format!(
            "pod \"{name}\" is left to the scheduler \"{wanted}\", which is none of this cluster"
        )));
    }
    Ok(object)
}

/// The answer.
pub(super) fn of(cluster: &Cluster, namespace: &str, name: &str) -> Result<Value, ApiError> {
    let pod = pending(cluster, namespace, name)?;
    let (mut found, mut tried, mut left): (Vec<(Plan, Value)>, usize, usize) = (Vec::new(), 0, 0);
    let single = steps(cluster, pod, None, true);
    let mut plans: Vec<Plan> = single.into_iter().map(|step| Plan::default().with(step)).collect();
    while found.is_empty() && !plans.is_empty() {
        order::sort_by(&mut plans, |a, b| a.measure().cmp(&b.measure()));
        let mut longer: Vec<Plan> = Vec::new();
        for plan in plans {
            if found.iter().any(|(smaller, _)| smaller.makes_needless(&plan)) {
                continue;
            }
            if tried == TRIES_MAX {
                left += 1;
                continue;
            }
            tried += 1;
            match plan.attempt(cluster, pod) {
                Outcome::Placed(value) => found.push((plan, value)),
                Outcome::Pending(more) if plan.steps.len() < STEPS_MAX => {
                    // A node that is added for the pod needs no further change of its own.
                    let exists = |node: &Name| cluster.store().get(Kind::Node, "", node).is_some();
                    let new = |step: &Step| {
                        step.node.as_ref().is_none_or(exists) && !plan.steps.iter().any(|s| s.message == step.message)
                    };
                    for next in more.into_iter().filter(new).map(|step| plan.with(step)) {
                        let known = |other: &Plan| {
                            next.steps.iter().all(|a| other.steps.iter().any(|b| a.message == b.message))
                        };
                        if !longer.iter().any(known) {
                            longer.push(next);
                        }
                    }
                }
                Outcome::Pending(_) => {}
            }
        }
        plans = longer;
    }
    let mut answer = document("Remedies", namespace, name);
    if found.iter().all(|(plan, _)| plan.steps.len() > 1) {
        answer["message"] = hindrances::told(cluster, pod).into();
    }
    answer["items"] = found.into_iter().map(|(_, value)| value).collect();
    answer["tried"] = tried.into();
    answer["untried"] = left.into();
    Ok(answer)
}
