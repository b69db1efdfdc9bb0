//! Errors in Kubernetes' own form: a `Status` with code, reason, message and causes.

use super::Kind;
use serde::Serialize;
use std::fmt;

/// Why a request was refused. Serialises as Kubernetes' machine-readable word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each is Kubernetes' own word")]
pub enum Reason {
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    AlreadyExists,
    Conflict,
    Gone,
    Invalid,
    Expired,
    MethodNotAllowed,
    NotAcceptable,
    RequestEntityTooLarge,
    UnsupportedMediaType,
    TooManyRequests,
    InternalError,
    ServiceUnavailable,
    Timeout,
    /// No reason is given on the wire.
    #[serde(rename = "")]
    Unknown,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Kubernetes' word, such as `FieldValueInvalid`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What is wrong.
    pub message: String,
    /// Where: a field path, such as `spec.containers[0].name`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
}

/// What the error is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Details {
    /// Name of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// API group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Kind or resource, as Kubernetes puts it for the reason.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Uid of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Everything that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// After how many seconds to try again.
    #[serde(rename = "retryAfterSeconds", skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

impl Details {
    /// About an object, named by its resource.
    pub(crate) fn about(kind: Kind, name: &str) -> Self {
        let info = kind.info();
        Self { name: name.to_owned(), group: info.group.to_owned(), kind: info.plural.to_owned(), ..Self::default() }
    }
}

/// A refused request. [`ApiError::to_status`] gives the `Status` object for the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status code.
    pub code: u16,
    /// Machine-readable reason.
    pub reason: Reason,
    /// What happened and, where it helps, what to do.
    pub message: String,
    /// What it is about.
    pub details: Option<Box<Details>>,
}

impl ApiError {
    /// The cluster's rules forbid it.
    pub(crate) fn forbidden(kind: Kind, name: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is forbidden: {why}", kind.resource());
        Self::about(403, Reason::Forbidden, message, Details::about(kind, name))
    }

    /// There is no object of that name.
    pub(crate) fn not_found(kind: Kind, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", kind.resource());
        Self::about(404, Reason::NotFound, message, Details::about(kind, name))
    }

    /// An error with details.
    pub(crate) fn about(code: u16, reason: Reason, message: String, details: Details) -> Self {
        Self { code, reason, message, details: Some(Box::new(details)) }
    }

    /// An error without details.
    pub fn new(code: u16, reason: Reason, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None }
    }

    /// The `Status` object.
    pub fn to_status(&self) -> serde_json::Value {
        let mut status = serde_json::json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if self.reason != Reason::Unknown {
            status["reason"] = serde_json::to_value(self.reason).unwrap_or_default();
        }
        if let Some(details) = &self.details {
            status["details"] = serde_json::to_value(details).unwrap_or_default();
        }
        status
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}
