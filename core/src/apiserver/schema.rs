//! The schema of what clients send: which fields there are, of which type, and how a strategic merge patch joins lists.
//!
//! `schema.txt` has one line per type: its name, then `field:type` for each field. Types are `s` string, `i` and `l`
//! whole numbers of 32 and 64 bits, `b` bool, `f` float, `q` quantity, `o` number or string, `t` and `u` instants
//! with whole seconds and with microseconds, `y` base64, `v` anything, `[T]` list, `{T}` map of strings to `T`, or the
//! name of a type. `~key` after a list says that a strategic merge patch joins it by that key; `~` alone, as a set.
//! `!` after a type or a field says that it has one owner as a whole, `^key,key` after a list that each item with those
//! keys has its own, `^` alone that each value has. Without either, owners follow the way patches join a list.
//! The types are those of `k8s-openapi`; a test holds the two together.

use super::json::kind_of;
use super::place::Place;
use super::query::quoted;
use crate::api::Quantity;
use crate::order;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::OnceLock;

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Text.
    Text,
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// True or false.
    Bool,
    /// A number.
    Float,
    /// A resource quantity.
    Quantity,
    /// A number or text.
    IntOrString,
    /// An instant with whole seconds.
    Time,
    /// An instant with microseconds.
    MicroTime,
    /// Base64.
    Bytes,
    /// Anything.
    Raw,
    /// A list.
    List(Box<Type>),
    /// A map of strings.
    Map(Box<Type>),
    /// A structure of that name.
    Struct(&'static str),
}

/// How a strategic merge patch joins a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Merge {
    /// The patch's list replaces it.
    Replace,
    /// Items are one where this key of theirs is.
    Key(&'static str),
    /// Items are added where they are not in it yet.
    Set,
}

/// Which parts of a field have owners of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Parts {
    /// Each field of a structure and each entry of a map; a list is one.
    #[default]
    Usual,
    /// None: it is one.
    Whole,
    /// Each value of a list.
    Values,
    /// Each item of a list, known by these fields of it.
    Items(Vec<&'static str>),
}

/// A field of a structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// What it holds.
    pub(super) holds: Type,
    /// How a patch joins it, where it is a list.
    pub(super) merge: Merge,
    /// Which parts of it have owners of their own.
    pub(super) parts: Parts,
}

/// The fields of a structure, by name.
pub(super) type Fields = order::Map<&'static str, Field>;

#[derive(Default)]
struct Schema {
    types: order::Map<&'static str, Fields>,
    /// Structures that have one owner as a whole.
    whole: order::Set<&'static str>,
}

static SCHEMA: OnceLock<Schema> = OnceLock::new();

fn read_type(text: &'static str) -> Type {
    match text {
        "s" => Type::Text,
        "i" => Type::Int32,
        "l" => Type::Int64,
        "b" => Type::Bool,
        "f" => Type::Float,
        "q" => Type::Quantity,
        "o" => Type::IntOrString,
        "t" => Type::Time,
        "u" => Type::MicroTime,
        "y" => Type::Bytes,
        "v" => Type::Raw,
        _ => match (text.strip_prefix('['), text.strip_prefix('{')) {
            (Some(list), _) => Type::List(Box::new(read_type(list.trim_end_matches(']')))),
            (_, Some(map)) => Type::Map(Box::new(read_type(map.trim_end_matches('}')))),
            _ => Type::Struct(text),
        },
    }
}

fn read_field(word: &'static str) -> Option<(&'static str, Field)> {
    let (name, text) = word.split_once(':')?;
    let (text, keys) = text.split_once('^').map_or((text, None), |(text, keys)| (text, Some(keys)));
    let (text, whole) = text.strip_suffix('!').map_or((text, false), |text| (text, true));
    let (holds, merge) = match text.split_once('~') {
        None => (text, Merge::Replace),
        Some((holds, "")) => (holds, Merge::Set),
        Some((holds, key)) => (holds, Merge::Key(key)),
    };
    let parts = match (keys, &merge) {
        _ if whole => Parts::Whole,
        (Some(""), _) | (None, Merge::Set) => Parts::Values,
        (Some(keys), _) => Parts::Items(keys.split(',').collect()),
        (None, Merge::Key(key)) => Parts::Items(vec![key]),
        (None, Merge::Replace) => Parts::Usual,
    };
    Some((name, Field { holds: read_type(holds), merge, parts }))
}

