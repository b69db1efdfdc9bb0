//! What is written again and again, kept once: what pods and nodes that came one by one have in common is shared as it is
//! between a controller's replicas, and what became of pods in the same second.
//!
//! Changes what is done and kept, never what comes of it.

use super::alike::{Alike, Common, Written, mark};
use super::owners::{self, Writer};
use super::recent::Recent;
use crate::api::{Body, Condition, Kind, Managed, ManagedFields};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

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

/// The owners of objects of which the same fields are set.
#[derive(Debug)]
struct Owned {
    metadata: String,
    spec: Arc<str>,
    owners: Arc<Vec<ManagedFields>>,
}

/// What was written lately.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// What was read lately.
    pub(super) alike: Alike,
    bodies: Recent<Arc<Known>>,
    owned: Recent<Owned>,
    managed: Recent<Arc<Vec<ManagedFields>>>,
    /// The latest of as many.
    conditions: [Arc<Vec<Condition>>; CONDITIONS_MAX],
}

/// A fork remembers nothing: it meets soon again what it has to do with, and most forks write little.
impl Clone for Shared {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Shared {
    /// What became of a body of that kind that was written just like this.
    pub(super) fn body(&self, kind: Kind, written: &Arc<Written>) -> Option<Arc<Known>> {
        let known = self.bodies.get(written.mark)?;
        (known.body.kind() == kind && known.written == *written).then(|| Arc::clone(known))
    }

    /// Remembers what became of a body in which nothing was wrong.
    pub(super) fn keep_body(&mut self, written: Arc<Written>, body: Body, fields: Arc<str>) {
        self.bodies.put(written.mark, Arc::new(Known { written, body, fields }));
    }

    /// The owners of a new object whose body is known, where nobody said anything of them.
    pub(super) fn owners(&mut self, common: &Common, known: &Known, writer: &Writer<'_>) -> Managed {
        let (metadata, spec) = (&common.fields, &known.fields);
        let mark = xxh3_64(metadata.as_bytes()) ^ known.written.mark;
        if let Some(owned) = self.owned.get(mark)
            && owned.metadata == *metadata
            && owned.spec == *spec
            && owned.owners.iter().all(|owner| owner.manager == writer.name())
        {
            return Some(Arc::clone(&owned.owners));
        }
        let owners = self.managed(Some(owners::of_alike(known.body.kind(), metadata, spec, writer)))?;
        let owned = Owned { metadata: metadata.clone(), spec: Arc::clone(spec), owners: Arc::clone(&owners) };
        self.owned.put(mark, owned);
        Some(owners)
    }

    /// Equal owners of fields, those seen before where there are such.
    pub(super) fn managed(&mut self, managed: Managed) -> Managed {
        managed.map(|managed| self.managed.shared(mark(&managed), managed))
    }

    /// Equal conditions, those seen last where they are such.
    pub(crate) fn conditions(&mut self, conditions: &mut Arc<Vec<Condition>>) {
        match self.conditions.get_mut(conditions.len()) {
            Some(known) if known == conditions => *conditions = Arc::clone(known),
            Some(known) => *known = Arc::clone(conditions),
            None => {}
        }
    }
}
