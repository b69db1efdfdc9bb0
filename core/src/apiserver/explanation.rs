//! Why a pod is where it is, or why it is pending: what the schedulers know, as a document of our own.
//!
//! `GET /apis/kubarium.io/v1/namespaces/NS/pods/NAME/explanation`. The group is ours, so that Kubernetes' own
//! groups hold what Kubernetes has. Computed when asked and stored nowhere.

use super::errors;
use crate::api::{self, ApiError, Kind, Object};
use crate::scheduler::{
    Chosen, Code, Decision, Detail, Explanation, Line, NodeScore, NodeStand, Plan, PluginScore, Preemption, Reason,
    Refusal, Schedulers, Stand, quantity,
};
use crate::store::Store;
use crate::time::Time;
use serde_json::{Value, json};

/// Our group.
pub(super) const GROUP: &str = "kubarium.io";

/// Its version.
pub(super) const VERSION: &str = "v1";

/// What the group has: resource, part of it, kind of the answer, verb, and whether it is in a namespace.
#[cfg(feature = "described")]
const RESOURCES: [(&str, &str, &str, &str, bool); 6] = [
    ("pods", "explanation", "Explanation", "get", true),
    ("pods", "remedies", "Remedies", "get", true),
    ("pods", "fit", "Fit", "get", true),
    ("replicationcontrollers", "fit", "Fit", "get", true),
    ("fits", "", "Fit", "create", true),
    ("survival", "", "Survival", "get", false),
];

/// The list of these.
#[cfg(feature = "described")]
pub(super) fn resource_list() -> Value {
    let resource = |(plural, part, kind, verb, namespaced): (&str, &str, &str, &str, bool)| {
        let name = if part.is_empty() { plural.to_owned() } else { format!("{plural}/{part}") };
        json!({"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": [verb]})
    };
    json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": format!("{GROUP}/{VERSION}"),
        "resources": RESOURCES.map(resource),
    })
}

/// The same for clients that ask for all groups at once.
#[cfg(feature = "described")]
pub(super) fn aggregated_group() -> Value {
    let response = |kind: &str| json!({"group": GROUP, "version": VERSION, "kind": kind});
    let whole = |group: &[(&str, &str, &str, &str, bool)]| {
        let (plural, part, kind, verb, namespaced) = group[0];
        let scope = if namespaced { "Namespaced" } else { "Cluster" };
        if part.is_empty() {
            return json!({
                "resource": plural, "responseKind": response(kind), "scope": scope, "singularResource": "", "verbs": [verb],
            });
        }
        let parts = group.iter().map(
            |(_, part, kind, verb, _)| json!({"subresource": part, "responseKind": response(kind), "verbs": [verb]}),
        );
        // The resource itself is not in this group: an empty kind says so.
        json!({
            "resource": plural, "responseKind": {"group": "", "version": "", "kind": ""}, "scope": scope,
            "singularResource": &plural[..plural.len() - 1], "verbs": [], "subresources": parts.collect::<Vec<_>>(),
        })
    };
    let resources: Vec<Value> = RESOURCES.chunk_by(|a, b| a.0 == b.0).map(whole).collect();
    json!({
        "metadata": {"name": GROUP},
        "versions": [{"version": VERSION, "resources": resources, "freshness": "Current"}],
    })
}

