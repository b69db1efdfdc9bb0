//! Equal things kept once: they take no more room than one, and that they are equal is seen at a glance.

use crate::order;
use std::sync::Arc;

/// How many things are known at most before those that nobody has any more are forgotten.
const KNOWN_MAX: usize = 4_096;

/// One of so many places, for what is looked up by where it lies in memory. What lies in a row is spread over all of them.
pub(super) fn place<T>(thing: &Arc<T>, places: usize) -> usize {
    ((Arc::as_ptr(thing).addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % places
}

/// Things of which there is one each.
#[derive(Clone, Debug)]
pub(super) struct Interned<T> {
    known: order::Set<Arc<T>>,
    /// At how many things those are forgotten that nobody has.
    room: usize,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { known: order::Set::new(), room: KNOWN_MAX }
    }
}

impl<T: Ord> Interned<T> {
    /// The one that equals this.
    pub(super) fn the(&mut self, thing: T) -> Arc<T> {
        let thing = Arc::new(thing);
        if let Some(known) = self.known.range_from(&thing).next().filter(|known| **known == thing) {
            return Arc::clone(known);
        }
        if self.known.len() >= self.room {
            self.known.retain(|known| Arc::strong_count(known) > 1);
            // Where most are in use, it is not tried again for every new one.
            self.room = KNOWN_MAX.max(2 * self.known.len());
        }
        self.known.insert(Arc::clone(&thing));
        thing
    }
}
