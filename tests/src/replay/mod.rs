//! Holds a running server against records of the real Kubernetes: sends what was sent to it, brings both answers into
//! the form in which the records keep them, and says what differs. Whoever wants shares, a floor or a list of
//! differences asks here; nothing else replays.

mod agreement;
mod case;
mod client;
mod console;
mod difference;
mod discovery;
mod kubectl;
mod normal;
mod program;
pub mod scheduler;
mod session;
mod terminal;

pub use agreement::{Agreement, Share};
pub use case::{Case, read};
pub use console::replay as console;
pub use kubectl::Ran;
pub use program::replay as kubectl;
pub use session::replay as api;

/// Patterns are constants of this module.
fn pattern(text: &str) -> regex::Regex {
    #[allow(clippy::expect_used)]
    regex::Regex::new(text).expect("a valid pattern")
}

fn text<'a>(value: &'a serde_json::Value, key: &str) -> &'a str {
    value.get(key).and_then(serde_json::Value::as_str).unwrap_or_default()
}
