//! Who owns which fields of an object, and what becomes of that when somebody writes.
//!
//! Source of the rules: upstream's `managedfields` package and the `merge` package of `structured-merge-diff`.

use super::fields::{self, Fields};
use super::path::{ResourcePath, Subresource};
use super::query::quoted;
use super::scope::Scope;
use super::typed::{self, Comparison, Shape};
use super::{internal, pod_owners, wire};
use crate::api::{Kind, Managed, ManagedFields, Name, Object, Operation, When, managed_text};
use crate::order;
use crate::time::Time;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

/// How many entries of updates an object has at most, as upstream.
const UPDATERS_MAX: usize = 10;
/// Whose the oldest updates become where there are more.
const ANCIENT: &str = "ancient-changes";

/// One manager and its fields.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Owner {
    pub(super) manager: Name,
    pub(super) operation: Operation,
    pub(super) api_version: Name,
    pub(super) subresource: Name,
    pub(super) at: When,
    pub(super) fields: Fields,
}

impl Owner {
    /// Whether both are one manager: for who applies the version does not matter.
    pub(super) fn is(&self, other: &Self) -> bool {
        let version = self.operation == Operation::Apply || self.api_version == other.api_version;
        version
            && (&self.manager, self.operation, &self.subresource)
                == (&other.manager, other.operation, &other.subresource)
    }

    /// What upstream sorts managers by where it sorts them by nothing else.
    pub(super) fn identity(&self) -> String {
        let version = if self.operation == Operation::Update { self.api_version.as_str() } else { "" };
        let parts = [&self.manager, self.operation.as_str(), version, &self.subresource];
        parts.join("\0")
    }

    /// As it is named in a conflict.
    pub(super) fn named(&self) -> String {
        let mut name = quoted(&self.manager);
        if !self.subresource.is_empty() {
            name = format!("{name} with subresource {}", quoted(&self.subresource));
        }
        match self.operation {
            Operation::Apply => name,
            Operation::Update => format!("{name} using {}", self.api_version),
        }
    }
}

/// Somebody who writes through the API.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer<'a> {
    /// The name it goes by.
    pub(super) manager: &'a str,
    /// The subresource it writes; empty for the object itself.
    pub(super) subresource: &'static str,
    /// When.
    pub(super) now: Time,
}

impl<'a> Writer<'a> {
    /// Of a request for a path.
    pub(super) fn new(manager: &'a str, path: &ResourcePath, now: Time) -> Self {
        Self { manager, subresource: path.subresource.map_or("", Subresource::of_writer), now }
    }

    /// The name it goes by as the owner of fields.
    pub(super) const fn name(&self) -> &'a str {
        if self.manager.is_empty() { "unknown" } else { self.manager }
    }

    /// The writer as the owner of fields.
    pub(super) fn owner(&self, operation: Operation, api_version: &str, fields: Fields) -> Owner {
        // Upstream loses the time on the way from a scale to what is scaled.
        let at = if self.subresource == "scale" { When::Unsaid } else { When::At(self.now.floor_secs()) };
        Owner {
            manager: self.name().into(),
            operation,
            api_version: api_version.into(),
            subresource: Name::new_static(self.subresource),
            at,
            fields,
        }
    }
}

/// What a client said of the managers in the document it sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// Nothing that counts.
    Nothing,
    /// That nobody owns anything any more.
    Reset,
    /// Who owns what.
    Owners(Vec<Owner>),
}

/// Takes what a client says of the managers out of its document.
pub(super) fn take(document: &mut Value) -> Said {
    let metadata = document.get_mut("metadata").and_then(Value::as_object_mut);
    let Some(Value::Array(entries)) = metadata.and_then(|m| m.remove("managedFields")) else { return Said::Nothing };
    if entries.is_empty() || entries == [json!({})] {
        return Said::Reset;
    }
    let owners: Option<Vec<Owner>> = entries.iter().map(read).collect();
    owners.map_or(Said::Nothing, Said::Owners)
}

fn read(entry: &Value) -> Option<Owner> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("apiVersion").is_empty() || text("fieldsType") != "FieldsV1" {
        return None;
    }
    let nothing = json!({});
    Some(Owner {
        manager: text("manager").into(),
        operation: Operation::parse(text("operation"))?,
        api_version: text("apiVersion").into(),
        subresource: text("subresource").into(),
        // Whether that is when the object was created is told where it is kept.
        at: text("time").parse().map_or(When::Unsaid, |at| When::At(Time::from(&meta::Time(at)))),
        fields: Fields::parse(entry.get("fieldsV1").unwrap_or(&nothing))?,
    })
}

pub(super) fn decode(entry: &ManagedFields) -> Owner {
    Owner {
        manager: entry.manager.clone(),
        operation: entry.operation,
        api_version: entry.api_version.clone(),
        subresource: entry.subresource.clone(),
        at: entry.at,
        fields: Fields::from_text(&entry.fields),
    }
}

/// The owners that are kept with an object.
pub(super) fn kept(object: &Object) -> Vec<Owner> {
    object.meta.managed.iter().flat_map(|managed| managed.iter()).map(decode).collect()
}

