//! Which scenario plays: a word of the address, and the text it stands for.
//!
//! A shipped scenario is named. A person's own stands in the address itself where it is short enough for a link, else
//! under a number in this tab's storage.

use super::storage;
use kubarium_core::sim::{Shipped, shipped};
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The longest text that stands in the address, in bytes: every link of the page carries it.
const TEXT_BYTES_MAX: usize = 8 * 1024;

/// What the word of a stored text begins with.
const STORED: &str = "stored-";

/// The shipped scenario a word names; the demo for none.
pub(crate) fn shipped_by(word: &str) -> Option<&'static Shipped> {
    if word.is_empty() { shipped().first() } else { shipped().iter().find(|s| s.name == word) }
}

/// The text a word stands for. An unknown word stands for itself, which is then no scenario and says so.
pub(crate) fn text_of(word: &str) -> Cow<'_, str> {
    if let Some(shipped) = shipped_by(word) {
        return shipped.text.into();
    }
    let stored =
        word.strip_prefix(STORED).and_then(|_| storage::of_tab()?.get_item(&format!("kubarium.{word}")).ok()?);
    stored.map_or(word.into(), Into::into)
}

/// A word that stands for a person's own text. None where it is too long for the address and cannot be stored.
pub(crate) fn word_for(text: &str) -> Option<String> {
    if text.len() <= TEXT_BYTES_MAX {
        return Some(text.to_owned());
    }
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let word = format!("{STORED}{:016x}", hasher.finish());
    storage::of_tab()?.set_item(&format!("kubarium.{word}"), text).ok()?;
    Some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_for_a_text_and_a_short_text_for_itself() {
        assert_eq!(text_of(""), text_of("demo"));
        assert!(text_of("node-failure").contains("kind: Scenario"));
        let own = "apiVersion: kubarium.io/v1\nkind: Scenario\n";
        assert_eq!(word_for(own).map(|word| text_of(&word).into_owned()).as_deref(), Some(own));
    }
}
