//! `InterPodAffinity`: pods that must, must not, would or would rather not be near others.

use crate::api::Name;
use crate::scheduler::decision::{Code, Reason};
use crate::scheduler::framework::{
    Alike, Around, Given, Rank, Ranking, Refused, SCORE_MAX, View, WideFilter, WideScore, scored,
};
use crate::scheduler::info::{PodInfo, PodTerm};
use crate::scheduler::node::{NodeInfo, Placed};
#[cfg(feature = "foresight")]
use crate::scheduler::obstacles::{Obstacle, label, lacked, same_place};
use crate::scheduler::snapshot::{Events, Snapshot};
use crate::scheduler::topology::Tally;
use crate::store::Store;
use std::sync::Arc;

pub(super) const NAME: &str = "InterPodAffinity";

/// The plugin.
pub(in crate::scheduler) struct InterPodAffinity {
    /// How much a pod's requirement to be near another is worth to the other when that is placed.
    pub(in crate::scheduler) hard_weight: i64,
    /// Whether what pods on nodes would like counts only where the pod to be placed would like something too.
    pub(in crate::scheduler) ignores_preferences: bool,
}

impl Default for InterPodAffinity {
    fn default() -> Self {
        Self { hard_weight: 1, ignores_preferences: false }
    }
}

const AFFINITY: u32 = 0;
const ANTI_AFFINITY: u32 = 1;
const EXISTING: u32 = 2;

/// How many pods there are in each place that matter to the pod.
#[derive(Debug)]
struct Neighbours {
    pod: Arc<PodInfo>,
    /// For each of the pods it must be near: pods that all of these terms mean.
    wanted: Vec<Tally>,
    /// For each of those it must be apart from: pods that it means.
    unwanted: Vec<Tally>,
    /// By label: the terms of other pods that keep the pod away.
    unwelcome: Vec<Tally>,
    /// Whether the pod is among those that it must be near.
    wants_itself: bool,
    /// Whether there are nodes that lack a label of `wanted`.
    lacking: bool,
}

/// The tally of a label, made where there is none yet.
fn of_key<'a>(tallies: &'a mut Vec<Tally>, key: &Name, snapshot: &Snapshot) -> &'a mut Tally {
    let at = tallies.iter().position(|t| t.topology.key == *key).unwrap_or(tallies.len());
    if at == tallies.len() {
        tallies.push(Tally::new(snapshot.topology(key)));
    }
    &mut tallies[at]
}

/// What one node adds to the places it is in, by label.
#[derive(Default)]
struct Weights(Vec<(Name, i64)>);

impl Weights {
    fn add(&mut self, key: &Name, weight: i64) {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, sum)) => *sum += weight,
            None => self.0.push((key.clone(), weight)),
        }
    }

    /// Lets the node add that to tallies, instead of what it added before.
    fn set(&self, tallies: &mut Vec<Tally>, index: u32, snapshot: &Snapshot) {
        for (key, _) in &self.0 {
            of_key(tallies, key, snapshot);
        }
        for tally in tallies {
            let own = self.0.iter().find(|(key, _)| *key == tally.topology.key);
            tally.set(index, own.map_or(0, |(_, sum)| *sum));
        }
    }
}

impl Neighbours {
    fn is_wanted(&self, other: &PodInfo, store: &Store) -> bool {
        !self.pod.near.is_empty() && self.pod.near.iter().all(|term| term.wants(other, store))
    }

    /// The label without which the node at that index is near none of the pods that it would have to be near.
    #[cfg(feature = "foresight")]
    fn lacked_label(&self, index: u32, view: View<'_>) -> Option<Obstacle> {
        let tally = lacked(self.wanted.iter(), index)?;
        let crowded = tally.topology.values().map(|(value, number)| (tally.sums[number], value));
        let most = crowded.max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(a.1))).filter(|(pods, _)| *pods > 0);
        let node = &view.snapshot.nodes()[index as usize].name;
        (most.is_some() || self.is_first()).then(|| label(node, &tally.topology.key, most.map(|(_, value)| value)))
    }

    /// The first of pods that want to be near each other finds none.
    fn is_first(&self) -> bool {
        self.wants_itself && !self.wanted.iter().any(Tally::has_any)
    }
}

impl Around for Neighbours {
    fn see(&mut self, index: u32, node: &NodeInfo, view: View<'_>) {
        let pods = if node.present { node.pods.as_slice() } else { &[] };
        if !self.wanted.is_empty() {
            let wanted =
                groups(pods).filter(|(other, _)| self.is_wanted(other, view.store)).map(|(_, count)| count).sum();
            self.wanted.iter_mut().for_each(|tally| tally.set(index, wanted));
        }
        for (term, tally) in self.pod.apart.iter().zip(&mut self.unwanted) {
            let unwanted = groups(pods).filter(|(other, _)| term.wants(other, view.store)).map(|(_, count)| count);
            tally.set(index, unwanted.sum());
        }
        let mut keep_away = Weights::default();
        for (other, count) in groups(if node.with_terms > 0 { pods } else { &[] }) {
            for term in other.apart.iter().filter(|term| term.selects(&self.pod, view.store)) {
                keep_away.add(&term.key, count);
            }
        }
        keep_away.set(&mut self.unwelcome, index, view.snapshot);
    }