/// The owners of an object: those kept with it or who made it, and apart from them the cluster's parts that write its
/// status.
pub(super) fn all(object: &Object, document: &Value) -> (Vec<Owner>, Vec<Owner>) {
    let mut owners = kept(object);
    owners.extend(internal::main(object, document));
    let parts = internal::of_status(object, document, &owners);
    (owners, parts)
}

/// Owners as they are kept, in upstream's order.
pub(super) fn keep(mut owners: Vec<Owner>, created: Time) -> Arc<Vec<ManagedFields>> {
    let second = |owner: &Owner| owner.at.time(created).map_or(0, Time::as_secs);
    let key = |o: &Owner| (o.operation, second(o), o.manager.clone(), o.api_version.clone(), o.subresource.clone());
    order::sort_by(&mut owners, |a, b| key(a).cmp(&key(b)));
    let mut kept = Vec::with_capacity(owners.len());
    kept.extend(owners.into_iter().map(|owner| ManagedFields {
        fields: owner.fields.into_text().into(),
        at: When::of(owner.at.time(created), created),
        manager: owner.manager,
        operation: owner.operation,
        api_version: owner.api_version,
        subresource: owner.subresource,
    }));
    Arc::new(kept)
}

/// Puts an object's owners into its document as the API shows it.
pub(super) fn show(object: &Object, document: &mut Value) {
    let Some(shown) = shown(object, document) else { return };
    if let Some(metadata) = document.get_mut("metadata").and_then(Value::as_object_mut) {
        // It was written out from a document.
        metadata.insert("managedFields".to_owned(), serde_json::from_str(&shown).unwrap_or_default());
    }
}

/// An object's owners as JSON, written out; none where there are none.
pub(super) fn shown(object: &Object, document: &Value) -> Option<String> {
    let entries = at_hand(object).unwrap_or_else(|| {
        let (mut owners, parts) = all(object, document);
        owners.extend(parts);
        keep(owners, object.meta.created)
    });
    written(&entries, object)
}

/// Entries written out.
pub(super) fn written(entries: &[ManagedFields], object: &Object) -> Option<String> {
    (!entries.is_empty()).then(|| managed_text(entries, object.meta.created))
}

/// An object's owners as its API shows them, where they are known without its document.
pub(super) fn at_hand(object: &Object) -> Option<Arc<Vec<ManagedFields>>> {
    let managed = object.meta.managed.as_ref()?;
    if !internal::has_status(object) {
        return Some(Arc::clone(managed));
    }
    // Who writes a status of its own takes that part from the cluster's.
    let of_status = |entry: &ManagedFields| entry.fields.contains("\"f:status\"");
    let pod = object.pod().filter(|pod| pod.is_plain() && !managed.iter().any(of_status))?;
    let created = object.meta.created;
    let mut entries = Vec::clone(managed);
    entries.extend(pod_owners::of_status(pod, created));
    let second = |entry: &ManagedFields| entry.at.time(created).map_or(0, Time::as_secs);
    order::sort_by(&mut entries, |a, b| {
        (a.operation, second(a), &a.manager, &a.api_version, &a.subresource).cmp(&(
            b.operation,
            second(b),
            &b.manager,
            &b.api_version,
            &b.subresource,
        ))
    });
    Some(Arc::new(entries))
}

/// The fields nobody owns: they are the cluster's.
pub(super) fn stripped() -> &'static Fields {
    static STRIPPED: OnceLock<Fields> = OnceLock::new();
    STRIPPED.get_or_init(strip)
}

fn strip() -> Fields {
    let names = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    let mut set = Fields::of(&[&["f:apiVersion"], &["f:kind"], &["f:metadata"]]);
    for name in names {
        set.insert(["f:metadata".to_owned(), fields::field(name)]);
    }
    set
}

/// Takes from all owners what somebody else wrote or what is no more; owners that are left with nothing go.
pub(super) fn yield_to(owners: &mut Vec<Owner>, comparison: &Comparison) {
    let gone = comparison.written().union(&comparison.removed);
    for owner in owners.iter_mut().filter(|_| !gone.is_empty()) {
        owner.fields = owner.fields.difference(&gone);
    }
    owners.retain(|owner| !owner.fields.is_empty());
}

/// What a kind's object is before there is one: all that is written even where nothing is in it.
pub(super) fn blank(kind: Kind) -> Value {
    let empty = json!({"metadata": {}});
    let mut blank = Object::from_value(kind, &empty).map(|object| wire::plain(&object)).unwrap_or(empty);
    unsay(&mut blank);
    blank
}

/// Takes what is no null, zero or empty text out of a document: its defaults.
fn unsay(document: &mut Value) {
    let Value::Object(map) = document else { return };
    map.retain(|_, value| {
        unsay(value);
        match value {
            Value::String(text) => text.is_empty(),
            Value::Number(number) => number.as_i64() == Some(0),
            Value::Bool(said) => !*said,
            _ => true,
        }
    });
}

/// The fields that are set in a new object, of what its creator says of it.
pub(super) fn created(kind: Kind, document: &Value) -> Fields {
    let Some(shape) = typed::document(kind.info().kind) else { return Fields::default() };
    Scope::new(kind, "").of(&typed::compare(shape, &blank(kind), document).written()).difference(stripped())
}

