//! `PodTopologySpread`: pods evenly over zones, nodes, or whatever a label of nodes parts them into.

use crate::api::{Kind, Labels, Name, Selector};
use crate::scheduler::decision::{Code, Reason};
use crate::scheduler::framework::{Around, Given, Refused, SCORE_MAX, View, WideFilter, WideScore};
use crate::scheduler::info::{PodInfo, SpreadTerm};
use crate::scheduler::node::{NodeInfo, Placed};
use crate::scheduler::snapshot::Events;
use crate::scheduler::topology::Tally;
use crate::store::Store;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const NAME: &str = "PodTopologySpread";

const HOSTNAME: &str = "kubernetes.io/hostname";

const ZONE: &str = "topology.kubernetes.io/zone";

/// The plugin.
pub(in crate::scheduler) struct PodTopologySpread {
    /// How pods are spread that do not say how; without selectors, which are made from the services and the replication
    /// controller of a pod.
    pub(in crate::scheduler) defaults: Vec<SpreadTerm>,
    /// Whether these are the system's own, which do not want a node to have all their labels.
    pub(in crate::scheduler) own_defaults: bool,
}

impl Default for PodTopologySpread {
    fn default() -> Self {
        let term = |key, max_skew| SpreadTerm {
            max_skew,
            key: Name::new_static(key),
            hard: false,
            selector: Selector::default(),
            min_domains: 1,
            honors_affinity: true,
            honors_taints: false,
        };
        Self { defaults: vec![term(HOSTNAME, 3), term(ZONE, 5)], own_defaults: true }
    }
}

/// Whether a node counts for a term.
fn counts(term: &SpreadTerm, pod: &PodInfo, node: &NodeInfo) -> bool {
    (!term.honors_affinity || pod.class.constraint.allows(&node.name, &node.labels))
        && !(term.honors_taints && node.untolerated(&pod.class).is_some())
}

/// Whether a pod on a node counts for a term.
fn is_counted(term: &SpreadTerm, pod: &PodInfo, other: &PodInfo) -> bool {
    other.namespace == pod.namespace && term.selector.matches(&other.labels)
}

/// How many of a node's pods count for a term.
fn counted(term: &SpreadTerm, pod: &PodInfo, node: &NodeInfo) -> i64 {
    let groups = node.pods.chunk_by(|a, b| Arc::ptr_eq(&a.info, &b.info));
    let counted = groups.filter(|group| is_counted(term, pod, &group[0].info));
    counted.map(|group| group.iter().filter(|p| !p.leaving).count() as i64).sum()
}

fn has_all(labels: &Labels, terms: &[SpreadTerm]) -> bool {
    terms.iter().all(|t| labels.contains_key(t.key.as_str()))
}

impl PodTopologySpread {
    /// How a pod must be spread, or how it had better be.
    fn terms(&self, pod: &PodInfo, hard: bool, store: &Store) -> Vec<SpreadTerm> {
        if !pod.spread.is_empty() {
            return pod.spread.iter().filter(|t| t.hard == hard).cloned().collect();
        }
        let mut terms: Vec<SpreadTerm> = self.defaults.iter().filter(|t| t.hard == hard).cloned().collect();
        if !terms.is_empty() {
            let Some(selector) = siblings(pod, store) else { return Vec::new() };
            for term in &mut terms {
                term.selector = selector.clone();
            }
        }
        terms
    }
}

