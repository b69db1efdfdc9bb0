//! Resource quotas: what objects count for, and whether a namespace has room for one more.
//!
//! Source: upstream's `pkg/quota/v1/evaluator/core` and its admission plugin `ResourceQuota`. What is counted here is
//! written into the quotas' status at once, so that the next one who asks finds it.

use crate::api::resources::{Asked, total};
use crate::api::{ApiError, Body, Document, Kind, Object, PodBody, QosClass, Quantity};
use crate::cluster::Context;
use crate::order;
use crate::time::{Span, Time};
use k8s_openapi::api::core::v1 as k8s;
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::sync::Arc;

/// What a container must say where a quota limits it.
const NEEDED: [&str; 6] = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

/// Counts by the names quotas use; each name once.
pub(crate) type Counts = Vec<(String, i64)>;

/// Adds to the count of a name.
pub(crate) fn count(counts: &mut Counts, name: String, more: i64) {
    match counts.iter_mut().find(|(known, _)| *known == name) {
        Some((_, count)) => *count += more,
        None => counts.push((name, more)),
    }
}

/// The count of a name.
pub(crate) fn counted(counts: &Counts, name: &str) -> i64 {
    counts.iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count)
}

/// Until when a pod on its way out counts: its grace period once more after it should be gone. One that is there still is
/// on a node that is lost, as a rule, and must not keep another one from taking its place.
pub(crate) fn counts_until(object: &Object) -> Option<Time> {
    let leaving = object.meta.deletion.as_ref().filter(|_| object.kind() == Kind::Pod)?;
    Some(Time(leaving.at.0.saturating_add(Span::from_secs(leaving.grace_seconds?).0)))
}

/// What an object counts for at an instant, as resources are counted.
pub(crate) fn usage(object: &Object, at: Time) -> Counts {
    let info = object.kind().info();
    let mut used = vec![(format!("count/{}", object.kind().resource()), 1)];
    match &object.body {
        // One that has ended takes no room any more.
        Body::Pod(pod) if pod.status.phase.is_finished() || counts_until(object).is_some_and(|end| end <= at) => {}
        Body::Pod(pod) => {
            used.push(("pods".to_owned(), 1));
            pod_usage(&pod.spec, &mut used);
        }
        Body::Service { spec, .. } => {
            let ports = spec.ports.as_ref().map_or(0, Vec::len) as i64;
            used.push(("services".to_owned(), 1));
            match spec.type_.as_deref() {
                Some("NodePort") => used.push(("services.nodeports".to_owned(), ports)),
                Some("LoadBalancer") => {
                    used.push(("services.loadbalancers".to_owned(), 1));
                    if spec.allocate_load_balancer_node_ports != Some(false) {
                        used.push(("services.nodeports".to_owned(), ports));
                    }
                }
                _ => {}
            }
        }
        _ if info.group.is_empty() => used.push((info.plural.to_owned(), 1)),
        _ => {}
    }
    used
}

fn pod_usage(spec: &k8s::PodSpec, used: &mut Counts) {
    for (name, count) in total(spec, Asked::Requests).iter() {
        used.push((format!("requests.{name}"), count));
        if !name.contains('/') {
            used.push((name.to_owned(), count));
        }
    }
    for (name, count) in total(spec, Asked::Limits).iter().filter(|(name, _)| !name.contains('/')) {
        used.push((format!("limits.{name}"), count));
    }
}

