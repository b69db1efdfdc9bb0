//! How objects go away: grace, finalizers and what becomes of their dependents, the same for clients and controllers.
//!
//! A pod on a node goes only when its kubelet says so (a deletion with grace 0), one without a node at once. What
//! has finalizers stays until they are gone. Dependents are the garbage collector's business: here they only leave
//! a finalizer for it.

use crate::api::{ApiError, Body, Deletion, Details, Key, Kind, Object, PodBody, Reason};
use crate::cluster::Context;
use crate::store::WriteError;
use crate::time::{Span, Time};
use k8s_openapi::api::core::v1 as k8s;
use std::sync::Arc;

/// Finalizer of an owner whose dependents go first.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// Finalizer of an owner whose dependents are let go first.
pub(crate) const ORPHAN: &str = "orphan";
/// Finalizer in the spec of a namespace whose content goes first.
pub(crate) const NAMESPACE_CONTENT: &str = "kubernetes";

/// What becomes of the dependents of a deleted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// They go after it.
    Background,
    /// They go before it.
    Foreground,
    /// They stay, without owner.
    Orphan,
}

/// How to delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeleteOptions {
    /// Seconds a pod is given; its own termination grace period where none is said.
    pub(crate) grace_seconds: Option<i64>,
    /// What becomes of dependents; the kind's own way where none is said.
    pub(crate) propagation: Option<Propagation>,
    /// Only if it has this uid.
    pub(crate) uid: Option<String>,
    /// Only if it has this resource version.
    pub(crate) resource_version: Option<String>,
}

impl DeleteOptions {
    /// At once.
    pub(crate) fn now() -> Self {
        Self { grace_seconds: Some(0), ..Self::default() }
    }
}

/// What came of a deletion.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Deleted {
    /// It is gone; this was its last version.
    Gone(Arc<Object>),
    /// It is on its way out and waits for a kubelet or a finalizer.
    Pending(Arc<Object>),
}

/// Deletes an object, or sets it on its way out.
pub(crate) fn delete_object(cx: &mut Context<'_>, key: &Key, options: &DeleteOptions) -> Result<Deleted, ApiError> {
    let Some(object) = cx.store.at(key).cloned() else { return Err(ApiError::not_found(key.kind, &key.name)) };
    check_preconditions(&object, options)?;
    if key.kind == Kind::Namespace {
        return delete_namespace(cx, &object);
    }
    let mut next = Object::clone(&object);
    let finalizers = finalizers_for(&object, options.propagation);
    if finalizers != object.meta.finalizers() {
        next.meta.rest_mut().finalizers = finalizers;
    }
    let held = !next.meta.finalizers().is_empty();
    match object.pod() {
        Some(pod) => match graceful(pod, &object, options, cx.now) {
            // It is on its way already, and not wanted sooner.
            None => return Ok(Deleted::Pending(object)),
            Some(deletion) => {
                mark(&mut next, deletion);
                if deletion.grace_seconds != Some(0) || held {
                    return write(cx, next).map(Deleted::Pending);
                }
            }
        },
        None if held => {
            if object.meta.deletion.is_none() {
                mark(&mut next, Deletion { at: cx.now.floor_secs(), grace_seconds: Some(0) });
            }
            return write(cx, next).map(Deleted::Pending);
        }
        None => {}
    }
    remove(cx, key).map(Deleted::Gone)
}

/// Writes an object; where it no longer holds anything back that is being deleted, removes it instead. Returns the
/// version written, or the one that was not written any more.
pub(crate) fn update_object(
    cx: &mut Context<'_>,
    mut object: Object,
    expected: Option<u64>,
) -> Result<Arc<Object>, WriteError> {
    if !is_released(&object) {
        return cx.store.update(object, expected);
    }
    let key = object.key();
    let Some(old) = cx.store.at(&key) else { return Err(WriteError::NotFound) };
    let current = old.meta.resource_version;
    if expected.is_some_and(|e| e != current) {
        return Err(WriteError::Conflict { current });
    }
    object.meta.resource_version = current;
    let _ = remove(cx, &key);
    // The very change may have given it something more.
    if let Some(spec) = object.service() {
        cx.addresses.release_service(spec);
    }
    Ok(Arc::new(object))
}

/// Whether a namespace takes no more objects.
pub(crate) fn is_terminating(namespace: &Object) -> bool {
    namespace.meta.deletion.is_some()
}

/// Whether a deleted object waits for nothing any more.
fn is_released(object: &Object) -> bool {
    let content = match &object.body {
        Body::Namespace { spec, .. } => !spec.finalizers.iter().flatten().any(|f| !f.is_empty()),
        _ => true,
    };
    content
        && object.meta.finalizers().is_empty()
        && object.meta.deletion.as_ref().is_some_and(|d| d.grace_seconds.unwrap_or_default() == 0)
}

