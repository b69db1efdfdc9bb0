//! Field errors, in Kubernetes' own words.

use serde_json::Value;
use std::fmt::Display;

/// Something wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Kubernetes' word, such as `FieldValueRequired`, `FieldValueInvalid` or `FieldValueForbidden`.
    pub reason: &'static str,
    /// The field's path, such as `spec.containers[0].name`.
    pub field: String,
    /// The message without the path, such as `Required value`.
    pub message: String,
}

/// A list of errors that grows.
#[derive(Debug, Default)]
pub(super) struct Errors {
    pub(super) list: Vec<FieldError>,
}

fn with(first: String, detail: &str) -> String {
    if detail.is_empty() { first } else { format!("{first}: {detail}") }
}

impl Errors {
    fn push(&mut self, reason: &'static str, field: impl Display, message: String) {
        self.list.push(FieldError { reason, field: field.to_string(), message });
    }

    pub(super) fn required(&mut self, field: impl Display, detail: &str) {
        self.push("FieldValueRequired", field, with("Required value".to_owned(), detail));
    }

    pub(super) fn invalid(&mut self, field: impl Display, value: impl Into<Value>, detail: &str) {
        let value: Value = value.into();
        self.push("FieldValueInvalid", field, with(format!("Invalid value: {value}"), detail));
    }

    /// As [`Self::invalid`], of a value that is shown in an order of its own.
    pub(super) fn invalid_shown(&mut self, field: impl Display, shown: &str, detail: &str) {
        self.push("FieldValueInvalid", field, with(format!("Invalid value: {shown}"), detail));
    }

    pub(super) fn all_invalid(&mut self, field: impl Display, value: &str, details: Vec<String>) {
        for detail in details {
            self.invalid(&field, value, &detail);
        }
    }

    pub(super) fn forbidden(&mut self, field: impl Display, detail: &str) {
        self.push("FieldValueForbidden", field, with("Forbidden".to_owned(), detail));
    }

    pub(super) fn duplicate(&mut self, field: impl Display, value: impl Into<Value>) {
        let value: Value = value.into();
        self.push("FieldValueDuplicate", field, format!("Duplicate value: {value}"));
    }

    pub(super) fn not_found(&mut self, field: impl Display, value: &str) {
        self.push("FieldValueNotFound", field, format!("Not found: \"{value}\""));
    }

    pub(super) fn too_long(&mut self, field: impl Display, bytes_max: usize) {
        self.push("FieldValueTooLong", field, format!("Too long: may not be more than {bytes_max} bytes"));
    }

    pub(super) fn not_supported(&mut self, field: impl Display, value: &str, supported: &[&str]) {
        let supported: Vec<_> = supported.iter().map(|s| format!("\"{s}\"")).collect();
        let message = format!("Unsupported value: \"{value}\": supported values: {}", supported.join(", "));
        self.push("FieldValueNotSupported", field, message);
    }

    /// Refuses what is not one of a few words; an empty one is required where `required`.
    pub(super) fn one_of(&mut self, field: impl Display, value: Option<&str>, supported: &[&str], required: bool) {
        match value.unwrap_or_default() {
            "" if required => self.required(field, ""),
            "" => {}
            value if supported.contains(&value) => {}
            value => self.not_supported(field, value, supported),
        }
    }

    /// Refuses another value than the one there was.
    pub(super) fn immutable(&mut self, field: impl Display, new: &Value, old: &Value) {
        if new != old {
            self.invalid(field, new.clone(), "field is immutable");
        }
    }

    pub(super) fn not_negative(&mut self, field: impl Display, value: Option<i64>) {
        if let Some(value) = value.filter(|v| *v < 0) {
            self.invalid(field, value, "must be greater than or equal to 0");
        }
    }

    pub(super) fn port(&mut self, field: impl Display, value: i32) {
        if !(1..=65_535).contains(&value) {
            self.invalid(field, value, "must be between 1 and 65535, inclusive");
        }
    }
}
