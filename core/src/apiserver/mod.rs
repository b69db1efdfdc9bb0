//! The Kubernetes API as a function: a request goes in, a response or a subscription comes out.
//!
//! Carried over HTTP by the server and through a Web Worker's messages by the page. Knows nothing of either.
//! A request travels through `path`, `accept` and `body` to `read`, `write`, `patch` or `delete`, and back through
//! `present` and `wire`.

mod accept;
mod alike;
mod application;
mod apply;
mod body;
mod delete;
#[cfg(feature = "explained")]
mod descriptions;
#[cfg(feature = "described")]
mod discovery;
mod errors;
mod explanation;
mod fields;
mod fits;
mod groups;
mod handle;
mod internal;
mod json;
mod log;
mod metadata_owners;
#[cfg(feature = "described")]
mod openapi;
mod owners;
mod patch;
mod path;
mod place;
mod pod_owners;
mod pods;
mod present;
mod proxy;
mod query;
mod read;
mod recent;
mod remote;
mod reply;
mod request;
mod review;
mod scale;
mod schema;
mod scope;
mod select;
mod services;
mod shared;
mod slices;
mod strategic;
mod typed;
mod usage;
mod user;
mod warnings;
mod watch;
mod wire;
mod write;

pub use accept::wants_yaml;
pub use alike::Alike;
pub use body::Creation;
#[cfg(feature = "described")]
pub use discovery::about;
pub use groups::KUBERNETES_VERSION;
pub use handle::is_foresight;
pub(crate) use handle::{create, foresee, handle, look};
pub(crate) use internal::{disown, of_replica};
pub use query::quoted;
pub use reply::Draft;
pub use request::{Answer, ExecQuery, LogQuery, Method, PortForwardQuery, ProxyTarget, Request, Response, WatchQuery};
pub(crate) use shared::Shared;
pub use usage::UsageQuery;
pub use user::{Role, User};
pub(crate) use watch::read as read_watch;
pub use watch::{WatchBatch, WatchDraft};