/// Selects the pods that serve the same services and belong to the same replication controller; none where a pod is
/// of neither.
fn siblings(pod: &PodInfo, store: &Store) -> Option<Selector> {
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    let mut extend = |more: Option<&BTreeMap<String, String>>| {
        labels.extend(more.into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
    };
    if !pod.labels.is_empty() {
        for service in store.list(Kind::Service, Some(&pod.namespace)) {
            let wanted = service.service().and_then(|s| s.selector.as_ref()).filter(|s| !s.is_empty());
            extend(wanted.filter(|s| s.iter().all(|(k, v)| pod.labels.get(k) == Some(v))));
        }
    }
    let owner = pod.owner.as_ref().and_then(|name| store.get(Kind::ReplicationController, &pod.namespace, name));
    extend(owner.and_then(|o| o.replication_controller()).and_then(|(spec, _)| spec.selector.as_ref()));
    (!labels.is_empty()).then(|| Selector::from_map(&labels))
}

const SKEW: u32 = 0;
const LABEL: u32 = 1;

/// A term that must hold, and how many pods count for it in which place.
#[derive(Clone)]
struct Counted {
    term: SpreadTerm,
    /// Whether the pod counts itself.
    itself: bool,
    tally: Tally,
    /// Which places count.
    places: Vec<bool>,
    /// How many pods are in the place with the fewest.
    fewest: i64,
}

impl Counted {
    fn find_fewest(&mut self) {
        let sums = self.tally.sums.iter().zip(&self.places).filter(|(_, counts)| **counts).map(|(sum, _)| *sum);
        let (places, fewest) = sums.fold((0, i64::MAX), |(places, fewest), sum| (places + 1, fewest.min(sum)));
        self.fewest = if places < self.term.min_domains { 0 } else { fewest };
    }
}

/// The pods that count, in all places.
#[derive(Clone)]
struct Spread {
    pod: PodInfo,
    terms: Vec<Counted>,
}

impl Around for Spread {
    fn refuse(&self, index: u32, _node: &NodeInfo) -> Option<Refused> {
        for counted in &self.terms {
            let Some(pods) = counted.tally.at(index) else {
                return Some(Refused { code: Code::Unresolvable, reasons: 1 << LABEL });
            };
            if pods + i64::from(counted.itself) - counted.fewest > counted.term.max_skew {
                return Some(Refused { code: Code::Unschedulable, reasons: 1 << SKEW });
            }
        }
        None
    }

    fn count(&mut self, other: &Placed, index: u32, node: &NodeInfo, by: i64, _store: &Store) {
        if other.leaving || !self.terms.iter().all(|c| node.labels.contains_key(c.term.key.as_str())) {
            return;
        }
        let pod = &self.pod;
        for one in &mut self.terms {
            if is_counted(&one.term, pod, &other.info) && counts(&one.term, pod, node) {
                one.tally.add(index, by);
                one.find_fewest();
            }
        }
    }

    fn fork(&self) -> Box<dyn Around> {
        Box::new(self.clone())
    }
}

impl WideFilter for PodTopologySpread {
    fn name(&self) -> &'static str {
        NAME
    }

    fn helped_by(&self) -> Events {
        Events::OF_NODES.or(Events::POD_REMOVED).or(Events::POD_ADDED)
    }

    fn look(&self, pod: &PodInfo, view: View<'_>) -> Option<Box<dyn Around>> {
        let terms = self.terms(pod, true, view.store);
        if terms.is_empty() {
            return None;
        }
        let tally = |term: &SpreadTerm| Tally::new(view.snapshot.topology(&term.key));
        let mut all: Vec<Counted> = terms
            .iter()
            .map(|term| {
                let tally = tally(term);
                let places = vec![false; tally.sums.len()];
                Counted { term: term.clone(), itself: term.selector.matches(&pod.labels), tally, places, fewest: 0 }
            })
            .collect();
        for (index, node) in view.snapshot.nodes().iter().enumerate().filter(|(_, n)| n.present) {
            if !has_all(&node.labels, &terms) {
                continue;
            }
            for one in all.iter_mut().filter(|one| counts(&one.term, pod, node)) {
                if let Some(place) = one.tally.topology.of(index as u32) {
                    one.places[place] = true;
                    one.tally.sums[place] += counted(&one.term, pod, node);
                }
            }
        }
        all.iter_mut().for_each(Counted::find_fewest);
        Some(Box::new(Spread { pod: pod.clone(), terms: all }))
    }

    fn reason(&self, _pod: &PodInfo, bit: u32) -> Reason {
        if bit == LABEL { Reason::SpreadLabel } else { Reason::Spread }
    }
}

