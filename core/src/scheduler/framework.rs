//! The extension points of a scheduler: filters refuse nodes, scores rank the rest.
//!
//! A plugin is one small file that implements one of these traits for one node at a time. It is called once for a
//! pod and all nodes in question: the loop over the nodes is compiled into each plugin.

use super::decision::{Code, Detail, Reason, Refusal};
use super::node::NodeInfo;
use super::pod::PodClass;
use super::snapshot::Events;

/// The most a plugin may give a node, before its weight.
pub(super) const SCORE_MAX: i32 = 100;

/// That a plugin refuses a node: how, and for which of its own reasons (one bit each).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) code: Code,
    pub(super) reasons: u32,
}

impl Refused {
    /// For the plugin's first reason, where removing pods could help.
    pub(super) const UNSCHEDULABLE: Self = Self { code: Code::Unschedulable, reasons: 1 };
    /// For the plugin's first reason, where removing pods cannot help.
    pub(super) const UNRESOLVABLE: Self = Self { code: Code::Unresolvable, reasons: 1 };
}

/// How a node stands to a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is no such node.
    #[default]
    Absent,
    /// It will do.
    Feasible,
    /// The filter of that number refuses it.
    Refused(u8, Refused),
}

/// Decides whether a node may take a pod.
pub(super) trait Filter: Send + Sync {
    /// Upstream's name for it.
    fn name(&self) -> &'static str;

    /// What can make a node acceptable that this plugin refused.
    fn helped_by(&self) -> Events;

    /// Whether it has anything to say about a pod at all.
    fn concerns(&self, _pod: &PodClass) -> bool {
        true
    }

    /// Whether and how it refuses a node.
    fn refuse(&self, pod: &PodClass, node: &NodeInfo) -> Option<Refused>;

    /// The reason behind a bit of [`Refused::reasons`].
    fn reason(&self, pod: &PodClass, bit: u32) -> Reason;

    /// The numbers behind that reason.
    fn detail(&self, _pod: &PodClass, _node: &NodeInfo, _bit: u32) -> Option<Detail> {
        None
    }

    /// Judges those of the nodes at the indexes `which` that no plugin before it refused. It is filter `number`.
    fn filter(&self, number: u8, pod: &PodClass, nodes: &[NodeInfo], which: &[u32], verdicts: &mut [Verdict]) {
        for &index in which {
            let verdict = &mut verdicts[index as usize];
            if *verdict == Verdict::Feasible
                && let Some(refused) = self.refuse(pod, &nodes[index as usize])
            {
                *verdict = Verdict::Refused(number, refused);
            }
        }
    }
}

/// Ranks nodes that would do.
pub(super) trait Score: Send + Sync {
    /// Upstream's name for it.
    fn name(&self) -> &'static str;

    /// Whether it has anything to say about a pod at all.
    fn concerns(&self, _pod: &PodClass) -> bool {
        true
    }

    /// 0 (worst) to [`SCORE_MAX`] for a node that would do.
    fn score(&self, pod: &PodClass, node: &NodeInfo) -> i32;

    /// Adds its weighted scores to the totals of the nodes at the indexes `which` that would do.
    fn add(&self, weight: i32, pod: &PodClass, nodes: &[NodeInfo], which: &[u32], totals: &mut [i32]) {
        for &index in which {
            let total = &mut totals[index as usize];
            if *total >= 0 {
                let score = self.score(pod, &nodes[index as usize]);
                debug_assert!((0..=SCORE_MAX).contains(&score), "{} gives {score}", self.name());
                *total += weight * score;
            }
        }
    }
}

/// Which plugins work together, in their order; scores with their weights.
pub(super) struct Framework {
    pub(super) filters: Vec<Box<dyn Filter>>,
    pub(super) scores: Vec<(Box<dyn Score>, i32)>,
}

impl std::fmt::Debug for Framework {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.filters.iter().map(|p| p.name()))
            .entries(self.scores.iter().map(|(p, _)| p.name()))
            .finish()
    }
}

impl Framework {
    /// Whether and how a pod is refused by a node: by the first filter that does.
    pub(super) fn refusal(&self, pod: &PodClass, node: &NodeInfo) -> Option<(u8, Refused)> {
        self.filters
            .iter()
            .enumerate()
            .filter(|(_, f)| f.concerns(pod))
            .find_map(|(n, f)| Some((n as u8, f.refuse(pod, node)?)))
    }

    /// The sum of the weighted scores of a node that would do.
    pub(super) fn total(&self, pod: &PodClass, node: &NodeInfo) -> i32 {
        self.scores.iter().filter(|(s, _)| s.concerns(pod)).map(|(s, weight)| weight * s.score(pod, node)).sum()
    }

    /// Judges the nodes at the indexes `which`, and only them. The total of a node that will not do is -1.
    pub(super) fn judge(
        &self,
        pod: &PodClass,
        nodes: &[NodeInfo],
        which: &[u32],
        verdicts: &mut [Verdict],
        totals: &mut [i32],
    ) {
        for &index in which {
            let present = nodes[index as usize].present;
            verdicts[index as usize] = if present { Verdict::Feasible } else { Verdict::Absent };
        }
        for (number, filter) in self.filters.iter().enumerate().filter(|(_, f)| f.concerns(pod)) {
            filter.filter(number as u8, pod, nodes, which, verdicts);
        }
        for &index in which {
            totals[index as usize] = if verdicts[index as usize] == Verdict::Feasible { 0 } else { -1 };
        }
        for (score, weight) in self.scores.iter().filter(|(s, _)| s.concerns(pod)) {
            score.add(*weight, pod, nodes, which, totals);
        }
    }

    /// A refusal in words of data: which plugin, and its reasons.
    pub(super) fn refusal_data(&self, pod: &PodClass, number: u8, refused: Refused, nodes: u32) -> Refusal {
        let filter = &self.filters[usize::from(number)];
        let bits = (0..u32::BITS).filter(|bit| refused.reasons >> bit & 1 == 1);
        let reasons = bits.map(|bit| filter.reason(pod, bit)).collect();
        Refusal { plugin: filter.name(), code: refused.code, reasons, nodes }
    }
}
