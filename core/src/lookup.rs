//! Things by key, to be looked up. Quicker than [`crate::order::Map`], and without an order in which they could be walked:
//! where a table lies and how full it is must decide nothing.

#![expect(clippy::disallowed_types, reason = "here nobody walks it in its own order, which alone differs")]

use crate::order;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use xxhash_rust::xxh3::xxh3_64;

/// The same on every machine and in every run.
#[derive(Clone, Copy, Debug, Default)]
struct Digest(u64);

impl Hasher for Digest {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 ^= xxh3_64(bytes);
    }

    fn write_u8(&mut self, _end: u8) {
        // What ends a text, where a key is no more than that.
    }

    fn write_u128(&mut self, uid: u128) {
        // Uids are random. What is the same in all of them lies elsewhere in each half.
        self.0 ^= (uid >> 64) as u64 ^ uid as u64;
    }
}

/// How much room a table keeps that is empty, in entries.
const EMPTY_MAX: usize = 1_000;

/// Things by key: a uid or a name.
#[derive(Clone, Debug)]
pub(crate) struct Lookup<K, V>(HashMap<K, V, BuildHasherDefault<Digest>>);

impl<K, V> Default for Lookup<K, V> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<K: Eq + Hash + Ord, V> Lookup<K, V> {
    /// What has that key.
    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key)
    }

    /// What has that key, to be changed.
    pub(crate) fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.0.get_mut(key)
    }

    /// Whether anything has that key.
    pub(crate) fn contains_key<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    /// What has that key, made where nothing has.
    pub(crate) fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        self.0.entry(key).or_insert_with(make)
    }

    /// Gives a key a thing. Returns the one it had.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.0.insert(key, value)
    }

    /// Takes out what has that key. A table that comes to be empty gives its room back.
    pub(crate) fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let value = self.0.remove(key);
        if self.0.is_empty() && self.0.capacity() > EMPTY_MAX {
            self.0.shrink_to(EMPTY_MAX);
        }
        value
    }

    /// All keys, in order.
    pub(crate) fn keys(&self) -> Vec<&K> {
        let mut keys: Vec<&K> = self.0.keys().collect();
        order::sort(&mut keys);
        keys
    }

    /// All things, for what their order does not matter to.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.values()
    }
}
