//! The reference: decides as the default scheduler, with no memory from one pod to the next.

use super::assess::{Asking, Assessment, assess, rows, scores, total};
use super::decision::Chosen;
use super::framework::{Framework, View};
use super::profile::{Choice, Scheduler, count, nominated_anew, refusals};
use crate::api::CommonName;
use std::sync::Arc;

/// `full-scan`: asks every plugin about every node for every pod. What the default scheduler saves by remembering
/// is measured against it, and that it decides alike is tested against it.
#[derive(Clone, Debug)]
pub(super) struct FullScan {
    name: CommonName,
    framework: Arc<Framework>,
}

impl FullScan {
    /// With these plugins.
    pub(super) fn new(framework: Framework) -> Self {
        Self { name: "full-scan".into(), framework: framework.into() }
    }
}

/// The best of all nodes, by the plain way.
pub(super) fn scan(framework: &Framework, pod: Asking<'_>, view: View<'_>) -> Choice {
    let Assessment { verdicts, feasible, .. } = assess(framework, pod, view);
    let nodes = view.snapshot.nodes();
    let rows = rows(framework, &pod.info.class, &framework.rankings(pod.info, view), nodes, &feasible);
    let node = |place: usize| &nodes[feasible[place].node as usize];
    let better = |place: usize, than: Option<usize>| {
        let Some(than) = than else { return true };
        let (total, other) = (total(&rows, place), total(&rows, than));
        total > other || total == other && view.snapshot.before(feasible[place].node, feasible[than].node)
    };
    let (mut best, mut second) = (None, None);
    for place in 0..feasible.len() {
        if better(place, best) {
            second = best;
            best = Some(place);
        } else if better(place, second) {
            second = Some(place);
        }
    }
    let given = best.map(|best| Arc::new(scores(&rows, best).collect()));
    let chosen = best.map(|best| Chosen {
        node: node(best).name.clone(),
        runner_up: second.map(|second| (node(second).name.clone(), total(&rows, best) - total(&rows, second))),
    });
    let mut counts = Vec::new();
    for verdict in verdicts {
        count(&mut counts, verdict, 1);
    }
    let refusals = refusals(framework, pod.info, &counts);
    Choice { chosen, scores: given.unwrap_or_default(), feasible: feasible.len() as u32, refusals }
}

impl Scheduler for FullScan {
    fn name(&self) -> &CommonName {
        &self.name
    }

    fn framework(&self) -> &Framework {
        &self.framework
    }

    fn choose(&mut self, pod: Asking<'_>, view: View<'_>) -> Choice {
        nominated_anew(&self.framework, pod, view).unwrap_or_else(|| scan(&self.framework, pod, view))
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}
