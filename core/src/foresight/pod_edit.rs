//! Changes of a pod that its spec does not allow once it exists: another pod takes its place.

use crate::api::{Kind, Meta, Object};
use crate::apiserver::Method;
use crate::cluster::Cluster;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A change of one place in a pod's spec, which a JSON pointer names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// Something else is there.
    Set(String, Value),
    /// Nothing is there.
    Remove(String),
}

impl Edit {
    fn apply(&self, spec: &mut Value) {
        let (Self::Set(pointer, _) | Self::Remove(pointer)) = self;
        let Some((parent, last)) = pointer.rsplit_once('/') else { return };
        let last = last.replace("~1", "/").replace("~0", "~");
        match (spec.pointer_mut(parent), self) {
            (Some(Value::Object(fields)), Self::Set(_, value)) => _ = fields.insert(last, value.clone()),
            (Some(Value::Object(fields)), Self::Remove(_)) => _ = fields.remove(&last),
            (Some(Value::Array(items)), _) => {
                let at = last.parse().unwrap_or(usize::MAX);
                match self {
                    Self::Set(_, value) => items.iter_mut().skip(at).take(1).for_each(|item| item.clone_from(value)),
                    Self::Remove(_) if at < items.len() => _ = items.remove(at),
                    Self::Remove(_) => {}
                }
            }
            _ => {}
        }
    }
}

/// A key as a part of a JSON pointer.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The replication controller that would make another pod in the place of this one.
pub(super) fn owner<'a>(cluster: &'a Cluster, pod: &Object) -> Option<&'a Arc<Object>> {
    let named = pod.meta.controller().filter(|o| o.kind == Kind::ReplicationController.info().kind)?;
    let store = cluster.store();
    let owner = store.get(Kind::ReplicationController, &pod.meta.namespace, &named.name)?;
    (pod.meta.controller_uid() == Some(owner.meta.uid) && owner.meta.deletion.is_none()).then_some(owner)
}

/// The requests that put another pod in the place of one: its controller makes it from a changed template, or it is
/// created anew.
pub(super) fn requests(cluster: &Cluster, pod: &Object, edits: &[Edit]) -> Vec<(Method, String, Value)> {
    let space = format!("/api/v1/namespaces/{}", pod.meta.namespace);
    let path = format!("{space}/pods/{}", pod.meta.name);
    let gone = (Method::Delete, path, json!({"gracePeriodSeconds": 0}));
    if let Some(owner) = owner(cluster, pod) {
        return vec![template(owner, edits), gone];
    }
    let mut document = pod.document_value();
    let mut metadata = Map::new();
    for key in ["name", "namespace", "labels", "annotations", "ownerReferences"] {
        if let Some(value) = document["metadata"].get_mut(key) {
            metadata.insert(key.to_owned(), value.take());
        }
    }
    let body = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": changed(&document["spec"], edits),
    });
    vec![gone, (Method::Post, format!("{space}/pods"), body)]
}

/// The request that changes a controller's template.
pub(super) fn template(owner: &Object, edits: &[Edit]) -> (Method, String, Value) {
    let document = owner.document_value();
    let spec = &document["spec"]["template"]["spec"];
    let patch = json!({"spec": {"template": {"spec": difference(spec, &changed(spec, edits))}}});
    let Meta { namespace, name, .. } = &owner.meta;
    (Method::Patch, format!("/api/v1/namespaces/{namespace}/replicationcontrollers/{name}"), patch)
}

fn changed(spec: &Value, edits: &[Edit]) -> Value {
    let mut spec = spec.clone();
    for edit in edits {
        edit.apply(&mut spec);
    }
    spec
}

/// The merge patch that makes one value the other.
fn difference(old: &Value, new: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (old, new) else { return new.clone() };
    let mut patch: Map<String, Value> =
        before.keys().filter(|key| !after.contains_key(*key)).map(|key| (key.clone(), Value::Null)).collect();
    for (key, value) in after.iter().filter(|(key, value)| before.get(*key) != Some(value)) {
        patch.insert(key.clone(), difference(&old[key], value));
    }
    Value::Object(patch)
}
