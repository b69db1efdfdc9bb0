//! `NodeResourcesFit`'s score: by what is left or used of resources.

use super::resources::{Resource, hundredths};
use crate::scheduler::framework::{SCORE_MAX, Score};
use crate::scheduler::node::NodeInfo;
use crate::scheduler::pod::PodClass;

/// What is better.
#[derive(Clone, Debug)]
pub(in crate::scheduler) enum Strategy {
    /// The more is left.
    LeastAllocated,
    /// The more is used.
    MostAllocated,
    /// As drawn: scores (0 to 100) at hundredths used, in rising order, and straight lines between them.
    RequestedToCapacityRatio(Vec<(i64, i64)>),
}

pub(in crate::scheduler) struct ResourceScore {
    pub(in crate::scheduler) strategy: Strategy,
    /// Which resources, and how much each weighs.
    pub(in crate::scheduler) resources: Vec<(Resource, i64)>,
}

impl Default for ResourceScore {
    fn default() -> Self {
        Self { strategy: Strategy::LeastAllocated, resources: vec![(Resource::Cpu, 1), (Resource::Memory, 1)] }
    }
}

/// The score at so many hundredths.
fn drawn(shape: &[(i64, i64)], hundredths: i64) -> i64 {
    let at = shape.partition_point(|(used, _)| *used < hundredths);
    match (at.checked_sub(1).and_then(|before| shape.get(before)), shape.get(at)) {
        (Some((from, low)), Some((to, high))) => low + (high - low) * (hundredths - from) / (to - from),
        (Some((_, score)), None) | (None, Some((_, score))) => *score,
        (None, None) => 0,
    }
}

impl Score for ResourceScore {
    fn name(&self) -> &'static str {
        "NodeResourcesFit"
    }

    fn score(&self, pod: &PodClass, node: &NodeInfo) -> i32 {
        let (mut sum, mut weights) = (0, 0);
        for (resource, weight) in &self.resources {
            let Some((asked, _, have)) = resource.of(pod, node, true) else { continue };
            let score = match &self.strategy {
                Strategy::LeastAllocated if asked > have => 0,
                Strategy::LeastAllocated => hundredths(have - asked, have),
                Strategy::MostAllocated => hundredths(asked.min(have), have),
                Strategy::RequestedToCapacityRatio(shape) => drawn(shape, hundredths(asked.clamp(0, have), have)),
            };
            // Where it is drawn, what scores nothing does not weigh either, as upstream.
            if score > 0 || !matches!(self.strategy, Strategy::RequestedToCapacityRatio(_)) {
                sum += score * weight;
                weights += weight;
            }
        }
        let score = match &self.strategy {
            _ if weights == 0 => 0,
            Strategy::RequestedToCapacityRatio(_) => (sum as f64 / weights as f64).round() as i64,
            _ => sum / weights,
        };
        score.clamp(0, i64::from(SCORE_MAX)) as i32
    }
}
