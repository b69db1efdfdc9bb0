//! What comes of what a machine has begun, and what it reports of it.

use super::{Doing, Site, VirtualContainer, VirtualMachine};
use crate::api::{Name, Uid};
use crate::runtime::{Exit, PodRef, ProbeKind, RuntimeEvent};
use crate::time::Time;
use k8s_openapi::api::core::v1 as k8s;

impl VirtualMachine {
    /// Ends a container now. Returns what there is to report.
    pub(in crate::sim) fn end(
        &mut self,
        pod: Uid,
        container: &str,
        attempt: Option<u32>,
        code: i32,
        now: Time,
    ) -> Option<RuntimeEvent> {
        let reference = self.pods.get(&pod)?.pod.clone();
        let found = self.container_mut(pod, container)?;
        if found.exit.is_some() || attempt.is_some_and(|a| a != found.attempt) {
            return None;
        }
        let signal = (code > 128).then_some(code - 128);
        found.exit = Some(Exit { code, signal, out_of_memory: false, at: Some(now) });
        report(&reference, found)
    }

    /// Something it has begun is done. Returns what there is to report.
    pub(in crate::sim) fn done(&mut self, doing: Doing, site: &mut Site<'_>) -> Vec<RuntimeEvent> {
        let now = site.now;
        match doing {
            Doing::Boot => {
                self.on = true;
                self.joined()
            }
            Doing::Sandbox { pod } => {
                let ip = self.pods.get(&pod).map(|p| self.ip_of(p.slot));
                match (self.pods.get_mut(&pod), ip) {
                    (Some(known), Some(pod_ip)) => {
                        known.ip = Some(pod_ip.clone());
                        vec![RuntimeEvent::SandboxReady { pod: known.pod.clone(), pod_ip }]
                    }
                    _ => vec![],
                }
            }
            Doing::ImageLook { pod, container, image } => {
                let size_bytes = Some(site.images.size_bytes(&image));
                vec![RuntimeEvent::ImageReady { pod, container, image_id: image_id(&image), pulled: None, size_bytes }]
            }
            Doing::Pull { image } => self.pulled(&image, site),
            Doing::Start { pod, container, attempt } => self.started(pod, &container, attempt, site),
            Doing::Resize { pod, container, attempt } => {
                let known = self.container_mut(pod.uid, &container);
                let runs = known.is_some_and(|c| c.attempt == attempt && c.is_running());
                let failure = (!runs).then(|| "container is not running".to_owned());
                vec![RuntimeEvent::Resized { pod, container, attempt, failure }]
            }
            Doing::End { pod, container, attempt, code } | Doing::Stop { pod, container, attempt, code } => {
                self.end(pod, &container, Some(attempt), code, now).into_iter().collect()
            }
            Doing::Remove { pod } => vec![RuntimeEvent::Removed { pod }],
            Doing::Probe { pod, container, kind, probe } => {
                let failure = self.probe(&pod, &container, kind, &probe, now);
                vec![RuntimeEvent::Probed { pod, container, kind, failure }]
            }
        }
    }

    fn pulled(&mut self, image: &Name, site: &mut Site<'_>) -> Vec<RuntimeEvent> {
        let Some(pull) = self.pulls.remove(image) else { return vec![] };
        let missing = site.images.get(image).is_some_and(|i| i.missing);
        let problem = if missing {
            Some(format!("failed to pull image {image:?}: manifest for {image} not found"))
        } else if self.disk_full && !self.cached.contains(image) {
            Some(format!("failed to pull image {image:?}: no space left on device"))
        } else {
            self.cached.insert(image.clone());
            None
        };
        let size_bytes = Some(site.images.size_bytes(image));
        let took = site.now.since(pull.since);
        pull.waiting
            .into_iter()
            .map(|(pod, container)| match &problem {
                Some(message) => RuntimeEvent::ImageFailed {
                    pod,
                    container,
                    reason: Name::new_static("ErrImagePull"),
                    message: message.clone(),
                },
                None => RuntimeEvent::ImageReady {
                    pod,
                    container,
                    image_id: image_id(image),
                    pulled: Some(took),
                    size_bytes,
                },
            })
            .collect()
    }

    fn started(&mut self, pod: Uid, container: &Name, attempt: u32, site: &mut Site<'_>) -> Vec<RuntimeEvent> {
        let Some(reference) = self.pods.get(&pod).map(|p| p.pod.clone()) else { return vec![] };
        let Some(found) = self.container_mut(pod, container) else { return vec![] };
        if found.attempt != attempt || found.exit.is_some() {
            return vec![];
        }
        found.started = Some(site.now);
        let event = RuntimeEvent::Started {
            pod: reference,
            container: container.clone(),
            attempt,
            id: found.id.clone(),
            at: site.now,
        };
        if let Some(after) = found.behaviour.runs_for {
            let code = found.behaviour.exit_code;
            self.plan(site, after, Doing::End { pod, container: container.clone(), attempt, code });
        }
        vec![event]
    }

    fn ip_of(&self, slot: Option<u16>) -> Name {
        let Some(slot) = slot else { return self.description.address.clone().unwrap_or_default() };
        // 10.128.0.0/9, a thousand addresses a machine: apart from the range of services.
        let ip = 0x0a80_0000 + (self.index % 8_192) * 1_024 + u32::from(slot) + 1;
        let [a, b, c, d] = ip.to_be_bytes();
        format!("{a}.{b}.{c}.{d}").into()
    }

    fn probe(&self, pod: &PodRef, container: &str, kind: ProbeKind, probe: &k8s::Probe, now: Time) -> Option<String> {
        let known = self.pods.get(&pod.uid);
        let found = known.and_then(|p| p.containers.iter().find(|c| c.name == container));
        let Some((found, since)) = found.and_then(|c| Some((c, c.started.filter(|_| c.exit.is_none())?))) else {
            return Some("container is not running".to_owned());
        };
        let age = now.since(since);
        let behaviour = &found.behaviour;
        let well = match kind {
            ProbeKind::Startup | ProbeKind::Readiness => !behaviour.never_ready && age >= behaviour.ready_after,
            ProbeKind::Liveness => behaviour.unhealthy_after.is_none_or(|limit| age < limit),
        };
        if well {
            None
        } else if probe.exec.is_some() {
            Some("command exited with status 1".to_owned())
        } else if probe.tcp_socket.is_some() {
            let ip = known.and_then(|p| p.ip.as_deref()).unwrap_or_default();
            Some(format!("dial tcp {ip}: connect: connection refused"))
        } else {
            Some("HTTP probe failed with statuscode: 503".to_owned())
        }
    }
}

/// What machines call an image.
pub(super) fn image_id(image: &str) -> Name {
    format!("sim://{image}@{:016x}", xxhash_rust::xxh3::xxh3_64(image.as_bytes())).into()
}

/// What there is to report of a container, if it has started or ended.
pub(super) fn report(pod: &PodRef, c: &VirtualContainer) -> Option<RuntimeEvent> {
    let (pod, container, attempt) = (pod.clone(), c.name.clone(), c.attempt);
    match (&c.exit, c.started) {
        (Some(exit), _) => Some(RuntimeEvent::Exited { pod, container, attempt, exit: exit.clone() }),
        (None, Some(at)) => Some(RuntimeEvent::Started { pod, container, attempt, id: c.id.clone(), at }),
        (None, None) => None,
    }
}
