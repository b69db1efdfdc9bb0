//! Kubernetes' types from and to JSON values: the one way in and the one way out.
//!
//! An error says where, not why: by then a document has been held against its schema, which has the words. That is
//! also what keeps the page small. With `serde_json`'s own way, what every type of every library has to say of its
//! errors is compiled in, and each field is moved out of a value that has to be taken apart on every way out.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, Expected, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::ser::{self, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::{Map, Value};
use std::fmt;

/// A value that is not of the type wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Misfit {
    /// Where it is, such as `spec.containers[0].ports`.
    pub(super) path: String,
}

/// Reads a typed value.
pub(super) fn decode<'de, T: Deserialize<'de>>(value: &'de Value) -> Result<T, Misfit> {
    T::deserialize(Source(value))
}

/// Writes a typed value.
pub(crate) fn encode<T: Serialize>(typed: &T) -> Value {
    // Kubernetes' types have string keys and finite numbers throughout, so this cannot fail.
    typed.serialize(Sink).unwrap_or_default()
}

impl Misfit {
    #[cold]
    fn within(mut self, key: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path.insert_str(0, dot);
        self.path.insert_str(0, key);
        self
    }

    #[cold]
    fn within_item(self, index: usize) -> Self {
        self.within(&format!("[{index}]"))
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} does not fit its schema", self.path)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::default()
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::default()
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::default()
    }
}

impl ser::Error for Misfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::default()
    }
}

/// A value to read from.
#[derive(Clone, Copy)]
struct Source<'de>(&'de Value);

fn misfit<T>() -> Result<T, Misfit> {
    Err(Misfit::default())
}

impl<'de> Source<'de> {
    fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let Value::Number(number) = self.0 else { return misfit() };
        match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => visitor.visit_i64(number),
            (None, Some(number)) => visitor.visit_u64(number),
            (None, None) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
        }
    }
}

impl<'de> Deserializer<'de> for Source<'de> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(_) => self.number(visitor),
            Value::String(_) => self.deserialize_str(visitor),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if let Value::Bool(value) = self.0 { visitor.visit_bool(*value) } else { misfit() }
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.number(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.number(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.number(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if let Value::String(text) = self.0 { visitor.visit_str(text) } else { misfit() }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let Value::Array(items) = self.0 else { return misfit() };
        visitor.visit_seq(Items { items, next: 0 })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let Value::Object(map) = self.0 else { return misfit() };
        visitor.visit_map(Entries { rest: map.iter(), current: None })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
    }
}

/// Items of a list that is being read.
struct Items<'de> {
    items: &'de [Value],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        let Some(item) = self.items.get(self.next) else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        seed.deserialize(Source(item)).map(Some).map_err(|misfit| misfit.within_item(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

/// Entries of a map that is being read.
struct Entries<'de> {
    rest: serde_json::map::Iter<'de>,
    current: Option<(&'de String, &'de Value)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        self.current = self.rest.next();
        self.current.map(|(key, _)| seed.deserialize(BorrowedStrDeserializer::new(key))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        let Some((key, value)) = self.current else { return misfit() };
        seed.deserialize(Source(value)).map_err(|misfit| misfit.within(key))
    }
}

/// Where values are written to.
#[derive(Clone, Copy)]
struct Sink;

impl Serializer for Sink {
    type Ok = Value;
    type Error = Misfit;
    type SerializeSeq = List;
    type SerializeTuple = Impossible<Value, Misfit>;
    type SerializeTupleStruct = Impossible<Value, Misfit>;
    type SerializeTupleVariant = Impossible<Value, Misfit>;
    type SerializeMap = Object;
    type SerializeStruct = Object;
    type SerializeStructVariant = Impossible<Value, Misfit>;

    fn serialize_bool(self, v: bool) -> Result<Value, Misfit> {
        Ok(v.into())
    }

    fn serialize_i8(self, v: i8) -> Result<Value, Misfit> {
        Ok(v.into())
    }