fn schema() -> &'static Schema {
    SCHEMA.get_or_init(|| {
        let mut schema = Schema::default();
        for line in include_str!("schema.txt").lines() {
            let (name, fields) = line.split_once(' ').unwrap_or((line, ""));
            let plain = name.trim_end_matches('!');
            if plain != name {
                schema.whole.insert(plain);
            }
            schema.types.insert(plain, fields.split(' ').filter_map(read_field).collect());
        }
        schema
    })
}

/// All structures, by name.
pub(super) fn types() -> &'static order::Map<&'static str, Fields> {
    &schema().types
}

/// Whether a structure has one owner as a whole.
pub(super) fn is_whole(structure: &str) -> bool {
    schema().whole.contains(structure)
}

/// A structure's field.
pub(super) fn field(structure: &str, name: &str) -> Option<&'static Field> {
    types().get(structure)?.get(name)
}

/// Brings a document into the form of a structure: unknown fields and nulls go, quantities and instants are written
/// as Kubernetes writes them. Returns the paths of unknown fields, or what Go's decoder would say of the first value
/// that does not fit.
pub(super) fn conform(structure: &'static str, value: &mut Value) -> Result<Vec<String>, String> {
    let mut conform = Conform { unknown: Vec::new() };
    match value {
        Value::Object(map) => conform.structure(structure, map, Place::Root, true)?,
        other => return Err(format!("json: cannot unmarshal {} into Go value of type v1.{structure}", kind_of(other))),
    }
    Ok(conform.unknown)
}

struct Conform {
    unknown: Vec<String>,
}

impl Conform {
    fn structure(
        &mut self,
        name: &'static str,
        map: &mut Map<String, Value>,
        place: Place<'_>,
        root: bool,
    ) -> Result<(), String> {
        let Some(fields) = types().get(name) else { return Ok(()) };
        let mut dropped = Vec::new();
        for (key, value) in map.iter_mut() {
            if root && matches!(key.as_str(), "apiVersion" | "kind") {
                continue;
            }
            let inner = Place::Field(&place, key);
            let Some(field) = fields.get(key.as_str()) else {
                self.unknown.push(inner.to_string());
                dropped.push(key.clone());
                continue;
            };
            if value.is_null() {
                dropped.push(key.clone());
                continue;
            }
            self.value(&field.holds, value, name, inner)?;
        }
        for key in dropped {
            map.remove(&key);
        }
        Ok(())
    }

