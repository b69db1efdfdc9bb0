//! The allocator of the modules that run in a browser: lists of free blocks in front of `dlmalloc`, which is the standard
//! library's for WebAssembly.
//!
//! A simulation asks for millions of small blocks. Each comes from a list of blocks of its size and goes back there, in a
//! few instructions and without a header; `dlmalloc` searches and joins. And memory grows by megabytes: a browser collects
//! its garbage nearly each time that it grows, and by itself `dlmalloc` grows it by 64 KB.
//!
//! What was in a list once stays there. This is the only crate with `unsafe` code, which an allocator cannot do without.

#![cfg_attr(test, allow(clippy::unwrap_used))]
#![expect(clippy::cast_ptr_alignment, reason = "blocks in lists lie at multiples of STEP")]

use dlmalloc::Dlmalloc;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr;

/// The sizes of blocks in lists are multiples of this.
const STEP: usize = 8;
/// Larger blocks are left to `dlmalloc`.
const SMALL_MAX: usize = 1_024;
/// What is aligned to more is left to it, too.
const ALIGN_MAX: usize = 16;
/// How many bytes a list that is empty gets.
const RUN: usize = 8 << 10;
/// How many bytes memory grows by, at least.
const GROWTH: usize = 4 << 20;

/// An allocator for one thread.
pub struct Heap(UnsafeCell<Blocks>);

struct Blocks {
    /// The first free block of each size, whose first bytes tell where the next one lies.
    free: [*mut u8; SMALL_MAX / STEP],
    others: Dlmalloc,
}

// SAFETY: a module without atomics has one thread.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
unsafe impl Sync for Heap {}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

impl Heap {
    /// An allocator that has no memory yet.
    pub const fn new() -> Self {
        let mut others = Dlmalloc::new();
        others.set_granularity(GROWTH);
        Self(UnsafeCell::new(Blocks { free: [ptr::null_mut(); SMALL_MAX / STEP], others }))
    }
}

/// Which list has such blocks, if one has.
fn list(layout: Layout) -> Option<usize> {
    let size = layout.pad_to_align().size();
    (size <= SMALL_MAX && layout.align() <= ALIGN_MAX).then(|| (size - 1) / STEP)
}

impl Blocks {
    /// Cuts a run into blocks: one is given, the others are put into the list.
    ///
    /// A run is aligned to [`ALIGN_MAX`], and so are blocks whose size is a multiple of that: [`list`] gives no others to
    /// what has to be aligned so.
    #[cold]
    #[inline(never)]
    fn refill(&mut self, list: usize) -> *mut u8 {
        let size = (list + 1) * STEP;
        // SAFETY: all blocks lie within the run, which nobody else has, and each has room for an address.
        unsafe {
            let run = self.others.malloc(RUN, ALIGN_MAX);
            if !run.is_null() {
                for at in (1..RUN / size).rev() {
                    self.put(list, run.add(at * size));
                }
            }
            run
        }
    }

    /// Puts a block into a list.
    ///
    /// # Safety
    /// It is one of that list's, and nobody uses it.
    unsafe fn put(&mut self, list: usize, block: *mut u8) {
        // SAFETY: all blocks have room for an address, and are aligned for it.
        unsafe { block.cast::<*mut u8>().write(self.free[list]) };
        self.free[list] = block;
    }
}

