//! Kubarium's control plane: deterministic, and without input or output of its own.
//!
//! It is handed the time and one input, and returns what should be done:
//! [`Cluster::handle`]`(now, input) -> output`. There is no clock, thread, file, socket or ambient randomness in
//! this crate. The simulator ([`sim`]) carries the effects out in virtual time, the server on real machines.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod admission;
pub mod api;
pub mod apiserver;
mod cluster;
mod config;
pub mod controllers;
mod deadlines;
mod deletion;
mod foresight;
pub mod kubelet;
mod lookup;
pub mod manifest;
pub mod network;
pub mod order;
pub mod recording;
mod rng;
pub mod runtime;
pub mod scheduler;
mod seat;
pub mod settings;
pub mod sim;
pub mod store;
mod time;
#[cfg(feature = "described")]
pub mod unified;
pub mod view;

pub use cluster::{Cluster, Effect, Input, Output, Preview, PreviewPod};
pub use config::Config;
pub use deadlines::Deadlines;
pub use rng::Rng;
pub use seat::Seat;
pub use time::{Span, Time};
