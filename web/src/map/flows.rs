//! Traffic as it is seen: a line per service and pod while requests flow, a spark where one was lost.

use crate::worker::protocol::Flow;
use kubarium_core::view::{Id, Slot};

/// How long a line stays after its last request, and a spark after its loss, in milliseconds.
const LINE_MS: f64 = 1_200.0;
const SPARK_MS: f64 = 700.0;

/// More lines and sparks than these tell nothing more.
const LINES_MAX: usize = 120;
const SPARKS_MAX: usize = 60;

/// A line from a service to a pod.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) service: Id,
    pub(super) pod: Slot,
    last_ms: f64,
}

/// A lost request; at the service itself where no pod was there to take it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spark {
    pub(super) service: Id,
    pub(super) pod: Option<Slot>,
    since_ms: f64,
}

/// All that is seen of traffic.
#[derive(Clone, Debug, Default)]
pub(super) struct Flows {
    pub(super) lines: Vec<Line>,
    pub(super) sparks: Vec<Spark>,
}

impl Line {
    /// How much of it is seen (0 to 1).
    pub(super) fn alpha(&self, now_ms: f64) -> f64 {
        (1.0 - (now_ms - self.last_ms) / LINE_MS).clamp(0.0, 1.0)
    }
}

impl Spark {
    /// How far it is on its way out (0 to 1).
    pub(super) fn part(&self, now_ms: f64) -> f64 {
        ((now_ms - self.since_ms) / SPARK_MS).clamp(0.0, 1.0)
    }
}

impl Flows {
    /// Requests that were made.
    pub(super) fn add(&mut self, flows: Vec<Flow>, now_ms: f64) {
        for flow in flows {
            if flow.lost > 0 && self.sparks.len() < SPARKS_MAX {
                self.sparks.push(Spark { service: flow.service.clone(), pod: flow.pod, since_ms: now_ms });
            }
            let (Some(pod), true) = (flow.pod, flow.answered > 0) else { continue };
            let has_room = self.lines.len() < LINES_MAX;
            match self.lines.iter_mut().find(|l| l.pod == pod && l.service == flow.service) {
                Some(line) => line.last_ms = now_ms,
                None if has_room => self.lines.push(Line { service: flow.service, pod, last_ms: now_ms }),
                None => {}
            }
        }
    }

    /// Forgets what is over.
    pub(super) fn age(&mut self, now_ms: f64) {
        self.lines.retain(|l| l.alpha(now_ms) > 0.0);
        self.sparks.retain(|s| s.part(now_ms) < 1.0);
    }

    pub(super) fn is_moving(&self, now_ms: f64) -> bool {
        self.lines.iter().any(|l| l.alpha(now_ms) > 0.0) || self.sparks.iter().any(|s| s.part(now_ms) < 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(pod: Option<Slot>, answered: u32, lost: u32) -> Flow {
        Flow { service: ("default".into(), "web".into()), pod, answered, lost }
    }

    #[test]
    fn answered_requests_are_lines_and_lost_ones_sparks() {
        let mut flows = Flows::default();
        flows.add(vec![flow(Some(1), 3, 0), flow(Some(2), 0, 1), flow(None, 0, 2), flow(Some(1), 1, 0)], 0.0);
        let lines: Vec<_> = flows.lines.iter().map(|l| l.pod).collect();
        let sparks: Vec<_> = flows.sparks.iter().map(|s| s.pod).collect();
        assert_eq!((lines, sparks), (vec![1], vec![Some(2), None]));
    }

    #[test]
    fn what_flows_no_more_fades_and_comes_to_rest() {
        let mut flows = Flows::default();
        flows.add(vec![flow(Some(1), 1, 1)], 0.0);
        assert!(flows.is_moving(100.0));
        flows.age(LINE_MS);
        assert!(!flows.is_moving(LINE_MS) && flows.lines.is_empty() && flows.sparks.is_empty());
    }
}