// SAFETY: a block is in a list or with whoever asked for it, never both; and nothing here panics or allocates.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: one thread, and no reference outlives a call. What lies in a list is a block that `put` wrote to.
        unsafe {
            let blocks = &mut *self.0.get();
            let Some(list) = list(layout) else { return blocks.others.malloc(layout.size(), layout.align()) };
            let first = blocks.free[list];
            if first.is_null() {
                return blocks.refill(list);
            }
            blocks.free[list] = first.cast::<*mut u8>().read();
            first
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above; the layout tells where the block came from.
        unsafe {
            let blocks = &mut *self.0.get();
            match list(layout) {
                Some(list) => blocks.put(list, block),
                None => blocks.others.free(block, layout.size(), layout.align()),
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above; the caller vouches for the new size. The two blocks do not overlap.
        unsafe {
            let wanted = Layout::from_size_align_unchecked(size, layout.align());
            match (list(layout), list(wanted)) {
                (None, None) => (*self.0.get()).others.realloc(block, layout.size(), layout.align(), size),
                (had, wants) if had == wants => block,
                _ => {
                    let other = self.alloc(wanted);
                    if !other.is_null() {
                        ptr::copy_nonoverlapping(block, other, layout.size().min(size));
                        self.dealloc(block, layout);
                    }
                    other
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_xoshiro::Xoshiro256PlusPlus;
    use rand_xoshiro::rand_core::{Rng, SeedableRng};

    /// A block, and the byte with which it is filled.
    struct Filled {
        at: *mut u8,
        layout: Layout,
        byte: u8,
    }

    impl Filled {
        fn new(heap: &Heap, layout: Layout, byte: u8) -> Self {
            let at = unsafe { heap.alloc(layout) };
            assert!(!at.is_null());
            let filled = Self { at, layout, byte };
            filled.fill();
            filled
        }

        fn fill(&self) {
            assert!(self.at.addr().is_multiple_of(self.layout.align()), "{:?} at {:?}", self.layout, self.at);
            unsafe { self.at.write_bytes(self.byte, self.layout.size()) };
        }

        /// Nobody else wrote there: the first so many bytes are as they were.
        fn check(&self, size: usize) {
            let bytes = unsafe { std::slice::from_raw_parts(self.at, size) };
            assert!(bytes.iter().all(|&byte| byte == self.byte), "{:?}", self.layout);
        }

        fn resize(&mut self, heap: &Heap, size: usize) {
            self.at = unsafe { heap.realloc(self.at, self.layout, size) };
            self.check(size.min(self.layout.size()));
            self.layout = Layout::from_size_align(size, self.layout.align()).unwrap();
            self.fill();
        }

        fn free(self, heap: &Heap) {
            self.check(self.layout.size());
            unsafe { heap.dealloc(self.at, self.layout) };
        }
    }

    #[test]
    fn blocks_are_aligned_and_nobody_elses_until_they_are_freed() {
        let heap = Heap::new();
        let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut below = |end: u64| (random.next_u64() % end) as usize;
        let mut held: Vec<Filled> = Vec::new();
        for step in 0..200_000_usize {
            // Around the border between the lists and what is left to dlmalloc, and far beyond it now and then.
            let size = 1 + below([64, 1_200, 1_200, 40_000][step % 4]);
            match below(5) {
                0 | 1 if held.len() < 3_000 => {
                    held.push(Filled::new(&heap, Layout::from_size_align(size, 1 << below(7)).unwrap(), step as u8));
                }
                2 if !held.is_empty() => {
                    let at = below(held.len() as u64);
                    held[at].resize(&heap, size);
                }
                _ if !held.is_empty() => held.swap_remove(below(held.len() as u64)).free(&heap),
                _ => (),
            }
        }
        assert!(held.len() > 100);
        for block in held {
            block.free(&heap);
        }
    }

    #[test]
    fn what_was_freed_is_given_again() {
        let heap = Heap::new();
        for (size, align) in [(1, 1), (8, 8), (24, 8), (48, 16), (1_000, 4), (1_024, 16)] {
            let layout = Layout::from_size_align(size, align).unwrap();
            let places = || {
                let blocks: Vec<_> = (0..1_000).map(|_| Filled::new(&heap, layout, 1)).collect();
                let mut places: Vec<_> = blocks.iter().map(|block| block.at).collect();
                for block in blocks {
                    block.free(&heap);
                }
                places.sort_unstable();
                places
            };
            assert_eq!(places(), places(), "{layout:?}");
        }
    }
}
