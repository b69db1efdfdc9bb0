//! What the API says about itself: groups, versions, resources.

use super::groups::{GROUPS, KUBERNETES_VERSION, serves_group};
use super::review::Review;
use super::{Response, errors, explanation, openapi, usage};
use crate::api::{ApiError, Kind};
use crate::order;
use serde_json::{Value, json};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// A document about the API, and its content type.
pub(super) struct Document {
    /// The HTTP status.
    pub(super) status: u16,
    /// `Content-Type`.
    pub(super) content_type: &'static str,
    /// What it says.
    pub(super) body: String,
}

impl Document {
    fn json(value: &Value) -> Self {
        Self { status: 200, content_type: "application/json", body: value.to_string() }
    }
}

/// A part of a resource with a path and verbs of its own.
pub(super) struct Part {
    pub(super) name: &'static str,
    group: &'static str,
    version: &'static str,
    pub(super) kind: &'static str,
    pub(super) verbs: &'static [&'static str],
}

const ALL_VERBS: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const NAMESPACE_VERBS: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];
const PROXY_VERBS: &[&str] = &["create", "delete", "get", "patch", "update"];
const STREAM_VERBS: &[&str] = &["create", "get"];
const STATUS_VERBS: &[&str] = &["get", "patch", "update"];

const fn part(name: &'static str, kind: &'static str, verbs: &'static [&'static str]) -> Part {
    Part { name, group: "", version: "", kind, verbs }
}

/// The parts of each kind, by name.
pub(super) fn parts(kind: Kind) -> Vec<Part> {
    let status = |of| part("status", of, STATUS_VERBS);
    match kind {
        Kind::Namespace => vec![part("finalize", "Namespace", &["update"]), status("Namespace")],
        Kind::Node => vec![part("proxy", "NodeProxyOptions", PROXY_VERBS), status("Node")],
        Kind::Pod => vec![
            part("attach", "PodAttachOptions", STREAM_VERBS),
            part("binding", "Binding", &["create"]),
            part("ephemeralcontainers", "Pod", STATUS_VERBS),
            Part { group: "policy", version: "v1", ..part("eviction", "Eviction", &["create"]) },
            part("exec", "PodExecOptions", STREAM_VERBS),
            part("log", "Pod", &["get"]),
            part("portforward", "PodPortForwardOptions", STREAM_VERBS),
            part("proxy", "PodProxyOptions", PROXY_VERBS),
            part("resize", "Pod", STATUS_VERBS),
            status("Pod"),
        ],
        Kind::ReplicationController => vec![
            Part { group: "autoscaling", version: "v1", ..part("scale", "Scale", STATUS_VERBS) },
            status("ReplicationController"),
        ],
        Kind::Service => vec![part("proxy", "ServiceProxyOptions", PROXY_VERBS), status("Service")],
        Kind::PodDisruptionBudget => vec![status("PodDisruptionBudget")],
        Kind::ResourceQuota => vec![status("ResourceQuota")],
        _ => Vec::new(),
    }
}

fn verbs(kind: Kind) -> &'static [&'static str] {
    if kind == Kind::Namespace { NAMESPACE_VERBS } else { ALL_VERBS }
}

/// Upstream's fingerprint of the version a kind is stored in.
fn storage_version_hash(kind: Kind) -> &'static str {
    match kind {
        Kind::Namespace => "Q3oi5N2YM8M=",
        Kind::Node => "XwShjMxG9Fs=",
        Kind::Pod => "xPOwRZ+Yhw8=",
        Kind::ReplicationController => "Jond2If31h0=",
        Kind::Service => "0/CO1lhkEBI=",
        Kind::Endpoints => "fWeeMqaN/OA=",
        Kind::Event => "r2yiGXH7wu8=",
        Kind::ConfigMap => "qFsyl6wFWjQ=",
        Kind::Secret => "S6u1pOWzb84=",
        Kind::ServiceAccount => "pbx9ZvyFpBE=",
        Kind::Lease => "gqkMMb/YqFM=",
        Kind::PodDisruptionBudget => "EVWiDmWqyJw=",
        Kind::ResourceQuota => "8uhSgffRX6w=",
        Kind::LimitRange => "EBKMFVe6cwo=",
        Kind::PriorityClass => "1QwjyaZjj3Y=",
    }
}

/// The kinds of a group, by the names of their resources.
fn kinds_of(group: &str) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| kind.info().group == group).collect();
    order::sort_by(&mut kinds, |a, b| a.info().plural.cmp(b.info().plural));
    kinds
}

