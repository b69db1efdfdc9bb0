//! Why the API refused a manifest, and which of its fields that is about.
//!
//! The API says of what its decoder does not take only what upstream says: a path without places in lists, or no path.
//! Whoever wrote the manifest wants the line.

use super::action::ActionError;
use crate::api::Quantity;
use crate::apiserver::{Answer, Response};
use crate::manifest::join;
use serde_json::Value;

/// Whether an answer to a manifest is good.
pub(super) fn accepted(answer: Option<&Answer>, manifest: &str) -> Result<(), ActionError> {
    match answer {
        Some(Answer::Done(response)) => refusal(response, manifest).map_or(Ok(()), Err),
        _ => Ok(()),
    }
}

/// Why an answer is a refusal, if it is one.
pub(super) fn refusal(response: &Response, manifest: &str) -> Option<ActionError> {
    if response.status < 400 {
        return None;
    }
    let status: Value = serde_json::from_str(&response.body).unwrap_or_default();
    let cause = &status["details"]["causes"][0];
    let field = cause["field"].as_str().unwrap_or_default().to_owned();
    let message = match (cause["message"].as_str(), status["message"].as_str()) {
        (Some(message), _) if !field.is_empty() => message.to_owned(),
        (_, Some(message)) => message.to_owned(),
        _ => response.body.clone(),
    };
    let (field, message) = if field.is_empty() {
        of_decoder(message, &serde_json::from_str(manifest).unwrap_or_default())
    } else {
        (field, message)
    };
    Some(ActionError::Refused { code: response.status, message, field })
}

/// The field in a message of the API's decoder, and what is wrong with it.
fn of_decoder(message: String, manifest: &Value) -> (String, String) {
    for what in ["unknown field", "duplicate field"] {
        let quoted = message.split_once(what).and_then(|(_, rest)| rest.split('"').nth(1));
        if let Some(field) = quoted.filter(|_| message.contains("strict decoding error")) {
            return (field.to_owned(), what.to_owned());
        }
    }
    if let Some((_, rule)) = message.split_once("cannot be handled as a ").and_then(|(_, m)| m.split_once(": "))
        && rule.starts_with("quantities must match")
        && let Some(field) = bad_quantity(manifest, "")
    {
        return (field, rule.to_owned());
    }
    let typed = message.split_once("cannot unmarshal ").and_then(|(_, rest)| {
        let (found, rest) = rest.split_once(" into Go struct field ")?;
        let (path, wanted) = rest.split_once(" of type ")?;
        // The first part of the path is the name of a type.
        let (_, path) = path.split_once('.')?;
        let parts: Vec<&str> = path.split('.').collect();
        let field = of_kind(manifest, &parts, found, "").unwrap_or_else(|| path.to_owned());
        // `no`, `on`, `y` and their like are booleans in Kubernetes' YAML.
        let hint = if (found, wanted) == ("bool", "string") { "; put it in quotes" } else { "" };
        Some((field, format!("cannot be a {found}; a {wanted} is expected{hint}")))
    });
    typed.unwrap_or((String::new(), message))
}

/// The first value at a path, in whichever elements of lists, that is what the decoder found.
fn of_kind(value: &Value, parts: &[&str], found: &str, at: &str) -> Option<String> {
    if let Value::Array(items) = value {
        return items.iter().enumerate().find_map(|(n, item)| of_kind(item, parts, found, &format!("{at}[{n}]")));
    }
    let Some((first, rest)) = parts.split_first() else {
        let kind = match value {
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Object(_) => "object",
            Value::Null | Value::Array(_) => "",
        };
        return found.starts_with(kind).then(|| at.to_owned()).filter(|_| !kind.is_empty());
    };
    of_kind(value.get(first)?, rest, found, &join(at, first))
}

/// The first amount that is none.
fn bad_quantity(value: &Value, at: &str) -> Option<String> {
    const AMOUNTS: [&str; 6] = ["requests", "limits", "capacity", "allocatable", "overhead", "hard"];
    let bad = |amount: &Value| match amount {
        Value::String(text) => Quantity::parse(text).is_err(),
        Value::Number(_) => false,
        _ => true,
    };
    match value {
        Value::Object(map) => map.iter().find_map(|(key, inner)| {
            let at = join(at, key);
            if matches!(key.as_str(), "sizeLimit" | "divisor") && bad(inner) {
                return Some(at);
            }
            if AMOUNTS.contains(&key.as_str())
                && let Value::Object(amounts) = inner
            {
                return amounts.iter().find(|(_, amount)| bad(amount)).map(|(name, _)| join(&at, name));
            }
            bad_quantity(inner, &at)
        }),
        Value::Array(items) => items.iter().enumerate().find_map(|(n, item)| bad_quantity(item, &format!("{at}[{n}]"))),
        _ => None,
    }
}
