//! `PodTopologySpread`: pods evenly over zones, nodes, or whatever a label of nodes parts them into.

use crate::api::{Kind, Labels, Name, Selector};
use crate::scheduler::decision::{Code, Reason};
use crate::scheduler::framework::{
    Alike, Around, Given, Rank, Ranking, Refused, SCORE_MAX, View, WideFilter, WideScore, scored,
};
use crate::scheduler::info::{PodInfo, SpreadTerm};
use crate::scheduler::node::{NodeInfo, Placed};
#[cfg(feature = "foresight")]
use crate::scheduler::obstacles::{Obstacle, label, lacked};
use crate::scheduler::snapshot::Events;
use crate::scheduler::topology::{Tally, Topology};
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

/// How many of a node's pods count for a term. As upstream, none do where it selects all, though the pod itself does then.
fn counted(term: &SpreadTerm, pod: &PodInfo, node: &NodeInfo) -> i64 {
    if term.selector.is_empty() {
        return 0;
    }
    let groups = node.pods.chunk_by(|a, b| Arc::ptr_eq(&a.info, &b.info));
    let counted = groups.filter(|group| is_counted(term, pod, &group[0].info));
    counted.map(|group| group.iter().filter(|p| !p.stage.leaving()).count() as i64).sum()
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
        let defaults = || self.defaults.iter().filter(|t| t.hard == hard);
        let Some(selector) = defaults().next().and_then(|_| siblings(pod, store)) else { return Vec::new() };
        defaults().map(|term| SpreadTerm { selector: selector.clone(), ..term.clone() }).collect()
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
#[derive(Debug)]
struct Counted {
    term: SpreadTerm,
    /// Whether the pod counts itself.
    itself: bool,
    tally: Tally,
    /// Which places count.
    places: Vec<bool>,
    /// How many pods are in the two places with the fewest, of those that count.
    least: [i64; 2],
    /// How many pods are in the place with the fewest, as far as that counts.
    fewest: i64,
    /// How many pods are in the place with the most.
    most: i64,
}

impl Counted {
    fn settle(&mut self) {
        let sums = self.tally.sums.iter().zip(&self.places).filter(|(_, counts)| **counts).map(|(sum, _)| *sum);
        let none = (0, [i64::MAX; 2]);
        let (places, least) = sums.fold(none, |(places, [first, second]), sum| {
            (places + 1, if sum < first { [sum, first] } else { [first, second.min(sum)] })
        });
        self.least = least;
        self.fewest = if places < self.term.min_domains { 0 } else { least[0] };
        self.most = self.tally.sums.iter().copied().max().unwrap_or_default();
    }

    /// Whether one pod more is one too many where there are so many.
    const fn is_skewed(&self, pods: i64) -> bool {
        self.skew(pods) > self.term.max_skew
    }

    /// By how many pods a place of so many is ahead with one pod more.
    const fn skew(&self, pods: i64) -> i64 {
        pods + self.itself as i64 - self.fewest
    }
}

/// The pods that count, in all places.
#[derive(Debug)]
struct Spread {
    pod: Arc<PodInfo>,
    terms: Vec<Counted>,
    /// Whether there are nodes that lack a label.
    lacking: bool,
}

impl Spread {
    fn has_all(&self, node: &NodeInfo) -> bool {
        self.terms.iter().all(|c| node.labels.contains_key(c.term.key.as_str()))
    }
}

impl Around for Spread {
    fn see(&mut self, index: u32, node: &NodeInfo, _view: View<'_>) {
        let has_all = node.present && self.has_all(node);
        for one in &mut self.terms {
            let own =
                if has_all && counts(&one.term, &self.pod, node) { counted(&one.term, &self.pod, node) } else { 0 };
            one.tally.set(index, own);
        }
    }

    fn settle(&mut self) {
        self.terms.iter_mut().for_each(Counted::settle);
    }

    fn is_content(&self) -> bool {
        !self.lacking && !self.terms.iter().any(|one| one.is_skewed(one.most))
    }

    fn refuse(&self, index: u32) -> Option<Refused> {
        for counted in &self.terms {
            let Some(pods) = counted.tally.at(index) else {
                return Some(Refused { code: Code::Unresolvable, reasons: 1 << LABEL });
            };
            if counted.is_skewed(pods) {
                return Some(Refused { code: Code::Unschedulable, reasons: 1 << SKEW });
            }
        }
        None
    }

    fn liken(&self, index: u32, traits: &mut Vec<i64>) {
        traits.extend(self.terms.iter().map(|one| one.tally.mark(index)));
    }

    fn count(&mut self, other: &Placed, index: u32, node: &NodeInfo, by: i64, _view: View<'_>) {
        // As upstream, here those count too that are on their way out.
        if !self.has_all(node) {
            return;
        }
        for one in &mut self.terms {
            if is_counted(&one.term, &self.pod, &other.info) && counts(&one.term, &self.pod, node) {
                one.tally.add(index, by);
                one.settle();
            }
        }
    }

    fn weigh(&self, index: u32, weights: &mut Vec<i64>) {
        for one in &self.terms {
            let own = one.tally.at(index).unwrap_or(i64::MIN);
            let elsewhere = if own == one.least[0] { one.least[1] } else { one.least[0] };
            weights.extend([own, elsewhere]);
        }
    }

    #[cfg(feature = "foresight")]
    fn excess(&self, index: u32) -> i64 {
        self.terms.iter().filter_map(|one| Some((one.skew(one.tally.at(index)?) - one.term.max_skew).max(0))).sum()
    }

    #[cfg(feature = "foresight")]
    fn obstacles(&self, index: u32, view: View<'_>) -> Vec<Obstacle> {
        if let Some(tally) = lacked(self.terms.iter().map(|one| &one.tally), index) {
            let least = tally.topology.values().min_by_key(|(_, number)| tally.sums[*number]);
            let node = &view.snapshot.nodes()[index as usize].name;
            return vec![label(node, &tally.topology.key, least.map(|(value, _)| value))];
        }
        let skew = |(at, one): (usize, &Counted)| {
            let skew = one.skew(one.tally.at(index)?);
            (skew > one.term.max_skew).then_some(Obstacle::Skew(at, skew))
        };
        self.terms.iter().enumerate().filter_map(skew).collect()
    }
}

impl WideFilter for PodTopologySpread {
    fn name(&self) -> &'static str {
        NAME
    }

    fn helped_by(&self) -> Events {
        Events::OF_NODES.or(Events::POD_REMOVED).or(Events::POD_ADDED)
    }

    fn look(&self, pod: &Arc<PodInfo>, view: View<'_>) -> Option<Box<dyn Around>> {
        let terms = self.terms(pod, true, view.store);
        if terms.is_empty() {
            return None;
        }
        let mut lacking = false;
        let mut all: Vec<Counted> = terms
            .iter()
            .map(|term| {
                let tally = Tally::new(view.snapshot.topology(&term.key));
                let places = vec![false; tally.sums.len()];
                let itself = term.selector.matches(&pod.labels);
                Counted { term: term.clone(), itself, tally, places, least: [0; 2], fewest: 0, most: 0 }
            })
            .collect();
        for (index, node) in view.snapshot.nodes().iter().enumerate().filter(|(_, n)| n.present) {
            if !has_all(&node.labels, &terms) {
                lacking = true;
                continue;
            }
            for one in all.iter_mut().filter(|one| counts(&one.term, pod, node)) {
                if let Some(place) = one.tally.topology.of(index as u32) {
                    one.places[place] = true;
                }
            }
        }
        Some(Box::new(Spread { pod: Arc::clone(pod), terms: all, lacking }))
    }

    fn keys(&self) -> Vec<Name> {
        self.defaults.iter().map(|term| term.key.clone()).collect()
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

/// A term that had better hold.
#[derive(Debug)]
struct Wished {
    term: SpreadTerm,
    /// How many pods count in which place; where each node is a place, none.
    tally: Tally,
    /// How many pods of each node count, where each node is a place.
    here: Vec<i64>,
}

impl Wished {
    fn is_per_node(&self) -> bool {
        self.term.key == HOSTNAME
    }
}

/// What counts for the terms that had better hold.
#[derive(Debug)]
struct Evenness {
    pod: Arc<PodInfo>,
    terms: Vec<Wished>,
    /// The nodes that lack labels and so get nothing, by index.
    ignored: Vec<bool>,
}

impl Evenness {
    /// Those of the nodes that get something, with their places in the list.
    fn open<'a>(&'a self, nodes: &'a [Alike]) -> impl Iterator<Item = (usize, &'a Alike)> {
        nodes.iter().enumerate().filter(|(_, alike)| !self.ignored[alike.node as usize])
    }

    /// How crowded it is where each node is; 0 for those that get nothing.
    fn counted(&self, nodes: &[Alike]) -> Vec<i64> {
        let scored = self.open(nodes).map(|(_, alike)| alike.count as usize).sum();
        let mut sums = vec![0.0; nodes.len()];
        for wished in &self.terms {
            self.add(wished, nodes, scored, &mut sums);
        }
        sums.iter().map(|sum| rounded(*sum)).collect()
    }

    /// Adds what a term makes of the nodes to their sums; of `scored` of them it depends what a place weighs.
    fn add(&self, wished: &Wished, nodes: &[Alike], scored: usize, sums: &mut [f64]) {
        let offset = (wished.term.max_skew - 1) as f64;
        let topology = &wished.tally.topology;
        if wished.is_per_node() {
            let weight = ln(scored + 2);
            for (at, alike) in self.open(nodes).filter(|(_, alike)| topology.of(alike.node).is_some()) {
                sums[at] += wished.here[alike.node as usize] as f64 * weight + offset;
            }
            return;
        }
        let weight = ln(self.places(topology, nodes) + 2);
        let worth: Vec<f64> = wished.tally.sums.iter().map(|pods| *pods as f64 * weight + offset).collect();
        for (at, alike) in self.open(nodes) {
            if let Some(place) = topology.of(alike.node) {
                sums[at] += worth[place];
            }
        }
    }

    /// In how many places the nodes are that get something. Having no place counts as one.
    fn places(&self, topology: &Topology, nodes: &[Alike]) -> usize {
        let place = |alike: &Alike| topology.of(alike.node);
        let nowhere = usize::from(self.open(nodes).any(|(_, alike)| place(alike).is_none()));
        if topology.is_one_to_one() {
            let somewhere = self.open(nodes).filter(|(_, alike)| place(alike).is_some());
            return somewhere.map(|(_, alike)| alike.count as usize).sum::<usize>() + nowhere;
        }
        let mut places = topology.zeros();
        self.open(nodes).filter_map(|(_, alike)| place(alike)).for_each(|place| places[place] = 1);
        places.iter().sum::<i64>() as usize + nowhere
    }
}

/// The nearest whole number, halves away from zero; for what is not negative. A conversion costs less than a call.
fn rounded(sum: f64) -> i64 {
    let whole = sum as i64;
    whole + i64::from(sum - whole as f64 >= 0.5)
}

impl Ranking for Evenness {
    fn see(&mut self, index: u32, node: &NodeInfo, _view: View<'_>) {
        let ignored = self.ignored[index as usize];
        for wished in &mut self.terms {
            let pods = || if node.present { counted(&wished.term, &self.pod, node) } else { 0 };
            if wished.is_per_node() {
                wished.here[index as usize] = pods();
            } else {
                let own = if node.present && !ignored && counts(&wished.term, &self.pod, node) { pods() } else { 0 };
                wished.tally.set(index, own);
            }
        }
    }

    fn liken(&self, index: u32, traits: &mut Vec<i64>) {
        let at = index as usize;
        traits.push(self.ignored[at].into());
        for wished in &self.terms {
            let has_none = wished.tally.topology.of(index).is_none();
            traits.push(match wished.is_per_node() {
                true if has_none => i64::MIN,
                true => wished.here[at],
                false => wished.tally.mark(index),
            });
        }
    }

    fn give(&self, nodes: &[Alike]) -> Given {
        let raw = self.counted(nodes);
        let among = || self.open(nodes).map(|(at, _)| raw[at]);
        let most = among().max().unwrap_or_default();
        let least = among().min().unwrap_or_default();
        let score = |raw: i64| match most {
            0 => SCORE_MAX,
            _ => (i64::from(SCORE_MAX) * (most + least - raw) / most) as i32,
        };
        let mut scores = scored(&raw, score);
        for (score, alike) in scores.iter_mut().zip(nodes) {
            if self.ignored[alike.node as usize] {
                *score = 0;
            }
        }
        Given::Each(scores)
    }

    fn raw(&self, nodes: &[Alike]) -> Option<Vec<i64>> {
        Some(self.counted(nodes))
    }
}

impl WideScore for PodTopologySpread {
    fn name(&self) -> &'static str {
        NAME
    }

    fn look(&self, pod: &Arc<PodInfo>, view: View<'_>) -> Rank {
        let terms = self.terms(pod, false, view.store);
        if terms.is_empty() {
            return Rank::Flat(Given::Silent);
        }
        let nodes = view.snapshot.nodes();
        // The system's own terms also spread over nodes that are in no zone.
        let wants_all = !(pod.spread.is_empty() && self.own_defaults);
        let ignored = nodes.iter().map(|node| wants_all && !has_all(&node.labels, &terms)).collect();
        let wished = |term: SpreadTerm| Wished {
            tally: Tally::new(view.snapshot.topology(&term.key)),
            here: if term.key == HOSTNAME { vec![0; nodes.len()] } else { Vec::new() },
            term,
        };
        let terms = terms.into_iter().map(wished).collect();
        Rank::By(Box::new(Evenness { pod: Arc::clone(pod), terms, ignored }))
    }
}

#[cfg(test)]
mod tests {
    use super::{ln, rounded};

    #[test]
    fn rounds_as_the_standard_library_does() {
        let near = [0.0, 0.499_999_999_999_999_94, 0.5, 0.75, 1.0, 1.5, 2.5, 1_234_567.5, 4_503_599_627_370_495.5];
        for sum in near.into_iter().flat_map(|sum: f64| [sum, sum.next_down().abs(), sum.next_up()]) {
            assert_eq!(rounded(sum), sum.round() as i64, "{sum}");
        }
    }

    #[test]
    fn the_logarithm_is_that_of_the_standard_library_but_for_its_last_digits() {
        for number in (1..3000).chain([5_002, 65_536, 1_000_000]) {
            let (ours, theirs) = (ln(number), (number as f64).ln());
            assert!((ours - theirs).abs() <= 4.0 * f64::EPSILON * theirs, "ln {number} is {ours}, not {theirs}");
        }
    }
}
