//! Which objects name which owner: the index behind replica sets of pods and the garbage collector.

use crate::api::{Key, Object, Uid};
use crate::order;
use crate::store::Change;
use std::sync::Arc;

/// Dependents by the uid of their owner, whether it exists or not.
#[derive(Clone, Debug, Default)]
pub(super) struct Owned {
    by_owner: order::Map<Uid, order::Set<Key>>,
}

/// The uids of all owners. What is no uid of ours reads as that of no object.
pub(super) fn owners(object: &Object) -> impl Iterator<Item = Uid> {
    object.meta.owners.iter().flat_map(|o| o.iter()).map(|o| o.uid.parse().unwrap_or(Uid::NIL))
}

impl Owned {
    pub(super) fn observe(&mut self, change: &Change) {
        let list = |o: &Option<Arc<Object>>| o.as_ref().and_then(|o| o.meta.owners.clone());
        let (before, after) = (list(&change.before), list(&change.after));
        if change.before.is_some() && change.after.is_some() && before == after {
            return;
        }
        if let Some(object) = &change.before {
            for uid in owners(object) {
                if let Some(keys) = self.by_owner.get_mut(&uid) {
                    keys.remove(&object.key());
                    if keys.is_empty() {
                        self.by_owner.remove(&uid);
                    }
                }
            }
        }
        if let Some(object) = &change.after {
            for uid in owners(object) {
                self.by_owner.entry(uid).or_default().insert(object.key());
            }
        }
    }

    /// What names the object of that uid as its owner, in order.
    pub(super) fn of(&self, owner: Uid) -> impl Iterator<Item = &Key> {
        self.by_owner.get(&owner).into_iter().flatten()
    }
}
