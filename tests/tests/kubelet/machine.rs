//! Machines that do what a script says: each remembers what a real one would, so that it can list it.

use kubarium_core::Time;
use kubarium_core::api::{Name, Uid};
use kubarium_core::runtime::{Exit, ListedContainer, ListedPod, PodRef, RuntimeCommand};
use std::collections::BTreeMap;

/// What machines call every image.
pub(crate) const IMAGE_ID: &str = "sha256:1";

/// What one machine has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    pub(crate) pods: BTreeMap<Uid, ListedPod>,
    /// What it was told and has not answered.
    pub(crate) told: Vec<RuntimeCommand>,
    /// How often a start had to end an earlier attempt.
    pub(crate) overlaps: u32,
    /// Whether nothing is heard of it.
    pub(crate) silent: bool,
    next_ip: u32,
}

impl Machine {
    /// All its pods.
    pub(crate) fn list(&self) -> Vec<ListedPod> {
        self.pods.values().cloned().collect()
    }

    fn pod(&mut self, pod: &PodRef) -> &mut ListedPod {
        let empty = || ListedPod { pod: pod.clone(), pod_ip: None, containers: Vec::new() };
        self.pods.entry(pod.uid).or_insert_with(empty)
    }

    /// Makes a pod's network, or finds it made.
    pub(crate) fn sandbox(&mut self, pod: &PodRef) -> Name {
        self.next_ip += 1;
        let ip = format!("10.0.0.{}", self.next_ip).into();
        self.pod(pod).pod_ip.get_or_insert(ip).clone()
    }

    /// Starts a container, unless that start was made before. Returns since when it ran.
    pub(crate) fn start(&mut self, pod: &PodRef, container: &str, attempt: u32, now: Time) -> Time {
        let mut overlaps = 0;
        let list = &mut self.pod(pod).containers;
        for earlier in list.iter_mut().filter(|c| c.container == container && c.attempt < attempt) {
            overlaps += u32::from(earlier.running);
            earlier.running = false;
            earlier.exit.get_or_insert(Exit { code: 137, at: Some(now), ..Exit::default() });
        }
        if let Some(known) = list.iter().find(|c| c.container == container && c.attempt == attempt) {
            return known.started.unwrap_or(now);
        }
        list.push(ListedContainer {
            container: container.into(),
            attempt,
            id: format!("test://{container}-{attempt}").into(),
            image_id: Some(IMAGE_ID.into()),
            running: true,
            started: Some(now),
            exit: None,
        });
        self.overlaps += overlaps;
        now
    }

    /// Ends the latest start of a container. Returns which it was and how it ended, now or earlier.
    pub(crate) fn exit(&mut self, pod: &PodRef, container: &str, exit: Exit) -> Option<(u32, Exit)> {
        let list = &mut self.pod(pod).containers;
        let latest = list.iter_mut().filter(|c| c.container == container).max_by_key(|c| c.attempt)?;
        latest.running = false;
        let exit = latest.exit.get_or_insert(exit);
        Some((latest.attempt, exit.clone()))
    }

    /// Removes a pod.
    pub(crate) fn remove(&mut self, pod: &PodRef) {
        self.pods.remove(&pod.uid);
    }
}