/// Explains a pod.
pub(super) fn of(
    store: &Store,
    now: Time,
    schedulers: &Schedulers,
    namespace: &str,
    name: &str,
) -> Result<Value, ApiError> {
    let missing = || ApiError::not_found(Kind::Pod, name);
    let object = store.get(Kind::Pod, namespace, name).ok_or_else(missing)?;
    let pod = object.pod().ok_or_else(missing)?;
    let wanted = pod.spec.scheduler_name.as_deref().unwrap_or_default();
    if !wanted.is_empty() && !schedulers.names().any(|s| s == wanted) {
        let known = schedulers.names().collect::<Vec<_>>().join(", ");
        return Err(errors::bad_request(format!(
            "pod \"{name}\" is left to the scheduler \"{wanted}\"; explained are the decisions of {known}"
        )));
    }
    if schedulers.was_placed_elsewhere(object, store) {
        let node = pod.node_name().unwrap_or_default();
        return Err(errors::bad_request(format!(
            "pod \"{name}\" came to node \"{node}\" without a scheduler of this cluster: \
             spec.nodeName was set, or somebody else bound it"
        )));
    }
    let present = schedulers.explain(&object.key(), store).ok_or_else(missing)?;
    let decision = match schedulers.decision(object.meta.uid, store) {
        Some(decision) => recorded(decision),
        None => recomputed(object, &present, now),
    };
    let mut document = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"), "kind": "Explanation",
        "metadata": {"name": name, "namespace": namespace, "uid": object.meta.uid.to_string()},
        "scheduler": present.scheduler.as_str(),
        "decision": decision,
        "time": api::encode(&now.to_micro()),
        "nodes": present.nodes.iter().map(stand).collect::<Vec<_>>(),
    });
    if let Some(wait) = schedulers.wait(object.meta.uid, store) {
        let (line, retry) = match wait.line {
            Line::Active => ("Active", None),
            Line::BackingOff(at) => ("BackOff", Some(at)),
            Line::Parked(at) => ("Unschedulable", Some(at)),
            Line::Gated => ("Gated", None),
        };
        document["queue"] = json!({"place": line, "attempts": wait.attempts});
        if let Some(at) = retry {
            document["queue"]["retryTime"] = api::encode(&at.to_micro());
        }
    }
    Ok(document)
}

/// The decision as it was made.
fn recorded(decision: &Decision) -> Value {
    let mut value = json!({
        "recorded": true, "time": api::encode(&decision.at.to_micro()), "nodes": decision.setting.nodes,
        "feasible": decision.setting.feasible,
        "refusals": decision.refusals().iter().map(refusal).collect::<Vec<_>>(),
    });
    match (&decision.chosen, decision.message()) {
        (Some(chosen), _) => value["placement"] = placement(chosen, &decision.setting.scores),
        (None, message) => value["message"] = message.into(),
    }
    if let Some(Preemption::Planned(planned)) = decision.preemption() {
        value["preemption"] = plan(planned);
    }
    value
}

/// What would be decided now, where nothing is known of a decision.
fn recomputed(object: &Object, present: &Explanation, now: Time) -> Value {
    let fits = |n: &&NodeStand| n.total().is_some();
    let feasible = present.nodes.iter().filter(fits).count();
    let mut value = json!({
        "recorded": false, "time": api::encode(&now.to_micro()), "nodes": present.nodes.len(), "feasible": feasible,
        "refusals": present.refusals.iter().map(refusal).collect::<Vec<_>>(),
    });
    if let Some(node) = object.pod().and_then(|p| p.node.as_ref()) {
        value["note"] = "the decision is not known any more, it was made before a restart; \
                         this is how the nodes stand to the pod now, as if it were yet to be placed"
            .into();
        value["placement"] = match present.nodes.iter().find(|n| n.node == *node).map(|n| &n.stand) {
            Some(Stand::Feasible { scores }) => {
                let total: i32 = scores.iter().map(|s| s.weighted).sum();
                let alone =
                    |s: &NodeScore| PluginScore { plugin: s.plugin, normalized: s.normalized, weighted: s.weighted };
                let others = present.nodes.iter().filter(|n| n.node != *node);
                let second = others.filter_map(|n| Some((n.total()?, n))).max_by_key(|(total, _)| *total);
                // A scheduler without scores prefers none.
                let second = second.filter(|_| !scores.is_empty());
                let runner_up = second.map(|(t, n)| (n.node.clone().into(), total - t));
                let scores: Vec<PluginScore> = scores.iter().map(alone).collect();
                placement(&Chosen { node: node.clone(), runner_up }, &scores)
            }
            _ => json!({"node": node.as_str()}),
        };
    } else {
        value["note"] = "the pod was not tried yet; this is how the nodes stand to it now".into();
        if let Some(message) = &present.message {
            value["message"] = message.as_str().into();
        }
        if let Some(planned) = &present.preemption {
            value["preemption"] = plan(planned);
        }
    }
    value
}

