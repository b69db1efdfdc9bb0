//! Reading a type from a JSON value.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, Expected, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;
use std::{fmt, slice};

/// Reading failed, at that value. No larger than it must be: every type's code hands it on at every field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unreadable<'de>(pub(super) Option<&'de Value>);

impl fmt::Display for Unreadable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("does not fit its schema")
    }
}

impl std::error::Error for Unreadable<'_> {}

impl de::Error for Unreadable<'_> {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(None)
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self(None)
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self(None)
    }
}

/// A value to read from.
#[derive(Clone, Copy)]
pub(super) struct Source<'de>(pub(super) &'de Value);

type Read<'de, T> = Result<T, Unreadable<'de>>;

impl<'de> Source<'de> {
    /// That this value is the one that does not fit.
    fn misfit<T>(self) -> Read<'de, T> {
        Err(Unreadable(Some(self.0)))
    }

    /// What a visitor says of this very value.
    fn said<T>(self, said: Read<'de, T>) -> Read<'de, T> {
        said.map_err(|_| Unreadable(Some(self.0)))
    }

    #[inline(never)]
    fn text(self) -> Option<&'de str> {
        self.0.as_str()
    }

    #[inline(never)]
    fn items(self) -> Option<Items<'de>> {
        Some(Items(self.0.as_array()?.iter()))
    }

    #[inline(never)]
    fn entries(self) -> Option<Entries<'de>> {
        Some(Entries { rest: self.0.as_object()?.iter(), value: self.0 })
    }

    #[inline(never)]
    fn number<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V::Value> {
        let Value::Number(number) = self.0 else { return self.misfit() };
        self.said(match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => visitor.visit_i64(number),
            (None, Some(number)) => visitor.visit_u64(number),
            (None, None) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
        })
    }
}

impl<'de> Deserializer<'de> for Source<'de> {
    type Error = Unreadable<'de>;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V::Value> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(_) => self.number(visitor),
            Value::String(_) => self.deserialize_str(visitor),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V::Value> {
        if let Value::Bool(value) = self.0 { visitor.visit_bool(*value) } else { self.misfit() }
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V::Value> {
        self.number(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V::Value> {
        self.number(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V::Value> {
        self.number(visitor)
    }

    #[inline(never)]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V::Value> {
        let Some(text) = self.text() else { return self.misfit() };
        self.said(visitor.visit_str(text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V::Value> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Read<'de, V::Value> {
        visitor.visit_newtype_struct(self)
    }

    #[inline(never)]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V::Value> {
        let Some(items) = self.items() else { return self.misfit() };
        visitor.visit_seq(items)
    }

    #[inline(never)]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V::Value> {
        let Some(entries) = self.entries() else { return self.misfit() };
        visitor.visit_map(entries)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Read<'de, V::Value> {
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Read<'de, V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
    }
}

/// Items of a list that are still to be read.
struct Items<'de>(slice::Iter<'de, Value>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Unreadable<'de>;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Read<'de, Option<T::Value>> {
        self.0.next().map(|item| seed.deserialize(Source(item))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// Entries of a map that are still to be read, and the value of the one whose key was.
struct Entries<'de> {
    rest: serde_json::map::Iter<'de>,
    value: &'de Value,
}

impl<'de> Entries<'de> {
    #[inline(never)]
    fn next_key(&mut self) -> Option<&'de str> {
        let (key, value) = self.rest.next()?;
        self.value = value;
        Some(key)
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Unreadable<'de>;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Read<'de, Option<K::Value>> {
        self.next_key().map(|key| seed.deserialize(BorrowedStrDeserializer::new(key))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Read<'de, V::Value> {
        seed.deserialize(Source(self.value))
    }
}
