//! Services: addresses, endpoints and the choice of a pod for each request.
//!
//! Decides; carries no traffic itself. The simulator's clients and the server's proxy ask the same code.

mod addresses;
mod router;

pub use addresses::{Addresses, AllocationError};
pub use router::{Backend, Balancing, Route, Router};