fn mark(object: &mut Object, deletion: Deletion) {
    if object.meta.deletion.is_none() && object.meta.generation > 0 {
        object.meta.generation += 1;
    }
    object.meta.deletion = Some(Box::new(deletion));
}

fn write(cx: &mut Context<'_>, object: Object) -> Result<Arc<Object>, ApiError> {
    let key = object.key();
    cx.store.update(object, None).map_err(|_| ApiError::not_found(key.kind, &key.name))
}

fn remove(cx: &mut Context<'_>, key: &Key) -> Result<Arc<Object>, ApiError> {
    let last = cx.store.delete(key).map_err(|_| ApiError::not_found(key.kind, &key.name))?;
    if let Body::Service { spec, .. } = &last.body {
        cx.addresses.release_service(spec);
    }
    Ok(last)
}

/// When a pod shall be gone; none where it is on its way and not wanted sooner than it goes.
fn graceful(pod: &PodBody, object: &Object, options: &DeleteOptions, now: Time) -> Option<Deletion> {
    let wanted = options.grace_seconds;
    if let Some(pending) = &object.meta.deletion {
        let had = pending.grace_seconds.unwrap_or_default();
        // A grace period can only be made shorter.
        let grace = wanted.filter(|w| *w < had || *w == 0)?.max(0);
        return Some(Deletion { at: pending.at - Span::from_secs(had - grace), grace_seconds: Some(grace) });
    }
    let grace = match wanted.or(pod.spec.termination_grace_period_seconds).unwrap_or_default() {
        _ if pod.node.is_none() || pod.status.phase.is_finished() => 0,
        negative if negative < 0 => 1,
        grace => grace,
    };
    Some(Deletion { at: now.floor_secs() + Span::from_secs(grace), grace_seconds: Some(grace) })
}

/// The finalizers it has on its way out: the two that say what becomes of dependents follow the options, else
/// what it has, else the kind's own way.
fn finalizers_for(object: &Object, propagation: Option<Propagation>) -> Vec<String> {
    let has = |finalizer: &str| object.meta.finalizers().iter().any(|f| f == finalizer);
    let propagation = propagation.unwrap_or(match object.kind() {
        _ if has(ORPHAN) => Propagation::Orphan,
        _ if has(FOREGROUND) => Propagation::Foreground,
        Kind::ReplicationController => Propagation::Orphan,
        _ => Propagation::Background,
    });
    let mut finalizers: Vec<String> =
        object.meta.finalizers().iter().filter(|f| *f != ORPHAN && *f != FOREGROUND).cloned().collect();
    match propagation {
        // Events own nothing.
        _ if object.kind() == Kind::Event => {}
        Propagation::Background => {}
        Propagation::Foreground => finalizers.push(FOREGROUND.to_owned()),
        Propagation::Orphan => finalizers.push(ORPHAN.to_owned()),
    }
    finalizers
}

fn delete_namespace(cx: &mut Context<'_>, object: &Arc<Object>) -> Result<Deleted, ApiError> {
    let mut next = Object::clone(object);
    if object.meta.deletion.is_none() {
        mark(&mut next, Deletion { at: cx.now.floor_secs(), grace_seconds: None });
        if let Body::Namespace { status, .. } = &mut next.body {
            let status: &mut k8s::NamespaceStatus = Arc::make_mut(status);
            status.phase = Some("Terminating".to_owned());
        }
        let written = write(cx, next)?;
        if !is_released(&written) {
            return Ok(Deleted::Pending(written));
        }
    } else if !is_released(object) {
        return Ok(Deleted::Pending(Arc::clone(object)));
    }
    remove(cx, &object.key()).map(Deleted::Gone)
}

fn check_preconditions(object: &Object, options: &DeleteOptions) -> Result<(), ApiError> {
    let uid = object.meta.uid.to_string();
    let version = object.meta.resource_version.to_string();
    let why = match (&options.uid, &options.resource_version) {
        (Some(wanted), _) if *wanted != uid => format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The object might have \
             been deleted and then recreated"
        ),
        (_, Some(wanted)) if *wanted != version => format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record \
             ({version}). The object might have been modified"
        ),
        _ => return Ok(()),
    };
    let info = object.kind().info();
    let message = format!("Operation cannot be fulfilled on {} \"{}\": {why}", info.kind, object.meta.name);
    // This one names the kind, not the resource.
    let details = Details { kind: info.kind.to_owned(), ..Details::about(object.kind(), &object.meta.name) };
    Err(ApiError::about(409, Reason::Conflict, message, details))
}
