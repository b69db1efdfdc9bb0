//! What a machine lists of a pod, taken into what is known of it: enough to make good whatever was missed.

use super::probe::Probes;
use super::step::Step;
use super::worker::{Removal, Resize, Sandbox, Stage, Volumes, containers};
use crate::api::ContainerState;
use crate::runtime::{ListedContainer, ListedPod};
use crate::time::Span;
use k8s_openapi::api::core::v1 as k8s;
use std::sync::Arc;

impl Step<'_, '_> {
    /// Takes in what the machine lists of the pod; none where it has nothing of it.
    pub(super) fn listed(&mut self, listed: Option<&ListedPod>) {
        self.worker.held = false;
        if self.worker.removal == Removal::Asked {
            // It is asked again, or gone.
            self.worker.removal = if listed.is_some() { Removal::Kept } else { Removal::Done };
        }
        match listed.and_then(|l| l.pod_ip.clone()) {
            Some(ip) => self.sandbox_ready(ip),
            None if matches!(self.worker.sandbox, Sandbox::Failed { .. }) => {}
            None => self.worker.sandbox = Sandbox::Absent,
        }
        if self.worker.sandbox != Sandbox::Ready && !self.pod.status.phase.is_finished() {
            // Its address went with its network, and may be another's by now.
            self.pod.status.pod_ip = None;
        }
        if let Volumes::Told(_) = self.worker.volumes {
            // The command or its answer was lost: again.
            self.worker.volumes = Volumes::Unknown;
        }
        let spec = Arc::clone(&self.spec);
        for (index, container) in containers(&spec).enumerate() {
            let latest = listed
                .iter()
                .flat_map(|l| &l.containers)
                .filter(|c| c.container == container.name)
                .max_by_key(|c| c.attempt);
            self.listed_container(index, container, latest);
        }
        if listed.is_none() {
            // A new sandbox begins with its init containers.
            self.worker.initialized = self.worker.inits == 0;
            for cell in self.worker.cells.iter_mut().take(usize::from(self.worker.inits)) {
                if let Stage::Exited { .. } = cell.stage {
                    cell.attempt = cell.attempt.saturating_add(1);
                    cell.stage = Stage::Waiting;
                }
            }
        }
        // What was asked for and not heard of is asked for again.
        self.worker.grace_sent = None;
    }

    fn listed_container(&mut self, index: usize, container: &k8s::Container, latest: Option<&ListedContainer>) {
        let Some(cell) = self.worker.cells.get_mut(index) else { return };
        if cell.resize == Resize::Asked {
            // The command or its answer was lost: again.
            cell.resize = Resize::Idle;
        }
        let Some(seen) = latest.filter(|l| l.attempt >= cell.attempt) else {
            match cell.stage {
                Stage::Running | Stage::Stopping => self.vanished(index),
                // The command or its answer was lost: again.
                Stage::Starting | Stage::Pulling | Stage::Fetched => cell.stage = Stage::Waiting,
                _ => {}
            }
            return;
        };
        if seen.attempt > cell.attempt {
            cell.attempt = seen.attempt;
            cell.stage = Stage::Starting;
        }
        match (seen.running, &seen.exit) {
            (true, _) => match cell.stage {
                // Where the whole pod ends, the plan tells it again.
                Stage::Stopping if self.object.meta.deletion.is_some() || self.worker.verdict.is_some() => {}
                Stage::Stopping => {
                    let grace = self.stop_grace(container);
                    self.command_stop(index, grace);
                }
                Stage::Running => self.adopt(index, container),
                Stage::Exited { .. } => {}
                _ => self.found(index, seen),
            },
            (false, Some(exit)) => {
                if !matches!(cell.stage, Stage::Exited { .. }) {
                    // It ran and ended unseen.
                    if !self.is_known(index, &seen.id) {
                        self.found(index, seen);
                    }
                    self.exited(index, exit);
                }
            }
            // Created and never started: the same start again.
            (false, None) => {
                if !matches!(cell.stage, Stage::Exited { .. }) {
                    cell.stage = Stage::Waiting;
                }
            }
        }
    }

    /// A container was started, which nobody heard.
    fn found(&mut self, index: usize, seen: &ListedContainer) {
        if let (Some(cell), Some(image_id)) = (self.worker.cells.get_mut(index), &seen.image_id) {
            cell.image_id = Some(image_id.as_str().into());
        }
        self.started(index, &seen.id, seen.started.unwrap_or(self.cx.now), false);
    }

    fn stop_grace(&self, container: &k8s::Container) -> Span {
        let own = container.liveness_probe.as_ref().and_then(|p| p.termination_grace_period_seconds);
        own.map_or_else(|| self.own_grace(), |s| Span::from_secs(s.max(0)))
    }

    /// A container that ran before this process did goes on: its probes begin again, with what they had found.
    fn adopt(&mut self, index: usize, container: &k8s::Container) {
        let now = self.cx.now;
        let Some(status) = self.container(index) else { return };
        let ContainerState::Running { since } = status.state else { return };
        let (ready, up) = (status.ready, status.started == Some(true));
        if let Some(cell) = self.worker.cells.get_mut(index)
            && cell.probes.is_none()
        {
            cell.probes = Probes::new(container, since.unwrap_or(now), ready, up);
            if let Some(probes) = &mut cell.probes {
                probes.release(now);
            }
        }
    }
}
