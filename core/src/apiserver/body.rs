//! The body of a request: from text to a document of the kind the path asks for.

use super::alike::Alike;
use super::errors;
use super::json::{self, kind_of};
use super::query::{FieldValidation, quoted};
use super::schema;
use super::write::NewDocument;
use crate::api::{ApiError, Kind};
use crate::manifest;
use serde_json::Value;
use std::fmt::Write as _;

/// How many bytes a body may have, as upstream.
pub(super) const BODY_BYTES_MAX: usize = 3 * 1024 * 1024;

/// A kind of document a path takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// API group and version.
    pub(super) api_version: &'static str,
    /// The kind.
    pub(super) kind: &'static str,
    /// Where upstream registers its kinds, as it says in errors.
    pub(super) scheme: &'static str,
}

const LEGACY_SCHEME: &str = "pkg/api/legacyscheme/scheme.go:30";

impl Expected {
    /// A served kind.
    pub(super) fn object(kind: Kind) -> Self {
        Self { api_version: kind.api_version(), kind: kind.info().kind, scheme: LEGACY_SCHEME }
    }

    /// Any other document.
    pub(super) const fn document(api_version: &'static str, kind: &'static str) -> Self {
        Self { api_version, kind, scheme: LEGACY_SCHEME }
    }
}

/// A document that fits, and what the client should be warned of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Body {
    /// What it says; `apiVersion` and `kind` are those expected.
    pub(super) value: Value,
    /// What was dropped.
    pub(super) warnings: Vec<String>,
}

/// A request of the administrator to create an object, read ahead: who has thousands of them can do that elsewhere, and keeps
/// no cluster waiting meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub struct Creation(pub(super) Result<NewDocument, ApiError>);

impl Creation {
    /// Reads a document of that kind for a namespace, which is written as `text` and says nothing twice. What it says wrongly
    /// is an error, unknown fields among it. What those before it say alike is shared with them.
    pub fn read(kind: Kind, namespace: Option<&str>, text: &str, value: Value, before: &mut Alike) -> Self {
        let document = json::Document { value, duplicates: Vec::new() };
        // Where it is read strictly there are no warnings.
        let body =
            check_size(text).and_then(|()| fit(document, Vec::new(), Expected::object(kind), FieldValidation::Strict));
        Self(body.and_then(|body| NewDocument::read(kind, namespace, body.value, before)))
    }
}

/// The media type without its parameters, in lower case.
pub(super) fn media_type(header: &str) -> String {
    header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Refuses bodies that are too large.
pub(super) fn check_size(text: &str) -> Result<(), ApiError> {
    if text.len() > BODY_BYTES_MAX { Err(errors::too_large(BODY_BYTES_MAX)) } else { Ok(()) }
}

/// Reads a body that must be of one kind.
pub(super) fn read(
    text: &str,
    content_type: &str,
    expected: Expected,
    validation: FieldValidation,
) -> Result<Body, ApiError> {
    check_size(text)?;
    let unrecognized = |why: &str| {
        let kind = expected.kind;
        errors::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): {why} ({})",
            excerpt(text)
        ))
    };
    let mut twice = Vec::new();
    let document = match media_type(content_type).as_str() {
        "" | "application/json" => {
            let document = json::parse(text)
                .map_err(|e| unrecognized(&format!("couldn't get version/kind; json parse error: {e}")))?;
            type_meta(&document.value)
                .map_err(|e| unrecognized(&format!("couldn't get version/kind; json parse error: {e}")))?;
            document
        }
        "application/yaml" => {
            let document = manifest::lenient(text).map_err(|e| unrecognized(&format!("yaml: {e}")))?;
            twice = document.twice;
            json::Document { value: document.value, ..json::Document::default() }
        }
        _ => return Err(errors::unsupported_media_type(errors::OBJECT_MEDIA_TYPES)),
    };
    fit(document, twice, expected, validation)
}

