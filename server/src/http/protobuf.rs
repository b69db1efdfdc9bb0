//! Request bodies in Kubernetes' protobuf form, as kubectl's own `create` commands and Go's clients send them: turned
//! into the JSON that the control plane takes. Answers are JSON, which all of them accept.
//!
//! `protobuf.txt` has one line per message: its name, then `number:field:type` for each field, by upstream's numbers.
//! Types are `s` string, `i` whole number, `b` bool, `y` base64, `q` quantity, `o` number or string, `t` and `u`
//! instants with whole seconds and with microseconds, `v` JSON, `[T]` list, `{T}` map of strings to `T`, or a message.
//! `*` is before what Go keeps as a pointer: there, zero is a value; elsewhere it means that nothing was said.
//! `number:+T` is a message whose fields stand beside the others in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes};
use kubarium_core::Time;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Upstream's name for this form.
pub(super) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// What every body begins with.
const MAGIC: &[u8] = b"k8s\0";

/// What is wrong with a body.
type Wrong = String;

/// A field: its name in JSON, none where its own fields stand there, and its type.
struct Field {
    name: Option<&'static str>,
    pointer: bool,
    holds: &'static str,
}

type Message = HashMap<u32, Field>;

static MESSAGES: LazyLock<HashMap<&'static str, Message>> = LazyLock::new(|| {
    let field = |word: &'static str| {
        let (number, rest) = word.split_once(':')?;
        let (name, holds) = match rest.split_once(':') {
            Some((name, holds)) => (Some(name), holds),
            None => (None, rest.strip_prefix('+')?),
        };
        let bare = holds.trim_start_matches('*');
        Some((number.parse().ok()?, Field { name, pointer: bare != holds, holds: bare }))
    };
    let line = |line: &'static str| {
        let (name, fields) = line.split_once(' ').unwrap_or((line, ""));
        (name, fields.split(' ').filter_map(field).collect())
    };
    include_str!("protobuf.txt").lines().map(line).collect()
});

/// What a field holds on the wire.
enum Wire {
    Number(u64),
    Bytes(Bytes),
}

/// The fields of a message in the order in which they came.
fn fields(mut message: Bytes) -> Result<Vec<(u32, Wire)>, Wrong> {
    let mut found = Vec::new();
    while message.has_remaining() {
        let (number, wire) = decode_key(&mut message).map_err(|e| e.to_string())?;
        match wire {
            WireType::Varint => {
                found.push((number, Wire::Number(decode_varint(&mut message).map_err(|e| e.to_string())?)));
            }
            WireType::LengthDelimited => {
                let length = decode_varint(&mut message).map_err(|e| e.to_string())?;
                let length = usize::try_from(length).ok().filter(|length| *length <= message.len());
                let length = length.ok_or("unexpected EOF")?;
                found.push((number, Wire::Bytes(message.split_to(length))));
            }
            // No field of ours is written so.
            _ => skip_field(wire, number, &mut message, DecodeContext::default()).map_err(|e| e.to_string())?,
        }
    }
    Ok(found)
}

fn text(bytes: &Bytes) -> Result<String, Wrong> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "a string is not UTF-8".to_owned())
}

