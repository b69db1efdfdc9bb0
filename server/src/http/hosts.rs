//! `/apis/kubarium.io/v1/dockerhosts`: what only a live cluster has.

use super::group::{API_VERSION, table, wants_table};
use super::{App, body, problem};
use crate::config::{DockerHost, check_node_name};
use crate::docker::{HostStatus, Hosts};
use axum::extract::{FromRequestParts, Path, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use kubarium_core::api::Reason;
use serde::Deserialize;
use serde_json::{Value, json};

/// The Docker hosts of a live cluster; with a simulated one, a refusal that says so.
pub(super) struct Docker(Hosts);

impl FromRequestParts<App> for Docker {
    type Rejection = Response;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Self, Response> {
        app.hosts.clone().map(Self).ok_or_else(|| {
            let message = "this cluster is simulated: its machines are not Docker hosts";
            problem::status(404, Reason::NotFound, message)
        })
    }
}

/// What a client sends to add a host: `{"metadata": {"name": …}, "spec": {"endpoint": …}}`, or the two in short.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewHost {
    #[serde(default)]
    api_version: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    metadata: Option<NewHostMetadata>,
    #[serde(default)]
    spec: Option<NewHostSpec>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    endpoint: Option<String>,
}

#[derive(Deserialize)]
struct NewHostMetadata {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewHostSpec {
    endpoint: String,
}

fn document(host: &HostStatus) -> Value {
    json!({
        "apiVersion": API_VERSION,
        "kind": "DockerHost",
        "metadata": { "name": host.name },
        "spec": { "endpoint": host.endpoint, "configured": host.configured },
        "status": { "connected": host.connected, "message": host.message },
    })
}

/// All Docker hosts.
pub(super) async fn list(Docker(hosts): Docker, headers: HeaderMap) -> Response {
    let hosts = hosts.list();
    if wants_table(&headers) {
        let row = |host: &HostStatus| {
            let connected = if host.connected { "True" } else { "False" };
            let cells = [host.name.as_str(), &host.endpoint, connected, &host.message].map(Value::from);
            (cells.to_vec(), document(host))
        };
        return problem::json(
            200,
            &table(&["Name", "Endpoint", "Connected", "Message"], hosts.iter().map(row).collect()),
        );
    }
    let items: Vec<Value> = hosts.iter().map(document).collect();
    problem::json(200, &json!({ "apiVersion": API_VERSION, "kind": "DockerHostList", "metadata": {}, "items": items }))
}

/// One Docker host.
pub(super) async fn read(Docker(hosts): Docker, Path(name): Path<String>) -> Response {
    match hosts.list().iter().find(|host| host.name == name) {
        Some(host) => problem::json(200, &document(host)),
        None => not_found(&name),
    }
}

/// Adds a Docker host, which becomes a node once it answers.
pub(super) async fn create(Docker(hosts): Docker, request: Request) -> Response {
    let invalid = |message: String| problem::status(422, Reason::Invalid, message);
    let body = match body::whole(request.into_body()).await {
        Ok(body) => body,
        Err(refusal) => return *refusal,
    };
    let new: NewHost = match serde_json::from_slice(&body) {
        Ok(new) => new,
        Err(e) => return problem::status(400, Reason::BadRequest, format!("the body is not a DockerHost: {e}")),
    };
    if new.kind.as_deref().is_some_and(|k| k != "DockerHost")
        || new.api_version.as_deref().is_some_and(|v| v != API_VERSION)
    {
        return problem::status(400, Reason::BadRequest, format!("the body is not a DockerHost of {API_VERSION}"));
    }
    let Some(name) = new.metadata.map(|m| m.name).or(new.name) else {
        return invalid("metadata.name: Required value".to_owned());
    };
    let Some(endpoint) = new.spec.map(|s| s.endpoint).or(new.endpoint) else {
        return invalid("spec.endpoint: Required value".to_owned());
    };
    if let Err(e) = check_node_name(&name) {
        return invalid(format!("metadata.name: Invalid value: {e}"));
    }
    let endpoint: crate::config::Endpoint = match endpoint.parse() {
        Ok(endpoint) => endpoint,
        Err(e) => return invalid(format!("spec.endpoint: Invalid value: {e}")),
    };
    if let Err(e) = endpoint.check_files() {
        return invalid(format!("spec.endpoint: Invalid value: {e}"));
    }
    match hosts.add(DockerHost { name: name.clone(), endpoint }, true) {
        Ok(()) => match hosts.list().iter().find(|host| host.name == name) {
            Some(host) => problem::json(201, &document(host)),
            None => not_found(&name),
        },
        Err(crate::docker::AddError::Exists) => {
            problem::status(409, Reason::AlreadyExists, format!("dockerhosts \"{name}\" already exists"))
        }
        Err(crate::docker::AddError::Storage(why)) => problem::status(500, Reason::InternalError, why),
    }
}

/// Removes a Docker host. What runs on it is left to run; its node stays until it is deleted.
pub(super) async fn delete(Docker(hosts): Docker, Path(name): Path<String>) -> Response {
    let Some(host) = hosts.list().into_iter().find(|host| host.name == name) else { return not_found(&name) };
    if host.configured {
        let message = format!("dockerhosts \"{name}\" comes from the flags or the configuration file; remove it there");
        return problem::status(403, Reason::Forbidden, message);
    }
    match hosts.remove(&name).await {
        Ok(()) => problem::json(
            200,
            &json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                     "details": { "name": name, "group": "kubarium.io", "kind": "dockerhosts" } }),
        ),
        Err(why) => problem::status(500, Reason::InternalError, why),
    }
}

fn not_found(name: &str) -> Response {
    problem::status(404, Reason::NotFound, format!("dockerhosts.kubarium.io \"{name}\" not found"))
}
