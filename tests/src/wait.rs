//! Waiting for what comes in its own time, and finding it.

use serde_json::Value;
use std::time::{Duration, Instant};

/// How long anything may take that a test waits for. Slow machines take long; a fault takes for ever.
const PATIENCE: Duration = Duration::from_mins(2);

/// Waits until something holds.
///
/// # Panics
/// Where it does not in two minutes, with what was seen at last.
pub fn eventually<T: std::fmt::Debug>(what: &str, mut look: impl FnMut() -> (bool, T)) {
    let start = Instant::now();
    loop {
        let (holds, seen) = look();
        if holds {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{what}; seen at last: {seen:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A condition of an object; null where it has none of that type.
pub fn condition(object: &Value, kind: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array();
    conditions.and_then(|all| all.iter().find(|c| c["type"] == kind)).cloned().unwrap_or_default()
}
