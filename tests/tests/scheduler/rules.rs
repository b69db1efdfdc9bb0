//! The documented rules of placing, written down once more: plainly, slowly, and for this folder's pods and nodes alone.

use crate::fixture::Fixture;
use k8s_openapi::api::core::v1::{PodAffinityTerm, PodSpec, TopologySpreadConstraint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kubarium_core::api::{Body, Kind, Object, PodBody, Quantity};
use kubarium_core::store::Change;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What there is at some moment, all in one namespace.
#[derive(Clone)]
pub(crate) struct Picture {
    pub(crate) nodes: BTreeMap<String, Arc<Object>>,
    pub(crate) pods: BTreeMap<String, Arc<Object>>,
    /// Pods on their way out that are thought away: where spreading is about them, they count for one less than none, as
    /// upstream, which does not count them at first and takes them off then.
    gone: Vec<Arc<Object>>,
    namespace: BTreeMap<String, String>,
    /// What budgets select, and how many of that may be disturbed.
    budgets: Vec<(LabelSelector, i64)>,
}

fn body(pod: &Object) -> &PodBody {
    pod.pod().unwrap()
}

pub(crate) fn priority(pod: &Object) -> i32 {
    body(pod).spec.priority.unwrap_or_default()
}

fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let equal = selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    equal
        && selector.match_expressions.iter().flatten().all(|e| match e.operator.as_str() {
            "Exists" => labels.contains_key(&e.key),
            "DoesNotExist" => !labels.contains_key(&e.key),
            other => panic!("{other} is not written down here"),
        })
}

/// Thousandths of a cpu, bytes, and ports of the node that a pod asks for.
fn wants(spec: &PodSpec) -> (i64, i64, Vec<i32>) {
    let asked = |name: &str| {
        let amounts = spec.containers.iter().filter_map(|c| c.resources.as_ref()?.requests.as_ref()?.get(name));
        amounts.map(|written| Quantity::parse(&written.0).unwrap()).fold(Quantity::from_value(0), Quantity::plus)
    };
    let ports = spec.containers.iter().flat_map(|c| c.ports.iter().flatten()).filter_map(|p| p.host_port);
    (asked("cpu").milli(), asked("memory").value(), ports.collect())
}

fn near(pod: &Object) -> &[PodAffinityTerm] {
    let terms = body(pod).spec.affinity.as_ref().and_then(|a| a.pod_affinity.as_ref());
    terms.and_then(|t| t.required_during_scheduling_ignored_during_execution.as_deref()).unwrap_or_default()
}

fn apart(pod: &Object) -> &[PodAffinityTerm] {
    let terms = body(pod).spec.affinity.as_ref().and_then(|a| a.pod_anti_affinity.as_ref());
    terms.and_then(|t| t.required_during_scheduling_ignored_during_execution.as_deref()).unwrap_or_default()
}

fn spread(pod: &Object) -> Vec<&TopologySpreadConstraint> {
    let all = body(pod).spec.topology_spread_constraints.iter().flatten();
    all.filter(|c| c.when_unsatisfiable == "DoNotSchedule").collect()
}

/// Whether a node's labels are those that a pod's node selector wants.
fn allows(pod: &Object, node: &Object) -> bool {
    body(pod).spec.node_selector.iter().flatten().all(|(key, value)| node.meta.labels.get(key) == Some(value))
}

impl Picture {
    pub(crate) fn of(fixture: &Fixture) -> Self {
        let store = fixture.cluster.store();
        let all = |kind| store.list(kind, None).map(|o| (o.meta.name.to_string(), Arc::clone(o))).collect();
        let budgets = store.list(Kind::PodDisruptionBudget, None).map(|budget| {
            let value = budget.to_value();
            let selector = serde_json::from_value(value["spec"]["selector"].clone()).unwrap();
            (selector, value["status"]["disruptionsAllowed"].as_i64().unwrap_or_default())
        });
        let namespace = BTreeMap::clone(&store.get(Kind::Namespace, "", "default").unwrap().meta.labels);
        Self { nodes: all(Kind::Node), pods: all(Kind::Pod), gone: Vec::new(), namespace, budgets: budgets.collect() }
    }

    /// Takes over a change.
    pub(crate) fn apply(&mut self, change: &Change) {
        let Some(object) = change.object() else { return };
        let name = object.meta.name.to_string();
        let all = match change.kind {
            Kind::Node => &mut self.nodes,
            Kind::Pod => &mut self.pods,
            Kind::Namespace if name == "default" => {
                self.namespace = BTreeMap::clone(&object.meta.labels);
                return;
            }
            _ => return,
        };
        match &change.after {
            Some(object) => all.insert(name, Arc::clone(object)),
            None => all.remove(&name),
        };
    }