    fn has_say(&self) -> bool {
        !(self.pod.near.is_empty() && self.pod.apart.is_empty() && self.unwelcome.is_empty())
    }

    fn is_content(&self) -> bool {
        let near =
            self.pod.near.is_empty() || !self.lacking && (self.is_first() || self.wanted.iter().all(Tally::has_all));
        near && !self.unwanted.iter().chain(&self.unwelcome).any(Tally::has_any)
    }

    fn refuse(&self, index: u32) -> Option<Refused> {
        let refused = |bit: u32, code| Some(Refused { code, reasons: 1 << bit });
        if !self.wanted.is_empty() {
            let mut all = true;
            for tally in &self.wanted {
                match tally.at(index) {
                    None => return refused(AFFINITY, Code::Unresolvable),
                    Some(pods) => all &= pods > 0,
                }
            }
            if !all && !self.is_first() {
                return refused(AFFINITY, Code::Unresolvable);
            }
        }
        let meets = |tallies: &[Tally]| tallies.iter().any(|tally| tally.at(index).is_some_and(|pods| pods > 0));
        if meets(&self.unwanted) {
            return refused(ANTI_AFFINITY, Code::Unschedulable);
        }
        if meets(&self.unwelcome) {
            return refused(EXISTING, Code::Unschedulable);
        }
        None
    }

    fn liken(&self, index: u32, traits: &mut Vec<i64>) {
        let all = self.wanted.iter().chain(&self.unwanted).chain(&self.unwelcome);
        traits.extend(all.map(|tally| tally.mark(index)));
    }

    fn count(&mut self, other: &Placed, index: u32, _node: &NodeInfo, by: i64, view: View<'_>) {
        if self.is_wanted(&other.info, view.store) {
            self.wanted.iter_mut().for_each(|tally| tally.add(index, by));
        }
        for (term, tally) in self.pod.apart.iter().zip(&mut self.unwanted) {
            if term.wants(&other.info, view.store) {
                tally.add(index, by);
            }
        }
        for term in other.info.apart.iter().filter(|term| term.selects(&self.pod, view.store)) {
            of_key(&mut self.unwelcome, &term.key, view.snapshot).add(index, by);
        }
    }

    fn weigh(&self, index: u32, weights: &mut Vec<i64>) {
        let all = self.wanted.iter().chain(&self.unwanted).chain(&self.unwelcome);
        weights.extend(all.map(|tally| tally.at(index).unwrap_or(i64::MIN)));
        weights.extend(self.wanted.iter().map(|tally| i64::from(tally.has_elsewhere(index))));
    }

    #[cfg(feature = "foresight")]
    fn excess(&self, index: u32) -> i64 {
        self.unwanted.iter().chain(&self.unwelcome).filter_map(|tally| tally.at(index)).sum()
    }

    #[cfg(feature = "foresight")]
    fn obstacles(&self, index: u32, view: View<'_>) -> Vec<Obstacle> {
        if self.refuse(index).is_some_and(|refused| refused.reasons == 1 << AFFINITY) {
            return self.lacked_label(index, view).into_iter().collect();
        }
        let near = |tally: &Tally| {
            let nodes = same_place(tally, index, view.snapshot);
            nodes.flat_map(|other| &view.snapshot.nodes()[other as usize].pods).collect::<Vec<_>>()
        };
        let mut obstacles = Vec::new();
        for (term, tally) in self.pod.apart.iter().zip(&self.unwanted) {
            let meant = near(tally).into_iter().filter(|other| term.wants(&other.info, view.store));
            obstacles.extend(meant.map(|other| Obstacle::Unwanted(other.uid, Some(term.key.clone()))));
        }
        for tally in &self.unwelcome {
            for other in near(tally) {
                let means = |term: &PodTerm| term.key == tally.topology.key && term.selects(&self.pod, view.store);
                let terms = other.info.apart.iter().enumerate().filter(|(_, term)| means(term));
                obstacles.extend(terms.map(|(at, term)| Obstacle::Unwelcome(other.uid, at, term.key.clone())));
            }
        }
        obstacles
    }
}

