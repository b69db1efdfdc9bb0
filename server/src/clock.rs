//! The one place where the server reads the clock for the control plane.

use kubarium_core::Time;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now, as the control plane counts time.
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
