//! The proxy path: passes a request on to a pod and its answer back.

use super::{App, problem};
use crate::docker;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use kubarium_core::api::Reason;
use kubarium_core::apiserver::ProxyTarget;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a pod may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a pod may take to begin its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// Headers that concern one connection only, and those that are meant for this server.
const NOT_PASSED: [HeaderName; 11] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    header::HOST,
    header::AUTHORIZATION,
    header::COOKIE,
];

/// Passes a request on.
pub(super) async fn send(
    app: &App,
    target: &ProxyTarget,
    method: &Method,
    headers: &HeaderMap,
    body: Bytes,
) -> Response {
    match pass(app, target, method, headers, body).await {
        Ok(response) => response,
        Err(why) => problem::status(
            503,
            Reason::ServiceUnavailable,
            format!("error trying to reach {} on port {}: {why}", who(target), target.port),
        ),
    }
}

fn who(target: &ProxyTarget) -> String {
    target.pod.as_ref().map_or_else(|| target.ip.to_string(), |pod| format!("pod {}", pod.name))
}

async fn pass(
    app: &App,
    target: &ProxyTarget,
    method: &Method,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Response, String> {
    if target.https {
        return Err("pods that speak TLS cannot be reached through this proxy; use a node port".to_owned());
    }
    let place = target.node.as_ref().zip(target.pod.as_ref().map(|pod| pod.uid));
    let hosts = app.hosts.as_ref().ok_or("nothing answers for a simulated pod but its world")?;
    let address = hosts.address(place, Some(&target.ip), target.port)?;
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(&address))
        .await
        .map_err(|_| format!("{address} did not answer within {} s", CONNECT_TIMEOUT.as_secs()))?
        .map_err(|e| format!("{address}: {e}"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
    tokio::spawn(connection);
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method.clone();
    *request.uri_mut() = target.path.parse().map_err(|e| format!("the path cannot be passed on: {e}"))?;
    copy(headers, request.headers_mut());
    let host = docker::join(&target.ip, target.port);
    request.headers_mut().insert(header::HOST, HeaderValue::from_str(&host).map_err(|e| e.to_string())?);
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, sender.send_request(request))
        .await
        .map_err(|_| format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()))?
        .map_err(|e| e.to_string())?;
    let (parts, body) = answer.into_parts();
    let mut response = Response::new(Body::new(body));
    *response.status_mut() = parts.status;
    copy(&parts.headers, response.headers_mut());
    let own = response.headers_mut();
    own.remove(header::SET_COOKIE);
    // A pod's page must not act on the API in the name of whoever looks at it: it gets an origin of its own.
    own.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("sandbox allow-downloads allow-forms allow-popups allow-scripts"),
    );
    Ok(response)
}

fn copy(from: &HeaderMap, to: &mut HeaderMap) {
    for (name, value) in from {
        if !NOT_PASSED.contains(name) {
            to.append(name.clone(), value.clone());
        }
    }
}
