//! Strategic merge patch: lists are joined by the keys the schema names, and `$patch`, `$retainKeys`,
//! `$setElementOrder/...` and `$deleteFromPrimitiveList/...` say what else shall be done.
//!
//! Source of the rules, and of the order of items: upstream's `strategicpatch` package.

use super::errors;
use super::schema::{self, Merge, Type};
use crate::api::ApiError;
use crate::order;
use serde_json::{Map, Value};

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const ELEMENT_ORDER: &str = "$setElementOrder/";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList/";

/// Applies a patch to a document of a structure.
pub(super) fn merge(document: &Value, patch: Map<String, Value>, structure: &'static str) -> Result<Value, ApiError> {
    let original = document.as_object().cloned().unwrap_or_default();
    maps(original, patch, Some(&Type::Struct(structure))).map(Value::Object)
}

/// What a field holds, and how a list in it is joined.
fn field(holds: Option<&Type>, key: &str) -> (Option<Type>, Merge) {
    match holds {
        Some(Type::Struct(name)) => match schema::field(name, key) {
            Some(field) => (Some(field.holds.clone()), field.merge.clone()),
            None => (None, Merge::Replace),
        },
        Some(Type::Map(item)) => (Some(item.as_ref().clone()), Merge::Replace),
        _ => (None, Merge::Replace),
    }
}

fn unknown_directive(word: &Value) -> ApiError {
    errors::internal(format!("Unknown patch type: {}", go(word)))
}

fn maps(
    mut original: Map<String, Value>,
    mut patch: Map<String, Value>,
    holds: Option<&Type>,
) -> Result<Map<String, Value>, ApiError> {
    match patch.remove(PATCH) {
        None => {}
        Some(Value::String(word)) if word == "replace" => return Ok(undirected_map(patch)),
        Some(Value::String(word)) if word == "delete" => return Ok(Map::new()),
        Some(Value::String(word)) if word == "merge" => {}
        Some(other) => return Err(unknown_directive(&other)),
    }
    if let Some(Value::Array(keys)) = patch.remove(RETAIN_KEYS) {
        original.retain(|key, _| keys.iter().any(|k| k.as_str() == Some(key)));
    }
    set_element_orders(&mut original, &mut patch, holds)?;
    for (key, value) in patch {
        if let Some(name) = key.strip_prefix(DELETE_FROM_LIST) {
            if let (Some(Value::Array(list)), Value::Array(gone)) = (original.get_mut(name), &value) {
                list.retain(|item| !gone.contains(item));
            }
            continue;
        }
        if value.is_null() {
            original.remove(&key);
            continue;
        }
        let (holds, merge) = field(holds, &key);
        let merged = match (original.remove(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => Value::Object(maps(old, new, holds.as_ref())?),
            (Some(Value::Array(old)), Value::Array(new)) => Value::Array(lists(&old, new, holds.as_ref(), &merge)?),
            (_, new) => undirected(new),
        };
        original.insert(key, merged);
    }
    Ok(original)
}

/// A value without directives: what a patch sets where there was nothing to join it with.
fn undirected(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(undirected_map(map)),
        Value::Array(items) => Value::Array(
            items
                .into_iter()
                .filter(|item| item.get(PATCH).and_then(Value::as_str).is_none_or(|word| word == "merge"))
                .map(undirected)
                .collect(),
        ),
        other => other,
    }
}

fn undirected_map(map: Map<String, Value>) -> Map<String, Value> {
    let mut plain = Map::new();
    let kept = map.into_iter().filter(|(key, value)| !key.starts_with('$') && !value.is_null());
    plain.extend(kept.map(|(key, value)| (key, undirected(value))));
    plain
}

/// The lists whose order the patch names: joined here and taken out of the patch.
fn set_element_orders(
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    holds: Option<&Type>,
) -> Result<(), ApiError> {
    let directives: Vec<String> = patch.keys().filter(|k| k.starts_with(ELEMENT_ORDER)).cloned().collect();
    for directive in directives {
        let Some(Value::Array(order)) = patch.remove(&directive) else { continue };
        let name = directive.trim_start_matches(ELEMENT_ORDER);
        let (holds, merge) = field(holds, name);
        let new = match patch.remove(name) {
            Some(Value::Array(new)) => Some(new),
            // Not a list after all: the ordinary way deals with it.
            Some(other) => {
                patch.insert(name.to_owned(), other);
                continue;
            }
            None => None,
        };
        if let Some(new) = &new {
            check_order(new, &order, &merge)?;
        }
        let old = original.get(name).and_then(Value::as_array).cloned();
        let merged = match (old.clone(), new) {
            (None, None) => continue,
            (Some(old), None) => old,
            (None, Some(new)) => match undirected(Value::Array(new)) {
                Value::Array(items) => items,
                _ => Vec::new(),
            },
            (Some(old), Some(new)) => lists(&old, new, holds.as_ref(), &merge)?,
        };
        let ordered = arrange(merged, &order, &old.unwrap_or_default(), &merge);
        original.insert(name.to_owned(), Value::Array(ordered));
    }
    Ok(())
}