impl WideFilter for InterPodAffinity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn helped_by(&self) -> Events {
        Events::OF_NODES.or(Events::POD_REMOVED).or(Events::POD_ADDED)
    }

    fn look(&self, pod: &Arc<PodInfo>, view: View<'_>) -> Option<Box<dyn Around>> {
        if !view.snapshot.has_any_terms() && pod.near.is_empty() && pod.apart.is_empty() {
            return None;
        }
        let tallies = |terms: &[PodTerm]| -> Vec<Tally> {
            terms.iter().map(|t| Tally::new(view.snapshot.topology(&t.key))).collect()
        };
        let wanted = tallies(&pod.near);
        let present = view.snapshot.nodes().iter().enumerate().filter(|(_, node)| node.present);
        let lacks = |index: usize| wanted.iter().any(|tally| tally.at(index as u32).is_none());
        Some(Box::new(Neighbours {
            pod: Arc::clone(pod),
            lacking: present.map(|(index, _)| index).any(lacks),
            wanted,
            unwanted: tallies(&pod.apart),
            unwelcome: Vec::new(),
            wants_itself: pod.near.iter().all(|term| term.wants(pod, view.store)),
        }))
    }

    fn reason(&self, _pod: &PodInfo, bit: u32) -> Reason {
        match bit {
            AFFINITY => Reason::PodAffinity,
            ANTI_AFFINITY => Reason::PodAntiAffinity,
            _ => Reason::ExistingAntiAffinity,
        }
    }
}

/// Pods on a node that are decided alike and came one after another, and how many these are.
fn groups(pods: &[Placed]) -> impl Iterator<Item = (&PodInfo, i64)> {
    pods.chunk_by(|a, b| Arc::ptr_eq(&a.info, &b.info)).map(|group| (&*group[0].info, group.len() as i64))
}

/// What it is worth to be near the pods of each place, by label.
#[derive(Debug)]
struct Wishes {
    pod: Arc<PodInfo>,
    /// How much a pod's requirement to be near another is worth to the other.
    hard_weight: i64,
    tallies: Vec<Tally>,
    /// On which nodes somebody wishes something, by index, and on how many.
    wished: Vec<bool>,
    count: usize,
}

impl Wishes {
    /// What is worth how much on a node, by label.
    fn weights(&self, node: &NodeInfo, view: View<'_>) -> Weights {
        let mut weights = Weights::default();
        if !node.present || self.pod.preferred.is_empty() && node.with_terms == 0 {
            return weights;
        }
        let mut add = |term: &PodTerm, means: bool, weight: i64| {
            if means && node.labels.contains_key(term.key.as_str()) {
                weights.add(&term.key, weight);
            }
        };
        for (other, count) in groups(&node.pods) {
            for (weight, term) in &self.pod.preferred {
                add(term, term.wants(other, view.store), weight * count);
            }
            if self.hard_weight > 0 {
                for term in &other.near {
                    add(term, term.selects(&self.pod, view.store), self.hard_weight * count);
                }
            }
            for (weight, term) in &other.preferred {
                add(term, term.selects(&self.pod, view.store), weight * count);
            }
        }
        weights
    }
}

impl Ranking for Wishes {
    fn see(&mut self, index: u32, node: &NodeInfo, view: View<'_>) {
        let weights = self.weights(node, view);
        weights.set(&mut self.tallies, index, view.snapshot);
        let at = index as usize;
        if self.wished.len() <= at {
            self.wished.resize(at + 1, false);
        }
        let before = std::mem::replace(&mut self.wished[at], !weights.0.is_empty());
        self.count = self.count + usize::from(!weights.0.is_empty()) - usize::from(before);
    }

    fn liken(&self, index: u32, traits: &mut Vec<i64>) {
        traits.extend(self.tallies.iter().map(|tally| tally.mark(index)));
    }

    fn give(&self, nodes: &[Alike]) -> Given {
        let Some(sums) = self.raw(nodes) else { return Given::Silent };
        let least = sums.iter().copied().min().unwrap_or_default();
        let span = sums.iter().copied().max().unwrap_or_default() - least;
        if span == 0 {
            return Given::All(0);
        }
        // In floating point, with upstream's operations in upstream's order.
        let score = |sum: i64| (f64::from(SCORE_MAX) * ((sum - least) as f64 / span as f64)) as i32;
        Given::Each(scored(&sums, score))
    }

    fn raw(&self, nodes: &[Alike]) -> Option<Vec<i64>> {
        let mut sums = vec![0; nodes.len()];
        for tally in &self.tallies {
            sums.iter_mut().zip(nodes).for_each(|(sum, alike)| *sum += tally.at(alike.node).unwrap_or_default());
        }
        (self.count > 0).then_some(sums)
    }
}

impl WideScore for InterPodAffinity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn look(&self, pod: &Arc<PodInfo>, view: View<'_>) -> Rank {
        if pod.preferred.is_empty() && (self.ignores_preferences || !view.snapshot.has_terms()) {
            return Rank::Flat(Given::Silent);
        }
        Rank::By(Box::new(Wishes {
            pod: Arc::clone(pod),
            hard_weight: self.hard_weight,
            tallies: Vec::new(),
            wished: Vec::new(),
            count: 0,
        }))
    }
}