    /// The same, with a pod on a node.
    fn with(&self, pod: &Object, node: &str) -> Self {
        let mut with = self.clone();
        let mut placed = pod.clone();
        placed.pod_mut().unwrap().node = Some(node.into());
        with.pods.insert(pod.meta.name.to_string(), Arc::new(placed));
        with.gone.retain(|gone| gone.meta.name != pod.meta.name);
        with
    }

    /// The same without a pod.
    fn without(&self, pod: &str) -> Self {
        let mut without = self.clone();
        without.gone.extend(without.pods.remove(pod).filter(|pod| pod.meta.deletion.is_some()));
        without
    }

    fn on<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a Object> + Clone {
        let placed =
            move |pod: &&Arc<Object>| body(pod).node_name() == Some(node) && !body(pod).status.phase.is_finished();
        self.pods.values().filter(placed).map(|pod| &**pod)
    }

    /// All pods that are on nodes that there are, each with its node.
    fn placed(&self) -> impl Iterator<Item = (&Object, &Object)> {
        self.nodes.iter().flat_map(|(name, node)| self.on(name).map(|pod| (pod, &**node)))
    }

    /// Whether a term of a pod that is to be placed means a pod: as if namespaces had no labels, besides.
    fn wants(&self, term: &PodAffinityTerm, pod: &Object) -> bool {
        let unlabelled = Self { namespace: BTreeMap::new(), ..self.clone() };
        self.means(term, pod) || term.namespace_selector.is_some() && unlabelled.means(term, pod)
    }

    /// Whether a term means a pod.
    fn means(&self, term: &PodAffinityTerm, pod: &Object) -> bool {
        term.namespace_selector.as_ref().is_none_or(|s| selects(s, &self.namespace))
            && term.label_selector.as_ref().is_some_and(|s| selects(s, &pod.meta.labels))
    }