/// Items of a patch must come in the order it names.
fn check_order(new: &[Value], order: &[Value], merge: &Merge) -> Result<(), ApiError> {
    let kept: Vec<&Value> = new.iter().filter(|item| item.get(PATCH).is_none()).collect();
    let mut rest = order.iter();
    if kept.iter().all(|item| rest.any(|o| same(item, o, merge))) {
        return Ok(());
    }
    let shown = Value::Array(kept.into_iter().cloned().collect());
    Err(errors::internal(format!(
        "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
        go(&shown),
        go(&Value::Array(order.to_vec()))
    )))
}

/// Whether two items of a list are one and the same.
fn same(a: &Value, b: &Value, merge: &Merge) -> bool {
    match merge {
        Merge::Key(key) => a.get(key).is_some() && a.get(key) == b.get(key),
        Merge::Set | Merge::Replace => a == b,
    }
}

fn lists(old: &[Value], new: Vec<Value>, holds: Option<&Type>, merge: &Merge) -> Result<Vec<Value>, ApiError> {
    let item = match holds {
        Some(Type::List(item)) => Some(item.as_ref()),
        _ => None,
    };
    match merge {
        Merge::Replace => Ok(match undirected(Value::Array(new)) {
            Value::Array(items) => items,
            _ => Vec::new(),
        }),
        Merge::Set => {
            let order = new.clone();
            let mut merged = old.to_vec();
            for value in new {
                if !merged.contains(&value) {
                    merged.push(value);
                }
            }
            Ok(arrange(merged, &order, old, merge))
        }
        Merge::Key(key) => keyed(old, new, item, key, merge),
    }
}

fn keyed(
    old: &[Value],
    new: Vec<Value>,
    item: Option<&Type>,
    key: &str,
    merge: &Merge,
) -> Result<Vec<Value>, ApiError> {
    let directive = |value: &Value| value.get(PATCH).cloned();
    let mut merged = old.to_vec();
    let mut plain = Vec::new();
    let mut replace = false;
    for value in new {
        match directive(&value) {
            None => plain.push(value),
            Some(Value::String(word)) if word == "replace" => replace = true,
            Some(Value::String(word)) if word == "delete" => {
                if value.get(key).is_none() {
                    return Err(no_key(&value, key));
                }
                merged.retain(|m| !same(m, &value, merge));
            }
            Some(Value::String(word)) if word == "merge" => {
                return Err(errors::internal("delete and replace are the only directives of list items"));
            }
            Some(other) => return Err(unknown_directive(&other)),
        }
    }
    if replace {
        return Ok(plain.into_iter().map(undirected).collect());
    }
    let order = plain.clone();
    for value in plain {
        let Value::Object(patch) = value else {
            return Err(errors::internal("expected all elements in a list to be maps"));
        };
        if !patch.contains_key(key) {
            return Err(no_key(&Value::Object(patch), key));
        }
        let found = merged.iter_mut().find(|m| m.get(key).is_some() && m.get(key) == patch.get(key));
        match found {
            Some(Value::Object(slot)) => *slot = maps(std::mem::take(slot), patch, item)?,
            _ => merged.push(undirected(Value::Object(patch))),
        }
    }
    Ok(arrange(merged, &order, old, merge))
}

fn no_key(value: &Value, key: &str) -> ApiError {
    errors::internal(format!("map: {} does not contain declared merge key: {key}", go(value)))
}

/// Items the patch names in its order, the others in theirs; between the two, those that were first stay first.
fn arrange(merged: Vec<Value>, wanted: &[Value], old: &[Value], merge: &Merge) -> Vec<Value> {
    let place = |list: &[Value], item: &Value| list.iter().position(|o| same(o, item, merge));
    let (mut named, mut others): (Vec<_>, Vec<_>) = merged.into_iter().partition(|m| place(wanted, m).is_some());
    order::sort_by(&mut named, |a, b| place(wanted, a).cmp(&place(wanted, b)));
    order::sort_by(&mut others, |a, b| place(old, a).cmp(&place(old, b)));
    let mut named = named.into_iter().peekable();
    let mut others = others.into_iter().peekable();
    let mut all = Vec::new();
    loop {
        let other_first = match (others.peek(), named.peek()) {
            (None, None) => return all,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(other), Some(named)) => match (place(old, other), place(old, named)) {
                (Some(o), Some(n)) => o < n,
                _ => false,
            },
        };
        all.extend(if other_first { others.next() } else { named.next() });
    }
}

/// A value as Go's `%v` prints it.
pub(super) fn go(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            format!("map[{}]", map.iter().map(|(k, v)| format!("{k}:{}", go(v))).collect::<Vec<_>>().join(" "))
        }
        other => other.to_string(),
    }
}
