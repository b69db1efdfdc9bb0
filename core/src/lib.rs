//! The deterministic control plane.
#![forbid(unsafe_code)]
