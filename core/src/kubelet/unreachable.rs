//! A machine that does not answer, as its Node shows it.
//!
//! A machine that never answered has a Node, too: nobody should have to read a log to learn that a host is missing.
//! While a known machine's grace period lasts, only an event tells; afterwards the Node's condition says why.

use super::host::{Host, is_ready, set_condition};
use crate::api::{Body, EventKind, Key, Kind, Meta, Name, Object};
use crate::cluster::Context;
use crate::time::Time;
use k8s_openapi::api::core::v1 as k8s;
use std::collections::BTreeMap;
use std::sync::Arc;

const REASON: &str = "HostUnreachable";

/// What nothing is known of while a machine never answered.
const CONDITIONS: [&str; 4] = ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"];

/// A machine was tried and did not answer.
pub(super) fn report(node: &Name, host: &mut Host, message: &str, cx: &mut Context<'_>) {
    let known = cx.store.get(Kind::Node, "", node).cloned();
    let object = match &known {
        None => {
            let object = never_seen(node, message, cx);
            cx.store.create(object).ok()
        }
        Some(object) => Some(explained(object, message, cx)),
    };
    let news = host.trouble.as_deref() != Some(message) || known.is_none();
    if let Some(object) = object.filter(|_| news) {
        cx.event_on(&object, EventKind::Warning, "kubelet", node, REASON, message);
        host.trouble = Some(message.to_owned());
    }
}

/// A machine left. One that never answered leaves nothing behind.
pub(super) fn left(node: &Name, cx: &mut Context<'_>) {
    let never_answered = |object: &Object| {
        object.node().is_some_and(|(_, status)| {
            status.capacity.is_none() && ready(status).is_some_and(|c| c.reason.as_deref() == Some(REASON))
        })
    };
    if cx.store.get(Kind::Node, "", node).is_some_and(|object| never_answered(object)) {
        let key = Key { kind: Kind::Node, namespace: Name::default(), name: node.clone() };
        // Where it must not go yet, whoever holds it lets it go.
        let _ = crate::deletion::delete_object(cx, &key, &crate::deletion::DeleteOptions::now());
    }
}

fn ready(status: &k8s::NodeStatus) -> Option<&k8s::NodeCondition> {
    status.conditions.iter().flatten().find(|c| c.type_ == "Ready")
}

fn condition(kind: &str, message: &str, now: Time) -> k8s::NodeCondition {
    k8s::NodeCondition {
        type_: kind.to_owned(),
        status: "Unknown".to_owned(),
        reason: Some(REASON.to_owned()),
        message: Some(message.to_owned()),
        last_heartbeat_time: None,
        last_transition_time: Some(now.floor_secs().to_meta()),
    }
}

fn never_seen(node: &Name, message: &str, cx: &mut Context<'_>) -> Object {
    let labels = BTreeMap::from([("kubernetes.io/hostname".to_owned(), node.to_string())]);
    let (uid, created) = (cx.rng.uid(), cx.now.floor_secs());
    let meta = Meta { name: node.clone(), uid, created, labels: Arc::new(labels), ..Meta::default() };
    let status = k8s::NodeStatus {
        addresses: Some(vec![k8s::NodeAddress { address: node.to_string(), type_: "Hostname".to_owned() }]),
        conditions: Some(CONDITIONS.map(|kind| condition(kind, message, cx.now)).into()),
        ..k8s::NodeStatus::default()
    };
    Object { meta, body: Body::Node { spec: Arc::default(), status: Arc::new(status) } }
}

/// The Node with the reason why it is not Ready, unless it still counts as Ready.
fn explained(object: &Arc<Object>, message: &str, cx: &mut Context<'_>) -> Arc<Object> {
    let Body::Node { spec, status } = &object.body else { return Arc::clone(object) };
    let old = ready(status);
    if is_ready(object) || old.is_some_and(|c| c.message.as_deref() == Some(message)) {
        return Arc::clone(object);
    }
    let mut condition = condition("Ready", message, cx.now);
    condition.last_heartbeat_time = old.and_then(|c| c.last_heartbeat_time.clone());
    let mut status = k8s::NodeStatus::clone(status);
    set_condition(&mut status, condition);
    let next =
        Object { meta: object.meta.clone(), body: Body::Node { spec: Arc::clone(spec), status: Arc::new(status) } };
    cx.store.update(next, None).unwrap_or_else(|_| Arc::clone(object))
}
