//! A description on its way to be printed: labelled lines, aligned in the end.

use crate::go::{self, entries, items, number, text};
use crate::tabs;
use kubarium_core::Time;
use kubarium_core::api::table::human_duration;
use serde_json::Value;
use std::fmt::Write as _;

/// How long an annotation may be that stands in one line.
const ANNOTATION_CHARS_MAX: usize = 140;

/// A description.
pub(crate) struct Page {
    pub(super) now: Time,
    /// What is aligned already.
    done: String,
    open: String,
}

impl Page {
    pub(super) fn new(now: Time) -> Self {
        Self { now, done: String::new(), open: String::new() }
    }

    /// A line, moved in by `level` steps; its cells end in tabs.
    pub(super) fn line(&mut self, level: usize, cells: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.open, "{}{cells}", "  ".repeat(level));
    }

    /// A label and what belongs to it.
    pub(super) fn row(&mut self, level: usize, label: &str, value: &str) {
        self.line(level, &format!("{label}:\t{value}"));
    }

    /// The same, unless there is nothing.
    pub(super) fn row_if(&mut self, level: usize, label: &str, value: &str) {
        if !value.is_empty() {
            self.row(level, label, value);
        }
    }

    /// A label and the text at a pointer.
    pub(super) fn field(&mut self, label: &str, object: &Value, pointer: &str) {
        self.row(0, label, text(object, pointer));
    }

    /// Pairs below each other, by key.
    pub(super) fn pairs(&mut self, label: &str, object: &Value, pointer: &str) {
        let pairs: Vec<String> =
            entries(object, pointer).map(|(key, value)| format!("{key}={}", go::plain(value))).collect();
        self.several(label, &pairs);
    }

    /// Words below each other.
    pub(super) fn several(&mut self, label: &str, words: &[String]) {
        if words.is_empty() {
            self.row(0, label, "<none>");
        }
        for (index, word) in words.iter().enumerate() {
            if index == 0 {
                self.row(0, label, word);
            } else {
                self.line(0, &format!("\t{word}"));
            }
        }
    }

    /// Annotations; long ones in lines of their own.
    pub(super) fn annotations(&mut self, label: &str, object: &Value, pointer: &str) {
        let mut words = Vec::new();
        for (key, value) in entries(object, pointer).filter(|(key, _)| *key != crate::create::LAST_APPLIED) {
            let value = go::plain(value);
            let value = value.strip_suffix('\n').unwrap_or(&value);
            if value.len() + key.len() + 2 < ANNOTATION_CHARS_MAX && !value.contains('\n') {
                words.push(format!("{key}: {value}"));
            } else {
                words.push(format!("{key}:"));
                for line in value.split('\n') {
                    let short: String = line.chars().take(ANNOTATION_CHARS_MAX - 2).collect();
                    let dots = if short.len() < line.len() { "..." } else { "" };
                    words.push(format!("  {short}{dots}"));
                }
            }
        }
        self.several(label, &words);
    }

    /// What every object begins with.
    pub(super) fn begin(&mut self, object: &Value) {
        self.field("Name", object, "/metadata/name");
        self.row_if(0, "Namespace", text(object, "/metadata/namespace"));
        self.pairs("Labels", object, "/metadata/labels");
        self.annotations("Annotations", object, "/metadata/annotations");
    }

    /// Conditions with type and status.
    pub(super) fn conditions(&mut self, object: &Value) {
        let conditions = items(object, "/status/conditions");
        if conditions.is_empty() {
            return;
        }
        self.line(0, "Conditions:");
        self.line(1, "Type\tStatus");
        for condition in conditions {
            self.line(1, &format!("{} \t{} ", text(condition, "/type"), text(condition, "/status")));
        }
    }

    /// Events, in the order in which they happened.
    pub(super) fn events(&mut self, events: &[Value]) {
        if events.is_empty() {
            self.row(0, "Events", "<none>");
            return;
        }
        self.align();
        let mut events: Vec<&Value> = events.iter().collect();
        events.sort_by_key(|event| micros(text(event, "/lastTimestamp")));
        self.line(0, "Events:");
        self.line(1, "Type\tReason\tAge\tFrom\tMessage");
        self.line(1, "----\t------\t----\t----\t-------");
        for event in events {
            let source = match text(event, "/source/component") {
                "" => text(event, "/reportingComponent"),
                source => source,
            };
            self.line(
                1,
                &format!(
                    "{}\t{}\t{}\t{source}\t{}",
                    text(event, "/type"),
                    text(event, "/reason"),
                    event_age(event, self.now),
                    text(event, "/message").trim()
                ),
            );
        }
    }

    /// Columns from here on are as wide as what comes from here on.
    pub(super) fn align(&mut self) {
        let open = std::mem::take(&mut self.open);
        self.done.push_str(&tabs::align(&open, tabs::DESCRIPTION));
    }

    /// How long ago an instant is.
    pub(super) fn since(&self, instant: &str) -> String {
        since(instant, self.now)
    }

    pub(super) fn finish(mut self) -> String {
        self.align();
        self.done
    }
}

/// An instant as Kubernetes writes it, in microseconds; none where it is not one.
pub(crate) fn micros(instant: &str) -> Option<i64> {
    Time::parse(instant).map(|time| time.0)
}

fn since(instant: &str, now: Time) -> String {
    micros(instant).map_or_else(|| "<unknown>".to_owned(), |at| human_duration((now.0 - at).div_euclid(1_000_000)))
}

/// How long ago an event happened, and how often.
pub(crate) fn event_age(event: &Value, now: Time) -> String {
    let first = match text(event, "/eventTime") {
        "" => since(text(event, "/firstTimestamp"), now),
        instant => since(instant, now),
    };
    let count = number(event, "/count");
    if event["series"].is_object() {
        let last = since(text(event, "/series/lastObservedTime"), now);
        return format!("{last} (x{} over {first})", number(event, "/series/count"));
    }
    if count > 1 { format!("{} (x{count} over {first})", since(text(event, "/lastTimestamp"), now)) } else { first }
}
