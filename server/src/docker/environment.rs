//! Environment variables and `$(NAME)` references, as Kubernetes expands them.

use k8s_openapi::api::core::v1 as k8s;
use kubarium_core::api::{Labels, Name, Quantity};
use kubarium_core::runtime::PodRef;
use kubarium_core::settings::{self, Reference, Settings};
use std::collections::BTreeMap;

/// What a pod can be told about itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    pub(super) pod: &'a PodRef,
    pub(super) spec: &'a k8s::PodSpec,
    pub(super) pod_ip: Option<&'a Name>,
    pub(super) labels: &'a Labels,
    pub(super) annotations: &'a Labels,
    pub(super) node: &'a str,
    pub(super) host_ip: &'a str,
    /// What variables are taken from.
    pub(super) settings: Option<&'a Settings>,
    /// Where the engine keeps those volumes of which the container mounts a part, by their names in the spec.
    pub(super) places: &'a BTreeMap<String, String>,
}

/// The variables of a container: those of `env` over those of `envFrom`, later ones over earlier ones. The error is a
/// sentence for `CreateContainerConfigError`.
pub(super) fn variables(container: &k8s::Container, about: About<'_>) -> Result<BTreeMap<String, String>, String> {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for source in container.env_from.iter().flatten() {
        let Some(reference) = Reference::of_variables(source) else { continue };
        let Some(document) = about.settings.and_then(|settings| settings.get(&reference)) else { continue };
        let prefix = source.prefix.as_deref().unwrap_or_default();
        for (key, _) in document.entries(&["data"]) {
            if let Some(value) = settings::variable(document, key) {
                known.insert(format!("{prefix}{key}"), text(&reference, key, value)?);
            }
        }
    }
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (_, Some(source)) => match sourced(container, source, about)? {
                Some(value) => value,
                None => continue,
            },
            (value, None) => expand(value.as_deref().unwrap_or_default(), &known),
        };
        known.insert(variable.name.clone(), value);
    }
    Ok(known)
}

/// A variable's value. Engines take nothing but text.
fn text(reference: &Reference<'_>, key: &str, value: Vec<u8>) -> Result<String, String> {
    String::from_utf8(value).map_err(|_| {
        format!("key {key} in {} {} is not UTF-8: no variable can hold it", reference.kind, reference.name)
    })
}

fn sourced(container: &k8s::Container, source: &k8s::EnvVarSource, about: About<'_>) -> Result<Option<String>, String> {
    if let Some(field) = &source.field_ref {
        return self::field(&field.field_path, about).map(Some);
    }
    if let Some(resource) = &source.resource_field_ref {
        return resource_value(container, resource).map(Some);
    }
    let Some(reference) = Reference::of_variable(source) else {
        return Err("valueFrom names no source that is known".to_owned());
    };
    let key = reference.key.unwrap_or_default();
    let document = about.settings.and_then(|settings| settings.get(&reference));
    let value = document.and_then(|document| settings::variable(document, key));
    value.map(|value| text(&reference, key, value)).transpose()
}

fn field(path: &str, about: About<'_>) -> Result<String, String> {
    // One that the pod does not have is empty, as in Kubernetes.
    if let Some(key) = subscript(path, "metadata.labels") {
        return Ok(about.labels.get(key).cloned().unwrap_or_default());
    }
    if let Some(key) = subscript(path, "metadata.annotations") {
        return Ok(about.annotations.get(key).cloned().unwrap_or_default());
    }
    Ok(match path {
        "metadata.name" => about.pod.name.to_string(),
        "metadata.namespace" => about.pod.namespace.to_string(),
        "metadata.uid" => about.pod.uid.to_string(),
        "spec.nodeName" => about.node.to_owned(),
        "spec.serviceAccountName" => about.spec.service_account_name.clone().unwrap_or_default(),
        "status.hostIP" | "status.hostIPs" => about.host_ip.to_owned(),
        "status.podIP" | "status.podIPs" => about.pod_ip.map(ToString::to_string).unwrap_or_default(),
        _ => return Err(format!("fieldRef {path} is not supported")),
    })
}

/// The key in `FIELD['KEY']`.
fn subscript<'a>(path: &'a str, field: &str) -> Option<&'a str> {
    path.strip_prefix(field)?.strip_prefix("['")?.strip_suffix("']")
}

fn resource_value(container: &k8s::Container, wanted: &k8s::ResourceFieldSelector) -> Result<String, String> {
    let (kind, resource) = wanted.resource.split_once('.').unwrap_or(("", ""));
    let resources = container.resources.as_ref();
    let list = match kind {
        "limits" => resources.and_then(|r| r.limits.as_ref()),
        "requests" => resources.and_then(|r| r.requests.as_ref()),
        _ => return Err(format!("resourceFieldRef {} is not supported", wanted.resource)),
    };
    let text = list.and_then(|l| l.get(resource)).map_or("0", |q| q.0.as_str());
    let milli = |text: &str| Quantity::parse(text).map(kubarium_core::api::Quantity::milli).map_err(|e| e.to_string());
    let divisor = wanted.divisor.as_ref().map(|d| d.0.as_str()).filter(|d| !d.is_empty() && *d != "0").unwrap_or("1");
    let (amount, divisor) = (milli(text)?, milli(divisor)?.max(1));
    Ok((amount.saturating_add(divisor - 1) / divisor).to_string())
}

/// Replaces `$(NAME)` by its value. `$$` is a dollar sign; a name that is not known stays as it is.
pub(super) fn expand(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out += before;
        if let Some(after) = from.strip_prefix("$$") {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = from.strip_prefix("$(").and_then(|f| f.split_once(')')) {
            if let Some(value) = known.get(name) {
                out += value;
            } else {
                out += "$(";
                out += name;
                out.push(')');
            }
            rest = after;
        } else {
            out.push('$');
            rest = from.strip_prefix('$').unwrap_or_default();
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_expanded_as_kubernetes_does() {
        let known = [("A", "1"), ("B", "two")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("$(A)", "1"),
            ("x$(A)$(B)y", "x1twoy"),
            ("$(C)", "$(C)"),
            ("$$(A)", "$(A)"),
            ("$$$(A)", "$1"),
            ("$A", "$A"),
            ("$(A", "$(A"),
            ("cost: 5$", "cost: 5$"),
        ] {
            assert_eq!(expand(text, &known), expected, "{text}");
        }
    }
}
