//! The only source of chance: xoshiro256++ from the cluster's seed, the same on every machine.

use crate::api::Uid;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};

/// A seeded generator. A clone goes on with the same numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng(Xoshiro256PlusPlus);

impl Rng {
    /// From a seed and the name of its user, so that users do not share a sequence.
    pub fn new(seed: u64, user: &str) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(xxhash_rust::xxh3::xxh3_64_with_seed(user.as_bytes(), seed)))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `n`, all equally likely; 0 for `n` = 0. (Lemire's multiplication, without rejection: its
    /// bias is below n / 2^64.)
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// True `numerator` times in `denominator`.
    pub fn chance(&mut self, numerator: u64, denominator: u64) -> bool {
        self.below(denominator) < numerator
    }

    /// A fresh uid.
    pub fn uid(&mut self) -> Uid {
        Uid::from_random((u128::from(self.bits()) << 64) | u128::from(self.bits()))
    }

    /// `n` characters of those Kubernetes makes name suffixes from.
    pub fn suffix(&mut self, n: usize) -> String {
        const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..n).map(|_| char::from(ALPHABET[self.below(27) as usize])).collect()
    }
}
