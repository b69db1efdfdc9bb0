//! What happened, on its way into the store as events: the latest are kept.
//!
//! What is recorded waits until nothing else is left to do. So what a burst supersedes, because more came after it than are
//! kept, is never written, and nothing waits for its events.

use crate::api::{Body, CommonName, EventBody, EventKind, Key, Kind, Meta, Name, Object, Occasion, Referent};
use crate::config::Config;
use crate::order;
use crate::rng::Rng;
use crate::store::Store;
use crate::time::Time;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// How many events are written before others take note of them: so the store's log stays short.
const WRITTEN_MAX: usize = 4_096;

/// How many occasions are remembered, to be shared.
const KEPT_MAX: usize = 256;

/// What happened to an object, as a part of the control plane tells it.
pub(crate) struct Happening<'a> {
    pub(crate) about: &'a Object,
    /// Which part of the object, such as `spec.containers{web}`.
    pub(crate) field_path: &'a str,
    pub(crate) kind: EventKind,
    /// Who saw it, and on which node, where that matters.
    pub(crate) component: &'a str,
    pub(crate) host: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) message: &'a str,
}

/// What happened and is not written yet, and which events were written.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventLog {
    waiting: VecDeque<Box<EventBody>>,
    /// Keys of events in the order of their creation, to keep only the latest.
    written: VecDeque<(CommonName, Name)>,
    /// Those of late. Where each lies is told by a hash of it, which decides only which other is forgotten for it.
    occasions: Vec<Option<Arc<Occasion>>>,
    /// What is put together, in room that is used again.
    draft: String,
}

impl EventLog {
    /// Of the events a store has.
    pub(super) fn new(store: &Store) -> Self {
        let mut events: Vec<&Meta> = store.list(Kind::Event, None).map(|o| &o.meta).collect();
        order::sort_by(&mut events, |a, b| a.created.cmp(&b.created));
        Self { written: events.iter().map(|m| (m.namespace.clone(), m.name.clone())).collect(), ..Self::default() }
    }

    /// Takes note of what happened. Of more than `keep` the oldest are forgotten.
    pub(super) fn record(&mut self, happening: &Happening<'_>, now: Time, keep: usize) {
        let about = &happening.about.meta;
        let now = now.floor_secs();
        let event = EventBody {
            occasion: self.occasion(happening),
            name: about.name.clone(),
            uid: Referent::Uid(about.uid),
            resource_version: about.resource_version,
            message: happening.message.into(),
            count: 1,
            first: now,
            last: now,
            host: happening.host.into(),
            rest: None,
        };
        self.waiting.push_back(Box::new(event));
        while self.waiting.len() > keep {
            self.waiting.pop_front();
        }
    }

    /// What many events have in common, that of an earlier one where there is such.
    fn occasion(&mut self, happening: &Happening<'_>) -> Arc<Occasion> {
        let Happening { about, field_path, kind, component, reason, .. } = happening;
        let namespace = &about.meta.namespace;
        self.put_together(&[namespace, component, field_path, reason]);
        self.occasions.resize_with(KEPT_MAX, || None);
        let slot = &mut self.occasions[(xxh3_64(self.draft.as_bytes()) % KEPT_MAX as u64) as usize];
        let of = about.kind().info().kind;
        let same = |known: &&mut Arc<Occasion>| {
            known.of == of
                && known.namespace == *namespace
                && known.field_path == *field_path
                && known.reason == *reason
                && known.kind == *kind
                && known.component == *component
        };
        if let Some(known) = slot.as_mut().filter(same) {
            return Arc::clone(known);
        }
        let occasion = Occasion {
            of: Name::new_static(of),
            api_version: about.kind().api_version().into(),
            namespace: namespace.clone(),
            field_path: (*field_path).into(),
            reason: (*reason).into(),
            kind: *kind,
            component: (*component).into(),
        };
        Arc::clone(slot.insert(Arc::new(occasion)))
    }

    fn put_together(&mut self, parts: &[&str]) {
        self.draft.clear();
        for part in parts {
            self.draft.push_str(part);
            self.draft.push('\0');
        }
    }

    /// Writes the first of what waits, and removes the oldest events of more than are kept. The same happening again raises
    /// the count of its event. Returns whether any is left.
    pub(super) fn write(&mut self, store: &mut Store, config: &Config) -> bool {
        for _ in 0..WRITTEN_MAX {
            let Some(event) = self.waiting.pop_front() else { break };
            self.write_one(event, store, config.seed);
            while self.written.len() > config.events_max {
                if let Some((namespace, name)) = self.written.pop_front() {
                    // A client may have deleted it already.
                    let _ = store.delete(&Key { kind: Kind::Event, namespace: namespace.to_name(), name });
                }
            }
        }
        !self.waiting.is_empty()
    }

    fn write_one(&mut self, event: Box<EventBody>, store: &mut Store, seed: u64) {
        let Occasion { namespace, field_path, reason, component, .. } = &*event.occasion;
        let namespace = if namespace.is_empty() { CommonName::from("default") } else { namespace.clone() };
        // Nothing comes into a namespace that is on its way out.
        if store.get(Kind::Namespace, "", &namespace).is_none_or(|n| crate::deletion::is_terminating(n)) {
            return;
        }
        // One name per object, reason and message: what repeats finds its earlier event without a search.
        self.put_together(&[component, field_path, reason, &event.message]);
        // It takes whatever is written to it.
        let _ = write!(self.draft, "{}", event.uid);
        let identity = xxh3_64(self.draft.as_bytes());
        // Of a chance of their own: what the cluster draws is the same however many there are.
        let uid = Rng::new(seed ^ store.revision(), &self.draft).uid();
        self.draft.clear();
        let _ = write!(self.draft, "{}.{identity:016x}", event.name);
        let name = Name::new(&*self.draft);
        let last = event.last;
        let meta =
            Meta { name: name.clone(), namespace: namespace.clone(), uid, created: event.first, ..Meta::default() };
        // Most are new: what repeats is found by that its name is taken.
        if store.create(Object { meta, body: Body::Event(event) }).is_ok() {
            self.written.push_back((namespace, name));
        } else if let Some(mut next) = store.get(Kind::Event, &namespace, &name).map(|old| Object::clone(old)) {
            if let Body::Event(known) = &mut next.body {
                known.count = known.count.saturating_add(1);
                known.last = last;
            }
            // It was there a line above.
            let _ = store.update(next, None);
        }
    }
}
