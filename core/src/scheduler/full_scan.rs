//! The reference: decides as the default scheduler, with no memory from one pod to the next.

use super::decision::Chosen;
use super::framework::{Framework, Verdict};
use super::node::NodeInfo;
use super::pod::PodClass;
use super::profile::{Choice, Scheduler, count, refusals, scores};
use super::snapshot::Snapshot;
use std::sync::Arc;

/// `full-scan`: asks every plugin about every node for every pod. What the default scheduler saves by remembering
/// is measured against it, and that it decides alike is tested against it.
#[derive(Clone, Debug)]
pub(super) struct FullScan {
    framework: Arc<Framework>,
}

impl FullScan {
    /// With these plugins.
    pub(super) fn new(framework: Framework) -> Self {
        Self { framework: framework.into() }
    }
}

impl Scheduler for FullScan {
    fn name(&self) -> &'static str {
        "full-scan"
    }

    fn framework(&self) -> &Framework {
        &self.framework
    }

    fn choose(&mut self, pod: &Arc<PodClass>, snapshot: &Snapshot) -> Choice {
        let mut counts = Vec::new();
        let mut ranked: Vec<(i32, &NodeInfo)> = Vec::new();
        for node in snapshot.nodes().iter().filter(|n| n.present) {
            if let Some((number, refused)) = self.framework.refusal(pod, node) {
                count(&mut counts, Verdict::Refused(number, refused), 1);
            } else {
                ranked.push((scores(&self.framework, pod, node).iter().map(|s| s.score).sum(), node));
            }
        }
        ranked.sort_by(|(a, one), (b, other)| b.cmp(a).then((one.tie, &one.name).cmp(&(other.tie, &other.name))));
        let chosen = ranked.first().map(|(total, node)| Chosen {
            node: node.name.clone(),
            feasible: ranked.len() as u32,
            scores: scores(&self.framework, pod, node),
            runner_up: ranked.get(1).map(|(least, node)| (node.name.clone(), total - least)),
        });
        Choice { chosen, refusals: refusals(&self.framework, pod, &counts) }
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}
