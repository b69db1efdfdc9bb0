//! Numbers over time, for plots.

use kubarium_core::api::{Kind, PodPhase};
use kubarium_core::sim::World;

/// One moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    /// Seconds since the beginning.
    pub(super) second: f64,
    pub(super) pending: u32,
    pub(super) running: u32,
    pub(super) ready: u32,
    pub(super) ended: u32,
    /// Requests so far: answered, and those lost or refused.
    pub(super) answered: u64,
    pub(super) failed: u64,
}

/// All moments, where they are wanted.
pub(super) struct Samples {
    wanted: bool,
    pub(super) list: Vec<Sample>,
}

impl Samples {
    pub(super) const fn new(wanted: bool) -> Self {
        Self { wanted, list: Vec::new() }
    }

    pub(super) const fn wanted(&self) -> bool {
        self.wanted
    }

    pub(super) fn take(&mut self, world: &World) {
        if !self.wanted {
            return;
        }
        let mut sample = Sample { second: world.elapsed().0 as f64 / 1e6, ..Sample::default() };
        for pod in world.cluster().store().list(Kind::Pod, None).filter_map(|o| o.pod()) {
            match pod.status.phase {
                PodPhase::Pending | PodPhase::Unknown => sample.pending += 1,
                PodPhase::Running => sample.running += 1,
                PodPhase::Succeeded | PodPhase::Failed => sample.ended += 1,
            }
            sample.ready += u32::from(pod.status.is_ready());
        }
        for (_, _, counters) in world.traffic().services() {
            sample.answered += counters.answered;
            sample.failed += counters.lost + counters.refused;
        }
        self.list.push(sample);
    }
}