    fn serialize_i16(self, v: i16) -> Result<Value, Misfit> {
        Ok(v.into())
    }

    fn serialize_i32(self, v: i32) -> Result<Value, Misfit> {
        Ok(v.into())
    }

    fn serialize_i64(self, v: i64) -> Result<Value, Misfit> {
        Ok(v.into())
    }

    fn serialize_u8(self, v: u8) -> Result<Value, Misfit> {
        Ok(v.into())
    }

    fn serialize_u16(self, v: u16) -> Result<Value, Misfit> {
        Ok(v.into())
    }

    fn serialize_u32(self, v: u32) -> Result<Value, Misfit> {
        Ok(v.into())
    }

    fn serialize_u64(self, v: u64) -> Result<Value, Misfit> {
        Ok(v.into())
    }

    fn serialize_f32(self, v: f32) -> Result<Value, Misfit> {
        Ok(v.into())
    }

    fn serialize_f64(self, v: f64) -> Result<Value, Misfit> {
        Ok(v.into())
    }

    fn serialize_char(self, v: char) -> Result<Value, Misfit> {
        self.serialize_str(v.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, v: &str) -> Result<Value, Misfit> {
        Ok(v.into())
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<Value, Misfit> {
        Ok(v.into())
    }

    fn serialize_none(self) -> Result<Value, Misfit> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Misfit> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Misfit> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Misfit> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Value, Misfit> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Value, Misfit> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Value, Misfit> {
        misfit()
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<List, Misfit> {
        Ok(List(Vec::with_capacity(len.unwrap_or_default())))
    }

    fn serialize_tuple(self, _: usize) -> Result<Impossible<Value, Misfit>, Misfit> {
        misfit()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Impossible<Value, Misfit>, Misfit> {
        misfit()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<Value, Misfit>, Misfit> {
        misfit()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Object, Misfit> {
        Ok(Object::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Object, Misfit> {
        Ok(Object::default())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<Value, Misfit>, Misfit> {
        misfit()
    }
}

/// A list that is being written.
struct List(Vec<Value>);

impl SerializeSeq for List {
    type Ok = Value;
    type Error = Misfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        self.0.push(value.serialize(Sink)?);
        Ok(())
    }

    fn end(self) -> Result<Value, Misfit> {
        Ok(self.0.into())
    }
}

/// A map that is being written, and the key whose value comes next.
#[derive(Default)]
struct Object {
    map: Map<String, Value>,
    key: String,
}

impl Object {
    fn insert(&mut self, key: &str, value: Value) {
        self.map.insert(key.to_owned(), value);
    }
}

impl SerializeMap for Object {
    type Ok = Value;
    type Error = Misfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Misfit> {
        let Value::String(key) = key.serialize(Sink)? else { return misfit() };
        self.key = key;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        let value = value.serialize(Sink)?;
        self.map.insert(std::mem::take(&mut self.key), value);
        Ok(())
    }

    fn end(self) -> Result<Value, Misfit> {
        Ok(self.map.into())
    }
}

impl SerializeStruct for Object {
    type Ok = Value;
    type Error = Misfit;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Misfit> {
        self.insert(key, value.serialize(Sink)?);
        Ok(())
    }

    fn end(self) -> Result<Value, Misfit> {
        Ok(self.map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::PodSpec;
    use serde_json::json;

    #[test]
    fn a_misfit_names_its_place() {
        for (value, path) in [
            (json!({"containers": [{"name": "a"}, {"name": 1}]}), "containers[1].name"),
            (json!({"nodeSelector": {"disk": []}}), "nodeSelector.disk"),
            (json!({"activeDeadlineSeconds": "1"}), "activeDeadlineSeconds"),
            (json!({"containers": {}}), "containers"),
            (json!([]), ""),
        ] {
            let misfit = decode::<PodSpec>(&value).unwrap_err();
            assert_eq!(misfit.path, path, "{value}");
        }
    }
}
