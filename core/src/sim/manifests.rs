//! Manifests as requests to the API, and what its answers say.

use super::manifest::Manifest;
use super::traffic::ServicePort;
use crate::api::{ApiError, Body, Kind, Object, Reason};
use crate::apiserver::Request;
use crate::cluster::Cluster;
use crate::order;
use crate::runtime::Machine;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// A name as a part of a path: what is no letter, digit, dot, dash or underscore is percent-encoded.
pub(super) fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => text.push(char::from(byte)),
            _ => {
                // Writing to a string does not fail.
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

/// A request with a manifest as its body.
pub(super) fn with_body(mut request: Request, manifest: &Manifest) -> Request {
    "application/json".clone_into(&mut request.content_type);
    manifest.json().clone_into(&mut request.body);
    request
}

/// Where objects of a kind are found, in a namespace where that is not empty.
pub(super) fn path_to(kind: Kind, namespace: &str) -> String {
    let info = kind.info();
    let root = if info.group.is_empty() { "/api" } else { "/apis" };
    let within = if namespace.is_empty() { String::new() } else { format!("/namespaces/{}", escaped(namespace)) };
    format!("{root}/{}{within}/{}", info.api_version, info.plural)
}

/// Where an object is found.
pub(super) fn path_of(object: &Object) -> String {
    let (plural, name) = (object.kind().info().plural, escaped(&object.meta.name));
    if object.meta.namespace.is_empty() {
        format!("/api/v1/{plural}/{name}")
    } else {
        format!("/api/v1/namespaces/{}/{plural}/{name}", escaped(&object.meta.namespace))
    }
}

/// A `Status` for what no machine of the world could do.
pub(super) fn failure(code: u16, message: &str) -> Value {
    let reason = if code == 503 { Reason::ServiceUnavailable } else { Reason::InternalError };
    ApiError::new(code, reason, message).to_status()
}

/// What the machine behind a node is like: what its object says. What is `known` of another one like it is shared.
pub(super) fn machine_of(object: &Object, known: Option<&Machine>) -> Machine {
    let amounts = |map: Option<&BTreeMap<String, Quantity>>| {
        let entries = || map.into_iter().flatten();
        let same = |other: &&Arc<BTreeMap<String, String>>| {
            other.iter().eq(entries().map(|(name, quantity)| (name, &quantity.0)))
        };
        let known = known.and_then(|known| [&known.capacity, &known.allocatable].into_iter().find(same));
        let made = || Arc::new(order::map(entries().map(|(name, quantity)| (name.clone(), quantity.0.clone()))));
        known.map_or_else(made, Arc::clone)
    };
    let (_, status) = match object.node() {
        Some((spec, status)) => (Some(spec), Some(status)),
        None => (None, None),
    };
    Machine {
        labels: Arc::clone(&object.meta.labels),
        capacity: amounts(status.and_then(|s| s.capacity.as_ref().or(s.allocatable.as_ref()))),
        allocatable: amounts(status.and_then(|s| s.allocatable.as_ref())),
        address: None,
        info: None,
    }
}

/// The first port of a service; 0 where there is no such service.
pub(super) fn first_port(cluster: &Cluster, to: &ServicePort) -> u16 {
    let service = cluster.store().get(Kind::Service, &to.namespace, &to.service);
    let port = service.and_then(|o| match &o.body {
        Body::Service { spec, .. } => spec.ports.as_ref()?.first().map(|p| p.port),
        _ => None,
    });
    port.and_then(|p| u16::try_from(p).ok()).unwrap_or_default()
}
