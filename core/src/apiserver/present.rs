//! Objects in the form a client asked for: as they are, as rows of a table, or only their metadata.

use super::accept::Form;
use super::errors;
use super::query::{Query, quoted};
use super::reply::Shown;
use super::wire;
use crate::api::{ApiError, Kind, Object, table};
use crate::time::Time;
use serde_json::{Map, Value, json};
use std::sync::Arc;

const META_VERSION: &str = "meta.k8s.io/v1";

/// How much of each object a table's rows carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum IncludeObject {
    /// Nothing.
    None,
    /// Its metadata.
    #[default]
    Metadata,
    /// All of it.
    Object,
}

impl IncludeObject {
    /// From a query.
    pub(super) fn parse(query: &Query) -> Result<Self, ApiError> {
        Self::of(query.text("includeObject"))
    }

    /// From a query, where rows are wanted.
    pub(super) fn parse_for(form: Form, query: &Query) -> Result<Self, ApiError> {
        if form == Form::Table { Self::parse(query) } else { Ok(Self::default()) }
    }

    pub(super) fn of(word: &str) -> Result<Self, ApiError> {
        match word {
            "" | "Metadata" => Ok(Self::Metadata),
            "None" => Ok(Self::None),
            "Object" => Ok(Self::Object),
            other => Err(errors::bad_request(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {}: must be 'Metadata', 'Object', 'None', or empty",
                quoted(other)
            ))),
        }
    }
}

/// An object's metadata as a document of its own.
fn partial(object: &Object) -> Value {
    json!({"apiVersion": META_VERSION, "kind": "PartialObjectMetadata", "metadata": wire::metadata(object)})
}

/// The same, written out.
fn partial_text(object: &Object) -> String {
    let document = json!({
        "apiVersion": META_VERSION, "kind": "PartialObjectMetadata", "metadata": object.meta.to_value(),
    });
    wire::text(&document, wire::owners(object).as_deref())
}

/// A row of a table, written out.
fn row_text(object: &Object, include: IncludeObject, now: Time) -> String {
    let shown = match include {
        IncludeObject::None => "null".to_owned(),
        IncludeObject::Metadata => partial_text(object),
        IncludeObject::Object => event_object(object, Form::Objects, include, now, true),
    };
    let row = row(object, IncludeObject::None, now).to_string();
    let open = row.strip_suffix(r#""object":null}"#).unwrap_or(&row);
    format!(r#"{open}"object":{shown}}}"#)
}

/// A row of a table.
fn row(object: &Object, include: IncludeObject, now: Time) -> Value {
    let table::Row { cells, conditions } = table::row(object, now);
    let object = match include {
        IncludeObject::None => Value::Null,
        IncludeObject::Metadata => partial(object),
        IncludeObject::Object => wire::object(object),
    };
    let mut row = json!({"cells": cells, "object": object});
    if let Some(conditions) = conditions {
        row["conditions"] = conditions;
    }
    row
}

fn table(kind: Kind, metadata: &Map<String, Value>, rows: &[Value], with_columns: bool) -> Value {
    json!({
        "apiVersion": META_VERSION, "kind": "Table", "metadata": metadata,
        "columnDefinitions": if with_columns { table::columns(kind) } else { Value::Null },
        "rows": rows,
    })
}

/// One object, as it is to be shown.
pub(super) fn shown(object: &Arc<Object>, form: Form, query: &Query, now: Time) -> Result<Shown, ApiError> {
    let include = IncludeObject::parse_for(form, query)?;
    Ok(Shown { object: Arc::clone(object), form, include, now })
}

/// One object, written out.
pub(super) fn one(shown: &Shown) -> String {
    let Shown { object, form, include, now } = shown;
    event_object(object, *form, *include, *now, true)
}

/// A table with one object. In a stream of them only the first needs the columns.
pub(super) fn single_row(object: &Object, include: IncludeObject, now: Time, with_columns: bool) -> Value {
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".to_owned(), object.meta.resource_version.to_string().into());
    table(object.kind(), &metadata, &[row(object, include, now)], with_columns)
}

/// One object of a stream, written out.
pub(super) fn event_object(object: &Object, form: Form, include: IncludeObject, now: Time, first: bool) -> String {
    match form {
        Form::Objects => {
            let mut text = String::new();
            wire::write(object, true, &mut text);
            text
        }
        Form::Metadata => partial_text(object),
        Form::Table => single_row(object, include, now, first).to_string(),
    }
}

/// A list of objects, with the list's own metadata, written out: object by object, so that a long one needs the room of
/// its text only.
pub(super) fn list(
    kind: Kind,
    objects: &[Arc<Object>],
    metadata: Map<String, Value>,
    form: Form,
    include: IncludeObject,
    now: Time,
) -> String {
    let (version, name, field) = match form {
        Form::Objects => (kind.api_version(), format!("{}List", kind.info().kind), "items"),
        Form::Metadata => (META_VERSION, "PartialObjectMetadataList".to_owned(), "items"),
        Form::Table => (META_VERSION, "Table".to_owned(), "rows"),
    };
    let metadata = Value::Object(metadata);
    let columns = match form {
        Form::Table => format!(r#""columnDefinitions":{},"#, table::columns(kind)),
        _ => String::new(),
    };
    let mut text = format!(r#"{{"kind":"{name}","apiVersion":"{version}","metadata":{metadata},{columns}"{field}":"#);
    if objects.is_empty() && form == Form::Metadata {
        // Upstream's list is nil where nothing is in it.
        text += "null}";
        return text;
    }
    let mut before = '[';
    for object in objects {
        text.push(before);
        match form {
            Form::Objects => wire::write(object, false, &mut text),
            Form::Metadata => text += &partial_text(object),
            Form::Table => text += &row_text(object, include, now),
        }
        before = ',';
    }
    text += if objects.is_empty() { "[]}" } else { "]}" };
    text
}
