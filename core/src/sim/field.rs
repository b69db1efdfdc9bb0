//! Strict reading of JSON values: every mistake names its field, and no field is overlooked.

use super::duration::parse_span;
use crate::api::Quantity;
use crate::manifest::join;
use crate::time::Span;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// A field that does not say what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Field path, such as `nodes[0].count`.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for FieldError {}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Field<'v> {
    pub(super) path: String,
    pub(super) value: &'v Value,
}

/// The fields of a map, of which each must be asked for before [`Fields::finish`].
#[derive(Debug)]
pub(super) struct Fields<'v> {
    path: String,
    map: &'v Map<String, Value>,
    known: Vec<&'static str>,
}

fn word_for(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

impl<'v> Field<'v> {
    pub(super) const fn root(value: &'v Value) -> Self {
        Self { path: String::new(), value }
    }

    pub(super) fn error(&self, message: impl Into<String>) -> FieldError {
        FieldError { field: self.path.clone(), message: message.into() }
    }

    fn wrong(&self, wanted: &str) -> FieldError {
        self.error(format!("must be {wanted}, is {}", word_for(self.value)))
    }

    pub(super) fn text(&self) -> Result<&'v str, FieldError> {
        // `no`, `on`, `y` and their like are booleans in Kubernetes' YAML.
        self.value.as_str().ok_or_else(|| match self.value {
            Value::Bool(_) => self.error("must be a text, is a boolean; put it in quotes"),
            _ => self.wrong("a text"),
        })
    }

    /// A text; numbers and booleans are taken as they are written.
    pub(super) fn word(&self) -> Result<String, FieldError> {
        match self.value {
            Value::String(s) => Ok(s.clone()),
            Value::Number(n) => Ok(n.to_string()),
            Value::Bool(b) => Ok(b.to_string()),
            _ => Err(self.wrong("a text")),
        }
    }

    pub(super) fn boolean(&self) -> Result<bool, FieldError> {
        self.value.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    pub(super) fn integer(&self, least: i64, most: i64) -> Result<i64, FieldError> {
        let n = self.value.as_i64().ok_or_else(|| self.wrong("a whole number"))?;
        if (least..=most).contains(&n) {
            Ok(n)
        } else {
            Err(self.error(format!("must be from {least} to {most}, is {n}")))
        }
    }

    pub(super) fn seed(&self) -> Result<u64, FieldError> {
        self.value.as_u64().ok_or_else(|| self.wrong("a whole number that is not negative"))
    }

    /// A duration such as `1m30s`; a number is one of seconds.
    pub(super) fn span(&self) -> Result<Span, FieldError> {
        let parsed = match self.value {
            Value::Number(n) => parse_span(&format!("{n}s")),
            Value::String(s) => parse_span(s),
            _ => None,
        };
        parsed.ok_or_else(|| self.error(format!("must be a duration such as 10s or 1m30s, is {}", self.value)))
    }

    /// As it is written.
    pub(super) fn quantity(&self) -> Result<String, FieldError> {
        self.amount()?;
        self.word()
    }

    pub(super) fn amount(&self) -> Result<Quantity, FieldError> {
        let word = self.word()?;
        Quantity::parse(&word).map_err(|_| self.error(format!("must be a quantity such as 500m or 2Gi, is {word:?}")))
    }

    pub(super) fn list(&self) -> Result<Vec<Self>, FieldError> {
        let list = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        Ok(list
            .iter()
            .enumerate()
            .map(|(n, value)| Field { path: join(&self.path, &format!("[{n}]")), value })
            .collect())
    }

    pub(super) fn map(&self) -> Result<Fields<'v>, FieldError> {
        let map = self.value.as_object().ok_or_else(|| self.wrong("a map"))?;
        Ok(Fields { path: self.path.clone(), map, known: Vec::new() })
    }

    /// All entries of a map whose keys are free.
    pub(super) fn entries<T>(
        &self,
        mut read: impl FnMut(&Self) -> Result<T, FieldError>,
    ) -> Result<BTreeMap<String, T>, FieldError> {
        let map = self.value.as_object().ok_or_else(|| self.wrong("a map"))?;
        let mut entries = BTreeMap::new();
        for (key, value) in map {
            entries.insert(key.clone(), read(&Field { path: join(&self.path, key), value })?);
        }
        Ok(entries)
    }
}

impl<'v> Fields<'v> {
    /// A field, where it is there and not null.
    pub(super) fn optional(&mut self, name: &'static str) -> Option<Field<'v>> {
        self.known.push(name);
        let value = self.map.get(name).filter(|v| !v.is_null())?;
        Some(Field { path: join(&self.path, name), value })
    }

    /// A field that must be there.
    pub(super) fn required(&mut self, name: &'static str) -> Result<Field<'v>, FieldError> {
        let path = self.path.clone();
        self.optional(name).ok_or_else(|| FieldError { field: path, message: format!("field {name:?} is missing") })
    }

    /// Reads a field, where it is there.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&Field<'v>) -> Result<T, FieldError>,
    ) -> Result<Option<T>, FieldError> {
        self.optional(name).map(|field| read(&field)).transpose()
    }

    /// Refuses fields that nobody asked for.
    pub(super) fn finish(self) -> Result<(), FieldError> {
        match self.map.keys().find(|key| !self.known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(FieldError {
                field: join(&self.path, key),
                message: format!("unknown field; known here: {}", self.known.join(", ")),
            }),
        }
    }
}
