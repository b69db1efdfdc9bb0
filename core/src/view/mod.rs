//! What pages show: small rows made from objects, kept up to date change by change.
//!
//! A [`View`] turns objects into rows and remembers which rows changed; [`View::take_delta`] hands these over as one
//! [`Delta`]; [`Rows::apply`] brings a page's copy up to date with it. The simulation's worker feeds the view from
//! the store, the live client from Kubernetes' list and watch: pages have one model for both. Knows nothing of
//! pages, workers or wires; deltas are plain serde data, fit for formats that do not describe themselves.

mod delta;
mod labels;
mod place;
mod read;
mod row;
mod rows;

pub use delta::{Delta, View};
pub use labels::LabelTable;
pub use place::{Amounts, Place, StateCounts};
pub use row::{
    ControllerRow, EventRow, Id, NodeReadiness, NodeRow, NodeTaint, Owner, Pairs, PodRow, PodState, ServicePort,
    ServiceRow, Slot,
};
pub use rows::Rows;

/// How many of the latest events a view keeps.
pub const EVENTS_MAX: usize = 1_000;
