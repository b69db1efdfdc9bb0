//! The scheduler of a profile: the best of all nodes that will do.

use super::assess::{Asking, scores, total};
use super::decision::{Chosen, PluginScore};
use super::evaluation::{Evaluation, Evaluations};
use super::framework::{Framework, Row, Surroundings, Verdict, View};
use super::full_scan::scan;
use super::node::NodeInfo;
use super::pod::PodClass;
use super::profile::{Choice, Scheduler, count, nominated, refusals};
use crate::api::Name;
use std::sync::Arc;

/// The scheduler of a profile, such as `default-scheduler`: of all nodes that will do, the one with the highest score.
#[derive(Clone, Debug)]
pub(super) struct BestScore {
    name: Name,
    framework: Arc<Framework>,
    evaluations: Evaluations,
}

impl BestScore {
    /// Of that name, with these plugins.
    pub(super) fn new(name: Name, framework: Framework) -> Self {
        Self { name, framework: framework.into(), evaluations: Evaluations::default() }
    }
}

/// What each plugin gives a node, given what the wide ones give the node at that place.
fn all_scores(
    framework: &Framework,
    class: &PodClass,
    node: &NodeInfo,
    wide: &[Row],
    place: usize,
) -> Box<[PluginScore]> {
    let alone = framework.node_scores(class).map(|(score, weight)| {
        let raw = score.score(class, node);
        PluginScore { plugin: score.name(), normalized: raw, weighted: weight * raw }
    });
    alone.chain(scores(wide, place)).collect()
}

/// The best of nodes that are the same to all wide plugins: what is remembered of them decides.
fn best_alone(framework: &Framework, pod: Asking<'_>, evaluation: &Evaluation, flat: &[Row], view: View<'_>) -> Choice {
    let nodes = view.snapshot.nodes();
    let chosen = evaluation.best(nodes).map(|((best, total), second)| {
        let node = &nodes[best as usize];
        Chosen {
            node: node.name.clone(),
            feasible: evaluation.feasible(),
            scores: all_scores(framework, &pod.info.class, node, flat, 0),
            runner_up: second.map(|(index, least)| (nodes[index as usize].name.clone(), total - least)),
        }
    });
    Choice { chosen, refusals: refusals(framework, pod.info, evaluation.counts()) }
}

/// The best of all nodes, where wide plugins have something to say.
fn best_around(
    framework: &Framework,
    pod: Asking<'_>,
    evaluation: &Evaluation,
    around: &Surroundings,
    view: View<'_>,
) -> Choice {
    let nodes = view.snapshot.nodes();
    let (mut feasible, mut counts) = (Vec::new(), Vec::new());
    for (index, (node, alone)) in nodes.iter().zip(evaluation.verdicts()).enumerate() {
        let before = match alone {
            Verdict::Absent => continue,
            Verdict::Refused(number, _) => *number,
            Verdict::Feasible => u8::MAX,
        };
        let refused = around.refusal(before, index as u32, node);
        let verdict = refused.map_or(*alone, |(number, refused)| Verdict::Refused(number, refused));
        count(&mut counts, verdict, 1);
        if verdict == Verdict::Feasible {
            feasible.push(index as u32);
        }
    }
    let wide = framework.wide_scores(pod.info, view, &feasible);
    let mut best: Option<(usize, i32)> = None;
    let mut second: Option<(usize, i32)> = None;
    let node = |place: usize| &nodes[feasible[place] as usize];
    let better = |(a, total_a): (usize, i32), (b, total_b): (usize, i32)| {
        total_a > total_b || total_a == total_b && node(a).before(node(b))
    };
    for (place, index) in feasible.iter().enumerate() {
        let this = (place, evaluation.total(*index) + total(&wide, place));
        if best.is_none_or(|b| better(this, b)) {
            second = best;
            best = Some(this);
        } else if second.is_none_or(|s| better(this, s)) {
            second = Some(this);
        }
    }
    let chosen = best.map(|(place, total)| Chosen {
        node: node(place).name.clone(),
        feasible: feasible.len() as u32,
        scores: all_scores(framework, &pod.info.class, node(place), &wide, place),
        runner_up: second.map(|(second, least)| (node(second).name.clone(), total - least)),
    });
    Choice { chosen, refusals: refusals(framework, pod.info, &counts) }
}

impl Scheduler for BestScore {
    fn name(&self) -> &Name {
        &self.name
    }

    fn framework(&self) -> &Framework {
        &self.framework
    }

    fn choose(&mut self, pod: Asking<'_>, view: View<'_>) -> Choice {
        let framework = &*self.framework;
        if let Some(choice) = nominated(framework, pod, view) {
            return choice;
        }
        if view.snapshot.nominated().iter().any(|n| n.uid != pod.uid) {
            // Some nodes are to be judged with pods that are yet to come.
            return scan(framework, pod, view);
        }
        let evaluation = self.evaluations.of(framework, &pod.info.class, view.snapshot);
        let around = framework.look(pod.info, view);
        match framework.flat_scores(pod.info, view).filter(|_| around.is_empty()) {
            Some(flat) => best_alone(framework, pod, evaluation, &flat, view),
            None => best_around(framework, pod, evaluation, &around, view),
        }
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}