/// What can only be created in a group: resource, its singular, kind, and whether it is of a namespace.
fn creations(group: &str) -> Vec<(&'static str, &'static str, &'static str, bool)> {
    if group.is_empty() {
        return vec![("bindings", "binding", "Binding", true)];
    }
    let mut reviews: Vec<_> = Review::ALL.into_iter().filter(|review| review.group() == group).collect();
    order::sort_by(&mut reviews, |a, b| a.plural().cmp(b.plural()));
    reviews
        .into_iter()
        .map(|review| (review.plural(), review.plural().trim_end_matches('s'), review.kind(), false))
        .collect()
}

/// What discovery says of a group with one version.
fn group_of(name: &str, version: &str) -> Value {
    let version = json!({"groupVersion": format!("{name}/{version}"), "version": version});
    json!({"name": name, "versions": [version], "preferredVersion": version})
}

fn group(name: &str) -> Value {
    group_of(name, "v1")
}

/// What the API says about itself at a path; none where the path is about objects. No cluster is needed for it but to
/// know whether it has machines that tell what is used.
pub fn about(path: &str, accept: &str, measured: bool) -> Option<Response> {
    let is_about = matches!(path, "/" | "/version" | "/api" | "/api/v1" | "/apis")
        || path.starts_with("/openapi/")
        || path.strip_prefix("/apis/").is_some_and(|rest| rest.matches('/').count() < 2);
    is_about.then(|| match document(path, accept, measured) {
        Ok(Document { status, content_type, body }) => {
            Response { status, content_type: content_type.to_owned(), warnings: Vec::new(), body }
        }
        Err(error) => Response::from(&error),
    })
}

/// The document of a path. What is used can be asked only where it is `measured`.
pub(super) fn document(path: &str, accept: &str, measured: bool) -> Result<Document, ApiError> {
    let aggregated = wants_aggregated(accept)?;
    let named = |path: &str| GROUPS.into_iter().find(|group| path.strip_prefix("/apis/") == Some(group));
    let value = match path {
        "/api" if aggregated => return Ok(aggregated_groups(&[aggregated_group("")])),
        "/apis" if aggregated => {
            let mut groups: Vec<Value> = GROUPS.into_iter().map(aggregated_group).collect();
            groups.push(explanation::aggregated_group());
            groups.extend(measured.then(usage::aggregated_group));
            return Ok(aggregated_groups(&groups));
        }
        "/api" => json!({
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}],
        }),
        "/apis" => {
            let mut groups: Vec<Value> = GROUPS.into_iter().chain([explanation::GROUP]).map(group).collect();
            groups.extend(measured.then(|| group_of(usage::GROUP, usage::VERSION)));
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        "/apis/kubarium.io" => of_itself(group(explanation::GROUP)),
        "/apis/kubarium.io/v1" => explanation::resource_list(),
        "/apis/metrics.k8s.io" if measured => of_itself(group_of(usage::GROUP, usage::VERSION)),
        "/apis/metrics.k8s.io/v1beta1" if measured => usage::resource_list(),
        "/api/v1" if aggregated => return Err(errors::not_acceptable(errors::OBJECT_MEDIA_TYPES)),
        "/api/v1" => resource_list(""),
        "/version" => version(),
        "/" => {
            let of_group =
                |name| [format!("/apis/{name}"), format!("/apis/{name}/v1"), format!("/openapi/v3/apis/{name}/v1")];
            let mut paths: Vec<String> = GROUPS.into_iter().flat_map(of_group).collect();
            paths.extend(
                [
                    "/api",
                    "/api/v1",
                    "/apis",
                    "/apis/kubarium.io",
                    "/apis/kubarium.io/v1",
                    "/healthz",
                    "/livez",
                    "/metrics",
                    "/openapi/v2",
                    "/openapi/v3",
                    "/openapi/v3/api/v1",
                    "/readyz",
                    "/version",
                ]
                .map(str::to_owned),
            );
            order::sort_by(&mut paths, Ord::cmp);
            json!({ "paths": paths })
        }
        "/openapi/v2" if accept.contains("protobuf") && !accept.contains("application/json") => {
            let content_type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
            return Ok(Document { status: 200, content_type, body: openapi::empty_version_2() });
        }
        "/openapi/v2" => openapi::version_2(),
        "/openapi/v3" => openapi::index(&GROUPS),
        "/openapi/v3/api/v1" => openapi::version_3(""),
        _ => {
            let openapi = path.strip_prefix("/openapi/v3").and_then(|path| path.strip_suffix("/v1")).and_then(named);
            if let Some(name) = openapi {
                openapi::version_3(name)
            } else if let Some(name) = named(path) {
                of_itself(group(name))
            } else if let Some(name) = path.strip_suffix("/v1").and_then(named) {
                resource_list(name)
            } else if path.strip_prefix("/apis/").map_or(path.starts_with("/api/"), serves_group) {
                return Err(errors::no_such_path());
            } else {
                let body = "404 page not found\n".to_owned();
                return Ok(Document { status: 404, content_type: "text/plain; charset=utf-8", body });
            }
        }
    };
    Ok(Document::json(&value))
}

