//! JSON as clients send it: read once, with the places where a key came twice, and errors in Go's words.

use super::place::Place;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// A document, and the paths of keys that came twice (the last one counts).
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Document {
    /// What it says.
    pub(super) value: Value,
    /// Such as `spec.containers[0].image`.
    pub(super) duplicates: Vec<String>,
}

/// Reads a document. The error is what Go's decoder would say.
pub(super) fn parse(text: &str) -> Result<Document, String> {
    let mut duplicates = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let seed = Seed { place: Place::Root, duplicates: &mut duplicates };
    let value = seed.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    match value {
        Ok(value) => Ok(Document { value, duplicates }),
        Err(error) => Err(in_words_of_go(&error, text)),
    }
}

/// Go's word for what a value is.
pub(super) const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn in_words_of_go(error: &serde_json::Error, text: &str) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".to_owned();
    }
    let said = error.to_string();
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let column = error.column().saturating_sub(1);
    let found = line.get(column..).and_then(|rest| rest.chars().next());
    let Some(found) = found else { return "unexpected end of JSON input".to_owned() };
    let where_ = if said.starts_with("expected value") {
        "looking for beginning of value"
    } else if said.starts_with("trailing characters") {
        "after top-level value"
    } else if said.starts_with("key must be a string") {
        "looking for beginning of object key string"
    } else if said.starts_with("expected `:`") {
        "after object key"
    } else if said.starts_with("expected `,` or `}`") {
        "after object key:value pair"
    } else if said.starts_with("expected `,` or `]`") {
        "after array element"
    } else if said.starts_with("trailing comma") {
        if found == '}' { "looking for beginning of object key string" } else { "looking for beginning of value" }
    } else if said.starts_with("control character") {
        "in string literal"
    } else if said.starts_with("invalid escape") {
        "in string escape code"
    } else if said.starts_with("invalid number") {
        "in numeric literal"
    } else if said.starts_with("recursion limit") {
        return "exceeded max depth".to_owned();
    } else {
        "looking for beginning of value"
    };
    format!("invalid character '{found}' {where_}")
}

struct Seed<'a> {
    place: Place<'a>,
    duplicates: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("invalid number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let place = Place::Item(&self.place, list.len());
            match items.next_element_seed(Seed { place, duplicates: self.duplicates })? {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let place = Place::Field(&self.place, &key);
            if map.contains_key(&key) {
                if self.duplicates.len() >= DUPLICATES_MAX {
                    return Err(A::Error::custom("too many keys came twice"));
                }
                self.duplicates.push(place.to_string());
            }
            let value = entries.next_value_seed(Seed { place, duplicates: self.duplicates })?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

/// How many keys may come twice before a document is refused.
const DUPLICATES_MAX: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_documents_are_refused_in_words_of_go() {
        for (text, expected) in [
            ("", "unexpected end of JSON input"),
            ("{\"a\":", "unexpected end of JSON input"),
            ("apiVersion: v1", "invalid character 'a' looking for beginning of value"),
            ("{} trailing", "invalid character 't' after top-level value"),
            ("{b}", "invalid character 'b' looking for beginning of object key string"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"),
        ] {
            assert_eq!(parse(text), Err(expected.to_owned()), "{text}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err(), "depth is bounded");
    }

    #[test]
    fn keys_that_come_twice_are_named_with_their_path() {
        let document = parse(r#"{"a":1,"l":[{"x":1,"x":2}],"a":3}"#).unwrap();
        assert_eq!(document.duplicates, ["l[0].x", "a"]);
        assert_eq!(document.value["a"], 3);
    }
}
