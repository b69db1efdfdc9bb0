//! Limit ranges: what a container gets that says nothing, and what one container or pod may have.
//!
//! Source: upstream's admission plugin `LimitRanger`.

use crate::api::resources::{Asked, total};
use crate::api::{ApiError, Document, Kind, Object, Quantity};
use crate::store::Store;
use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;
use serde_json::Value;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

const ANNOTATION: &str = "kubernetes.io/limit-ranger";

type List = BTreeMap<String, Written>;

/// The items of all limit ranges of a namespace.
fn items<'a>(store: &'a Store, namespace: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    let ranges: Vec<&Document> =
        store.list(Kind::LimitRange, Some(namespace)).filter_map(|range| range.document()).collect();
    ranges.into_iter().filter_map(|range| range.at(&["spec", "limits"]).as_array()).flatten()
}

/// Fills in what a list does not say. Returns the names of what was filled in.
fn fill(list: &mut Option<List>, defaults: &Value) -> Vec<String> {
    let mut filled = Vec::new();
    for (name, amount) in defaults.as_object().into_iter().flatten() {
        let list = list.get_or_insert_default();
        if let (Some(amount), false) = (amount.as_str(), list.contains_key(name)) {
            list.insert(name.clone(), Written(amount.to_owned()));
            filled.push(name.clone());
        }
    }
    filled
}

/// Gives the containers of a new pod the defaults of the namespace's limit ranges, and says so in an annotation.
pub(super) fn complete(store: &Store, object: &mut Object) {
    let defaults: Vec<Value> =
        items(store, &object.meta.namespace).filter(|item| item["type"] == "Container").cloned().collect();
    if defaults.is_empty() {
        return;
    }
    let Some(pod) = object.pod_mut() else { return };
    let spec = &mut **Arc::make_mut(&mut pod.spec);
    let mut told = Vec::new();
    for item in &defaults {
        let containers = spec.containers.iter_mut().map(|c| ("container", c));
        let inits = spec.init_containers.iter_mut().flatten().map(|c| ("init container", c));
        for (what, container) in containers.chain(inits) {
            let resources = container.resources.get_or_insert_default();
            let limits = fill(&mut resources.limits, &item["default"]);
            let requests = fill(&mut resources.requests, &item["defaultRequest"]);
            for (list, names) in [("request", requests), ("limit", limits)] {
                if !names.is_empty() {
                    told.push(format!("{} {list} for {what} {}", names.join(", "), container.name));
                }
            }
        }
    }
    if !told.is_empty() {
        let text = format!("LimitRanger plugin set: {}", told.join("; "));
        Arc::make_mut(&mut object.meta.annotations).insert(ANNOTATION.to_owned(), text);
    }
}

/// Refuses a pod that is outside the limits of its namespace.
pub(super) fn check(store: &Store, object: &Object) -> Result<(), ApiError> {
    let Some(pod) = object.pod() else { return Ok(()) };
    let mut wrong = Vec::new();
    for item in items(store, &object.meta.namespace) {
        match item["type"].as_str() {
            Some("Container") => {
                for container in pod.spec.containers.iter().chain(pod.spec.init_containers.iter().flatten()) {
                    let amounts = |asked: Asked| {
                        let list = asked.of(container.resources.as_ref()).into_iter().flatten();
                        list.filter_map(|(name, q)| Some((name.clone(), Quantity::parse(&q.0).ok()?))).collect()
                    };
                    check_item(item, "Container", &amounts(Asked::Requests), &amounts(Asked::Limits), &mut wrong);
                }
            }
            Some("Pod") => {
                let amounts = |asked: Asked| whole(&pod.spec, asked);
                check_item(item, "Pod", &amounts(Asked::Requests), &amounts(Asked::Limits), &mut wrong);
            }
            _ => {}
        }
    }
    let why = match wrong.as_slice() {
        [] => return Ok(()),
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    Err(ApiError::forbidden(Kind::Pod, &object.meta.name, &why))
}

/// What a pod asks for or may have as a whole.
fn whole(spec: &k8s::PodSpec, asked: Asked) -> Amounts {
    let form = |name: &str| if name == "cpu" { Quantity::from_milli(0) } else { Quantity::from_bytes(0) };
    total(spec, asked).iter().map(|(name, count)| (name.to_owned(), form(name).counted(name, count))).collect()
}

/// Amounts by resource; each once.
type Amounts = Vec<(String, Quantity)>;

fn amount(amounts: &Amounts, name: &str) -> Option<Quantity> {
    amounts.iter().find(|(known, _)| known == name).map(|(_, amount)| *amount)
}

fn check_item(item: &Value, of: &str, requests: &Amounts, limits: &Amounts, wrong: &mut Vec<String>) {
    let bounds = |field: &str| {
        let list = item[field].as_object().into_iter().flatten();
        list.filter_map(|(name, q)| Some((name.clone(), Quantity::parse(q.as_str()?).ok()?))).collect::<Vec<_>>()
    };
    for (name, min) in bounds("min") {
        let (request, limit) = (amount(requests, &name), amount(limits, &name));
        let start = format!("minimum {name} usage per {of} is {min}");
        let below = |amount: Option<Quantity>| amount.filter(|a| a.compare(min) == Ordering::Less);
        match (request, below(request), below(limit)) {
            (None, ..) => wrong.push(format!("{start}.  No request is specified")),
            (_, Some(request), _) => wrong.push(format!("{start}, but request is {request}")),
            (_, None, Some(limit)) => wrong.push(format!("{start}, but limit is {limit}")),
            _ => {}
        }
    }
    for (name, max) in bounds("max") {
        let (request, limit) = (amount(requests, &name), amount(limits, &name));
        let start = format!("maximum {name} usage per {of} is {max}");
        let above = |amount: Option<Quantity>| amount.filter(|a| a.compare(max) == Ordering::Greater);
        match (limit, above(limit), above(request)) {
            (None, ..) => wrong.push(format!("{start}.  No limit is specified")),
            (_, Some(limit), _) => wrong.push(format!("{start}, but limit is {limit}")),
            (_, None, Some(request)) => wrong.push(format!("{start}, but request is {request}")),
            _ => {}
        }
    }
    for (name, most) in bounds("maxLimitRequestRatio") {
        let start = format!("{name} max limit to request ratio per {of} is {most}");
        let there = |amounts: &Amounts| amount(amounts, &name).filter(|a| a.signum() != 0).map(|a| a.milli() as f64);
        match (there(requests), there(limits)) {
            (None, _) => wrong.push(format!("{start}, but no request is specified or request is 0")),
            (_, None) => wrong.push(format!("{start}, but no limit is specified or limit is 0")),
            (Some(request), Some(limit)) => {
                let ratio = limit / request;
                if ratio * 1000.0 > most.milli() as f64 {
                    wrong.push(format!("{start}, but provided ratio is {ratio:.6}"));
                }
            }
        }
    }
}
