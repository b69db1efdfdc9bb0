//! The output of a container, streamed from its Docker host.

use super::{App, problem};
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use kubarium_core::api::Reason;
use kubarium_core::apiserver::LogQuery;

/// Streams what a container wrote.
pub(super) async fn stream(app: &App, query: LogQuery) -> Response {
    match app.hosts.logs(&query).await {
        Ok(output) => {
            let mut response = Response::new(Body::from_stream(output));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            response
        }
        Err(why) => problem::status(
            503,
            Reason::ServiceUnavailable,
            format!("the logs of container {} of pod {} cannot be had: {why}", query.container, query.pod.name),
        ),
    }
}
