//! SPDY/3.1, as far as Kubernetes' clients speak it: several streams of bytes with headers in one connection.
//!
//! [`frame`] reads and writes frames and does no IO, [`headers`] their compressed headers, and [`Connection`] serves one
//! client. As in Kubernetes there is no flow control per stream: a client that does not read is felt through the
//! connection itself, and so is a server that does not.

mod connection;
mod dictionary;
pub mod frame;
pub mod headers;

pub use connection::{Connection, Gone, Outgoing, Stream};
