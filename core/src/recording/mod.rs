//! Recordings: what a world began with and what was done to it, from which the same world comes again.

mod digest;
mod hash;

pub use hash::{kind_hash, state_hash, state_hash_of};

use crate::sim::{Action, FieldError, Scenario, World};
use crate::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Something that was done to a world, and exactly when: after how many events, since several may share an instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// The instant.
    pub at: Time,
    /// How many events had happened.
    pub events: u64,
    /// What.
    pub action: Action,
}

/// Everything that is needed to have a world again.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// What it began with, seed and settings among it.
    pub scenario: Arc<Scenario>,
    /// What was done to it, in order.
    pub entries: Vec<Entry>,
    /// Up to which instant it was recorded.
    pub until: Time,
    /// How many events had happened by then.
    pub events: u64,
}

/// What a recording says in `apiVersion`. Raised when an old one would replay to another state.
const API_VERSION: &str = "kubarium.io/v1";

impl Recording {
    /// As JSON, for [`Self::from_value`].
    pub fn to_value(&self) -> Value {
        json!({
            "apiVersion": API_VERSION, "kind": "Recording",
            "scenario": self.scenario.to_value(), "entries": self.entries,
            "until": self.until, "events": self.events,
        })
    }

    /// From JSON. An error names the field.
    pub fn from_value(value: &Value) -> Result<Self, FieldError> {
        let error = |field: &str, message: String| FieldError { field: field.to_owned(), message };
        if value["apiVersion"] != API_VERSION || value["kind"] != "Recording" {
            return Err(error("kind", format!("must be a Recording of {API_VERSION}")));
        }
        let scenario = Scenario::from_value(&value["scenario"])
            .map_err(|e| FieldError { field: crate::manifest::join("scenario", &e.field), message: e.message })?;
        let entries = serde_json::from_value(value["entries"].clone()).map_err(|e| error("entries", e.to_string()))?;
        let until = value["until"].as_i64().ok_or_else(|| error("until", "must be microseconds".to_owned()))?;
        let events = value["events"].as_u64().ok_or_else(|| error("events", "must be a number".to_owned()))?;
        Ok(Self { scenario: Arc::new(scenario), entries, until: Time(until), events })
    }

    /// Has the world again.
    pub fn replay(&self) -> World {
        let mut world = World::new(&self.scenario);
        while !self.go_on(&mut world, u32::MAX) {}
        world
    }

    /// Whether a world is on the way to where this recording ends: it began the same, the same was done to it, and what
    /// comes next is still to come.
    pub fn passes(&self, world: &World) -> bool {
        let (events, at) =
            self.entries.get(world.recorded().len()).map_or((self.events, self.until), |next| (next.events, next.at));
        world.events() <= events
            && world.now() <= at
            && world.scenario() == &*self.scenario
            && self.entries.starts_with(world.recorded())
    }

    /// Lets a world on the way go on, until it is there or so many events have happened. Returns whether it is there.
    pub fn go_on(&self, world: &mut World, max_events: u32) -> bool {
        let mut left = max_events;
        let mut pass = |world: &mut World, events: u64, at: Time| {
            while world.events() < events && left > 0 && world.step() {
                left -= 1;
            }
            if left == 0 {
                return false;
            }
            world.pass_until(at);
            true
        };
        while let Some(entry) = self.entries.get(world.recorded().len()) {
            if !pass(world, entry.events, entry.at) {
                return false;
            }
            // What was refused then is refused again.
            let _ = world.apply(entry.action.clone());
        }
        pass(world, self.events, self.until)
    }
}
