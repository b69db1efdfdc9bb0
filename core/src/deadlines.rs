//! What is due when: one deadline per key, handed out in the order of time, then key.

use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// Deadlines by key. The order in which due keys come out depends on nothing but time and key.
#[derive(Clone, Debug)]
pub struct Deadlines<K> {
    by_time: BTreeSet<(Time, K)>,
    by_key: BTreeMap<K, Time>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self { by_time: BTreeSet::new(), by_key: BTreeMap::new() }
    }
}

impl<K: Ord + Clone> Deadlines<K> {
    /// Sets the deadline of `key`, in place of an earlier one.
    pub fn set(&mut self, key: K, at: Time) {
        if let Some(old) = self.by_key.insert(key.clone(), at) {
            if old == at {
                return;
            }
            self.by_time.remove(&(old, key.clone()));
        }
        self.by_time.insert((at, key));
    }

    /// Sets the deadline of `key` unless it has an earlier one.
    pub fn set_earlier(&mut self, key: K, at: Time) {
        if self.by_key.get(&key).is_none_or(|old| *old > at) {
            self.set(key, at);
        }
    }

    /// Forgets `key`.
    pub fn cancel(&mut self, key: &K) {
        if let Some(at) = self.by_key.remove(key) {
            self.by_time.remove(&(at, key.clone()));
        }
    }

    /// The deadline of `key`.
    pub fn get(&self, key: &K) -> Option<Time> {
        self.by_key.get(key).copied()
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Time> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes out the earliest key that is due at `now`.
    pub fn pop_due(&mut self, now: Time) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        let (_, key) = self.by_time.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }

    /// How many keys have a deadline.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether nothing is due, ever.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}
