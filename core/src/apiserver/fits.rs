//! Whether what is applied fits its schema, in the words of upstream's server-side apply.

use super::fields;
use super::query::quoted;
use super::schema::Type;
use super::strategic::go;
use super::typed::{self, Shape};
use crate::order;
use serde_json::Value;

/// What is wrong with a document that is to be applied; nothing where it fits.
pub(super) fn misfits(shape: Shape, document: &Value) -> Option<String> {
    let mut wrong = Vec::new();
    visit(shape, document, "", &mut wrong);
    match wrong.len() {
        0 => None,
        1 => Some(wrong.concat()),
        _ => Some(format!("errors:\n  {}", wrong.join("\n  "))),
    }
}

fn visit(shape: Shape, value: &Value, path: &str, wrong: &mut Vec<String>) {
    let mut refuse = |why: String| wrong.push(if path.is_empty() { why } else { format!("{path}: {why}") });
    match (shape, value) {
        (_, Value::Null) | (Shape::Whole(Type::Raw), _) => {}
        (Shape::Leaf(holds), value) => {
            if let Some(why) = scalar(holds, value) {
                refuse(why);
            }
        }
        (Shape::Whole(Type::List(item)), Value::Array(list)) => {
            for (index, value) in list.iter().enumerate() {
                visit(typed::plain(item), value, &format!("{path}[{index}]"), wrong);
            }
        }
        (Shape::Whole(Type::Map(item)), Value::Object(map)) => {
            for (name, value) in map {
                visit(typed::plain(item), value, &format!("{path}.{name}"), wrong);
            }
        }
        (Shape::Whole(Type::Struct(name)), Value::Object(_)) => {
            if let Some(fields) = typed::document(name) {
                visit(fields, value, path, wrong);
            }
        }
        (Shape::Struct(_) | Shape::Map(_), Value::Object(map)) => {
            for (name, value) in map {
                let inner = format!("{path}.{name}");
                match shape.child(name) {
                    Some(child) => visit(child, value, &inner, wrong),
                    None if path.is_empty() && matches!(name.as_str(), "apiVersion" | "kind") => {}
                    // Upstream looks no further.
                    None => return wrong.push(format!("{inner}: field not declared in schema")),
                }
            }
        }
        (Shape::Values(_) | Shape::Items(..), Value::Array(list)) => {
            let mut seen = order::Set::new();
            for (index, value) in list.iter().enumerate() {
                let key = match typed::element(shape, value) {
                    Ok(key) => key,
                    Err(why) => return wrong.push(format!("{path}: element {index}: {why}")),
                };
                let own = fields::shown(&key);
                if !seen.insert(key) {
                    wrong.push(format!("{path}: duplicate entries for key {own}"));
                }
                visit(shape.item(), value, &format!("{path}{own}"), wrong);
            }
        }
        (Shape::Values(_) | Shape::Items(..) | Shape::Whole(Type::List(_)), other) => {
            refuse(format!("expected list, got &{{{}}}", go(other)));
        }
        (Shape::Struct(_) | Shape::Map(_) | Shape::Whole(_), other) => {
            refuse(format!("expected map, got &{{{}}}", go(other)));
        }
    }
}

fn scalar(holds: &Type, value: &Value) -> Option<String> {
    let fits = match holds {
        Type::Text | Type::Bytes => value.is_string(),
        Type::Int32 | Type::Int64 | Type::Float => value.is_number(),
        Type::Bool => value.is_boolean(),
        _ => !value.is_object() && !value.is_array(),
    };
    if fits {
        return None;
    }
    Some(match holds {
        Type::Text | Type::Bytes => {
            format!("expected string, got &value.valueUnstructured{{Value:{}}}", go_syntax(value))
        }
        Type::Int32 | Type::Int64 | Type::Float => {
            let found = match value {
                Value::String(_) => "string",
                Value::Bool(_) => "bool",
                Value::Array(_) => "[]interface {}",
                _ => "map[string]interface {}",
            };
            format!("expected numeric (int or float), got {found}")
        }
        Type::Bool => format!("expected boolean, got &{{{}}}", go(value)),
        _ => format!("expected any scalar, got &{{{}}}", go(value)),
    })
}

/// A value as Go's `%#v` prints it.
fn go_syntax(value: &Value) -> String {
    let list = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[]interface {{}}{{{}}}", list(items.iter().map(go_syntax).collect())),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| format!("{}:{}", quoted(key), go_syntax(value)));
            format!("map[string]interface {{}}{{{}}}", list(entries.collect()))
        }
        other => other.to_string(),
    }
}
