//! What is due when: one deadline per key, handed out in the order of time, then key.

use crate::order;
use crate::time::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Deadlines by key. The order in which due keys come out depends on nothing but time and key.
#[derive(Clone, Debug)]
pub struct Deadlines<K> {
    by_key: order::Map<K, Time>,
    /// The earliest first. An entry that `by_key` does not confirm is void; the first one never is.
    queue: BinaryHeap<Reverse<(Time, K)>>,
}

impl<K: Ord> Default for Deadlines<K> {
    fn default() -> Self {
        Self { by_key: order::Map::new(), queue: BinaryHeap::new() }
    }
}

impl<K: Ord + Clone> Deadlines<K> {
    /// Sets the deadline of `key`, in place of an earlier one.
    pub fn set(&mut self, key: K, at: Time) {
        if self.by_key.insert(key.clone(), at) != Some(at) {
            self.queue.push(Reverse((at, key)));
            if self.queue.len() > 2 * self.by_key.len() + 16 {
                self.queue = self.by_key.iter().map(|(key, at)| Reverse((*at, key.clone()))).collect();
            }
            self.drop_void();
        }
    }

    /// Sets the deadline of `key` unless it has an earlier one.
    pub fn set_earlier(&mut self, key: K, at: Time) {
        if self.by_key.get(&key).is_none_or(|old| *old > at) {
            self.set(key, at);
        }
    }

    /// Forgets `key`.
    pub fn cancel(&mut self, key: &K) {
        if self.by_key.remove(key).is_some() {
            self.drop_void();
        }
    }

    /// The deadline of `key`.
    pub fn get(&self, key: &K) -> Option<Time> {
        self.by_key.get(key).copied()
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Time> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out the earliest key that is due at `now`.
    pub fn pop_due(&mut self, now: Time) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        let Reverse((_, key)) = self.queue.pop()?;
        self.by_key.remove(&key);
        self.drop_void();
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

    fn drop_void(&mut self) {
        while let Some(Reverse((at, key))) = self.queue.peek()
            && self.by_key.get(key) != Some(at)
        {
            self.queue.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_deadline_of_a_key_counts_however_often_it_was_moved() {
        let mut deadlines = Deadlines::default();
        for round in 0..1_000 {
            deadlines.set("a", Time(10 + round % 3));
            deadlines.set("b", Time(20 - round % 3));
        }
        deadlines.set_earlier("a", Time(11));
        deadlines.set("c", Time(5));
        deadlines.cancel(&"c");
        assert!(deadlines.queue.len() < 100, "void entries do not pile up");
        assert_eq!((deadlines.len(), deadlines.next()), (2, Some(Time(10))));
        assert_eq!(deadlines.pop_due(Time(9)), None);
        assert_eq!(deadlines.pop_due(Time(30)), Some("a"));
        assert_eq!(deadlines.pop_due(Time(30)), Some("b"));
        assert_eq!((deadlines.pop_due(Time(30)), deadlines.is_empty()), (None, true));
    }
}
