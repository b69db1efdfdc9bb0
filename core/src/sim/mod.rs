//! The simulator: a world of virtual machines around a [`Cluster`](crate::Cluster), in virtual time.
//!
//! It carries out the cluster's effects with seeded latencies and faults, and sends clients to its services.
//! Time is an argument: [`World::advance`] goes as far as it is told, so that speed, pause and single step are the
//! caller's. Knows nothing of browsers, files or real machines.

mod action;
mod behaviour;
mod duration;
mod field;
mod latency;
mod library;
mod machine;
mod manifest;
mod manifests;
mod pace;
mod queue;
mod refusal;
mod scenario;
mod soak;
mod traffic;
mod world;

pub use action::{Action, ActionError, PodChoice, Target};
pub use behaviour::{Behaviour, Image};
pub use duration::{format_span, parse_span};
pub use field::FieldError;
pub use library::{Shipped, shipped};
pub use machine::{Fault, Output, VirtualMachine};
pub use manifest::Manifest;
pub use pace::{Pace, SPEEDS};
pub use scenario::{Client, Pool, Scenario, Step, Words};
pub use soak::{soak, soaked_world};
pub use traffic::{Counters, Outcome, ServicePort, Traffic, Visit};
pub use world::{BEGINNING, JournalEntry, Progress, Rejection, World, nothing_inside};
