//! The Kubernetes API: any path that is not the server's own goes to the control plane.

use super::remote::Upgrade;
use super::{App, body, forward, guard, logs, problem, protobuf, remote, usage, watch};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use kubarium_core::api::Reason;
use kubarium_core::apiserver::{self, Answer};
use kubarium_core::manifest;

/// Answers a request to the API.
pub(super) async fn handle(State(app): State<App>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let upgrade = Upgrade::of(&mut parts).await;
    let method = match parts.method {
        Method::GET | Method::HEAD => apiserver::Method::Get,
        Method::POST => apiserver::Method::Post,
        Method::PUT => apiserver::Method::Put,
        Method::PATCH => apiserver::Method::Patch,
        Method::DELETE => apiserver::Method::Delete,
        _ => return problem::method_not_allowed(),
    };
    let bytes = match body::whole(body).await {
        Ok(bytes) => bytes,
        Err(refusal) => return *refusal,
    };
    let path = parts.uri.path().to_owned();
    // A pod behind the proxy may be sent anything.
    let passed_on = path.contains("/proxy");
    let mut content_type = text_of(&parts.headers, &header::CONTENT_TYPE);
    let mut text = String::from_utf8(bytes.to_vec());
    if !passed_on && !bytes.is_empty() && content_type.starts_with(protobuf::MEDIA_TYPE) {
        match protobuf::to_json(&bytes) {
            Ok(json) => text = Ok(json),
            Err(why) => return problem::status(400, Reason::BadRequest, why),
        }
        "application/json".clone_into(&mut content_type);
    }
    let text = match text {
        Ok(text) => text,
        Err(_) if passed_on => String::new(),
        Err(_) => return problem::status(400, Reason::BadRequest, "the body is not UTF-8"),
    };
    let asked = apiserver::Request {
        method,
        path,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        accept: text_of(&parts.headers, &header::ACCEPT),
        content_type,
        user_agent: text_of(&parts.headers, &header::USER_AGENT),
        user: guard::user(&parts.extensions),
        brief: text_of(&parts.headers, &HeaderName::from_static("prefer")).contains("return=minimal"),
        body: text,
    };
    let yaml = apiserver::wants_yaml(&asked.accept);
    let said = |done| finished(if yaml { in_yaml(done) } else { done });
    match app.driver.ask(asked).await {
        Err(_) => problem::closing(),
        Ok(Answer::Done(done)) => said(done),
        Ok(Answer::Usage(query)) => said(usage::tell(&app, &query).await),
        Ok(Answer::Watch(query)) => watch::answer(&app, *query, upgrade.websocket()),
        Ok(Answer::Logs(query)) => logs::stream(&app, query).await,
        Ok(Answer::Exec(query)) => remote::exec(&app, query, upgrade),
        Ok(Answer::PortForward(query)) => remote::port_forward(&app, query, upgrade),
        Ok(Answer::Proxy(target)) => forward::send(&app, &target, &parts.method, &parts.headers, bytes).await,
    }
}

/// The value of a header.
pub(super) fn text_of(headers: &HeaderMap, name: &HeaderName) -> String {
    // Several headers of one name mean the same as one with commas.
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).collect();
    values.join(", ")
}

/// The same answer in YAML. What is no JSON stays as it is.
fn in_yaml(mut done: apiserver::Response) -> apiserver::Response {
    if done.content_type == "application/json"
        && let Ok(value) = serde_json::from_str(&done.body)
    {
        done.body = manifest::print(&value);
        "application/yaml".clone_into(&mut done.content_type);
    }
    done
}

/// A finished answer of the control plane, as HTTP.
pub(super) fn finished(done: apiserver::Response) -> Response {
    let mut response = Response::new(Body::from(done.body));
    *response.status_mut() = StatusCode::from_u16(done.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&done.content_type)
        && !done.content_type.is_empty()
    {
        headers.insert(header::CONTENT_TYPE, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    for warning in done.warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            headers.append(header::WARNING, value);
        }
    }
    response
}
