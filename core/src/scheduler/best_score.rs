//! The default scheduler: the best of all nodes that will do.

use super::decision::Chosen;
use super::evaluation::Evaluations;
use super::framework::Framework;
use super::pod::PodClass;
use super::profile::{Choice, Scheduler, refusals, scores};
use super::snapshot::Snapshot;
use std::sync::Arc;

/// `default-scheduler`: of all nodes that will do, the one with the highest score.
#[derive(Clone, Debug)]
pub(super) struct BestScore {
    framework: Arc<Framework>,
    evaluations: Evaluations,
}

impl BestScore {
    /// With these plugins.
    pub(super) fn new(framework: Framework) -> Self {
        Self { framework: framework.into(), evaluations: Evaluations::default() }
    }
}

impl Scheduler for BestScore {
    fn name(&self) -> &'static str {
        "default-scheduler"
    }

    fn framework(&self) -> &Framework {
        &self.framework
    }

    fn choose(&mut self, pod: &Arc<PodClass>, snapshot: &Snapshot) -> Choice {
        let evaluation = self.evaluations.of(&self.framework, pod, snapshot);
        let nodes = snapshot.nodes();
        let chosen = evaluation.best(nodes).map(|((best, total), second)| {
            let node = &nodes[best as usize];
            Chosen {
                node: node.name.clone(),
                feasible: evaluation.feasible(),
                scores: scores(&self.framework, pod, node),
                runner_up: second.map(|(index, least)| (nodes[index as usize].name.clone(), total - least)),
            }
        });
        Choice { chosen, refusals: refusals(&self.framework, pod, evaluation.counts()) }
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}
