//! What many documents say alike: told apart where they are read, so that it is held against what is known at a glance.

use super::metadata_owners;
use super::recent::Recent;
use crate::api::{CommonName, Kind, Labels, Meta};
use serde_json::Value;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

/// A mark that is equal for equal values.
pub(super) fn mark(value: &impl Hash) -> u64 {
    let mut hash = Xxh3Default::default();
    value.hash(&mut hash);
    hash.finish()
}

/// What a document says beside its metadata, with a mark that is equal for equal ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) mark: u64,
    pub(super) value: Value,
}

/// A mark of a document: of its texts, for most that are alike differ in these.
fn mark_of_texts(value: &Value) -> u64 {
    let all = |mark: u64, value: &Value| mark.rotate_left(7) ^ mark_of_texts(value);
    match value {
        Value::String(text) => xxh3_64(text.as_bytes()),
        Value::Array(items) => items.iter().fold(0, all),
        Value::Object(map) => map.values().fold(0, all),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// What other documents say as well as this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Common {
    /// What is read, completed and checked once however many objects are written with the same: a pod's spec, all of a node
    /// but its metadata.
    pub(super) body: Arc<Written>,
    /// The fields that are set in its metadata, written out.
    pub(super) fields: String,
}

/// What somebody who reads many documents read lately. What is equal is kept once.
#[derive(Debug, Default)]
pub struct Alike {
    bodies: Recent<Arc<Written>>,
    labels: Recent<Labels>,
    namespace: CommonName,
}

impl Alike {
    /// Takes what is worth to be known again out of a document with that metadata. None where it is of another kind.
    pub(super) fn take(&mut self, kind: Kind, meta: &Meta, document: &mut Value) -> Option<Common> {
        // What a priority class gives a pod follows from more than its spec.
        let plain = |spec: &Value| spec.get("priorityClassName").is_none();
        let parts: &[&str] = match kind {
            Kind::Pod if document.get("spec").is_some_and(plain) => &["spec"],
            Kind::Node => &["spec", "status"],
            _ => return None,
        };
        let document = document.as_object_mut()?;
        let value = parts.iter().filter_map(|part| document.remove_entry(*part)).collect();
        let body = Written { mark: mark_of_texts(&value), value };
        let body = self.bodies.shared(body.mark, Arc::new(body));
        Some(Common { body, fields: metadata_owners::written(meta) })
    }

    /// Shares what metadata has in common with that of documents before.
    pub(super) fn share(&mut self, meta: &mut Meta) {
        for labels in [&mut meta.labels, &mut meta.annotations] {
            if !labels.is_empty() {
                *labels = self.labels.shared(mark(labels), Arc::clone(labels));
            }
        }
        if self.namespace != meta.namespace {
            self.namespace.clone_from(&meta.namespace);
        }
        meta.namespace.clone_from(&self.namespace);
    }
}