/// Who makes room, and where.
fn plan(plan: &Plan) -> Value {
    let victims: Value =
        plan.victims.iter().map(|(space, name)| json!({"namespace": &**space, "name": &**name})).collect();
    json!({"node": plan.node.as_str(), "victims": victims})
}

fn placement(chosen: &Chosen, scores: &[PluginScore]) -> Value {
    let mut value = json!({"node": chosen.node.as_str()});
    if !scores.is_empty() {
        let total: i32 = scores.iter().map(|s| s.weighted).sum();
        value["score"] = total.into();
        let score = |s: &PluginScore| json!({"plugin": s.plugin, "normalized": s.normalized, "weighted": s.weighted});
        value["scores"] = scores.iter().map(score).collect();
        if let Some((second, margin)) = &chosen.runner_up {
            value["runnerUp"] = json!({"node": second.as_str(), "score": total - margin});
            value["margin"] = (*margin).into();
        }
    }
    value
}

fn scores(scores: &[NodeScore]) -> Value {
    let score =
        |s: &NodeScore| json!({"plugin": s.plugin, "raw": s.raw, "normalized": s.normalized, "weighted": s.weighted});
    scores.iter().map(score).collect()
}

fn refusal(refusal: &Refusal) -> Value {
    let reasons: Value = refusal.reasons.iter().map(|r| reason(r, None)).collect();
    json!({"plugin": refusal.plugin, "code": code(refusal.code), "reasons": reasons, "nodes": refusal.nodes})
}

/// Upstream's word.
const fn code(code: Code) -> &'static str {
    match code {
        Code::Unschedulable => "Unschedulable",
        Code::Unresolvable => "UnschedulableAndUnresolvable",
    }
}

fn stand(node: &NodeStand) -> Value {
    match &node.stand {
        Stand::Feasible { scores: list } => {
            let mut value = json!({"name": node.node.as_str(), "feasible": true});
            if !list.is_empty() {
                value["score"] = node.total().into();
                value["scores"] = scores(list);
            }
            value
        }
        Stand::Refused { plugin, code: how, reasons } => {
            let said: Vec<String> = reasons.iter().map(|(r, _)| r.to_string()).collect();
            let said = format!("{plugin}: {}", said.join(", "));
            let reasons: Value = reasons.iter().map(|(r, detail)| reason(r, detail.as_ref())).collect();
            json!({
                "stand": said, "name": node.node.as_str(), "feasible": false, "plugin": plugin, "code": code(*how), "reasons": reasons,
            })
        }
    }
}

/// A reason in a word, in upstream's words, and with its numbers.
fn reason(reason: &Reason, detail: Option<&Detail>) -> Value {
    let mut value = json!({"reason": reason.word(), "message": reason.to_string()});
    if let Reason::Insufficient(resource) = reason {
        value["resource"] = resource.as_str().into();
    }
    match detail {
        Some(Detail::Taint(taint)) => {
            value["taint"] =
                json!({"key": taint.key.as_str(), "value": taint.value.as_str(), "effect": taint.effect.as_str()});
        }
        Some(Detail::Amount { requested, used, allocatable }) => {
            let resource = if let Reason::Insufficient(resource) = reason { Some(resource) } else { None };
            for (field, amount) in [("requested", requested), ("used", used), ("allocatable", allocatable)] {
                value[field] = quantity(resource, *amount).to_string().into();
            }
        }
        None => {}
    }
    value
}
