//! Any other object: all its fields, with labels made of their names.

use super::base::plain_or;
use super::page::Page;
use serde_json::Value;

pub(super) fn describe(page: &mut Page, object: &Value) {
    page.begin(object);
    let hidden = |path: &str| {
        [
            ".metadata.name",
            ".metadata.namespace",
            ".metadata.labels",
            ".metadata.annotations",
            ".metadata.managedFields",
            ".metadata.generation",
            ".metadata.selfLink",
        ]
        .contains(&path)
    };
    fields(page, 0, "", object, &hidden);
}

fn fields(page: &mut Page, level: usize, path: &str, value: &Value, hidden: &dyn Fn(&str) -> bool) {
    let Some(map) = value.as_object() else { return };
    let mut named: Vec<(String, String, &Value)> =
        map.iter().map(|(key, value)| (label(key), format!("{path}.{key}"), value)).collect();
    named.sort_by(|a, b| a.1.cmp(&b.1));
    for (label, path, value) in named.into_iter().filter(|(_, path, _)| !hidden(path)) {
        match value {
            Value::Object(_) => {
                page.line(level, &format!("{label}:"));
                fields(page, level + 1, &path, value, hidden);
            }
            Value::Array(items) => {
                page.line(level, &format!("{label}:"));
                for item in items {
                    if item.is_object() {
                        fields(page, level + 1, &path, item, hidden);
                    } else {
                        page.line(level + 1, &plain_or(item, "<nil>"));
                    }
                }
            }
            other => page.row(level, &label, &plain_or(other, "<nil>")),
        }
    }
}

/// `holderIdentity` as `Holder Identity`.
fn label(key: &str) -> String {
    if key.chars().any(|c| !c.is_ascii_alphanumeric()) {
        return key.to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in key.chars() {
        match words.last_mut() {
            Some(word) if !(c.is_ascii_uppercase() && before.is_ascii_lowercase()) => word.push(c),
            _ => words.push(c.to_string()),
        }
        before = c;
    }
    let known = |word: String| {
        if let upper @ ("API" | "URL" | "UID" | "OSB" | "GUID") = word.to_uppercase().as_str() {
            upper.to_owned()
        } else {
            let mut chars = word.chars();
            chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
        }
    };
    words.into_iter().map(known).collect::<Vec<String>>().join(" ")
}
