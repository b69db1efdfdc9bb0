//! The map's colours, as the design tokens have them.

use crate::components::{colour, computed};
use kubarium_core::view::PodState;
use web_sys::HtmlElement;

/// Colours by what they mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Palette {
    pub(super) ground: String,
    pub(super) surface: String,
    pub(super) raised: String,
    pub(super) line: String,
    pub(super) text: String,
    pub(super) text_quiet: String,
    pub(super) accent: String,
    pub(super) warning: String,
    pub(super) error: String,
    pub(super) focus: String,
    pub(super) glass: String,
    pub(super) glass_line: String,
    pub(super) water: String,
    pub(super) water_line: String,
    pub(super) flow: String,
    pub(super) spark: String,
    pub(super) ghost: String,
    pub(super) font: String,
    pods: [String; PodState::COUNT],
}

impl Palette {
    /// Reads the tokens that hold now, with the help of the map's canvas.
    pub(super) fn read(canvas: &HtmlElement) -> Self {
        let token = |name: &str| colour(canvas, name);
        Self {
            ground: token("--ground"),
            surface: token("--surface"),
            raised: token("--raised"),
            line: token("--line"),
            text: token("--text"),
            text_quiet: token("--text-quiet"),
            accent: token("--accent"),
            warning: token("--warning"),
            error: token("--error"),
            focus: token("--focus"),
            glass: token("--glass"),
            glass_line: token("--glass-line"),
            water: token("--water"),
            water_line: token("--water-line"),
            flow: token("--flow"),
            spark: token("--spark"),
            ghost: token("--pod-ghost"),
            font: computed(canvas, "--font"),
            pods: PodState::ALL.map(|state| token(&format!("--pod-{}", state.as_str()))),
        }
    }

    pub(super) fn pod(&self, state: PodState) -> &str {
        &self.pods[state as usize]
    }
}
