//! What was, for charts: samples over the cluster's time, thinned as they grow old, so that a day fits as an hour does.

use kubarium_core::view::{PodState, Rows};
use kubarium_core::{Span, Time};

/// How many samples are kept; with more, every second one goes and the others lie twice as far apart.
const SAMPLES_MAX: usize = 480;

/// The cluster at an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) at: Time,
    /// How many pods are in each state.
    pub(crate) states: [u32; PodState::COUNT],
    /// Share of all nodes' CPU that is requested, in percent.
    pub(crate) cpu: f64,
    /// Share of all nodes' memory that is requested, in percent.
    pub(crate) memory: f64,
    /// Requests so far: answered, lost.
    pub(crate) requests: (u64, u64),
}

/// Samples, the oldest first.
#[derive(Clone, Debug)]
pub(crate) struct History {
    samples: Vec<Sample>,
    apart: Span,
}

impl Default for History {
    fn default() -> Self {
        Self { samples: Vec::new(), apart: Span::from_secs(1) }
    }
}

impl History {
    /// Takes a sample if the last one is old enough. Time that went back begins a new history.
    pub(crate) fn observe(&mut self, at: Time, rows: &Rows, requests: (u64, u64)) {
        match self.samples.last() {
            Some(last) if at < last.at => *self = Self::default(),
            Some(last) if at.since(last.at) < self.apart => return,
            _ => {}
        }
        let (mut used, mut has) = ((0i64, 0i64), (0i64, 0i64));
        for (node, place) in rows.nodes() {
            used.0 += place.requested.cpu_milli;
            used.1 += place.requested.memory_bytes / 1_024;
            has.0 += node.allocatable.cpu_milli;
            has.1 += node.allocatable.memory_bytes / 1_024;
        }
        let share = |used: i64, has: i64| if has > 0 { used as f64 * 100.0 / has as f64 } else { 0.0 };
        self.samples.push(Sample {
            at,
            states: PodState::ALL.map(|s| rows.states().get(s)),
            cpu: share(used.0, has.0),
            memory: share(used.1, has.1),
            requests,
        });
        if self.samples.len() > SAMPLES_MAX {
            let mut index = 0;
            self.samples.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.apart = Span(self.apart.0 * 2);
        }
    }

    pub(crate) fn samples(&self) -> &[Sample] {
        &self.samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_samples_are_thinned_and_the_first_and_last_stay_near() {
        let mut history = History::default();
        for second in 0..10_000 {
            history.observe(Time::EPOCH + Span::from_secs(second), &Rows::default(), (0, 0));
        }
        let at = |sample: Option<&Sample>| sample.map(|s| s.at.as_secs());
        assert!(history.samples().len() <= SAMPLES_MAX);
        assert_eq!(at(history.samples().first()), Some(0));
        assert!(at(history.samples().last()).is_some_and(|last| last > 9_900));
    }

    #[test]
    fn time_that_goes_back_begins_anew() {
        let mut history = History::default();
        history.observe(Time::EPOCH + Span::from_secs(100), &Rows::default(), (0, 0));
        history.observe(Time::EPOCH + Span::from_secs(5), &Rows::default(), (0, 0));
        assert_eq!(history.samples().iter().map(|s| s.at.as_secs()).collect::<Vec<_>>(), [5]);
    }
}
