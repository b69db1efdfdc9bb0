//! What is remembered by what it is about: of so many things, and of those that were asked for last.

use super::interned;
use crate::order;
use std::sync::Arc;

/// How many there are at most, however small they are.
const ENTRIES_MAX: usize = 1_024;

/// How many places there are to look first.
const PLACES: usize = 256;

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
    /// The value of a key, a new one where there is none. Where there is no room for so many of them, those go that were
    /// not asked for the longest.
    pub(super) fn of(&mut self, key: &Arc<K>, room: usize) -> &mut V {
        self.turn += 1;
        let place = interned::place(key, PLACES);
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
        while self.entries.len() >= room.clamp(1, ENTRIES_MAX) {
            self.drop_oldest();
        }
        let at = self.entries.len();
        self.entries.push(Entry { key: Arc::clone(key), value: V::default(), turn: 0 });
        self.by_key.insert(Arc::clone(key), at);
        at
    }

    fn drop_oldest(&mut self) {
        let oldest = self.entries.iter().enumerate().min_by_key(|(_, e)| e.turn);
        let Some(at) = oldest.map(|(at, _)| at) else { return };
        let gone = self.entries.swap_remove(at);
        self.by_key.remove(&gone.key);
        if let Some(moved) = self.entries.get(at)
            && let Some(place) = self.by_key.get_mut(&moved.key)
        {
            *place = at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ENTRIES_MAX, Recent};
    use std::sync::Arc;

    #[test]
    fn those_asked_for_last_are_kept_where_there_is_room() {
        let keys: Vec<Arc<usize>> = (0..3_000).map(Arc::new).collect();
        for (room, kept) in [(3, 3), (0, 1), (usize::MAX, ENTRIES_MAX)] {
            let mut recent: Recent<usize, usize> = Recent::default();
            for key in &keys {
                *recent.of(&keys[7], room) = 7;
                *recent.of(key, room) = **key;
                assert!(recent.entries.len() <= kept && recent.by_key.len() == recent.entries.len());
            }
            assert_eq!(recent.entries.len(), kept, "{room}");
            let last = &keys[keys.len() + 1 - kept.max(2)..];
            assert!(last.iter().rev().take(kept).all(|key| *recent.of(key, room) == **key), "{room}");
        }
        // One for which there is less room makes more of the others go.
        let mut recent: Recent<usize, usize> = Recent::default();
        keys[..100].iter().for_each(|key| *recent.of(key, 100) = 1);
        *recent.of(&keys[100], 10) = 1;
        assert_eq!(recent.entries.len(), 10);
        assert!(keys[91..=100].iter().all(|key| *recent.of(key, 100) == 1));
    }
}
