//! Watches: what changed since a revision, for those who asked for it.

use super::accept::{self, Form};
use super::errors;
use super::present::{self, IncludeObject};
use super::request::WatchQuery;
use super::select::Selection;
use super::wire;
use crate::api::{ApiError, Body, Document, Kind, Meta, Object};
use crate::store::{Change, Store};
use crate::time::Time;
use serde_json::{Value, json};
use std::sync::Arc;

/// What a watch is to be told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WatchBatch {
    /// Events in order: `{"type": "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK", "object": ...}`.
    pub events: Vec<Value>,
    /// The revision up to which it knows everything now.
    pub next: u64,
}

/// What a watch is to be told, before it is written out. It shares its objects with the store and needs the cluster no
/// more.
#[derive(Debug)]
pub struct WatchDraft {
    told: Vec<(&'static str, Arc<Object>)>,
    /// What comes after them.
    last: Option<Value>,
    form: Form,
    include: IncludeObject,
    now: Time,
    next: u64,
}

impl WatchDraft {
    /// Whether there is nothing to tell.
    pub const fn is_empty(&self) -> bool {
        self.told.is_empty() && self.last.is_none()
    }

    /// As [`WatchBatch::next`].
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Writes the events out, one by one, as text of what is in [`WatchBatch::events`].
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let told = self.told.iter().enumerate().map(|(index, (what, object))| {
            let object = present::event_object(object, self.form, self.include, self.now, index == 0);
            format!(r#"{{"object":{object},"type":"{what}"}}"#)
        });
        told.chain(self.last.as_ref().map(Value::to_string))
    }

    /// Writes everything out.
    pub fn finish(&self) -> WatchBatch {
        // They were written as JSON just now.
        let events = self.lines().map(|line| serde_json::from_str(&line).unwrap_or_default());
        WatchBatch { events: events.collect(), next: self.next }
    }
}

/// How many changes one batch looks at, so that one slow watch does not hold up the rest.
const BATCH_CHANGES_MAX: usize = 4_096;

/// What is new for a watch. Without `from` it begins; then with [`WatchBatch::next`] of the last batch. A batch whose
/// `next` is not yet the store's revision is followed by another at once.
pub(crate) fn read(store: &Store, query: &WatchQuery, from: Option<u64>, now: Time) -> Result<WatchDraft, ApiError> {
    let selection = Selection::parse(query.kind, &query.label_selector, &query.field_selector)?;
    let form = accept::form(&query.accept)?;
    let include = IncludeObject::of(&query.include_object).unwrap_or_default();
    let draft = WatchDraft { told: Vec::new(), last: None, form, include, now, next: store.revision() };
    let mut reader = Reader { query, selection, draft };
    match from {
        None if query.send_initial => {
            let objects = store.list(query.kind, query.namespace.as_deref());
            let told = objects.filter(|o| reader.selection.matches(o)).map(|o| ("ADDED", Arc::clone(o)));
            reader.draft.told.extend(told);
            reader.draft.last = query.announce_initial_end.then(|| bookmark(query.kind, store.revision(), true));
            Ok(reader.draft)
        }
        None => reader.changes(store, query.since),
        Some(from) => reader.changes(store, from),
    }
}

/// A bookmark: that everything up to a revision was told.
pub(crate) fn bookmark(kind: Kind, revision: u64, initial_end: bool) -> Value {
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if initial_end {
        metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    let mut object = json!({"apiVersion": kind.api_version(), "kind": kind.info().kind, "metadata": &metadata});
    match kind {
        Kind::Pod => {
            object["spec"] = json!({"containers": null});
            object["status"] = json!({});
        }
        Kind::Node | Kind::Namespace => {
            object["spec"] = json!({});
            object["status"] = json!({});
        }
        Kind::ReplicationController => {
            object["spec"] = json!({});
            object["status"] = json!({"replicas": 0});
        }
        Kind::Service => {
            object["spec"] = json!({});
            object["status"] = json!({"loadBalancer": {}});
        }
        Kind::Endpoints => {}
        Kind::Event => {
            object["involvedObject"] = json!({});
            object["source"] = json!({});
        }
        _ => {
            let empty = Document { kind, fields: Arc::default() };
            object = wire::object(&Object { meta: Meta::default(), body: Body::Document(empty) });
            object["metadata"] = metadata;
        }
    }
    json!({"type": "BOOKMARK", "object": object})
}

struct Reader<'a> {
    query: &'a WatchQuery,
    selection: Selection,
    draft: WatchDraft,
}

impl Reader<'_> {
    fn push(&mut self, what: &'static str, object: &Arc<Object>) {
        self.draft.told.push((what, Arc::clone(object)));
    }

    fn changes(mut self, store: &Store, from: u64) -> Result<WatchDraft, ApiError> {
        let changes = store.changes_since(from).map_err(|e| errors::too_old(from, e.oldest))?;
        let mut next = from;
        for (seen, change) in changes.enumerate() {
            if seen >= BATCH_CHANGES_MAX {
                self.draft.next = next;
                break;
            }
            next = change.revision;
            self.change(change);
        }
        Ok(self.draft)
    }

    fn change(&mut self, change: &Change) {
        let mine = |object: &Object| {
            object.kind() == self.query.kind
                && self.query.namespace.as_ref().is_none_or(|n| *n == object.meta.namespace)
                && self.selection.matches(object)
        };
        let before = change.before.as_ref().filter(|o| mine(o));
        let after = change.after.as_ref().filter(|o| mine(o));
        match (before, after) {
            (None, Some(after)) => self.push("ADDED", after),
            (Some(_), Some(after)) => self.push("MODIFIED", after),
            (Some(before), None) => {
                // It is shown as it last was, at the revision at which it went.
                let mut last = Object::clone(before);
                last.meta.resource_version = change.revision;
                self.push("DELETED", &Arc::new(last));
            }
            (None, None) => {}
        }
    }
}
