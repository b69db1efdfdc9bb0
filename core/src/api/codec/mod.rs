//! Kubernetes' types from and to JSON values: the one way in and the one way out.
//!
//! An error says where, not why: by then a document has been held against its schema, which has the words. That is
//! also what keeps the page small. With `serde_json`'s own way, what every type of every library has to say of its
//! errors is compiled in, and each field is moved out of a value that has to be taken apart on every way out. For the
//! same reason errors are one word or none, and what is not inlined is a function of its own: a type within types within
//! types would become one function that compresses badly.

mod read;
mod write;

use read::{Source, Unreadable};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use write::Sink;

/// A value that is not of the type wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// Where it is, such as `spec.containers[0].ports`.
    pub(crate) path: String,
}

/// Reads a typed value.
pub(crate) fn decode<'de, T: Deserialize<'de>>(value: &'de Value) -> Result<T, Misfit> {
    T::deserialize(Source(value)).map_err(|Unreadable(culprit)| Misfit {
        path: culprit.and_then(|culprit| path_to(culprit, value)).unwrap_or_default(),
    })
}

/// Writes a typed value.
pub(crate) fn encode<T: Serialize>(typed: &T) -> Value {
    // Kubernetes' types have string keys and finite numbers throughout, so this cannot fail.
    typed.serialize(Sink).unwrap_or_default()
}

/// Where in a document a value lies, which is the very value, not one that equals it.
fn path_to(culprit: &Value, document: &Value) -> Option<String> {
    if std::ptr::eq(culprit, document) {
        return Some(String::new());
    }
    let join = |head: String, tail: String| {
        let dot = if tail.is_empty() || tail.starts_with('[') { "" } else { "." };
        head + dot + &tail
    };
    match document {
        Value::Array(items) => (items.iter().enumerate())
            .find_map(|(index, item)| Some(join(format!("[{index}]"), path_to(culprit, item)?))),
        Value::Object(map) => map.iter().find_map(|(key, value)| Some(join(key.clone(), path_to(culprit, value)?))),
        _ => None,
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
            (
                json!({"containers": [{"name": "a", "ports": [{"containerPort": 3_000_000_000_u32}]}]}),
                "containers[0].ports[0].containerPort",
            ),
            (json!([]), ""),
        ] {
            let misfit = decode::<PodSpec>(&value).unwrap_err();
            assert_eq!(misfit.path, path, "{value}");
        }
    }
}
