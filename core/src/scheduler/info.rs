//! A pod as the schedulers see it: what its spec says, with what its labels, its namespace and its owner make of that.

use super::interned::{Interned, place};
use super::pod::{Classes, PodClass};
use crate::api::{Kind, Labels, Meta, Name, Selector, SharedSpec};
use crate::store::Store;
use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Other pods, and the label of nodes within whose values they are near.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PodTerm {
    namespaces: Vec<Name>,
    /// Namespaces by their labels, besides.
    namespace_selector: Option<Selector>,
    selector: Selector,
    /// The label.
    pub(super) key: Name,
}

impl PodTerm {
    fn new(written: &k8s::PodAffinityTerm, meta: &Meta) -> Self {
        let mut namespaces: Vec<Name> = written.namespaces.iter().flatten().map(Name::from).collect();
        if namespaces.is_empty() && written.namespace_selector.is_none() {
            namespaces.push(meta.namespace.to_name());
        }
        let mut selector = read(written.label_selector.as_ref());
        demand(&mut selector, written.match_label_keys.as_deref(), meta, true);
        demand(&mut selector, written.mismatch_label_keys.as_deref(), meta, false);
        let namespace_selector = written.namespace_selector.as_ref().map(|s| read(Some(s)));
        Self { namespaces, namespace_selector, selector, key: written.topology_key.as_str().into() }
    }

    /// Whether a pod is meant by one on a node.
    pub(super) fn selects(&self, pod: &PodInfo, store: &Store) -> bool {
        let labelled = |selector: &Selector| match store.get(Kind::Namespace, "", &pod.namespace) {
            Some(namespace) => selector.matches(&namespace.meta.labels),
            None => selector.is_empty(),
        };
        self.selector.matches(&pod.labels)
            && (self.namespaces.contains(&pod.namespace) || self.namespace_selector.as_ref().is_some_and(labelled))
    }

    /// Whether a pod is meant by the one that is to be placed. As Kubernetes 1.36 has it, namespaces then count, besides, as
    /// if they had no labels: a selector that such a namespace meets (`NotIn`, `DoesNotExist`) means all.
    pub(super) fn wants(&self, pod: &PodInfo, store: &Store) -> bool {
        let unlabelled = |selector: &Selector| selector.matches(&BTreeMap::new()) && self.selector.matches(&pod.labels);
        self.selects(pod, store) || self.namespace_selector.as_ref().is_some_and(unlabelled)
    }
}

/// A selector as it was written: none selects nothing, and what validation refuses neither.
fn read(written: Option<&LabelSelector>) -> Selector {
    written.and_then(|s| Selector::from_label_selector(s).ok()).unwrap_or_else(Selector::nothing)
}

/// Wants the labels of these names to be as those of the pod itself, or other than those.
fn demand(selector: &mut Selector, keys: Option<&[String]>, meta: &Meta, same: bool) {
    for key in keys.unwrap_or_default() {
        if let Some(value) = meta.labels.get(key) {
            selector.demand(key, value, same);
        }
    }
}

/// How evenly pods are to be spread over the values of a label of nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SpreadTerm {
    /// By how many pods a value may be ahead of the one with the fewest.
    pub(super) max_skew: i64,
    /// The label.
    pub(super) key: Name,
    /// Whether it must be so.
    pub(super) hard: bool,
    /// The pods that are counted.
    pub(super) selector: Selector,
    /// How many values there must be for the fewest to count; fewer count as one without pods.
    pub(super) min_domains: i64,
    /// Whether only nodes count that the pod's affinity allows.
    pub(super) honors_affinity: bool,
    /// Whether only nodes count whose taints the pod tolerates.
    pub(super) honors_taints: bool,
}

impl SpreadTerm {
    pub(super) fn new(written: &k8s::TopologySpreadConstraint, meta: &Meta) -> Self {
        let mut selector = read(written.label_selector.as_ref());
        demand(&mut selector, written.match_label_keys.as_deref(), meta, true);
        Self {
            max_skew: written.max_skew.into(),
            key: written.topology_key.as_str().into(),
            hard: written.when_unsatisfiable == "DoNotSchedule",
            selector,
            min_domains: written.min_domains.unwrap_or(1).into(),
            honors_affinity: written.node_affinity_policy.as_deref() != Some("Ignore"),
            honors_taints: written.node_taints_policy.as_deref() == Some("Honor"),
        }
    }
}

