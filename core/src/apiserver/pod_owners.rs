//! What the cluster's own parts wrote of a pod's status, read from the pod at once: the same as [`super::internal`] finds
//! by comparing documents, for pods that hold no more than the core keeps apart. Lists of pods ask for it ten thousand
//! times over.

use super::internal::{KUBELET, SCHEDULER};
use crate::api::text::Members;
use crate::api::{
    Condition, ConditionKind, ConditionStatus, ContainerState, ContainerStatus, Kind, ManagedFields, Name, Operation,
    PodBody, PodPhase, PodStatus, Terminated, When,
};
use crate::order;
use crate::time::Time;

/// The parts of the cluster that wrote the status of a pod that was created then and whose status is no client's.
pub(super) fn of_status(pod: &PodBody, created: Time) -> Vec<ManagedFields> {
    let status = &pod.status;
    let at = latest(status).map_or(When::Created, |at| When::of(Some(at.floor_secs()), created));
    let entry = |manager: &'static str, fields: String| ManagedFields {
        manager: Name::new_static(manager),
        operation: Operation::Update,
        api_version: Kind::Pod.api_version().into(),
        subresource: Name::new_static("status"),
        at,
        fields: fields.into(),
    };
    // What a pod is created, bound and evicted with is nobody's, but that no node was found.
    let decided = |c: &Condition| matches!(c.kind, ConditionKind::PodScheduled | ConditionKind::DisruptionTarget);
    let unfound = |c: &Condition| {
        decided(c) && c.status == ConditionStatus::False && c.reason.as_deref() == Some("Unschedulable")
    };
    let pending = status.conditions.iter().any(unfound);
    let mut entries = Vec::new();
    if pending {
        let fields = fields_of(|status_fields| {
            let tried = status.conditions.iter().filter(|c| decided(c));
            conditions(status_fields, tried, true);
            if status.rarer.nominated_node.is_some() {
                status_fields.leaf("nominatedNodeName");
            }
        });
        entries.extend(fields.map(|fields| entry(SCHEDULER, fields)));
    }
    if pod.node.is_some() {
        let fields = fields_of(|fields| {
            let first = !status.conditions.iter().any(decided);
            conditions(fields, status.conditions.iter().filter(|c| !decided(c)), first);
            let rest = [
                ("containerStatuses", !status.containers.is_empty()),
                ("hostIP", status.host_ip.is_some()),
                ("hostIPs", status.host_ip.is_some()),
                ("initContainerStatuses", !status.rarer.init_containers.is_empty()),
                ("message", status.rarer.message.is_some()),
                ("nominatedNodeName", status.rarer.nominated_node.is_some() && !pending),
                ("phase", status.phase != PodPhase::Pending),
                ("podIP", status.pod_ip.is_some()),
            ];
            for (field, written) in rest {
                if written {
                    fields.leaf(field);
                }
            }
            if let Some(ip) = &status.pod_ip {
                let mut ips = Members::open(fields.key("f:podIPs"));
                ips.plain(".", "{}");
                let mut item = Members::open(ips.quoted_key(&keyed("ip", ip)));
                item.plain(".", "{}");
                item.leaf("ip");
                item.close();
                ips.close();
            }
            for (field, written) in
                [("reason", status.rarer.reason.is_some()), ("startTime", status.start_time.is_some())]
            {
                if written {
                    fields.leaf(field);
                }
            }
        });
        entries.extend(fields.map(|fields| entry(KUBELET, fields)));
    }
    entries
}

impl Members<'_> {
    /// A field of a set that has none below it.
    fn leaf(&mut self, field: &str) {
        self.plain(&format!("f:{field}"), "{}");
    }
}

/// A set of fields of a status, unless nothing is in it.
fn fields_of(write: impl FnOnce(&mut Members<'_>)) -> Option<String> {
    let mut text = String::new();
    let mut all = Members::open(&mut text);
    let mut status = Members::open(all.key("f:status"));
    write(&mut status);
    let any = status.close();
    all.close();
    any.then_some(text)
}

/// The key of a list's item.
fn keyed(field: &str, value: &str) -> String {
    let mut key = "k:".to_owned();
    let mut map = Members::open(&mut key);
    map.string(field, value);
    map.close();
    key
}

/// Conditions that were written; `first` where there were none before.
fn conditions<'c>(fields: &mut Members<'_>, written: impl Iterator<Item = &'c Condition>, first: bool) {
    let mut written: Vec<&Condition> = written.collect();
    if written.is_empty() {
        return;
    }
    order::sort_by(&mut written, |a, b| a.kind.as_str().cmp(b.kind.as_str()));
    let mut list = Members::open(fields.key("f:conditions"));
    if first {
        list.plain(".", "{}");
    }
    for condition in written {
        let mut item = Members::open(list.quoted_key(&keyed("type", condition.kind.as_str())));
        item.plain(".", "{}");
        let fields = [
            ("lastProbeTime", true),
            ("lastTransitionTime", true),
            ("message", condition.message.is_some()),
            ("observedGeneration", condition.observed_generation.is_some()),
            ("reason", condition.reason.is_some()),
            ("status", true),
            ("type", true),
        ];
        for (field, there) in fields {
            if there {
                item.leaf(field);
            }
        }
        item.close();
    }
    list.close();
}

/// The latest instant a status tells of.
fn latest(status: &PodStatus) -> Option<Time> {
    let of_end = |ended: &Terminated| ended.started.max(ended.finished);
    let of_container = |container: &ContainerStatus| {
        let state = match &container.state {
            ContainerState::Running { since } => *since,
            ContainerState::Terminated(ended) => of_end(ended),
            ContainerState::Unset | ContainerState::Waiting { .. } => None,
        };
        state.max(container.last.as_deref().and_then(of_end))
    };
    let containers = status.containers.iter().chain(&status.rarer.init_containers).map(of_container);
    let conditions = status.conditions.iter().map(|condition| condition.since.max(condition.probed));
    containers.chain(conditions).chain([status.start_time]).max().flatten()
}
