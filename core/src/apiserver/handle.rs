//! The way of a request: path, verb, admission, store.

use super::{Answer, Request, Response};
use crate::api::{ApiError, Reason};
use crate::cluster::Context;
use crate::rng::Rng;

/// Answers a request. Services that are asked through the proxy path spread over their pods by `routing`.
pub(crate) fn handle(request: &Request, _cx: &mut Context<'_>, _routing: &mut Rng) -> Answer {
    let message = format!("the server could not find the requested resource {}", request.path);
    Answer::Done(Response::from(&ApiError::new(404, Reason::NotFound, message)))
}
