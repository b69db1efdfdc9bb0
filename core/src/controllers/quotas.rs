//! Resource quotas: keeps what their status says is used true, change by change. When a pod on its way out ceases to count,
//! everything is counted anew. Whoever waits for room in a namespace can be told when there is more.

use crate::admission::{Counts, applies, count, counted, counts_until, shown, usage};
use crate::api::{Body, Key, Kind, Name, Object, Quantity};
use crate::cluster::Context;
use crate::order;
use crate::store::Change;
use crate::time::Time;
use serde_json::{Map, json};
use std::sync::Arc;

/// What the objects of a namespace count for under a quota.
#[derive(Clone, Debug)]
struct Used {
    /// The quota as it was when everything was counted.
    quota: Arc<Object>,
    /// Up to which revision changes are in the counts.
    revision: u64,
    /// The instant as of which they are counted.
    at: Time,
    counts: Counts,
}

impl Used {
    fn count(&mut self, object: &Object, sign: i64) {
        if self.quota.document().is_some_and(|quota| applies(quota, object)) {
            for (resource, more) in usage(object, self.at) {
                count(&mut self.counts, resource, sign * more);
            }
        }
    }
}

/// Quotas that are kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Quotas {
    used: order::Map<Key, Used>,
    dirty: order::Set<Key>,
    /// When a pod that was counted counts no more, at the earliest.
    due: Option<Time>,
    /// Namespaces with more room than before.
    roomier: order::Set<Name>,
}

impl Quotas {
    pub(super) fn observe(&mut self, change: &Change) {
        let Some(object) = change.object() else { return };
        let wanted = |o: &Option<Arc<Object>>| o.as_ref().and_then(|o| Some(o.document()?.at(&["spec"]).clone()));
        if object.kind() == Kind::ResourceQuota {
            let key = object.key();
            if change.after.is_none() || wanted(&change.before) != wanted(&change.after) {
                self.used.remove(&key);
            }
            if change.after.is_none() {
                self.roomier.insert(key.namespace.clone());
            }
            self.dirty.insert(key);
        }
        if self.used.is_empty() || object.meta.namespace.is_empty() {
            return;
        }
        let first = Key::new(Kind::ResourceQuota, object.meta.namespace.to_name(), "");
        for (key, used) in self.used.range_mut_from(&first).take_while(|(k, _)| k.namespace == object.meta.namespace) {
            if change.revision <= used.revision {
                continue;
            }
            used.revision = change.revision;
            if let Some(before) = &change.before {
                used.count(before, -1);
            }
            if let Some(after) = &change.after {
                used.count(after, 1);
                self.due = earlier(self.due, counts_until(after));
            }
            self.dirty.insert(key.clone());
        }
    }

    /// To be called before others make changes that were not seen here yet: those have counted them already. Returns the
    /// namespaces in which there is more room than before.
    pub(super) fn work(&mut self, cx: &mut Context<'_>) -> order::Set<Name> {
        if self.due.is_some_and(|due| due <= cx.now) {
            self.due = None;
            while let Some((key, _)) = self.used.pop_first() {
                self.dirty.insert(key);
            }
        }
        for key in std::mem::take(&mut self.dirty) {
            let Some(quota) = cx.store.at(&key).cloned() else { continue };
            let used = self.used.entry(key).or_insert_with(|| everything(cx, &quota, &mut self.due));
            if write(cx, &quota, used) {
                self.roomier.insert(quota.meta.namespace.to_name());
            }
        }
        std::mem::take(&mut self.roomier)
    }

    pub(super) const fn next_due(&self) -> Option<Time> {
        self.due
    }
}

fn earlier(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    a.into_iter().chain(b).min()
}

/// Counts all that is in the namespace.
fn everything(cx: &Context<'_>, quota: &Arc<Object>, due: &mut Option<Time>) -> Used {
    let mut used = Used { quota: Arc::clone(quota), revision: cx.store.revision(), at: cx.now, counts: Vec::new() };
    for kind in Kind::ALL.into_iter().filter(|kind| kind.info().namespaced && *kind != Kind::Event) {
        for object in cx.store.list(kind, Some(&quota.meta.namespace)) {
            used.count(object, 1);
            *due = earlier(*due, counts_until(object).filter(|at| *at > cx.now));
        }
    }
    used
}

/// Writes down what is used, where that is not what the status says. Returns whether there is more room than it said.
fn write(cx: &mut Context<'_>, quota: &Object, used: &Used) -> bool {
    let Some(document) = quota.document() else { return false };
    let hard = document.at(&["spec", "hard"]);
    let mut is_roomier = document.at(&["status", "hard"]) != hard;
    let hard = hard.as_object().cloned().unwrap_or_default();
    let mut shown_used = Map::new();
    for (resource, bound) in &hard {
        let amount = shown(bound, resource, counted(&used.counts, resource));
        let said = Quantity::parse(document.text(&["status", "used", resource]));
        is_roomier |= said.is_ok_and(|said| amount.compare(said).is_lt());
        shown_used.insert(resource.clone(), amount.to_string().into());
    }
    let status = json!({"hard": hard, "used": shown_used});
    if *document.at(&["status"]) != status {
        let mut next = quota.clone();
        if let Body::Document(document) = &mut next.body {
            document.fields_mut().insert("status".to_owned(), status);
        }
        // It was there when this began.
        let _ = cx.store.update(next, None);
    }
    is_roomier
}
