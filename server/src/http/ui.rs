//! The dashboard: static files that were built into the binary.

use super::App;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use rust_embed::RustEmbed;
use tower_http::compression::CompressionLayer;

/// The bundle. An unoptimised build reads it from its folder each time, a release holds it.
#[derive(RustEmbed)]
#[folder = "../dist"]
#[allow_missing = true]
#[exclude = ".*"]
struct Bundle;

const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>Kubarium</title>\
<p>The dashboard is not part of this binary. <code>cargo xtask run</code> builds both. The API is served as usual.";

/// The dashboard's paths.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/ui/", get(|request: Request| async move { file("index.html", &request) }))
        .route("/ui/{*path}", get(|Path(path): Path<String>, request: Request| async move { file(&path, &request) }))
        .layer(CompressionLayer::new())
}

/// Leads to the dashboard.
pub(super) async fn root() -> Redirect {
    Redirect::temporary("/ui/")
}

fn file(path: &str, request: &Request) -> Response {
    // A path that names no file is a view of the dashboard, which finds it by itself.
    let view = !path.rsplit('/').next().unwrap_or_default().contains('.');
    let found = Bundle::get(path).map(|f| (path, f));
    let found = if found.is_none() && view { Bundle::get("index.html").map(|f| ("index.html", f)) } else { found };
    let Some((path, found)) = found else {
        if view || path == "index.html" {
            return (StatusCode::NOT_FOUND, Html(NOT_BUILT)).into_response();
        }
        return (StatusCode::NOT_FOUND, format!("{path} is not part of the dashboard")).into_response();
    };
    let hash = crate::hex::hex(&found.metadata.sha256_hash()[..16]);
    // Weak: the same file may be sent compressed.
    let etag = format!("W/\"{hash}\"");
    let known = request.headers().get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    let unchanged = known.flat_map(|v| v.split(',')).any(|tag| tag.trim() == etag);
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(found.data.into_owned()))
    };
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(mime_guess::from_path(path).first_or_octet_stream().as_ref()) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    if let Ok(value) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
