//! A map in order, in little code.
//!
//! The standard library's is compiled anew for each pair of types, into 3 to 6 KB of the page each. This one keeps
//! its entries in sorted lists of bounded length, one after the other, and takes a fifth of that. It is as fast: a
//! search halves, a walk goes along arrays, and what is put in moves a part of one short list.

use std::borrow::Borrow;
use std::fmt;
use std::slice;

/// How many entries lie in one list. Longer ones are found quicker and changed slower.
const LIST_MAX: usize = 64;

/// A map whose entries lie in the order of their keys.
#[derive(Clone)]
pub struct Map<K, V> {
    /// None is empty, and each begins after the one before it has ended.
    lists: Vec<Vec<(K, V)>>,
    count: usize,
}

/// Where an entry lies or would lie: which list, and where in it.
type Place = (usize, usize);

impl<K, V> Map<K, V> {
    /// An empty map.
    pub const fn new() -> Self {
        Self { lists: Vec::new(), count: 0 }
    }

    /// How many entries there are.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no entry.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// All entries, in order.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { lists: self.lists.iter(), ..Iter::default() }
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// All values, in the order of their keys, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// All entries, in order, the values to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.lists.iter_mut().flatten().map(|(key, value)| (&*key, value))
    }

    /// The first entry.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// The last entry.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.lists.last()?.last().map(|(key, value)| (key, value))
    }

    /// Takes the first entry out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        (!self.is_empty()).then(|| self.take((0, 0)))
    }

    /// Keeps the entries for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.count = 0;
        self.lists.retain_mut(|list| {
            list.retain_mut(|(key, value)| keep(key, value));
            self.count += list.len();
            !list.is_empty()
        });
    }

    fn take(&mut self, (list, at): Place) -> (K, V) {
        self.count -= 1;
        let entry = self.lists[list].remove(at);
        if self.lists[list].is_empty() {
            self.lists.remove(list);
        }
        entry
    }

    // Kept apart: the code is the same for all entries of one size, and is in the page once for these.
    #[inline(never)]
    fn split(&mut self, list: usize, kept: usize) {
        let rest = self.lists[list].split_off(kept);
        self.lists[list].shrink_to_fit();
        self.lists.insert(list + 1, rest);
    }

    // Once for each map: it is called from several places.
    #[inline(never)]
    fn put(&mut self, (mut list, mut at): Place, entry: (K, V)) -> &mut V {
        self.count += 1;
        if self.lists.is_empty() {
            self.lists.push(Vec::new());
        }
        if self.lists[list].len() == LIST_MAX {
            // What comes in order fills lists: then nothing is moved.
            let kept = if at == LIST_MAX { LIST_MAX } else { LIST_MAX / 2 };
            self.split(list, kept);
            if at >= kept {
                (list, at) = (list + 1, at - kept);
            }
        }
        let list = &mut self.lists[list];
        if list.len() == list.capacity() {
            // Twice the room, as vectors take it, would be left half empty in most lists.
            list.reserve_exact(list.len().clamp(4, 8));
        }
        list.insert(at, entry);
        &mut list[at].1
    }
}

impl<K: Ord, V> Map<K, V> {
    /// Where the entry of this key lies, or else where it would lie.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Place, Place>
    where
        K: Borrow<Q>,
    {
        let begins_before = |list: &Vec<(K, V)>| list.first().is_some_and(|(first, _)| first.borrow().cmp(key).is_le());
        let list = if self.lists.len() < 2 { 0 } else { self.lists.partition_point(begins_before).saturating_sub(1) };
        let entries = self.lists.get(list).map_or(&[][..], Vec::as_slice);
        match entries.binary_search_by(|(other, _)| other.borrow().cmp(key)) {
            Ok(at) => Ok((list, at)),
            Err(at) => Err((list, at)),
        }
    }

    /// The value of this key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (list, at) = self.find(key).ok()?;
        Some(&self.lists[list][at].1)
    }

    /// The value of this key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (list, at) = self.find(key).ok()?;
        Some(&mut self.lists[list][at].1)
    }

    /// Whether there is an entry of this key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Gives the key this value, and returns the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok((list, at)) => Some(std::mem::replace(&mut self.lists[list][at].1, value)),
            Err(place) => {
                self.put(place, (key, value));
                None
            }
        }
    }

    /// Removes the entry of this key, and returns its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        Some(self.take(place).1)
    }

    /// The place of this key, to be filled if it is empty.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        Entry { place: self.find(&key), map: self, key }
    }

    /// The entries from this key on, in order.
    pub fn range_from<Q: Ord + ?Sized>(&self, key: &Q) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let (Ok((list, at)) | Err((list, at))) = self.find(key);
        let mut lists = self.lists.get(list..).unwrap_or_default().iter();
        let entries = lists.next().and_then(|entries| entries.get(at..)).unwrap_or_default().iter();
        Iter { entries, lists }
    }

    /// The entries from this key on, in order, the values to be changed.
    pub fn range_mut_from<Q: Ord + ?Sized>(&mut self, key: &Q) -> impl Iterator<Item = (&K, &mut V)>
    where
        K: Borrow<Q>,
    {
        let (Ok((list, at)) | Err((list, at))) = self.find(key);
        let lists = self.lists.get_mut(list..).unwrap_or_default();
        lists.iter_mut().flatten().skip(at).map(|(key, value)| (&*key, value))
    }
}

