//! How far a simulation is, on the terminal.

use indicatif::{ProgressBar, ProgressStyle};
use kubarium_core::Span;
use kubarium_core::api::Kind;
use kubarium_core::sim::{self, World};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// A bar on the terminal while there is much to do; nothing where there is no terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    begun: Instant,
}

impl Progress {
    pub(super) fn new() -> Self {
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        // The template is a constant that a test sees; without it the bar has its usual look.
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} objects  {msg}") {
            bar.set_style(style);
        }
        Self { bar, begun: Instant::now() }
    }

    /// One that shows nothing.
    pub(super) fn hidden() -> Self {
        Self { bar: ProgressBar::hidden(), begun: Instant::now() }
    }

    /// So many objects are to come; they are counted where somebody sees it.
    pub(super) fn expect(&self, objects: impl FnOnce() -> usize) {
        if !self.bar.is_hidden() {
            self.bar.set_length(objects() as u64);
        }
    }

    pub(super) fn show(&self, world: &World) {
        if self.bar.is_hidden() || self.begun.elapsed() < Duration::from_millis(300) {
            return;
        }
        let store = world.cluster().store();
        let objects: usize = Kind::ALL.into_iter().filter(|k| *k != Kind::Event).map(|k| store.count(k)).sum();
        self.bar.set_position((objects as u64).min(self.bar.length().unwrap_or_default()));
        self.bar
            .set_message(format!("{} of cluster time", sim::format_span(Span::from_secs(world.elapsed().as_secs()))));
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
