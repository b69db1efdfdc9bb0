//! Refusals in upstream's words, one function each.

use crate::api::validation::FieldError;
use crate::api::{ApiError, Cause, Details, Kind, Reason};

/// Nothing is served under the path.
pub(super) fn no_such_path() -> ApiError {
    ApiError::about(
        404,
        Reason::NotFound,
        "the server could not find the requested resource".to_owned(),
        Details::default(),
    )
}

/// The path is served, but not for this method.
pub(super) fn method_not_allowed() -> ApiError {
    let message = "the server does not allow this method on the requested resource".to_owned();
    ApiError::about(405, Reason::MethodNotAllowed, message, Details::default())
}

/// There is an object of that name.
pub(super) fn already_exists(kind: Kind, name: &str) -> ApiError {
    ApiError::about(
        409,
        Reason::AlreadyExists,
        format!("{} \"{name}\" already exists", kind.resource()),
        Details::about(kind, name),
    )
}

/// The object is not as the request expects it.
pub(super) fn conflict(kind: Kind, name: &str, why: &str) -> ApiError {
    let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", kind.resource());
    ApiError::about(409, Reason::Conflict, message, Details::about(kind, name))
}

/// The object was changed since the client read it.
pub(super) fn modified(kind: Kind, name: &str) -> ApiError {
    conflict(kind, name, "the object has been modified; please apply your changes to the latest version and try again")
}

/// Fields that are to be applied are others'. Each cause is a message and the field it is about.
pub(super) fn apply_conflict(message: String, causes: Vec<(String, String)>) -> ApiError {
    let causes =
        causes.into_iter().map(|(message, field)| Cause { reason: "FieldManagerConflict".to_owned(), message, field });
    let details = Details { causes: causes.collect(), ..Details::default() };
    ApiError::about(409, Reason::Conflict, message, details)
}

/// A binding cannot be made: the resource is named with its subresource.
pub(super) fn binding_conflict(name: &str, why: &str) -> ApiError {
    let details = Details { name: name.to_owned(), kind: "pods/binding".to_owned(), ..Details::default() };
    ApiError::about(
        409,
        Reason::Conflict,
        format!("Operation cannot be fulfilled on pods/binding \"{name}\": {why}"),
        details,
    )
}

/// The namespace is going away.
pub(super) fn namespace_terminating(kind: Kind, name: &str, namespace: &str) -> ApiError {
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let mut error = ApiError::forbidden(kind, name, &why);
    if let Some(details) = &mut error.details {
        details.causes.push(Cause {
            reason: "NamespaceTerminating".to_owned(),
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".to_owned(),
        });
    }
    error
}

/// The request makes no sense.
pub(super) fn bad_request(message: impl Into<String>) -> ApiError {
    ApiError::new(400, Reason::BadRequest, message)
}

/// What upstream answers where its own code gives up without a reason.
pub(super) fn internal(message: impl Into<String>) -> ApiError {
    ApiError::new(500, Reason::Unknown, message)
}

/// Something failed that is nobody's mistake.
pub(super) fn internal_error(why: &str) -> ApiError {
    let cause = Cause { reason: String::new(), message: why.to_owned(), field: String::new() };
    let details = Details { causes: vec![cause], ..Details::default() };
    ApiError::about(500, Reason::InternalError, format!("Internal error occurred: {why}"), details)
}

/// The body is in no form the path takes.
pub(super) fn unsupported_media_type(accepted: &str) -> ApiError {
    let message =
        format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
    ApiError::new(415, Reason::UnsupportedMediaType, message)
}

/// The answer cannot be given in a form the client takes.
pub(super) fn not_acceptable(accepted: &str) -> ApiError {
    let message = format!("only the following media types are accepted: {accepted}");
    ApiError::new(406, Reason::NotAcceptable, message)
}

/// The media types upstream names for objects.
pub(super) const OBJECT_MEDIA_TYPES: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// The media types upstream names for watches.
pub(super) const STREAM_MEDIA_TYPES: &str =
    "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";

/// The body is larger than `limit` bytes.
pub(super) fn too_large(limit: usize) -> ApiError {
    let message = format!("Request entity too large: limit is {limit}");
    ApiError::new(413, Reason::RequestEntityTooLarge, message)
}

/// The changes after `requested` are no longer known.
pub(super) fn too_old(requested: u64, oldest: u64) -> ApiError {
    ApiError::new(410, Reason::Expired, format!("too old resource version: {requested} ({oldest})"))
}

/// The rest of a paged list is no longer to be had.
pub(super) fn continue_expired() -> ApiError {
    ApiError::new(
        410,
        Reason::Expired,
        "The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.",
    )
}

/// A resource version that has not come yet.
pub(super) fn too_large_version(requested: u64, current: u64) -> ApiError {
    let cause = Cause {
        reason: "ResourceVersionTooLarge".to_owned(),
        message: "Too large resource version".to_owned(),
        field: String::new(),
    };
    ApiError::about(
        504,
        Reason::Timeout,
        format!("Timeout: Too large resource version: {requested}, current: {current}"),
        Details { causes: vec![cause], retry_after_seconds: Some(1), ..Details::default() },
    )
}

/// Fields of an object are wrong.
pub(super) fn invalid(kind: Kind, name: &str, errors: &[FieldError]) -> ApiError {
    let info = kind.info();
    invalid_named(info.kind, info.group, name, errors)
}

/// Fields of something that is no served kind are wrong, such as of the options of a request.
pub(super) fn invalid_named(kind: &str, group: &str, name: &str, errors: &[FieldError]) -> ApiError {
    let qualified = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
    let mut lines: Vec<String> = Vec::new();
    for error in errors {
        let line = format!("{}: {}", error.field, error.message);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let what = if lines.len() == 1 { lines.concat() } else { format!("[{}]", lines.join(", ")) };
    let causes = errors
        .iter()
        .map(|e| Cause { reason: e.reason.to_owned(), message: e.message.clone(), field: e.field.clone() })
        .collect();
    ApiError::about(
        422,
        Reason::Invalid,
        format!("{qualified} \"{name}\" is invalid: {what}"),
        Details { name: name.to_owned(), group: group.to_owned(), kind: kind.to_owned(), causes, ..Details::default() },
    )
}
