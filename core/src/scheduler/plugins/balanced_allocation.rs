//! `NodeResourcesBalancedAllocation`: better where the pod brings the use of cpu and of memory closer together.

use crate::scheduler::framework::{SCORE_MAX, Score};
use crate::scheduler::node::NodeInfo;
use crate::scheduler::pod::PodClass;

pub(super) struct BalancedAllocation;

/// How much of a resource is used, 1 at most; none where the node has none of it.
fn share(used: i64, have: i64) -> Option<f64> {
    (have != 0).then(|| (used as f64 / have as f64).min(1.0))
}

/// Upstream's balance, 50 to 100: 100 less the deviation of the two shares from their mean in hundredths, rounded
/// down. In floating point, with upstream's operations in upstream's order: the same on every machine.
fn balance(cpu: Option<f64>, memory: Option<f64>) -> i32 {
    let deviation = match (cpu, memory) {
        (Some(cpu), Some(memory)) => ((cpu - memory) / 2.0).abs(),
        _ => 0.0,
    };
    ((1.0 - deviation) * 100.0) as i32
}

impl Score for BalancedAllocation {
    fn name(&self) -> &'static str {
        "NodeResourcesBalancedAllocation"
    }

    fn concerns(&self, pod: &PodClass) -> bool {
        // A pod that asks for nothing balances nothing.
        pod.requests.cpu != 0 || pod.requests.memory != 0
    }

    /// As since Kubernetes 1.36: 75 where the balance stays as it is, and half of what it gains or loses.
    fn score(&self, pod: &PodClass, node: &NodeInfo) -> i32 {
        let (asked, have, used) = (&pod.requests, &node.allocatable, &node.used);
        let before = balance(share(used.cpu, have.cpu), share(used.memory, have.memory));
        let after = balance(
            share(used.cpu.saturating_add(asked.cpu), have.cpu),
            share(used.memory.saturating_add(asked.memory), have.memory),
        );
        i32::midpoint(SCORE_MAX + SCORE_MAX / 2 - before, after)
    }
}
