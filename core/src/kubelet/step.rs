//! One look at one pod: what is wanted and what is known of it give commands, events and a status.

use super::admission::Rejection;
use super::host::Host;
use super::status;
use super::worker::{Removal, Resize, Sandbox, Stage, Verdict, Worker, container, containers, is_sidecar, restarts};
use super::{backoff, eviction, working};
use crate::api::defaulting::quality_of_service;
use crate::api::{
    Body, ContainerState, ContainerStatus, EventKind, Granted, Kind, Object, PodBody, PodPhase, PodStatus, SharedSpec,
    Terminated, Uid,
};
use crate::cluster::{Context, Effect};
use crate::deletion::{DeleteOptions, Deleted, delete_object};
use crate::runtime::{PodRef, RuntimeCommand};
use crate::scheduler::Classes;
use crate::time::{Span, Time};
use k8s_openapi::api::core::v1 as k8s;
use std::sync::Arc;

/// A pod in hand.
pub(super) struct Step<'a, 'c> {
    pub(super) worker: &'a mut Worker,
    pub(super) host: &'a mut Host,
    /// The version found in the store.
    pub(super) object: Arc<Object>,
    /// What it becomes.
    pub(super) pod: PodBody,
    /// What its node works by; ephemeral containers are among the containers there.
    pub(super) spec: SharedSpec,
    pub(super) classes: &'a mut Classes,
    pub(super) cx: &'a mut Context<'c>,
}

impl<'a, 'c> Step<'a, 'c> {
    /// Takes a pod in hand.
    pub(super) fn new(
        worker: &'a mut Worker,
        host: &'a mut Host,
        object: Arc<Object>,
        pod: PodBody,
        classes: &'a mut Classes,
        cx: &'a mut Context<'c>,
    ) -> Self {
        let spec = working::spec(&pod);
        Self { worker, host, object, pod, spec, classes, cx }
    }

    /// Does what is to be done now.
    pub(super) fn plan(&mut self) {
        if self.worker.held || self.worker.removal == Removal::Done {
            return;
        }
        if self.pod.status.start_time.is_none() {
            if self.object.meta.deletion.is_some() {
                // It was deleted before anything was done for it.
                self.worker.removal = Removal::Done;
                return;
            }
            if self.pod.status.phase.is_finished() {
                return;
            }
            self.take_on();
            if let Err(rejection) = self.admit() {
                self.reject(&rejection);
                return;
            }
        }
        self.count();
        self.check_deadline();
        if self.is_winding_down() {
            self.wind_down();
        } else {
            self.resize();
            self.bring_up();
            if self.is_over() {
                self.wind_down();
            }
        }
        self.refresh();
        self.count();
    }

    /// Writes what became of it, and lets it go where nothing of it is left.
    pub(super) fn finish(self) {
        let Self { worker, object, mut pod, cx, .. } = self;
        let key = object.key();
        let gone = worker.removal == Removal::Done && object.meta.deletion.is_some();
        if object.pod() != Some(&pod) {
            cx.shared.conditions(&mut pod.status.conditions);
            let next = Object { meta: object.meta.clone(), body: Body::Pod(Box::new(pod)) };
            if let Ok(after) = cx.store.update(next, None) {
                worker.written = after.meta.resource_version;
            }
        }
        if gone && let Ok(Deleted::Pending(after)) = delete_object(cx, &key, &DeleteOptions::now()) {
            // Others hold it: it goes when they let go.
            worker.written = after.meta.resource_version;
        }
    }

    /// The first thing done for a pod: its status begins.
    fn take_on(&mut self) {
        let now = self.cx.now.floor_secs();
        let has_inits = self.worker.inits > 0;
        let reason = if has_inits { "PodInitializing" } else { "ContainerCreating" };
        let waiting = |container: &k8s::Container| ContainerStatus {
            name: container.name.as_str().into(),
            image: container.image.as_deref().unwrap_or_default().into(),
            state: ContainerState::Waiting { reason: Some(reason.into()), message: None },
            started: Some(false),
            granted: Granted::AsWanted,
            ..ContainerStatus::default()
        };
        let status = &mut self.pod.status;
        if let Some(inits) = self.spec.init_containers.as_ref().filter(|inits| !inits.is_empty()) {
            status.rarer.make_mut().init_containers = inits.iter().map(waiting).collect();
        }
        status.containers = self.pod.spec.containers.iter().map(waiting).collect();
        status.start_time = Some(now);
        status.host_ip.clone_from(&self.host.address);
        if status.qos_class.is_none() {
            status.qos_class = Some(quality_of_service(&self.pod.spec));
        }
    }

    /// Whether the node takes the pod.
    fn admit(&mut self) -> Result<(), Rejection> {
        let class = self.classes.of(&self.pod.spec);
        if self.host.disk_pressure && self.spec.priority.unwrap_or_default() < eviction::CRITICAL {
            return Err(Rejection::disk_pressure());
        }
        let node = &self.worker.node;
        let Some(object) = self.cx.store.get(Kind::Node, "", node) else { return Ok(()) };
        self.host.room.check(&class, node, &object.meta.labels)
    }

    /// The node does not take the pod: it has failed before it began.
    fn reject(&mut self, rejection: &Rejection) {
        self.event(EventKind::Warning, None, &rejection.reason, &rejection.message);
        let status = &mut self.pod.status;
        status.phase = PodPhase::Failed;
        status.containers.clear();
        let rarer = status.rarer.make_mut();
        rarer.reason = Some(rejection.reason.as_str().into());
        rarer.message = Some(format!("Pod was rejected: {}", rejection.message).into());
        rarer.init_containers.clear();
        rarer.ephemeral_containers.clear();
    }

