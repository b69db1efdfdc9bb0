//! DELETE of one object and of collections.

use super::body::{self, media_type};
use super::errors;
use super::json;
use super::path::ResourcePath;
use super::query::{Query, check_dry_run, quoted};
use super::read::present_object;
use super::reply::List;
use super::schema;
use crate::api::priority::SYSTEM_CLASSES;
use crate::api::validation::FieldError;
use crate::api::{ApiError, Deletion, Kind, Object};
use crate::cluster::Context;
use crate::deletion::{DeleteOptions, Deleted, Propagation, delete_object};
use serde_json::Value;
use std::sync::Arc;

const OPTIONS: &str = "DeleteOptions";
const META_SCHEME: &str = "pkg/apis/meta/internalversion/scheme/register.go:27";
/// Namespaces that are always there.
const PROTECTED_NAMESPACES: [&str; 3] = ["default", "kube-system", "kube-public"];

/// What a request says about how to delete.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// How.
    pub(super) delete: DeleteOptions,
    /// Whether nothing shall be written.
    pub(super) dry_run: bool,
}

/// Reads the options from the body or, where there is none, from the query.
pub(super) fn options(text: &str, content_type: &str, query: &Query) -> Result<Options, ApiError> {
    body::check_size(text)?;
    let value = if text.is_empty() { from_query(query)? } else { from_body(text, content_type)? };
    check(&value)
}

fn from_body(text: &str, content_type: &str) -> Result<Value, ApiError> {
    let mut value = match media_type(content_type).as_str() {
        "" | "application/json" => json::parse(text).map(|d| d.value),
        "application/yaml" => body::from_yaml(text),
        _ => return Err(errors::unsupported_media_type(errors::OBJECT_MEDIA_TYPES)),
    }
    .map_err(|e| errors::bad_request(format!("couldn't get version/kind; json parse error: {e}")))?;
    let said = body::type_meta(&value)
        .map_err(|e| errors::bad_request(format!("couldn't get version/kind; json parse error: {e}")))?;
    let (version, kind) = (said.api_version.unwrap_or("v1"), said.kind.unwrap_or(OPTIONS));
    if kind != OPTIONS {
        return Err(errors::bad_request(format!(
            "no kind {} is registered for version {} in scheme {}",
            quoted(kind),
            quoted(version),
            quoted(META_SCHEME)
        )));
    }
    schema::conform(OPTIONS, &mut value).map_err(errors::bad_request)?;
    Ok(value)
}

fn from_query(query: &Query) -> Result<Value, ApiError> {
    let mut map = serde_json::Map::new();
    if let Some(grace) = query.number("gracePeriodSeconds")? {
        map.insert("gracePeriodSeconds".to_owned(), grace.into());
    }
    if let Some(policy) = query.get("propagationPolicy") {
        map.insert("propagationPolicy".to_owned(), policy.into());
    }
    if query.get("orphanDependents").is_some() {
        map.insert("orphanDependents".to_owned(), query.flag("orphanDependents").into());
    }
    let dry: Vec<Value> = query.all("dryRun").filter(|v| !v.is_empty()).map(Value::from).collect();
    map.insert("dryRun".to_owned(), dry.into());
    Ok(Value::Object(map))
}

fn check(value: &Value) -> Result<Options, ApiError> {
    let dry: Vec<&str> =
        value.get("dryRun").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let policy = value.get("propagationPolicy").and_then(Value::as_str);
    let orphan = value.get("orphanDependents").and_then(Value::as_bool);
    let refuse = |reason: &'static str, message: String| {
        let error = FieldError { reason, field: "propagationPolicy".to_owned(), message };
        errors::invalid_named(OPTIONS, "meta.k8s.io", "", &[error])
    };
    let propagation = match (policy, orphan) {
        (Some(policy), Some(_)) => {
            return Err(refuse(
                "FieldValueInvalid",
                format!(
                    "Invalid value: {}: orphanDependents and deletionPropagation cannot be both set",
                    quoted(policy)
                ),
            ));
        }
        (Some("Background"), None) | (None, Some(false)) => Some(Propagation::Background),
        (Some("Foreground"), None) => Some(Propagation::Foreground),
        (Some("Orphan"), None) | (None, Some(true)) => Some(Propagation::Orphan),
        (Some(other), None) => {
            let message = format!(
                "Unsupported value: {}: supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"",
                quoted(other)
            );
            return Err(refuse("FieldValueNotSupported", message));
        }
        (None, None) => None,
    };
    let dry_run = check_dry_run(&dry, OPTIONS)?;
    let precondition =
        |key: &str| value.get("preconditions").and_then(|p| p.get(key)).and_then(Value::as_str).map(str::to_owned);
    Ok(Options {
        delete: DeleteOptions {
            grace_seconds: value.get("gracePeriodSeconds").and_then(Value::as_i64),
            propagation,
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
        },
        dry_run,
    })
}

/// What is to be said of a deletion.
pub(super) enum Outcome {
    /// The object as it is or last was.
    Object(Arc<Object>),
    /// That it is gone.
    Gone(Arc<Object>),
}

/// Deletes one object.
pub(super) fn one(cx: &mut Context<'_>, path: &ResourcePath, options: &DeleteOptions) -> Result<Outcome, ApiError> {
    let name = path.name.as_deref().unwrap_or_default();
    if path.kind == Kind::Namespace && PROTECTED_NAMESPACES.contains(&name) {
        return Err(ApiError::forbidden(Kind::Namespace, name, "this namespace may not be deleted"));
    }
    if path.kind == Kind::PriorityClass && SYSTEM_CLASSES.iter().any(|(known, _)| *known == name) {
        let why = "this is a system priority class and cannot be deleted";
        return Err(ApiError::forbidden(Kind::PriorityClass, name, why));
    }
    let key = present_object(cx.store, path)?.key();
    Ok(match delete_object(cx, &key, options)? {
        Deleted::Pending(object) => Outcome::Object(object),
        // These two are answered with what they last were.
        Deleted::Gone(last) if matches!(path.kind, Kind::Pod | Kind::Service) => {
            Outcome::Object(Arc::new(last_version(cx, &last)))
        }
        Deleted::Gone(last) => Outcome::Gone(last),
    })
}

/// An object that went at once, as upstream shows it.
fn last_version(cx: &Context<'_>, last: &Object) -> Object {
    let mut shown = last.clone();
    shown.meta.resource_version = cx.store.revision();
    if shown.kind() == Kind::Pod {
        if shown.meta.deletion.is_none() {
            shown.meta.generation += 1;
        }
        let at = shown.meta.deletion.as_ref().map_or(cx.now.floor_secs(), |d| d.at);
        shown.meta.deletion = Some(Box::new(Deletion { at, grace_seconds: Some(0) }));
    }
    shown
}

/// Deletes all objects of a list. It stays as it was.
pub(super) fn all(cx: &mut Context<'_>, list: &List, options: &DeleteOptions) -> Result<(), ApiError> {
    for object in &list.objects {
        match delete_object(cx, &object.key(), options) {
            Err(error) if error.code != 404 => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
