//! Refusals that the server makes itself, in Kubernetes' own form.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use kubarium_core::api::{ApiError, Reason};

/// A `Status` answer.
pub(super) fn status(code: u16, reason: Reason, message: impl Into<String>) -> Response {
    of(&ApiError::new(code, reason, message))
}

/// The API has no such method, or not there: in upstream's words.
pub(super) fn method_not_allowed() -> Response {
    let message = "the server does not allow this method on the requested resource".to_owned();
    let details = Some(Box::default());
    of(&ApiError { code: 405, reason: Reason::MethodNotAllowed, message, details })
}

/// An error as an answer.
pub(super) fn of(error: &ApiError) -> Response {
    json(error.code, &error.to_status())
}

/// A JSON answer.
pub(super) fn json(code: u16, value: &serde_json::Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The path is served, but not for this method.
pub(super) async fn wrong_method() -> Response {
    status(405, Reason::MethodNotAllowed, "the server does not allow this method on the requested resource")
}

/// The server is on its way out.
pub(super) fn closing() -> Response {
    status(503, Reason::ServiceUnavailable, "the server is shutting down; try again")
}
