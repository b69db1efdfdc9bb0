//! Other resources for containers that run: the node grants them where it has room, then its machine gives them.
//!
//! What was granted and what is there is kept in the pod's status, so a restart of this process loses nothing of it.

use super::step::{Step, wait};
use super::worker::{Resize, Stage, containers, is_sidecar};
use super::working;
use crate::api::granted::{Grant, Granted, INFEASIBLE, RESIZE_IN_PROGRESS, RESIZE_PENDING, Share, container};
use crate::api::{
    Condition, ConditionKind, ConditionStatus, ContainerStatus, EventKind, Kind, Object, QosClass, encode,
};
use crate::runtime::RuntimeCommand;
use crate::time::Time;
use k8s_openapi::api::core::v1 as k8s;
use std::cmp::Reverse;
use std::sync::Arc;

/// The resources of a container that can be changed.
const RESOURCES: [&str; 2] = ["cpu", "memory"];

/// Why a node does not grant what is wanted.
struct Refusal {
    reason: &'static str,
    message: String,
}

/// The place of a pod among those whose new resources wait for room: the least is the first.
pub(super) fn rank(object: &Object) -> Option<(Reverse<i32>, bool, Option<Time>)> {
    let pod = object.pod()?;
    let since = pod.status.condition(&ConditionKind::Other(RESIZE_PENDING.into())).and_then(|c| c.since);
    let guaranteed = pod.status.qos_class == Some(QosClass::Guaranteed);
    Some((Reverse(pod.spec.priority.unwrap_or_default()), !guaranteed, since))
}

impl Step<'_, '_> {
    /// Takes a changed pod's resources a step further.
    pub(super) fn resize(&mut self) {
        for status in self.granted() {
            if status.granted == Granted::Unsaid {
                status.granted = Granted::AsWanted;
            }
        }
        if self.pod.status.is_resizing() {
            self.grant();
            self.give();
            self.settle();
            self.recount();
        }
    }

    /// The containers that may be granted something.
    fn granted(&mut self) -> impl Iterator<Item = &mut ContainerStatus> {
        let status = &mut self.pod.status;
        let inits = status.rarer.get_mut().map(|rarer| &mut rarer.init_containers);
        inits.into_iter().flatten().chain(&mut status.containers)
    }

    /// What was granted to each container that has something else than its spec asks for, and what that asks for.
    fn grants(&mut self) -> Vec<(&mut Box<Grant>, Share)> {
        let spec = Arc::clone(&self.pod.spec);
        let wanted = |name: &str| container(&spec, name).map(Share::wanted).unwrap_or_default();
        let grants = self.granted().filter_map(|status| match &mut status.granted {
            Granted::Other(grant) => Some((grant, wanted(&status.name))),
            _ => None,
        });
        grants.collect()
    }

    /// Grants what is wanted, where the node has room for it.
    fn grant(&mut self) {
        // One thing at a time: what the machine was told is answered first.
        if self.worker.cells.iter().any(|cell| cell.resize == Resize::Asked) {
            return;
        }
        let uid = self.uid();
        self.host.deferred.remove(&uid);
        if self.grants().iter().all(|(grant, wanted)| grant.allocated == *wanted) {
            return self.end_condition(RESIZE_PENDING);
        }
        let generation = self.object.meta.generation;
        match self.admit_resize() {
            Ok(()) => {
                for (grant, wanted) in self.grants() {
                    grant.allocated = wanted;
                }
                self.spec = working::spec(&self.pod);
                self.end_condition(RESIZE_PENDING);
                self.end_condition(RESIZE_IN_PROGRESS);
                self.begin_condition(RESIZE_IN_PROGRESS, "", "");
                self.event_resize(EventKind::Normal, "ResizeStarted", "Pod resize started", generation, "");
            }
            Err(Refusal { reason, message }) => {
                if reason != INFEASIBLE {
                    self.host.deferred.insert(uid);
                }
                if self.begin_condition(RESIZE_PENDING, reason, &message) {
                    let (event, said) = (format!("Resize{reason}"), format!("Pod resize {reason}"));
                    self.event_resize(EventKind::Warning, &event, &said, generation, &message);
                }
            }
        }
    }

    /// Whether the node has room for what is wanted. Counts it if so.
    fn admit_resize(&mut self) -> Result<(), Refusal> {
        let class = self.classes.of(&self.pod.spec);
        let small = |message| Refusal { reason: INFEASIBLE, message };
        self.host.room.check_size(&class).map_err(small)?;
        let node = &self.worker.node;
        let Some(object) = self.cx.store.get(Kind::Node, "", node) else { return Ok(()) };
        let swapped = self.host.room.swap(&mut self.worker.counted, class, Some((node, &object.meta.labels)));
        swapped.map_err(|rejection| Refusal { reason: "Deferred", message: rejection.message })
    }

