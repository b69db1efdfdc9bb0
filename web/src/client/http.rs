//! HTTP to the server the page came from: whole answers, and answers that come line by line.

use crate::text::Text;
use kubarium_core::apiserver::{Method, Request, Response};
use std::collections::VecDeque;
use std::fmt;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, ReadableStreamDefaultReader, RequestInit};

/// Where a token is kept: for as long as the tab is open.
const TOKEN: &str = "kubarium.token";

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

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.session_storage().ok()?
}

/// Asks the person for the token and keeps it for further requests.
pub(super) fn ask_for_token() {
    let said = crate::state::Settings::load().language.text(Text::TokenNeeded);
    let answer = web_sys::window().and_then(|w| w.prompt_with_message(said).ok()?);
    if let (Some(token), Some(storage)) = (answer, storage()) {
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
    if let Some(token) = storage().and_then(|s| s.get_item(TOKEN).ok()?) {
        set("Authorization", &format!("Bearer {token}"));
    }
    Some(headers)
}

async fn fetch(request: &Request, signal: Option<&AbortSignal>) -> Result<web_sys::Response, Failure> {
    let init = RequestInit::new();
    init.set_method(match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    });
    if let Some(headers) = headers(request) {
        init.set_headers(&headers);
    }
    if !request.body.is_empty() {
        init.set_body(&JsValue::from_str(&request.body));
    }
    init.set_signal(signal);
    // The page lies in `/ui/`; the API is beside it.
    let separator = if request.query.is_empty() { "" } else { "?" };
    let url = format!("..{}{separator}{}", request.path, request.query);
    let window = web_sys::window().ok_or(Failure::Unreachable)?;
    let response = JsFuture::from(window.fetch_with_str_and_init(&url, &init)).await;
    let response: web_sys::Response = response.map_err(|_| Failure::Unreachable)?.unchecked_into();
    match response.status() {
        401 => Err(Failure::Unauthorized),
        410 => Err(Failure::TooOld),
        _ => Ok(response),
    }
}

/// Sends a request and waits for the whole answer.
pub(super) async fn send(request: &Request) -> Result<Response, Failure> {
    let response = fetch(request, None).await?;
    let content_type = response.headers().get("content-type").ok().flatten().unwrap_or_default();
    let text = response.text().map_err(|_| Failure::Unreachable)?;
    let body = JsFuture::from(text).await.map_err(|_| Failure::Unreachable)?.as_string().unwrap_or_default();
    if content_type.starts_with("text/html") {
        // A file server answers everything with pages.
        return Err(Failure::Unreachable);
    }
    Ok(Response { status: response.status(), content_type, warnings: Vec::new(), body })
}

/// An answer that comes line by line.
pub(super) struct Lines {
    reader: ReadableStreamDefaultReader,
    bytes: Vec<u8>,
    ready: VecDeque<String>,
}

/// Opens an answer that comes line by line.
pub(super) async fn lines(path: &str, query: &str, signal: Option<&AbortSignal>) -> Result<Lines, Failure> {
    let mut request = Request::get(path);
    query.clone_into(&mut request.query);
    let response = fetch(&request, signal).await?;
    if response.status() >= 400 {
        return Err(Failure::Broken(format!("{} {}", response.status(), response.status_text())));
    }
    let stream = response.body().ok_or(Failure::Unreachable)?;
    let reader = stream.get_reader().unchecked_into();
    Ok(Lines { reader, bytes: Vec::new(), ready: VecDeque::new() })
}

impl Lines {
    /// The next line that is not empty; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<String>, Failure> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Ok(Some(line));
            }
            let chunk = JsFuture::from(self.reader.read()).await.map_err(|_| Failure::Unreachable)?;
            let get = |name: &str| js_sys::Reflect::get(&chunk, &JsValue::from_str(name)).unwrap_or_default();
            if get("done").is_truthy() {
                return Ok(None);
            }
            self.bytes.extend(js_sys::Uint8Array::new(&get("value")).to_vec());
            let Some(end) = self.bytes.iter().rposition(|b| *b == b'\n') else { continue };
            let rest = self.bytes.split_off(end + 1);
            let whole = std::mem::replace(&mut self.bytes, rest);
            let text = String::from_utf8_lossy(&whole);
            self.ready.extend(text.lines().filter(|l| !l.trim().is_empty()).map(str::to_owned));
        }
    }
}