/// What of a pod is decided on. Pods that are equal in it are decided alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PodInfo {
    /// What its spec says.
    pub(super) class: Arc<PodClass>,
    pub(super) namespace: Name,
    pub(super) labels: Labels,
    /// The replication controller it belongs to.
    pub(super) owner: Option<Name>,
    /// Whether it never takes the place of others.
    pub(super) yields: bool,
    /// How it is to be spread.
    pub(super) spread: Vec<SpreadTerm>,
    /// The pods near which it must be.
    pub(super) near: Vec<PodTerm>,
    /// The pods near which it must not be.
    pub(super) apart: Vec<PodTerm>,
    /// The pods near which it would rather be, or rather not be where the weight is negative.
    pub(super) preferred: Vec<(i64, PodTerm)>,
}

impl PodInfo {
    fn new(meta: &Meta, spec: &k8s::PodSpec, class: Arc<PodClass>) -> Self {
        let term = |written: &k8s::PodAffinityTerm| PodTerm::new(written, meta);
        let list = |written: &Option<Vec<_>>| written.iter().flatten().map(term).collect();
        let mut info = Self {
            class,
            namespace: meta.namespace.to_name(),
            labels: Arc::clone(&meta.labels),
            owner: owner(meta),
            yields: spec.preemption_policy.as_deref() == Some("Never"),
            spread: spec.topology_spread_constraints.iter().flatten().map(|c| SpreadTerm::new(c, meta)).collect(),
            near: Vec::new(),
            apart: Vec::new(),
            preferred: Vec::new(),
        };
        let Some(affinity) = &spec.affinity else { return info };
        let mut prefer = |written: &Option<Vec<k8s::WeightedPodAffinityTerm>>, sign: i64| {
            let weighed = written.iter().flatten().map(|w| (sign * i64::from(w.weight), term(&w.pod_affinity_term)));
            info.preferred.extend(weighed);
        };
        if let Some(near) = &affinity.pod_affinity {
            info.near = list(&near.required_during_scheduling_ignored_during_execution);
            prefer(&near.preferred_during_scheduling_ignored_during_execution, 1);
        }
        if let Some(apart) = &affinity.pod_anti_affinity {
            info.apart = list(&apart.required_during_scheduling_ignored_during_execution);
            prefer(&apart.preferred_during_scheduling_ignored_during_execution, -1);
        }
        info
    }

    /// Whether it says anything about other pods near it.
    pub(super) fn has_terms(&self) -> bool {
        !(self.near.is_empty() && self.apart.is_empty() && self.preferred.is_empty())
    }

    /// The labels of nodes that it names.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Name> {
        let spread = self.spread.iter().map(|s| &s.key);
        let terms = self.near.iter().chain(&self.apart).chain(self.preferred.iter().map(|(_, term)| term));
        spread.chain(terms.map(|t| &t.key))
    }
}

/// The replication controller that a pod belongs to.
fn owner(meta: &Meta) -> Option<Name> {
    let owner = meta.owners.iter().flat_map(|o| o.iter()).find(|o| o.controller == Some(true))?;
    (owner.kind == "ReplicationController" && owner.api_version == "v1").then(|| owner.name.as_str().into())
}

/// Remembers the pods seen lately: replicas share their spec and labels, and so these are read once.
#[derive(Clone, Debug, Default)]
pub(super) struct Infos {
    classes: Classes,
    known: Interned<PodInfo>,
    slots: Vec<Option<(SharedSpec, Arc<PodInfo>)>>,
}

/// How many pods are remembered.
const PODS_MAX: usize = 512;

impl Infos {
    /// What is decided on of a pod.
    pub(super) fn of(&mut self, meta: &Meta, spec: &SharedSpec) -> Arc<PodInfo> {
        self.slots.resize(PODS_MAX, None);
        // Where a spec lies in memory decides only which other it displaces here, never what is answered.
        let slot = &mut self.slots[place(spec, PODS_MAX)];
        let same = |info: &PodInfo| {
            (Arc::ptr_eq(&info.labels, &meta.labels) || info.labels == meta.labels)
                && info.namespace == meta.namespace
                && info.owner == owner(meta)
        };
        match slot {
            Some((known, info)) if Arc::ptr_eq(known, spec) && same(info) => Arc::clone(info),
            _ => {
                let info = self.known.the(PodInfo::new(meta, spec, self.classes.of(spec)));
                *slot = Some((Arc::clone(spec), Arc::clone(&info)));
                info
            }
        }
    }
}
