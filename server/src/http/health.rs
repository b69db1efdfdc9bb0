//! Whether the server lives and is ready, and its counters.

use super::{App, problem};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use kubarium_core::apiserver;
use std::time::Instant;
use tracing::debug;

/// The process answers.
pub(super) async fn live() -> &'static str {
    "ok"
}

/// The control plane answers, through its queue and its disk.
pub(super) async fn ready(State(app): State<App>) -> Response {
    if *app.stopping.borrow() {
        return problem::closing();
    }
    let ask = app.driver.request(apiserver::Request::get("/version"));
    match tokio::time::timeout(std::time::Duration::from_secs(5), ask).await {
        Ok(Ok(_)) => "ok".into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the control plane does not answer").into_response(),
    }
}

/// Prometheus' text form.
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let text = app.driver.read(|cluster| app.metrics.render(cluster)).await;
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
}

/// Counts and logs every request. Bodies, headers and queries stay out of the log: they may hold secrets.
pub(super) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let took = start.elapsed();
    app.metrics.request(method.as_str(), response.status().as_u16(), took);
    debug!(%method, path, status = response.status().as_u16(), ms = took.as_millis() as u64, "request");
    response
}
