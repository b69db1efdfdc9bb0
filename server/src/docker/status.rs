//! How a host is, for whoever asks.

use super::engine::Engine;
use std::sync::RwLock;

/// Shared between a host's task and those who look.
#[derive(Debug, Default)]
pub(super) struct StatusCell(RwLock<(Option<Engine>, String)>);

impl StatusCell {
    /// Sets the connection and a sentence. Returns whether the sentence is new.
    pub(super) fn set(&self, engine: Option<Engine>, message: &str) -> bool {
        let Ok(mut cell) = self.0.write() else { return false };
        let new = cell.1 != message;
        *cell = (engine, message.to_owned());
        new
    }

    /// The connection, or why there is none.
    pub(super) fn engine(&self) -> Result<Engine, String> {
        match self.0.read() {
            Ok(cell) => cell.0.clone().ok_or_else(|| cell.1.clone()),
            Err(_) => Err("its state is not known".to_owned()),
        }
    }

    /// Whether it is connected, and a sentence.
    pub(super) fn summary(&self) -> (bool, String) {
        self.0.read().map(|cell| (cell.0.is_some(), cell.1.clone())).unwrap_or_default()
    }
}
