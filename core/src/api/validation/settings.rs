//! Rules for config maps and secrets.

use super::errors::Errors;
use crate::api::{Document, Labels};
use serde_json::Value;

/// How many bytes all values together may have.
const BYTES_MAX: usize = 1_048_576;
const IMMUTABLE: &str = "field is immutable when `immutable` is set";
const KEY_FORM: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// What is wrong with the key of a config map or a secret.
pub(super) fn key_errors(key: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if key.len() > 253 {
        errors.push("must be no more than 253 characters".to_owned());
    }
    if key.is_empty() || !key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) {
        errors.push(KEY_FORM.to_owned());
    }
    match key {
        "." | ".." => errors.push(format!("must not be '{key}'")),
        _ if key.starts_with("..") => errors.push("must not start with '..'".to_owned()),
        _ => {}
    }
    errors
}

/// How many bytes base64 text stands for.
fn decoded_bytes(text: &str) -> usize {
    text.trim_end_matches('=').len() * 3 / 4
}

pub(super) fn check_config_map(map: &Document, errors: &mut Errors) {
    let mut bytes = 0;
    let binary = map.at(&["binaryData"]);
    for (key, value) in map.entries(&["data"]) {
        let at = format!("data[{key}]");
        errors.all_invalid(&at, key, key_errors(key));
        if binary.get(key).is_some() {
            errors.invalid(&at, key, "duplicate of key present in binaryData");
        }
        bytes += value.as_str().map_or(0, str::len);
    }
    for (key, value) in map.entries(&["binaryData"]) {
        errors.all_invalid(format_args!("binaryData[{key}]"), key, key_errors(key));
        bytes += value.as_str().map_or(0, decoded_bytes);
    }
    if bytes > BYTES_MAX {
        // Upstream's path of the whole object.
        errors.too_long("[]", BYTES_MAX);
    }
}

/// What was once declared immutable stays.
pub(super) fn check_immutable(new: &Document, old: &Document, errors: &mut Errors) {
    if old.at(&["immutable"]) != true {
        return;
    }
    if new.at(&["immutable"]) != true {
        errors.forbidden("immutable", IMMUTABLE);
    }
    let none = |value: &Value| value.as_object().is_none_or(serde_json::Map::is_empty);
    for field in ["data", "binaryData"] {
        let (now, then) = (new.at(&[field]), old.at(&[field]));
        if now != then && !(none(now) && none(then)) {
            errors.forbidden(field, IMMUTABLE);
        }
    }
}

pub(super) fn check_secret(secret: &Document, annotations: &Labels, errors: &mut Errors) {
    let mut bytes = 0;
    for (key, value) in secret.entries(&["data"]) {
        errors.all_invalid(format_args!("data[{key}]"), key, key_errors(key));
        bytes += value.as_str().map_or(0, decoded_bytes);
    }
    if bytes > BYTES_MAX {
        errors.too_long("data", BYTES_MAX);
    }
    let value = |key: &str| secret.at(&["data", key]).as_str();
    let needs = |key: &str, errors: &mut Errors| errors.required(format_args!("data[{key}]"), "");
    match secret.text(&["type"]) {
        "kubernetes.io/service-account-token" => {
            let name = "kubernetes.io/service-account.name";
            if annotations.get(name).is_none_or(String::is_empty) {
                errors.required(format_args!("metadata.annotations[{name}]"), "");
            }
        }
        "kubernetes.io/dockercfg" => check_json(".dockercfg", value(".dockercfg"), errors),
        "kubernetes.io/dockerconfigjson" => check_json(".dockerconfigjson", value(".dockerconfigjson"), errors),
        "kubernetes.io/basic-auth" if value("username").or(value("password")).is_none() => {
            needs("username", errors);
            needs("password", errors);
        }
        "kubernetes.io/ssh-auth" if value("ssh-privatekey").unwrap_or_default().is_empty() => {
            needs("ssh-privatekey", errors);
        }
        "kubernetes.io/tls" => {
            for key in ["tls.crt", "tls.key"] {
                if value(key).is_none() {
                    needs(key, errors);
                }
            }
        }
        _ => {}
    }
}

/// A value that must hold a JSON object. What it holds is not shown.
fn check_json(key: &str, value: Option<&str>, errors: &mut Errors) {
    let at = format!("data[{key}]");
    let Some(text) = value else { return errors.required(at, "") };
    let refuse = |why: &str, errors: &mut Errors| errors.invalid(&at, "<secret contents redacted>", why);
    let bytes = crate::api::base64::decode(text).unwrap_or_default();
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(Value::Object(_) | Value::Null) => {}
        Ok(_) => refuse("json: cannot unmarshal value into Go value of type map[string]interface {}", errors),
        Err(_) if bytes.is_empty() => refuse("unexpected end of JSON input", errors),
        Err(_) => match bytes.iter().find(|b| !b.is_ascii_whitespace()).filter(|b| **b != b'{') {
            Some(first) => {
                let why = format!("invalid character '{}' looking for beginning of value", char::from(*first));
                refuse(&why, errors);
            }
            None => refuse("unexpected end of JSON input", errors),
        },
    }
}
