//! The reference: decides as the default scheduler, with no memory from one pod to the next.

use super::decision::Chosen;
use super::framework::{Framework, Verdict};
use super::node::NodeInfo;
use super::pod::PodClass;
use super::profile::{Choice, Scheduler, count, refusals, scores};
use super::snapshot::Snapshot;
use std::sync::Arc;

/// A node with its sum of weighted scores.
type Ranked<'a> = (i32, &'a NodeInfo);

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
        let mut feasible = 0;
        let (mut best, mut second): (Option<Ranked<'_>>, Option<Ranked<'_>>) = (None, None);
        let better = |(total, node): Ranked<'_>, than: Option<Ranked<'_>>| {
            than.is_none_or(|(least, other)| total > least || total == least && node.before(other))
        };
        for node in snapshot.nodes().iter().filter(|n| n.present) {
            if let Some((number, refused)) = self.framework.refusal(pod, node) {
                count(&mut counts, Verdict::Refused(number, refused), 1);
                continue;
            }
            feasible += 1;
            let this = (self.framework.total(pod, node), node);
            if better(this, best) {
                second = best;
                best = Some(this);
            } else if better(this, second) {
                second = Some(this);
            }
        }
        let chosen = best.map(|(total, node)| Chosen {
            node: node.name.clone(),
            feasible,
            scores: scores(&self.framework, pod, node),
            runner_up: second.map(|(least, node)| (node.name.clone(), total - least)),
        });
        Choice { chosen, refusals: refusals(&self.framework, pod, &counts) }
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}
