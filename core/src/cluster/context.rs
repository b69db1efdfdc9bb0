//! What a part of the control plane works with, and the events it leaves behind.

use super::Effect;
use crate::api::{Body, EventBody, EventKind, Key, Kind, Meta, Name, Object, ObjectReference};
use crate::apiserver::Shared;
use crate::config::Config;
use crate::network::{Addresses, Router};
use crate::rng::Rng;
use crate::store::Store;
use crate::time::Time;
use smol_str::format_smolstr;
use std::collections::VecDeque;
use std::fmt::Write as _;
use xxhash_rust::xxh3::xxh3_64;

/// What the parts of the control plane work with.
pub(crate) struct Context<'a> {
    pub(crate) now: Time,
    pub(crate) config: &'a Config,
    pub(crate) store: &'a mut Store,
    pub(crate) rng: &'a mut Rng,
    pub(crate) addresses: &'a mut Addresses,
    pub(crate) router: &'a mut Router,
    pub(crate) effects: &'a mut Vec<Effect>,
    pub(crate) events: &'a mut EventLog,
    pub(crate) shared: &'a mut Shared,
}

/// Keys of events in the order of their creation, to keep only the latest.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventLog {
    keys: VecDeque<Key>,
    /// What is put together, in room that is used again.
    draft: String,
}

impl EventLog {
    /// Of the events a store has.
    pub(super) fn new(store: &Store) -> Self {
        Self { keys: store.list(Kind::Event, None).map(|o| o.key()).collect(), draft: String::new() }
    }
}

impl Context<'_> {
    /// Records that something happened to an object. The same happening again raises its count.
    pub(crate) fn event(&mut self, about: &Object, kind: EventKind, component: &str, reason: &str, message: &str) {
        self.event_on(about, kind, component, "", reason, message);
    }

    /// Records that something happened to an object, as seen by a component on `host`.
    pub(crate) fn event_on(
        &mut self,
        about: &Object,
        kind: EventKind,
        component: &str,
        host: &str,
        reason: &str,
        message: &str,
    ) {
        self.event_in(about, kind, component, host, "", reason, message);
    }

    /// The same about a part of the object, such as `spec.containers{web}`.
    #[expect(clippy::too_many_arguments, reason = "an event has that many parts")]
    pub(crate) fn event_in(
        &mut self,
        about: &Object,
        kind: EventKind,
        component: &str,
        host: &str,
        field_path: &str,
        reason: &str,
        message: &str,
    ) {
        let key = about.key();
        let namespace = if key.namespace.is_empty() { Name::new_static("default") } else { key.namespace.clone() };
        // Nothing comes into a namespace that is on its way out.
        if self.store.get(Kind::Namespace, "", &namespace).is_none_or(|n| crate::deletion::is_terminating(n)) {
            return;
        }
        // One name per object, reason and message: what repeats finds its earlier event without a search.
        let uid: Name = format_smolstr!("{}", about.meta.uid);
        let draft = &mut self.events.draft;
        draft.clear();
        for part in [uid.as_str(), component, field_path, reason, message] {
            draft.push_str(part);
            draft.push('\0');
        }
        let identity = xxh3_64(draft.as_bytes());
        draft.clear();
        // It takes whatever is written to it.
        let _ = write!(draft, "{}.{identity:016x}", key.name);
        let name = Name::new(&*draft);
        let now = self.now.floor_secs();
        if let Some(old) = self.store.get(Kind::Event, &namespace, &name) {
            let mut next = Object::clone(old);
            if let Body::Event(event) = &mut next.body {
                event.count = event.count.saturating_add(1);
                event.last = now;
            }
            // It was there a line above.
            let _ = self.store.update(next, None);
            return;
        }
        let event = Object {
            meta: Meta { name, namespace, uid: self.rng.uid(), created: now, ..Meta::default() },
            body: Body::Event(Box::new(EventBody {
                involved: ObjectReference {
                    kind: Name::new_static(key.kind.info().kind),
                    api_version: key.kind.api_version().into(),
                    namespace: key.namespace,
                    name: key.name,
                    uid,
                    resource_version: format_smolstr!("{}", about.meta.resource_version),
                    field_path: field_path.into(),
                },
                reason: reason.into(),
                message: message.into(),
                kind,
                count: 1,
                first: now,
                last: now,
                component: component.into(),
                host: host.into(),
                rest: None,
            })),
        };
        self.events.keys.push_back(event.key());
        let _ = self.store.create(event);
        while self.events.keys.len() > self.config.events_max {
            if let Some(oldest) = self.events.keys.pop_front() {
                // A client may have deleted it already.
                let _ = self.store.delete(&oldest);
            }
        }
    }
}
