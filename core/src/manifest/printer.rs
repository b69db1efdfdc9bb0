//! JSON values as YAML text, in block style, as kubectl writes it.

use super::style;
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::fmt::Write as _;

/// A value as YAML. [`super::parse`] reads it back as the same value.
pub fn print(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => block(&mut text, value, 0),
        Value::Array(list) if !list.is_empty() => block(&mut text, value, 0),
        scalar => {
            inline(&mut text, scalar, 0);
            text.push('\n');
        }
    }
    text
}

fn indent(text: &mut String, depth: usize) {
    for _ in 0..depth {
        text.push_str("  ");
    }
}

/// Writes the lines of a list or map that is not empty.
fn block(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) => {
            for (key, value) in ordered(map) {
                indent(text, depth);
                entry(text, key, value, depth);
            }
        }
        Value::Array(list) => {
            for value in list {
                indent(text, depth);
                text.push_str("- ");
                item(text, value, depth);
            }
        }
        _ => {}
    }
}

/// How long a key may be that stands before its colon.
const KEY_BYTES_MAX: usize = 128;

fn entry(text: &mut String, key: &str, value: &Value, depth: usize) {
    if key.len() > KEY_BYTES_MAX {
        text.push_str("? ");
        style::write(text, key, depth + 1, false);
        text.push('\n');
        indent(text, depth);
    } else {
        style::write(text, key, depth, true);
    }
    text.push(':');
    match value {
        Value::Object(map) if !map.is_empty() => {
            text.push('\n');
            block(text, value, depth + 1);
        }
        // As kubectl does: a list stands below its key without being moved in.
        Value::Array(list) if !list.is_empty() => {
            text.push('\n');
            block(text, value, depth);
        }
        value => {
            text.push(' ');
            inline(text, value, depth + 1);
            text.push('\n');
        }
    }
}

/// Writes a list's item behind its dash.
fn item(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (index, (key, value)) in ordered(map).into_iter().enumerate() {
                if index > 0 {
                    indent(text, depth + 1);
                }
                entry(text, key, value, depth + 1);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for (index, value) in list.iter().enumerate() {
                if index > 0 {
                    indent(text, depth + 1);
                }
                text.push_str("- ");
                item(text, value, depth + 1);
            }
        }
        value => {
            inline(text, value, depth + 1);
            text.push('\n');
        }
    }
}

fn inline(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(holds) => text.push_str(if *holds { "true" } else { "false" }),
        Value::Number(number) => {
            let _ = write!(text, "{number}");
        }
        Value::String(string) => style::write(text, string, depth, false),
        Value::Array(_) => text.push_str("[]"),
        Value::Object(_) => text.push_str("{}"),
    }
}

/// The entries of a map in the order of keys that upstream's printer has: numbers by what they count, letters last.
fn ordered(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by(|(a, _), (b, _)| natural(a, b));
    entries
}

fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = (0..a.len().min(b.len())).find(|&at| a[at] != b[at]) else { return a.len().cmp(&b.len()) };
    let number = |chars: &[char]| -> (usize, String) {
        // Digits that both have before belong to the number, unless they are leading zeros.
        let before = a[..at].iter().rev().take_while(|c| c.is_ascii_digit()).any(|c| *c != '0');
        let digits: String = chars[at..].iter().take_while(|c| c.is_ascii_digit()).collect();
        let counts = if before { digits.clone() } else { digits.trim_start_matches('0').to_owned() };
        (digits.len(), counts)
    };
    let (letter_a, letter_b) = (a[at].is_alphabetic(), b[at].is_alphabetic());
    if letter_a || letter_b {
        return letter_a.cmp(&letter_b).then(a[at].cmp(&b[at]));
    }
    let ((long_a, number_a), (long_b, number_b)) = (number(&a), number(&b));
    (number_a.len().cmp(&number_b.len()))
        .then_with(|| number_a.cmp(&number_b))
        .then(long_a.cmp(&long_b))
        .then(a[at].cmp(&b[at]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_read_back_as_they_were() {
        for value in [
            json!({"a": 1, "b": [1, {"c": "d", "e": []}, [2, 3], "x"], "f": {}, "g": null, "h": true, "i": -1.5}),
            json!({"s": ["yes", "1", "0x10", "1e3", "", " a", "a ", "a: b", "a:b", "-", "#", "a #b", "é", "名", "~", "null", "*a", "&a", "!a", "%", "@", "`", "{", "[a", "a,b", "2026-01-01", "12:30:45", "|", ">"]}),
            json!({"text": "line one\n  two\nthree\n", "open": "a\nb", "odd": "a \nb", "tail": "a\n\n", "lead": "\na", "tab": "a\tb", "nul": "\u{0}"}),
            json!({"key with space": 1, "x9": 1, "x10": 2, "yes": 2, "a/b.c": 3, "": 4, "-x": 5, "a:": 6}),
            json!([]),
            json!({}),
            json!("word"),
        ] {
            let text = print(&value);
            let read: Vec<_> = super::super::parse(&text).expect(&text).into_iter().map(|d| d.value).collect();
            assert_eq!(read, [value], "{text}");
        }
    }

    #[test]
    fn a_manifest_looks_as_kubectl_prints_it() {
        let value = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web"}},
            "spec": {"containers": [{"image": "nginx:1.25", "name": "c", "args": ["-c", "sleep 1"]}]}});
        let expected = "apiVersion: v1\nkind: Pod\nmetadata:\n  labels:\n    app: web\n  name: web\nspec:\n  containers:\n  - args:\n    - -c\n    - sleep 1\n    image: nginx:1.25\n    name: c\n";
        assert_eq!(print(&value), expected);
    }
}
