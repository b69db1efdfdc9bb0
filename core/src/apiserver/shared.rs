//! What is written again and again, kept once: the specs and labels of pods that came one by one are shared as those of a
//! controller's replicas are, and what became of pods in the same second.
//!
//! Changes what is done and kept, never what comes of it.

use crate::api::{Condition, Labels, Managed, ManagedFields, Name, SharedSpec};
use serde_json::Value;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3Default;

/// How many specs, and how many sets of labels, are remembered.
const KEPT_MAX: usize = 512;

/// How many conditions of a pod are worth it: controllers and kubelets set no more.
const CONDITIONS_MAX: usize = 8;

/// A pod's spec as a client wrote it, and what became of it.
#[derive(Debug)]
struct Spec {
    written: Value,
    admitted: SharedSpec,
    node: Option<Name>,
    fields: Arc<str>,
}

/// What became of a pod's spec: as it was admitted, its node apart, and the fields that were set in it, written out.
pub(super) struct Known {
    pub(super) spec: SharedSpec,
    pub(super) node: Option<Name>,
    pub(super) fields: Arc<str>,
}

/// What was written lately. A clone shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared {
    specs: Vec<Option<Arc<Spec>>>,
    labels: Vec<Option<Labels>>,
    managed: Vec<Option<Arc<Vec<ManagedFields>>>>,
    /// The latest of as many.
    conditions: [Arc<[Condition]>; CONDITIONS_MAX],
}

/// The place of a value among those that are remembered. It decides only which other is forgotten for it.
fn slot<'a, T>(slots: &'a mut Vec<Option<T>>, value: &impl Hash) -> &'a mut Option<T> {
    slots.resize_with(KEPT_MAX, || None);
    let mut hash = Xxh3Default::default();
    value.hash(&mut hash);
    &mut slots[(hash.finish() % KEPT_MAX as u64) as usize]
}

impl Shared {
    /// What became of a pod's spec that was written just like this.
    pub(super) fn spec(&mut self, written: &Value) -> Option<Known> {
        let spec = slot(&mut self.specs, written).as_ref().filter(|s| s.written == *written)?;
        Some(Known { spec: Arc::clone(&spec.admitted), node: spec.node.clone(), fields: Arc::clone(&spec.fields) })
    }

    /// Remembers what became of a spec in which nothing was wrong.
    pub(super) fn keep_spec(&mut self, written: Value, known: Known) {
        let slot = slot(&mut self.specs, &written);
        *slot = Some(Arc::new(Spec { written, admitted: known.spec, node: known.node, fields: known.fields }));
    }

    /// Equal owners of fields, those seen before where there are such.
    pub(super) fn managed(&mut self, managed: Managed) -> Managed {
        let managed = managed?;
        match slot(&mut self.managed, &managed) {
            Some(known) if *known == managed => Some(Arc::clone(known)),
            slot => {
                *slot = Some(Arc::clone(&managed));
                Some(managed)
            }
        }
    }

    /// Equal conditions, those seen last where they are such.
    pub(crate) fn conditions(&mut self, conditions: &mut Arc<[Condition]>) {
        match self.conditions.get_mut(conditions.len()) {
            Some(known) if known == conditions => *conditions = Arc::clone(known),
            Some(known) => *known = Arc::clone(conditions),
            None => {}
        }
    }

    /// Equal labels or annotations, those seen before where there are such.
    pub(super) fn labels(&mut self, labels: &mut Labels) {
        if labels.is_empty() {
            return;
        }
        match slot(&mut self.labels, labels) {
            Some(known) if known == labels => *labels = Arc::clone(known),
            slot => *slot = Some(Arc::clone(labels)),
        }
    }
}
