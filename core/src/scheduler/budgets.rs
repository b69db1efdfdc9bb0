//! Disruption budgets, as preemption heeds them: kept from one pod to the next, and read again only where they changed.

use super::node::Placed;
use crate::api::{Document, Kind, Name, Object, Selector};
use crate::controllers::disruption;
use crate::store::Store;
use std::sync::Arc;

/// What may be disturbed of the pods that a budget is about.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Budget {
    namespace: Name,
    selector: Selector,
    allowed: i64,
    /// Pods that were evicted already are off the budget.
    disrupted: Vec<Name>,
}

impl Budget {
    /// None where it protects nothing.
    fn new(object: &Object) -> Option<Self> {
        let document: &Document = object.document()?;
        Some(Self {
            namespace: object.meta.namespace.to_name(),
            // One without requirements protects nothing here, as upstream.
            selector: disruption::selector(document).filter(|s| !s.is_empty())?,
            allowed: document.number(&["status", "disruptionsAllowed"]).unwrap_or_default(),
            disrupted: document.entries(&["status", "disruptedPods"]).map(|(name, _)| name.into()).collect(),
        })
    }

    fn is_about(&self, pod: &Placed, store: &Store) -> bool {
        if self.namespace != pod.info.namespace
            || pod.info.labels.is_empty()
            || !self.selector.matches(&pod.info.labels)
        {
            return false;
        }
        let is_off = || store.pod(pod.uid).is_some_and(|o| self.disrupted.contains(&o.meta.name));
        self.disrupted.is_empty() || !is_off()
    }
}

/// How many pods the budgets of these numbers are about.
pub(super) type Covered = Box<[(usize, i64)]>;

/// All budgets, numbered in the order of their namespaces and names.
#[derive(Clone, Debug, Default)]
pub(super) struct Budgets {
    all: Vec<(Arc<Object>, Option<Budget>)>,
    /// Changes when anything does but how much is allowed.
    shape: u64,
}

impl Budgets {
    /// Takes over what there is now.
    pub(super) fn update(&mut self, store: &Store) {
        let mut count = 0;
        for (number, object) in store.list(Kind::PodDisruptionBudget, None).enumerate() {
            count = number + 1;
            let known = self.all.get_mut(number);
            if known.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, object)) {
                continue;
            }
            let new = (Arc::clone(object), Budget::new(object));
            let Some(known) = known else {
                self.shape += 1;
                self.all.push(new);
                continue;
            };
            let allowed = new.1.as_ref().map_or(0, |new| new.allowed);
            let was = known.1.take().map(|was| Budget { allowed, ..was });
            self.shape += u64::from(was != new.1);
            *known = new;
        }
        self.shape += u64::from(count < self.all.len());
        self.all.truncate(count);
    }

    /// Changes when anything does but how much is allowed.
    pub(super) const fn shape(&self) -> u64 {
        self.shape
    }

    /// How much each allows.
    pub(super) fn allowed(&self) -> impl Iterator<Item = i64> {
        self.all.iter().map(|(_, budget)| budget.as_ref().map_or(0, |budget| budget.allowed))
    }

    /// Parts pods that a budget protects from the others. Both stay in their order. With it, how many of them the budgets of
    /// which numbers are about.
    pub(super) fn part(&self, pods: Vec<Placed>, store: &Store) -> (Vec<Placed>, Vec<Placed>, Covered) {
        let mut covered: Vec<(usize, i64)> = Vec::new();
        let mut is_protected = |pod: &Placed| {
            let mut protected = false;
            for (number, budget) in self.all.iter().enumerate().filter_map(|(n, (_, b))| Some((n, b.as_ref()?))) {
                if budget.is_about(pod, store) {
                    let at = covered.iter().position(|(known, _)| *known == number).unwrap_or(covered.len());
                    if at == covered.len() {
                        covered.push((number, 0));
                    }
                    covered[at].1 += 1;
                    protected |= covered[at].1 > budget.allowed;
                }
            }
            protected
        };
        let (first, then) = pods.into_iter().partition(|pod| is_protected(pod));
        (first, then, covered.into())
    }
}