    /// Has the machine give the containers what they were granted.
    fn give(&mut self) {
        let (spec, now) = (Arc::clone(&self.pod.spec), self.cx.now);
        let inits = usize::from(self.worker.inits);
        for (index, container) in containers(&spec).enumerate() {
            let Some(Granted::Other(grant)) = self.container(index).map(|status| status.granted.clone()) else {
                continue;
            };
            let Grant { allocated, actual } = *grant;
            let Some(cell) = self.worker.cells.get_mut(index) else { continue };
            let changed = |resource: &&str| !allocated.agrees(&actual, resource);
            if RESOURCES.iter().all(|resource| !changed(resource)) {
                cell.resize = Resize::Idle;
                self.given(index);
                continue;
            }
            match (cell.stage, cell.resize) {
                (Stage::Running, Resize::Idle) => {}
                (Stage::Running, Resize::Failed { until }) if until <= now => {}
                (Stage::Running | Stage::Starting | Stage::Stopping, _) => continue,
                // It has what it was granted when it starts.
                _ => {
                    self.given(index);
                    continue;
                }
            }
            let restarts =
                container.resize_policy.iter().flatten().any(|policy| {
                    policy.restart_policy == "RestartContainer" && changed(&policy.resource_name.as_str())
                });
            if restarts && (index >= inits || is_sidecar(container, true)) {
                cell.resize = Resize::Restarting;
                let why = format!("Container {} resize requires restart", container.name);
                self.stop(index, self.own_grace(), Some(&why));
                continue;
            }
            cell.resize = Resize::Asked;
            let (attempt, spec) = (cell.attempt, Arc::clone(&self.spec));
            let (pod, container) = (self.pod_ref(), container.name.as_str().into());
            self.command(RuntimeCommand::ResizeContainer { pod, container, attempt, spec });
        }
    }

    /// A container has what it was granted.
    pub(super) fn given(&mut self, index: usize) {
        if let Some(Granted::Other(grant)) = self.container(index).map(|status| &mut status.granted) {
            grant.actual = grant.allocated.clone();
        }
    }

    /// The machine has given a container other resources, or could not.
    pub(super) fn resized(&mut self, index: usize, failure: Option<&str>) {
        let now = self.cx.now;
        let Some(cell) = self.worker.cells.get_mut(index) else { return };
        let Some(failure) = failure else {
            cell.resize = Resize::Idle;
            cell.failures = 0;
            return self.given(index);
        };
        cell.resize = Resize::Failed { until: now + wait(&mut cell.failures) };
        if self.begin_condition(RESIZE_IN_PROGRESS, "Error", failure) {
            let generation = self.object.meta.generation;
            self.event_resize(EventKind::Warning, "ResizeError", "Pod resize error", generation, failure);
        }
    }

    /// Forgets what is done, and says so once all is.
    fn settle(&mut self) {
        let under_way = self.grants().iter().any(|(grant, _)| grant.allocated != grant.actual);
        let spec = Arc::clone(&self.pod.spec);
        for status in self.granted() {
            let wanted = container(&spec, &status.name).map(Share::wanted).unwrap_or_default();
            if matches!(&status.granted, Granted::Other(grant) if grant.allocated == wanted && grant.actual == wanted) {
                status.granted = Granted::AsWanted;
            }
        }
        let kind = ConditionKind::Other(RESIZE_IN_PROGRESS.into());
        if let Some(condition) = self.pod.status.condition(&kind).filter(|_| !under_way) {
            let generation = condition.observed_generation.unwrap_or_default();
            self.end_condition(RESIZE_IN_PROGRESS);
            self.event_resize(EventKind::Normal, "ResizeCompleted", "Pod resize completed", generation, "");
        }
    }

    /// Counts the pod on its node by what it was granted.
    fn recount(&mut self) {
        if self.worker.counted.is_some() {
            let class = self.classes.of(&self.pod.allocated());
            // Nothing is checked, so nothing is refused.
            let _ = self.host.room.swap(&mut self.worker.counted, class, None);
        }
    }

    /// Sets a condition. Returns whether it was not so before.
    fn begin_condition(&mut self, kind: &str, reason: &str, message: &str) -> bool {
        let kind = ConditionKind::Other(kind.into());
        let mut condition = Condition::new(kind, ConditionStatus::True, self.cx.now.floor_secs());
        condition = condition.because(reason, message);
        condition.observed_generation = Some(self.object.meta.generation).filter(|generation| *generation > 0);
        self.pod.status.set_condition(condition)
    }

    fn end_condition(&mut self, kind: &str) {
        let status = &mut self.pod.status;
        if status.conditions.iter().any(|condition| condition.kind.as_str() == kind) {
            let others = status.conditions.iter().filter(|condition| condition.kind.as_str() != kind);
            status.conditions = Arc::new(others.cloned().collect());
        }
    }

    /// Says what became of a resize, with what its containers ask for.
    fn event_resize(&mut self, kind: EventKind, reason: &str, said: &str, generation: i64, error: &str) {
        let mut parts = Vec::new();
        let inits = self.pod.spec.init_containers.as_deref().unwrap_or_default();
        for (list, containers) in [("initContainers", inits), ("containers", &self.pod.spec.containers[..])] {
            let each = |c: &k8s::Container| {
                let resources = encode(&c.resources.clone().unwrap_or_default());
                format!("{{\"name\":\"{}\",\"resources\":{resources}}}", c.name)
            };
            if !containers.is_empty() {
                parts.push(format!("\"{list}\":[{}]", containers.iter().map(each).collect::<Vec<_>>().join(",")));
            }
        }
        parts.push(format!("\"generation\":{generation}"));
        if !error.is_empty() {
            parts.push(format!("\"error\":{}", serde_json::Value::from(error)));
        }
        let text = format!("{said}: {{{}}}", parts.join(","));
        self.event(kind, None, reason, &text);
    }
}
