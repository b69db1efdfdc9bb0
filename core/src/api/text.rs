//! JSON text, written at once: what is asked for often is not built as a tree of values first.
//!
//! Each writer says the same as the tree would, key by key in the order of the alphabet.

use super::granted::{self, List, Said};
use super::{Condition, ContainerState, ContainerStatus, Meta, PodBody, PodStatus, QosClass, Terminated, Uid};
use crate::time::Time;
use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::Value;
use std::fmt::{Display, Write as _};

/// Members of a JSON object that is being written. What it is not told to write is not there.
pub(crate) struct Members<'a> {
    out: &'a mut String,
    any: bool,
}

impl<'a> Members<'a> {
    /// Begins an object.
    pub(crate) fn open(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, any: false }
    }

    /// Begins a member; its value is to be written next.
    pub(crate) fn key(&mut self, key: &str) -> &mut String {
        self.next();
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
        self.out
    }

    /// The same, where the key may hold anything.
    pub(crate) fn quoted_key(&mut self, key: &str) -> &mut String {
        self.next();
        push_quoted(self.out, key);
        self.out.push(':');
        self.out
    }

    fn next(&mut self) {
        if std::mem::replace(&mut self.any, true) {
            self.out.push(',');
        }
    }

    /// A member that is text already, or a number or truth.
    pub(crate) fn plain(&mut self, key: &str, value: impl Display) {
        // Writing to a string does not fail.
        let _ = write!(self.key(key), "{value}");
    }

    /// A string.
    pub(crate) fn string(&mut self, key: &str, text: &str) {
        push_quoted(self.key(key), text);
    }

    /// A string, unless there is none.
    pub(crate) fn optional(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.string(key, text);
        }
    }

    /// An instant in whole seconds, or null.
    pub(crate) fn time(&mut self, key: &str, time: Option<Time>) {
        match time {
            Some(time) => push_time(self.key(key), time),
            None => self.key(key).push_str("null"),
        }
    }

    /// Ends the object; tells whether anything is in it.
    pub(crate) fn close(self) -> bool {
        self.out.push('}');
        self.any
    }
}

/// Text as a JSON string.
pub(crate) fn push_quoted(out: &mut String, text: &str) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&Value::from(text).to_string());
    }
}

fn push_time(out: &mut String, time: Time) {
    out.push('"');
    time.push_seconds(out);
    out.push('"');
}

/// Items of a list, each written by `write`.
fn push_list<T>(out: &mut String, items: &[T], mut write: impl FnMut(&mut String, &T)) {
    let mut before = '[';
    for item in items {
        out.push(before);
        write(out, item);
        before = ',';
    }
    out.push_str(if items.is_empty() { "[]" } else { "]" });
}

fn push_map<'t>(out: &mut String, entries: impl Iterator<Item = (&'t String, &'t String)>) {
    let mut map = Members::open(out);
    for (key, value) in entries {
        push_quoted(map.quoted_key(key), value);
    }
    map.close();
}

