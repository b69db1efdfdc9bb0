//! Things in order, in little code.
//!
//! The standard library compiles a sorting algorithm anew for each type of list that is sorted and each map or set
//! that is collected: 4 KB of the page each, forty times. Here one serves all, at the price of a call per comparison.
//! Its maps and sets are of the same kind, and have others in their place here.

mod map;
mod set;

use std::cmp::Ordering;
use std::collections::BTreeMap;

pub use map::{Entry, Iter, Map};
pub use set::{Items, Set};

/// A map of these entries as Kubernetes' types have it; of equal keys the last one counts.
pub fn map<V>(entries: impl IntoIterator<Item = (String, V)>) -> BTreeMap<String, V> {
    let mut map = BTreeMap::new();
    map.extend(entries);
    map
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
}
