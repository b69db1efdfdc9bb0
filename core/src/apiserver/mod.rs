//! The Kubernetes API as a function: a request goes in, a response or a subscription comes out.
//!
//! Carried over HTTP by the server and through a Web Worker's messages by the page. Knows nothing of either.

mod handle;
mod request;

pub(crate) use handle::handle;
pub use request::{Answer, LogQuery, Method, ProxyTarget, Request, Response, WatchQuery};