impl Meta {
    /// Writes it, with `managed` as those who wrote its fields.
    pub(crate) fn write(&self, managed: Option<&str>, out: &mut String) {
        let Self { name, namespace, uid, resource_version, generation, created, .. } = self;
        let rest = self.rest.as_deref();
        let mut map = Members::open(out);
        if !self.annotations.is_empty() {
            push_map(map.key("annotations"), self.annotations.iter());
        }
        if *created != Time::EPOCH {
            map.time("creationTimestamp", Some(*created));
        }
        if let Some(deletion) = &self.deletion {
            if let Some(seconds) = deletion.grace_seconds {
                map.plain("deletionGracePeriodSeconds", seconds);
            }
            map.time("deletionTimestamp", Some(deletion.at));
        }
        if !self.finalizers().is_empty() {
            push_list(map.key("finalizers"), self.finalizers(), |out, finalizer| push_quoted(out, finalizer));
        }
        map.optional("generateName", rest.and_then(|rest| rest.generate_name.as_deref()));
        if *generation != 0 {
            map.plain("generation", generation);
        }
        if !self.labels.is_empty() {
            push_map(map.key("labels"), self.labels.iter());
        }
        map.optional("name", (!name.is_empty()).then_some(name));
        map.optional("namespace", (!namespace.is_empty()).then_some(namespace));
        if let Some(owners) = &self.owners {
            push_list(map.key("ownerReferences"), owners, |out, owner| {
                let mut map = Members::open(out);
                map.string("apiVersion", &owner.api_version);
                if let Some(blocks) = owner.block_owner_deletion {
                    map.plain("blockOwnerDeletion", blocks);
                }
                if let Some(controls) = owner.controller {
                    map.plain("controller", controls);
                }
                map.string("kind", &owner.kind);
                map.string("name", &owner.name);
                map.string("uid", &owner.uid);
                map.close();
            });
        }
        if *resource_version != 0 {
            map.plain("resourceVersion", format_args!("\"{resource_version}\""));
        }
        map.optional("selfLink", rest.and_then(|rest| rest.self_link.as_deref()));
        if *uid != Uid::NIL {
            map.plain("uid", format_args!("\"{uid}\""));
        }
        if let Some(managed) = managed {
            map.plain("managedFields", managed);
        }
        map.close();
    }
}

/// The text of a pod's spec, parted where the name of its node belongs. Without braces.
#[derive(Debug)]
pub(crate) struct SpecText {
    text: Box<str>,
    /// Where the members begin that come after `nodeName`.
    split: usize,
}

impl SpecText {
    /// Of a spec that names no node.
    pub(super) fn of(spec: &PodSpec) -> Self {
        let Value::Object(members) = super::encode(spec) else { return Self { text: Box::default(), split: 0 } };
        let (mut text, mut split) = (String::new(), 0);
        for (key, value) in members {
            if !text.is_empty() {
                text.push(',');
            }
            let _ = write!(text, "\"{key}\":{value}");
            if *key < *"nodeName" {
                split = text.len();
            }
        }
        Self { text: text.into(), split }
    }

    fn write(&self, node: Option<&str>, out: &mut String) {
        let Some(node) = node else {
            let _ = write!(out, "{{{}}}", self.text);
            return;
        };
        let (before, after) = self.text.split_at(self.split);
        // Its containers are always among what comes before.
        let _ = write!(out, "{{{before},\"nodeName\":");
        push_quoted(out, node);
        let _ = write!(out, "{after}}}");
    }
}

impl PodBody {
    /// Whether [`Self::write`] can write all of it: what a client said beyond what the core keeps apart, only a document
    /// can say.
    pub(crate) fn is_plain(&self) -> bool {
        let plain = |list: &[ContainerStatus]| list.iter().all(|container| container.rest.is_none());
        let Self { spec, status, .. } = self;
        let lists = [Some(&spec.containers), spec.init_containers.as_ref()];
        status.rarer.rest.is_none()
            && plain(&status.containers)
            && plain(&status.rarer.init_containers)
            && spec.ephemeral_containers.is_none()
            && status.rarer.ephemeral_containers.is_empty()
            && lists.into_iter().flatten().flatten().all(|container| container.resources.is_some())
    }

    /// Writes spec and status as members of a pod that is plain.
    pub(crate) fn write(&self, pod: &mut Members<'_>) {
        self.spec.text().write(self.node_name(), pod.key("spec"));
        self.status.write(&self.spec, pod.key("status"));
    }
}