    /// A value at a place, in or below a field of `structure`.
    fn value(
        &mut self,
        holds: &Type,
        value: &mut Value,
        structure: &'static str,
        place: Place<'_>,
    ) -> Result<(), String> {
        let misfit = |value: &Value| {
            let found = match value {
                Value::Number(number) if matches!(holds, Type::Int32 | Type::Int64) => format!("number {number}"),
                other => kind_of(other).to_owned(),
            };
            let (path, wanted) = (place.fields(), go(holds));
            Err(format!("json: cannot unmarshal {found} into Go struct field {structure}.{path} of type {wanted}"))
        };
        match (holds, &mut *value) {
            (Type::Text | Type::IntOrString, Value::String(_))
            | (Type::Bool, Value::Bool(_))
            | (Type::Float, Value::Number(_))
            | (Type::Raw, _) => {}
            (Type::Int32, Value::Number(n)) if n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => {}
            (Type::Int64, Value::Number(n)) if n.as_i64().is_some() => {}
            (Type::IntOrString, Value::Number(n)) if n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => {}
            (Type::IntOrString, other) => {
                return Err(format!("json: cannot unmarshal {} into Go value of type int32", kind_of(other)));
            }
            (Type::Bytes, Value::String(text)) => {
                if let Some(at) = base64_error(text) {
                    return Err(format!("illegal base64 data at input byte {at}"));
                }
            }
            (Type::Quantity, Value::String(_) | Value::Number(_)) => {
                let text = match &*value {
                    Value::String(text) => Cow::Borrowed(text.as_str()),
                    other => Cow::Owned(other.to_string()),
                };
                let quantity = Quantity::parse(text.trim()).map_err(|_| QUANTITY_FORM.to_owned())?;
                *value = Value::String(quantity.to_string());
            }
            (Type::Quantity, _) => return Err(QUANTITY_FORM.to_owned()),
            (Type::Time | Type::MicroTime, Value::String(text)) => *text = instant(text, *holds == Type::MicroTime)?,
            (Type::List(item), Value::Array(items)) => {
                for (index, value) in items.iter_mut().enumerate() {
                    if value.is_null() {
                        *value = zero(item);
                    }
                    self.value(item, value, structure, Place::Item(&place, index))?;
                }
            }
            (Type::Map(item), Value::Object(map)) => {
                for (key, value) in map.iter_mut() {
                    if value.is_null() {
                        *value = zero(item);
                    }
                    self.value(item, value, structure, Place::Entry(&place, key))?;
                }
            }
            (Type::Struct(name), Value::Object(map)) => self.structure(name, map, place, false)?,
            (_, other) => return misfit(other),
        }
        Ok(())
    }
}

const QUANTITY_FORM: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// What Go makes of null.
fn zero(holds: &Type) -> Value {
    match holds {
        Type::Struct(_) | Type::Map(_) => Value::Object(Map::new()),
        Type::List(_) => Value::Array(Vec::new()),
        Type::Quantity => "0".into(),
        Type::Int32 | Type::Int64 | Type::Float | Type::IntOrString => 0.into(),
        Type::Bool => false.into(),
        _ => "".into(),
    }
}

/// Go's name of a type.
fn go(holds: &Type) -> String {
    match holds {
        Type::Text => "string".to_owned(),
        Type::Int32 => "int32".to_owned(),
        Type::Int64 => "int64".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Float => "float64".to_owned(),
        Type::Quantity => "resource.Quantity".to_owned(),
        Type::IntOrString => "intstr.IntOrString".to_owned(),
        Type::Time => "v1.Time".to_owned(),
        Type::MicroTime => "v1.MicroTime".to_owned(),
        Type::Bytes => "[]uint8".to_owned(),
        Type::Raw => "v1.FieldsV1".to_owned(),
        Type::List(item) => format!("[]{}", go(item)),
        Type::Map(item) => format!("map[string]{}", go(item)),
        Type::Struct(name) => format!("v1.{name}"),
    }
}

/// The first byte that is no base64.
fn base64_error(text: &str) -> Option<usize> {
    let body = text.trim_end_matches('=');
    let alien = body.bytes().position(|b| !(b.is_ascii_alphanumeric() || b == b'+' || b == b'/'));
    alien.or_else(|| {
        (!text.len().is_multiple_of(4) || text.len() - body.len() > 2 || body.len() % 4 == 1).then_some(body.len())
    })
}

fn instant(text: &str, micro: bool) -> Result<String, String> {
    let layout = if micro { "2006-01-02T15:04:05.000000Z07:00" } else { "2006-01-02T15:04:05Z07:00" };
    let refuse = || {
        let year = text.get(..4).is_some_and(|y| y.bytes().all(|b| b.is_ascii_digit()));
        let (rest, wanted) = if year { (&text[4..], "-") } else { (text, "2006") };
        format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quoted(text),
            quoted(layout),
            quoted(rest),
            quoted(wanted)
        )
    };
    let at: Timestamp = text.parse().map_err(|_| refuse())?;
    Ok(if micro { format!("{at:.6}") } else { format!("{at:.0}") })
}
