//! What a machine makes of a kubelet's commands: something it begins, and will have done after a while.

use super::outcome::report;
use super::{Doing, Pull, Site, VirtualContainer, VirtualMachine, VirtualPod};
use crate::api::{Name, SharedSpec};
use crate::runtime::{PodRef, RuntimeCommand, RuntimeEvent};
use crate::sim::latency;
use crate::time::Span;
use k8s_openapi::api::core::v1 as k8s;
use std::sync::Arc;

/// How many addresses for pods a machine has.
const SLOTS: u16 = 1_022;

impl VirtualMachine {
    /// Takes a command. What cannot be reached does not hear it.
    pub(in crate::sim) fn command(&mut self, command: RuntimeCommand, site: &mut Site<'_>) {
        if !self.is_reachable() {
            return;
        }
        match command {
            RuntimeCommand::StartSandbox { pod, spec, .. } => self.start_sandbox(pod, &spec, site),
            RuntimeCommand::WriteVolumes { pod, .. } => {
                self.tell(site, RuntimeEvent::VolumesWritten { pod, failure: None });
            }
            RuntimeCommand::EnsureImage { pod, container, image, policy } => {
                self.ensure_image(pod, container, image, &policy, site);
            }
            RuntimeCommand::StartContainer { pod, container, attempt, spec, .. } => {
                self.start_container(pod, container, attempt, spec, site);
            }
            RuntimeCommand::ResizeContainer { pod, container, attempt, .. } => {
                let after = latency::RESIZE.sample(&mut self.rng);
                self.plan(site, after, Doing::Resize { pod, container, attempt });
            }
            RuntimeCommand::StopContainer { pod, container, grace } => self.stop(&pod, &container, grace, site),
            RuntimeCommand::RemovePod { pod } => {
                // What was under way for it ends here; only the word that it is gone takes a while.
                if let Some(slot) = self.pods.remove(&pod.uid).and_then(|p| p.slot) {
                    self.slots.remove(&slot);
                }
                for pull in self.pulls.values_mut() {
                    pull.waiting.retain(|(waiting, _)| waiting.uid != pod.uid);
                }
                let after = latency::REMOVE.sample(&mut self.rng);
                self.plan(site, after, Doing::Remove { pod });
            }
            RuntimeCommand::Probe { pod, container, kind, probe, .. } => {
                let after = latency::PROBE.sample(&mut self.rng);
                self.plan(site, after, Doing::Probe { pod, container, kind, probe });
            }
        }
    }

    fn start_sandbox(&mut self, pod: PodRef, spec: &k8s::PodSpec, site: &mut Site<'_>) {
        if let Some(known) = self.pods.get(&pod.uid)
            && let Some(ip) = known.ip.clone()
        {
            return self.tell(site, RuntimeEvent::SandboxReady { pod, pod_ip: ip });
        }
        if self.disk_full {
            let message = "failed to create pod sandbox: no space left on device".to_owned();
            return self.tell(site, RuntimeEvent::SandboxFailed { pod, message });
        }
        let uid = pod.uid;
        let slot = if spec.host_network == Some(true) { None } else { self.free_slot() };
        let known = self
            .pods
            .entry(uid)
            .or_insert_with(|| Box::new(VirtualPod { pod, slot: None, ip: None, containers: vec![] }));
        if let Some(old) = known.slot.take() {
            self.slots.remove(&old);
        }
        known.slot = slot;
        let after = latency::SANDBOX.sample(&mut self.rng);
        self.plan(site, after, Doing::Sandbox { pod: uid });
    }

    /// The next free address after the last one given, so that an address does not come back at once.
    fn free_slot(&mut self) -> Option<u16> {
        for _ in 0..SLOTS {
            let slot = self.next_slot;
            self.next_slot = (self.next_slot + 1) % SLOTS;
            if self.slots.insert(slot) {
                return Some(slot);
            }
        }
        None
    }

