//! Which objects a request is about: label selectors, and field selectors with the fields each kind offers.

use super::errors;
use super::query::quoted;
use crate::api::{ApiError, Body, Kind, Object, Selector};

/// What an object must be to be selected.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    labels: Selector,
    fields: Vec<Term>,
}

#[derive(Clone, Debug)]
struct Term {
    field: String,
    value: String,
    equal: bool,
}

impl Selection {
    /// Reads the two selectors of a request; fields must be some the kind offers.
    pub(super) fn parse(kind: Kind, labels: &str, fields: &str) -> Result<Self, ApiError> {
        let labels = Selector::parse(labels).map_err(|e| errors::bad_request(e.0))?;
        let mut terms = parse_fields(fields).map_err(errors::bad_request)?;
        for term in &mut terms {
            if kind == Kind::Pod && term.field == "spec.host" {
                "spec.nodeName".clone_into(&mut term.field);
            }
            check_field(kind, &term.field)?;
        }
        Ok(Self { labels, fields: terms })
    }

    /// Whether it selects everything.
    pub(super) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether it selects this object.
    pub(super) fn matches(&self, object: &Object) -> bool {
        self.labels.matches(&object.meta.labels)
            && self.fields.iter().all(|t| (field_value(object, &t.field) == t.value) == t.equal)
    }
}

fn check_field(kind: Kind, field: &str) -> Result<(), ApiError> {
    let known = match kind {
        Kind::Pod => matches!(
            field,
            "metadata.name"
                | "metadata.namespace"
                | "spec.nodeName"
                | "spec.restartPolicy"
                | "spec.schedulerName"
                | "spec.serviceAccountName"
                | "spec.hostNetwork"
                | "status.phase"
                | "status.podIP"
                | "status.podIPs"
                | "status.nominatedNodeName"
        ),
        Kind::Node => matches!(field, "metadata.name" | "spec.unschedulable"),
        Kind::Namespace => matches!(field, "metadata.name" | "status.phase" | "name"),
        Kind::ReplicationController => matches!(field, "metadata.name" | "metadata.namespace" | "status.replicas"),
        Kind::Service => {
            matches!(field, "metadata.name" | "metadata.namespace" | "spec.clusterIP" | "spec.type")
        }
        Kind::Event => matches!(
            field,
            "involvedObject.kind"
                | "involvedObject.namespace"
                | "involvedObject.name"
                | "involvedObject.uid"
                | "involvedObject.apiVersion"
                | "involvedObject.resourceVersion"
                | "involvedObject.fieldPath"
                | "reason"
                | "reportingComponent"
                | "source"
                | "type"
                | "metadata.namespace"
                | "metadata.name"
        ),
        Kind::Secret => matches!(field, "type" | "metadata.name" | "metadata.namespace"),
        _ => {
            if matches!(field, "metadata.name" | "metadata.namespace") {
                return Ok(());
            }
            return Err(errors::bad_request(format!(
                "{} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
                quoted(field)
            )));
        }
    };
    if known { Ok(()) } else { Err(errors::bad_request(format!("field label not supported: {field}"))) }
}

fn field_value(object: &Object, field: &str) -> String {
    match field {
        "metadata.name" | "name" => return object.meta.name.to_string(),
        "metadata.namespace" => return object.meta.namespace.to_string(),
        _ => {}
    }
    let text = |s: &Option<String>| s.clone().unwrap_or_default();
    match &object.body {
        Body::Pod(pod) => match field {
            "spec.nodeName" => pod.node_name().unwrap_or_default().to_owned(),
            "spec.restartPolicy" => text(&pod.spec.restart_policy),
            "spec.schedulerName" => text(&pod.spec.scheduler_name),
            "spec.serviceAccountName" => text(&pod.spec.service_account_name),
            "spec.hostNetwork" => pod.spec.host_network.unwrap_or_default().to_string(),
            "status.phase" => pod.status.phase_word().to_owned(),
            "status.podIP" | "status.podIPs" => pod.status.pod_ip.as_deref().unwrap_or_default().to_owned(),
            _ => pod.status.rarer.nominated_node.as_deref().unwrap_or_default().to_owned(),
        },
        Body::Node { spec, .. } => spec.unschedulable.unwrap_or_default().to_string(),
        Body::Namespace { status, .. } => text(&status.phase),
        Body::ReplicationController { status, .. } => status.replicas.to_string(),
        Body::Service { spec, .. } => match field {
            "spec.clusterIP" => text(&spec.cluster_ip),
            _ => text(&spec.type_),
        },
        Body::Endpoints { .. } => String::new(),
        Body::Document(document) => document.text(&[field]).to_owned(),
        Body::Event(event) => match field {
            "involvedObject.kind" => event.occasion.of.to_string(),
            "involvedObject.namespace" => event.occasion.namespace.to_string(),
            "involvedObject.name" => event.name.to_string(),
            "involvedObject.uid" => event.uid.to_string(),
            "involvedObject.apiVersion" => event.occasion.api_version.to_string(),
            "involvedObject.resourceVersion" => event.version_then(),
            "involvedObject.fieldPath" => event.occasion.field_path.to_string(),
            "reason" => event.occasion.reason.to_string(),
            "type" => event.occasion.kind.as_str().to_owned(),
            "source" if !event.occasion.component.is_empty() => event.occasion.component.to_string(),
            _ => match event.rest.as_ref().and_then(|r| r.reporting_component.clone()) {
                Some(reporting) => reporting,
                None => event.occasion.component.to_string(),
            },
        },
    }
}

/// Reads `a=b,c!=d`. In values, `\` keeps `,`, `=` and itself from meaning anything.
fn parse_fields(text: &str) -> Result<Vec<Term>, String> {
    let mut terms = Vec::new();
    for part in split_unescaped(text) {
        if part.is_empty() {
            continue;
        }
        let misread = || format!("invalid selector: '{text}'; can't understand '{part}'");
        let (at, length, equal) = operator(part).ok_or_else(misread)?;
        let value = unescape(&part[at + length..])?;
        terms.push(Term { field: part[..at].to_owned(), value, equal });
    }
    Ok(terms)
}

fn operator(part: &str) -> Option<(usize, usize, bool)> {
    (0..part.len()).filter(|at| part.is_char_boundary(*at)).find_map(|at| {
        let rest = &part[at..];
        [("!=", false), ("==", true), ("=", true)]
            .into_iter()
            .find(|(op, _)| rest.starts_with(op))
            .map(|(op, equal)| (at, op.len(), equal))
    })
}

fn split_unescaped(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// A value as it stands in a field selector.
pub(super) fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace(',', "\\,").replace('=', "\\=")
}

fn unescape(text: &str) -> Result<String, String> {
    let mut value = String::with_capacity(text.len());
    let mut escaped = false;
    for c in text.chars() {
        match c {
            '\\' | ',' | '=' if escaped => {
                value.push(c);
                escaped = false;
            }
            _ if escaped => return Err(format!("invalid field selector: invalid escape sequence: \\{c}")),
            '\\' => escaped = true,
            ',' | '=' => return Err(format!("invalid field selector: unescaped character in value: {}", c as u32)),
            c => value.push(c),
        }
    }
    if escaped { Err("invalid field selector: invalid escape sequence: \\".to_owned()) } else { Ok(value) }
}
