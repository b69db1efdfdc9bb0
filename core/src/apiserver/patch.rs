//! The three ways to patch: JSON patch, JSON merge patch, strategic merge patch.

use super::body::{BODY_BYTES_MAX, check_size, media_type};
use super::errors;
use super::json::{self, kind_of};
use super::query::{FieldValidation, quoted};
use super::{schema, strategic};
use crate::api::validation::FieldError;
use crate::api::{ApiError, Details, Kind, Reason};
use json_patch::jsonptr::PointerBuf;
use json_patch::{
    AddOperation, CopyOperation, MoveOperation, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation,
};
use serde_json::{Map, Value, json};

/// The media type of server-side apply, see [`super::apply`].
pub(super) const APPLY: &str = "application/apply-patch+yaml";

/// How deep a document may be nested, as for those that are read.
const DEPTH_MAX: usize = 128;
/// How many operations a JSON patch may have, as upstream.
const OPERATIONS_MAX: usize = 10_000;

/// A document after a patch, in the form of its schema, and what the client should be warned of.
#[derive(Debug)]
pub(super) struct Patched {
    /// The document.
    pub(super) value: Value,
    /// What was dropped.
    pub(super) warnings: Vec<String>,
}

/// Applies a patch to a document of a structure.
pub(super) fn apply(
    document: &Value,
    structure: &'static str,
    text: &str,
    content_type: &str,
    validation: FieldValidation,
) -> Result<Patched, ApiError> {
    check_size(text)?;
    let mut duplicates = Vec::new();
    let mut value = match media_type(content_type).as_str() {
        "application/json-patch+json" => json_patch(document, text)?,
        "application/merge-patch+json" => {
            let patch = read_object(text)?;
            duplicates = patch.1;
            let mut value = document.clone();
            merge(&mut value, Value::Object(patch.0));
            value
        }
        "application/strategic-merge-patch+json" => {
            let patch = read_object(text)?;
            duplicates = patch.1;
            strategic::merge(document, patch.0, structure)?
        }
        _ => return Err(unsupported()),
    };
    // What the client sees in an error is the document before anything was dropped from it.
    let shown = value.clone();
    let refuse = |why: &str| {
        let error = FieldError {
            reason: "FieldValueInvalid",
            field: "patch".to_owned(),
            message: format!("Invalid value: {}: {why}", quoted(&shown.to_string())),
        };
        let mut error = errors::invalid_named("", "", "", &[error]);
        if let Some(details) = &mut error.details {
            details.kind.clear();
        }
        error
    };
    keep_type(document, &mut value, media_type(content_type).starts_with("application/strategic"))
        .map_err(|e| refuse(&e))?;
    let unknown = schema::conform(structure, &mut value).map_err(|e| refuse(&e))?;
    let mut warnings: Vec<String> = duplicates.iter().map(|path| format!("duplicate field {}", quoted(path))).collect();
    warnings.extend(unknown.iter().map(|path| format!("unknown field {}", quoted(path))));
    if validation == FieldValidation::Strict && !warnings.is_empty() {
        return Err(refuse(&format!("strict decoding error: {}", warnings.join(", "))));
    }
    if validation == FieldValidation::Ignore {
        warnings.clear();
    }
    Ok(Patched { value, warnings })
}

/// A document stays of its kind. A strategic merge patch is merged into the object it is for, whatever it says of itself.
fn keep_type(document: &Value, value: &mut Value, strategic: bool) -> Result<(), String> {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let (version, kind) = (text(value, "apiVersion"), text(value, "kind"));
    let (is_version, is_kind) = (text(document, "apiVersion"), text(document, "kind"));
    let other = (!version.is_empty() && version != is_version) || (!kind.is_empty() && kind != is_kind);
    if other && !strategic {
        let short = version.rsplit('/').next().unwrap_or_default();
        return Err(match Kind::from_type(&version, &kind) {
            Some(_) => format!("converting ({short}.{kind}) to (core.{is_kind}): unknown conversion"),
            None => format!("no kind {} is registered for version {}", quoted(&kind), quoted(&version)),
        });
    }
    for (key, is) in [("apiVersion", is_version), ("kind", is_kind)].into_iter().filter(|(_, is)| !is.is_empty()) {
        value[key] = is.into();
    }
    Ok(())
}

