//! What is remembered by what it is about: of so many things, and of those that were asked for last.

use crate::order;
use std::sync::Arc;

/// How many places there are to look first.
const PLACES: usize = 64;

#[derive(Debug)]
struct Entry<K, V> {
    key: Arc<K>,
    value: V,
    /// When it was last asked for.
    turn: u64,
}

/// Values by key. A clone starts empty: they are made again where they are needed.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    entries: Vec<Entry<K, V>>,
    by_key: order::Map<Arc<K>, usize>,
    /// Entries by where their keys lie in memory. That decides only where is looked first, never what is found.
    places: [usize; PLACES],
    turn: u64,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new(), by_key: order::Map::new(), places: [0; PLACES], turn: 0 }
    }
}

impl<K, V> Clone for Recent<K, V> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<K: Ord, V: Default> Recent<K, V> {
    /// The value of a key, a new one where there is none. With more than `room` of them the one goes that was not asked
    /// for the longest.
    pub(super) fn of(&mut self, key: &Arc<K>, room: usize) -> &mut V {
        self.turn += 1;
        let place = (Arc::as_ptr(key).addr() >> 4) % PLACES;
        let near = self.places[place];
        let at = if self.entries.get(near).is_some_and(|e| Arc::ptr_eq(&e.key, key)) {
            near
        } else {
            self.by_key.get(key).copied().unwrap_or_else(|| self.add(key, room))
        };
        self.places[place] = at;
        let entry = &mut self.entries[at];
        entry.turn = self.turn;
        &mut entry.value
    }

    fn add(&mut self, key: &Arc<K>, room: usize) -> usize {
        let entry = Entry { key: Arc::clone(key), value: V::default(), turn: 0 };
        let oldest = self.entries.iter().enumerate().min_by_key(|(_, e)| e.turn).map(|(at, _)| at);
        let at = if let Some(at) = oldest.filter(|_| self.entries.len() >= room) {
            self.by_key.remove(&self.entries[at].key);
            self.entries[at] = entry;
            at
        } else {
            self.entries.push(entry);
            self.entries.len() - 1
        };
        self.by_key.insert(Arc::clone(key), at);
        at
    }
}
