//! What a node's runtime reports of a pod, taken into what is known of it.

use super::backoff;
use super::probe::{self, Outcome, Probes};
use super::step::{Step, lost, wait};
use super::worker::{Cell, Removal, Resize, Sandbox, Stage, container, containers, is_sidecar};
use crate::api::{ContainerState, EventKind, Name, Terminated};
use crate::runtime::{Exit, ProbeKind, RuntimeEvent};
use crate::time::{Span, Time};
use std::sync::Arc;

impl Step<'_, '_> {
    /// Takes in what was seen. What does not fit what is known (late, repeated, out of order) changes nothing.
    pub(super) fn report(&mut self, event: RuntimeEvent) {
        if let RuntimeEvent::Removed { .. } = event {
            if self.worker.removal == Removal::Asked {
                self.worker.removal = Removal::Done;
            }
            return;
        }
        if self.worker.held || self.worker.removal != Removal::Kept {
            return;
        }
        match event {
            RuntimeEvent::SandboxReady { pod_ip, .. } if self.worker.sandbox == Sandbox::Starting => {
                self.sandbox_ready(pod_ip);
                self.volumes_written(None);
            }
            RuntimeEvent::SandboxFailed { message, .. } => self.sandbox_failed(&message),
            RuntimeEvent::VolumesWritten { failure, .. } => self.volumes_written(failure.as_deref()),
            RuntimeEvent::ImagePulling { container, .. } => self.image_pulling(&container),
            RuntimeEvent::ImageReady { container, image_id, pulled, size_bytes, .. } => {
                self.image_ready(&container, &image_id, pulled, size_bytes);
            }
            RuntimeEvent::ImageFailed { container, reason, message, .. } => {
                self.image_failed(&container, &reason, &message);
            }
            RuntimeEvent::Started { container, attempt, id, at, .. } => {
                if let Some(index) = self.index(&container)
                    && self.worker.cells.get(index).is_some_and(|c| c.attempt == attempt && !has_run(c.stage))
                    && !self.is_known(index, &id)
                {
                    self.started(index, &id, at, true);
                }
            }
            RuntimeEvent::StartFailed { container, attempt, reason, message, .. } => {
                self.start_failed(&container, attempt, &reason, &message);
            }
            RuntimeEvent::Exited { container, attempt, exit, .. } => {
                if let Some(index) = self.index(&container)
                    && self.worker.cells.get(index).is_some_and(|c| c.attempt == attempt && c.stage.is_live())
                {
                    self.exited(index, &exit);
                }
            }
            RuntimeEvent::Resized { container, attempt, failure, .. } => {
                let asked = |c: &Cell| c.attempt == attempt && c.stage == Stage::Running && c.resize == Resize::Asked;
                if let Some(index) = self.index(&container)
                    && self.worker.cells.get(index).is_some_and(asked)
                {
                    self.resized(index, failure.as_deref());
                }
            }
            RuntimeEvent::Probed { container, kind, failure, .. } => self.probed(&container, kind, failure.as_deref()),
            _ => {}
        }
    }

    pub(super) fn sandbox_ready(&mut self, pod_ip: Name) {
        self.worker.sandbox = Sandbox::Ready;
        self.worker.sandbox_failures = 0;
        self.pod.status.pod_ip = Some(pod_ip);
    }

    fn sandbox_failed(&mut self, message: &str) {
        if self.worker.sandbox != Sandbox::Starting {
            return;
        }
        let until = self.cx.now + wait(&mut self.worker.sandbox_failures);
        self.worker.sandbox = Sandbox::Failed { until };
        let text = format!("Failed to create pod sandbox: {message}");
        self.event(EventKind::Warning, None, "FailedCreatePodSandBox", &text);
    }

    fn image_pulling(&mut self, name: &str) {
        let Some(index) = self.index(name) else { return };
        if self.worker.cells.get(index).is_some_and(|c| c.stage == Stage::Pulling) {
            let text = format!("Pulling image \"{}\"", self.image(index));
            self.event(EventKind::Normal, Some(index), "Pulling", &text);
        }
    }

