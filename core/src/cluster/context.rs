//! What a part of the control plane works with.

use super::Effect;
use super::event_log::{EventLog, Happening};
use crate::api::{EventKind, Object};
use crate::apiserver::Shared;
use crate::config::Config;
use crate::network::{Addresses, Router};
use crate::rng::Rng;
use crate::store::Store;
use crate::time::Time;

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

impl Context<'_> {
    /// Records that something happened to an object. The same happening again raises the count of its event.
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
        let happening = Happening { about, field_path, kind, component, host, reason, message };
        self.events.record(&happening, self.now, self.config.events_max);
    }

    /// Writes a part of what was recorded. Returns whether any is left.
    pub(super) fn write_events(&mut self) -> bool {
        self.events.write(self.store, self.config)
    }
}
