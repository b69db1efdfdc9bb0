//! The extension points of a scheduler: filters refuse nodes, scores rank the rest.
//!
//! A plugin is one small file that implements one of these traits. What depends on a node alone is asked one node at a
//! time ([`Filter`], [`Score`]); it is called once for a pod and all nodes in question: the loop over the nodes is
//! compiled into each plugin. What depends on other nodes too ([`WideFilter`], [`WideScore`]) first looks around, once
//! for each pod.

use super::decision::{Code, Detail, Reason, Refusal};
use super::info::PodInfo;
use super::node::{NodeInfo, Placed};
#[cfg(feature = "foresight")]
use super::obstacles::Obstacle;
use super::outlook::{Rankings, Surroundings};
use super::pod::PodClass;
use super::snapshot::{Events, Snapshot};
use crate::api::Name;
use crate::store::Store;
use std::sync::Arc;

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

    /// Whether upstream does this before it asks any plugin about a node.
    fn is_early(&self) -> bool {
        false
    }

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

    /// What somebody could clear away for a node to be refused no more.
    #[cfg(feature = "foresight")]
    fn obstacles(&self, _pod: &PodClass, _node: &NodeInfo) -> Vec<Obstacle> {
        Vec::new()
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

/// What plugins see of the cluster.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) store: &'a Store,
}

/// Decides whether nodes may take a pod, by what is on other nodes as well.
pub(super) trait WideFilter: Send + Sync {
    /// Upstream's name for it.
    fn name(&self) -> &'static str;

    /// What can make a node acceptable that this plugin refused, wherever it happens.
    fn helped_by(&self) -> Events;

    /// What it will see around for a pod, nothing yet; none where it has nothing to say about it, whatever pods come
    /// and go. Asked again after [`Snapshot::layout`] changed.
    fn look(&self, pod: &Arc<PodInfo>, view: View<'_>) -> Option<Box<dyn Around>>;

    /// The reason behind a bit of [`Refused::reasons`].
    fn reason(&self, pod: &PodInfo, bit: u32) -> Reason;

    /// The labels of nodes that it looks at of its own accord.
    fn keys(&self) -> Vec<Name> {
        Vec::new()
    }
}

/// What a [`WideFilter`] sees around for one pod.
pub(super) trait Around: std::fmt::Debug + Send + Sync {
    /// Takes over what is on a node now, instead of what was there before.
    fn see(&mut self, index: u32, node: &NodeInfo, view: View<'_>);

    /// All nodes that changed were seen.
    fn settle(&mut self) {}

    /// Whether what is on other nodes can matter at all, of the pods there are.
    fn has_say(&self) -> bool {
        true
    }

    /// Whether it is sure to refuse no node.
    fn is_content(&self) -> bool;

    /// Whether and how the node at that index is refused.
    fn refuse(&self, index: u32) -> Option<Refused>;

    /// Adds what sets a node apart from others: nodes of equal traits are refused alike. Only what is on the node itself
    /// changes its traits.
    fn liken(&self, index: u32, traits: &mut Vec<i64>);

    /// Counts another pod in (1) on a node, or out (-1).
    fn count(&mut self, other: &Placed, index: u32, node: &NodeInfo, by: i64, view: View<'_>);

    /// Adds all on which it depends whether a node is refused, also once pods of that node go or come.
    fn weigh(&self, index: u32, weights: &mut Vec<i64>);

    /// By how much there is too much of what it counts, where the node at that index is.
    #[cfg(feature = "foresight")]
    fn excess(&self, _index: u32) -> i64 {
        0
    }

    /// What somebody could clear away for that node to be refused no more.
    #[cfg(feature = "foresight")]
    fn obstacles(&self, _index: u32, _view: View<'_>) -> Vec<Obstacle> {
        Vec::new()
    }
}

/// Nodes that are alike: the index of one of them, and how many they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alike {
    pub(super) node: u32,
    pub(super) count: u32,
}

impl Alike {
    /// A node by itself.
    pub(super) const fn only(node: u32) -> Self {
        Self { node, count: 1 }
    }
}

/// What a plugin gives the nodes that would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// Nothing: it is not asked, as far as upstream is concerned.
    Silent,
    /// All the same.
    All(i32),
    /// Each its own, 0 to [`SCORE_MAX`].
    Each(Vec<i32>),
}

impl Given {
    /// What the node at that place gets.
    pub(super) fn at(&self, place: usize) -> Option<i32> {
        match self {
            Self::Silent => None,
            Self::All(score) => Some(*score),
            Self::Each(scores) => scores.get(place).copied(),
        }
    }
}

/// Ranks nodes that would do, by each other.
pub(super) trait WideScore: Send + Sync {
    /// Upstream's name for it.
    fn name(&self) -> &'static str;