    fn image_ready(&mut self, name: &str, image_id: &str, pulled: Option<Span>, size_bytes: Option<u64>) {
        let Some(index) = self.index(name) else { return };
        let Some(cell) = self.worker.cells.get_mut(index).filter(|c| c.stage == Stage::Pulling) else { return };
        cell.stage = Stage::Fetched;
        cell.image_id = Some(image_id.into());
        let image = self.image(index);
        let text = match pulled {
            None => format!("Container image \"{image}\" already present on machine"),
            Some(span) => {
                let took = seconds(span);
                let size = size_bytes.map_or_else(String::new, |n| format!(" Image size: {n} bytes."));
                format!("Successfully pulled image \"{image}\" in {took} ({took} including waiting).{size}")
            }
        };
        self.event(EventKind::Normal, Some(index), "Pulled", &text);
        if let Some(status) = self.container(index)
            && status.last.is_none()
            && let ContainerState::Waiting { reason: Some(reason), message } = &mut status.state
            && matches!(&**reason, "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull" | "InvalidImageName")
        {
            *reason = "ContainerCreating".into();
            *message = None;
        }
    }

    fn image_failed(&mut self, name: &str, reason: &str, message: &str) {
        let Some(index) = self.index(name) else { return };
        let now = self.cx.now;
        let Some(cell) = self.worker.cells.get_mut(index).filter(|c| c.stage == Stage::Pulling) else { return };
        let until = now + wait(&mut cell.failures);
        cell.stage = Stage::PullFailed { quiet: now + backoff::ERROR_SHOWN, until };
        let image = self.image(index);
        match reason {
            "ErrImageNeverPull" => {
                let text = format!("Container image \"{image}\" is not present with pull policy of Never");
                self.event(EventKind::Warning, Some(index), "ErrImageNeverPull", &text);
            }
            "InvalidImageName" => {
                let text = format!("Failed to apply default image tag \"{image}\": {message}");
                self.event(EventKind::Warning, Some(index), "InspectFailed", &text);
            }
            _ => {
                let text = format!("Failed to pull image \"{image}\": {message}");
                self.event(EventKind::Warning, Some(index), "Failed", &text);
            }
        }
        self.event(EventKind::Warning, Some(index), "Failed", &format!("Error: {reason}"));
        self.wait_for(index, reason, message);
    }

    fn start_failed(&mut self, name: &str, attempt: u32, reason: &str, message: &str) {
        let Some(index) = self.index(name) else { return };
        let now = self.cx.now;
        let Some(cell) = self.worker.cells.get_mut(index) else { return };
        if cell.attempt != attempt || !matches!(cell.stage, Stage::Starting | Stage::Stopping) {
            return;
        }
        self.event_failed(index, message);
        if reason == "RunContainerError" {
            // It was created and could not run: that counts as a run, as it does upstream.
            let exit = Exit { code: 128, at: Some(now), ..Exit::default() };
            self.ended(index, &exit, "StartError", Some(message));
            return;
        }
        if let Some(cell) = self.worker.cells.get_mut(index) {
            cell.stage = Stage::StartFailed { until: now + wait(&mut cell.failures) };
        }
        self.wait_for(index, reason, message);
    }

    pub(super) fn event_failed(&mut self, index: usize, message: &str) {
        self.event(EventKind::Warning, Some(index), "Failed", &format!("Error: {message}"));
    }

    pub(super) fn wait_for(&mut self, index: usize, reason: &str, message: &str) {
        let Some(status) = self.container(index) else { return };
        if let ContainerState::Terminated(ended) = &mut status.state {
            status.last = Some(std::mem::take(ended));
        }
        status.state = ContainerState::Waiting { reason: Some(reason.into()), message: Some(message.into()) };
    }

