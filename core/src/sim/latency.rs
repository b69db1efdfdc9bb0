//! How long machines take, from seeded distributions in whole numbers.

use crate::rng::Rng;
use crate::time::Span;

/// Never less than `least`; mostly little more, seldom up to `spread` more: the product of two even chances. Its
/// mean is `least + spread / 4`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latency {
    least: Span,
    spread: Span,
}

impl Latency {
    pub(super) const fn millis(least: i64, spread: i64) -> Self {
        Self { least: Span::from_millis(least), spread: Span::from_millis(spread) }
    }

    pub(super) fn sample(self, rng: &mut Rng) -> Span {
        let spread = self.spread.0.max(0) as u64;
        let a = u128::from(rng.below(spread));
        let b = u128::from(rng.below(spread));
        let more = if spread == 0 { 0 } else { (a * b / u128::from(spread)) as i64 };
        Span(self.least.0 + more)
    }
}

/// A pod's network.
pub(super) const SANDBOX: Latency = Latency::millis(60, 300);
/// A look whether an image is there.
pub(super) const IMAGE_CHECK: Latency = Latency::millis(1, 5);
/// The registry's answer before a pull begins to flow.
pub(super) const REGISTRY: Latency = Latency::millis(120, 500);
/// Creating and starting a container.
pub(super) const START: Latency = Latency::millis(80, 500);
/// New limits for a container that runs.
pub(super) const RESIZE: Latency = Latency::millis(5, 40);
/// A container that is asked to stop and does.
pub(super) const STOP: Latency = Latency::millis(40, 800);
/// Removing what is left of a pod.
pub(super) const REMOVE: Latency = Latency::millis(20, 150);
/// A probe's way and back.
pub(super) const PROBE: Latency = Latency::millis(1, 15);
/// A machine that is switched on until its runtime answers.
pub(super) const BOOT: Latency = Latency::millis(4_000, 8_000);

/// How often a machine says that it is alive: as often as a kubelet renews its lease.
pub(super) const HEARTBEAT_PERIOD: Span = Span::from_secs(10);

/// What a machine's network carries, in bytes a second: about a gigabit.
const PULL_BYTES_PER_SECOND: u64 = 110_000_000;

/// How long the bytes of an image take, `factor` times slower than usual, give or take a fifth.
pub(super) fn pull(bytes: u64, factor: u32, rng: &mut Rng) -> Span {
    let usual = u128::from(bytes) * 1_000_000 / u128::from(PULL_BYTES_PER_SECOND);
    let spread = u128::from(80 + rng.below(41));
    let micros = usual * u128::from(factor.max(1)) * spread / 100;
    // A year is as good as never.
    Span(micros.min(365 * 86_400_000_000) as i64)
}
