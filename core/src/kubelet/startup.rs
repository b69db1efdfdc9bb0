//! Bringing a pod up: its network, its init containers one by one, then its containers, each as far as it goes now.

use super::probe;
use super::step::Step;
use super::worker::{Resize, Sandbox, Stage, containers, is_sidecar, restarts};
use super::working;
use crate::api::{ContainerState, ContainerStatus, EventKind, Name};
use crate::runtime::RuntimeCommand;
use crate::time::Time;
use k8s_openapi::api::core::v1 as k8s;
use std::sync::Arc;

impl Step<'_, '_> {
    pub(super) fn bring_up(&mut self) {
        match self.worker.sandbox {
            Sandbox::Starting => return,
            Sandbox::Failed { until } if until > self.cx.now => return,
            Sandbox::Absent | Sandbox::Failed { .. } => {
                if self.worker.is_live() {
                    self.leave_broken_sandbox();
                    return;
                }
                let Ok(settings) = self.mount() else { return };
                let labels = Arc::clone(&self.object.meta.labels);
                let (pod, spec) = (self.pod_ref(), Arc::clone(&self.spec));
                self.worker.sandbox = Sandbox::Starting;
                self.command(RuntimeCommand::StartSandbox { pod, spec, labels, settings });
                return;
            }
            Sandbox::Ready => self.refresh_volumes(),
        }
        let spec = Arc::clone(&self.spec);
        let inits = usize::from(self.worker.inits);
        self.add_containers(&spec);
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
            let mains = usize::from(self.worker.mains) - inits;
            for (index, container) in spec.containers.iter().take(mains).enumerate() {
                self.advance(inits + index, container);
            }
        }
    }

    /// Starts the ephemeral containers, which wait for no other, lest they be of no use where something is wrong.
    fn add_containers(&mut self, spec: &k8s::PodSpec) {
        if self.pod.spec.ephemeral_containers.is_none() {
            return;
        }
        let mains = usize::from(self.worker.mains);
        if containers(spec).count() > self.worker.cells.len() {
            self.worker.grow(spec);
        }
        for (index, container) in containers(spec).enumerate().skip(mains) {
            if self.pod.status.rarer.ephemeral_containers.len() <= index - mains {
                self.pod.status.rarer.make_mut().ephemeral_containers.push(ContainerStatus {
                    name: container.name.as_str().into(),
                    image: container.image.as_deref().unwrap_or_default().into(),
                    state: ContainerState::Waiting { reason: Some("ContainerCreating".into()), message: None },
                    ..ContainerStatus::default()
                });
            }
            self.advance(index, container);
        }
    }

    /// Which start of which container an ephemeral container shall see the processes of; an error where that does not
    /// run.
    fn target(&self, index: usize) -> Result<Option<(Name, u32)>, String> {
        let mains = usize::from(self.worker.mains);
        let own = containers(&self.spec).nth(index).filter(|_| index >= mains);
        let Some(name) = own.and_then(|own| working::target(&self.pod, &own.name)) else { return Ok(None) };
        let mut cells = containers(&self.spec).zip(&self.worker.cells).take(mains);
        let found = cells.find(|(container, cell)| container.name == name && cell.stage == Stage::Running);
        found
            .map(|(_, cell)| Some((name.into(), cell.attempt)))
            .ok_or_else(|| format!("unable to find target container \"{name}\""))
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
        let (is_init, ephemeral) = (index < usize::from(self.worker.inits), self.is_ephemeral(index));
        let stage = self.worker.cells.get(index).map(|cell| cell.stage);
        if let Some(Stage::Unconfigured { until }) = stage {
            if now >= until || self.variables(container).is_ok() && self.target(index).is_ok() {
                self.fetch(index, container);
            }
            return;
        }
        let Some(cell) = self.worker.cells.get_mut(index) else { return };
        let resizes = cell.resize == Resize::Restarting;
        match cell.stage {
            Stage::PullFailed { quiet, until } if now >= quiet && now < until => {
                cell.stage = Stage::PullBackOff { until };
                self.show_pull_back_off(index, container);
            }
            Stage::Exited { code, until }
                if !ephemeral && (resizes || restarts(&self.spec, container, is_init, code)) =>
            {
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
    fn start(&mut self, index: usize, container: &k8s::Container) {
        if !self.worker.volumes_ready {
            return;
        }
        let found = self.variables(container).and_then(|settings| Ok((settings, self.target(index)?)));
        let (settings, target) = match found {
            Ok(found) => found,
            Err(missing) => return self.unconfigured(index, &missing),
        };
        let pod = self.pod_ref();
        let Some(cell) = self.worker.cells.get_mut(index) else { return };
        cell.stage = Stage::Starting;
        cell.resize = Resize::Idle;
        let attempt = cell.attempt;
        self.given(index);
        let (spec, pod_ip) = (Arc::clone(&self.spec), self.pod.status.pod_ip.clone());
        let meta = &self.object.meta;
        let (labels, annotations) = (Arc::clone(&meta.labels), Arc::clone(&meta.annotations));
        let container = container.name.as_str().into();
        self.command(RuntimeCommand::StartContainer {
            pod,
            container,
            attempt,
            spec,
            pod_ip,
            labels,
            annotations,
            settings,
            target,
        });
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
            let Some(probe) = probe::of(container, kind) else { continue };
            let probe = Arc::new(probe::with_port_numbers(probe, container));
            let (pod, pod_ip) = (self.pod_ref(), self.pod.status.pod_ip.clone());
            let container = container.name.as_str().into();
            self.command(RuntimeCommand::Probe { pod, container, kind, probe, pod_ip });
        }
    }
}