impl PodStatus {
    /// Writes it, as that of a pod with a spec.
    fn write(&self, spec: &PodSpec, out: &mut String) {
        let mut map = Members::open(out);
        if !self.conditions.is_empty() {
            push_list(map.key("conditions"), &self.conditions, |out, condition| condition.write(out));
        }
        if !self.containers.is_empty() {
            push_list(map.key("containerStatuses"), &self.containers, |out, container| container.write(spec, out));
        }
        if let Some(ip) = &self.host_ip {
            map.string("hostIP", ip);
            push_addresses(map.key("hostIPs"), ip);
        }
        if !self.rarer.init_containers.is_empty() {
            push_list(map.key("initContainerStatuses"), &self.rarer.init_containers, |out, container| {
                container.write(spec, out);
            });
        }
        map.optional("message", self.rarer.message.as_deref());
        map.optional("nominatedNodeName", self.rarer.nominated_node.as_deref());
        map.string("phase", self.phase.as_str());
        if let Some(ip) = &self.pod_ip {
            map.string("podIP", ip);
            push_addresses(map.key("podIPs"), ip);
        }
        map.optional("qosClass", self.qos_class.map(QosClass::as_str));
        map.optional("reason", self.rarer.reason.as_deref());
        if self.start_time.is_some() {
            map.time("startTime", self.start_time);
        }
        map.close();
    }
}

fn push_resources(out: &mut String, list: &List) {
    push_map(out, list.iter().map(|(name, Quantity(amount))| (name, amount)));
}

fn push_addresses(out: &mut String, ip: &str) {
    out.push('[');
    let mut map = Members::open(out);
    map.string("ip", ip);
    map.close();
    out.push(']');
}

impl Condition {
    fn write(&self, out: &mut String) {
        let mut map = Members::open(out);
        map.time("lastProbeTime", self.probed);
        map.time("lastTransitionTime", self.since);
        map.optional("message", self.message.as_deref());
        if let Some(generation) = self.observed_generation {
            map.plain("observedGeneration", generation);
        }
        map.optional("reason", self.reason.as_deref());
        map.string("status", self.status.as_str());
        map.string("type", self.kind.as_str());
        map.close();
    }
}

impl ContainerStatus {
    /// Writes it, as that of a container of a spec.
    fn write(&self, spec: &PodSpec, out: &mut String) {
        let granted = granted::said(&self.granted, granted::container(spec, &self.name));
        let mut map = Members::open(out);
        if let Some(allocated) = granted.as_ref().and_then(|granted| granted.allocated) {
            push_resources(map.key("allocatedResources"), allocated);
        }
        map.optional("containerID", self.id.as_deref());
        map.string("image", &self.image);
        map.string("imageID", self.image_id.as_deref().unwrap_or_default());
        let mut last = Members::open(map.key("lastState"));
        if let Some(ended) = &self.last {
            ended.write(last.key("terminated"));
        }
        last.close();
        map.string("name", &self.name);
        map.plain("ready", self.ready);
        if let Some(Said { limits, requests, .. }) = granted {
            let mut resources = Members::open(map.key("resources"));
            for (key, list) in [("limits", limits), ("requests", requests)] {
                if let Some(list) = list {
                    push_resources(resources.key(key), list);
                }
            }
            resources.close();
        }
        map.plain("restartCount", self.restarts);
        if let Some(started) = self.started {
            map.plain("started", started);
        }
        let mut state = Members::open(map.key("state"));
        match &self.state {
            ContainerState::Unset => {}
            ContainerState::Waiting { reason, message } => {
                let mut waiting = Members::open(state.key("waiting"));
                waiting.optional("message", message.as_deref());
                waiting.optional("reason", reason.as_deref());
                waiting.close();
            }
            ContainerState::Running { since } => {
                let mut running = Members::open(state.key("running"));
                running.time("startedAt", *since);
                running.close();
            }
            ContainerState::Terminated(ended) => ended.write(state.key("terminated")),
        }
        state.close();
        map.close();
    }
}

impl Terminated {
    fn write(&self, out: &mut String) {
        let mut map = Members::open(out);
        map.optional("containerID", self.container_id.as_deref());
        map.plain("exitCode", self.exit_code);
        map.time("finishedAt", self.finished);
        map.optional("message", self.message.as_deref());
        map.optional("reason", self.reason.as_deref());
        if let Some(signal) = self.signal {
            map.plain("signal", signal);
        }
        map.time("startedAt", self.started);
        map.close();
    }
}