fn unsupported() -> ApiError {
    let mut error = ApiError::new(415, Reason::UnsupportedMediaType, "415: Unsupported Media Type");
    error.details = Some(Box::default());
    error
}

fn rejected() -> ApiError {
    let mut error =
        ApiError::new(422, Reason::Invalid, "the server rejected our request due to an error in our request");
    error.details = Some(Box::<Details>::default());
    error
}

fn read_object(text: &str) -> Result<(Map<String, Value>, Vec<String>), ApiError> {
    let document = json::parse(text).map_err(errors::bad_request)?;
    match document.value {
        Value::Object(map) => Ok((map, document.duplicates)),
        other => Err(errors::bad_request(format!(
            "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            kind_of(&other)
        ))),
    }
}

/// JSON merge patch (RFC 7386).
fn merge(document: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *document = patch;
        return;
    };
    if !document.is_object() {
        *document = json!({});
    }
    let Value::Object(map) = document else { return };
    for (key, value) in patch {
        if value.is_null() {
            map.remove(&key);
        } else {
            merge(map.entry(key).or_insert(Value::Null), value);
        }
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

/// Reads an operation of a JSON patch. One without a value means null, as upstream reads it.
fn read_operation(fields: &Value) -> Option<PatchOperation> {
    let pointer = |field: &str| PointerBuf::parse(fields.get(field)?.as_str()?).ok();
    let path = pointer("path")?;
    let value = || fields.get("value").cloned().unwrap_or_default();
    Some(match fields.get("op")?.as_str()? {
        "add" => PatchOperation::Add(AddOperation { path, value: value() }),
        "remove" => PatchOperation::Remove(RemoveOperation { path }),
        "replace" => PatchOperation::Replace(ReplaceOperation { path, value: value() }),
        "move" => PatchOperation::Move(MoveOperation { from: pointer("from")?, path }),
        "copy" => PatchOperation::Copy(CopyOperation { from: pointer("from")?, path }),
        "test" => PatchOperation::Test(TestOperation { path, value: value() }),
        _ => return None,
    })
}

/// JSON patch (RFC 6902).
fn json_patch(document: &Value, text: &str) -> Result<Value, ApiError> {
    let undecodable = |why: String| errors::bad_request(format!("error decoding patch: {why}"));
    let patch = json::parse(text).map_err(undecodable)?.value;
    let operations = match patch {
        Value::Null => Vec::new(),
        Value::Array(operations) => operations,
        other => {
            return Err(undecodable(format!(
                "json: cannot unmarshal {} into Go value of type []handlers.jsonPatchOp",
                kind_of(&other)
            )));
        }
    };
    if operations.len() > OPERATIONS_MAX {
        let message =
            format!("The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {}", operations.len());
        return Err(ApiError::new(413, Reason::RequestEntityTooLarge, message));
    }
    let mut value = document.clone();
    let mut copied = 0;
    for operation in &operations {
        let operation = read_operation(operation).ok_or_else(rejected)?;
        // A few copies of copies would fill any memory, and a few thousand levels any stack.
        let (from, to, levels) = match &operation {
            PatchOperation::Copy(copy) => (Some(&copy.from), &copy.path, 0),
            PatchOperation::Move(moved) => (Some(&moved.from), &moved.path, 0),
            PatchOperation::Add(add) => (None, &add.path, depth(&add.value)),
            PatchOperation::Replace(replace) => (None, &replace.path, depth(&replace.value)),
            PatchOperation::Remove(remove) => (None, &remove.path, 0),
            PatchOperation::Test(test) => (None, &test.path, 0),
        };
        let source = from.and_then(|from| value.pointer(from.as_str()));
        copied += source.map_or(0, |v| v.to_string().len());
        if copied > BODY_BYTES_MAX {
            return Err(errors::too_large(BODY_BYTES_MAX));
        }
        if to.as_str().matches('/').count() + levels.max(source.map_or(0, depth)) > DEPTH_MAX {
            return Err(rejected());
        }
        json_patch::patch(&mut value, &[operation]).map_err(|_| rejected())?;
    }
    if value.is_object() { Ok(value) } else { Err(rejected()) }
}
