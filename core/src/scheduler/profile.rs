//! The schedulers a pod can name, behind one small boundary.

use super::decision::{Chosen, PluginScore, Refusal};
use super::evaluation::{Evaluation, Evaluations};
use super::framework::{Framework, Verdict};
use super::node::NodeInfo;
use super::plugins;
use super::pod::PodClass;
use super::snapshot::Snapshot;
use crate::api::Name;
use std::fmt::Debug;
use std::sync::Arc;

/// What a scheduler makes of a pod.
pub(super) struct Choice {
    /// The node; none where none will do.
    pub(super) chosen: Option<Chosen>,
    /// Who refused.
    pub(super) refusals: Box<[Refusal]>,
}

/// Chooses a node for one pod at a time. It must not choose a node that its filters refuse.
pub(super) trait Scheduler: Debug + Send + Sync {
    /// The `schedulerName` it goes by.
    fn name(&self) -> &'static str;

    /// Its plugins.
    fn framework(&self) -> &Framework;

    /// Chooses.
    fn choose(&mut self, pod: &Arc<PodClass>, snapshot: &Snapshot) -> Choice;

    /// A copy that goes its own way.
    fn fork(&self) -> Box<dyn Scheduler>;
}

impl Clone for Box<dyn Scheduler> {
    fn clone(&self) -> Self {
        self.fork()
    }
}

/// Every scheduler there is; the default one first.
pub(super) fn all() -> Vec<Box<dyn Scheduler>> {
    vec![
        Box::new(BestScore { framework: plugins::default_profile().into(), evaluations: Evaluations::default() }),
        Box::new(RoundRobin {
            framework: plugins::filters_only().into(),
            evaluations: Evaluations::default(),
            last: Name::default(),
        }),
    ]
}

/// `default-scheduler`: of all nodes that will do, the one with the highest score.
#[derive(Clone, Debug)]
struct BestScore {
    framework: Arc<Framework>,
    evaluations: Evaluations,
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
        Choice { chosen, refusals: refusals(&self.framework, pod, evaluation) }
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}

/// `round-robin`: the next node by name that will do. It honours every filter and knows no scores.
#[derive(Clone, Debug)]
struct RoundRobin {
    framework: Arc<Framework>,
    evaluations: Evaluations,
    /// The node chosen last.
    last: Name,
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
        Choice { chosen, refusals: refusals(&self.framework, pod, evaluation) }
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}

/// What each plugin gives a node, with its weight.
pub(super) fn scores(framework: &Framework, pod: &PodClass, node: &NodeInfo) -> Box<[PluginScore]> {
    let concerned = framework.scores.iter().filter(|(s, _)| s.concerns(pod));
    concerned.map(|(s, weight)| PluginScore { plugin: s.name(), score: weight * s.score(pod, node) }).collect()
}

fn refusals(framework: &Framework, pod: &PodClass, evaluation: &Evaluation) -> Box<[Refusal]> {
    let refused = evaluation.counts().iter().filter(|(_, count)| *count > 0).filter_map(|(verdict, count)| {
        let Verdict::Refused(number, refused) = *verdict else { return None };
        Some(framework.refusal_data(pod, number, refused, *count))
    });
    let mut refusals: Box<[Refusal]> = refused.collect();
    refusals.sort_by(|a, b| (a.plugin, a.code, &a.reasons).cmp(&(b.plugin, b.code, &b.reasons)));
    refusals
}
