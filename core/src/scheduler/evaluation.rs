//! How every node stands to a class of pods, kept from one pod to the next: only nodes that changed are judged again.

use super::framework::{Framework, Verdict};
use super::node::NodeInfo;
use super::pod::PodClass;
use super::profile::count;
use super::snapshot::Snapshot;
use crate::order;
use std::sync::Arc;

/// How many judgements of one node are kept at most, over all classes: 12 bytes each.
const JUDGEMENTS_MAX: usize = 4_000_000;

/// A node by its index, with its sum of weighted scores.
type Ranked = (u32, i32);

/// How every node stands to one class of pods.
#[derive(Debug, Default)]
pub(super) struct Evaluation {
    /// Up to which change of the snapshot it is true; none where nothing was judged yet.
    version: Option<u64>,
    verdicts: Vec<Verdict>,
    /// Sum of weighted scores by node; -1 where it will not do.
    totals: Vec<i32>,
    /// How many nodes have which verdict.
    counts: Vec<(Verdict, u32)>,
    /// When it was last asked for.
    turn: u64,
}

/// The evaluations of the classes of late. A clone starts empty: they are made again where they are needed.
#[derive(Debug, Default)]
pub(super) struct Evaluations {
    by_class: order::Map<Arc<PodClass>, Evaluation>,
    turn: u64,
    which: Vec<u32>,
}

impl Clone for Evaluations {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Evaluations {
    /// How the nodes stand to a class now.
    pub(super) fn of(&mut self, framework: &Framework, class: &Arc<PodClass>, snapshot: &Snapshot) -> &Evaluation {
        self.turn += 1;
        if !self.by_class.contains_key(class) {
            let room = (JUDGEMENTS_MAX / snapshot.nodes().len().max(1)).max(1);
            while self.by_class.len() >= room {
                let oldest = self.by_class.iter().min_by_key(|(_, e)| e.turn).map(|(class, _)| Arc::clone(class));
                oldest.and_then(|class| self.by_class.remove(&class));
            }
        }
        let evaluation = self.by_class.entry(Arc::clone(class)).or_default();
        evaluation.turn = self.turn;
        evaluation.update(framework, class, snapshot, &mut self.which);
        evaluation
    }
}

impl Evaluation {
    fn update(&mut self, framework: &Framework, class: &PodClass, snapshot: &Snapshot, which: &mut Vec<u32>) {
        which.clear();
        match self.version.and_then(|version| snapshot.changed_since(version)) {
            Some(changed) => which.extend(changed),
            None => which.extend(0..snapshot.nodes().len() as u32),
        }
        self.version = Some(snapshot.version());
        self.verdicts.resize(snapshot.nodes().len(), Verdict::Absent);
        self.totals.resize(snapshot.nodes().len(), -1);
        for &index in &*which {
            self.count(self.verdicts[index as usize], -1);
        }
        framework.judge(class, snapshot.nodes(), which, &mut self.verdicts, &mut self.totals);
        for &index in &*which {
            self.count(self.verdicts[index as usize], 1);
        }
    }

    fn count(&mut self, verdict: Verdict, by: i32) {
        if verdict != Verdict::Absent {
            count(&mut self.counts, verdict, by);
        }
    }

    /// How many nodes have which verdict; a verdict that nodes had may be there with none.
    pub(super) fn counts(&self) -> &[(Verdict, u32)] {
        &self.counts
    }

    /// How many nodes would do.
    pub(super) fn feasible(&self) -> u32 {
        self.counts.iter().find(|(v, _)| *v == Verdict::Feasible).map_or(0, |(_, count)| *count)
    }

    /// How each node stands, by index.
    pub(super) fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// The sum of the weighted scores of a node that would do.
    pub(super) fn total(&self, index: u32) -> i32 {
        self.totals[index as usize]
    }

    /// The best node and the second best, with their totals.
    pub(super) fn best(&self, nodes: &[NodeInfo]) -> Option<(Ranked, Option<Ranked>)> {
        if self.feasible() == 0 {
            return None;
        }
        let better = |(a, total_a): Ranked, (b, total_b): Ranked| {
            total_a > total_b || total_a == total_b && nodes[a as usize].before(&nodes[b as usize])
        };
        let (mut best, mut second): (Option<Ranked>, Option<Ranked>) = (None, None);
        let mut bar = 0;
        for (index, &total) in self.totals.iter().enumerate() {
            if total < bar {
                continue;
            }
            let this = (index as u32, total);
            if best.is_none_or(|b| better(this, b)) {
                second = best;
                best = Some(this);
            } else if second.is_none_or(|s| better(this, s)) {
                second = Some(this);
            }
            bar = second.map_or(0, |(_, total)| total);
        }
        best.map(|best| (best, second))
    }
}
