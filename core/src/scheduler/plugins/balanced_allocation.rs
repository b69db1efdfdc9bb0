//! `NodeResourcesBalancedAllocation`: better where the pod brings the use of a node's resources closer together.

use super::resources::Resource;
use crate::scheduler::framework::{SCORE_MAX, Score};
use crate::scheduler::node::NodeInfo;
use crate::scheduler::pod::PodClass;

pub(in crate::scheduler) struct BalancedAllocation {
    pub(in crate::scheduler) resources: Vec<Resource>,
}

impl Default for BalancedAllocation {
    fn default() -> Self {
        Self { resources: vec![Resource::Cpu, Resource::Memory] }
    }
}

/// Upstream's balance, 50 to 100: 100 less the deviation of the shares from their mean in hundredths, rounded down. In
/// floating point, with upstream's operations in upstream's order: the same on every machine.
fn balance(shares: impl Iterator<Item = f64> + Clone) -> i32 {
    let mut both = shares.clone();
    let deviation = match (both.next(), both.next(), both.next()) {
        (Some(one), Some(other), None) => ((one - other) / 2.0).abs(),
        (_, _, None) => 0.0,
        _ => {
            let count = shares.clone().count() as f64;
            let mean = shares.clone().sum::<f64>() / count;
            (shares.map(|share| (share - mean) * (share - mean)).sum::<f64>() / count).sqrt()
        }
    };
    ((1.0 - deviation) * 100.0) as i32
}

impl Score for BalancedAllocation {
    fn name(&self) -> &'static str {
        "NodeResourcesBalancedAllocation"
    }

    fn concerns(&self, pod: &PodClass) -> bool {
        // A pod that asks for nothing balances nothing.
        self.resources.iter().any(|resource| resource.is_asked(pod))
    }

    /// As since Kubernetes 1.36: 75 where the balance stays as it is, and half of what it gains or loses.
    fn score(&self, pod: &PodClass, node: &NodeInfo) -> i32 {
        let shares = |with: bool| {
            let amounts = self.resources.iter().filter_map(|resource| resource.of(pod, node, false));
            amounts
                .map(move |(after, before, have)| ((if with { after } else { before }) as f64 / have as f64).min(1.0))
        };
        i32::midpoint(SCORE_MAX + SCORE_MAX / 2 - balance(shares(false)), balance(shares(true)))
    }
}
