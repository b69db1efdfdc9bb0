//! Which objects name which owner: the index behind replica sets of pods and the garbage collector.

use crate::api::{Key, Object, Uid};
use crate::lookup::Lookup;
use crate::order;
use crate::store::Change;

/// Dependents by the uid of their owner, whether it exists or not.
#[derive(Clone, Debug, Default)]
pub(super) struct Owned {
    by_owner: Lookup<Uid, order::Set<Key>>,
}

/// The uids of all owners. What is no uid of ours reads as that of no object.
pub(super) fn owners(object: &Object) -> impl Iterator<Item = Uid> {
    object.meta.owners.iter().flat_map(|o| o.iter()).map(|o| o.uid.parse().unwrap_or(Uid::NIL))
}

impl Owned {
    pub(super) fn observe(&mut self, change: &Change) {
        if let (Some(before), Some(after)) = (&change.before, &change.after)
            && before.meta.owners == after.meta.owners
        {
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
                self.by_owner.get_or_insert_with(uid, order::Set::new).insert(object.key());
            }
        }
    }

    /// What names the object of that uid as its owner, in order.
    pub(super) fn of(&self, owner: Uid) -> impl Iterator<Item = &Key> {
        self.by_owner.get(&owner).into_iter().flatten()
    }
}
