//! How Go writes values, where kubectl lets Go write them.

pub(crate) use kubarium_core::apiserver::quoted;

use kubarium_core::Span;
use serde_json::Value;
use std::fmt::Write as _;

/// `json.Marshal`: compact, with what HTML minds escaped.
pub(crate) fn json(value: &Value) -> String {
    escaped(&value.to_string())
}

/// `json.MarshalIndent` with four spaces.
pub(crate) fn json_indented(value: &Value) -> String {
    let mut text = String::new();
    indented(&mut text, value, 0);
    escaped(&text)
}

/// Outside of strings JSON has none of these.
fn escaped(text: &str) -> String {
    if !text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

fn indented(text: &mut String, value: &Value, depth: usize) {
    let line = |text: &mut String, depth: usize| {
        text.push('\n');
        text.extend(std::iter::repeat_n("    ", depth));
    };
    match value {
        Value::Object(map) if !map.is_empty() => {
            text.push('{');
            for (index, (key, value)) in map.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                line(text, depth + 1);
                // Writing to a string does not fail.
                let _ = write!(text, "{}: ", Value::from(key.as_str()));
                indented(text, value, depth + 1);
            }
            line(text, depth);
            text.push('}');
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('[');
            for (index, value) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                line(text, depth + 1);
                indented(text, value, depth + 1);
            }
            line(text, depth);
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

/// `%v`: as `fmt.Sprint` writes what was JSON.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let entries: Vec<String> = map.iter().map(|(key, value)| format!("{key}:{}", plain(value))).collect();
            format!("map[{}]", entries.join(" "))
        }
        other => other.to_string(),
    }
}

/// The text at a pointer; empty where there is none.
pub(crate) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The whole number at a pointer; 0 where there is none.
pub(crate) fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// The items of the list at a pointer.
pub(crate) fn items<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The entries of the map at a pointer, by key.
pub(crate) fn entries<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    value.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
}

/// A span as Go writes it, such as `1m30s`; a plain number is of seconds.
pub(crate) fn span(text: &str) -> Option<Span> {
    if text.is_empty() {
        return None;
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return Some(Span((seconds * 1e6) as i64));
    }
    let (negative, mut left) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let mut total = 0.0;
    while !left.is_empty() {
        let end = left.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (digits, rest) = left.split_at(end);
        let units = [("ms", 1e3), ("us", 1.0), ("ns", 1e-3), ("h", 3.6e9), ("m", 6e7), ("s", 1e6)];
        let (unit, micros) = units.into_iter().find(|(unit, _)| rest.starts_with(unit))?;
        total += digits.parse::<f64>().ok()? * micros;
        left = &rest[unit.len()..];
    }
    Some(Span(if negative { -total } else { total } as i64))
}

/// How long may be waited; none for as long as it takes.
pub(crate) fn limit(text: &str) -> Option<Span> {
    span(text).filter(|span| span.0 > 0)
}
