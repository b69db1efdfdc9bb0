//! `InterPodAffinity`: pods that must, must not, would or would rather not be near others.

use crate::api::Name;
use crate::scheduler::decision::{Code, Reason};
use crate::scheduler::framework::{Around, Given, Refused, SCORE_MAX, View, WideFilter, WideScore};
use crate::scheduler::info::{PodInfo, PodTerm};
use crate::scheduler::node::{NodeInfo, Placed};
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
#[derive(Clone)]
struct Neighbours {
    near: Vec<PodTerm>,
    apart: Vec<PodTerm>,
    pod: PodInfo,
    /// For each of `near`: pods that all of them mean.
    wanted: Vec<Tally>,
    /// For each of `apart`: pods that it means.
    unwanted: Vec<Tally>,
    /// By label: the terms of other pods that keep the pod away.
    unwelcome: Vec<Tally>,
    /// Whether the pod is among those that it must be near.
    wants_itself: bool,
}

/// The tally of a label, made where there is none yet.
fn of_key<'a>(tallies: &'a mut Vec<Tally>, key: &Name, snapshot: &Snapshot) -> &'a mut Tally {
    let at = tallies.iter().position(|t| t.topology.key == *key).unwrap_or(tallies.len());
    if at == tallies.len() {
        tallies.push(Tally::new(snapshot.topology(key)));
    }
    &mut tallies[at]
}

impl Neighbours {
    fn see(&mut self, other: &PodInfo, index: u32, by: i64, store: &Store) {
        if !self.near.is_empty() && self.near.iter().all(|term| term.selects(other, store)) {
            for tally in &mut self.wanted {
                tally.add(index, by);
            }
        }
        for (term, tally) in self.apart.iter().zip(&mut self.unwanted) {
            if term.selects(other, store) {
                tally.add(index, by);
            }
        }
    }
}

impl Around for Neighbours {
    fn refuse(&self, index: u32, _node: &NodeInfo) -> Option<Refused> {
        let refused = |bit: u32, code| Some(Refused { code, reasons: 1 << bit });
        if !self.near.is_empty() {
            let mut all = true;
            for tally in &self.wanted {
                match tally.at(index) {
                    None => return refused(AFFINITY, Code::Unresolvable),
                    Some(pods) => all &= pods > 0,
                }
            }
            // The first of pods that want to be near each other finds none.
            let first = || self.wants_itself && self.wanted.iter().all(|t| t.sums.iter().all(|pods| *pods <= 0));
            if !all && !first() {
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

    fn count(&mut self, other: &Placed, index: u32, _node: &NodeInfo, by: i64, store: &Store) {
        self.see(&other.info, index, by, store);
        for term in other.info.apart.iter().filter(|term| term.selects(&self.pod, store)) {
            // A label that no pod before named for this reason: it is of a pod that is yet to come.
            if let Some(tally) = self.unwelcome.iter_mut().find(|t| t.topology.key == term.key) {
                tally.add(index, by);
            }
        }
    }

    fn fork(&self) -> Box<dyn Around> {
        Box::new(self.clone())
    }
}

impl WideFilter for InterPodAffinity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn helped_by(&self) -> Events {
        Events::OF_NODES.or(Events::POD_REMOVED).or(Events::POD_ADDED)
    }

    fn look(&self, pod: &PodInfo, view: View<'_>) -> Option<Box<dyn Around>> {
        let coming = view.snapshot.nominated();
        let mut unwelcome = Vec::new();
        if view.snapshot.has_terms() {
            for (index, node) in view.snapshot.nodes().iter().enumerate().filter(|(_, n)| n.present && n.with_terms > 0)
            {
                for term in node.pods.iter().flat_map(|p| &p.info.apart) {
                    if term.selects(pod, view.store) {
                        of_key(&mut unwelcome, &term.key, view.snapshot).add(index as u32, 1);
                    }
                }
            }
        }
        for term in coming.iter().flat_map(|n| &n.info.apart).filter(|term| term.selects(pod, view.store)) {
            of_key(&mut unwelcome, &term.key, view.snapshot);
        }
        if unwelcome.is_empty() && pod.near.is_empty() && pod.apart.is_empty() {
            return None;
        }
        let tallies = |terms: &[PodTerm]| terms.iter().map(|t| Tally::new(view.snapshot.topology(&t.key))).collect();
        let mut neighbours = Neighbours {
            near: pod.near.clone(),
            apart: pod.apart.clone(),
            pod: pod.clone(),
            wanted: tallies(&pod.near),
            unwanted: tallies(&pod.apart),
            unwelcome,
            wants_itself: pod.near.iter().all(|term| term.selects(pod, view.store)),
        };
        if !(pod.near.is_empty() && pod.apart.is_empty()) {
            for (index, node) in view.snapshot.nodes().iter().enumerate().filter(|(_, n)| n.present) {
                for (other, count) in groups(&node.pods) {
                    neighbours.see(other, index as u32, count, view.store);
                }
            }
        }
        Some(Box::new(neighbours))
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

impl InterPodAffinity {
    /// What it is worth to be near the pods of a node, by label.
    fn weigh(&self, pod: &PodInfo, view: View<'_>) -> Vec<Tally> {
        let mut tallies = Vec::new();
        for (index, node) in view.snapshot.nodes().iter().enumerate().filter(|(_, n)| n.present) {
            if pod.preferred.is_empty() && node.with_terms == 0 {
                continue;
            }
            let mut weigh = |term: &PodTerm, meant: &PodInfo, weight: i64| {
                if node.labels.contains_key(term.key.as_str()) && term.selects(meant, view.store) {
                    of_key(&mut tallies, &term.key, view.snapshot).add(index as u32, weight);
                }
            };
            for (other, count) in groups(&node.pods) {
                for (weight, term) in &pod.preferred {
                    weigh(term, other, weight * count);
                }
                if self.hard_weight > 0 {
                    for term in &other.near {
                        weigh(term, pod, self.hard_weight * count);
                    }
                }
                for (weight, term) in &other.preferred {
                    weigh(term, pod, weight * count);
                }
            }
        }
        tallies
    }
}

impl WideScore for InterPodAffinity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn flat(&self, pod: &PodInfo, view: View<'_>) -> Option<Given> {
        let silent = pod.preferred.is_empty() && (self.ignores_preferences || !view.snapshot.has_terms());
        silent.then_some(Given::Silent)
    }

    fn give(&self, pod: &PodInfo, view: View<'_>, nodes: &[u32]) -> Given {
        let Some(sums) = self.raw(pod, view, nodes) else { return Given::Silent };
        let least = sums.iter().copied().min().unwrap_or_default();
        let span = sums.iter().copied().max().unwrap_or_default() - least;
        // In floating point, with upstream's operations in upstream's order.
        let score = |sum: &i64| match span {
            0 => 0,
            _ => (f64::from(SCORE_MAX) * ((sum - least) as f64 / span as f64)) as i32,
        };
        Given::Each(sums.iter().map(score).collect())
    }

    fn raw(&self, pod: &PodInfo, view: View<'_>, nodes: &[u32]) -> Option<Vec<i64>> {
        let tallies = self.weigh(pod, view);
        let sum = |index: &u32| tallies.iter().filter_map(|tally| tally.at(*index)).sum();
        (!tallies.is_empty()).then(|| nodes.iter().map(sum).collect())
    }
}
