//! What a person chose once: language, theme, a narrow navigation. Kept in the browser.

use super::storage;
use crate::text::Language;
use yew::prelude::*;

/// Colours of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system has it.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The one after it, round and round.
    #[must_use]
    pub(crate) const fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }
}

/// The choices. A context: `use_settings()` gives it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) language: Language,
    pub(crate) theme: Theme,
    /// Whether the navigation shows icons only.
    pub(crate) narrow: bool,
    /// Takes new choices.
    pub(crate) change: Callback<Settings>,
}

fn read(key: &str) -> Option<String> {
    storage::of_browser()?.get_item(&format!("kubarium.{key}")).ok()?
}

fn write(key: &str, value: &str) {
    if let Some(storage) = storage::of_browser() {
        // Full or forbidden: nothing is lost but the memory of a choice.
        let _ = storage.set_item(&format!("kubarium.{key}"), value);
    }
}

impl Settings {
    /// As last chosen, else as the browser prefers.
    pub(crate) fn load() -> Self {
        let preferred = || web_sys::window().and_then(|w| w.navigator().language()).unwrap_or_default();
        let language = Language::parse(&read("language").unwrap_or_else(preferred));
        let theme = read("theme").unwrap_or_default();
        Self {
            language,
            theme: Theme::ALL.into_iter().find(|t| t.as_str() == theme).unwrap_or_default(),
            narrow: read("narrow").as_deref() == Some("true"),
            change: Callback::noop(),
        }
    }

    /// Keeps the choices and shows them on the document.
    pub(crate) fn keep(&self) {
        write("language", self.language.code());
        write("theme", self.theme.as_str());
        write("narrow", if self.narrow { "true" } else { "false" });
        let root = web_sys::window().and_then(|w| w.document()).and_then(|d| d.document_element());
        if let Some(root) = root {
            // Setting an attribute of a fixed, valid name cannot fail.
            let _ = root.set_attribute("lang", self.language.code());
            let _ = root.set_attribute("data-theme", self.theme.as_str());
        }
    }
}

/// The choices.
#[hook]
pub(crate) fn use_settings() -> Settings {
    use_context::<Settings>().unwrap_or_else(Settings::load)
}
