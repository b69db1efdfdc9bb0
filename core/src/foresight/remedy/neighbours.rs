//! Pods that are in the way of another: they go, or let others be near.

use super::super::pod_edit::{self, Edit};
use super::{Change, Reach, Step, objection};
use crate::api::{Kind, Name, Object};
use crate::cluster::Cluster;
use crate::scheduler::Obstacle;
use serde_json::Value;
use std::sync::Arc;

/// How many pods are removed by one change at most: of more it is no small one.
const REMOVED_MAX: usize = 3;

/// How many pods of a controller are made anew by one change at most.
const REMADE_MAX: usize = 32;

const APART: &str = "/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution";

/// The pods that keep one off a node go, or lose the term by which they do.
pub(super) fn clear(steps: &mut Vec<Step>, obstacles: &[Obstacle], cluster: &Cluster, pod: &Object, node: &Name) {
    let mut pods: Vec<(&Arc<Object>, String)> = Vec::new();
    let mut terms: Vec<(&Arc<Object>, usize, &Name)> = Vec::new();
    for obstacle in obstacles {
        let (uid, why) = match obstacle {
            Obstacle::Unwanted(uid, Some(key)) => (uid, format!("near which it must not be over {key}")),
            Obstacle::Unwanted(uid, None) => (uid, "which uses the same disk".to_owned()),
            Obstacle::Unwelcome(uid, _, key) => (uid, format!("whose required anti-affinity over {key} keeps it off")),
            Obstacle::Label(..) | Obstacle::Skew(..) => continue,
        };
        let Some(object) = cluster.store().pod(*uid) else { continue };
        if let Obstacle::Unwelcome(_, at, key) = obstacle {
            terms.push((object, *at, key));
        }
        if !pods.iter().any(|(known, _)| known.meta.uid == *uid) {
            pods.push((object, why));
        }
    }
    remove(steps, &pods, cluster, node);
    ease(steps, &terms, cluster, pod, node);
}

/// They go.
fn remove(steps: &mut Vec<Step>, pods: &[(&Arc<Object>, String)], cluster: &Cluster, node: &Name) {
    if !(1..=REMOVED_MAX).contains(&pods.len()) {
        return;
    }
    let said = pods.iter().map(|(pod, why)| format!("pod {}/{}, {why}", pod.meta.namespace, pod.meta.name));
    let message = format!("delete {}", said.collect::<Vec<_>>().join(", and "));
    let change = pods.iter().map(|(pod, _)| gone(pod)).collect();
    let gone: Vec<&Arc<Object>> = pods.iter().map(|(pod, _)| *pod).collect();
    let (reach, message) = heeding(cluster, &gone, Reach::Remove, message);
    steps.push(Step::new(reach, pods.len() as i64, Some(node), message, change));
}

/// How far it reaches that these pods go, and what is said of it, where budgets may forbid it.
fn heeding(cluster: &Cluster, gone: &[&Arc<Object>], reach: Reach, message: String) -> (Reach, String) {
    match objection(cluster, gone) {
        Some(objection) => (Reach::Breach, message + &objection),
        None => (reach, message),
    }
}

fn gone(pod: &Object) -> Change {
    Change::Remove(pod.meta.namespace.to_name(), pod.meta.name.clone())
}

/// A controller, its pods that keep another off, and the terms by which they do.
struct Keeper<'a> {
    owner: &'a Arc<Object>,
    pods: Vec<&'a Arc<Object>>,
    terms: Vec<Value>,
    keys: Vec<&'a Name>,
}

/// Their controller makes them anew without the terms by which they keep others off.
fn ease(steps: &mut Vec<Step>, terms: &[(&Arc<Object>, usize, &Name)], cluster: &Cluster, pod: &Object, node: &Name) {
    let mut keepers: Vec<Keeper<'_>> = Vec::new();
    for (object, at, key) in terms {
        let Some(owner) = pod_edit::owner(cluster, object) else { continue };
        let place = keepers.iter().position(|k| k.owner.meta.uid == owner.meta.uid).unwrap_or(keepers.len());
        if place == keepers.len() {
            keepers.push(Keeper { owner, pods: Vec::new(), terms: Vec::new(), keys: Vec::new() });
        }
        let keeper = &mut keepers[place];
        let known = |other: &&Arc<Object>| other.meta.uid == object.meta.uid;
        if !keeper.pods.iter().any(known) {
            keeper.pods.push(object);
        }
        keeper
            .terms
            .push(object.document_value()["spec"].pointer(&format!("{APART}/{at}")).cloned().unwrap_or_default());
        if !keeper.keys.contains(key) {
            keeper.keys.push(key);
        }
    }
    for Keeper { owner, pods, terms, keys } in keepers.iter().filter(|k| k.pods.len() <= REMADE_MAX) {
        let template = owner.document_value()["spec"]["template"]["spec"].take();
        let written = template.pointer(APART).and_then(Value::as_array).into_iter().flatten().enumerate();
        // From the last to the first, so that each is still where it was.
        let dropped: Vec<usize> = written.filter(|(_, term)| terms.contains(term)).map(|(at, _)| at).collect();
        let edits: Vec<Edit> = dropped.iter().rev().map(|at| Edit::Remove(format!("{APART}/{at}"))).collect();
        if edits.is_empty() {
            continue;
        }
        let mut change = vec![if pod.meta.controller_uid() == Some(owner.meta.uid) {
            Change::Edit(edits)
        } else {
            let (method, path, body) = pod_edit::template(owner, &edits);
            Change::Ask(method, path, body)
        }];
        change.extend(pods.iter().map(|pod| gone(pod)));
        let keys: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
        let there = match pods.as_slice() {
            [one] => format!("pod {}", one.meta.name),
            several => format!("{} pods that keep it off {node}", several.len()),
        };
        let message = format!(
            "drop the required pod anti-affinity over {} from {} {}/{}, and delete its {there}",
            keys.join(" and "),
            Kind::ReplicationController.info().singular,
            owner.meta.namespace,
            owner.meta.name
        );
        let (reach, message) = heeding(cluster, pods, Reach::Ease, message);
        steps.push(Step::new(reach, pods.len() as i64, Some(node), message, change));
    }
}
