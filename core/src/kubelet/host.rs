//! A node as its kubelet keeps it, and its Node object.

use super::admission::Room;
use crate::api::{Body, CommonName, EventKind, Kind, Meta, Name, Object, Uid};
use crate::cluster::Context;
use crate::order;
use crate::runtime::Machine;
use crate::time::{Span, Time};
use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// How often a Node's heartbeat times are written while nothing changes, as upstream does it.
const REPORT_EVERY: Span = Span::from_secs(300);

/// One node.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own; all sixteen combinations occur")]
pub(super) struct Host {
    /// Whether its machine has joined: only then is there a kubelet.
    pub(super) joined: bool,
    /// Whether the machine has listed what runs since it joined.
    pub(super) listed: bool,
    /// Whether its Ready condition holds. While it does not, the machine is out of reach and its pods rest.
    pub(super) ready: bool,
    /// Its machine's address.
    pub(super) address: Option<CommonName>,
    /// Whether its disk is full.
    pub(super) disk_pressure: bool,
    /// Why its machine does not answer, since it does not.
    pub(super) trouble: Option<String>,
    /// When its status was last written for the sake of its heartbeat times.
    pub(super) reported: Time,
    /// What of it pods may use, and what those that were taken on use.
    pub(super) room: Room,
    /// Those of them whose new resources wait for room.
    pub(super) deferred: order::Set<Uid>,
}

impl Host {
    /// Whether its pods are attended to.
    pub(super) const fn is_active(&self) -> bool {
        self.joined && self.ready
    }
}

/// A condition of a node, in upstream's words.
fn condition(kind: &str, holds: bool, now: Time) -> k8s::NodeCondition {
    let (reason, message) = match (kind, holds) {
        ("Ready", true) => ("KubeletReady", "kubelet is posting ready status"),
        ("Ready", false) => ("KubeletNotReady", "kubelet is not ready"),
        ("MemoryPressure", _) => ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", false) => ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("DiskPressure", true) => ("KubeletHasDiskPressure", "kubelet has disk pressure"),
        _ => ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    };
    k8s::NodeCondition {
        type_: kind.to_owned(),
        status: if holds { "True" } else { "False" }.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_heartbeat_time: Some(now.to_meta()),
        last_transition_time: Some(now.to_meta()),
    }
}

pub(super) fn set_condition(status: &mut k8s::NodeStatus, mut condition: k8s::NodeCondition) {
    let list = status.conditions.get_or_insert_default();
    match list.iter_mut().find(|c| c.type_ == condition.type_) {
        Some(old) => {
            if old.status == condition.status {
                condition.last_transition_time.clone_from(&old.last_transition_time);
            }
            *old = condition;
        }
        None => list.push(condition),
    }
}

/// Whether the Ready condition of a Node holds.
pub(super) fn is_ready(node: &Object) -> bool {
    let conditions = node.node().and_then(|(_, status)| status.conditions.as_ref());
    conditions.is_some_and(|list| list.iter().any(|c| c.type_ == "Ready" && c.status == "True"))
}

