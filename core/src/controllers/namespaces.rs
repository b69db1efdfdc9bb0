//! Namespaces on their way out: what is in them goes first, then they do.

use crate::api::{Body, Key, Kind, Name, Object};
use crate::cluster::Context;
use crate::deletion::{
    DeleteOptions, Deleted, NAMESPACE_CONTENT, Propagation, delete_object, is_terminating, update_object,
};
use crate::order;
use crate::store::Change;
use k8s_openapi::api::core::v1::NamespaceCondition;
use std::sync::Arc;

/// How many objects are deleted before others have their turn.
const OBJECTS_MAX: usize = 1_000;

/// Namespaces that are terminating.
#[derive(Clone, Debug, Default)]
pub(super) struct Namespaces {
    terminating: order::Set<Name>,
    dirty: order::Set<Name>,
}

impl Namespaces {
    pub(super) fn observe(&mut self, change: &Change) {
        if change.kind != Kind::Namespace && self.terminating.is_empty() {
            return;
        }
        let Some(object) = change.object() else { return };
        if change.kind == Kind::Namespace {
            match &change.after {
                Some(after) if is_terminating(after) => {
                    self.terminating.insert(after.meta.name.clone());
                    self.dirty.insert(after.meta.name.clone());
                }
                _ => _ = self.terminating.remove(&object.meta.name),
            }
        } else if self.terminating.contains(object.meta.namespace.as_str()) {
            self.dirty.insert(object.meta.namespace.to_name());
        }
    }

    /// Empties namespaces. Returns whether some is left to do now.
    pub(super) fn work(&mut self, cx: &mut Context<'_>) -> bool {
        let mut budget = OBJECTS_MAX;
        for name in std::mem::take(&mut self.dirty) {
            if !empty(cx, &name, &mut budget) {
                self.dirty.insert(name);
            }
        }
        !self.dirty.is_empty()
    }
}

/// Deletes what is in a namespace, and lets the namespace go once nothing is. Returns whether all was looked at.
fn empty(cx: &mut Context<'_>, name: &Name, budget: &mut usize) -> bool {
    let Some(object) = cx.store.get(Kind::Namespace, "", name).filter(|o| is_terminating(o)).cloned() else {
        return true;
    };
    let mut remaining: order::Map<&str, usize> = order::Map::new();
    let mut held: order::Map<String, usize> = order::Map::new();
    for kind in Kind::ALL.into_iter().filter(|k| k.info().namespaced) {
        let present: Vec<Key> = cx.store.list(kind, Some(name)).map(|o| o.key()).collect();
        for key in present {
            let Some(object) = cx.store.at(&key) else { continue };
            let gone = if object.meta.deletion.is_none() {
                if *budget == 0 {
                    return false;
                }
                *budget -= 1;
                let options = DeleteOptions { propagation: Some(Propagation::Background), ..DeleteOptions::default() };
                matches!(delete_object(cx, &key, &options), Ok(Deleted::Gone(_)))
            } else {
                false
            };
            if let Some(left) = cx.store.at(&key).filter(|_| !gone) {
                *remaining.entry(kind.info().plural).or_default() += 1;
                for finalizer in left.meta.finalizers() {
                    *held.entry(finalizer.clone()).or_default() += 1;
                }
            }
        }
    }
    let mut next = Object::clone(&object);
    if let Body::Namespace { spec, status } = &mut next.body {
        let wanted = conditions(&remaining, &held);
        let list = Arc::make_mut(status).conditions.get_or_insert_default();
        for (kind, status, reason, message) in wanted {
            let since = list.iter().find(|c| c.type_ == kind && c.status == status);
            let since = since.and_then(|c| c.last_transition_time.clone());
            let condition = NamespaceCondition {
                type_: kind.to_owned(),
                status: status.to_owned(),
                reason: Some(reason.to_owned()),
                message: Some(message),
                last_transition_time: since.or_else(|| Some(cx.now.floor_secs().to_meta())),
            };
            match list.iter_mut().find(|c| c.type_ == kind) {
                Some(old) => *old = condition,
                None => list.push(condition),
            }
        }
        if remaining.is_empty()
            && let Some(finalizers) = &mut Arc::make_mut(spec).finalizers
        {
            finalizers.retain(|f| f != NAMESPACE_CONTENT);
        }
    }
    // It was there when this began.
    let _ = update_object(cx, next, None);
    true
}

/// What upstream says of a namespace on its way out: type, status, reason and message.
fn conditions(
    remaining: &order::Map<&str, usize>,
    held: &order::Map<String, usize>,
) -> [(&'static str, &'static str, &'static str, String); 5] {
    let list = |parts: Vec<String>| parts.join(", ");
    let content = list(remaining.iter().map(|(what, n)| format!("{what}. has {n} resource instances")).collect());
    let finalizers = list(held.iter().map(|(what, n)| format!("{what} in {n} resource instances")).collect());
    [
        (
            "NamespaceDeletionDiscoveryFailure",
            "False",
            "ResourcesDiscovered",
            "All resources successfully discovered".to_owned(),
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed".to_owned(),
        ),
        (
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization".to_owned(),
        ),
        if remaining.is_empty() {
            ("NamespaceContentRemaining", "False", "ContentRemoved", "All content successfully removed".to_owned())
        } else {
            (
                "NamespaceContentRemaining",
                "True",
                "SomeResourcesRemain",
                format!("Some resources are remaining: {content}"),
            )
        },
        if held.is_empty() {
            (
                "NamespaceFinalizersRemaining",
                "False",
                "ContentHasNoFinalizers",
                "All content-preserving finalizers finished".to_owned(),
            )
        } else {
            (
                "NamespaceFinalizersRemaining",
                "True",
                "SomeFinalizersRemain",
                format!("Some content in the namespace has finalizers remaining: {finalizers}"),
            )
        },
    ]
}
