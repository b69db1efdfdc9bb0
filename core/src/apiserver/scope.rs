//! Which fields of an object a request may write, by the part of the object its path names.
//!
//! Source of the rules: the reset fields of upstream's storage strategies.

use super::fields::{ANY, Fields};
use super::typed;
use crate::api::Kind;

/// Which fields are written some way.
pub(super) enum Scope {
    /// All but these and what is below them.
    Without(Fields),
    /// These and what is below them.
    Within(Fields),
}

impl Scope {
    /// The fields that are written through a subresource, or with the object itself where it is empty.
    pub(super) fn new(kind: Kind, subresource: &str) -> Self {
        let resets_status = || typed::document(kind.info().kind).is_some_and(|shape| shape.child("status").is_some());
        Self::Without(match subresource {
            "ephemeralcontainers" => return Self::Within(Fields::of(&[&["f:spec", "f:ephemeralContainers"]])),
            "resize" => {
                return Self::Within(Fields::of(&[
                    &["f:spec", "f:containers", ANY, "f:resources"],
                    &["f:spec", "f:containers", ANY, "f:resizePolicy"],
                    &["f:spec", "f:initContainers", ANY, "f:resources"],
                    &["f:spec", "f:initContainers", ANY, "f:resizePolicy"],
                    &["f:spec", "f:resources"],
                ]));
            }
            "status" if kind == Kind::Pod => {
                Fields::of(&[&["f:spec"], &["f:metadata", "f:deletionTimestamp"], &["f:metadata", "f:ownerReferences"]])
            }
            "status" => Fields::of(&[&["f:spec"]]),
            _ if resets_status() => Fields::of(&[&["f:status"]]),
            _ => Fields::default(),
        })
    }

    /// What of some fields is written.
    pub(super) fn of(&self, fields: &Fields) -> Fields {
        match self {
            Self::Without(reset) => fields.without(reset),
            Self::Within(written) => fields.within(written),
        }
    }
}