    /// What it will rank nodes by, nothing seen yet. Asked again after [`Snapshot::layout`] changed.
    fn look(&self, pod: &Arc<PodInfo>, view: View<'_>) -> Rank;
}

/// What a [`WideScore`] ranks nodes by for one pod.
#[derive(Debug)]
pub(super) enum Rank {
    /// It gives this, whatever pods come and go.
    Flat(Given),
    /// It depends on the nodes.
    By(Box<dyn Ranking>),
}

/// What a [`WideScore`] sees of nodes for one pod.
pub(super) trait Ranking: std::fmt::Debug + Send + Sync {
    /// Takes over what is on a node now, instead of what was there before.
    fn see(&mut self, _index: u32, _node: &NodeInfo, _view: View<'_>) {}

    /// Adds what sets a node apart from others: nodes of equal traits get the same. Only what is on the node itself changes
    /// its traits.
    fn liken(&self, index: u32, traits: &mut Vec<i64>);

    /// What it gives these nodes, which are all that would do.
    fn give(&self, nodes: &[Alike]) -> Given;

    /// What it counts for each of these nodes before it holds them against each other; none where it does not do that.
    fn raw(&self, _nodes: &[Alike]) -> Option<Vec<i64>> {
        None
    }
}

/// Ranks by a number for each node, by index, which pods that come and go do not change. Brought to 0 to [`SCORE_MAX`]
/// as [`normalize`] does.
#[derive(Debug)]
pub(super) struct Fixed {
    pub(super) raw: Vec<i64>,
    pub(super) fewer_is_better: bool,
}

impl Fixed {
    fn counted(&self, nodes: &[Alike]) -> Vec<i64> {
        nodes.iter().map(|alike| self.raw[alike.node as usize]).collect()
    }
}

impl Ranking for Fixed {
    fn liken(&self, index: u32, traits: &mut Vec<i64>) {
        traits.push(self.raw[index as usize]);
    }

    fn give(&self, nodes: &[Alike]) -> Given {
        normalize(&self.counted(nodes), self.fewer_is_better)
    }

    fn raw(&self, nodes: &[Alike]) -> Option<Vec<i64>> {
        Some(self.counted(nodes))
    }
}

/// Upstream's way to bring what nodes got to 0 to [`SCORE_MAX`]: by the most that one of them got.
pub(super) fn normalize(raw: &[i64], fewer_is_better: bool) -> Given {
    let most = raw.iter().copied().max().unwrap_or_default();
    let max = i64::from(SCORE_MAX);
    let score = |raw: &i64| {
        let share = if most == 0 { 0 } else { max * raw / most };
        (if fewer_is_better { max - share } else { share }) as i32
    };
    Given::Each(raw.iter().map(score).collect())
}

/// What a function makes of each number. Nodes are many and their numbers often few: each is computed once then.
pub(super) fn scored(raw: &[i64], score: impl Fn(i64) -> i32) -> Vec<i32> {
    let (least, most) = raw.iter().fold((i64::MAX, i64::MIN), |(least, most), raw| (least.min(*raw), most.max(*raw)));
    match usize::try_from(most.saturating_sub(least)) {
        Ok(span) if span < raw.len() => {
            let table: Vec<i32> = (least..=most).map(score).collect();
            raw.iter().map(|raw| table[(raw - least) as usize]).collect()
        }
        _ => raw.iter().map(|raw| score(*raw)).collect(),
    }
}

/// A filter of either kind.
pub(super) enum AnyFilter {
    /// Asked about a node alone.
    Node(Box<dyn Filter>),
    /// Asked about a node among others.
    Wide(Box<dyn WideFilter>),
}

impl AnyFilter {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Node(filter) => filter.name(),
            Self::Wide(filter) => filter.name(),
        }
    }

    pub(super) fn helped_by(&self) -> Events {
        match self {
            Self::Node(filter) => filter.helped_by(),
            Self::Wide(filter) => filter.helped_by(),
        }
    }

    /// The reason behind a bit of [`Refused::reasons`].
    pub(super) fn reason(&self, pod: &PodInfo, bit: u32) -> Reason {
        match self {
            Self::Node(filter) => filter.reason(&pod.class, bit),
            Self::Wide(filter) => filter.reason(pod, bit),
        }
    }

    /// All reasons for which it refuses a node, and the numbers behind each.
    pub(super) fn reasons(&self, pod: &PodInfo, node: &NodeInfo, refused: Refused) -> Vec<(Reason, Option<Detail>)> {
        let bits = (0..u32::BITS).filter(|bit| refused.reasons >> bit & 1 == 1);
        let detail = |bit| match self {
            Self::Node(filter) => filter.detail(&pod.class, node, bit),
            Self::Wide(_) => None,
        };
        bits.map(|bit| (self.reason(pod, bit), detail(bit))).collect()
    }
}

/// A score of either kind.
pub(super) enum AnyScore {
    /// Given to a node alone.
    Node(Box<dyn Score>),
    /// Given to a node among others.
    Wide(Box<dyn WideScore>),
}

impl AnyScore {
    fn name(&self) -> &'static str {
        match self {
            Self::Node(score) => score.name(),
            Self::Wide(score) => score.name(),
        }
    }
}

