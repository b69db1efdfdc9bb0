//! `/apis/kubarium.io/v1`: what only a live server has, its Docker hosts and what it is.

use super::{App, BODY_BYTES_MAX, problem};
use crate::config::{DockerHost, check_node_name};
use crate::docker::HostStatus;
use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use kubarium_core::api::Reason;
use kubarium_core::apiserver::{self, Answer};
use serde::Deserialize;
use serde_json::{Value, json};

const API_VERSION: &str = "kubarium.io/v1";

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

/// The resources of the group, as Kubernetes' discovery lists them: those of any cluster, and the hosts.
pub(super) async fn resources(State(app): State<App>) -> Response {
    let any = match app.driver.ask(apiserver::Request::get(format!("/apis/{API_VERSION}"))).await {
        Ok(Answer::Done(done)) => serde_json::from_str::<Value>(&done.body).unwrap_or_default(),
        _ => return problem::closing(),
    };
    let mut resources = any["resources"].as_array().cloned().unwrap_or_default();
    resources.push(json!({
        "name": "dockerhosts", "singularName": "dockerhost", "namespaced": false, "kind": "DockerHost",
        "verbs": ["create", "delete", "get", "list"],
    }));
    let list = json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": API_VERSION, "resources": resources,
    });
    problem::json(200, &list)
}

/// What this server is.
pub(super) async fn info(State(app): State<App>) -> Response {
    let revision = app.driver.read(|cluster| cluster.store().revision()).await;
    problem::json(
        200,
        &json!({
            "apiVersion": API_VERSION,
            "kind": "ServerInfo",
            "version": env!("CARGO_PKG_VERSION"),
            "live": true,
            "clusterId": app.hosts.cluster_id(),
            "revision": revision,
        }),
    )
}

/// All Docker hosts.
pub(super) async fn list(State(app): State<App>) -> Response {
    let items: Vec<Value> = app.hosts.list().iter().map(document).collect();
    problem::json(200, &json!({ "apiVersion": API_VERSION, "kind": "DockerHostList", "metadata": {}, "items": items }))
}

/// One Docker host.
pub(super) async fn read(State(app): State<App>, Path(name): Path<String>) -> Response {
    match app.hosts.list().iter().find(|host| host.name == name) {
        Some(host) => problem::json(200, &document(host)),
        None => not_found(&name),
    }
}

/// Adds a Docker host, which becomes a node once it answers.
pub(super) async fn create(State(app): State<App>, request: Request) -> Response {
    let invalid = |message: String| problem::status(422, Reason::Invalid, message);
    let Ok(body) = to_bytes(request.into_body(), BODY_BYTES_MAX).await else {
        return problem::status(413, Reason::RequestEntityTooLarge, "the body is too large");
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
    match app.hosts.add(DockerHost { name: name.clone(), endpoint }, true) {
        Ok(()) => match app.hosts.list().iter().find(|host| host.name == name) {
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
pub(super) async fn delete(State(app): State<App>, Path(name): Path<String>) -> Response {
    let Some(host) = app.hosts.list().into_iter().find(|host| host.name == name) else { return not_found(&name) };
    if host.configured {
        let message = format!("dockerhosts \"{name}\" comes from the flags or the configuration file; remove it there");
        return problem::status(403, Reason::Forbidden, message);
    }
    match app.hosts.remove(&name).await {
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
