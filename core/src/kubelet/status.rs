//! What a pod's containers add up to: its phase and its conditions, by upstream's rules.

use super::worker::is_sidecar;
use crate::api::{Condition, ConditionKind, ConditionStatus, ContainerState, ContainerStatus, PodPhase, PodStatus};
use crate::time::Time;
use k8s_openapi::api::core::v1 as k8s;
use std::sync::Arc;

/// How many kinds of conditions the kubelet sets.
const KINDS: usize = 4;

/// The phase of a pod whose init containers have all done their part or not (`initialized`), and which will never
/// start a container again or may (`over`).
pub(super) fn phase(spec: &k8s::PodSpec, status: &PodStatus, initialized: bool, over: bool) -> PodPhase {
    if over {
        let well = |c: &ContainerStatus| matches!(&c.state, ContainerState::Terminated(t) if t.exit_code == 0);
        let inits = plain_inits(spec, status).all(well);
        return if inits && status.containers.iter().all(well) { PodPhase::Succeeded } else { PodPhase::Failed };
    }
    let (mut waiting, mut running) = (0, 0);
    for container in &status.containers {
        match &container.state {
            ContainerState::Running { .. } => running += 1,
            ContainerState::Terminated(_) => {}
            ContainerState::Waiting { .. } | ContainerState::Unset if container.last.is_some() => {}
            ContainerState::Waiting { .. } | ContainerState::Unset => waiting += 1,
        }
    }
    let all_stopped = waiting == 0 && running == 0;
    if !initialized || waiting > 0 || (all_stopped && status.containers.is_empty()) {
        PodPhase::Pending
    } else {
        PodPhase::Running
    }
}

/// Brings the conditions in line with the containers.
pub(super) fn set_conditions(
    spec: &k8s::PodSpec,
    status: &mut PodStatus,
    sandbox_ready: bool,
    initialized: bool,
    now: Time,
) {
    let known = Arc::clone(&status.conditions);
    let mut next = Conditions { known: &known, changed: None, now: now.floor_secs() };
    next.set(ConditionKind::PodReadyToStartContainers, sandbox_ready, "", "");

    if status.phase == PodPhase::Succeeded {
        next.set(ConditionKind::Initialized, true, "PodCompleted", "");
    } else if initialized {
        next.set(ConditionKind::Initialized, true, "", "");
    } else {
        let incomplete = names(
            plain_inits(spec, status)
                .filter(|c| !has_ended_well(c))
                .chain(sidecars(spec, status).filter(|c| c.started != Some(true))),
        );
        let message = format!("containers with incomplete status: [{incomplete}]");
        next.set(ConditionKind::Initialized, false, "ContainersNotInitialized", &message);
    }

    let unready = names(sidecars(spec, status).chain(&status.containers).filter(|c| !c.ready));
    let gates = spec.readiness_gates.iter().flatten().find_map(|gate| {
        let kind = ConditionKind::parse(&gate.condition_type);
        match next.list().iter().find(|c| c.kind == kind).map(|c| c.status) {
            Some(ConditionStatus::True) => None,
            Some(other) => Some(format!(
                "the status of pod readiness gate \"{}\" is not \"True\", but {}",
                gate.condition_type,
                other.as_str()
            )),
            None => Some(format!(
                "corresponding condition of pod readiness gate \"{}\" does not exist.",
                gate.condition_type
            )),
        }
    });
    let (reason, message) = match status.phase {
        PodPhase::Succeeded => ("PodCompleted", String::new()),
        PodPhase::Failed => ("PodFailed", String::new()),
        _ if !unready.is_empty() => ("ContainersNotReady", format!("containers with unready status: [{unready}]")),
        _ => ("", String::new()),
    };
    match gates {
        Some(gate) if reason.is_empty() => next.set(ConditionKind::Ready, false, "ReadinessGatesNotReady", &gate),
        _ => next.set(ConditionKind::Ready, reason.is_empty(), reason, &message),
    }
    next.set(ConditionKind::ContainersReady, reason.is_empty(), reason, &message);
    if let Some(changed) = next.changed {
        status.conditions = changed.into();
    }
}

/// A pod's conditions in the making: what is as it was is not made anew.
struct Conditions<'a> {
    known: &'a [Condition],
    changed: Option<Vec<Condition>>,
    now: Time,
}

impl Conditions<'_> {
    fn list(&self) -> &[Condition] {
        self.changed.as_deref().unwrap_or(self.known)
    }

    /// Sets a condition. The time of transition stays where the status does.
    fn set(&mut self, kind: ConditionKind, holds: bool, reason: &str, message: &str) {
        let status = ConditionStatus::from(holds);
        let at = self.list().iter().position(|c| c.kind == kind);
        let old = at.and_then(|at| self.list().get(at));
        let said = |text: &Option<Arc<str>>, now: &str| text.as_deref() == (!now.is_empty()).then_some(now);
        let plain = |c: &Condition| c.probed.is_none() && c.observed_generation.is_none();
        if old.is_some_and(|c| c.status == status && said(&c.reason, reason) && said(&c.message, message) && plain(c)) {
            return;
        }
        let mut condition = Condition::new(kind, status, self.now).because(reason, message);
        if let Some(old) = old.filter(|old| old.status == status) {
            condition.since = old.since;
        }
        let changed = self.changed.get_or_insert_with(|| {
            let mut list = Vec::with_capacity(self.known.len() + KINDS);
            list.extend_from_slice(self.known);
            list
        });
        match at.and_then(|at| changed.get_mut(at)) {
            Some(place) => *place = condition,
            None => changed.push(condition),
        }
    }
}

fn has_ended_well(container: &ContainerStatus) -> bool {
    matches!(&container.state, ContainerState::Terminated(t) if t.exit_code == 0)
}

fn inits<'a>(
    spec: &'a k8s::PodSpec,
    status: &'a PodStatus,
    sidecars: bool,
) -> impl Iterator<Item = &'a ContainerStatus> + use<'a> {
    let of = spec.init_containers.iter().flatten();
    of.zip(&status.rarer.init_containers).filter(move |(c, _)| is_sidecar(c, true) == sidecars).map(|(_, s)| s)
}

fn plain_inits<'a>(spec: &'a k8s::PodSpec, status: &'a PodStatus) -> impl Iterator<Item = &'a ContainerStatus> {
    inits(spec, status, false)
}

fn sidecars<'a>(spec: &'a k8s::PodSpec, status: &'a PodStatus) -> impl Iterator<Item = &'a ContainerStatus> {
    inits(spec, status, true)
}

fn names<'a>(containers: impl Iterator<Item = &'a ContainerStatus>) -> String {
    let names: Vec<&str> = containers.map(|c| c.name.as_str()).collect();
    names.join(" ")
}
