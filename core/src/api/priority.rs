//! The priority classes that every cluster has.

use super::{Kind, Object};
use serde_json::json;

/// Names and values of the classes that are the system's own, highest first.
pub const SYSTEM_CLASSES: [(&str, i64); 2] =
    [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)];
/// The highest priority that is not the system's own.
pub const PRIORITY_MAX: i64 = 1_000_000_000;

/// A system class as an object without uid and instant.
pub(crate) fn system_class(name: &str, value: i64) -> Option<Object> {
    let description = match name {
        "system-node-critical" => "Used for system critical pods that must not be moved from their current node.",
        _ => {
            "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."
        }
    };
    let document = json!({
        "metadata": {"name": name, "generation": 1}, "value": value, "description": description,
        "preemptionPolicy": "PreemptLowerPriority",
    });
    Object::from_value(Kind::PriorityClass, &document).ok()
}