/// The JSON of a body.
pub(super) fn to_json(body: &Bytes) -> Result<String, Wrong> {
    if !body.starts_with(MAGIC) {
        return Err("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]".to_owned());
    }
    let (mut said, mut raw) = (Map::new(), Bytes::new());
    for (number, wire) in fields(body.slice(MAGIC.len()..))? {
        match (number, wire) {
            (1, Wire::Bytes(meta)) => {
                for (number, wire) in fields(meta)? {
                    let Wire::Bytes(value) = wire else { continue };
                    let name = if number == 1 { "apiVersion" } else { "kind" };
                    said.insert(name.to_owned(), text(&value)?.into());
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let kind = said.get("kind").and_then(Value::as_str).unwrap_or_default();
    // What is not known by name is refused by it.
    if let Some((name, _)) = MESSAGES.get_key_value(kind) {
        said.extend(message(name, raw)?);
    }
    Ok(Value::Object(said).to_string())
}

/// The fields of a message as JSON, without those that say nothing.
fn message(name: &str, bytes: Bytes) -> Result<Map<String, Value>, Wrong> {
    let mut map = Map::new();
    let Some(known) = MESSAGES.get(name) else { return Ok(map) };
    for (number, wire) in fields(bytes)? {
        let Some(field) = known.get(&number) else { continue };
        let Some(name) = field.name else {
            if let Wire::Bytes(bytes) = wire {
                map.extend(message(field.holds, bytes)?);
            }
            continue;
        };
        if let Some(items) = inside(field.holds, '[', ']') {
            if let Some(item) = value(items, wire)?
                && let Value::Array(list) = map.entry(name).or_insert_with(|| json!([]))
            {
                list.push(item);
            }
        } else if let Some(values) = inside(field.holds, '{', '}') {
            if let Wire::Bytes(entry) = wire
                && let Value::Object(entries) = map.entry(name).or_insert_with(|| json!({}))
            {
                let (key, value) = pair(values, entry)?;
                entries.insert(key, value);
            }
        } else if let Some(value) = value(field.holds, wire)?
            && (field.pointer || !is_zero(&value))
        {
            map.insert(name.to_owned(), value);
        }
    }
    Ok(map)
}

fn inside(holds: &'static str, open: char, close: char) -> Option<&'static str> {
    holds.strip_prefix(open)?.strip_suffix(close)
}

/// An entry of a map.
fn pair(values: &'static str, entry: Bytes) -> Result<(String, Value), Wrong> {
    let (mut key, mut held) = (String::new(), None);
    for (number, wire) in fields(entry)? {
        match (number, wire) {
            (1, Wire::Bytes(bytes)) => key = text(&bytes)?,
            (2, wire) => held = value(values, wire)?,
            _ => {}
        }
    }
    Ok((key, held.unwrap_or_else(|| "".into())))
}

/// What a field's bytes mean; none where they mean that nothing was said.
fn value(holds: &'static str, wire: Wire) -> Result<Option<Value>, Wrong> {
    let value = match (holds, wire) {
        // A negative number is written with 64 bits, whatever its type.
        ("i", Wire::Number(number)) => json!(number.cast_signed()),
        ("b", Wire::Number(number)) => json!(number != 0),
        ("s", Wire::Bytes(bytes)) => text(&bytes)?.into(),
        ("y", Wire::Bytes(bytes)) => STANDARD.encode(bytes).into(),
        ("q", Wire::Bytes(bytes)) => match fields(bytes)?.into_iter().next_back() {
            Some((1, Wire::Bytes(bytes))) => text(&bytes)?.into(),
            _ => "0".into(),
        },
        ("o", Wire::Bytes(bytes)) => number_or_text(bytes)?,
        ("t" | "u", Wire::Bytes(bytes)) => return instant(holds, bytes),
        ("v", Wire::Bytes(bytes)) => match fields(bytes)?.into_iter().next() {
            Some((1, Wire::Bytes(bytes))) => serde_json::from_slice(&bytes).map_err(|e| e.to_string())?,
            _ => return Ok(None),
        },
        (name, Wire::Bytes(bytes)) => Value::Object(message(name, bytes)?),
        (_, Wire::Number(_)) => return Err("proto: wrong wireType".to_owned()),
    };
    Ok(Some(value))
}

fn number_or_text(bytes: Bytes) -> Result<Value, Wrong> {
    let (mut is_text, mut number, mut string) = (false, 0, String::new());
    for field in fields(bytes)? {
        match field {
            (1, Wire::Number(kind)) => is_text = kind == 1,
            (2, Wire::Number(value)) => number = value.cast_signed(),
            (3, Wire::Bytes(bytes)) => string = text(&bytes)?,
            _ => {}
        }
    }
    Ok(if is_text { string.into() } else { number.into() })
}

/// An instant. The beginning of Unix time stands for none.
fn instant(holds: &str, bytes: Bytes) -> Result<Option<Value>, Wrong> {
    let (mut seconds, mut nanos) = (0i64, 0i64);
    for field in fields(bytes)? {
        match field {
            (1, Wire::Number(value)) => seconds = value.cast_signed(),
            (2, Wire::Number(value)) => nanos = value.cast_signed(),
            _ => {}
        }
    }
    if (seconds, nanos) == (0, 0) {
        return Ok(None);
    }
    let micros = seconds.checked_mul(1_000_000).and_then(|micros| micros.checked_add(nanos / 1000));
    let time = Time(micros.ok_or("a time is out of range")?);
    let value = if holds == "t" { serde_json::to_value(time.to_meta()) } else { serde_json::to_value(time.to_micro()) };
    value.map(Some).map_err(|e| e.to_string())
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(set) => !set,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A length-delimited field.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
    }

    fn body(api_version: &str, kind: &str, raw: &[u8]) -> Bytes {
        let meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        Bytes::from([MAGIC, &field(1, &meta), &field(2, raw)].concat())
    }

    fn read(body: &Bytes) -> Value {
        serde_json::from_str(&to_json(body).unwrap()).unwrap()
    }

    #[test]
    fn what_kubectl_sends_to_create_a_namespace_is_read_without_its_empty_fields() {
        let meta = [field(1, b"team"), field(2, b""), field(8, &[]), vec![7 << 3, 0]].concat();
        let raw = [field(1, &meta), field(2, &[]), field(3, &field(1, b""))].concat();
        let expected = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}});
        assert_eq!(read(&body("v1", "Namespace", &raw)), expected);
    }

    #[test]
    fn maps_lists_bytes_pointers_and_embedded_messages_become_json() {
        let entry = [field(1, b"k"), field(2, b"v")].concat();
        let read_secret = read(&body("v1", "Secret", &field(2, &entry)));
        assert_eq!(read_secret["data"], json!({"k": "dg=="}));

        // Port 80, target "http", a pointer to zero in the probe, its handler embedded.
        let get = [field(1, b"/live"), field(2, &[[8, 1].as_slice(), &field(3, b"http")].concat())].concat();
        let probe = [field(1, &field(2, &get)), vec![7 << 3, 0]].concat();
        let container = [field(1, b"c"), [vec![10 << 3 | 2], field(0, &probe)[1..].to_vec()].concat()].concat();
        let raw = field(2, &field(2, &container));
        let pod = read(&body("v1", "Pod", &raw));
        assert_eq!(
            pod["spec"]["containers"],
            json!([{"name": "c", "livenessProbe": {
                "httpGet": {"path": "/live", "port": "http"}, "terminationGracePeriodSeconds": 0,
            }}])
        );
    }

    #[test]
    fn instants_and_negative_numbers_are_read() {
        let time = |seconds: u8| field(6, &[8, seconds, 16, 0]);
        let minus_one = [8 << 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1].to_vec();
        let event = read(&body("v1", "Event", &[time(90), minus_one].concat()));
        assert_eq!(
            event,
            json!({
                "apiVersion": "v1", "kind": "Event", "firstTimestamp": "1970-01-01T00:01:30Z", "count": -1,
            })
        );
    }

    #[test]
    fn what_is_cut_off_or_something_else_is_refused() {
        assert!(to_json(&Bytes::from_static(b"{}")).unwrap_err().contains("expected prefix"));
        let whole = body("v1", "Namespace", &field(1, &field(1, b"team")));
        for length in MAGIC.len() + 1..whole.len() {
            // It may end between two fields; it must not be read past its end.
            let _ = to_json(&whole.slice(..length));
        }
        assert!(to_json(&whole.slice(..whole.len() - 1)).is_err());
    }

    #[test]
    fn every_type_in_the_table_is_known() {
        for (name, fields) in MESSAGES.iter() {
            for field in fields.values() {
                let holds = inside(field.holds, '[', ']').or(inside(field.holds, '{', '}')).unwrap_or(field.holds);
                let known = ["s", "i", "b", "y", "q", "o", "t", "u", "v"].contains(&holds);
                assert!(known || MESSAGES.contains_key(holds), "{name}: {holds}");
            }
        }
    }
}