/// The owners of a new object.
pub(super) fn of_new(kind: Kind, said: Said, written: Fields, writer: &Writer<'_>) -> Arc<Vec<ManagedFields>> {
    let mut owners = match said {
        Said::Owners(owners) => owners,
        Said::Nothing | Said::Reset => Vec::new(),
    };
    if !written.is_empty() {
        put(&mut owners, writer.owner(Operation::Update, kind.api_version(), written));
    }
    keep(owners, writer.now.floor_secs())
}

/// The owners of a new object of which it is known which fields are set in its metadata and its spec. Nobody said anything
/// of owners.
pub(super) fn of_alike(kind: Kind, metadata: &str, spec: &str, writer: &Writer<'_>) -> Arc<Vec<ManagedFields>> {
    let mut fields = metadata.to_owned();
    if spec != "{}" {
        // A field of the spec comes after those of the metadata.
        fields.truncate(fields.len() - 1);
        fields += if fields.len() > 1 { ",\"f:spec\":" } else { "\"f:spec\":" };
        fields += spec;
        fields.push('}');
    }
    if fields == "{}" {
        return Arc::default();
    }
    let Owner { manager, operation, api_version, subresource, .. } =
        writer.owner(Operation::Update, kind.api_version(), Fields::default());
    let (at, fields) = (When::Created, fields.into());
    Arc::new(vec![ManagedFields { manager, operation, api_version, subresource, at, fields }])
}

fn put(owners: &mut Vec<Owner>, mut owner: Owner) {
    if let Some(at) = owners.iter().position(|other| other.is(&owner)) {
        owner.fields = owner.fields.union(&owners.swap_remove(at).fields);
    }
    owners.push(owner);
}

/// The owners of an object after a write that was no apply.
pub(super) fn after_update(live: &Object, new: &Object, said: Said, writer: &Writer<'_>) -> Managed {
    let kind = live.kind();
    let (before, after) = (wire::plain(live), wire::plain(new));
    let (mut owners, parts) = all(live, &before);
    owners.extend(parts.iter().cloned());
    match said {
        Said::Owners(said) if writer.subresource.is_empty() => owners = said,
        Said::Reset if writer.subresource.is_empty() => owners.clear(),
        _ => {}
    }
    // What nobody owned stays so: an update does not begin to track.
    if owners.is_empty() {
        return Some(Arc::default());
    }
    let Some(shape) = typed::document(kind.info().kind) else { return live.meta.managed.clone() };
    let version = kind.api_version();
    owners.retain(|owner| owner.api_version == version);
    update(shape, &before, &after, &Scope::new(kind, writer.subresource), &mut owners, writer, version);
    cap(&mut owners, live.meta.created);
    Some(keep(internal::apart(owners, &parts, writer), live.meta.created))
}

/// Whether an object has these owners already, whenever they wrote.
pub(super) fn same(object: &Object, managed: &Managed) -> bool {
    let document = match &object.meta.managed {
        Some(_) => Value::Null,
        None => wire::plain(object),
    };
    let mut before = kept(object);
    before.extend(internal::main(object, &document));
    let entries = managed.as_ref().map_or(&[][..], |managed| managed.as_slice());
    before.len() == entries.len()
        && entries.iter().all(|entry| {
            let entry = decode(entry);
            before.iter().any(|other| other.is(&entry) && other.fields == entry.fields)
        })
}

/// Notes what somebody changed.
pub(super) fn update(
    shape: Shape,
    before: &Value,
    after: &Value,
    scope: &Scope,
    owners: &mut Vec<Owner>,
    writer: &Writer<'_>,
    version: &str,
) {
    let comparison = typed::compare(shape, before, after).of(scope);
    yield_to(owners, &comparison);
    let written = comparison.written().difference(stripped());
    if !written.is_empty() {
        put(owners, writer.owner(Operation::Update, version, written));
    }
}

/// Makes one of the oldest updates where there are too many.
fn cap(owners: &mut Vec<Owner>, created: Time) {
    let mut updaters: Vec<Owner> = owners.iter().filter(|o| o.operation == Operation::Update).cloned().collect();
    if updaters.len() <= UPDATERS_MAX {
        return;
    }
    let key = |owner: &Owner| (owner.at.time(created).map_or(0, Time::as_secs), owner.identity());
    order::sort_by(&mut updaters, |a, b| key(a).cmp(&key(b)));
    // All entries are of the kind's one version, so one entry takes them all.
    let merged = updaters.len() - UPDATERS_MAX + 1;
    let mut ancient: Option<Owner> = None;
    for oldest in updaters.into_iter().take(merged) {
        owners.retain(|owner| !owner.is(&oldest));
        let fields = match &ancient {
            Some(ancient) => ancient.fields.union(&oldest.fields),
            None => oldest.fields.clone(),
        };
        ancient = Some(Owner { manager: Name::new_static(ANCIENT), subresource: Name::default(), fields, ..oldest });
    }
    if let Some(ancient) = ancient {
        put(owners, ancient);
    }
}
