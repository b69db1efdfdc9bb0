//! The way through the API to what runs in pods: `services/[https:]NAME[:PORT]/proxy/...`, and the same for pods.

use super::errors;
use super::path::ResourcePath;
use super::pods::pod_ref;
use super::query::percent_decode;
use super::request::ProxyTarget;
use crate::api::{ApiError, Kind, Object, Reason};
use crate::cluster::Context;
use crate::rng::Rng;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// `[SCHEME:]NAME[:PORT]`.
struct Locator {
    https: bool,
    name: String,
    port: String,
}

fn locator(text: &str) -> Option<Locator> {
    let parts: Vec<&str> = text.split(':').collect();
    let (scheme, name, port) = match parts.as_slice() {
        [name] => ("", *name, ""),
        [name, port] => ("", *name, *port),
        [scheme @ ("" | "http" | "https"), name, port] => (*scheme, *name, *port),
        _ => return None,
    };
    Some(Locator { https: scheme == "https", name: name.to_owned(), port: port.to_owned() })
}

fn unavailable(message: String) -> ApiError {
    ApiError::new(503, Reason::ServiceUnavailable, message)
}

/// Finds who answers. Services spread their requests over their ready pods by `routing`.
pub(super) fn target(
    cx: &mut Context<'_>,
    path: &ResourcePath,
    query: &str,
    client: &str,
    routing: &mut Rng,
) -> Result<ProxyTarget, ApiError> {
    let text = path.name.as_deref().unwrap_or_default();
    let locator = locator(text)
        .ok_or_else(|| errors::bad_request(format!("invalid {} request {text:?}", path.kind.info().singular)))?;
    let namespace = path.namespace.as_deref().unwrap_or_default();
    let rest = if path.rest.is_empty() { "/" } else { &path.rest };
    let onward = if query.is_empty() { rest.to_owned() } else { format!("{rest}?{query}") };
    let object = match path.kind {
        Kind::Node => {
            return Err(unavailable(format!(
                "node {:?} has no agent of its own to answer: read its pods through /pods/NAME/log and /pods/NAME/proxy",
                locator.name
            )));
        }
        kind => cx
            .store
            .get(kind, namespace, &locator.name)
            .cloned()
            .ok_or_else(|| ApiError::not_found(kind, &locator.name))?,
    };
    if path.kind == Kind::Pod {
        return pod_target(&object, &locator, onward);
    }
    let port = service_port(&object, &locator.port)?;
    let none = || unavailable(format!("no endpoints available for service {:?}", locator.name));
    let backend = cx.router.route(namespace, &locator.name, port, client, routing).ok_or_else(none)?;
    Ok(ProxyTarget {
        pod: backend.pod,
        node: backend.node,
        ip: backend.ip,
        port: backend.port,
        https: locator.https,
        path: onward,
    })
}

fn service_port(object: &Object, wanted: &str) -> Result<u16, ApiError> {
    let name = &object.meta.name;
    let ports = object.service().and_then(|s| s.ports.as_deref()).unwrap_or_default();
    let found = match wanted {
        "" if ports.len() == 1 => ports.first(),
        "" => ports.iter().find(|p| p.name.as_deref().unwrap_or_default().is_empty()),
        wanted => {
            ports.iter().find(|p| p.name.as_deref() == Some(wanted) || wanted.parse::<i32>().is_ok_and(|n| n == p.port))
        }
    };
    found
        .and_then(|p| u16::try_from(p.port).ok())
        .ok_or_else(|| unavailable(format!("no service port {wanted:?} found for service {name:?}")))
}

fn pod_target(object: &Object, locator: &Locator, onward: String) -> Result<ProxyTarget, ApiError> {
    let name = &object.meta.name;
    let Some(pod) = object.pod() else { return Err(ApiError::not_found(Kind::Pod, name)) };
    let (Some(node), Some(pod_ip)) = (pod.node.as_deref().cloned(), pod.status.pod_ip.clone()) else {
        return Err(unavailable(format!("address not allowed: pod {name:?} has no address yet")));
    };
    let ports = || pod.spec.containers.iter().flat_map(|c| c.ports.iter().flatten());
    let wanted = percent_decode(&locator.port, false);
    let wanted = match (wanted.as_str(), wanted.parse()) {
        // Without a port it is the first the pod names, else 80.
        ("", _) => IntOrString::Int(ports().next().map_or(80, |p| p.container_port)),
        (_, Ok(number)) => IntOrString::Int(number),
        (named, Err(_)) => IntOrString::String(named.to_owned()),
    };
    let number = match &wanted {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(text) => ports().find(|p| p.name.as_ref() == Some(text)).map(|p| p.container_port),
    };
    let port = number
        .and_then(|n| u16::try_from(n).ok())
        .filter(|n| *n > 0)
        .ok_or_else(|| errors::bad_request(format!("pod {name:?} has no port {:?}", locator.port)))?;
    Ok(ProxyTarget {
        pod: Some(pod_ref(object)),
        node: Some(node),
        ip: pod_ip,
        port,
        https: locator.https,
        path: onward,
    })
}
