//! Objects whose owners are gone: they follow them, wait for them, or are let go.
//!
//! Background: an owner that is gone takes its dependents with it. Foreground: an owner with that finalizer waits
//! for those that block it. Orphan: dependents forget their owner before it goes.

use super::owned::Owned;
use crate::api::{Key, Kind, Name, Object, Uid};
use crate::cluster::Context;
use crate::deletion::{DeleteOptions, FOREGROUND, ORPHAN, Propagation, delete_object, update_object};
use crate::order;
use crate::store::Change;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use std::sync::Arc;

/// How many objects are looked at before others have their turn.
const OBJECTS_MAX: usize = 1_000;

/// What is to be looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Garbage {
    dependents: order::Set<Key>,
    /// Owners that are gone or on their way.
    owners: order::Set<(Uid, Key)>,
    /// Owners that have one dependent less.
    fewer: order::Set<(Uid, Key)>,
}

/// How an owner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Solid,
    Gone,
    Waiting,
}

fn has(object: &Object, finalizer: &str) -> bool {
    object.meta.finalizers().iter().any(|f| f == finalizer)
}

fn is_leaving(object: &Object) -> bool {
    object.meta.deletion.is_some() && (has(object, FOREGROUND) || has(object, ORPHAN))
}

/// The owner that a reference names; none where its kind is not served.
fn named(dependent: &Object, reference: &OwnerReference) -> Option<(Uid, Key)> {
    let kind = Kind::from_type(&reference.api_version, &reference.kind)?;
    let namespace = if kind.info().namespaced { dependent.meta.namespace.to_name() } else { Name::default() };
    Some((reference.uid.parse().unwrap_or(Uid::NIL), Key::new(kind, namespace, reference.name.as_str())))
}

/// The object at a key, if it still is the one of that uid.
fn found<'a>(cx: &'a Context<'_>, (uid, key): &(Uid, Key)) -> Option<&'a Arc<Object>> {
    cx.store.at(key).filter(|o| o.meta.uid == *uid)
}

/// How an owner is. One of a kind that is not served cannot be judged, and is left in peace.
fn owner(cx: &Context<'_>, dependent: &Object, reference: &OwnerReference) -> Owner {
    let Some(named) = named(dependent, reference) else { return Owner::Solid };
    match found(cx, &named) {
        None => Owner::Gone,
        Some(o) if o.meta.deletion.is_some() && has(o, FOREGROUND) => Owner::Waiting,
        Some(_) => Owner::Solid,
    }
}

fn with_owners(object: &Object, list: Vec<OwnerReference>) -> Object {
    let mut next = object.clone();
    if list.is_empty() {
        crate::apiserver::disown(&mut next.meta);
    }
    next.meta.owners = (!list.is_empty()).then(|| Arc::new(list));
    next
}

fn references(object: &Object) -> impl Iterator<Item = &OwnerReference> {
    object.meta.owners.iter().flat_map(|o| o.iter())
}

impl Garbage {
    pub(super) fn observe(&mut self, change: &Change, owned: &Owned) {
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        if let Some(after) = after {
            if after.meta.owners.is_some() && before.is_none_or(|b| b.meta.owners != after.meta.owners) {
                self.dependents.insert(after.key());
            }
            if is_leaving(after) {
                self.owners.insert((after.meta.uid, after.key()));
            }
        }
        if let Some(before) = before {
            // What comes later and names it is looked at itself.
            if after.is_none() && owned.of(before.meta.uid).next().is_some() {
                self.owners.insert((before.meta.uid, before.key()));
            }
            // An owner may wait for just this.
            if after.is_none_or(|a| a.meta.owners != before.meta.owners) {
                self.fewer.extend(references(before).filter_map(|r| named(before, r)));
            }
        }
    }

    /// Looks at what may have to go. Returns whether some is left.
    pub(super) fn work(&mut self, cx: &mut Context<'_>, owned: &Owned) -> bool {
        for gone in std::mem::take(&mut self.owners) {
            let uid = gone.0;
            match found(cx, &gone).cloned() {
                Some(object) if is_leaving(&object) => {
                    if !has(&object, ORPHAN) {
                        let all = owned.of(uid).filter(|k| cx.store.at(k).is_some_and(|d| d.meta.deletion.is_none()));
                        self.dependents.extend(all.cloned());
                    }
                    release(cx, owned, &object);
                }
                Some(_) => {}
                None => self.dependents.extend(owned.of(uid).cloned()),
            }
        }
        for owner in std::mem::take(&mut self.fewer) {
            if let Some(object) = found(cx, &owner).filter(|o| is_leaving(o)).cloned() {
                release(cx, owned, &object);
            }
        }
        for _ in 0..OBJECTS_MAX {
            let Some(key) = self.dependents.pop_first() else { break };
            if let Some(object) = cx.store.at(&key).cloned() {
                Self::collect(cx, owned, &object);
            }
        }
        !self.dependents.is_empty()
    }

    /// Decides on a dependent by how its owners are.
    fn collect(cx: &mut Context<'_>, owned: &Owned, object: &Arc<Object>) {
        if object.meta.deletion.is_some() {
            return;
        }
        let judged: Vec<_> = references(object).map(|r| (owner(cx, object, r), r.clone())).collect();
        if judged.is_empty() {
            return;
        }
        let is = |wanted: Owner| judged.iter().any(|(how, _)| *how == wanted);
        if is(Owner::Solid) {
            if is(Owner::Gone) || is(Owner::Waiting) {
                let rest = judged.iter().filter(|(how, _)| *how == Owner::Solid).map(|(_, r)| r.clone()).collect();
                let _ = cx.store.update(with_owners(object, rest), None);
            }
            return;
        }
        let own: Vec<_> = owned.of(object.meta.uid).filter_map(|key| cx.store.at(key)).cloned().collect();
        let propagation = if is(Owner::Waiting) && !own.is_empty() {
            // Where owners wait for each other in a circle, one must not be waited for.
            if own.iter().any(|d| d.meta.deletion.is_some() && has(d, FOREGROUND)) {
                let mut list: Vec<_> = references(object).cloned().collect();
                for reference in &mut list {
                    reference.block_owner_deletion = Some(false);
                }
                let _ = cx.store.update(with_owners(object, list), None);
            }
            Propagation::Foreground
        } else if has(object, ORPHAN) {
            Propagation::Orphan
        } else if has(object, FOREGROUND) {
            Propagation::Foreground
        } else {
            Propagation::Background
        };
        let options = DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() };
        // It was there when this began.
        let _ = delete_object(cx, &object.key(), &options);
    }
}

/// Brings an owner that waits for its dependents nearer to its end.
fn release(cx: &mut Context<'_>, owned: &Owned, object: &Object) {
    let uid = object.meta.uid.to_string();
    let mut names_it = owned.of(object.meta.uid).filter_map(|key| cx.store.at(key));
    let finalizer = if has(object, ORPHAN) {
        for dependent in names_it.cloned().collect::<Vec<_>>() {
            let rest = references(&dependent).filter(|r| r.uid != uid).cloned().collect();
            let _ = cx.store.update(with_owners(&dependent, rest), None);
        }
        ORPHAN
    } else {
        let blocks = |r: &OwnerReference| r.uid == uid && r.block_owner_deletion == Some(true);
        if names_it.any(|d| references(d).any(blocks)) {
            return;
        }
        FOREGROUND
    };
    let mut next = object.clone();
    next.meta.rest_mut().finalizers.retain(|f| f != finalizer);
    // It was there when this began.
    let _ = update_object(cx, next, None);
}
