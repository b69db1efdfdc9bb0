//! What the plugins that look around saw for one pod.

use super::assess::{Asking, stand};
use super::cells::{Cell, Cells};
use super::evaluation::Evaluation;
use super::framework::{Alike, Around, Framework, Given, Rank, Refused, Verdict, View};
use super::info::PodInfo;
use super::node::{NodeInfo, Placed};
use super::profile::count;
use super::recent::Recent;
use super::snapshot::Snapshot;
use std::sync::Arc;

/// What the wide filters see around for one pod, each with its number.
#[derive(Debug, Default)]
pub(super) struct Surroundings(Vec<(u8, Box<dyn Around>)>);

impl Surroundings {
    pub(super) const fn new(all: Vec<(u8, Box<dyn Around>)>) -> Self {
        Self(all)
    }

    /// Whether no wide filter has anything to say.
    pub(super) fn is_empty(&self) -> bool {
        !self.0.iter().any(|(_, around)| around.has_say())
    }

    /// Whether no node is refused.
    pub(super) fn is_content(&self) -> bool {
        self.0.iter().all(|(_, around)| around.is_content())
    }

    /// Takes over what is on nodes now.
    pub(super) fn see(&mut self, nodes: &[u32], view: View<'_>) {
        for (_, around) in &mut self.0 {
            for index in nodes {
                around.see(*index, &view.snapshot.nodes()[*index as usize], view);
            }
            around.settle();
        }
    }

    /// Adds what sets a node apart from others.
    fn liken(&self, index: u32, traits: &mut Vec<i64>) {
        self.0.iter().for_each(|(_, around)| around.liken(index, traits));
    }

    /// The first of the wide filters before number `before` that refuses a node.
    pub(super) fn refusal(&self, before: u8, index: u32) -> Option<(u8, Refused)> {
        let mut asked = self.0.iter().filter(|(number, _)| *number < before);
        asked.find_map(|(number, around)| Some((*number, around.refuse(index)?)))
    }

    /// Counts another pod in (1) on a node, or out (-1).
    pub(super) fn count(&mut self, other: &Placed, index: u32, node: &NodeInfo, by: i64, view: View<'_>) {
        for (_, around) in &mut self.0 {
            around.count(other, index, node, by, view);
        }
    }

    /// What the wide filter of that number saw.
    #[cfg(feature = "foresight")]
    pub(super) fn of(&self, number: u8) -> Option<&dyn Around> {
        self.0.iter().find(|(other, _)| *other == number).map(|(_, around)| &**around)
    }

    /// Counts pods in on a node, or out.
    pub(super) fn count_all(&mut self, others: &[Placed], index: u32, node: &NodeInfo, by: i64, view: View<'_>) {
        for other in others {
            self.count(other, index, node, by, view);
        }
    }

    /// All on which it depends whether a node is refused, also once pods of that node go or come.
    pub(super) fn weights(&self, index: u32) -> Vec<i64> {
        let mut weights = Vec::new();
        self.0.iter().for_each(|(_, around)| around.weigh(index, &mut weights));
        weights
    }

    /// The number of the first of the wide filters; none where none looks around.
    pub(super) fn first(&self) -> Option<u8> {
        self.0.first().map(|(number, _)| *number)
    }
}