/// Creates the Node of a machine that joins, or brings it up to date.
pub(super) fn register(node: &Name, host: &mut Host, machine: &Machine, cx: &mut Context<'_>) {
    let info = machine.info.as_deref().cloned().unwrap_or_default();
    let or = |text: &str, default: &str| if text.is_empty() { default.to_owned() } else { text.to_owned() };
    let mut labels = order::map([
        ("kubernetes.io/hostname".to_owned(), node.to_string()),
        ("kubernetes.io/os".to_owned(), or(&info.operating_system, "linux")),
        ("kubernetes.io/arch".to_owned(), or(&info.architecture, "amd64")),
    ]);
    labels.extend(BTreeMap::clone(&machine.labels));
    host.joined = true;
    host.listed = false;
    host.trouble = None;
    host.address = machine.address.as_ref().map(CommonName::from);
    let allocatable = if machine.allocatable.is_empty() { &machine.capacity } else { &machine.allocatable };
    let quantities =
        |map: &BTreeMap<String, String>| order::map(map.iter().map(|(k, v)| (k.clone(), Quantity(v.clone()))));
    let allocatable = quantities(allocatable);
    host.room.set_capacity(&allocatable);
    let old = cx.store.get(Kind::Node, "", node).cloned();
    let (mut meta, spec, mut status) = if let Some(Object { meta, body: Body::Node { spec, status } }) = old.as_deref()
    {
        (meta.clone(), Arc::clone(spec), k8s::NodeStatus::clone(status))
    } else {
        let uid = cx.rng.uid();
        let created = cx.now.floor_secs();
        let meta = Meta { name: node.clone(), uid, created, ..Meta::default() };
        (meta, Arc::default(), k8s::NodeStatus::default())
    };
    let mut merged = BTreeMap::clone(&meta.labels);
    merged.extend(labels);
    meta.labels = Arc::new(merged);
    status.capacity = Some(quantities(&machine.capacity));
    status.allocatable = Some(allocatable);
    let mut addresses = Vec::new();
    if let Some(address) = &machine.address {
        let type_ = if address.parse::<IpAddr>().is_ok() { "InternalIP" } else { "InternalDNS" };
        addresses.push(k8s::NodeAddress { address: address.to_string(), type_: type_.to_owned() });
    }
    addresses.push(k8s::NodeAddress { address: node.to_string(), type_: "Hostname".to_owned() });
    status.addresses = Some(addresses);
    if machine.info.is_some() {
        status.node_info = Some(info);
    }
    let was_ready = old.as_deref().is_some_and(is_ready);
    set_all(&mut status, host, cx.now);
    let object = Object { meta, body: Body::Node { spec, status: Arc::new(status) } };
    let written = if old.is_some() { cx.store.update(object, None) } else { cx.store.create(object) };
    let Ok(object) = written else { return };
    cx.event_on(&object, EventKind::Normal, "kubelet", node, "Starting", "Starting kubelet.");
    if !was_ready {
        announce(&object, node, cx);
    }
    host.ready = true;
    host.reported = cx.now;
}

/// A machine was heard: its Node is ready, if it was not, and from time to time says when it was heard.
/// Returns whether it came back.
pub(super) fn heard(node: &Name, host: &mut Host, cx: &mut Context<'_>) -> bool {
    if !host.joined || host.ready && cx.now.since(host.reported) < REPORT_EVERY {
        return false;
    }
    host.reported = cx.now;
    let back = !host.ready;
    if write(node, host, cx) && back {
        host.ready = true;
        if let Some(object) = cx.store.get(Kind::Node, "", node).cloned() {
            announce(&object, node, cx);
        }
    }
    back && host.ready
}

/// A machine's disk is full, or no longer.
pub(super) fn pressure_changed(node: &Name, host: &Host, cx: &mut Context<'_>) {
    if !write(node, host, cx) {
        return;
    }
    let Some(object) = cx.store.get(Kind::Node, "", node).cloned() else { return };
    let reason = if host.disk_pressure { "NodeHasDiskPressure" } else { "NodeHasNoDiskPressure" };
    let text = format!("Node {node} status is now: {reason}");
    cx.event_on(&object, EventKind::Normal, "kubelet", node, reason, &text);
}

/// Writes the conditions of a Node as its kubelet knows them. Returns whether there is such a Node.
fn write(node: &Name, host: &Host, cx: &mut Context<'_>) -> bool {
    let Some(old) = cx.store.get(Kind::Node, "", node) else { return false };
    let mut next = Object::clone(old);
    if let Body::Node { status, .. } = &mut next.body {
        set_all(Arc::make_mut(status), host, cx.now);
    }
    cx.store.update(next, None).is_ok()
}

fn set_all(status: &mut k8s::NodeStatus, host: &Host, now: Time) {
    let now = now.floor_secs();
    for (kind, holds) in
        [("MemoryPressure", false), ("DiskPressure", host.disk_pressure), ("PIDPressure", false), ("Ready", true)]
    {
        set_condition(status, condition(kind, holds, now));
    }
}

fn announce(object: &Object, node: &Name, cx: &mut Context<'_>) {
    let text = format!("Node {node} status is now: NodeReady");
    cx.event_on(object, EventKind::Normal, "kubelet", node, "NodeReady", &text);
}
