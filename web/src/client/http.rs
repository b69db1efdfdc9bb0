//! HTTP to the server the page came from.

use crate::state::storage;
use kubarium_core::apiserver::{Request, Response};
use std::fmt;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, RequestInit};

/// Where a token is kept: for as long as the tab is open.
const TOKEN: &str = "kubarium.token";

/// How long an answer may take, in milliseconds.
const ANSWER_MS_MAX: u32 = 30_000;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nothing answers.
    Unreachable,
    /// The server wants a token.
    Unauthorized,
    /// The revision is too long ago: list again.
    TooOld,
    /// Something else, in words.
    Broken(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("no server answers at this page's address; kubarium serve starts one"),
            Self::Unauthorized => f.write_str("the server wants a token; kubarium token prints it"),
            Self::TooOld => f.write_str("too old a revision"),
            Self::Broken(message) => f.write_str(message),
        }
    }
}

/// The token that was given, if any.
pub(super) fn token() -> Option<String> {
    storage::of_tab()?.get_item(TOKEN).ok()?
}

/// Keeps a token for further requests.
pub(super) fn keep_token(token: &str) {
    if let Some(storage) = storage::of_tab() {
        // A browser may forbid it; then the requests go on failing and say why.
        let _ = storage.set_item(TOKEN, token.trim());
    }
}

fn headers(request: &Request) -> Option<Headers> {
    let headers = Headers::new().ok()?;
    let set = |name: &str, value: &str| {
        if !value.is_empty() {
            // Names and values are plain text.
            let _ = headers.set(name, value);
        }
    };
    set("Accept", if request.accept.is_empty() { "application/json" } else { &request.accept });
    set("Content-Type", &request.content_type);
    if let Some(token) = token() {
        set("Authorization", &format!("Bearer {token}"));
    }
    Some(headers)
}

/// Sends a request and waits for the whole answer, so many milliseconds at most.
pub(super) async fn send_within(request: &Request, limit_ms: u32) -> Result<Response, Failure> {
    let init = RequestInit::new();
    init.set_method(request.method.as_str());
    if let Some(headers) = headers(request) {
        init.set_headers(&headers);
    }
    if !request.body.is_empty() {
        init.set_body(&JsValue::from_str(&request.body));
    }
    init.set_signal(Some(&AbortSignal::timeout_with_u32(limit_ms)));
    // The page lies in `/ui/`; the API is beside it.
    let separator = if request.query.is_empty() { "" } else { "?" };
    let url = format!("..{}{separator}{}", request.path, request.query);
    let window = web_sys::window().ok_or(Failure::Unreachable)?;
    let response = JsFuture::from(window.fetch_with_str_and_init(&url, &init)).await;
    let response: web_sys::Response = response.map_err(|_| Failure::Unreachable)?.unchecked_into();
    let content_type = response.headers().get("content-type").ok().flatten().unwrap_or_default();
    match response.status() {
        401 => return Err(Failure::Unauthorized),
        410 => return Err(Failure::TooOld),
        // Some file server, or a proxy with nobody behind it: errors of the API are JSON, and it has no pages.
        status if status >= 400 && !content_type.contains("json") => return Err(Failure::Unreachable),
        _ if content_type.starts_with("text/html") => return Err(Failure::Unreachable),
        _ => {}
    }
    // Each as `299 - "text"`, with commas between them.
    let warnings = response.headers().get("warning").ok().flatten().unwrap_or_default();
    let warnings = warnings.split("299 ").filter_map(|one| Some(one.split_once('"')?.1.rsplit_once('"')?.0));
    let warnings = warnings.map(|text| text.replace("\\\"", "\"")).collect();
    let text = response.text().map_err(|_| Failure::Unreachable)?;
    let body = JsFuture::from(text).await.map_err(|_| Failure::Unreachable)?.as_string().unwrap_or_default();
    // Kubernetes' own paths know such a client by a name.
    if response.status() == 403 && body.contains("system:anonymous") {
        return Err(Failure::Unauthorized);
    }
    Ok(Response { status: response.status(), content_type, warnings, body })
}

/// Sends a request and waits for the whole answer.
pub(super) async fn send(request: &Request) -> Result<Response, Failure> {
    send_within(request, ANSWER_MS_MAX).await
}
