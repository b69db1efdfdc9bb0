//! A simple scheduler: nodes take turns.

use super::decision::Chosen;
use super::evaluation::Evaluations;
use super::framework::Framework;
use super::pod::PodClass;
use super::profile::{Choice, Scheduler, refusals};
use super::snapshot::Snapshot;
use crate::api::Name;
use std::sync::Arc;

/// `round-robin`: the next node by name that will do. It honours every filter and knows no scores.
#[derive(Clone, Debug)]
pub(super) struct RoundRobin {
    framework: Arc<Framework>,
    evaluations: Evaluations,
    /// The node chosen last.
    last: Name,
}

impl RoundRobin {
    /// With these plugins, of which the scores are not asked.
    pub(super) fn new(framework: Framework) -> Self {
        Self { framework: framework.into(), evaluations: Evaluations::default(), last: Name::default() }
    }
}

impl Scheduler for RoundRobin {
    fn name(&self) -> &'static str {
        "round-robin"
    }

    fn framework(&self) -> &Framework {
        &self.framework
    }

    fn choose(&mut self, pod: &Arc<PodClass>, snapshot: &Snapshot) -> Choice {
        let evaluation = self.evaluations.of(&self.framework, pod, snapshot);
        let next = snapshot.after(&self.last).find(|index| evaluation.is_feasible(*index));
        let chosen = next.map(|index| Chosen {
            node: snapshot.nodes()[index as usize].name.clone(),
            feasible: evaluation.feasible(),
            scores: Box::default(),
            runner_up: None,
        });
        if let Some(chosen) = &chosen {
            self.last = chosen.node.clone();
        }
        Choice { chosen, refusals: refusals(&self.framework, pod, evaluation.counts()) }
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}
