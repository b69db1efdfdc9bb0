//! Amounts as plugins count them, in words.

use crate::api::{Name, Quantity};

/// An amount of a resource: thousandths of cpu, else whole units. Of pods where there is no resource.
pub(crate) fn quantity(resource: Option<&Name>, amount: i64) -> Quantity {
    match resource.map(Name::as_str) {
        Some("cpu") => Quantity::from_milli(amount),
        Some("memory" | "ephemeral-storage") => Quantity::from_bytes(amount),
        _ => Quantity::from_value(amount),
    }
}
