//! The cluster's own rules for what comes new, whoever makes it: what it is given, and whether there is room for it.
//!
//! Upstream's default admission plugins `LimitRanger`, `Priority`, `DefaultTolerationSeconds` and `ResourceQuota`, in
//! that order. Knows the store, but neither requests nor controllers.

mod limits;
mod priority;
mod quota;
mod tolerations;

pub(crate) use priority::check_class;
#[cfg(feature = "foresight")]
pub(crate) use quota::charged;
pub(crate) use quota::{Counts, applies, charge, count, counted, counts_until, shown, usage};
pub(crate) use tolerations::{NOT_READY, UNREACHABLE, UNSCHEDULABLE, tolerate};

use crate::api::{ApiError, Kind, Object};
use crate::config::Config;
use crate::store::Store;
use std::sync::Arc;

/// Gives a new pod, after its defaults, what limit ranges, priority classes and the cluster's settings give it.
pub(crate) fn complete(store: &Store, config: &Config, object: &mut Object) -> Result<(), ApiError> {
    limits::complete(store, object);
    let name = object.meta.name.clone();
    let Some(pod) = object.pod_mut() else { return Ok(()) };
    let spec = Arc::make_mut(&mut pod.spec);
    priority::resolve(store, spec).map_err(|why| ApiError::forbidden(Kind::Pod, &name, &why))?;
    tolerate(spec, config);
    Ok(())
}

/// Whether what a pod is given that names no priority class follows from more than its own spec.
pub(crate) fn varies(store: &Store, namespace: &str) -> bool {
    priority::has_default(store) || store.list(Kind::LimitRange, Some(namespace)).next().is_some()
}

/// Refuses a complete pod that is outside the limits of its namespace.
pub(crate) fn check_limits(store: &Store, object: &Object) -> Result<(), ApiError> {
    limits::check(store, object)
}
