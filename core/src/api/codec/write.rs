//! Writing a type as a JSON value.

use serde::ser::{self, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use serde_json::{Map, Value};
use std::fmt;

/// Writing failed, which Kubernetes' types never do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unwritable;

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("has no form in JSON")
    }
}

impl std::error::Error for Unwritable {}

impl ser::Error for Unwritable {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Where values are written to.
#[derive(Clone, Copy)]
pub(super) struct Sink;

impl Serializer for Sink {
    type Ok = Value;
    type Error = Unwritable;
    type SerializeSeq = List;
    type SerializeTuple = Impossible<Value, Unwritable>;
    type SerializeTupleStruct = Impossible<Value, Unwritable>;
    type SerializeTupleVariant = Impossible<Value, Unwritable>;
    type SerializeMap = Object;
    type SerializeStruct = Object;
    type SerializeStructVariant = Impossible<Value, Unwritable>;

    fn serialize_bool(self, v: bool) -> Result<Value, Unwritable> {
        Ok(v.into())
    }

    fn serialize_i8(self, v: i8) -> Result<Value, Unwritable> {
        Ok(v.into())
    }

    fn serialize_i16(self, v: i16) -> Result<Value, Unwritable> {
        Ok(v.into())
    }

    fn serialize_i32(self, v: i32) -> Result<Value, Unwritable> {
        Ok(v.into())
    }

    fn serialize_i64(self, v: i64) -> Result<Value, Unwritable> {
        Ok(v.into())
    }

    fn serialize_u8(self, v: u8) -> Result<Value, Unwritable> {
        Ok(v.into())
    }

    fn serialize_u16(self, v: u16) -> Result<Value, Unwritable> {
        Ok(v.into())
    }

    fn serialize_u32(self, v: u32) -> Result<Value, Unwritable> {
        Ok(v.into())
    }

    fn serialize_u64(self, v: u64) -> Result<Value, Unwritable> {
        Ok(v.into())
    }

    fn serialize_f32(self, v: f32) -> Result<Value, Unwritable> {
        Ok(v.into())
    }

    fn serialize_f64(self, v: f64) -> Result<Value, Unwritable> {
        Ok(v.into())
    }

    fn serialize_char(self, v: char) -> Result<Value, Unwritable> {
        self.serialize_str(v.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, v: &str) -> Result<Value, Unwritable> {
        Ok(v.into())
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<Value, Unwritable> {
        Ok(v.into())
    }

    fn serialize_none(self) -> Result<Value, Unwritable> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Unwritable> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Unwritable> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Unwritable> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Value, Unwritable> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Value, Unwritable> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Value, Unwritable> {
        Err(Unwritable)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<List, Unwritable> {
        Ok(List(Vec::with_capacity(len.unwrap_or_default())))
    }

    fn serialize_tuple(self, _: usize) -> Result<Impossible<Value, Unwritable>, Unwritable> {
        Err(Unwritable)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Impossible<Value, Unwritable>, Unwritable> {
        Err(Unwritable)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<Value, Unwritable>, Unwritable> {
        Err(Unwritable)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Object, Unwritable> {
        Ok(Object::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Object, Unwritable> {
        Ok(Object::default())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<Value, Unwritable>, Unwritable> {
        Err(Unwritable)
    }
}

/// A list that is being written.
pub(super) struct List(Vec<Value>);

impl SerializeSeq for List {
    type Ok = Value;
    type Error = Unwritable;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.0.push(value.serialize(Sink)?);
        Ok(())
    }

    fn end(self) -> Result<Value, Unwritable> {
        Ok(self.0.into())
    }
}

/// A map that is being written, and the key whose value comes next.
#[derive(Default)]
pub(super) struct Object {
    map: Map<String, Value>,
    key: String,
}

impl Object {
    #[inline(never)]
    fn insert(&mut self, key: &str, value: Value) {
        self.map.insert(key.to_owned(), value);
    }
}

impl SerializeMap for Object {
    type Ok = Value;
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        let Value::String(key) = key.serialize(Sink)? else { return Err(Unwritable) };
        self.key = key;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        let value = value.serialize(Sink)?;
        self.map.insert(std::mem::take(&mut self.key), value);
        Ok(())
    }

    fn end(self) -> Result<Value, Unwritable> {
        Ok(self.map.into())
    }
}

impl SerializeStruct for Object {
    type Ok = Value;
    type Error = Unwritable;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Unwritable> {
        self.insert(key, value.serialize(Sink)?);
        Ok(())
    }

    fn end(self) -> Result<Value, Unwritable> {
        SerializeMap::end(self)
    }
}
