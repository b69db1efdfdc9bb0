//! The output of a container: whose, and how much of it.

use super::errors;
use super::pods::{container, pod_ref};
use super::query::{Query, quoted};
use super::request::LogQuery;
use crate::api::validation::FieldError;
use crate::api::{ApiError, ContainerState, Kind, Object};
use crate::time::{Span, Time};

/// How much is wanted; checked before anything is looked for, as upstream does.
pub(super) struct Options {
    tail_lines: Option<u64>,
    limit_bytes: Option<u64>,
    since: Option<Time>,
}

impl Options {
    /// Reads them for the pod of a name.
    pub(super) fn read(name: &str, query: &Query, now: Time) -> Result<Self, ApiError> {
        let tail = query.number("tailLines")?;
        let limit = query.number("limitBytes")?;
        let seconds = query.number("sinceSeconds")?;
        let text = query.text("sinceTime");
        let since = match Time::parse(text) {
            _ if text.is_empty() => None,
            Some(at) => Some(at),
            None => {
                let text = quoted(text);
                return Err(errors::bad_request(format!(
                    "parsing time {text} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text} as \"2006\""
                )));
            }
        };
        let mut wrong = Vec::new();
        let mut refuse = |reason: &'static str, field: &str, message: String| {
            wrong.push(FieldError { reason, field: field.to_owned(), message });
        };
        let above = |n: i64, least: &str| format!("Invalid value: {n}: must be greater than {least}");
        if let Some(n) = tail.filter(|n| *n < 0) {
            refuse("FieldValueInvalid", "tailLines", above(n, "or equal to 0"));
        }
        if let Some(n) = limit.filter(|n| *n < 1) {
            refuse("FieldValueInvalid", "limitBytes", above(n, "0"));
        }
        match seconds {
            Some(_) if since.is_some() => {
                let why = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified";
                refuse("FieldValueForbidden", "", why.to_owned());
            }
            Some(n) if n < 1 => refuse("FieldValueInvalid", "sinceSeconds", above(n, "0")),
            _ => {}
        }
        if !wrong.is_empty() {
            return Err(errors::invalid_named("PodLogOptions", "", name, &wrong));
        }
        Ok(Self {
            tail_lines: tail.map(i64::unsigned_abs),
            limit_bytes: limit.map(i64::unsigned_abs),
            since: since.or_else(|| seconds.map(|n| now - Span::from_secs(n))),
        })
    }
}

/// Finds whose output is wanted; none where the pod has no node, and so has written nothing.
pub(super) fn of(object: &Object, query: &Query, options: &Options) -> Result<Option<LogQuery>, ApiError> {
    let name = &object.meta.name;
    let Some(pod) = object.pod() else { return Err(ApiError::not_found(Kind::Pod, name)) };
    let container = container(pod, name, query.text("container"))?;
    let Some(node) = pod.node.as_deref().cloned() else { return Ok(None) };
    let status = pod.status.all_containers().find(|s| s.name == container);
    let of_pod = || format!("container {} in pod {}", quoted(&container), quoted(name));
    let refuse_waiting = |why: &str| errors::bad_request(format!("{} is waiting to start: {why}", of_pod()));
    let attempt = if query.flag("previous") {
        let missing = || errors::bad_request(format!("previous terminated {} not found", of_pod()));
        status.and_then(|s| s.restarts.checked_sub(1)).ok_or_else(missing)?
    } else {
        match status.map(|s| (s, &s.state)) {
            None => return Err(refuse_waiting("ContainerCreating")),
            Some((s, ContainerState::Waiting { reason, .. })) if s.last.is_none() => {
                return Err(refuse_waiting(reason.as_deref().unwrap_or("ContainerCreating")));
            }
            // Also while it waits to be started again: the last output is the one there is.
            Some((s, _)) => s.restarts,
        }
    };
    Ok(Some(LogQuery {
        pod: pod_ref(object),
        node,
        container,
        attempt,
        follow: query.flag("follow"),
        tail_lines: options.tail_lines,
        since: options.since,
        timestamps: query.flag("timestamps"),
        limit_bytes: options.limit_bytes,
    }))
}
