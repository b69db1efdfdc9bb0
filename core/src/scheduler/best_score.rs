//! The scheduler of a profile: the best of all nodes that will do.

use super::assess::{Asking, scores, total};
use super::cells::Ranked;
use super::decision::{Chosen, PluginScore, Preemption, Refusal};
use super::evaluation::{Evaluation, Evaluations};
use super::framework::{Framework, Verdict, View};
use super::node::NodeInfo;
use super::outlook::{Field, Outlook, Outlooks, Row};
use super::pod::PodClass;
use super::preemption::{may_preempt, search};
use super::profile::{Choice, Scheduler, nominated, refusals};
use super::prospects::AllProspects;
use crate::api::{CommonName, Name};
use std::sync::Arc;

/// The scheduler of a profile, such as `default-scheduler`: of all nodes that will do, the one with the highest score.
#[derive(Clone, Debug)]
pub(super) struct BestScore {
    name: CommonName,
    framework: Arc<Framework>,
    evaluations: Evaluations,
    outlooks: Outlooks,
    prospects: AllProspects,
    latest: Latest,
}

impl BestScore {
    /// Of that name, with these plugins.
    pub(super) fn new(name: Name, framework: Framework) -> Self {
        let (evaluations, outlooks, prospects, latest) = Default::default();
        Self { name: name.into(), framework: framework.into(), evaluations, outlooks, prospects, latest }
    }
}

/// What the latest winner was given. The next one is often given the same, and then shares it.
#[derive(Clone, Debug, Default)]
struct Latest {
    scores: Arc<Vec<PluginScore>>,
    draft: Vec<PluginScore>,
}

impl Latest {
    /// What each plugin gives a node, given what the wide ones give the node at that place.
    fn scores(
        &mut self,
        framework: &Framework,
        class: &PodClass,
        node: &NodeInfo,
        wide: &[Row],
        place: usize,
    ) -> Arc<Vec<PluginScore>> {
        self.draft.clear();
        self.draft.extend(framework.node_scores(class).map(|(score, weight)| {
            let raw = score.score(class, node);
            PluginScore { plugin: score.name(), normalized: raw, weighted: weight * raw }
        }));
        self.draft.extend(scores(wide, place));
        if *self.scores != self.draft {
            self.scores = Arc::new(self.draft.clone());
        }
        Arc::clone(&self.scores)
    }
}

/// The best of nodes that are the same to all wide plugins: what is remembered of them decides.
fn best_alone(
    framework: &Framework,
    pod: Asking<'_>,
    evaluation: &Evaluation,
    flat: &[Row],
    latest: &mut Latest,
    view: View<'_>,
) -> Choice {
    let nodes = view.snapshot.nodes();
    let totals = evaluation.totals();
    let best = totals.first();
    let chosen = best.map(|best| {
        let runner_up = |second: u32| (nodes[second as usize].name.clone(), totals.total(best) - totals.total(second));
        Chosen { node: nodes[best as usize].name.clone(), runner_up: totals.second(view.snapshot).map(runner_up) }
    });
    let scores = best.map(|best| latest.scores(framework, &pod.info.class, &nodes[best as usize], flat, 0));
    let refusals = refusals(framework, pod.info, evaluation.counts());
    Choice { chosen, scores: scores.unwrap_or_default(), feasible: evaluation.feasible(), refusals }
}

/// The best of all nodes, where wide plugins have something to say. The exceptions will not do.
fn best_around(
    framework: &Framework,
    pod: Asking<'_>,
    evaluation: &Evaluation,
    outlook: &mut Outlook,
    exceptions: &[(u32, Verdict)],
    latest: &mut Latest,
    view: View<'_>,
) -> Choice {
    let Field { cells, alike, rows, counts } = outlook.field(evaluation, exceptions, view.snapshot);
    let stands = |node: &&Ranked| !exceptions.iter().any(|(index, _)| *index == node.node);
    let (mut best, mut second): (Option<Rival<'_>>, Option<Rival<'_>>) = (None, None);
    for (place, cell) in cells.iter().enumerate() {
        let given = total(&rows, place);
        // Of those after the second none can be among the best two.
        for node in cell.nodes().filter(stands).take(2).filter(|node| node.total() >= 0) {
            let rival = Rival { sum: node.total() + given, place, node };
            if best.as_ref().is_none_or(|best| rival.beats(best)) {
                second = best.replace(rival);
            } else if second.as_ref().is_none_or(|second| rival.beats(second)) {
                second = Some(rival);
            }
        }
    }
    let node = |rival: &Rival<'_>| &view.snapshot.nodes()[rival.node.node as usize];
    let scores = best.as_ref().map(|best| latest.scores(framework, &pod.info.class, node(best), &rows, best.place));
    let chosen = best.map(|best| Chosen {
        node: node(&best).name.clone(),
        runner_up: second.map(|second| (node(&second).name.clone(), best.sum - second.sum)),
    });
    let feasible = alike.iter().map(|alike| alike.count).sum();
    let refusals = refusals(framework, pod.info, &counts);
    Choice { chosen, scores: scores.unwrap_or_default(), feasible, refusals }
}

/// A node that could be the best.
struct Rival<'a> {
    sum: i32,
    /// The place of its cell among those whose nodes would do.
    place: usize,
    node: &'a Ranked,
}

impl Rival<'_> {
    fn beats(&self, other: &Self) -> bool {
        self.sum > other.sum || self.sum == other.sum && self.node.tie < other.node.tie
    }
}

impl Scheduler for BestScore {
    fn name(&self) -> &CommonName {
        &self.name
    }

    fn framework(&self) -> &Framework {
        &self.framework
    }

    fn choose(&mut self, pod: Asking<'_>, view: View<'_>) -> Choice {
        let framework = &*self.framework;
        let outlook = self.outlooks.of(framework, pod.info, view);
        if let Some(choice) = nominated(framework, pod, &mut outlook.around, view) {
            return choice;
        }
        let evaluation = self.evaluations.of(framework, &pod.info.class, view.snapshot);
        let exceptions = outlook.exceptions(framework, pod, evaluation, view);
        match &outlook.flat {
            Some(flat) if exceptions.is_empty() && outlook.around.is_content() => {
                best_alone(framework, pod, evaluation, flat, &mut self.latest, view)
            }
            _ => best_around(framework, pod, evaluation, outlook, &exceptions, &mut self.latest, view),
        }
    }

    fn preempt(&mut self, pod: Asking<'_>, refusals: &[Refusal], view: View<'_>) -> Preemption {
        if pod.nominated.is_some() || !may_preempt(&self.framework, pod.info, view) {
            return search(&self.framework, pod, refusals, view);
        }
        let outlook = self.outlooks.of(&self.framework, pod.info, view);
        self.prospects.of(&self.framework, pod, &mut outlook.around, view)
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}
