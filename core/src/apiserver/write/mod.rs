//! Creating and changing objects: admission, defaults, validation, then the store. Nothing is written before all of
//! it has passed.

mod create;
mod update;

pub(super) use create::create;
pub(super) use update::update;

use super::alike::Written;
use super::errors;
use super::owners::Writer;
use super::path::Subresource;
use crate::api::{ApiError, Document, Kind, Managed, Object};
use serde_json::Value;
use std::sync::Arc;

/// A document that fits its schema and becomes an object.
pub(super) struct NewDocument {
    pub(super) value: Value,
    /// What was taken out of it already, since others say the same.
    pub(super) alike: Option<Arc<Written>>,
}

impl From<Value> for NewDocument {
    fn from(value: Value) -> Self {
        Self { value, alike: None }
    }
}

/// How it is known who owns the fields of what is written.
pub(super) enum Tracking<'a> {
    /// They are the writer's as far as it changes them.
    By(Writer<'a>),
    /// These do.
    As(Managed),
}

/// How a document is put in the place of an object.
pub(super) struct Change<'a> {
    /// Which part of the object it is about.
    pub(super) part: Option<Subresource>,
    /// Whether a patch made it.
    pub(super) patched: bool,
    /// Who owns what.
    pub(super) tracking: Tracking<'a>,
}

fn metadata<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get("metadata").and_then(|m| m.get(key)).and_then(Value::as_str).unwrap_or_default()
}

fn set_metadata(value: &mut Value, key: &str, text: &str) {
    if let Some(map) = value.as_object_mut() {
        let metadata = map.entry("metadata").or_insert_with(|| Value::Object(serde_json::Map::new()));
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.insert(key.to_owned(), text.into());
        }
    }
}

/// Puts an object into the namespace of its path; another one in it is an error.
fn place(value: &mut Value, kind: Kind, namespace: Option<&str>) -> Result<(), ApiError> {
    match (metadata(value, "namespace"), namespace) {
        ("", Some(namespace)) => set_metadata(value, "namespace", namespace),
        (said, Some(namespace)) if said != namespace => {
            return Err(errors::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        (said, None) if !said.is_empty() && !kind.info().namespaced => set_metadata(value, "namespace", ""),
        _ => {}
    }
    Ok(())
}

fn decode(kind: Kind, value: &Value) -> Result<Object, ApiError> {
    Object::from_value(kind, value).map_err(|e| errors::bad_request(e.message))
}

/// Fields that upstream knows but does not keep unless a feature that is off by default is on.
fn drop_unserved(document: &mut Document) {
    if document.kind == Kind::Lease
        && let Some(Value::Object(spec)) = document.fields_mut().get_mut("spec")
    {
        spec.remove("strategy");
        spec.remove("preferredHolder");
    }
}

/// Whether a document says the name it is written under.
pub(super) fn check_name(value: &Value, name: &str) -> Result<(), ApiError> {
    match metadata(value, "name") {
        "" => Err(errors::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        ))),
        said if said != name => Err(errors::bad_request(format!(
            "the name of the object ({said}) does not match the name on the URL ({name})"
        ))),
        _ => Ok(()),
    }
}
