//! What changed since the last commit.

use crate::storage::Batch;
use kubarium_core::api::{Key, Kind};
use kubarium_core::store::Store;
use std::collections::BTreeSet;

/// Keys whose objects on disk are out of date.
#[derive(Debug)]
pub(super) struct Uncommitted {
    noted: u64,
    keys: BTreeSet<Key>,
    everything: bool,
}

impl Uncommitted {
    /// Nothing is known of the disk: the next commit writes everything.
    pub(super) const fn everything() -> Self {
        Self { noted: 0, keys: BTreeSet::new(), everything: true }
    }

    /// Takes note of the changes since it last looked. Call it after each input: the log of changes is short.
    pub(super) fn note(&mut self, store: &Store) {
        if self.noted == store.revision() {
            return;
        }
        match store.changes_since(self.noted) {
            Ok(changes) => self.keys.extend(changes.filter_map(|c| c.object().map(|o| o.key()))),
            Err(_) => self.everything = true,
        }
        self.noted = store.revision();
    }

    /// What is to be written; none where nothing changed.
    pub(super) fn take(&mut self, store: &Store) -> Option<Batch> {
        let everything = std::mem::take(&mut self.everything);
        let keys = std::mem::take(&mut self.keys);
        if everything {
            let objects = Kind::ALL
                .into_iter()
                .flat_map(|kind| store.list(kind, None))
                .map(|object| (object.key(), Some(object.clone())))
                .collect();
            self.noted = store.revision();
            return Some(Batch { revision: store.revision(), objects, complete: true });
        }
        if keys.is_empty() {
            return None;
        }
        let objects = keys.into_iter().map(|key| (store.at(&key).cloned(), key)).map(|(o, k)| (k, o)).collect();
        Some(Batch { revision: store.revision(), objects, complete: false })
    }
}