    /// The rule by which a node must not take a pod now, whatever is yet to come.
    fn forbids(&self, pod: &Object, name: &str) -> Option<&'static str> {
        let Some(node) = self.nodes.get(name) else { return Some("there is no such node") };
        let Body::Node { spec, status } = &node.body else { panic!("no node") };
        let tolerates = |key: &str| {
            let mut tolerations = body(pod).spec.tolerations.iter().flatten();
            tolerations.any(|t| t.key.as_deref().is_none_or(|k| k == key) && t.operator.as_deref() == Some("Exists"))
        };
        if spec.unschedulable == Some(true) && !tolerates("node.kubernetes.io/unschedulable") {
            return Some("it is cordoned");
        }
        let mut taints = spec.taints.iter().flatten();
        if taints.any(|t| t.effect != "PreferNoSchedule" && !tolerates(&t.key)) {
            return Some("it has a taint");
        }
        if !allows(pod, node) {
            return Some("it lacks a label");
        }
        let have = |name: &str| Quantity::parse(&status.allocatable.as_ref().unwrap()[name].0).unwrap();
        let (cpu, memory, ports) = wants(&body(pod).spec);
        let there: Vec<_> = self.on(name).map(|pod| wants(&body(pod).spec)).collect();
        let used = there.iter().fold((0, 0), |sum, (cpu, memory, _)| (sum.0 + cpu, sum.1 + memory));
        if cpu > 0 && used.0 + cpu > have("cpu").milli() || memory > 0 && used.1 + memory > have("memory").value() {
            return Some("too little is left");
        }
        if there.len() as i64 >= have("pods").value() {
            return Some("it has as many pods as it may");
        }
        if there.iter().any(|(.., taken)| ports.iter().any(|port| taken.contains(port))) {
            return Some("a port is taken");
        }
        if self.is_skewed(pod, node) {
            return Some("pods would be spread unevenly");
        }
        self.dislikes(pod, node)
    }

    fn is_skewed(&self, pod: &Object, node: &Object) -> bool {
        let constraints = spread(pod);
        let has_all = |node: &Object| constraints.iter().all(|c| node.meta.labels.contains_key(&c.topology_key));
        !has_all(node)
            || constraints.iter().any(|constraint| {
                let meant =
                    |other: &Object| constraint.label_selector.as_ref().is_some_and(|s| selects(s, &other.meta.labels));
                let mut counts = BTreeMap::new();
                for (name, node) in self.nodes.iter().filter(|(_, node)| has_all(node) && allows(pod, node)) {
                    let pods = self.on(name).filter(|other| other.meta.deletion.is_none() && meant(other)).count();
                    let gone =
                        self.gone.iter().filter(|gone| body(gone).node_name() == Some(name) && meant(gone)).count();
                    *counts.entry(node.meta.labels[&constraint.topology_key].as_str()).or_insert(0) +=
                        pods as i32 - gone as i32;
                }
                let fewest = counts.values().copied().min().unwrap_or_default();
                let here = counts.get(node.meta.labels[&constraint.topology_key].as_str()).copied().unwrap_or_default();
                here + i32::from(meant(pod)) - fewest > constraint.max_skew
            })
    }

    fn dislikes(&self, pod: &Object, node: &Object) -> Option<&'static str> {
        let together = |term: &PodAffinityTerm, one: &Object, other: &Object| {
            let value = |node: &Object| node.meta.labels.get(&term.topology_key).cloned();
            value(one).is_some() && value(one) == value(other)
        };
        let terms = near(pod);
        if terms.iter().any(|term| !node.meta.labels.contains_key(&term.topology_key)) {
            return Some("it lacks the label within which others are to be near");
        }
        let meant_by_all = |other: &Object| terms.iter().all(|term| self.wants(term, other));
        let wanted: Vec<_> = self.placed().filter(|(other, _)| meant_by_all(other)).collect();
        let is_near = |term: &PodAffinityTerm| wanted.iter().any(|(_, theirs)| together(term, theirs, node));
        let labelled = |theirs: &Object| terms.iter().any(|t| theirs.meta.labels.contains_key(&t.topology_key));
        let is_first = meant_by_all(pod) && !wanted.iter().any(|(_, theirs)| labelled(theirs));
        if !is_first && !terms.iter().all(is_near) {
            return Some("whom it wants near is not near");
        }
        for (other, theirs) in self.placed() {
            if apart(pod).iter().any(|term| self.wants(term, other) && together(term, theirs, node)) {
                return Some("one is near whom it does not want near");
            }
            if apart(other).iter().any(|term| self.means(term, pod) && together(term, theirs, node)) {
                return Some("one is near who does not want it near");
            }
        }
        None
    }

    /// The rule by which a node must not take a pod, also with those for whom others make room there.
    pub(crate) fn refuses(&self, pod: &Object, node: &str) -> Option<&'static str> {
        let coming = self.pods.values().filter(|other| {
            let waits = body(other).node.is_none() && body(other).status.rarer.nominated_node.as_deref() == Some(node);
            waits && other.meta.uid != pod.meta.uid && priority(other) >= priority(pod)
        });
        let with = coming.fold(self.clone(), |with, other| with.with(other, node));
        self.forbids(pod, node).or_else(|| with.forbids(pod, node))
    }

    /// Whom a node would give up for a pod, by upstream's procedure; none where that would not help.
    pub(crate) fn victims(&self, pod: &Object, node: &str) -> Option<Victims> {
        let mut less: Vec<&Object> = self.on(node).filter(|other| priority(other) < priority(pod)).collect();
        if less.is_empty() || self.refuses(pod, node).is_none() {
            return None;
        }
        // The most important first; none has started here, and of those the latest comes first.
        less.sort_by_key(|other| (Reverse(priority(other)), Reverse((other.meta.created, other.meta.name.clone()))));
        let mut left = less.iter().fold(self.clone(), |left, other| left.without(&other.meta.name));
        if left.refuses(pod, node).is_some() {
            return None;
        }
        let mut budgets = self.budgets.clone();
        let mut breaks = |other: &Object| {
            let mut breaks = false;
            for (selector, allowed) in &mut budgets {
                if selects(selector, &other.meta.labels) {
                    *allowed -= 1;
                    breaks |= *allowed < 0;
                }
            }
            breaks
        };
        let (first, then): (Vec<&Object>, Vec<&Object>) = less.into_iter().partition(|other| breaks(other));
        let mut victims = Victims::default();
        for (others, breaks) in [(first, true), (then, false)] {
            for other in others {
                let spared = left.with(other, node);
                if spared.refuses(pod, node).is_some() {
                    victims.broken += usize::from(breaks);
                    victims.pods.push((priority(other), other.meta.name.to_string()));
                } else {
                    left = spared;
                }
            }
        }
        Some(victims)
    }

    /// Whether a node takes a pod once these went, and takes it no more if only one of them stays.
    pub(crate) fn are_needed(&self, pod: &Object, node: &str, victims: &[&str]) -> bool {
        let gone = victims.iter().fold(self.clone(), |gone, victim| gone.without(victim));
        gone.refuses(pod, node).is_none()
            && victims.iter().all(|victim| gone.with(&self.pods[*victim], node).refuses(pod, node).is_some())
    }
}

/// Pods that would make room.
#[derive(Debug, Default)]
pub(crate) struct Victims {
    /// How many of them a budget protects.
    broken: usize,
    /// Priorities and names.
    pods: Vec<(i32, String)>,
}

impl Victims {
    /// Less is better: budgets broken, the highest priority, the sum of priorities, how many.
    pub(crate) fn rank(&self) -> (usize, i32, i64, usize) {
        let highest = self.pods.iter().map(|(priority, _)| *priority).max().unwrap_or(i32::MIN);
        let sum = self.pods.iter().map(|(priority, _)| i64::from(*priority) + (1 << 31)).sum();
        (self.broken, highest, sum, self.pods.len())
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.pods.iter().map(|(_, name)| name.as_str()).collect();
        names.sort_unstable();
        names
    }
}
