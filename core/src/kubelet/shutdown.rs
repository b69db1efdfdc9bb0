//! Winding a pod down: its containers stop in order, and what is left is removed.

use super::status;
use super::step::{Step, lost};
use super::worker::{Removal, Sandbox, Stage, container, containers, is_sidecar};
use crate::api::{ContainerState, EventKind, Name, PodPhase};
use crate::runtime::RuntimeCommand;
use crate::time::Span;
use std::sync::Arc;

impl Step<'_, '_> {
    /// Stops what runs: containers first, then sidecars from the last to the first; then removes what is left.
    pub(super) fn wind_down(&mut self) {
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
            // One that was told to stop before its turn is told again with the others.
            if !live || self.worker.cells.get(index).is_some_and(|c| c.stage == Stage::Stopping) {
                live |= self.end(index, rest, again);
            }
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
        if let Some(deletion) = &self.object.meta.deletion {
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
        let mains = status.containers.iter_mut().map(|c| (self.worker.initialized, c));
        let others = status.rarer.get_mut().into_iter().flat_map(|rarer| {
            let inits = rarer.init_containers.iter_mut().map(|c| (false, c));
            inits.chain(rarer.ephemeral_containers.iter_mut().map(|c| (true, c)))
        });
        for (was_due, container) in mains.chain(others) {
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
            let rarer = status.rarer.make_mut();
            rarer.reason = Some(Arc::clone(&verdict.reason));
            rarer.message = Some(Arc::clone(&verdict.message));
        }
    }
}
