//! A pod's spec as upstream's own types hold it, which differ from those of the API: that is how upstream tells what may
//! not be changed.

use crate::order;
use crate::unified::unified;
use serde_json::Value;
use std::sync::OnceLock;

/// How upstream's types are made: a line each, with the fields in their order. What follows a field's colon says what it
/// is, where it is no text: `b` true or false, `i` a number, `q` a quantity, `*` what may be null and is shown as the API
/// has it, `*Type` a type or null, `[Type]` a list or null, `Type` a type.
const TYPES: &str = include_str!("upstream_form.txt");

/// What differs between two specs of pods, as documents of the API.
pub(crate) fn difference(before: &Value, after: &Value) -> String {
    unified(&shown(before), &shown(after))
}

fn shown(spec: &Value) -> String {
    let mut spec = spec.clone();
    // What the API says of a pod and its host is among its rights there.
    for field in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"] {
        if let Some(said) = spec.get_mut(field).map(Value::take) {
            spec["securityContext"][field] = said;
        }
    }
    let mut out = String::new();
    write_type(&mut out, "PodSpec", &spec, 1);
    out
}

fn types() -> &'static order::Map<&'static str, Vec<(&'static str, &'static str)>> {
    static ALL: OnceLock<order::Map<&str, Vec<(&str, &str)>>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = order::Map::new();
        for line in TYPES.lines() {
            let mut words = line.split(' ');
            let name = words.next().unwrap_or_default();
            all.insert(name, words.map(|word| word.split_once(':').unwrap_or((word, ""))).collect());
        }
        all
    })
}

/// What the API calls a field: its first word in small letters, be it `DNS` or `Name`.
fn api_name(field: &str) -> String {
    match field {
        "CephFS" | "StorageOS" => return field.to_lowercase(),
        _ => {}
    }
    let capitals = field.bytes().take_while(u8::is_ascii_uppercase).count();
    let word = if capitals == field.len() { capitals } else { capitals.saturating_sub(1).max(1) };
    field[..word].to_lowercase() + &field[word..]
}

fn write_type(out: &mut String, name: &str, value: &Value, depth: usize) {
    let fields = types().get(name).map(Vec::as_slice).unwrap_or_default();
    out.push('{');
    for (index, (field, holds)) in fields.iter().enumerate() {
        next(out, index, depth);
        write_key(out, field);
        write_field(out, holds, &value[api_name(field).as_str()], depth + 1);
    }
    end(out, '}', fields.is_empty(), depth);
}

fn write_field(out: &mut String, holds: &str, value: &Value, depth: usize) {
    let list = holds.strip_prefix('[').and_then(|holds| holds.strip_suffix(']'));
    match (holds, value, list) {
        ("", Value::Null, _) => out.push_str("\"\""),
        ("b", Value::Null, _) => out.push_str("false"),
        ("i", Value::Null, _) => out.push('0'),
        ("q", Value::Null, _) => out.push_str("\"0\""),
        ("" | "b" | "i" | "q" | "*", value, _) => write_plain(out, value, depth),
        (_, Value::Null, Some(_)) => out.push_str("null"),
        (_, value, Some(item)) => {
            out.push('[');
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            for (index, value) in items.iter().enumerate() {
                next(out, index, depth);
                write_type(out, item, value, depth + 1);
            }
            end(out, ']', items.is_empty(), depth);
        }
        (_, value, None) => match holds.strip_prefix('*') {
            Some(_) if value.is_null() => out.push_str("null"),
            Some(name) => write_type(out, name, value, depth),
            None => write_type(out, holds, value, depth),
        },
    }
}

/// As it is in the API.
fn write_plain(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                next(out, index, depth);
                write_plain(out, item, depth + 1);
            }
            end(out, ']', items.is_empty(), depth);
        }
        Value::Object(fields) => {
            out.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                next(out, index, depth);
                write_key(out, name);
                write_plain(out, value, depth + 1);
            }
            end(out, '}', fields.is_empty(), depth);
        }
        plain => out.push_str(&plain.to_string()),
    }
}

fn write_key(out: &mut String, key: &str) {
    out.push_str(&Value::from(key).to_string());
    out.push_str(": ");
}

fn next(out: &mut String, index: usize, depth: usize) {
    out.push_str(if index == 0 { "\n" } else { ",\n" });
    out.push_str(&" ".repeat(depth));
}

fn end(out: &mut String, close: char, empty: bool, depth: usize) {
    if !empty {
        out.push('\n');
        out.push_str(&" ".repeat(depth.saturating_sub(1)));
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_type_that_a_field_names_is_there_and_every_field_is_one_of_the_api() {
        let shape = |holds: &str| holds.trim_matches(['*', '[', ']']).to_owned();
        for (name, fields) in types() {
            for (field, holds) in fields {
                let known = matches!(shape(holds).as_str(), "" | "b" | "i" | "q")
                    || types().contains_key(shape(holds).as_str());
                assert!(known, "{name}.{field}: {holds}");
            }
        }
        let names = ["DNSPolicy", "OS", "SELinuxOptions", "FSGroup", "TTY", "HostPID", "APIVersion", "CephFS", "Name"];
        let said = ["dnsPolicy", "os", "seLinuxOptions", "fsGroup", "tty", "hostPID", "apiVersion", "cephfs", "name"];
        assert_eq!(names.map(api_name), said);
    }

    #[test]
    fn a_difference_is_shown_in_upstreams_form() {
        let spec = |image: &str, port: i32| {
            json!({"hostNetwork": true, "containers": [
                {"name": "c", "image": image, "ports": [{"containerPort": port}], "command": ["a", "b"]}]})
        };
        assert_eq!(difference(&spec("i", 80), &spec("i", 80)), "");
        let said = difference(&spec("i", 80), &spec("j", 81));
        let expected = "@@ -4,7 +4,7 @@\n  \"Containers\": [\n   {\n    \"Name\": \"c\",\n-   \"Image\": \"i\",\n+   \"Image\": \"j\",\n    \
                        \"Command\": [\n     \"a\",\n     \"b\"\n";
        assert!(said.starts_with(expected), "{said}");
        assert!(
            said.contains("     \"HostPort\": 0,\n-     \"ContainerPort\": 80,\n+     \"ContainerPort\": 81,\n"),
            "{said}"
        );
    }
}
