//! In which form a client wants the answer: objects, a table, or only the metadata.

use super::errors;
use crate::api::{ApiError, Reason};

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The objects themselves.
    Objects,
    /// A table with a row for each object.
    Table,
    /// Each object's metadata, in a list or alone.
    Metadata,
}

/// The first form of an `Accept` header that can be given.
pub(super) fn form(header: &str) -> Result<Form, ApiError> {
    if header.trim().is_empty() {
        return Ok(Form::Objects);
    }
    header.split(',').find_map(one).ok_or_else(|| errors::not_acceptable(errors::OBJECT_MEDIA_TYPES))
}

/// Refuses metadata of a list where it is asked for as that of one object, and the other way round.
pub(super) fn check_metadata(header: &str, is_list: bool, kind: &str) -> Result<(), ApiError> {
    let asked = header.split(',').find(|clause| one(clause).is_some()).unwrap_or_default();
    let of_list = asked.contains("as=PartialObjectMetadataList");
    let (wanted, is, named) = if of_list {
        ("PartialObjectMetadataList", "not a list", kind.to_owned())
    } else {
        ("PartialObjectMetadata", "a list", format!("{kind}List"))
    };
    if of_list == is_list || !asked.contains("as=PartialObjectMetadata") {
        return Ok(());
    }
    let why = format!("you requested {wanted}, but the requested object is {is} (*core.{named})");
    Err(ApiError::new(406, Reason::NotAcceptable, why))
}

const YAML: &str = "application/yaml";

/// Whether the first form of an `Accept` header that can be given is YAML. The core answers in JSON; whoever carries
/// the answer writes it so.
pub fn wants_yaml(header: &str) -> bool {
    let clause = header.split(',').find(|clause| one(clause).is_some());
    clause.is_some_and(|clause| clause.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case(YAML)))
}

fn one(clause: &str) -> Option<Form> {
    let mut parts = clause.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default().to_ascii_lowercase();
    if !matches!(media.as_str(), "application/json" | YAML | "application/*" | "*/*" | "text/*") {
        return None;
    }
    let (mut form, mut group, mut version) = ("", "", "");
    for part in parts {
        match part.split_once('=') {
            Some(("as", value)) => form = value,
            Some(("g", value)) => group = value,
            Some(("v", value)) => version = value,
            // Upstream serves a stream of watch events under the same type.
            _ => {}
        }
    }
    let meta = group == "meta.k8s.io" && matches!(version, "v1" | "v1beta1");
    match form {
        "" => Some(Form::Objects),
        "Table" if meta => Some(Form::Table),
        "PartialObjectMetadata" | "PartialObjectMetadataList" if meta => Some(Form::Metadata),
        _ => None,
    }
}
