//! What of discovery is compared: the groups, versions and resources that the records are about.

use super::text;
use serde_json::{Value, json};

/// The kinds that the records are about.
pub(super) const KINDS: [&str; 15] = [
    "namespaces",
    "nodes",
    "pods",
    "replicationcontrollers",
    "services",
    "endpoints",
    "events",
    "configmaps",
    "secrets",
    "bindings",
    "resourcequotas",
    "limitranges",
    "leases",
    "poddisruptionbudgets",
    "priorityclasses",
];

const REVIEWS: [&str; 2] = ["selfsubjectaccessreviews", "selfsubjectreviews"];

const GROUPS: [&str; 6] =
    ["", "policy", "coordination.k8s.io", "scheduling.k8s.io", "authorization.k8s.io", "authentication.k8s.io"];

/// Keeps the groups, versions and resources in question.
pub(super) fn discovery(mut value: Value) -> Value {
    let kind = text(&value, "kind").to_owned();
    match kind.as_str() {
        "APIResourceList" => keep_resources(&mut value["resources"]),
        "APIGroupList" => {
            keep(&mut value["groups"], |group| text(group, "name").to_owned());
            value["groups"].as_array_mut().into_iter().flatten().for_each(keep_versions);
        }
        "APIGroup" => keep_versions(&mut value),
        "APIGroupDiscoveryList" => {
            keep(&mut value["items"], |item| text(&item["metadata"], "name").to_owned());
            for item in value["items"].as_array_mut().into_iter().flatten() {
                keep_versions(item);
                let versions = item["versions"].as_array_mut().into_iter().flatten();
                versions.for_each(|version| keep_resources(&mut version["resources"]));
            }
        }
        _ => {}
    }
    for address in value.get_mut("serverAddressByClientCIDRs").and_then(Value::as_array_mut).into_iter().flatten() {
        *address = json!({"clientCIDR": address["clientCIDR"], "serverAddress": "<serverAddress>"});
    }
    if let Some(paths) = value.get_mut("paths").and_then(Value::as_array_mut) {
        paths.retain(|path| path.as_str().is_some_and(known));
    }
    if value.get("gitVersion").is_some() {
        for (key, value) in value.as_object_mut().into_iter().flatten() {
            if !matches!(key.as_str(), "major" | "minor" | "gitVersion") {
                *value = "<string>".into();
            }
        }
    }
    value
}

fn known(path: &str) -> bool {
    ["/api", "/api/v1", "/apis", "/version", "/healthz", "/readyz", "/livez", "/metrics"].contains(&path)
        || path.strip_prefix("/apis/").is_some_and(|rest| {
            let group = rest.strip_suffix("/v1").unwrap_or(rest);
            !group.is_empty() && GROUPS.contains(&group)
        })
}

fn keep(list: &mut Value, name: impl Fn(&Value) -> String) {
    if let Some(list) = list.as_array_mut() {
        list.retain(|one| GROUPS.contains(&name(one).as_str()));
        list.sort_by_key(name);
    }
}

fn keep_versions(group: &mut Value) {
    if let Some(versions) = group["versions"].as_array_mut() {
        versions.retain(|version| text(version, "version") == "v1");
    }
}

fn keep_resources(list: &mut Value) {
    if let Some(list) = list.as_array_mut() {
        list.retain(|resource| {
            let name = resource.get("name").or(resource.get("resource")).and_then(Value::as_str).unwrap_or_default();
            let resource = name.split('/').next().unwrap_or_default();
            KINDS.contains(&resource) || REVIEWS.contains(&resource)
        });
    }
}
