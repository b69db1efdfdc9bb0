//! Who may ask: the names a browser may know the server by, the page a request may come from, and the token.

use super::{App, problem};
use crate::config::is_loopback_host;
use crate::token::Token;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kubarium_core::api::Reason;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Who may ask.
#[derive(Debug, Default)]
pub struct Access {
    /// The token every request to the API must carry, where one is set.
    pub token: Option<Token>,
    /// Names under which the server may be addressed, besides localhost and plain addresses.
    pub allowed_hosts: BTreeSet<String>,
}

/// Why a request is turned away.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    code: u16,
    reason: Reason,
    message: String,
}

impl Access {
    /// Checks the headers of a request. `open` paths need no token.
    fn check(&self, uri: &Uri, headers: &HeaderMap, open: bool) -> Result<(), Refusal> {
        let forbidden = |message: String| Refusal { code: 403, reason: Reason::Forbidden, message };
        let text = |name: header::HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
        let authority = uri.authority().map(ToString::to_string);
        let host = authority.as_deref().or_else(|| text(header::HOST)).unwrap_or_default();
        // A page of a stranger can make its own name resolve to this machine, but not an address or localhost.
        if !self.knows(host_name(host)) {
            return Err(forbidden(format!(
                "this server does not answer to the host name {:?}; use localhost or its address, or start it with \
                 --allowed-host",
                host_name(host)
            )));
        }
        if let Some(origin) = text(header::ORIGIN) {
            let from = origin.split_once("://").map(|(_, authority)| authority);
            if from.is_none_or(|from| !from.eq_ignore_ascii_case(host)) {
                return Err(forbidden(format!("requests from pages of {origin:?} are refused")));
            }
        }
        let cross_site = headers.get("sec-fetch-site").is_some_and(|v| v == "cross-site");
        if cross_site && !open {
            return Err(forbidden("requests from pages of other sites are refused".to_owned()));
        }
        if open {
            return Ok(());
        }
        let Some(token) = &self.token else { return Ok(()) };
        let given = text(header::AUTHORIZATION)
            .and_then(|v| v.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim().to_owned())
            .or_else(|| text(header::SEC_WEBSOCKET_PROTOCOL).and_then(token_in_protocols));
        match given {
            Some(given) if token.matches(&given) => Ok(()),
            Some(_) => Err(Refusal {
                code: 401,
                reason: Reason::Unauthorized,
                message: "the bearer token is not the one of this server; `kubarium token` prints it".to_owned(),
            }),
            None => Err(Refusal {
                code: 401,
                reason: Reason::Unauthorized,
                message: "a bearer token is needed; `kubarium token` on the server's machine prints it".to_owned(),
            }),
        }
    }

    fn knows(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        is_loopback_host(host)
            || bare.parse::<IpAddr>().is_ok()
            || self.allowed_hosts.contains(&host.to_ascii_lowercase())
    }
}

/// The token among a WebSocket's protocols: a page cannot send other headers with it. As in Kubernetes.
fn token_in_protocols(protocols: &str) -> Option<String> {
    let encoded = protocols.split(',').find_map(|p| p.trim().strip_prefix("base64url.bearer.authorization.k8s.io."))?;
    String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
}

/// A host without its port.
fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    }
}

/// Turns away who may not ask.
pub(super) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let open = matches!(path, "/" | "/ui" | "/healthz" | "/livez" | "/readyz") || path.starts_with("/ui/");
    if let Err(refusal) = app.access.check(request.uri(), request.headers(), open) {
        let mut response = problem::status(refusal.code, refusal.reason, refusal.message);
        if refusal.code == 401 {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        return response;
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::X_FRAME_OPTIONS).or_insert(HeaderValue::from_static("DENY"));
    response
}
