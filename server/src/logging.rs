//! Structured logs on standard error: lines for people, or JSON for machines.

use crate::config::LogFormat;
use std::io::IsTerminal as _;
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

/// Sends what the server says about itself to standard error. The first call counts.
pub fn start(format: LogFormat, level: Level) {
    // Libraries speak up from warnings on; bollard and hyper are chatty below.
    let filter = Targets::new().with_target("kubarium", level).with_default(LevelFilter::WARN.min(level.into()));
    let colour = std::io::stderr().is_terminal();
    let layer = match format {
        LogFormat::Text => fmt::layer().with_writer(std::io::stderr).with_ansi(colour).with_target(false).boxed(),
        LogFormat::Json => fmt::layer().with_writer(std::io::stderr).json().flatten_event(true).boxed(),
    };
    // Fails only where somebody set a subscriber before, as a test may.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}