/// The natural logarithm of a whole number of at least 1, to within a rounding or two: the standard library's is not
/// the same on every machine.
fn ln(number: usize) -> f64 {
    let (mut rest, mut halvings) = (number as f64, 0_u32);
    while rest > std::f64::consts::SQRT_2 {
        rest /= 2.0;
        halvings += 1;
    }
    // ln x = 2 (s + s^3/3 + s^5/5 + ...) with s = (x - 1) / (x + 1), which is 0.18 at most here.
    let s = (rest - 1.0) / (rest + 1.0);
    let square = s * s;
    let series = (0..12).rev().fold(0.0, |sum, n| sum * square + 1.0 / f64::from(2 * n + 1));
    f64::from(halvings) * std::f64::consts::LN_2 + 2.0 * s * series
}

impl WideScore for PodTopologySpread {
    fn name(&self) -> &'static str {
        NAME
    }

    fn flat(&self, pod: &PodInfo, view: View<'_>) -> Option<Given> {
        self.terms(pod, false, view.store).is_empty().then_some(Given::Silent)
    }

    fn give(&self, pod: &PodInfo, view: View<'_>, nodes: &[u32]) -> Given {
        let raw = self.count(pod, view, nodes);
        let most = raw.iter().flatten().copied().max().unwrap_or_default();
        let least = raw.iter().flatten().copied().min().unwrap_or_default();
        let score = |raw: &Option<i64>| match raw {
            None => 0,
            Some(_) if most == 0 => SCORE_MAX,
            Some(raw) => (i64::from(SCORE_MAX) * (most + least - raw) / most) as i32,
        };
        Given::Each(raw.iter().map(score).collect())
    }

    fn raw(&self, pod: &PodInfo, view: View<'_>, nodes: &[u32]) -> Option<Vec<i64>> {
        Some(self.count(pod, view, nodes).into_iter().map(Option::unwrap_or_default).collect())
    }
}

impl PodTopologySpread {
    /// How crowded it is where each node is; none for a node that is left out since it lacks a label.
    fn count(&self, pod: &PodInfo, view: View<'_>, nodes: &[u32]) -> Vec<Option<i64>> {
        let terms = self.terms(pod, false, view.store);
        let all = view.snapshot.nodes();
        // The system's own terms also spread over nodes that are in no zone.
        let wants_all = !(pod.spread.is_empty() && self.own_defaults);
        let ignored = |node: &NodeInfo| wants_all && !has_all(&node.labels, &terms);
        let scored = nodes.iter().filter(|index| !ignored(&all[**index as usize])).count();
        let mut sums = vec![0.0; nodes.len()];
        for term in &terms {
            let per_node = term.key == HOSTNAME;
            let mut tally = Tally::new(view.snapshot.topology(&term.key));
            let mut places = vec![false; tally.sums.len()];
            let mut nowhere = false;
            let weight = if per_node {
                ln(scored + 2)
            } else {
                for index in nodes.iter().filter(|index| !ignored(&all[**index as usize])) {
                    match tally.topology.of(*index) {
                        Some(place) => places[place] = true,
                        None => nowhere = true,
                    }
                }
                for (index, node) in all.iter().enumerate().filter(|(_, n)| n.present && !ignored(n)) {
                    if let Some(place) = tally.topology.of(index as u32).filter(|place| places[*place])
                        && counts(term, pod, node)
                    {
                        tally.sums[place] += counted(term, pod, node);
                    }
                }
                ln(places.iter().filter(|p| **p).count() + usize::from(nowhere) + 2)
            };
            for (sum, index) in sums.iter_mut().zip(nodes) {
                let node = &all[*index as usize];
                if ignored(node) {
                    continue;
                }
                if let Some(pods) = tally.at(*index) {
                    let pods = if per_node { counted(term, pod, node) } else { pods };
                    *sum += pods as f64 * weight + (term.max_skew - 1) as f64;
                }
            }
        }
        let raw = |(sum, index): (&f64, &u32)| (!ignored(&all[*index as usize])).then_some(sum.round() as i64);
        sums.iter().zip(nodes).map(raw).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::ln;

    #[test]
    fn the_logarithm_is_that_of_the_standard_library_but_for_its_last_digits() {
        for number in (1..3000).chain([5_002, 65_536, 1_000_000]) {
            let (ours, theirs) = (ln(number), (number as f64).ln());
            assert!((ours - theirs).abs() <= 4.0 * f64::EPSILON * theirs, "ln {number} is {ours}, not {theirs}");
        }
    }
}
