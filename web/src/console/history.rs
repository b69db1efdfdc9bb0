//! What was typed before, kept in the browser.

use crate::state::storage;
use js_sys::{Array, JSON};
use wasm_bindgen::{JsCast, JsValue};

const KEY: &str = "kubarium.console";

/// How many lines are kept.
const LINES_MAX: usize = 200;

/// What was typed before, and where one is in it.
pub(super) struct History {
    lines: Vec<String>,
    /// At the end for what is being typed.
    at: usize,
    /// What was being typed when one went back.
    draft: String,
}

impl History {
    /// As it was left.
    pub(super) fn load() -> Self {
        let kept = storage::of_browser().and_then(|s| s.get_item(KEY).ok()?).and_then(|text| JSON::parse(&text).ok());
        let kept = kept.and_then(|list| list.dyn_into::<Array>().ok());
        let lines: Vec<String> = kept.iter().flat_map(|list| list.iter()).filter_map(|line| line.as_string()).collect();
        Self { at: lines.len(), lines, draft: String::new() }
    }

    /// Adds what was typed.
    pub(super) fn add(&mut self, line: &str) {
        if self.lines.last().is_none_or(|last| last != line) {
            self.lines.push(line.to_owned());
        }
        let surplus = self.lines.len().saturating_sub(LINES_MAX);
        self.lines.drain(..surplus);
        self.at = self.lines.len();
        let list: Array = self.lines.iter().map(|line| JsValue::from_str(line)).collect();
        if let (Some(storage), Ok(text)) = (storage::of_browser(), JSON::stringify(&list)) {
            // Full or forbidden: then the history lasts as long as the page.
            let _ = storage.set_item(KEY, &text.as_string().unwrap_or_default());
        }
    }

    /// The line before, or after, the one that stands there now.
    pub(super) fn step(&mut self, back: bool, shown: &str) -> Option<&str> {
        let next = if back { self.at.checked_sub(1)? } else { self.at + 1 };
        if next > self.lines.len() {
            return None;
        }
        if self.at == self.lines.len() {
            shown.clone_into(&mut self.draft);
        }
        self.at = next;
        Some(self.lines.get(next).unwrap_or(&self.draft))
    }
}