    /// Counts the pod on its node as long as it may run there.
    fn count(&mut self) {
        let counts = !self.pod.status.phase.is_finished() && self.worker.removal != Removal::Done;
        if !counts {
            self.host.room.release(&mut self.worker.counted);
            self.host.deferred.remove(&self.object.meta.uid);
        } else if self.worker.counted.is_none() {
            let class = self.classes.of(&self.pod.allocated());
            self.host.room.take(&class);
            self.worker.counted = Some(class);
        }
    }

    /// Ends the pod for the sake of its node.
    pub(super) fn evict(&mut self) {
        let verdict = eviction::verdict();
        self.event(EventKind::Warning, None, &verdict.reason, &verdict.message);
        self.pod.status.set_condition(eviction::condition(self.cx.now));
        self.worker.verdict = Some(Box::new(verdict));
    }

    fn check_deadline(&mut self) {
        let Some(deadline) = self.deadline() else { return };
        if self.cx.now >= deadline && self.worker.verdict.is_none() && !self.pod.status.phase.is_finished() {
            let message = "Pod was active on the node longer than the specified deadline";
            self.event(EventKind::Normal, None, "DeadlineExceeded", message);
            self.worker.verdict = Some(Box::new(Verdict {
                reason: "DeadlineExceeded".into(),
                message: message.into(),
                grace: None,
                remove: false,
            }));
        }
    }

    /// When `activeDeadlineSeconds` are over.
    pub(super) fn deadline(&self) -> Option<Time> {
        let seconds = self.spec.active_deadline_seconds?;
        self.pod.status.start_time.map(|start| start + Span::from_secs(seconds))
    }

    fn is_winding_down(&self) -> bool {
        self.object.meta.deletion.is_some()
            || self.worker.verdict.is_some()
            || self.pod.status.phase.is_finished()
            || self.is_over()
    }

    /// Whether its containers have all ended for good, or an init container has failed for good.
    fn is_over(&self) -> bool {
        let inits = usize::from(self.worker.inits);
        let ended = |i: usize, c: &k8s::Container| match self.worker.cells.get(i).map(|cell| (cell.stage, cell.resize))
        {
            Some((_, Resize::Restarting)) => None,
            Some((Stage::Exited { code, .. }, _)) if !restarts(&self.spec, c, i < inits, code) => Some(code),
            _ => None,
        };
        let mut all = containers(&self.spec).enumerate();
        let failed_init =
            all.by_ref().take(inits).any(|(i, c)| !is_sidecar(c, true) && ended(i, c).is_some_and(|code| code != 0));
        failed_init
            || self.worker.initialized
                && containers(&self.spec)
                    .enumerate()
                    .take(self.worker.mains.into())
                    .skip(inits)
                    .all(|(i, c)| ended(i, c).is_some())
    }

    /// Brings phase and conditions in line with the containers.
    fn refresh(&mut self) {
        let status = &mut self.pod.status;
        if !status.phase.is_finished() {
            status.phase = status::phase(&self.spec, status, self.worker.initialized, false);
        }
        if status.containers.is_empty() {
            // It was never taken on.
            return;
        }
        let sandbox = self.worker.sandbox == Sandbox::Ready;
        status::set_conditions(&self.spec, status, sandbox, self.worker.initialized, self.cx.now);
    }

    /// A container of the status, by its cell.
    pub(super) fn container(&mut self, index: usize) -> Option<&mut ContainerStatus> {
        let (inits, mains) = (usize::from(self.worker.inits), usize::from(self.worker.mains));
        let PodStatus { containers, rarer, .. } = &mut self.pod.status;
        if index < inits {
            rarer.get_mut()?.init_containers.get_mut(index)
        } else if index < mains {
            containers.get_mut(index - inits)
        } else {
            rarer.get_mut()?.ephemeral_containers.get_mut(index - mains)
        }
    }

    /// Whether the container of a cell is an ephemeral one.
    pub(super) fn is_ephemeral(&self, index: usize) -> bool {
        index >= usize::from(self.worker.mains)
    }

    /// The pod as the runtime knows it.
    pub(super) fn pod_ref(&self) -> PodRef {
        self.worker.pod_ref(self.uid())
    }

    /// The pod's uid.
    pub(super) fn uid(&self) -> Uid {
        self.object.meta.uid
    }

    /// Gives the pod's machine something to do.
    pub(super) fn command(&mut self, command: RuntimeCommand) {
        self.cx.effects.push(Effect::Runtime { node: self.worker.node.clone(), command });
    }

    /// Records an event about the pod, or about one of its containers.
    pub(super) fn event(&mut self, kind: EventKind, index: Option<usize>, reason: &str, message: &str) {
        let inits = usize::from(self.worker.inits);
        let path = index.and_then(|i| Some((i, container(&self.spec, i)?))).map_or_else(String::new, |(i, c)| {
            let list = match i {
                i if i < inits => "initContainers",
                i if self.is_ephemeral(i) => "ephemeralContainers",
                _ => "containers",
            };
            format!("spec.{list}{{{}}}", c.name)
        });
        self.cx.event_in(&self.object, kind, "kubelet", &self.worker.node, &path, reason, message);
    }
}

/// The end of a container nobody saw end, by upstream's words.
pub(super) fn lost(started: Option<Time>) -> Terminated {
    Terminated {
        exit_code: 137,
        reason: Some("ContainerStatusUnknown".into()),
        message: Some("The container could not be located when the pod was terminated".into()),
        started,
        ..Terminated::default()
    }
}

/// How long to wait after so many failures in a row, counting this one in.
pub(super) fn wait(failures: &mut u8) -> Span {
    *failures = failures.saturating_add(1);
    backoff::after(*failures)
}