/// Holds a document that was read against what is expected; `twice` is what it says twice, in words of YAML's reader.
fn fit(
    document: json::Document,
    twice: Vec<String>,
    expected: Expected,
    validation: FieldValidation,
) -> Result<Body, ApiError> {
    let said = type_meta(&document.value).map_err(errors::bad_request)?;
    let api_version = said.api_version.unwrap_or(expected.api_version).to_owned();
    let kind = said.kind.unwrap_or(expected.kind).to_owned();
    let version = api_version.rsplit('/').next().unwrap_or_default();
    let refuse = |why: &str| {
        let wanted = expected.kind;
        errors::bad_request(format!("{kind} in version {} cannot be handled as a {wanted}: {why}", quoted(version)))
    };
    if api_version != expected.api_version || kind != expected.kind {
        if Kind::from_type(&api_version, &kind).is_none() && !DOCUMENTS.contains(&(&*api_version, &*kind)) {
            return Err(refuse(&format!(
                "no kind {} is registered for version {} in scheme {}",
                quoted(&kind),
                quoted(&api_version),
                quoted(expected.scheme)
            )));
        }
        if kind == expected.kind {
            return Err(errors::bad_request(format!(
                "the API version in the data ({api_version}) does not match the expected API version ({})",
                expected.api_version
            )));
        }
        let (from, to) = (api_version.replace('/', "."), expected.api_version);
        let to = to.split_once('/').map_or("core", |(group, _)| group.split('.').next().unwrap_or(group));
        let why = format!("converting ({from}.{kind}) to ({to}.{}): unknown conversion", expected.kind);
        return Err(refuse(&why));
    }
    let mut value = document.value;
    if value.is_null() {
        value = Value::Object(serde_json::Map::new());
    }
    let mut strict: Vec<String> =
        document.duplicates.iter().map(|path| format!("duplicate field {}", quoted(path))).collect();
    let unknown = schema::conform(expected.kind, &mut value).map_err(|e| refuse(&e))?;
    strict.extend(unknown.iter().map(|path| format!("unknown field {}", quoted(path))));
    if validation == FieldValidation::Strict && !(strict.is_empty() && twice.is_empty()) {
        if !twice.is_empty() {
            strict.insert(0, said_twice(&twice));
        }
        return Err(refuse(&format!("strict decoding error: {}", strict.join(", "))));
    }
    strict.splice(0..0, twice);
    if validation == FieldValidation::Ignore {
        strict.clear();
    }
    if let Value::Object(map) = &mut value {
        map.insert("apiVersion".to_owned(), api_version.into());
        map.insert("kind".to_owned(), kind.into());
    }
    Ok(Body { value, warnings: strict })
}

/// What Go's strict reader says of YAML that says things twice.
pub(super) fn said_twice(twice: &[String]) -> String {
    format!("error converting YAML to JSON: yaml: unmarshal errors:\n  {}", twice.join("\n  "))
}

/// Reads YAML as JSON.
pub(super) fn from_yaml(text: &str) -> Result<Value, String> {
    // A body is one document: as upstream, what follows the first is not looked at.
    let documents = manifest::parse(text).map_err(|e| format!("yaml: {e}"))?;
    Ok(documents.into_iter().next().map(|d| d.value).unwrap_or_default())
}

/// Documents that are no objects but known by name.
const DOCUMENTS: [(&str, &str); 9] = [
    ("authentication.k8s.io/v1", "SelfSubjectReview"),
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"),
    ("authorization.k8s.io/v1", "SelfSubjectRulesReview"),
    ("v1", "Binding"),
    ("v1", "DeleteOptions"),
    ("v1", "Status"),
    ("v1", "List"),
    ("policy/v1", "Eviction"),
    ("autoscaling/v1", "Scale"),
];

/// What a document says it is.
pub(super) struct TypeMeta<'a> {
    /// Its API version, where it names one.
    pub(super) api_version: Option<&'a str>,
    /// Its kind, where it names one.
    pub(super) kind: Option<&'a str>,
}

/// Reads what a document says it is. The error is what Go's decoder would say.
pub(super) fn type_meta(value: &Value) -> Result<TypeMeta<'_>, String> {
    if value.is_null() {
        return Ok(TypeMeta { api_version: None, kind: None });
    }
    let Value::Object(map) = value else {
        return Err(format!(
            "json: cannot unmarshal {} into Go value of type struct {{ APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
            kind_of(value)
        ));
    };
    let text = |key: &str| match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|t| !t.is_empty())),
        Some(other) => {
            Err(format!("json: cannot unmarshal {} into Go struct field .{key} of type string", kind_of(other)))
        }
    };
    Ok(TypeMeta { api_version: text("apiVersion")?, kind: text("kind")? })
}

/// The beginning of a body for an error message: as text where it looks like JSON, else in hexadecimal.
fn excerpt(text: &str) -> String {
    const SHOWN: usize = 30;
    if text.is_empty() {
        return "<empty>".to_owned();
    }
    let bytes = text.as_bytes();
    if bytes.first() == Some(&b'{') {
        if bytes.len() <= 1024 {
            return text.to_owned();
        }
        return format!("{} ...", String::from_utf8_lossy(&bytes[..1024]));
    }
    let mut hex = String::new();
    for byte in bytes.iter().take(SHOWN) {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    if bytes.len() > SHOWN { format!("{hex} ...") } else { hex }
}
