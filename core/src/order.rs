//! Putting things in order, in little code.
//!
//! The standard library compiles a sorting algorithm anew for each type of list that is sorted and each map or set
//! that is collected: 4 KB of the page each, forty times. Here one serves all, at the price of a call per comparison.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// A map of these entries; of equal keys the last one counts.
pub fn map<K: Ord, V>(entries: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    map.extend(entries);
    map
}

/// A set of these items.
pub fn set<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    set.extend(items);
    set
}

/// Sorts by the natural order. Equal items stay in theirs.
pub fn sort<T: Ord>(list: &mut [T]) {
    sort_by(list, T::cmp);
}

/// Sorts by a comparison. Equal items stay in their order.
pub fn sort_by<T>(list: &mut [T], mut compare: impl FnMut(&T, &T) -> Ordering) {
    let mut from = sorted_indices(list.len(), &mut |a, b| compare(&list[a], &list[b]));
    // Each round follows one cycle of the permutation: `from[at]` is where the item for `at` lies.
    for start in 0..from.len() {
        let mut at = start;
        loop {
            let next = std::mem::replace(&mut from[at], at);
            if next == start {
                break;
            }
            list.swap(at, next);
            at = next;
        }
    }
}

/// The one instance of the algorithm.
fn sorted_indices(count: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..count).collect();
    indices.sort_by(|a, b| compare(*a, *b));
    indices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_as_the_standard_library_does() {
        let mut rng = crate::Rng::new(7, "order");
        for length in 0..200 {
            let list: Vec<(u64, usize)> = (0..length).map(|index| (rng.below(20), index)).collect();
            let (mut ours, mut theirs) = (list.clone(), list);
            sort_by(&mut ours, |a, b| a.0.cmp(&b.0));
            theirs.sort_by_key(|item| item.0);
            assert_eq!(ours, theirs, "stable, length {length}");
        }
    }

    #[test]
    fn of_equal_keys_the_last_one_counts() {
        assert_eq!(map([(2, 'a'), (1, 'b'), (2, 'c')]), BTreeMap::from([(1, 'b'), (2, 'c')]));
        assert_eq!(set([2, 1, 2]), BTreeSet::from([1, 2]));
    }
}
