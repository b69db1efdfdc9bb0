//! Instants from documents.

use crate::Timestamp;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt::{Formatter, Result as Written};

struct Text;

impl Visitor<'_> for Text {
    type Value = Timestamp;

    fn expecting(&self, f: &mut Formatter<'_>) -> Written {
        f.write_str("an instant of RFC 3339")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse().map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}
