//! How often a property is tried, and on what.

use proptest::test_runner::{Config, RngSeed};

/// So many cases, the same each time, unless `PROPTEST_CASES` and `PROPTEST_RNG_SEED` say otherwise.
pub fn cases(cases: u32) -> Config {
    let asked = Config::default();
    let says = |name| std::env::var_os(name).is_some();
    let cases = if says("PROPTEST_CASES") { asked.cases } else { cases };
    Config {
        cases,
        rng_seed: if says("PROPTEST_RNG_SEED") { asked.rng_seed } else { RngSeed::Fixed(1) },
        // Long runs may come upon as many cases that they leave out.
        max_global_rejects: asked.max_global_rejects.max(cases.saturating_mul(4)),
        failure_persistence: None,
        ..asked
    }
}
