//! Creating and changing objects: admission, defaults, validation, then the store. Nothing is written before all of
//! it has passed.

mod create;
mod update;

pub(super) use create::create;
pub(super) use update::update;

use super::alike::{Alike, Common};
use super::errors;
use super::owners::{self, Said, Writer};
use super::path::Subresource;
use crate::api::validation::validate_meta;
use crate::api::{ApiError, DecodeError, Document, Kind, Managed, Meta};
use serde_json::Value;

/// A document that fits its schema and becomes an object: read as far as that needs no cluster.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NewDocument {
    kind: Kind,
    meta: Meta,
    /// Whether it is known that nothing is wrong with its metadata.
    sound: bool,
    /// What it says of its owners.
    said: Said,
    rest: Rest,
}

/// What a document says beside its metadata.
#[derive(Clone, Debug, PartialEq)]
enum Rest {
    /// What others say, too.
    Common(Common),
    /// Something of its own.
    Own(Value),
}

impl NewDocument {
    /// Reads a document of that kind that is written to a namespace; another one in it is an error. What those before it said
    /// alike is shared with them.
    pub(super) fn read(
        kind: Kind,
        namespace: Option<&str>,
        mut value: Value,
        before: &mut Alike,
    ) -> Result<Self, ApiError> {
        let said = owners::take(&mut value);
        let mut meta = Meta::from_value(&value).map_err(unreadable)?;
        check_namespace(&meta.namespace, namespace)?;
        if meta.namespace != *namespace.unwrap_or_default() {
            meta.namespace = namespace.unwrap_or_default().into();
        }
        meta.deletion = None;
        before.share(&mut meta);
        let rest = before.take(kind, &meta, &mut value).map_or(Rest::Own(value), Rest::Common);
        // That of other kinds may still get labels.
        let sound = matches!(rest, Rest::Common(_)) && validate_meta(kind, &meta, None).is_empty();
        Ok(Self { kind, meta, sound, said, rest })
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

/// Refuses an object that says another namespace than that of its path.
fn check_namespace(said: &str, namespace: Option<&str>) -> Result<(), ApiError> {
    if said.is_empty() || namespace.is_none_or(|namespace| namespace == said) {
        return Ok(());
    }
    Err(errors::bad_request("the namespace of the provided object does not match the namespace sent on the request"))
}

fn unreadable(error: DecodeError) -> ApiError {
    errors::bad_request(error.message)
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