/// Which plugins work together, in their order; scores with their weights.
#[derive(Default)]
pub(super) struct Framework {
    pub(super) filters: Vec<AnyFilter>,
    pub(super) scores: Vec<(AnyScore, i32)>,
    /// Whether pods may take the place of less important ones.
    pub(super) preempts: bool,
}

impl std::fmt::Debug for Framework {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.filters.iter().map(AnyFilter::name))
            .entries(self.scores.iter().map(|(p, weight)| (p.name(), weight)))
            .finish()
    }
}

impl Framework {
    fn node_filters(&self) -> impl Iterator<Item = (u8, &dyn Filter)> {
        self.filters.iter().enumerate().filter_map(|(number, filter)| match filter {
            AnyFilter::Node(filter) => Some((number as u8, &**filter)),
            AnyFilter::Wide(_) => None,
        })
    }

    /// The scores of nodes alone that have something to say, with their weights.
    pub(super) fn node_scores(&self, pod: &PodClass) -> impl Iterator<Item = (&dyn Score, i32)> {
        self.scores.iter().filter_map(|(score, weight)| match score {
            AnyScore::Node(score) if score.concerns(pod) => Some((&**score, *weight)),
            _ => None,
        })
    }

    /// Lets the wide filters look around for a pod.
    pub(super) fn look(&self, pod: &Arc<PodInfo>, view: View<'_>) -> Surroundings {
        let wide = self.filters.iter().enumerate().filter_map(|(number, filter)| match filter {
            AnyFilter::Node(_) => None,
            AnyFilter::Wide(filter) => Some((number as u8, filter.look(pod, view)?)),
        });
        let mut around = Surroundings::new(wide.collect());
        around.see(&view.snapshot.indexes(), view);
        around
    }

    /// What the wide scores rank nodes by for a pod.
    pub(super) fn rankings(&self, pod: &Arc<PodInfo>, view: View<'_>) -> Rankings {
        let wide = self.scores.iter().filter_map(|(score, weight)| match score {
            AnyScore::Node(_) => None,
            AnyScore::Wide(score) => Some((score.name(), *weight, score.look(pod, view))),
        });
        let mut rankings = Rankings::new(wide.collect());
        rankings.see(&view.snapshot.indexes(), view);
        rankings
    }

    /// Whether and how a pod is refused by a node alone: by the first filter that does.
    pub(super) fn node_refusal(&self, pod: &PodClass, node: &NodeInfo) -> Option<(u8, Refused)> {
        self.node_filters().filter(|(_, f)| f.concerns(pod)).find_map(|(n, f)| Some((n, f.refuse(pod, node)?)))
    }

    /// Whether and how a pod is refused by a node: by the first filter that does.
    pub(super) fn refusal(
        &self,
        pod: &PodClass,
        around: &Surroundings,
        index: u32,
        node: &NodeInfo,
    ) -> Option<(u8, Refused)> {
        let alone = self.node_refusal(pod, node);
        around.refusal(alone.map_or(u8::MAX, |(number, _)| number), index).or(alone)
    }

    /// Judges the nodes at the indexes `which`, and only them, each for itself. The total of a node that will not do
    /// is -1.
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
        for (number, filter) in self.node_filters().filter(|(_, f)| f.concerns(pod)) {
            filter.filter(number, pod, nodes, which, verdicts);
        }
        for &index in which {
            totals[index as usize] = if verdicts[index as usize] == Verdict::Feasible { 0 } else { -1 };
        }
        for (score, weight) in self.node_scores(pod) {
            score.add(weight, pod, nodes, which, totals);
        }
    }

    /// The labels of nodes that wide filters look at of their own accord.
    pub(super) fn keys(&self) -> Vec<Name> {
        let wide = self.filters.iter().filter_map(|filter| match filter {
            AnyFilter::Node(_) => None,
            AnyFilter::Wide(filter) => Some(filter.keys()),
        });
        wide.flatten().collect()
    }

    /// A refusal in words of data: which plugin, and its reasons.
    pub(super) fn refusal_data(&self, pod: &PodInfo, number: u8, refused: Refused, nodes: u32) -> Refusal {
        let filter = &self.filters[usize::from(number)];
        let bits = (0..u32::BITS).filter(|bit| refused.reasons >> bit & 1 == 1);
        let reasons = bits.map(|bit| filter.reason(pod, bit)).collect();
        Refusal { plugin: filter.name(), code: refused.code, reasons, nodes }
    }
}
