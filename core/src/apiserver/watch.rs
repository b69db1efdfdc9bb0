//! Watches: what changed since a revision, for those who asked for it.

use super::accept::{self, Form};
use super::errors;
use super::present::{self, IncludeObject};
use super::request::WatchQuery;
use super::select::Selection;
use crate::api::{ApiError, Kind, Object};
use crate::store::{Change, Store};
use crate::time::Time;
use serde_json::{Value, json};

/// What a watch is to be told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WatchBatch {
    /// Events in order: `{"type": "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK", "object": ...}`.
    pub events: Vec<Value>,
    /// The revision up to which it knows everything now.
    pub next: u64,
}

/// How many changes one batch looks at, so that one slow watch does not hold up the rest.
const BATCH_CHANGES_MAX: usize = 4_096;

/// What is new for a watch. Without `from` it begins; then with [`WatchBatch::next`] of the last batch. A batch whose
/// `next` is not yet the store's revision is followed by another at once.
pub(crate) fn read(store: &Store, query: &WatchQuery, from: Option<u64>, now: Time) -> Result<WatchBatch, ApiError> {
    let selection = Selection::parse(query.kind, &query.label_selector, &query.field_selector)?;
    let form = accept::form(&query.accept)?;
    let mut reader = Reader { query, selection, form, now, events: Vec::new() };
    let Some(from) = from else {
        if query.send_initial {
            for object in store.list(query.kind, query.namespace.as_deref()) {
                if reader.selection.matches(object) {
                    reader.push("ADDED", object);
                }
            }
            let next = store.revision();
            if query.announce_initial_end {
                reader.events.push(bookmark(query.kind, next, true));
            }
            return Ok(WatchBatch { events: reader.events, next });
        }
        return reader.changes(store, query.since);
    };
    reader.changes(store, from)
}

/// A bookmark: that everything up to a revision was told.
pub(crate) fn bookmark(kind: Kind, revision: u64, initial_end: bool) -> Value {
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if initial_end {
        metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    let mut object = json!({"apiVersion": kind.api_version(), "kind": kind.info().kind, "metadata": metadata});
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
    }
    json!({"type": "BOOKMARK", "object": object})
}

struct Reader<'a> {
    query: &'a WatchQuery,
    selection: Selection,
    form: Form,
    now: Time,
    events: Vec<Value>,
}

impl Reader<'_> {
    fn push(&mut self, what: &str, object: &Object) {
        let include = IncludeObject::of(&self.query.include_object).unwrap_or_default();
        let object = present::event_object(object, self.form, include, self.now, self.events.is_empty());
        self.events.push(json!({"type": what, "object": object}));
    }

    fn changes(mut self, store: &Store, from: u64) -> Result<WatchBatch, ApiError> {
        let changes = store.changes_since(from).map_err(|e| errors::too_old(from, e.oldest))?;
        let mut next = from;
        let mut whole = true;
        for (seen, change) in changes.enumerate() {
            if seen >= BATCH_CHANGES_MAX {
                whole = false;
                break;
            }
            next = change.revision;
            self.change(change);
        }
        Ok(WatchBatch { events: self.events, next: if whole { store.revision() } else { next } })
    }

    fn change(&mut self, change: &Change) {
        let mine = |object: &Object| {
            object.kind() == self.query.kind
                && self.query.namespace.as_ref().is_none_or(|n| *n == object.meta.namespace)
                && self.selection.matches(object)
        };
        let before = change.before.as_deref().filter(|o| mine(o));
        let after = change.after.as_deref().filter(|o| mine(o));
        match (before, after) {
            (None, Some(after)) => self.push("ADDED", after),
            (Some(_), Some(after)) => self.push("MODIFIED", after),
            (Some(before), None) => {
                // It is shown as it last was, at the revision at which it went.
                let mut last = before.clone();
                last.meta.resource_version = change.revision;
                self.push("DELETED", &last);
            }
            (None, None) => {}
        }
    }
}
