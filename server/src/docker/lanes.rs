//! In which order the commands for the pods of a host are carried out.
//!
//! Those for one pod follow one another. A stop or a removal does not wait for a pull or a start: it ends them. Stops
//! of several containers run side by side, each with its own grace period. Probes wait for nobody.

use kubarium_core::api::{Name, Uid};
use kubarium_core::runtime::RuntimeCommand;
use std::collections::{HashMap, VecDeque};
use tokio_util::sync::CancellationToken;

/// A command that may begin.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) uid: Uid,
    pub(super) command: RuntimeCommand,
    pub(super) cancel: CancellationToken,
    /// Whether it holds its pod's lane until [`Lanes::done`].
    pub(super) in_lane: bool,
}

#[derive(Debug)]
struct Running {
    /// The container it is about; none for the sandbox and for removals.
    container: Option<Name>,
    cancel: CancellationToken,
}

#[derive(Debug, Default)]
struct Lane {
    running: Option<Running>,
    queue: VecDeque<RuntimeCommand>,
    /// Stops that wait for the end of what they cancelled.
    stops: Vec<RuntimeCommand>,
}

/// The commands of all pods of a host.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    pods: HashMap<Uid, Lane>,
}

impl Lanes {
    /// Takes a command on. Returns what may begin.
    pub(super) fn push(&mut self, command: RuntimeCommand) -> Vec<Ready> {
        let uid = command.pod().uid;
        if matches!(command, RuntimeCommand::Probe { .. }) {
            return vec![aside(uid, command)];
        }
        let lane = self.pods.entry(uid).or_default();
        match &command {
            RuntimeCommand::StopContainer { container, .. } => {
                let container = container.clone();
                lane.queue.retain(|queued| about(queued) != Some(&container));
                match &lane.running {
                    Some(running) if running.container.as_ref() == Some(&container) => {
                        running.cancel.cancel();
                        lane.stops.push(command);
                    }
                    _ => {
                        let ready = aside(uid, command);
                        self.sweep(uid);
                        return vec![ready];
                    }
                }
                Vec::new()
            }
            RuntimeCommand::RemovePod { .. } => {
                if let Some(running) = &lane.running {
                    running.cancel.cancel();
                }
                lane.queue.clear();
                lane.stops.clear();
                lane.queue.push_back(command);
                self.next(uid)
            }
            _ => {
                lane.queue.push_back(command);
                self.next(uid)
            }
        }
    }

    /// The command that held a pod's lane has ended. Returns what may begin.
    pub(super) fn done(&mut self, uid: Uid) -> Vec<Ready> {
        let Some(lane) = self.pods.get_mut(&uid) else { return Vec::new() };
        lane.running = None;
        let mut ready: Vec<Ready> = lane.stops.drain(..).map(|stop| aside(uid, stop)).collect();
        ready.extend(self.next(uid));
        self.sweep(uid);
        ready
    }

    /// Whether no command holds a lane.
    pub(super) fn is_idle(&self) -> bool {
        self.pods.is_empty()
    }

    /// Forgets everything; what runs is told to stop.
    pub(super) fn clear(&mut self) {
        for lane in self.pods.values() {
            if let Some(running) = &lane.running {
                running.cancel.cancel();
            }
        }
        self.pods.clear();
    }

    fn next(&mut self, uid: Uid) -> Vec<Ready> {
        let Some(lane) = self.pods.get_mut(&uid).filter(|lane| lane.running.is_none()) else { return Vec::new() };
        let Some(command) = lane.queue.pop_front() else { return Vec::new() };
        let cancel = CancellationToken::new();
        lane.running = Some(Running { container: about(&command).cloned(), cancel: cancel.clone() });
        vec![Ready { uid, command, cancel, in_lane: true }]
    }

    fn sweep(&mut self, uid: Uid) {
        if self.pods.get(&uid).is_some_and(|l| l.running.is_none() && l.queue.is_empty() && l.stops.is_empty()) {
            self.pods.remove(&uid);
        }
    }
}

fn aside(uid: Uid, command: RuntimeCommand) -> Ready {
    Ready { uid, command, cancel: CancellationToken::new(), in_lane: false }
}

fn about(command: &RuntimeCommand) -> Option<&Name> {
    match command {
        RuntimeCommand::EnsureImage { container, .. }
        | RuntimeCommand::StartContainer { container, .. }
        | RuntimeCommand::ResizeContainer { container, .. } => Some(container),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kubarium_core::Span;
    use kubarium_core::runtime::PodRef;
    use std::sync::Arc;

    fn pod() -> PodRef {
        PodRef { uid: Uid::new(1), namespace: "default".into(), name: "a".into() }
    }

    fn image(container: &str) -> RuntimeCommand {
        RuntimeCommand::EnsureImage {
            pod: pod(),
            container: container.into(),
            image: "i".into(),
            policy: "Always".into(),
        }
    }

    fn stop(container: &str) -> RuntimeCommand {
        RuntimeCommand::StopContainer { pod: pod(), container: container.into(), grace: Span::ZERO }
    }

    fn probe() -> RuntimeCommand {
        RuntimeCommand::Probe {
            pod: pod(),
            container: "a".into(),
            kind: kubarium_core::runtime::ProbeKind::Liveness,
            probe: Arc::default(),
            pod_ip: None,
        }
    }

    /// What may begin, in short.
    fn words(ready: &[Ready]) -> Vec<String> {
        ready
            .iter()
            .map(|r| match &r.command {
                RuntimeCommand::EnsureImage { container, .. } => format!("image {container}"),
                RuntimeCommand::StopContainer { container, .. } => format!("stop {container}"),
                RuntimeCommand::RemovePod { .. } => "remove".to_owned(),
                RuntimeCommand::Probe { .. } => "probe".to_owned(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn commands_of_one_pod_follow_one_another_and_probes_wait_for_nobody() {
        let mut lanes = Lanes::default();
        assert_eq!(words(&lanes.push(image("a"))), ["image a"]);
        assert_eq!(words(&lanes.push(image("b"))), Vec::<String>::new());
        assert_eq!(words(&lanes.push(probe())), ["probe"]);
        assert_eq!(words(&lanes.done(Uid::new(1))), ["image b"]);
        assert_eq!(words(&lanes.done(Uid::new(1))), Vec::<String>::new());
        assert!(lanes.is_idle());
    }

    #[test]
    fn a_stop_ends_the_pull_of_its_container_and_begins_when_that_has_ended() {
        let mut lanes = Lanes::default();
        let pull = lanes.push(image("a")).remove(0);
        assert_eq!(words(&lanes.push(stop("a"))), Vec::<String>::new());
        assert!(pull.cancel.is_cancelled());
        assert_eq!(words(&lanes.done(Uid::new(1))), ["stop a"]);
    }

    #[test]
    fn stops_of_other_containers_begin_at_once() {
        let mut lanes = Lanes::default();
        let pull = lanes.push(image("a")).remove(0);
        assert_eq!(words(&lanes.push(stop("b"))), ["stop b"]);
        assert_eq!(words(&lanes.push(stop("c"))), ["stop c"]);
        assert!(!pull.cancel.is_cancelled());
    }

    #[test]
    fn a_removal_ends_everything_of_its_pod() {
        let mut lanes = Lanes::default();
        let pull = lanes.push(image("a")).remove(0);
        lanes.push(image("b"));
        assert_eq!(words(&lanes.push(RuntimeCommand::RemovePod { pod: pod() })), Vec::<String>::new());
        assert!(pull.cancel.is_cancelled());
        assert_eq!(words(&lanes.done(Uid::new(1))), ["remove"]);
    }
}
