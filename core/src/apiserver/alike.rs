//! What many documents say alike: told apart where they are read, so that it is held against what is known at a glance.

use crate::api::Kind;
use serde_json::Value;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// How many bodies are remembered.
const KEPT_MAX: usize = 512;

/// What a document says beside its metadata, with a mark that is equal for equal ones.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Written {
    pub(super) mark: u64,
    pub(super) value: Value,
}

impl Written {
    pub(super) fn new(value: Value) -> Self {
        Self { mark: mark(&value), value }
    }
}

/// A mark of a document: of its texts, for most that are alike differ in these.
fn mark(value: &Value) -> u64 {
    let all = |mark: u64, value: &Value| mark.rotate_left(7) ^ self::mark(value);
    match value {
        Value::String(text) => xxh3_64(text.as_bytes()),
        Value::Array(items) => items.iter().fold(0, all),
        Value::Object(map) => map.values().fold(0, all),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// Takes out of a document what is read, completed and checked once however many objects are written with the same: a pod's
/// spec, all of a node but its metadata. None of other kinds.
pub(super) fn take(kind: Kind, document: &mut Value) -> Option<Value> {
    let parts: &[&str] = match kind {
        Kind::Pod if document.get("spec").is_some() => &["spec"],
        Kind::Node => &["spec", "status"],
        _ => return None,
    };
    let document = document.as_object_mut()?;
    Some(parts.iter().filter_map(|part| document.remove_entry(*part)).collect())
}

/// Puts back what was taken out.
pub(super) fn put_back(body: &Written, document: &mut Value) {
    if let (Value::Object(body), Value::Object(document)) = (&body.value, document) {
        document.extend(body.clone());
    }
}

/// The bodies that somebody who reads many documents read lately. Equal ones are kept once.
#[derive(Debug, Default)]
pub struct Alike {
    slots: Vec<Option<Arc<Written>>>,
}

impl Alike {
    /// An earlier body that equals this one, or else this.
    pub(super) fn the(&mut self, value: Value) -> Arc<Written> {
        let written = Written::new(value);
        self.slots.resize(KEPT_MAX, None);
        // The mark decides only which other is forgotten for it.
        match &mut self.slots[(written.mark % KEPT_MAX as u64) as usize] {
            Some(known) if **known == written => Arc::clone(known),
            slot => Arc::clone(slot.insert(Arc::new(written))),
        }
    }
}
