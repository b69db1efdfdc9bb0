//! Room for a pod on a node.

use super::super::pod_edit::{Edit, escaped};
use super::{Change, Reach, Step, share};
use crate::api::{Kind, Name, Quantity};
use crate::cluster::Cluster;
use crate::scheduler::{Detail, Reason, quantity};
use serde_json::{Value, json};

/// What is missing is freed, or not asked for.
pub(super) fn free(
    steps: &mut Vec<Step>,
    spec: &Value,
    cluster: &Cluster,
    node: &Name,
    reasons: &[(Reason, Option<Detail>)],
) {
    let Some(object) = cluster.store().get(Kind::Node, "", node) else { return };
    let status = object.document_value()["status"].take();
    let list = if status["allocatable"].is_object() { &status["allocatable"] } else { &status["capacity"] };
    let (mut freed, mut more, mut size, mut possible) = (Vec::new(), json!({}), 0, true);
    let (mut asked, mut edits, mut less) = (Vec::new(), Vec::new(), 0);
    for (reason, detail) in reasons {
        let Some(Detail::Amount { requested, used, allocatable }) = detail else { return };
        let resource = match reason {
            Reason::Insufficient(resource) => Some(resource),
            _ => None,
        };
        let name = resource.map_or("pods", Name::as_str);
        let missing = requested.saturating_sub(allocatable.saturating_sub(*used));
        let short = quantity(resource, missing).to_string();
        freed.push(if resource.is_none() { "a place for a pod".to_owned() } else { format!("{short} {name}") });
        more[name] = sum(&list[name], &short).into();
        size = size.max(share(missing, *allocatable));
        possible &= requested <= allocatable;
        match smaller(spec, name, missing, resource) {
            Some((edit, from, to)) => {
                asked.push(format!("{to} {name} instead of {from}"));
                edits.push(edit);
                less = less.max(share(missing, *requested));
            }
            None => less = i64::MAX,
        }
    }
    if possible && !freed.is_empty() {
        let path = format!("/api/v1/nodes/{node}/status");
        let message = format!("free {} on {node}", freed.join(" and "));
        let room = Change::Room(path, json!({"status": {"allocatable": more}}));
        steps.push(Step::new(Reach::Free, size, Some(node), message, vec![room]));
    }
    if less < i64::MAX && !edits.is_empty() {
        let message = format!("ask for {}", asked.join(" and "));
        steps.push(Step::new(Reach::Relax, less, None, message, vec![Change::Edit(edits)]));
    }
}

fn sum(have: &Value, more: &str) -> String {
    let read = |text: &str| Quantity::parse(text).map_or(0, Quantity::milli);
    Quantity::from_milli(read(have.as_str().unwrap_or_default()).saturating_add(read(more))).to_string()
}

/// The container that asks for most of a resource asks for so much less of it: how, and from what to what.
fn smaller(spec: &Value, resource: &str, by: i64, name: Option<&Name>) -> Option<(Edit, String, String)> {
    let factor = if resource == "cpu" { 1 } else { 1_000 };
    let asked = |c: &Value| {
        let text = c["resources"]["requests"][resource].as_str()?;
        Some((Quantity::parse(text).ok()?.milli(), text.to_owned()))
    };
    let containers = spec["containers"].as_array()?.iter().enumerate();
    let ((most, from), at) =
        containers.filter_map(|(at, c)| Some((asked(c)?, at))).max_by_key(|((most, _), _)| *most)?;
    let left = most / factor - by;
    let to = quantity(name, left).to_string();
    let pointer = format!("/containers/{at}/resources/requests/{}", escaped(resource));
    (left > 0).then(|| (Edit::Set(pointer, to.clone().into()), from, to))
}
