//! What a client wants its connection to become, and the answers to that.

use crate::http::problem;
use axum::body::Body;
use axum::extract::FromRequestParts as _;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use hyper::upgrade::OnUpgrade;
use kubarium_core::api::Reason;

const PROTOCOL: &str = "SPDY/3.1";

/// The headers in which a client names the versions it speaks, and the server those it does.
const OFFERED: HeaderName = HeaderName::from_static("x-stream-protocol-version");
const ACCEPTED: HeaderName = HeaderName::from_static("x-accepted-stream-protocol-versions");

/// What a request asks to become.
pub(crate) enum Upgrade {
    /// It stays a request.
    None,
    /// A WebSocket.
    WebSocket(WebSocketUpgrade),
    /// SPDY/3.1, with the versions of the protocol above it that the client offers, best first.
    Spdy {
        /// Where the connection will be.
        upgrade: OnUpgrade,
        /// Such as `v4.channel.k8s.io`.
        offered: Vec<String>,
    },
}

impl Upgrade {
    /// Finds out.
    pub(crate) async fn of(parts: &mut Parts) -> Self {
        if let Ok(socket) = WebSocketUpgrade::from_request_parts(parts, &()).await {
            return Self::WebSocket(socket);
        }
        if !has(&parts.headers, &header::CONNECTION, "upgrade") || !has(&parts.headers, &header::UPGRADE, PROTOCOL) {
            return Self::None;
        }
        match parts.extensions.remove::<OnUpgrade>() {
            Some(upgrade) => Self::Spdy { upgrade, offered: words(&parts.headers, &OFFERED) },
            None => Self::None,
        }
    }

    /// The WebSocket, where it is one.
    pub(crate) fn websocket(self) -> Option<WebSocketUpgrade> {
        if let Self::WebSocket(socket) = self { Some(socket) } else { None }
    }
}

fn words(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|word| word.trim().to_owned()).collect()
}

fn has(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    words(headers, name).iter().any(|w| w.eq_ignore_ascii_case(word))
}

/// The first version offered that is known; the last of the known where none is offered, as the first clients did.
pub(super) fn choose(offered: &[String], known: &[&'static str]) -> Result<&'static str, Box<Response>> {
    let chosen = if offered.is_empty() {
        known.last()
    } else {
        offered.iter().find_map(|version| known.iter().find(|k| *k == version))
    };
    chosen.copied().ok_or_else(|| {
        let [offered, known_words] = [offered.join(" "), known.join(" ")];
        let why = format!("unable to upgrade: unable to negotiate protocol: client supports [{offered}], server accepts [{known_words}]");
        let mut response = problem::status(403, Reason::Forbidden, why);
        for version in known {
            response.headers_mut().append(ACCEPTED, HeaderValue::from_static(version));
        }
        Box::new(response)
    })
}

/// The connection becomes SPDY.
pub(super) fn spdy(version: &'static str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static(PROTOCOL));
    headers.insert(OFFERED, HeaderValue::from_static(version));
    response
}

/// The request asks to become nothing.
pub(super) fn required() -> Response {
    problem::status(400, Reason::BadRequest, "Upgrade request required")
}

/// A refusal as a kubelet gives it: a sentence.
pub(super) fn plain(status: StatusCode, why: String) -> Response {
    let mut response = Response::new(Body::from(why));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
