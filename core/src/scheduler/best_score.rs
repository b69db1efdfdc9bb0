//! The scheduler of a profile: the best of all nodes that will do.

use super::assess::{Asking, feasible, scores};
use super::decision::{Chosen, PluginScore, Preemption, Refusal};
use super::evaluation::{Evaluation, Evaluations};
use super::framework::{Framework, View};
use super::full_scan::scan;
use super::node::NodeInfo;
use super::outlook::{Outlook, Outlooks, Row};
use super::pod::PodClass;
use super::preemption::{may_preempt, search};
use super::profile::{Choice, Scheduler, count, nominated, refusals};
use super::prospects::AllProspects;
use crate::api::Name;
use std::borrow::Cow;
use std::sync::Arc;

/// The scheduler of a profile, such as `default-scheduler`: of all nodes that will do, the one with the highest score.
#[derive(Clone, Debug)]
pub(super) struct BestScore {
    name: Name,
    framework: Arc<Framework>,
    evaluations: Evaluations,
    outlooks: Outlooks,
    prospects: AllProspects,
}

impl BestScore {
    /// Of that name, with these plugins.
    pub(super) fn new(name: Name, framework: Framework) -> Self {
        let (evaluations, outlooks, prospects) = Default::default();
        Self { name, framework: framework.into(), evaluations, outlooks, prospects }
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
    let totals = evaluation.totals();
    let chosen = totals.first().map(|best| {
        let node = &nodes[best as usize];
        let margin = |second| totals.total(best) - totals.total(second);
        Chosen {
            node: node.name.clone(),
            feasible: evaluation.feasible().len() as u32,
            scores: all_scores(framework, &pod.info.class, node, flat, 0),
            runner_up: totals.second(view.snapshot).map(|second| (nodes[second as usize].name.clone(), margin(second))),
        }
    });
    Choice { chosen, refusals: refusals(framework, pod.info, evaluation.counts()) }
}

/// Whether a pod waits for no node yet, and neither it nor those that do say anything of others.
fn is_alone(pod: Asking<'_>, outlook: &Outlook, view: View<'_>) -> bool {
    pod.nominated.is_none() && outlook.around.is_empty() && !view.snapshot.have_nominated_terms()
}

/// The places of the highest sum and of the next one; among equals of the one that goes before.
fn best_two(sums: &[i32], before: impl Fn(usize, usize) -> bool) -> (Option<usize>, Option<usize>) {
    let two_of = |top: i32, but: Option<usize>| {
        let (mut first, mut second) = (None, None);
        for (place, _) in sums.iter().enumerate().filter(|(place, sum)| **sum == top && Some(*place) != but) {
            if first.is_none_or(|first| before(place, first)) {
                second = first;
                first = Some(place);
            } else if second.is_none_or(|second| before(place, second)) {
                second = Some(place);
            }
        }
        (first, second)
    };
    let Some(top) = sums.iter().max() else { return (None, None) };
    let (Some(best), second) = two_of(*top, None) else { return (None, None) };
    let next = || sums[..best].iter().chain(&sums[best + 1..]).max().and_then(|top| two_of(*top, Some(best)).0);
    (Some(best), second.or_else(next))
}

/// The best of all nodes, where wide plugins have something to say.
fn best_around(
    framework: &Framework,
    pod: Asking<'_>,
    evaluation: &Evaluation,
    outlook: &Outlook,
    view: View<'_>,
) -> Choice {
    let nodes = view.snapshot.nodes();
    let mut counts = evaluation.counts().to_vec();
    let feasible = if outlook.around.is_content() {
        Cow::Borrowed(evaluation.feasible())
    } else {
        let mut verdicts = evaluation.verdicts().to_vec();
        outlook.around.judge(&mut verdicts, &mut |before, after, nodes| {
            if nodes > 0 {
                count(&mut counts, before, -(nodes as i32));
                count(&mut counts, after, nodes as i32);
            }
        });
        Cow::Owned(feasible(&verdicts))
    };
    let wide = outlook.rankings.rows(&feasible);
    if outlook.around.is_content() && wide.iter().all(Row::is_flat) {
        return best_alone(framework, pod, evaluation, &wide, view);
    }
    let totals = evaluation.totals();
    let mut sums: Vec<i32> = feasible.iter().map(|index| totals.total(*index)).collect();
    for row in &wide {
        row.add_to(&mut sums);
    }
    let node = |place: usize| &nodes[feasible[place] as usize];
    let (best, second) = best_two(&sums, |a, b| view.snapshot.before(feasible[a], feasible[b]));
    let chosen = best.map(|place| Chosen {
        node: node(place).name.clone(),
        feasible: feasible.len() as u32,
        scores: all_scores(framework, &pod.info.class, node(place), &wide, place),
        runner_up: second.map(|second| (node(second).name.clone(), sums[place] - sums[second])),
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
        let outlook = self.outlooks.of(framework, pod.info, view);
        if view.snapshot.has_nominated() && !is_alone(pod, outlook, view) {
            // What is remembered knows nodes with pods that are to come, but not what those mean to others.
            return scan(framework, pod, view);
        }
        let evaluation = self.evaluations.of(framework, &pod.info.class, view.snapshot);
        match &outlook.flat {
            Some(flat) if outlook.around.is_content() => best_alone(framework, pod, evaluation, flat, view),
            _ => best_around(framework, pod, evaluation, outlook, view),
        }
    }

    fn preempt(&mut self, pod: Asking<'_>, refusals: &[Refusal], view: View<'_>) -> Preemption {
        let outlook = self.outlooks.of(&self.framework, pod.info, view);
        if is_alone(pod, outlook, view) && may_preempt(&self.framework, pod, view) {
            return self.prospects.of(&self.framework, pod, view);
        }
        search(&self.framework, pod, refusals, view)
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}
