//! The difference between what was applied last, what is there, and what is to be: as a merge patch.
//!
//! Lists whose items have keys are joined by those keys, as the API says of each field in its `OpenAPI` document; the
//! patch is then a strategic one. It holds what differs, and null for what was applied and is not wanted any more.

use serde_json::{Map, Value, json};

/// What the API says of a structure.
#[derive(Clone, Copy)]
pub(crate) struct Schema<'a> {
    document: &'a Value,
    at: &'a Value,
}

impl<'a> Schema<'a> {
    /// The structure of a kind, in the document of its group.
    pub(crate) fn of_kind(document: &'a Value, group: &str, version: &str, kind: &str) -> Self {
        let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
        let is = |schema: &Value| {
            let types = crate::go::items(schema, "/x-kubernetes-group-version-kind").iter();
            types.clone().any(|t| t["group"] == group && t["version"] == version && t["kind"] == kind)
        };
        let at = schemas.into_iter().flat_map(|all| all.values()).find(|schema| is(schema));
        Self { document, at: at.unwrap_or(&Value::Null) }
    }

    /// What is behind references.
    pub(crate) fn resolved(self) -> Self {
        let referred = self.at["$ref"].as_str().or_else(|| self.at.pointer("/allOf/0/$ref")?.as_str());
        match referred.and_then(|reference| self.document.pointer(reference.trim_start_matches('#'))) {
            Some(at) => Self { at, ..self },
            None => self,
        }
    }

    /// The field itself, as it stands in its structure.
    pub(crate) fn field(self, name: &str) -> Option<Self> {
        let at = self.resolved().at;
        let field = at.get("properties").and_then(|fields| fields.get(name)).or_else(|| at.get("additionalProperties"));
        field.map(|at| Self { at, ..self })
    }

    /// The items of a list.
    pub(crate) fn item(self) -> Option<Self> {
        self.at.get("items").map(|at| Self { at, ..self })
    }

    /// What stands there.
    pub(crate) fn raw(self) -> &'a Value {
        self.at
    }

    fn merge_key(self) -> Option<&'a str> {
        let merges =
            self.at["x-kubernetes-patch-strategy"].as_str().is_some_and(|s| s.split(',').any(|s| s == "merge"));
        if merges { self.at["x-kubernetes-patch-merge-key"].as_str() } else { None }
    }

    fn is_set(self) -> bool {
        let merges =
            self.at["x-kubernetes-patch-strategy"].as_str().is_some_and(|s| s.split(',').any(|s| s == "merge"));
        merges && self.at["x-kubernetes-patch-merge-key"].is_null()
    }
}

/// The patch that makes of `current` what `modified` says, without what `original` said and `modified` does not. Empty
/// where there is nothing to do.
pub(crate) fn three_way(original: &Value, modified: &Value, current: &Value, schema: Option<Schema<'_>>) -> Value {
    let none = Map::new();
    let map = |value: &'_ Value| value.as_object().cloned().unwrap_or_else(|| none.clone());
    Value::Object(maps(&map(original), &map(modified), &map(current), schema))
}

fn maps(
    original: &Map<String, Value>,
    modified: &Map<String, Value>,
    current: &Map<String, Value>,
    schema: Option<Schema<'_>>,
) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, wanted) in modified {
        let of = schema.and_then(|schema| schema.field(key));
        let (before, now) = (original.get(key), current.get(key));
        match (wanted, now) {
            (_, Some(now)) if now == wanted && before.is_none_or(|before| before == wanted) => {}
            (Value::Object(wanted), Some(Value::Object(now))) => {
                let before = before.and_then(Value::as_object).cloned().unwrap_or_default();
                let inner = maps(&before, wanted, now, of);
                if !inner.is_empty() {
                    patch.insert(key.clone(), inner.into());
                }
            }
            (Value::Array(wanted), Some(Value::Array(now))) if of.is_some_and(|of| of.merge_key().is_some()) => {
                let before = before.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                if let Some(of) = of {
                    keyed(&mut patch, key, (before, wanted, now), of);
                }
            }
            (Value::Array(wanted), Some(Value::Array(now))) if of.is_some_and(Schema::is_set) => {
                let before = before.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                let gone: Vec<Value> =
                    before.iter().filter(|v| !wanted.contains(v) && now.contains(v)).cloned().collect();
                if !gone.is_empty() {
                    patch.insert(format!("$deleteFromPrimitiveList/{key}"), gone.into());
                }
                let new: Vec<Value> = wanted.iter().filter(|value| !now.contains(value)).cloned().collect();
                if !new.is_empty() {
                    patch.insert(key.clone(), new.into());
                }
            }
            (Value::Null, None) => {}
            (wanted, now) if now != Some(wanted) => {
                patch.insert(key.clone(), wanted.clone());
            }
            _ => {}
        }
    }
    for key in original.keys().filter(|key| !modified.contains_key(*key)) {
        if current.contains_key(key) {
            patch.insert(key.clone(), Value::Null);
        }
    }
    patch
}

/// The part of a patch for a list whose items are known by a key.
fn keyed(patch: &mut Map<String, Value>, name: &str, lists: (&[Value], &[Value], &[Value]), of: Schema<'_>) {
    let (before, wanted, now) = lists;
    let Some(key) = of.merge_key() else { return };
    let find = |list: &[Value], item: &Value| list.iter().find(|other| other.get(key) == item.get(key)).cloned();
    let map = |value: Option<Value>| value.and_then(|value| value.as_object().cloned()).unwrap_or_default();
    let mut items = Vec::new();
    for item in wanted {
        let Some(there) = find(now, item) else {
            items.push(item.clone());
            continue;
        };
        let mut inner = maps(&map(find(before, item)), &map(Some(item.clone())), &map(Some(there)), of.item());
        if !inner.is_empty() {
            inner.insert(key.to_owned(), item[key].clone());
            items.push(inner.into());
        }
    }
    for item in before.iter().filter(|item| find(wanted, item).is_none() && find(now, item).is_some()) {
        items.push(json!({"$patch": "delete", key: item[key]}));
    }
    if !items.is_empty() {
        let order: Vec<Value> = wanted.iter().map(|item| json!({ key: item[key] })).collect();
        patch.insert(format!("$setElementOrder/{name}"), order.into());
        patch.insert(name.to_owned(), items.into());
    }
}
