//! `NodeResourcesFit`'s default score, `LeastAllocated`: the more is left of cpu and memory, the better.

use crate::scheduler::framework::{SCORE_MAX, Score};
use crate::scheduler::node::NodeInfo;
use crate::scheduler::pod::PodClass;

pub(super) struct LeastAllocated;

/// Upstream's share of what is left, in whole hundredths, rounded down. Nothing where more is asked for than there is.
fn left(asked: i64, have: i64) -> i64 {
    if have <= 0 || asked > have {
        return 0;
    }
    let free = have - asked;
    // Amounts too large to be multiplied need no more than two digits of precision either.
    free.checked_mul(100).map_or_else(|| free / (have / 100), |hundredfold| hundredfold / have)
}

impl Score for LeastAllocated {
    fn name(&self) -> &'static str {
        "NodeResourcesFit"
    }

    fn score(&self, pod: &PodClass, node: &NodeInfo) -> i32 {
        let [cpu, memory] = node.counted;
        let cpu = left(cpu.saturating_add(pod.counted[0]), node.allocatable.cpu);
        let memory = left(memory.saturating_add(pod.counted[1]), node.allocatable.memory);
        // A resource the node does not have is left out of the mean, as upstream does.
        let kinds = i64::from(node.allocatable.cpu != 0) + i64::from(node.allocatable.memory != 0);
        if kinds == 0 { 0 } else { ((cpu + memory) / kinds).clamp(0, i64::from(SCORE_MAX)) as i32 }
    }
}
