//! How long to wait before trying again: 10 s, doubling, at most 5 min. Upstream's numbers.

use crate::time::Span;

const FIRST_SECS: i64 = 10;
const MAX_SECS: i64 = 300;

/// Volumes are tried again sooner: after half a second, doubling, at most 122 s.
const VOLUME_FIRST_MILLIS: i64 = 500;
const VOLUME_MAX_MILLIS: i64 = 122_000;

/// A container that ran longer than this starts over with its back-off.
pub(super) const FORGIVEN_AFTER: Span = Span::from_secs(600);

/// How long a failed pull shows as `ErrImagePull` before it shows as backing off.
pub(super) const ERROR_SHOWN: Span = Span::from_secs(1);

/// The wait after `failures` failures in a row, of which the last just happened; none after none.
pub(super) const fn after(failures: u8) -> Span {
    if failures == 0 {
        return Span::ZERO;
    }
    let doublings = if failures > 6 { 6 } else { failures - 1 };
    let secs = FIRST_SECS << doublings;
    Span::from_secs(if secs > MAX_SECS { MAX_SECS } else { secs })
}

/// The same for volumes that could not be mounted or written.
pub(super) const fn after_volume(failures: u8) -> Span {
    if failures == 0 {
        return Span::ZERO;
    }
    let doublings = if failures > 8 { 8 } else { failures - 1 };
    let millis = VOLUME_FIRST_MILLIS << doublings;
    Span::from_millis(if millis > VOLUME_MAX_MILLIS { VOLUME_MAX_MILLIS } else { millis })
}
