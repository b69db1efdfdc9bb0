//! The query of a request, read as Kubernetes' options.

use super::errors;
use crate::api::ApiError;
use crate::api::validation::FieldError;
use std::fmt::Write as _;

/// `%41` becomes `A`; what is no such escape stays as it is. Bytes that are no UTF-8 become U+FFFD.
pub(super) fn percent_decode(text: &str, plus_is_space: bool) -> String {
    let hex = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            (b'+', ..) if plus_is_space => {
                decoded.push(b' ');
                at += 1;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The pairs of a query, decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
}

/// How strict a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldValidation {
    /// Unknown fields are dropped.
    Ignore,
    /// Unknown fields are dropped with a warning.
    Warn,
    /// Unknown fields are an error.
    Strict,
}

impl Query {
    /// From the text after `?`.
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text
            .split('&')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (key, value) = part.split_once('=').unwrap_or((part, ""));
                (percent_decode(key, true), percent_decode(value, true))
            })
            .collect();
        Self { pairs }
    }

    /// The first value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// The first value of a key, empty where there is none.
    pub(super) fn text(&self, key: &str) -> &str {
        self.get(key).unwrap_or_default()
    }

    /// All values of a key.
    pub(super) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// Whether a flag is set. A flag without a value is; anything but Go's words for false is.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.get(key).is_some_and(|v| !matches!(v.to_ascii_lowercase().as_str(), "0" | "false"))
    }

    /// A whole number.
    pub(super) fn number(&self, key: &str) -> Result<Option<i64>, ApiError> {
        match self.get(key) {
            None | Some("") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| {
                errors::bad_request(format!("strconv.ParseInt: parsing {}: invalid syntax", quoted(text)))
            }),
        }
    }

    /// Whether nothing shall be written. `options` names the options' kind in errors, such as `CreateOptions`.
    pub(super) fn dry_run(&self, options: &str) -> Result<bool, ApiError> {
        let values: Vec<_> = self.all("dryRun").filter(|v| !v.is_empty()).collect();
        check_dry_run(&values, options)
    }

    /// How strict the body is read, and who writes.
    pub(super) fn write_options(&self, options: &str) -> Result<FieldValidation, ApiError> {
        self.options(options, Vec::new())
    }

    /// The same of a patch. Who applies has to say who it is, and only who applies may do so by force.
    pub(super) fn patch_options(&self, applies: bool) -> Result<FieldValidation, ApiError> {
        let mut wrong = Vec::new();
        if applies && self.text("fieldManager").is_empty() {
            wrong.push(FieldError {
                reason: "FieldValueRequired",
                field: "fieldManager".to_owned(),
                message: "Required value: is required for apply patch".to_owned(),
            });
        }
        if !applies && self.get("force").is_some() {
            wrong.push(FieldError {
                reason: "FieldValueForbidden",
                field: "force".to_owned(),
                message: "Forbidden: may not be specified for non-apply patch".to_owned(),
            });
        }
        self.options("PatchOptions", wrong)
    }

    fn options(&self, options: &str, mut wrong: Vec<FieldError>) -> Result<FieldValidation, ApiError> {
        let manager = self.text("fieldManager");
        if manager.len() > 128 {
            wrong.push(FieldError {
                reason: "FieldValueTooLong",
                field: "fieldManager".to_owned(),
                message: "Too long: may not be more than 128 bytes".to_owned(),
            });
        }
        if let Some((at, bad)) = manager.char_indices().find(|(_, c)| c.is_control()) {
            wrong.push(FieldError {
                reason: "FieldValueInvalid",
                field: "fieldManager".to_owned(),
                message: format!(
                    "Invalid value: {}: invalid character U+{:04X} (at position {at})",
                    quoted(manager),
                    bad as u32
                ),
            });
        }
        let validation = match self.text("fieldValidation") {
            "" | "Warn" => FieldValidation::Warn,
            "Ignore" => FieldValidation::Ignore,
            "Strict" => FieldValidation::Strict,
            other => {
                wrong.push(FieldError {
                    reason: "FieldValueNotSupported",
                    field: "fieldValidation".to_owned(),
                    message: format!(
                        "Unsupported value: {}: supported values: \"\", \"Ignore\", \"Strict\", \"Warn\"",
                        quoted(other)
                    ),
                });
                FieldValidation::Warn
            }
        };
        if wrong.is_empty() { Ok(validation) } else { Err(errors::invalid_named(options, "meta.k8s.io", "", &wrong)) }
    }
}

/// Whether these values of `dryRun` ask for one.
pub(super) fn check_dry_run(values: &[&str], options: &str) -> Result<bool, ApiError> {
    if values.iter().all(|v| *v == "All") {
        return Ok(!values.is_empty());
    }
    let list = values.iter().map(|v| quoted(v)).collect::<Vec<_>>().join(",");
    let error = FieldError {
        reason: "FieldValueNotSupported",
        field: "dryRun".to_owned(),
        message: format!("Unsupported value: [{list}]: supported values: \"All\""),
    };
    Err(errors::invalid_named(options, "meta.k8s.io", "", &[error]))
}

/// In double quotes, as Go's `%q` writes it.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        // Writing to a string does not fail.
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() && (c as u32) < 0x80 => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