    /// A container runs, which is `news` or was found in a list.
    pub(super) fn started(&mut self, index: usize, id: &str, at: Time, news: bool) {
        let spec = Arc::clone(&self.spec);
        let Some(container) = container(&spec, index) else { return };
        let ephemeral = self.is_ephemeral(index);
        let Some(cell) = self.worker.cells.get_mut(index) else { return };
        let attempt = cell.attempt;
        let is_init = index < usize::from(self.worker.inits);
        let stays = !ephemeral && (!is_init || is_sidecar(container, is_init));
        // Told to stop meanwhile, it is still to stop.
        if cell.stage != Stage::Stopping {
            cell.stage = Stage::Running;
            cell.probes = Probes::new(container, at, false, false);
        }
        cell.failures = 0;
        self.show_image(index);
        if let Some(status) = self.container(index) {
            if let ContainerState::Terminated(ended) = &mut status.state {
                status.last = Some(std::mem::take(ended));
            }
            let up = container.startup_probe.is_none();
            status.state = ContainerState::Running { since: Some(at.floor_secs()) };
            status.restarts = attempt;
            status.id = Some(id.into());
            status.started = Some(stays && up).filter(|_| !ephemeral);
            status.ready = stays && up && container.readiness_probe.is_none();
        }
        if news {
            self.event(EventKind::Normal, Some(index), "Created", "Container created");
            self.event(EventKind::Normal, Some(index), "Started", "Container started");
        }
    }

    /// Shows the image of a container that was created.
    fn show_image(&mut self, index: usize) {
        let Some(id) = self.worker.cells.get_mut(index).and_then(|cell| cell.image_id.take()) else { return };
        if let Some(status) = self.container(index) {
            status.image_id = Some(id);
        }
    }

    /// Whether the start that gave a container this id has been taken in.
    pub(super) fn is_known(&mut self, index: usize, id: &str) -> bool {
        self.container(index).is_some_and(|status| status.id.as_deref() == Some(id))
    }

    pub(super) fn exited(&mut self, index: usize, exit: &Exit) {
        let reason = match exit {
            Exit { out_of_memory: true, .. } => "OOMKilled",
            Exit { code: 0, .. } => "Completed",
            Exit { .. } => "Error",
        };
        self.ended(index, exit, reason, None);
    }

    fn ended(&mut self, index: usize, exit: &Exit, reason: &str, message: Option<&str>) {
        let at = exit.at.unwrap_or(self.cx.now);
        self.show_image(index);
        let Some(attempt) = self.worker.cells.get(index).map(|c| c.attempt) else { return };
        let is_init = index < usize::from(self.worker.inits);
        let sidecar = container(&self.spec, index).is_some_and(|c| is_sidecar(c, is_init));
        let done = is_init && !sidecar && exit.code == 0;
        let ephemeral = self.is_ephemeral(index);
        let Some(status) = self.container(index) else { return };
        let started = match &status.state {
            ContainerState::Running { since } => *since,
            _ => None,
        };
        if let ContainerState::Terminated(before) = &mut status.state {
            status.last = Some(std::mem::take(before));
        }
        status.state = ContainerState::Terminated(Box::new(Terminated {
            exit_code: exit.code,
            signal: exit.signal,
            reason: Some(reason.into()),
            message: message.map(Into::into),
            started: started.or(Some(at.floor_secs())),
            finished: Some(at.floor_secs()),
            container_id: status.id.clone(),
        }));
        // An init container is ready when it has done its part.
        status.ready = done;
        status.started = Some(false).filter(|_| !ephemeral);
        status.restarts = attempt;
        self.back_off(index, exit.code, started, at);
    }

