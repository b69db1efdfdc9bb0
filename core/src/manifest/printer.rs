//! JSON values as YAML text, in block style, as kubectl writes it.

use serde_json::Value;
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
            for (key, value) in map {
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

/// How long a key may be that stands before its colon: YAML has 1,024, quotes included.
const KEY_BYTES_MAX: usize = 1_000;

fn entry(text: &mut String, key: &str, value: &Value, depth: usize) {
    let start = text.len();
    scalar_text(text, key);
    if text.len() - start > KEY_BYTES_MAX {
        text.insert_str(start, "? ");
        text.push('\n');
        indent(text, depth);
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
            for (index, (key, value)) in map.iter().enumerate() {
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
        Value::String(string) if is_long(string) => {
            let keep = if string.ends_with('\n') { "|" } else { "|-" };
            text.push_str(keep);
            for line in string.strip_suffix('\n').unwrap_or(string).split('\n') {
                text.push('\n');
                if !line.is_empty() {
                    indent(text, depth);
                    text.push_str(line);
                }
            }
        }
        Value::String(string) => scalar_text(text, string),
        Value::Array(_) => text.push_str("[]"),
        Value::Object(_) => text.push_str("{}"),
    }
}

/// Whether a text of several lines can stand as a block as it is.
fn is_long(string: &str) -> bool {
    string.contains('\n')
        && !string.starts_with([' ', '\n', '\t'])
        && !string.ends_with("\n\n")
        && string.split('\n').all(|line| !line.ends_with([' ', '\t', '\r']))
        && string.chars().all(|c| c == '\n' || c == '\t' || !c.is_control())
        && !string.contains('\u{feff}')
        && !string.contains(['\u{85}', '\u{2028}', '\u{2029}'])
}

fn scalar_text(text: &mut String, string: &str) {
    if is_plain(string) {
        text.push_str(string);
    } else {
        // A JSON string is a YAML string.
        let _ = write!(text, "{}", Value::String(string.to_owned()));
    }
}

/// Whether a text reads back as itself without quotes.
fn is_plain(string: &str) -> bool {
    let starts_well = string.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_./@+ ()=<>;".contains(c);
    starts_well
        && !string.ends_with(' ')
        && !string.contains(" #")
        && string.chars().enumerate().all(|(index, c)| {
            harmless(c) || (c == ':' && string[index..].chars().nth(1).is_some_and(|next| next != ' '))
        })
        && !is_word(string)
}

/// Whether YAML 1.1, or a reader of a later version, takes a word for something else than text.
fn is_word(string: &str) -> bool {
    let lower = string.to_ascii_lowercase();
    matches!(
        lower.as_str(),
        "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "nan" | "inf" | "infinity"
    )
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
            json!({"key with space": 1, "yes": 2, "a/b.c": 3, "": 4, "-x": 5, "a:": 6}),
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
        let expected = "apiVersion: v1\nkind: Pod\nmetadata:\n  labels:\n    app: web\n  name: web\nspec:\n  containers:\n  - args:\n    - \"-c\"\n    - sleep 1\n    image: nginx:1.25\n    name: c\n";
        assert_eq!(print(&value), expected);
    }
}