/// The place of a key in a map.
#[derive(Debug)]
pub struct Entry<'a, K, V> {
    map: &'a mut Map<K, V>,
    place: Result<Place, Place>,
    key: K,
}

impl<'a, K, V> Entry<'a, K, V> {
    /// Whether the map has no entry of the key.
    pub const fn is_vacant(&self) -> bool {
        self.place.is_err()
    }

    /// The key: that of the map where it has an entry.
    pub fn key(&self) -> &K {
        match self.place {
            Ok((list, at)) => &self.map.lists[list][at].0,
            Err(_) => &self.key,
        }
    }

    /// The key's value, which is made if it has none.
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'a mut V {
        match self.place {
            Ok((list, at)) => &mut self.map.lists[list][at].1,
            Err(place) => self.map.put(place, (self.key, make())),
        }
    }

    /// The key's value, or this one if it has none.
    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    /// The key's value, or the default if it has none.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

/// Entries of a map, in order.
#[derive(Debug)]
pub struct Iter<'a, K, V> {
    entries: slice::Iter<'a, (K, V)>,
    lists: slice::Iter<'a, Vec<(K, V)>>,
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.entries.next() {
                return Some((key, value));
            }
            self.entries = self.lists.next()?.iter();
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.entries.len(), None)
    }
}

impl<K, V> Default for Iter<'_, K, V> {
    /// Of no map.
    fn default() -> Self {
        Self { entries: [].iter(), lists: [].iter() }
    }
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), lists: self.lists.clone() }
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && self.iter().eq(other)
    }
}

impl<K: Eq, V: Eq> Eq for Map<K, V> {}

impl<'a, K, V> IntoIterator for &'a Map<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K, V> IntoIterator for Map<K, V> {
    type Item = (K, V);
    type IntoIter = std::iter::Flatten<std::vec::IntoIter<Vec<(K, V)>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.lists.into_iter().flatten()
    }
}

impl<K: Ord, V> Extend<(K, V)> for Map<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

/// Of equal keys the last one counts.
impl<K: Ord, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// The map and the standard library's, after the same changes.
    fn both(seed: u64, changes: u64, keys: u64) -> (Map<u64, u64>, BTreeMap<u64, u64>) {
        let mut rng = crate::Rng::new(seed, "map");
        let (mut ours, mut theirs) = (Map::new(), BTreeMap::new());
        for number in 0..changes {
            let key = rng.below(keys);
            match rng.below(8) {
                0 | 1 => assert_eq!(ours.remove(&key), theirs.remove(&key)),
                2 if rng.below(8) == 0 => assert_eq!(ours.pop_first(), theirs.pop_first()),
                3 => assert_eq!(ours.entry(key).or_insert(number), theirs.entry(key).or_insert(number)),
                4 => assert_eq!(ours.get_mut(&key).map(|v| *v += 1), theirs.get_mut(&key).map(|v| *v += 1)),
                _ => assert_eq!(ours.insert(key, number), theirs.insert(key, number)),
            }
            assert_eq!(ours.len(), theirs.len());
        }
        (ours, theirs)
    }

    #[test]
    fn does_as_the_standard_library_does() {
        for (seed, keys) in [(1, 3), (2, 50), (3, 500), (4, 5_000), (5, 100_000)] {
            let (ours, mut theirs) = both(seed, 20_000, keys);
            assert!(ours.iter().eq(&theirs));
            assert!(ours.keys().eq(theirs.keys()) && ours.values().eq(theirs.values()));
            assert_eq!(
                (ours.first_key_value(), ours.last_key_value()),
                (theirs.first_key_value(), theirs.last_key_value())
            );
            for key in (0..keys).step_by(1 + keys as usize / 300) {
                assert_eq!((ours.get(&key), ours.contains_key(&key)), (theirs.get(&key), theirs.contains_key(&key)));
                assert!(ours.range_from(&key).eq(theirs.range(key..)), "from {key}");
                assert!(ours.clone().range_mut_from(&key).eq(theirs.range_mut(key..)), "from {key}");
            }
            let (mut kept, keep) = (ours.clone(), |key: &u64, value: &mut u64| (*key ^ *value).is_multiple_of(3));
            kept.retain(keep);
            theirs.retain(keep);
            assert_eq!(kept.len(), theirs.len());
            assert!(kept.into_iter().eq(theirs));
        }
    }

    #[test]
    fn equal_entries_make_equal_maps_whatever_came_between() {
        let (changed, entries) = both(7, 20_000, 5_000);
        assert_eq!(changed, entries.into_iter().collect());
    }

    #[test]
    fn no_list_grows_long_and_what_comes_in_order_fills_them() {
        let ascending: Map<u64, ()> = (0..10_000).map(|key| (key, ())).collect();
        assert_eq!(ascending.lists.len(), 10_000_usize.div_ceil(LIST_MAX));
        let descending: Map<u64, ()> = (0..10_000).rev().map(|key| (key, ())).collect();
        assert!(descending.lists.iter().all(|list| (1..=LIST_MAX).contains(&list.len())));
        assert!(descending.lists.len() <= 10_000_usize.div_ceil(LIST_MAX / 2));
    }

    #[test]
    fn of_equal_keys_the_last_one_counts() {
        let map: Map<_, _> = [(2, 'a'), (1, 'b'), (2, 'c')].into_iter().collect();
        assert!(map.iter().eq([(&1, &'b'), (&2, &'c')]));
    }
}
