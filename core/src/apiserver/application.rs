//! What becomes of a document and its owners when something is applied to it.
//!
//! Source of the rules: the `merge` package of upstream's `structured-merge-diff`.

use super::fields::Fields;
use super::owners::{Owner, Writer, stripped, update, yield_to};
use super::scope::Scope;
use super::typed::{self, Shape};
use crate::api::{Operation, When};
use crate::order;
use serde_json::Value;

/// Who wrote what was there before anything was applied to an object that was not tracked.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// A field that is somebody else's.
#[derive(Clone, Debug)]
pub(super) struct Conflict {
    /// Whose.
    pub(super) owner: String,
    /// Which.
    pub(super) fields: Fields,
}

/// What is applied, and to what.
pub(super) struct Application<'a> {
    /// The shape of both documents.
    pub(super) shape: Shape,
    /// API version of both.
    pub(super) version: &'a str,
    /// What there is before there is anything.
    pub(super) blank: &'a Value,
    /// What there is.
    pub(super) live: &'a Value,
    /// What shall be.
    pub(super) wanted: &'a Value,
    /// The fields that are written this way.
    pub(super) scope: Scope,
    /// Who applies.
    pub(super) writer: Writer<'a>,
}

impl Application<'_> {
    /// Applies. Returns the document that comes of it, or none where nothing changes; the owners are changed in place.
    pub(super) fn apply(&self, owners: &mut Vec<Owner>, force: bool) -> Result<Option<Value>, Vec<Conflict>> {
        let Self { shape, live, wanted, scope, .. } = self;
        if owners.is_empty() {
            let before = Writer { manager: BEFORE_FIRST_APPLY, ..self.writer };
            update(*shape, self.blank, live, scope, owners, &before, self.version);
        }
        owners.retain(|owner| owner.api_version == self.version);
        let merged = typed::merge(*shape, live, wanted);
        let applied = scope.of(&typed::fields_of(*shape, wanted));
        let mine = self.writer.owner(Operation::Apply, self.version, applied);
        let last = owners.iter().position(|owner| owner.is(&mine)).map(|at| owners.swap_remove(at));
        let (at, last) = last.map_or((When::Unsaid, Fields::default()), |last| (last.at, last.fields));
        let merged = self.prune(merged, owners, &mine, &last);
        let comparison = typed::compare(*shape, live, &merged).of(scope);
        let conflicts = conflicts(owners, &comparison.written());
        if !force && !conflicts.is_empty() {
            return Err(conflicts);
        }
        yield_to(owners, &comparison);
        let changed = **live != merged;
        let at = if changed { mine.at } else { at };
        let fields = mine.fields.difference(stripped());
        if !fields.is_empty() {
            owners.push(Owner { at, fields, ..mine });
        }
        Ok(changed.then_some(merged))
    }

    /// Takes away what the manager applied the last time, not this time, and nobody else owns.
    fn prune(&self, merged: Value, owners: &[Owner], mine: &Owner, last: &Fields) -> Value {
        if last.is_empty() {
            return merged;
        }
        let shape = self.shape;
        let named = |set: &Fields| typed::with_named(shape, set);
        let all = named(&typed::fields_of(shape, &merged));
        let pruned = typed::remove(shape, &merged, &named(last));
        let owned = owners.iter().fold(mine.fields.clone(), |all, owner| all.union(&owner.fields));
        let left = named(&typed::fields_of(shape, &pruned)).union(&named(&owned));
        let pruned = typed::remove(shape, &merged, &all.difference(&left));
        // Only what was the manager's own goes.
        let gone = all.difference(&named(&typed::fields_of(shape, &pruned)));
        typed::remove(shape, &merged, &gone.intersection(&named(last)))
    }
}

fn conflicts(owners: &[Owner], written: &Fields) -> Vec<Conflict> {
    let mut owners: Vec<&Owner> = owners.iter().collect();
    order::sort_by(&mut owners, |a, b| a.identity().cmp(&b.identity()));
    let mut conflicts = Vec::new();
    for owner in owners {
        let fields = owner.fields.intersection(written);
        if !fields.is_empty() {
            conflicts.push(Conflict { owner: owner.named(), fields });
        }
    }
    conflicts
}