/// What the wide scores see of nodes for one pod, each with its name and weight.
#[derive(Debug, Default)]
pub(super) struct Rankings(Vec<(&'static str, i32, Rank)>);

impl Rankings {
    pub(super) const fn new(all: Vec<(&'static str, i32, Rank)>) -> Self {
        Self(all)
    }

    /// Takes over what is on nodes now.
    pub(super) fn see(&mut self, nodes: &[u32], view: View<'_>) {
        for (_, _, rank) in &mut self.0 {
            if let Rank::By(ranking) = rank {
                for index in nodes {
                    ranking.see(*index, &view.snapshot.nodes()[*index as usize], view);
                }
            }
        }
    }

    /// Whether all nodes are given the same, whichever they are.
    pub(super) fn is_flat(&self) -> bool {
        self.0.iter().all(|(_, _, rank)| matches!(rank, Rank::Flat(_)))
    }

    /// Adds what sets a node apart from others.
    fn liken(&self, index: u32, traits: &mut Vec<i64>) {
        for (_, _, rank) in &self.0 {
            if let Rank::By(ranking) = rank {
                ranking.liken(index, traits);
            }
        }
    }

    /// What is counted for each of these nodes, by plugin.
    pub(super) fn raw(&self, nodes: &[Alike]) -> Vec<(&'static str, Vec<i64>)> {
        let counted = self.0.iter().filter_map(|(plugin, _, rank)| match rank {
            Rank::Flat(_) => None,
            Rank::By(ranking) => Some((*plugin, ranking.raw(nodes)?)),
        });
        counted.collect()
    }

    /// What is given to each of these nodes, which are all that would do.
    pub(super) fn rows(&self, nodes: &[Alike]) -> Vec<Row> {
        let given = |rank: &Rank| match rank {
            Rank::Flat(given) => given.clone(),
            Rank::By(ranking) => ranking.give(nodes),
        };
        self.0.iter().map(|(plugin, weight, rank)| Row { plugin, weight: *weight, given: given(rank) }).collect()
    }
}

/// What both see for one pod, kept from one pod to the next that is decided alike: only nodes that changed are seen
/// again.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    pub(super) around: Surroundings,
    pub(super) rankings: Rankings,
    /// What the wide scores give where that is the same for all nodes.
    pub(super) flat: Option<Vec<Row>>,
    /// Up to which layout and change of the snapshot it is true; none where nothing was seen yet.
    seen: Option<(u64, u64)>,
    cells: Cells,
}

impl Outlook {
    fn update(&mut self, framework: &Framework, pod: &Arc<PodInfo>, view: View<'_>) {
        let (layout, version) = (view.snapshot.layout(), view.snapshot.version());
        let known = self.seen.filter(|(of, _)| *of == layout);
        let changed = known.and_then(|(_, version)| view.snapshot.changed_since(version));
        match changed {
            Some(_) if self.around.0.is_empty() && self.flat.is_some() => {}
            Some(changed) => {
                let changed: Vec<u32> = changed.collect();
                self.around.see(&changed, view);
                self.rankings.see(&changed, view);
            }
            None => {
                self.around = framework.look(pod, view);
                self.rankings = framework.rankings(pod, view);
                self.flat = self.rankings.is_flat().then(|| self.rankings.rows(&[]));
                self.cells = Cells::default();
            }
        }
        self.seen = Some((layout, version));
    }

    /// The nodes that stand otherwise than is known by [`Self::field`]: where pods are to come, what those say of others and
    /// others of them is only asked here.
    pub(super) fn exceptions(
        &mut self,
        framework: &Framework,
        pod: Asking<'_>,
        evaluation: &Evaluation,
        view: View<'_>,
    ) -> Vec<(u32, Verdict)> {
        let first = self.around.first();
        if first.is_none() && pod.nominated.is_none() {
            return Vec::new();
        }
        let mut exceptions = Vec::new();
        for index in view.snapshot.awaiting() {
            let alone = evaluation.verdict(index);
            let is_settled = match alone {
                Verdict::Absent => true,
                // Nobody else is asked. But a pod is not in its own way.
                Verdict::Refused(number, _) => {
                    first.is_none_or(|first| number < first)
                        && pod.nominated != Some(&*view.snapshot.nodes()[index as usize].name)
                }
                Verdict::Feasible => false,
            };
            if !is_settled {
                let exact = stand(framework, pod, &mut self.around, index, view);
                if exact != both(alone, self.around.refusal(u8::MAX, index)) {
                    exceptions.push((index, exact));
                }
            }
        }
        exceptions
    }

    /// How all nodes stand, given how each stands by itself, but for these.
    pub(super) fn field(
        &mut self,
        evaluation: &Evaluation,
        exceptions: &[(u32, Verdict)],
        snapshot: &Snapshot,
    ) -> Field<'_> {
        let (around, rankings) = (&self.around, &self.rankings);
        self.cells.update(evaluation, snapshot, |index, traits| {
            around.liken(index, traits);
            rankings.liken(index, traits);
        });
        let is_content = around.is_content();
        let (mut cells, mut alike, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        let elsewhere: Vec<_> = exceptions.iter().filter_map(|(index, _)| self.cells.place(*index)).collect();
        for (number, cell) in self.cells.iter() {
            let Some(first) = cell.nodes().next() else { continue };
            let refused = if is_content { None } else { around.refusal(u8::MAX, first.node) };
            for (alone, nodes) in cell.verdicts() {
                let others = elsewhere.iter().filter(|seat| **seat == (number, *alone)).count();
                let nodes = nodes - others as u32;
                let verdict = both(*alone, refused);
                count(&mut counts, verdict, nodes as i32);
                if verdict == Verdict::Feasible && nodes > 0 {
                    cells.push(cell);
                    alike.push(Alike { node: first.node, count: nodes });
                }
            }
        }
        for (_, verdict) in exceptions {
            count(&mut counts, *verdict, 1);
        }
        let rows = rankings.rows(&alike);
        Field { cells, alike, rows, counts }
    }
}

/// How a node stands that stands so by itself, where the first of the wide filters that refuses it, if any, is this.
fn both(alone: Verdict, around: Option<(u8, Refused)>) -> Verdict {
    match (alone, around) {
        (Verdict::Feasible, Some((number, refused))) => Verdict::Refused(number, refused),
        (Verdict::Refused(before, _), Some((number, refused))) if number < before => Verdict::Refused(number, refused),
        (verdict, _) => verdict,
    }
}

/// How all nodes stand to a pod.
pub(super) struct Field<'a> {
    /// The cells whose nodes would do.
    pub(super) cells: Vec<&'a Cell>,
    /// How many of each would.
    pub(super) alike: Vec<Alike>,
    /// What the wide scores give each of these cells.
    pub(super) rows: Vec<Row>,
    /// How many nodes have which verdict.
    pub(super) counts: Vec<(Verdict, u32)>,
}

/// How many nodes are kept at most, over all outlooks, once for each label that a pod names: about 150 bytes each.
const NODES_MAX: usize = 500_000;

/// The outlooks of the pods of late.
#[derive(Clone, Debug, Default)]
pub(super) struct Outlooks(Recent<PodInfo, Outlook>);

impl Outlooks {
    /// What is seen around for a pod now.
    pub(super) fn of(&mut self, framework: &Framework, pod: &Arc<PodInfo>, view: View<'_>) -> &mut Outlook {
        let width = view.snapshot.nodes().len().max(1) * (1 + pod.keys().count());
        let outlook = self.0.of(pod, NODES_MAX / width);
        outlook.update(framework, pod, view);
        outlook
    }
}

/// What one plugin gives the nodes that would do, and how much that weighs.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) plugin: &'static str,
    pub(super) weight: i32,
    pub(super) given: Given,
}
