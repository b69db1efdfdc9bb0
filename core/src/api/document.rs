//! Objects that the core mostly keeps for others: settings, budgets, classes. What they say stays as it was written.

use super::Kind;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What an object of such a kind says beyond its metadata, in the form of its schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its kind.
    pub kind: Kind,
    /// Its fields besides `apiVersion`, `kind` and `metadata`; shared between versions that say the same.
    pub fields: Arc<Map<String, Value>>,
}

impl Document {
    /// Takes from a whole object what is no metadata. Fields that hold nothing are left out.
    pub(super) fn of(kind: Kind, value: &Value) -> Self {
        let mut fields = Map::new();
        for (key, value) in value.as_object().into_iter().flatten() {
            if !matches!(key.as_str(), "apiVersion" | "kind" | "metadata") && !value.is_null() {
                fields.insert(key.clone(), value.clone());
            }
        }
        Self { kind, fields: Arc::new(fields) }
    }

    /// A field by its path, such as `["spec", "selector"]`; null where there is none.
    pub fn at(&self, path: &[&str]) -> &Value {
        let mut steps = path.iter();
        let first = steps.next().and_then(|field| self.fields.get(*field));
        steps.fold(first.unwrap_or(&Value::Null), |value, field| &value[*field])
    }

    /// A text by its path; empty where there is none.
    pub fn text(&self, path: &[&str]) -> &str {
        self.at(path).as_str().unwrap_or_default()
    }

    /// A number by its path.
    pub fn number(&self, path: &[&str]) -> Option<i64> {
        self.at(path).as_i64()
    }

    /// The entries of a map or the fields of a structure by its path.
    pub fn entries(&self, path: &[&str]) -> impl Iterator<Item = (&str, &Value)> {
        self.at(path).as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
    }

    /// The fields, to be written.
    pub fn fields_mut(&mut self) -> &mut Map<String, Value> {
        Arc::make_mut(&mut self.fields)
    }
}