    /// A container that ran is gone without a word.
    pub(super) fn vanished(&mut self, index: usize) {
        let now = self.cx.now;
        let ephemeral = self.is_ephemeral(index);
        let Some(attempt) = self.worker.cells.get(index).map(|c| c.attempt) else { return };
        let Some(status) = self.container(index) else { return };
        let started = match &status.state {
            ContainerState::Running { since } => *since,
            _ => None,
        };
        let mut ended = lost(started);
        ended.finished = Some(now.floor_secs());
        ended.container_id.clone_from(&status.id);
        status.state = ContainerState::Terminated(Box::new(ended));
        status.ready = false;
        status.started = Some(false).filter(|_| !ephemeral);
        status.restarts = attempt;
        self.back_off(index, 137, started, now);
    }

    fn back_off(&mut self, index: usize, code: i32, started: Option<Time>, at: Time) {
        let Some(cell) = self.worker.cells.get_mut(index) else { return };
        if started.is_some_and(|s| at.since(s) > backoff::FORGIVEN_AFTER) {
            cell.crashes = 0;
        }
        let restarts = cell.resize == Resize::Restarting;
        if !restarts {
            cell.resize = Resize::Idle;
        }
        let pause = if restarts { Span::ZERO } else { backoff::after(cell.crashes) };
        cell.stage = Stage::Exited { code, until: at + pause };
        cell.crashes = cell.crashes.saturating_add(u8::from(!restarts));
        cell.probes = None;
    }

    fn probed(&mut self, name: &str, kind: ProbeKind, failure: Option<&str>) {
        let spec = Arc::clone(&self.spec);
        let now = self.cx.now;
        let Some(index) = self.index(name) else { return };
        let Some(container) = container(&spec, index) else { return };
        let Some(cell) = self.worker.cells.get_mut(index).filter(|c| c.stage == Stage::Running) else { return };
        let Some(probes) = cell.probes.as_mut() else { return };
        let Some(outcome) = probes.result(container, kind, failure.is_none(), now) else { return };
        let word = match kind {
            ProbeKind::Startup => "Startup",
            ProbeKind::Readiness => "Readiness",
            ProbeKind::Liveness => "Liveness",
        };
        if let Some(failure) = failure {
            self.event(EventKind::Warning, Some(index), "Unhealthy", &format!("{word} probe failed: {failure}"));
        }
        match outcome {
            Outcome::Same => {}
            Outcome::Started => {
                if let Some(probes) = self.worker.cells.get_mut(index).and_then(|c| c.probes.as_mut()) {
                    probes.release(now);
                }
                if let Some(status) = self.container(index) {
                    status.started = Some(true);
                    status.ready = container.readiness_probe.is_none();
                }
            }
            Outcome::Ready(ready) => {
                if let Some(status) = self.container(index) {
                    status.ready = ready;
                }
            }
            Outcome::Kill => {
                let own = probe::of(container, kind).and_then(|p| p.termination_grace_period_seconds);
                let grace = own.map_or_else(|| self.own_grace(), |s| Span::from_secs(s.max(0)));
                let word = word.to_ascii_lowercase();
                let why = format!("Container {name} failed {word} probe, will be restarted");
                self.stop(index, grace, Some(&why));
            }
        }
    }

    fn index(&self, name: &str) -> Option<usize> {
        containers(&self.spec).position(|c| c.name == name)
    }

    fn image(&self, index: usize) -> String {
        container(&self.spec, index).and_then(|c| c.image.clone()).unwrap_or_default()
    }
}

/// Whether this start has run already.
const fn has_run(stage: Stage) -> bool {
    matches!(stage, Stage::Running | Stage::Exited { .. })
}

/// A span as Go writes one, to the millisecond.
fn seconds(span: Span) -> String {
    let ms = span.as_millis();
    let (secs, rest) = (ms / 1_000, ms % 1_000);
    let fraction = format!(".{rest:03}");
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    match (secs, rest) {
        (0, _) => format!("{rest}ms"),
        (s, _) if s < 60 => format!("{s}{fraction}s"),
        (s, _) => format!("{}m{}{fraction}s", s / 60, s % 60),
    }
}
