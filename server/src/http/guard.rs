//! Who asks: the names a browser may know the server by, the page a request may come from, and whose token it carries.

use super::{App, problem};
use crate::config::is_loopback_host;
use crate::token::Tokens;
use axum::extract::{Request, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kubarium_core::api::Reason;
use kubarium_core::apiserver::{Role, User};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// Who may ask.
#[derive(Debug, Default)]
pub struct Access {
    /// Whose requests carry which token; without any, everybody is the administrator.
    pub tokens: Option<Tokens>,
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
    /// Checks the headers of a request, and says whose it is. `open` paths need no token.
    fn check(&self, uri: &Uri, headers: &HeaderMap, open: bool) -> Result<Arc<User>, Refusal> {
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
            return Ok(Arc::new(User::anonymous()));
        }
        let Some(tokens) = &self.tokens else { return impersonated(User::administrator(), headers) };
        let given = text(header::AUTHORIZATION)
            .and_then(|v| v.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim().to_owned())
            .or_else(|| text(header::SEC_WEBSOCKET_PROTOCOL).and_then(token_in_protocols));
        let Some(given) = given else { return Ok(Arc::new(User::anonymous())) };
        let user = tokens.user(&given).cloned().ok_or_else(|| {
            unauthorized("the bearer token is not one of this server; `kubarium token` prints one".to_owned())
        })?;
        impersonated(user, headers)
    }

    fn knows(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        is_loopback_host(host)
            || bare.parse::<IpAddr>().is_ok()
            || self.allowed_hosts.contains(&host.to_ascii_lowercase())
    }
}

fn unauthorized(message: String) -> Refusal {
    Refusal { code: 401, reason: Reason::Unauthorized, message }
}

/// As whom an administrator asks, where that is another (`kubectl --as`).
fn impersonated(user: Arc<User>, headers: &HeaderMap) -> Result<Arc<User>, Refusal> {
    let texts = |name: &str| headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).map(str::to_owned);
    let Some(name) = texts("impersonate-user").next() else {
        if headers.contains_key("impersonate-group") || headers.contains_key("impersonate-uid") {
            let message = "requested groups or a uid without impersonating a user".to_owned();
            return Err(Refusal { code: 500, reason: Reason::InternalError, message });
        }
        return Ok(user);
    };
    if user.role != Role::Admin {
        let message = format!(
            "users {name:?} is forbidden: User {:?} cannot impersonate resource \"users\" in API group \"\" at the \
             cluster scope",
            user.name
        );
        return Err(Refusal { code: 403, reason: Reason::Forbidden, message });
    }
    let uid = texts("impersonate-uid").next().unwrap_or_default();
    Ok(Arc::new(User::impersonated(&name, &uid, texts("impersonate-group").collect())))
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

/// Turns away who may not ask at all, or asks too often, and notes who asks.
pub(super) async fn check(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let open = matches!(path, "/" | "/ui" | "/healthz" | "/livez" | "/readyz") || path.starts_with("/ui/");
    match app.access.check(request.uri(), request.headers(), open) {
        Ok(user) => {
            // Health checks are among the open paths, and not counted.
            if !open && let Some(refusal) = app.limits.refusal(&user.name, request.uri()) {
                return refusal;
            }
            request.extensions_mut().insert(user);
        }
        Err(refusal) => return refused(refusal),
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::X_FRAME_OPTIONS).or_insert(HeaderValue::from_static("DENY"));
    response
}

/// Who asks, as [`check`] has noted.
pub(super) fn user(extensions: &Extensions) -> Arc<User> {
    extensions.get::<Arc<User>>().cloned().unwrap_or_else(|| Arc::new(User::anonymous()))
}

fn refused(refusal: Refusal) -> Response {
    let mut response = problem::status(refusal.code, refusal.reason, refusal.message);
    if refusal.code == 401 {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// For the paths that are the server's own, not the API's: who may read, reads them; all else is an administrator's.
pub(super) async fn own(request: Request, next: Next) -> Response {
    let user = user(request.extensions());
    let needed = if matches!(*request.method(), Method::GET | Method::HEAD) { Role::View } else { Role::Admin };
    if user.role >= needed {
        return next.run(request).await;
    }
    if *user == User::anonymous() {
        let message = "a bearer token is needed; `kubarium token` on the server's machine prints one";
        return refused(unauthorized(message.to_owned()));
    }
    let message =
        format!("forbidden: User {:?} cannot {} path {:?}", user.name, request.method(), request.uri().path());
    refused(Refusal { code: 403, reason: Reason::Forbidden, message })
}
