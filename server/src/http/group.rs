//! `/apis/kubarium.io/v1`: what a server has beside the Kubernetes API, and how it is listed.

use super::{App, problem};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;
use kubarium_core::apiserver::{self, Answer};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// Our group and its version.
pub(super) const API_VERSION: &str = "kubarium.io/v1";

const GROUP: &str = "kubarium.io";

/// A resource that the server itself has; none is in a namespace.
struct Resource {
    name: &'static str,
    singular: &'static str,
    kind: &'static str,
    verbs: &'static [&'static str],
    /// Its parts: name, kind, verbs.
    parts: &'static [(&'static str, &'static str, &'static [&'static str])],
}

/// Of a live cluster: its time can be read.
const LIVE: [Resource; 2] = [
    Resource { name: "clock", singular: "clock", kind: "Clock", verbs: &["get"], parts: &[] },
    Resource {
        name: "dockerhosts",
        singular: "dockerhost",
        kind: "DockerHost",
        verbs: &["create", "delete", "get", "list"],
        parts: &[],
    },
];

/// Of a simulated one.
const SIMULATED: [Resource; 3] = [
    Resource {
        name: "clock",
        singular: "clock",
        kind: "Clock",
        verbs: &["get", "patch"],
        parts: &[("step", "ClockStep", &["create"])],
    },
    Resource { name: "interventions", singular: "intervention", kind: "Intervention", verbs: &["create"], parts: &[] },
    Resource { name: "machines", singular: "machine", kind: "Machine", verbs: &["list"], parts: &[] },
];

fn own(app: &App) -> &'static [Resource] {
    if app.hosts.is_some() { &LIVE } else { &SIMULATED }
}

/// As the list of a group's resources has it, its parts as entries of their own.
fn listed(resource: &Resource) -> impl Iterator<Item = Value> {
    let Resource { name, singular, kind, verbs, parts } = resource;
    let whole = json!({ "name": name, "singularName": singular, "namespaced": false, "kind": kind, "verbs": verbs });
    let parts = parts.iter().map(move |(part, kind, verbs)| {
        json!({ "name": format!("{name}/{part}"), "singularName": "", "namespaced": false, "kind": kind, "verbs": verbs })
    });
    std::iter::once(whole).chain(parts)
}

/// As the list of everything has it.
fn aggregated(resource: &Resource) -> Value {
    let response_kind = |kind: &str| json!({ "group": GROUP, "version": "v1", "kind": kind });
    let Resource { name, singular, kind, verbs, parts } = resource;
    let mut value = json!({
        "resource": name, "responseKind": response_kind(kind), "scope": "Cluster", "singularResource": singular,
        "verbs": verbs,
    });
    if !parts.is_empty() {
        let parts = parts.iter().map(
            |(part, kind, verbs)| json!({ "subresource": part, "responseKind": response_kind(kind), "verbs": verbs }),
        );
        value["subresources"] = parts.collect();
    }
    value
}

/// What the API says of itself at these paths, with the resources that the server itself has.
pub(super) async fn discovery(State(app): State<App>, uri: Uri, headers: HeaderMap, request: Request) -> Response {
    let mut asked = apiserver::Request::get(uri.path());
    asked.user = super::guard::user(request.extensions());
    super::api::text_of(&headers, &header::ACCEPT).clone_into(&mut asked.accept);
    let Ok(Answer::Done(mut done)) = app.driver.ask(asked).await else { return problem::closing() };
    if let Ok(mut document) = serde_json::from_str::<Value>(&done.body) {
        if document["kind"] == "APIResourceList"
            && let Some(resources) = document["resources"].as_array_mut()
        {
            resources.extend(own(&app).iter().flat_map(listed));
        }
        let groups = document.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten();
        for group in groups.filter(|group| group["metadata"]["name"] == GROUP) {
            if let Some(resources) = group["versions"][0]["resources"].as_array_mut() {
                resources.extend(own(&app).iter().map(aggregated));
            }
        }
        done.body = document.to_string();
    }
    super::api::finished(done)
}

/// Reads a body that must be a JSON object.
pub(super) fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    // A list would pass for an object's fields in order.
    let fields: Map<String, Value> = serde_json::from_slice(body)?;
    serde_json::from_value(fields.into())
}

/// Whether a client wants rows rather than objects.
pub(super) fn wants_table(headers: &HeaderMap) -> bool {
    super::api::text_of(headers, &header::ACCEPT).contains("as=Table")
}

/// Objects as rows: their cells, each with its object.
pub(super) fn table(columns: &[&str], rows: Vec<(Vec<Value>, Value)>) -> Value {
    let columns: Vec<Value> = columns
        .iter()
        .map(|name| json!({ "name": name, "type": "string", "format": "", "description": "", "priority": 0 }))
        .collect();
    let rows: Vec<Value> = rows
        .into_iter()
        .map(|(cells, object)| {
            let object = json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object["metadata"],
            });
            json!({ "cells": cells, "object": object })
        })
        .collect();
    json!({
        "apiVersion": "meta.k8s.io/v1", "kind": "Table", "metadata": {}, "columnDefinitions": columns, "rows": rows,
    })
}

/// What this server is.
pub(super) async fn info(State(app): State<App>, uri: Uri) -> Response {
    let revision = app.driver.read(|cluster| cluster.store().revision()).await;
    let mut info = json!({
        "apiVersion": API_VERSION,
        "kind": "ServerInfo",
        "version": env!("CARGO_PKG_VERSION"),
        "live": app.hosts.is_some(),
        "revision": revision,
    });
    if let Some(hosts) = &app.hosts {
        info["clusterId"] = hosts.cluster_id().into();
    }
    // It takes a look at every object, so it is told only to those who ask for it.
    if uri.query().is_some_and(|query| query.split('&').any(|part| part == "stateHash=true")) {
        match app.driver.state_hash().await {
            Ok(hash) => info["stateHash"] = format!("{hash:016x}").into(),
            Err(_) => return problem::closing(),
        }
    }
    problem::json(200, &info)
}
