//! `--sort-by`: the order of what is shown, by a field.

use crate::failure::Failure;
use crate::go;
use crate::jsonpath::{Template, compare};
use kubarium_core::api::Quantity;
use serde_json::Value;
use std::cmp::Ordering;

/// By which field.
pub(super) struct Order(Template);

impl Order {
    /// The order that `--sort-by` names, if it does.
    pub(super) fn given(text: &str) -> Option<Result<Self, Failure>> {
        (!text.is_empty()).then(|| Template::relaxed(text).map(Self))
    }

    /// Sorts the rows of all these tables, as one.
    pub(super) fn sort_rows(&self, documents: &mut Vec<Value>) {
        let mut rows: Vec<Value> = Vec::new();
        for document in documents.iter_mut() {
            rows.extend(document["rows"].as_array_mut().map(std::mem::take).unwrap_or_default());
        }
        rows.sort_by(|a, b| self.order(&a["object"], &b["object"]));
        if let Some(first) = documents.first_mut() {
            first["rows"] = rows.into();
        }
        documents.truncate(1);
    }

    /// Sorts objects.
    pub(super) fn sort_objects(&self, objects: &mut [Value]) {
        objects.sort_by(|a, b| self.order(a, b));
    }

    /// What has no such field comes first.
    fn order(&self, a: &Value, b: &Value) -> Ordering {
        let of = |value| self.0.find(value).ok().and_then(|found| found.first().copied());
        match (of(a), of(b)) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(Value::String(a)), Some(Value::String(b))) => match (Quantity::parse(a), Quantity::parse(b)) {
                (Ok(x), Ok(y)) => x.compare(y),
                _ => a.cmp(b),
            },
            (Some(a), Some(b)) => compare(a, b).unwrap_or_else(|| go::plain(a).cmp(&go::plain(b))),
        }
    }
}
