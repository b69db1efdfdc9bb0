//! GET of one object and of lists: selectors, pages, versions.

use super::accept::Form;
use super::errors;
use super::path::ResourcePath;
use super::present;
use super::query::{Query, quoted};
use super::reply::{List, Shown};
use super::select::Selection;
use crate::api::validation::FieldError;
use crate::api::{ApiError, Kind, Name, Object};
use crate::order;
use crate::store::Store;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::Map;
use std::sync::Arc;

/// One object as it is.
pub(super) fn get(store: &Store, path: &ResourcePath, query: &Query, form: Form, now: Time) -> Result<Shown, ApiError> {
    version(query)?;
    present::shown(present_object(store, path)?, form, query, now)
}

/// The object a path names.
pub(super) fn present_object<'a>(store: &'a Store, path: &ResourcePath) -> Result<&'a Arc<Object>, ApiError> {
    let name = path.name.as_deref().unwrap_or_default();
    store
        .get(path.kind, path.namespace.as_deref().unwrap_or_default(), name)
        .ok_or_else(|| ApiError::not_found(path.kind, name))
}

/// A resource version of a query: none where it is not given.
fn version(query: &Query) -> Result<Option<u64>, ApiError> {
    match query.text("resourceVersion") {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            errors::internal(format!(
                "resourceVersion: Invalid value: {}: strconv.ParseUint: parsing {}: invalid syntax",
                quoted(text),
                quoted(text)
            ))
        }),
    }
}

fn forbidden_option(field: &str, message: &str) -> FieldError {
    FieldError { reason: "FieldValueForbidden", field: field.to_owned(), message: format!("Forbidden: {message}") }
}

/// Options of lists and watches that do not go together.
fn check_options(query: &Query, watch: bool) -> Result<(), ApiError> {
    const MATCH: &str = "resourceVersionMatch";
    query.number("timeoutSeconds")?;
    let rule = query.text(MATCH);
    let initial = query.get("sendInitialEvents").is_some();
    let mut wrong = Vec::new();
    let supported: &[&str] = if watch { &["NotOlderThan"] } else { &["Exact", "NotOlderThan"] };
    if watch {
        if initial && rule != "NotOlderThan" {
            let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            wrong.push(forbidden_option(MATCH, why));
        }
        if !rule.is_empty() && !initial {
            let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            wrong.push(forbidden_option(MATCH, why));
        }
        if !query.text("continue").is_empty() {
            wrong.push(forbidden_option(MATCH, "resourceVersionMatch is forbidden when continue is provided"));
        }
    } else {
        if initial {
            wrong.push(forbidden_option("sendInitialEvents", "sendInitialEvents is forbidden for list"));
        }
        if !rule.is_empty() {
            if query.text("resourceVersion").is_empty() {
                let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
                wrong.push(forbidden_option(MATCH, why));
            }
            if !query.text("continue").is_empty() {
                wrong.push(forbidden_option(MATCH, "resourceVersionMatch is forbidden when continue is provided"));
            }
        }
    }
    if !rule.is_empty() && !supported.contains(&rule) {
        let list = supported.iter().map(|s| quoted(s)).collect::<Vec<_>>().join(", ");
        wrong.push(FieldError {
            reason: "FieldValueNotSupported",
            field: MATCH.to_owned(),
            message: format!("Unsupported value: {}: supported values: {list}", quoted(rule)),
        });
    }
    if !watch && rule == "Exact" && query.text("resourceVersion") == "0" {
        let why = "resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"";
        wrong.push(forbidden_option(MATCH, why));
    }
    if wrong.is_empty() { Ok(()) } else { Err(errors::invalid_named("ListOptions", "meta.k8s.io", "", &wrong)) }
}

/// Where the next page begins.
#[derive(Serialize, Deserialize)]
struct Continue {
    v: String,
    rv: u64,
    start: String,
}

const CONTINUE_VERSION: &str = "meta.k8s.io/v1";

impl Continue {
    fn token(revision: u64, after: &Object) -> String {
        let start = format!("{}/{}\0", after.meta.namespace, after.meta.name);
        let token = Self { v: CONTINUE_VERSION.to_owned(), rv: revision, start };
        base64url::encode(serde_json::to_string(&token).unwrap_or_default().as_bytes())
    }

    fn read(token: &str) -> Result<Self, ApiError> {
        let refuse =
            |why: &str| errors::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
        let bytes =
            base64url::decode(token).map_err(|at| refuse(&format!("illegal base64 data at input byte {at}")))?;
        let text = String::from_utf8_lossy(&bytes);
        let document = super::json::parse(&text).map_err(|e| refuse(&e))?;
        let read: Self = serde_json::from_value(document.value).map_err(|_| refuse("unexpected content"))?;
        if read.v != CONTINUE_VERSION {
            return Err(refuse("server does not recognize this encoded version"));
        }
        Ok(read)
    }
}

