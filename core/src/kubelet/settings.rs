//! A pod's config maps and secrets: nothing starts before those it needs are there, and its volumes follow them.
//!
//! Each look holds the spec against the store, so what was missing is used as soon as it is there.

use super::backoff;
use super::step::{Step, wait};
use super::worker::{Stage, Volumes};
use crate::api::EventKind;
use crate::runtime::RuntimeCommand;
use crate::settings::{Reference, Settings};
use crate::time::Time;
use k8s_openapi::api::core::v1 as k8s;
use std::sync::Arc;

/// Something that a volume must show is not there.
pub(super) struct Missing;

impl Step<'_, '_> {
    /// What the volumes are to show where the sandbox is to be made; an error while something is missing.
    pub(super) fn mount(&mut self) -> Result<Option<Arc<Settings>>, Missing> {
        let settings = self.shown()?;
        self.worker.volumes = settings.clone().map_or(Volumes::Unknown, Volumes::Told);
        self.worker.volumes_ready = false;
        Ok(settings)
    }

    /// Where the sandbox stands: tells the machine to write the volumes again whose config maps and secrets changed.
    pub(super) fn refresh_volumes(&mut self) {
        match self.worker.volumes {
            // One thing at a time: after the answer is seen whether they show what they should.
            Volumes::Told(_) => return,
            Volumes::Failed { until } if until > self.cx.now => return,
            _ => {}
        }
        let Ok(settings) = self.shown() else { return };
        let Some(settings) = settings else {
            self.worker.volumes_ready = true;
            return;
        };
        if matches!(&self.worker.volumes, Volumes::Written(written) if *written == settings) {
            return;
        }
        self.worker.volumes = Volumes::Told(Arc::clone(&settings));
        let (pod, spec) = (self.pod_ref(), Arc::clone(&self.spec));
        self.command(RuntimeCommand::WriteVolumes { pod, spec, settings });
    }

    /// What the volumes show now; none where they show nothing of the kind. An error where something that must be there
    /// is missing, which is said now and then.
    fn shown(&mut self) -> Result<Option<Arc<Settings>>, Missing> {
        if self.worker.references.is_empty() {
            return Ok(None);
        }
        let spec = Arc::clone(&self.spec);
        let volumes = || spec.volumes.iter().flatten();
        let mut all = volumes().flat_map(Reference::of_volume).peekable();
        if all.peek().is_none() {
            return Ok(None);
        }
        if let Ok(settings) = Settings::gather(all, &self.worker.namespace, self.cx.store) {
            return Ok(Some(Arc::new(settings)));
        }
        if let Volumes::Missing { until } = self.worker.volumes
            && until > self.cx.now
        {
            return Err(Missing);
        }
        for volume in volumes() {
            let own = Reference::of_volume(volume);
            if let Err(missing) = Settings::gather(own, &self.worker.namespace, self.cx.store) {
                let text = format!("MountVolume.SetUp failed for volume \"{}\" : {missing}", volume.name);
                self.event(EventKind::Warning, None, "FailedMount", &text);
            }
        }
        let until = self.volumes_again();
        self.worker.volumes = Volumes::Missing { until };
        Err(Missing)
    }

    /// The machine wrote the volumes, or could not.
    pub(super) fn volumes_written(&mut self, failure: Option<&str>) {
        let Some(failure) = failure else {
            if let Volumes::Told(told) = &self.worker.volumes {
                self.worker.volumes = Volumes::Written(Arc::clone(told));
            }
            self.worker.volumes_ready = true;
            self.worker.volume_failures = 0;
            return;
        };
        self.event(EventKind::Warning, None, "FailedMount", &format!("MountVolume.SetUp failed: {failure}"));
        let until = self.volumes_again();
        self.worker.volumes = Volumes::Failed { until };
    }

    fn volumes_again(&mut self) -> Time {
        self.worker.volume_failures = self.worker.volume_failures.saturating_add(1);
        self.cx.now + backoff::after_volume(self.worker.volume_failures)
    }

    /// What a container's variables are taken from; none where there is nothing of the kind. The error says what is
    /// missing.
    pub(super) fn variables(&self, container: &k8s::Container) -> Result<Option<Arc<Settings>>, String> {
        if self.worker.references.is_empty() {
            return Ok(None);
        }
        let mut all = Reference::of_container(container).peekable();
        if all.peek().is_none() {
            return Ok(None);
        }
        Settings::gather(all, &self.worker.namespace, self.cx.store).map(|settings| Some(Arc::new(settings)))
    }

    /// A container cannot be made before what its variables are taken from is there.
    pub(super) fn unconfigured(&mut self, index: usize, missing: &str) {
        let now = self.cx.now;
        let Some(cell) = self.worker.cells.get_mut(index) else { return };
        cell.stage = Stage::Unconfigured { until: now + wait(&mut cell.failures) };
        self.event_failed(index, missing);
        self.wait_for(index, "CreateContainerConfigError", missing);
    }
}
