//! How every node stands to a class of pods, kept from one pod to the next: only nodes that changed are judged again.

use super::assess::crowded;
use super::framework::{Framework, Verdict};
use super::pod::PodClass;
use super::profile::count;
use super::recent::Recent;
use super::snapshot::Snapshot;
use super::tournament::Tournament;
use std::sync::Arc;

/// How many judgements of one node are kept at most, over all classes: 20 bytes each.
const JUDGEMENTS_MAX: usize = 4_000_000;

/// How every node stands to one class of pods.
#[derive(Debug, Default)]
pub(super) struct Evaluation {
    /// Up to which change of the snapshot it is true; none where nothing was judged yet.
    version: Option<u64>,
    verdicts: Vec<Verdict>,
    /// Sums of weighted scores; -1 where a node will not do.
    totals: Tournament,
    /// How many nodes have which verdict.
    counts: Vec<(Verdict, u32)>,
}

/// The evaluations of the classes of late.
#[derive(Clone, Debug, Default)]
pub(super) struct Evaluations {
    by_class: Recent<PodClass, Evaluation>,
    which: Vec<u32>,
}

impl Evaluations {
    /// How the nodes stand to a class now.
    pub(super) fn of(&mut self, framework: &Framework, class: &Arc<PodClass>, snapshot: &Snapshot) -> &Evaluation {
        let room = JUDGEMENTS_MAX / snapshot.nodes().len().max(1);
        let evaluation = self.by_class.of(class, room);
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
        for &index in &*which {
            self.count(self.verdicts[index as usize], -1);
        }
        let nodes = snapshot.nodes();
        framework.judge(class, nodes, which, &mut self.verdicts, self.totals.totals_mut(nodes.len()));
        if snapshot.has_nominated() {
            for &index in &*which {
                let verdict = &mut self.verdicts[index as usize];
                if *verdict != Verdict::Absent
                    && let Some((number, refused)) = crowded(framework, class, &nodes[index as usize], snapshot)
                {
                    *verdict = Verdict::Refused(number, refused);
                    self.totals.totals_mut(nodes.len())[index as usize] = -1;
                }
            }
        }
        self.totals.play(which, snapshot);
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
        let found = self.counts.iter().find(|(verdict, _)| *verdict == Verdict::Feasible);
        found.map_or(0, |(_, count)| *count)
    }

    /// How a node stands.
    pub(super) fn verdict(&self, index: u32) -> Verdict {
        self.verdicts[index as usize]
    }

    /// The sums of the weighted scores of the nodes that would do.
    pub(super) const fn totals(&self) -> &Tournament {
        &self.totals
    }
}