/// The objects of a kind as they were at a revision, in order.
fn at_revision(store: &Store, kind: Kind, namespace: Option<&str>, revision: u64) -> Option<Vec<Arc<Object>>> {
    if revision == store.revision() {
        return Some(store.list(kind, namespace).cloned().collect());
    }
    let changes: Vec<_> = store.changes_since(revision).ok()?.collect();
    let mut objects: order::Map<(Name, Name), Arc<Object>> = store
        .list(kind, namespace)
        .map(|o| ((o.meta.namespace.to_name(), o.meta.name.clone()), Arc::clone(o)))
        .collect();
    for change in changes.into_iter().rev() {
        let Some(object) = change.object() else { continue };
        if object.kind() != kind || namespace.is_some_and(|n| object.meta.namespace != n) {
            continue;
        }
        let key = (object.meta.namespace.to_name(), object.meta.name.clone());
        match &change.before {
            Some(before) => objects.insert(key, Arc::clone(before)),
            None => objects.remove(&key),
        };
    }
    Some(objects.into_iter().map(|(_, object)| object).collect())
}

/// What is to be in a list, or in a page of one.
pub(super) fn list(store: &Store, path: &ResourcePath, query: &Query, form: Form, now: Time) -> Result<List, ApiError> {
    check_options(query, false)?;
    let selection = Selection::parse(path.kind, query.text("labelSelector"), query.text("fieldSelector"))?;
    let limit = query.number("limit")?.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    let namespace = path.namespace.as_deref();
    let current = store.revision();
    let requested = version(query)?;
    // As upstream: whatever is at hand will do for those, and it is at hand as a whole.
    let limit = limit.filter(|_| requested != Some(0) || !query.text("continue").is_empty());
    let (revision, start) = match query.text("continue") {
        "" => match requested {
            Some(wanted) if wanted > current => return Err(errors::too_large_version(wanted, current)),
            Some(wanted) if query.text("resourceVersionMatch") == "Exact" => (wanted, None),
            _ => (current, None),
        },
        token => {
            if requested.is_some_and(|v| v != 0) {
                return Err(errors::bad_request("specifying resource version is not allowed when using continue"));
            }
            let from = Continue::read(token)?;
            (from.rv.min(current), Some(from.start))
        }
    };
    let objects = at_revision(store, path.kind, namespace, revision).ok_or_else(|| match start {
        Some(_) => errors::continue_expired(),
        None => errors::too_old(revision, store.compacted()),
    })?;
    let begin = start.map_or(0, |start| {
        let (namespace, name) = start.trim_end_matches('\0').split_once('/').unwrap_or(("", &start));
        objects.partition_point(|o| (o.meta.namespace.as_str(), o.meta.name.as_str()) <= (namespace, name))
    });
    let mut rest = objects.into_iter().skip(begin).filter(|o| selection.matches(o));
    let page: Vec<Arc<Object>> = rest.by_ref().take(limit.unwrap_or(usize::MAX)).collect();
    let remaining = rest.count();
    let mut metadata = Map::new();
    metadata.insert("resourceVersion".to_owned(), revision.to_string().into());
    if remaining > 0
        && let Some(last) = page.last()
    {
        metadata.insert("continue".to_owned(), Continue::token(revision, last).into());
        if selection.is_everything() {
            metadata.insert("remainingItemCount".to_owned(), remaining.into());
        }
    }
    let include = present::IncludeObject::parse_for(form, query)?;
    Ok(List { kind: path.kind, objects: page, metadata, form, include, now })
}

/// What a watch is to begin with.
pub(super) struct WatchStart {
    /// Changes after this revision.
    pub(super) since: u64,
    /// Whether the objects there are now come first.
    pub(super) initial: bool,
    /// Whether a bookmark says where they end.
    pub(super) initial_end: bool,
}

/// Checks a watch's options and finds where it begins.
pub(super) fn watch_start(store: &Store, kind: Kind, query: &Query) -> Result<WatchStart, ApiError> {
    check_options(query, true)?;
    Selection::parse(kind, query.text("labelSelector"), query.text("fieldSelector"))?;
    let requested = version(query)?;
    let current = store.revision();
    if let Some(wanted) = requested
        && wanted > current
    {
        return Err(errors::too_large_version(wanted, current));
    }
    let asked = query.get("sendInitialEvents").map(|_| query.flag("sendInitialEvents"));
    let from_start = requested.is_none_or(|v| v == 0);
    let initial = asked.unwrap_or(from_start);
    let since = if initial || from_start { current } else { requested.unwrap_or(current) };
    let bookmarks = query.flag("allowWatchBookmarks");
    Ok(WatchStart { since, initial, initial_end: asked == Some(true) && bookmarks })
}

/// Base64 as continue tokens use it: the URL's alphabet, without padding.
mod base64url {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    pub(super) fn encode(bytes: &[u8]) -> String {
        let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
        for chunk in bytes.chunks(3) {
            let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or_default());
            let bits = at(0) << 16 | at(1) << 8 | at(2);
            for index in 0..=chunk.len() {
                text.push(char::from(ALPHABET[(bits >> (18 - 6 * index) & 63) as usize]));
            }
        }
        text
    }

    /// The error is the position of the first character that does not fit.
    pub(super) fn decode(text: &str) -> Result<Vec<u8>, usize> {
        let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
        let (mut bits, mut count) = (0u32, 0);
        for (position, byte) in text.bytes().enumerate() {
            let value = ALPHABET.iter().position(|a| *a == byte).ok_or(position)?;
            bits = bits << 6 | value as u32;
            count += 6;
            if count >= 8 {
                count -= 8;
                bytes.push((bits >> count) as u8);
                bits &= (1 << count) - 1;
            }
        }
        Ok(bytes)
    }
}
