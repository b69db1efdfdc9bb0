//! Numbers for what comes and goes, and tables in which things lie by number: one after the other in the order in which
//! they came, so that who takes them in that order finds them without a search, and mostly in the caches.

/// The number of an object in its store for as long as it is there. It is given again when the object has gone, and is another
/// one in another store: nothing is decided by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seat(u32);

/// How many things lie in one block, as a power of two: a table that grows takes a block more, and moves nothing.
const BLOCK_BITS: u32 = 10;

impl Seat {
    /// That of the first object.
    pub(crate) const FIRST: Self = Self(0);

    /// The one after it.
    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The block, and the place in it.
    const fn place(self) -> (usize, usize) {
        ((self.0 >> BLOCK_BITS) as usize, (self.0 & ((1 << BLOCK_BITS) - 1)) as usize)
    }
}

/// Things by seat.
#[derive(Clone, Debug)]
pub(crate) struct Seated<T> {
    blocks: Vec<Vec<Option<T>>>,
}

impl<T> Default for Seated<T> {
    fn default() -> Self {
        Self { blocks: Vec::new() }
    }
}

impl<T> Seated<T> {
    /// What sits there.
    pub(crate) fn get(&self, seat: Seat) -> Option<&T> {
        let (block, at) = seat.place();
        self.blocks.get(block)?.get(at)?.as_ref()
    }

    /// Seats a thing. Returns the one that sat there.
    pub(crate) fn put(&mut self, seat: Seat, thing: T) -> Option<T> {
        let (block, at) = seat.place();
        if self.blocks.len() <= block {
            self.blocks.resize_with(block + 1, Vec::new);
        }
        let things = &mut self.blocks[block];
        if things.len() <= at {
            things.resize_with(at + 1, || None);
        }
        things[at].replace(thing)
    }

    /// Takes out what sits there. A block in which nothing is left gives its room back.
    pub(crate) fn take(&mut self, seat: Seat) -> Option<T> {
        let (block, at) = seat.place();
        let things = self.blocks.get_mut(block)?;
        let thing = things.get_mut(at)?.take();
        if at + 1 == things.len() && thing.is_some() {
            let left = things.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
            things.truncate(left);
            if left == 0 {
                *things = Vec::new();
            }
        }
        thing
    }

    /// All things, by seat.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.blocks.iter().flatten().flatten()
    }
}