/// Whether a quota's scopes hold for an object.
pub(crate) fn applies(quota: &Document, object: &Object) -> bool {
    let listed = quota.at(&["spec", "scopes"]).as_array().into_iter().flatten();
    let selected = quota.at(&["spec", "scopeSelector", "matchExpressions"]).as_array().into_iter().flatten();
    let listed: Vec<&str> = listed.filter_map(Value::as_str).collect();
    let selected: Vec<&Value> = selected.collect();
    if listed.is_empty() && selected.is_empty() {
        return true;
    }
    // Scopes are about pods.
    let Some(pod) = object.pod() else { return false };
    listed.into_iter().all(|scope| in_scope(scope, "Exists", &[], pod))
        && selected.into_iter().all(|requirement| {
            let text = |field: &str| requirement[field].as_str().unwrap_or_default();
            let values: Vec<&str> =
                requirement["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            in_scope(text("scopeName"), text("operator"), &values, pod)
        })
}

fn in_scope(scope: &str, operator: &str, values: &[&str], pod: &PodBody) -> bool {
    let best_effort = crate::api::defaulting::quality_of_service(&pod.spec) == QosClass::BestEffort;
    let terminating = pod.spec.active_deadline_seconds.is_some_and(|s| s >= 0);
    match scope {
        "BestEffort" => best_effort,
        "NotBestEffort" => !best_effort,
        "Terminating" => terminating,
        "NotTerminating" => !terminating,
        "PriorityClass" => {
            let class = pod.spec.priority_class_name.as_deref().unwrap_or_default();
            match operator {
                "In" => values.contains(&class),
                "NotIn" => !values.contains(&class),
                "DoesNotExist" => class.is_empty(),
                _ => !class.is_empty(),
            }
        }
        "CrossNamespacePodAffinity" => crosses_namespaces(&pod.spec),
        _ => false,
    }
}

fn crosses_namespaces(spec: &k8s::PodSpec) -> bool {
    let Some(affinity) = &spec.affinity else { return false };
    let near = affinity.pod_affinity.as_ref().map(|near| {
        (
            &near.required_during_scheduling_ignored_during_execution,
            &near.preferred_during_scheduling_ignored_during_execution,
        )
    });
    let apart = affinity.pod_anti_affinity.as_ref().map(|apart| {
        (
            &apart.required_during_scheduling_ignored_during_execution,
            &apart.preferred_during_scheduling_ignored_during_execution,
        )
    });
    near.into_iter().chain(apart).any(|(required, preferred)| {
        let preferred = preferred.iter().flatten().map(|weighted| &weighted.pod_affinity_term);
        required.iter().flatten().chain(preferred).any(|term| {
            term.namespaces.as_ref().is_some_and(|names| !names.is_empty()) || term.namespace_selector.is_some()
        })
    })
}

/// An amount as a quota shows it: in the form in which its bound is written.
pub(crate) fn shown(bound: &Value, resource: &str, count: i64) -> Quantity {
    let form = bound.as_str().and_then(|text| Quantity::parse(text).ok()).unwrap_or(Quantity::from_value(0));
    form.counted(resource, count)
}

/// Which containers of a pod do not say what a quota needs them to say.
fn silent(quota: &Document, spec: &k8s::PodSpec) -> Option<String> {
    let mut parts = Vec::new();
    // A map's entries come in order.
    for (resource, _) in quota.entries(&["status", "hard"]).filter(|(name, _)| NEEDED.contains(name)) {
        let (asked, name) = match resource.split_once('.') {
            Some(("limits", name)) => (Asked::Limits, name),
            Some((_, name)) => (Asked::Requests, name),
            None => (Asked::Requests, resource),
        };
        let mut names: Vec<&str> = Vec::new();
        for container in spec.containers.iter().chain(spec.init_containers.iter().flatten()) {
            if asked.of(container.resources.as_ref()).is_none_or(|list| !list.contains_key(name)) {
                names.push(&container.name);
            }
        }
        if !names.is_empty() {
            order::sort(&mut names);
            parts.push(format!("{resource} for: {}", names.join(",")));
        }
    }
    (!parts.is_empty()).then(|| format!("must specify {}", parts.join("; ")))
}

/// Counts a new object, or what is new in one that replaces `before`. Refused where a quota has no room for it; then
/// nothing is counted.
pub(crate) fn charge(cx: &mut Context<'_>, object: &Object, before: Option<&Object>) -> Result<(), ApiError> {
    if object.kind() == Kind::Event || object.meta.namespace.is_empty() {
        return Ok(());
    }
    let quotas: Vec<Arc<Object>> = cx.store.list(Kind::ResourceQuota, Some(&object.meta.namespace)).cloned().collect();
    if quotas.is_empty() {
        return Ok(());
    }
    let forbidden = |why: String| ApiError::forbidden(object.kind(), &object.meta.name, &why);
    let mut added = usage(object, cx.now);
    for (resource, less) in before.map(|before| usage(before, cx.now)).into_iter().flatten() {
        count(&mut added, resource, -less);
    }
    added.retain(|(_, count)| *count != 0);
    for next in charged(&quotas, object, before.is_none(), &added).map_err(forbidden)? {
        // It was there when this began.
        let _ = cx.store.update(next, None);
    }
    Ok(())
}

/// Those of some quotas that count so much more for an object, with it counted.
pub(crate) fn charged(
    quotas: &[Arc<Object>],
    object: &Object,
    is_new: bool,
    added: &Counts,
) -> Result<Vec<Object>, String> {
    let mut written = Vec::new();
    for quota in quotas {
        let Some(document) = quota.document().filter(|quota| applies(quota, object)) else { continue };
        if let Some(pod) = object.pod().filter(|_| is_new)
            && let Some(why) = silent(document, &pod.spec)
        {
            return Err(format!("failed quota: {}: {why}", quota.meta.name));
        }
        if let Some(used) = room(document, &quota.meta.name, added)? {
            let mut next = Object::clone(quota);
            if let Body::Document(document) = &mut next.body
                && let Some(Value::Object(status)) = document.fields_mut().get_mut("status")
            {
                status.insert("used".to_owned(), used.into());
            }
            written.push(next);
        }
    }
    Ok(written)
}

/// What of a quota is used with so much more; none where it counts nothing of that, an error where it has no room.
fn room(quota: &Document, name: &str, added: &Counts) -> Result<Option<Map<String, Value>>, String> {
    let unknown: Vec<&str> = quota
        .entries(&["spec", "hard"])
        .map(|(resource, _)| resource)
        .filter(|resource| counted(added, resource) != 0 && quota.at(&["status", "hard", resource]).is_null())
        .collect();
    if !unknown.is_empty() {
        return Err(format!("status unknown for quota: {name}, resources: {}", unknown.join(",")));
    }
    let mut after = quota.at(&["status", "used"]).as_object().cloned().unwrap_or_default();
    let (mut requested, mut used, mut limited) = (Vec::new(), Vec::new(), Vec::new());
    let mut counts = false;
    for (resource, bound) in quota.entries(&["status", "hard"]) {
        let count = counted(added, resource);
        if count == 0 {
            continue;
        }
        counts = true;
        let more = shown(bound, resource, count);
        let parse = |value: &Value| value.as_str().and_then(|text| Quantity::parse(text).ok());
        let now = after.get(resource).and_then(parse).unwrap_or(shown(bound, resource, 0));
        let then = now.plus(more);
        let hard = parse(bound).unwrap_or(Quantity::from_value(0));
        if count > 0 && then.compare(hard) == Ordering::Greater {
            requested.push(format!("{resource}={more}"));
            used.push(format!("{resource}={now}"));
            limited.push(format!("{resource}={hard}"));
        }
        after.insert(resource.to_owned(), then.to_string().into());
    }
    if requested.is_empty() {
        return Ok(counts.then_some(after));
    }
    let join = |parts: Vec<String>| parts.join(",");
    Err(format!(
        "exceeded quota: {name}, requested: {}, used: {}, limited: {}",
        join(requested),
        join(used),
        join(limited)
    ))
}