    fn ensure_image(&mut self, pod: PodRef, container: Name, image: Name, policy: &str, site: &mut Site<'_>) {
        let cached = self.cached.contains(&image);
        if policy == "Never" && !cached {
            let message = format!("Container image {image:?} is not present with pull policy of Never");
            let reason = Name::new_static("ErrImageNeverPull");
            return self.tell(site, RuntimeEvent::ImageFailed { pod, container, reason, message });
        }
        if cached && policy != "Always" {
            let after = latency::IMAGE_CHECK.sample(&mut self.rng);
            return self.plan(site, after, Doing::ImageLook { pod, container, image });
        }
        self.tell(site, RuntimeEvent::ImagePulling { pod: pod.clone(), container: container.clone() });
        if let Some(pull) = self.pulls.get_mut(&image) {
            pull.waiting.push((pod, container));
            return;
        }
        let mut after = latency::REGISTRY.sample(&mut self.rng);
        let missing = site.images.get(&image).is_some_and(|i| i.missing);
        if !cached && !missing {
            let factor = self.slow_pulls.saturating_mul(site.slow_pulls);
            after = Span(after.0 + latency::pull(site.images.size_bytes(&image), factor, &mut self.rng).0);
        }
        self.pulls.insert(image.clone(), Box::new(Pull { since: site.now, waiting: vec![(pod, container)] }));
        self.plan(site, after, Doing::Pull { image });
    }

    fn start_container(&mut self, pod: PodRef, container: Name, attempt: u32, spec: SharedSpec, site: &mut Site<'_>) {
        let full = self.disk_full;
        let Some(known) = self.pods.get_mut(&pod.uid).filter(|p| p.ip.is_some()) else {
            let message = "the pod has no network".to_owned();
            let reason = Name::new_static("CreateContainerError");
            return self.tell(site, RuntimeEvent::StartFailed { pod, container, attempt, reason, message });
        };
        if let Some(old) = known.containers.iter().find(|c| c.name == container && c.attempt >= attempt) {
            let report = report(&pod, old);
            if let Some(event) = report {
                self.tell(site, event);
            }
            return;
        }
        if full {
            let message = "no space left on device".to_owned();
            let reason = Name::new_static("CreateContainerError");
            return self.tell(site, RuntimeEvent::StartFailed { pod, container, attempt, reason, message });
        }
        let annotations = site.store.pod(pod.uid).map(|o| Arc::clone(&o.meta.annotations)).unwrap_or_default();
        let behaviour = site
            .images
            .get(image_of(&spec, &container))
            .map(|i| i.behaviour.clone())
            .unwrap_or_default()
            .with_annotations(&annotations);
        let id = format!("sim://{:016x}{:016x}", self.rng.bits(), self.rng.bits()).into();
        known.containers.retain(|c| c.name != container);
        // Most pods have one.
        known.containers.reserve_exact(1);
        known.containers.push(VirtualContainer {
            name: container.clone(),
            attempt,
            id,
            spec,
            behaviour,
            started: None,
            exit: None,
        });
        let after = latency::START.sample(&mut self.rng);
        self.plan(site, after, Doing::Start { pod: pod.uid, container, attempt });
    }

    fn stop(&mut self, pod: &PodRef, container: &Name, grace: Span, site: &mut Site<'_>) {
        let usual = latency::STOP.sample(&mut self.rng);
        let never_ran = |attempt| RuntimeEvent::StartFailed {
            pod: pod.clone(),
            container: container.clone(),
            attempt,
            reason: Name::new_static("CreateContainerError"),
            message: "stopped before it ran".to_owned(),
        };
        let Some(found) = self.container_mut(pod.uid, container) else { return self.tell(site, never_ran(0)) };
        if found.started.is_none() {
            let attempt = found.attempt;
            if let Some(known) = self.pods.get_mut(&pod.uid) {
                known.containers.retain(|c| c.name != *container);
            }
            return self.tell(site, never_ran(attempt));
        }
        if found.exit.is_some() {
            if let Some(event) = report(pod, found) {
                self.tell(site, event);
            }
            return;
        }
        let wants = found.behaviour.stops_in.unwrap_or(usual);
        // A container that was asked before may be asked to hurry, as kubectl's --grace-period does.
        let (after, code) = if wants <= grace { (wants, 0) } else { (grace, 137) };
        let doing = Doing::Stop { pod: pod.uid, container: container.clone(), attempt: found.attempt, code };
        self.plan(site, after, doing);
    }
}

/// The image of a pod's container.
pub(super) fn image_of<'a>(spec: &'a k8s::PodSpec, container: &str) -> &'a str {
    let mut all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    all.find(|c| c.name == container).and_then(|c| c.image.as_deref()).unwrap_or_default()
}