/// A group as a document of its own.
fn of_itself(mut group: Value) -> Value {
    group["kind"] = "APIGroup".into();
    group["apiVersion"] = "v1".into();
    group
}

/// Whether the client wants all resources at once; an error where it wants nothing else and not in a form we have.
fn wants_aggregated(accept: &str) -> Result<bool, ApiError> {
    let mut asked = false;
    for clause in accept.split(',').map(|c| c.replace(' ', "")) {
        let is = |word: &str| clause.split(';').any(|p| p == word);
        if !is("as=APIGroupDiscoveryList") {
            // Anything else that JSON or plain text satisfies; OpenAPI's own types among them.
            if clause.starts_with("application/") || clause.starts_with("*/*") || clause.is_empty() {
                return Ok(false);
            }
            continue;
        }
        asked = true;
        if is("application/json") && is("v=v2") {
            return Ok(true);
        }
    }
    if asked { Err(errors::not_acceptable(errors::OBJECT_MEDIA_TYPES)) } else { Ok(false) }
}

fn resource_list(group: &str) -> Value {
    let created = |(name, singular, kind, namespaced)| {
        json!({
            "name": name, "singularName": singular, "namespaced": namespaced, "kind": kind, "verbs": ["create"],
        })
    };
    let mut resources: Vec<Value> = creations(group).into_iter().map(created).collect();
    for kind in kinds_of(group) {
        let info = kind.info();
        let mut resource = json!({
            "name": info.plural, "singularName": info.singular, "namespaced": info.namespaced, "kind": info.kind,
            "verbs": verbs(kind), "storageVersionHash": storage_version_hash(kind),
        });
        if !info.short_names.is_empty() {
            resource["shortNames"] = json!(info.short_names);
        }
        if !info.categories.is_empty() {
            resource["categories"] = json!(info.categories);
        }
        resources.push(resource);
        for part in parts(kind) {
            let mut resource = json!({
                "name": format!("{}/{}", info.plural, part.name), "singularName": "",
                "namespaced": info.namespaced, "kind": part.kind, "verbs": part.verbs,
            });
            if !part.group.is_empty() {
                resource["group"] = part.group.into();
                resource["version"] = part.version.into();
            }
            resources.push(resource);
        }
    }
    if group.is_empty() {
        return json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": resources});
    }
    json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": format!("{group}/v1"), "resources": resources,
    })
}

/// A group with all its resources.
fn aggregated_group(group: &str) -> Value {
    let response_kind =
        |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let created = |(name, singular, kind, namespaced)| {
        json!({
            "resource": name, "responseKind": response_kind("", "", kind),
            "scope": if namespaced { "Namespaced" } else { "Cluster" }, "singularResource": singular,
            "verbs": ["create"],
        })
    };
    let mut resources: Vec<Value> = creations(group).into_iter().map(created).collect();
    for kind in kinds_of(group) {
        let info = kind.info();
        let mut resource = json!({
            "resource": info.plural, "responseKind": response_kind("", "", info.kind),
            "scope": if info.namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": info.singular, "verbs": verbs(kind),
        });
        if !info.short_names.is_empty() {
            resource["shortNames"] = json!(info.short_names);
        }
        if !info.categories.is_empty() {
            resource["categories"] = json!(info.categories);
        }
        let parts: Vec<Value> = parts(kind)
            .iter()
            .map(|p| {
                json!({
                    "subresource": p.name, "responseKind": response_kind(p.group, p.version, p.kind),
                    "verbs": p.verbs,
                })
            })
            .collect();
        if !parts.is_empty() {
            resource["subresources"] = parts.into();
        }
        resources.push(resource);
    }
    let metadata = if group.is_empty() { json!({}) } else { json!({ "name": group }) };
    json!({"metadata": metadata, "versions": [{"version": "v1", "resources": resources, "freshness": "Current"}]})
}

fn aggregated_groups(groups: &[Value]) -> Document {
    let value = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": groups,
    });
    Document { status: 200, content_type: AGGREGATED, body: value.to_string() }
}

fn version() -> Value {
    json!({
        "major": "1",
        "minor": "36",
        "gitVersion": format!("{KUBERNETES_VERSION}+kubarium-{}", env!("CARGO_PKG_VERSION")),
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "rustc",
        "platform": "any",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
    })
}
