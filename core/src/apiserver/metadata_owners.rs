//! Which fields of its metadata whoever creates an object owns: mostly labels and annotations, which are read at once, for
//! it is asked for each of thousands of objects; what is rarer is found by comparing documents, as everywhere.

use super::fields::Fields;
use super::{owners, typed};
use crate::api::text::Members;
use crate::api::{Labels, Meta};
use serde_json::{Value, json};

/// The fields that are set in a new object's metadata.
pub(super) fn fields(metadata: &Value) -> Fields {
    let Some(shape) = typed::document("ObjectMeta") else { return Fields::default() };
    let mut all = Fields::default();
    all.graft("f:metadata", &typed::compare(shape, &json!({}), metadata).written());
    all.difference(owners::stripped())
}

/// The same, written out.
pub(super) fn written(meta: &Meta) -> String {
    if meta.owners.is_some() || meta.deletion.is_some() || meta.rest.is_some() {
        return fields(&meta.to_value()).into_text();
    }
    let mut text = String::new();
    let mut all = Members::open(&mut text);
    if !(meta.annotations.is_empty() && meta.labels.is_empty()) {
        let mut metadata = Members::open(all.key("f:metadata"));
        entries(&mut metadata, "f:annotations", &meta.annotations);
        entries(&mut metadata, "f:labels", &meta.labels);
        metadata.close();
    }
    all.close();
    text
}

fn entries(fields: &mut Members<'_>, field: &str, map: &Labels) {
    if map.is_empty() {
        return;
    }
    let mut entries = Members::open(fields.key(field));
    entries.plain(".", "{}");
    for key in map.keys() {
        entries.quoted_key(&format!("f:{key}")).push_str("{}");
    }
    entries.close();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Kind, Object};

    #[test]
    fn what_is_read_at_once_is_what_a_comparison_finds() {
        for metadata in [
            json!({"name": "a"}),
            json!({"name": "a", "namespace": "b", "labels": {}}),
            json!({"name": "a", "labels": {"z": "1", "a/b": "", "A": "x"}}),
            json!({"name": "a", "annotations": {"quoted \" and \\": "1", "-": "", ".": ""}}),
            json!({"name": "a", "labels": {"z": "1"}, "annotations": {"é": "1", "b": "2"}, "uid": "3", "generation": 4}),
            json!({"generateName": "a", "labels": {"z": "1"}, "finalizers": ["f"]}),
            json!({"name": "a", "labels": {"z": "1"}, "ownerReferences": [
                {"apiVersion": "v1", "kind": "Pod", "name": "b", "uid": "00000000-0000-0000-0000-000000000001"}]}),
        ] {
            let object = Object::from_value(Kind::Node, &json!({ "metadata": metadata })).unwrap();
            assert_eq!(written(&object.meta), fields(&object.meta.to_value()).into_text(), "{metadata}");
        }
    }
}
