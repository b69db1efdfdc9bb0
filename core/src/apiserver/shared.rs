//! What is written again and again, kept once: what pods and nodes that came one by one have in common is shared as it is
//! between a controller's replicas, and what became of pods in the same second.
//!
//! Changes what is done and kept, never what comes of it.

use super::alike::Written;
use crate::api::{Body, Condition, Kind, Labels, Managed, ManagedFields};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3Default;

/// How many bodies of objects, and how many sets of labels, are remembered.
const KEPT_MAX: usize = 512;

/// How many conditions of a pod are worth it: controllers and kubelets set no more.
const CONDITIONS_MAX: usize = 8;

/// What became of an object's body: as it was admitted, and the fields that were set in it, written out.
#[derive(Debug)]
pub(super) struct Known {
    /// As a client wrote it.
    written: Arc<Written>,
    pub(super) body: Body,
    pub(super) fields: Arc<str>,
}

/// What was written lately. A clone shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared {
    bodies: Vec<Option<Arc<Known>>>,
    labels: Vec<Option<Labels>>,
    managed: Vec<Option<Arc<Vec<ManagedFields>>>>,
    /// The latest of as many.
    conditions: [Arc<Vec<Condition>>; CONDITIONS_MAX],
}

/// The place of a value among those that are remembered. It decides only which other is forgotten for it.
fn slot<'a, T>(slots: &'a mut Vec<Option<T>>, value: &impl Hash) -> &'a mut Option<T> {
    slots.resize_with(KEPT_MAX, || None);
    let mut hash = Xxh3Default::default();
    value.hash(&mut hash);
    &mut slots[(hash.finish() % KEPT_MAX as u64) as usize]
}

impl Shared {
    /// What became of a body of that kind that was written just like this.
    pub(super) fn body(&mut self, kind: Kind, written: &Arc<Written>) -> Option<Arc<Known>> {
        let known = slot(&mut self.bodies, &written.mark).as_ref()?;
        let same = Arc::ptr_eq(&known.written, written) || known.written == *written;
        (known.body.kind() == kind && same).then(|| Arc::clone(known))
    }

    /// Remembers what became of a body in which nothing was wrong.
    pub(super) fn keep_body(&mut self, written: Arc<Written>, body: Body, fields: Arc<str>) {
        let slot = slot(&mut self.bodies, &written.mark);
        *slot = Some(Arc::new(Known { written, body, fields }));
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
    pub(crate) fn conditions(&mut self, conditions: &mut Arc<Vec<Condition>>) {
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
