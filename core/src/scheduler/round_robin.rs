//! A simple scheduler: nodes take turns.

use super::assess::{Asking, Assessment, assess};
use super::decision::Chosen;
use super::framework::{Framework, Verdict, View};
use super::profile::{Choice, Scheduler, count, nominated_anew, refusals};
use crate::api::CommonName;
use std::sync::Arc;

/// `round-robin`: the next node by name that will do. It honours every filter and knows no scores.
#[derive(Clone, Debug)]
pub(super) struct RoundRobin {
    name: CommonName,
    framework: Arc<Framework>,
    /// The node chosen last.
    last: CommonName,
}

impl RoundRobin {
    /// With these plugins, of which the scores are not asked.
    pub(super) fn new(framework: Framework) -> Self {
        Self { name: "round-robin".into(), framework: framework.into(), last: CommonName::default() }
    }
}

impl Scheduler for RoundRobin {
    fn name(&self) -> &CommonName {
        &self.name
    }

    fn framework(&self) -> &Framework {
        &self.framework
    }

    fn choose(&mut self, pod: Asking<'_>, view: View<'_>) -> Choice {
        if let Some(choice) = nominated_anew(&self.framework, pod, view) {
            return choice;
        }
        let Assessment { verdicts, feasible, .. } = assess(&self.framework, pod, view);
        let next = view.snapshot.after(&self.last).find(|index| verdicts[*index as usize] == Verdict::Feasible);
        let chosen =
            next.map(|index| Chosen { node: view.snapshot.nodes()[index as usize].name.clone(), runner_up: None });
        if let Some(chosen) = &chosen {
            self.last = chosen.node.clone();
        }
        let mut counts = Vec::new();
        for verdict in verdicts {
            count(&mut counts, verdict, 1);
        }
        let refusals = refusals(&self.framework, pod.info, &counts);
        Choice { chosen, scores: Arc::default(), feasible: feasible.len() as u32, refusals }
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}
