//! One look at one pod: what is wanted and what is known of it give commands, events and a status.

use super::admission::Rejection;
use super::host::Host;
use super::status;
use super::worker::{Removal, Sandbox, Stage, Verdict, Worker, container, containers, is_sidecar, restarts};
use super::{backoff, eviction};
use crate::api::{
    Body, ContainerState, ContainerStatus, EventKind, Kind, Name, Object, PodBody, PodPhase, PodStatus, Terminated, Uid,
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
    pub(super) spec: Arc<k8s::PodSpec>,
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
        let spec = Arc::clone(&pod.spec);
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
        let Self { worker, object, pod, cx, .. } = self;
        let key = object.key();
        let gone = worker.removal == Removal::Done && object.meta.deletion.is_some();
        if object.pod() != Some(&pod) {
            let next = Object { meta: object.meta.clone(), body: Body::Pod(pod) };
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
            ..ContainerStatus::default()
        };
        let status = &mut self.pod.status;
        status.init_containers = self.spec.init_containers.iter().flatten().map(waiting).collect();
        status.containers = self.spec.containers.iter().map(waiting).collect();
        status.start_time = Some(now);
        status.host_ip.clone_from(&self.host.address);
        if status.qos_class.is_none() {
            status.qos_class = Some(super::qos::class(&self.spec));
        }
    }

    /// Whether the node takes the pod.
    fn admit(&mut self) -> Result<(), Rejection> {
        let class = self.classes.of(&self.spec);
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
        status.reason = Some(rejection.reason.as_str().into());
        status.message = Some(format!("Pod was rejected: {}", rejection.message).into());
        status.init_containers.clear();
        status.containers.clear();
    }

    /// Counts the pod on its node as long as it may run there.
    fn count(&mut self) {
        let counts = !self.pod.status.phase.is_finished() && self.worker.removal != Removal::Done;
        if !counts {
            self.host.room.release(&mut self.worker.counted);
        } else if self.worker.counted.is_none() {
            let class = self.classes.of(&self.spec);
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
        let ended = |i: usize, c: &k8s::Container| match self.worker.cells.get(i).map(|cell| cell.stage) {
            Some(Stage::Exited { code, .. }) if !restarts(&self.spec, c, i < inits, code) => Some(code),
            _ => None,
        };
        let mut all = containers(&self.spec).enumerate();
        let failed_init =
            all.by_ref().take(inits).any(|(i, c)| !is_sidecar(c, true) && ended(i, c).is_some_and(|code| code != 0));
        failed_init
            || self.worker.initialized
                && containers(&self.spec).enumerate().skip(inits).all(|(i, c)| ended(i, c).is_some())
    }

    fn bring_up(&mut self) {
        match self.worker.sandbox {
            Sandbox::Starting => return,
            Sandbox::Failed { until } if until > self.cx.now => return,
            Sandbox::Absent | Sandbox::Failed { .. } => {
                if self.worker.is_live() {
                    self.leave_broken_sandbox();
                    return;
                }
                let labels = Arc::clone(&self.object.meta.labels);
                let (pod, spec) = (self.pod_ref(), Arc::clone(&self.spec));
                self.worker.sandbox = Sandbox::Starting;
                self.command(RuntimeCommand::StartSandbox { pod, spec, labels });
                return;
            }
            Sandbox::Ready => {}
        }
        let spec = Arc::clone(&self.spec);
        let inits = usize::from(self.worker.inits);
        let mut initialized = true;
        for (index, container) in spec.init_containers.iter().flatten().enumerate() {
            let sidecar = is_sidecar(container, true);
            if self.worker.initialized && !sidecar {
                continue;
            }
            self.advance(index, container);
            let stage = self.worker.cells.get(index).map(|c| c.stage);
            let done = if sidecar {
                self.worker.initialized || self.container(index).is_some_and(|s| s.started == Some(true))
            } else {
                matches!(stage, Some(Stage::Exited { code: 0, .. }))
            };
            if !done {
                initialized = false;
                break;
            }
        }
        self.worker.initialized |= initialized;
        if self.worker.initialized {
            for (index, container) in spec.containers.iter().enumerate() {
                self.advance(inits + index, container);
            }
        }
    }

    /// The network is gone under running containers: they end, and all begins anew.
    fn leave_broken_sandbox(&mut self) {
        let reported = self.worker.cells.iter().any(|c| c.stage == Stage::Stopping);
        if !reported {
            let message = "Pod sandbox changed, it will be killed and re-created.";
            self.event(EventKind::Normal, None, "SandboxChanged", message);
        }
        let grace = self.own_grace();
        for index in 0..self.worker.cells.len() {
            if self.worker.cells.get(index).is_some_and(|c| matches!(c.stage, Stage::Starting | Stage::Running)) {
                self.stop(index, grace, None);
            }
        }
    }

    /// Takes one container a step further, if it is its turn.
    fn advance(&mut self, index: usize, container: &k8s::Container) {
        let now = self.cx.now;
        let is_init = index < usize::from(self.worker.inits);
        let Some(cell) = self.worker.cells.get_mut(index) else { return };
        match cell.stage {
            Stage::PullFailed { quiet, until } if now >= quiet && now < until => {
                cell.stage = Stage::PullBackOff { until };
                self.show_pull_back_off(index, container);
            }
            Stage::Exited { code, until } if restarts(&self.spec, container, is_init, code) => {
                if now < until {
                    self.show_crash_loop(index, container, until);
                } else {
                    cell.attempt = cell.attempt.saturating_add(1);
                    self.fetch(index, container);
                }
            }
            Stage::Waiting => self.fetch(index, container),
            Stage::PullFailed { until, .. } | Stage::PullBackOff { until } | Stage::StartFailed { until }
                if now >= until =>
            {
                self.fetch(index, container);
            }
            Stage::Fetched => self.start(index, container),
            Stage::Running => self.run_probes(index, container),
            _ => {}
        }
    }

    fn fetch(&mut self, index: usize, container: &k8s::Container) {
        if let Some(cell) = self.worker.cells.get_mut(index) {
            cell.stage = Stage::Pulling;
        }
        let image: Name = container.image.as_deref().unwrap_or_default().into();
        let policy = container.image_pull_policy.as_deref().unwrap_or("IfNotPresent").into();
        let pod = self.pod_ref();
        self.command(RuntimeCommand::EnsureImage { pod, container: container.name.as_str().into(), image, policy });
    }

    /// Tells the runtime to start a container whose image is there.
    pub(super) fn start(&mut self, index: usize, container: &k8s::Container) {
        let pod = self.pod_ref();
        let Some(cell) = self.worker.cells.get_mut(index) else { return };
        cell.stage = Stage::Starting;
        let attempt = cell.attempt;
        let (spec, pod_ip) = (Arc::clone(&self.spec), self.pod.status.pod_ip.clone());
        let meta = &self.object.meta;
        let (labels, annotations) = (Arc::clone(&meta.labels), Arc::clone(&meta.annotations));
        let container = container.name.as_str().into();
        self.command(RuntimeCommand::StartContainer { pod, container, attempt, spec, pod_ip, labels, annotations });
    }

    fn show_pull_back_off(&mut self, index: usize, container: &k8s::Container) {
        let image = container.image.as_deref().unwrap_or_default();
        let Some(status) = self.container(index) else { return };
        let ContainerState::Waiting { reason: Some(reason), message } = &status.state else { return };
        if &**reason != "ErrImagePull" {
            return;
        }
        let why = message.as_deref().unwrap_or_default();
        let text = format!("Back-off pulling image \"{image}\": ErrImagePull: {why}");
        status.state = ContainerState::Waiting { reason: Some("ImagePullBackOff".into()), message: Some(text.into()) };
        let text = format!("Back-off pulling image \"{image}\"");
        self.event(EventKind::Normal, Some(index), "BackOff", &text);
        self.event(EventKind::Warning, Some(index), "Failed", "Error: ImagePullBackOff");
    }

    fn show_crash_loop(&mut self, index: usize, container: &k8s::Container, until: Time) {
        let pod = format!("{}_{}({})", self.worker.name, self.worker.namespace, self.object.meta.uid);
        let Some(status) = self.container(index) else { return };
        let ContainerState::Terminated(ended) = &mut status.state else { return };
        let ended = std::mem::take(ended);
        let wait = until.since(ended.finished.unwrap_or(until)).as_secs();
        let wait = if wait < 60 { format!("{wait}s") } else { format!("{}m{}s", wait / 60, wait % 60) };
        let message = format!("back-off {wait} restarting failed container={} pod={pod}", container.name);
        status.last = Some(ended);
        status.state =
            ContainerState::Waiting { reason: Some("CrashLoopBackOff".into()), message: Some(message.into()) };
        let text = format!("Back-off restarting failed container {} in pod {pod}", container.name);
        self.event(EventKind::Warning, Some(index), "BackOff", &text);
    }

    fn run_probes(&mut self, index: usize, container: &k8s::Container) {
        let now = self.cx.now;
        let Some(probes) = self.worker.cells.get_mut(index).and_then(|c| c.probes.as_mut()) else { return };
        for kind in probes.run_due(container, now) {
            let Some(probe) = super::probe::of(container, kind) else { continue };
            let probe = Arc::new(super::probe::with_port_numbers(probe, container));
            let (pod, pod_ip) = (self.pod_ref(), self.pod.status.pod_ip.clone());
            let container = container.name.as_str().into();
            self.command(RuntimeCommand::Probe { pod, container, kind, probe, pod_ip });
        }
    }

    /// Stops what runs: containers first, then sidecars from the last to the first; then removes what is left.
    fn wind_down(&mut self) {
        let spec = Arc::clone(&self.spec);
        let inits = usize::from(self.worker.inits);
        let (grace, rest) = self.end_grace();
        let again = self.worker.grace_sent.is_none_or(|sent| grace < sent);
        let mut live = false;
        let mut sidecars = Vec::new();
        for (index, container) in containers(&spec).enumerate() {
            if is_sidecar(container, index < inits) {
                sidecars.push(index);
            } else {
                live |= self.end(index, grace, again);
            }
        }
        for index in sidecars.into_iter().rev() {
            if live {
                break;
            }
            live |= self.end(index, rest, again);
        }
        self.worker.grace_sent = Some(grace);
        if live {
            return;
        }
        self.conclude();
        let remove = self.object.meta.deletion.is_some() || self.worker.verdict.as_ref().is_some_and(|v| v.remove);
        if remove && self.worker.removal == Removal::Kept {
            self.worker.removal = Removal::Asked;
            self.worker.sandbox = Sandbox::Absent;
            let pod = self.pod_ref();
            self.command(RuntimeCommand::RemovePod { pod });
        }
    }

    /// Has one container stop, if it runs. Returns whether it may still run.
    fn end(&mut self, index: usize, grace: Span, again: bool) -> bool {
        let Some(cell) = self.worker.cells.get_mut(index) else { return false };
        match cell.stage {
            Stage::Starting | Stage::Running => self.stop(index, grace, None),
            Stage::Stopping if again => self.command_stop(index, grace),
            Stage::Stopping => {}
            Stage::Exited { .. } => return false,
            _ => {
                // It will not start any more.
                cell.stage = Stage::Waiting;
                return false;
            }
        }
        true
    }

    /// Has a container stop, for `why` or because its pod ends.
    pub(super) fn stop(&mut self, index: usize, grace: Span, why: Option<&str>) {
        let Some(container) = container(&self.spec, index) else { return };
        let default = format!("Stopping container {}", container.name);
        self.event(EventKind::Normal, Some(index), "Killing", why.unwrap_or(&default));
        self.command_stop(index, grace);
    }

    /// Tells the runtime to stop a container.
    pub(super) fn command_stop(&mut self, index: usize, grace: Span) {
        let Some(name) = container(&self.spec, index).map(|c| Name::from(c.name.as_str())) else { return };
        if let Some(cell) = self.worker.cells.get_mut(index) {
            cell.stage = Stage::Stopping;
            cell.probes = None;
        }
        let pod = self.pod_ref();
        self.command(RuntimeCommand::StopContainer { pod, container: name, grace });
    }

    /// The grace period of the pod as its spec has it.
    pub(super) fn own_grace(&self) -> Span {
        Span::from_secs(self.spec.termination_grace_period_seconds.unwrap_or(30).max(0))
    }

    /// How long containers may take to stop, and how much of that is left for those that stop last.
    fn end_grace(&self) -> (Span, Span) {
        if let Some(deletion) = self.object.meta.deletion {
            let grace = deletion.grace_seconds.map_or(self.own_grace(), |s| Span::from_secs(s.max(0)));
            let left = deletion.at.since(self.cx.now).max(Span::from_secs(1));
            return (grace, left.min(grace));
        }
        let grace = self.worker.verdict.as_ref().and_then(|v| v.grace).unwrap_or_else(|| self.own_grace());
        (grace, grace)
    }

    /// All has ended: what never ran is said to be over too, and the phase is final.
    fn conclude(&mut self) {
        if self.pod.status.phase.is_finished() {
            return;
        }
        let status = &mut self.pod.status;
        let inits = status.init_containers.iter_mut().map(|c| (false, c));
        let others = status.containers.iter_mut().map(|c| (self.worker.initialized, c));
        for (was_due, container) in inits.chain(others) {
            if let ContainerState::Waiting { .. } | ContainerState::Unset = container.state {
                // One that waited for its next start shows how it last ended.
                match container.last.take() {
                    Some(last) => container.state = ContainerState::Terminated(last),
                    None if was_due => container.state = ContainerState::Terminated(Box::new(lost(None))),
                    None => {}
                }
            }
        }
        status.phase = status::phase(&self.spec, status, self.worker.initialized, true);
        if let Some(verdict) = &self.worker.verdict {
            status.phase = PodPhase::Failed;
            status.reason = Some(Arc::clone(&verdict.reason));
            status.message = Some(Arc::clone(&verdict.message));
        }
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
        let inits = usize::from(self.worker.inits);
        let PodStatus { init_containers, containers, .. } = &mut self.pod.status;
        if index < inits { init_containers.get_mut(index) } else { containers.get_mut(index - inits) }
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
            let list = if i < inits { "initContainers" } else { "containers" };
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
