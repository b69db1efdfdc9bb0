//! Server-side apply: a client says what it wants of an object, and owns that from then on.
//!
//! Source of the rules: upstream's apply handler and its `managedfields` package.

use super::application::{Application, Conflict};
use super::body::{check_size, said_twice};
use super::fields::Fields;
use super::owners::{self, Owner, Writer};
use super::query::FieldValidation;
use super::scope::Scope;
use super::typed::{self, Shape};
use super::{errors, fits, internal, json, scale, schema, wire};
use crate::api::{ApiError, Kind, Managed, Object, When};
use crate::manifest;
use serde_json::{Map, Value};

/// Where `kubectl` keeps what it applied before it left that to the server.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The one manager that takes over what was kept there.
const KUBECTL: &str = "kubectl";
/// How long a manager's name is at most, in bytes, as upstream.
const MANAGER_BYTES_MAX: usize = 128;

/// Who writes: by the name a request gives, or else that of its program, which is all before the first `/`.
pub(super) fn manager(given: &str, user_agent: &str) -> String {
    if !given.is_empty() {
        return given.to_owned();
    }
    let mut name = String::new();
    for c in user_agent.split('/').next().unwrap_or_default().chars().filter(|c| !c.is_control()) {
        if name.len() + c.len_utf8() > MANAGER_BYTES_MAX {
            break;
        }
        name.push(c);
    }
    name
}

/// A document that is to be applied.
#[derive(Debug)]
pub(super) struct Patch {
    /// What it says.
    pub(super) value: Value,
    /// What it says twice, as upstream names it.
    twice: Vec<String>,
}

/// Reads YAML or JSON.
pub(super) fn read(text: &str) -> Result<Patch, ApiError> {
    check_size(text)?;
    if let Ok(document) = json::parse(text)
        && document.duplicates.is_empty()
        && document.value.is_object()
    {
        return Ok(Patch { value: document.value, twice: Vec::new() });
    }
    let undecodable = |why: &str| errors::bad_request(format!("error decoding YAML: {why}"));
    let document = manifest::lenient(text).map_err(|error| {
        // The parsers differ in words; the commonest mistake, a flow that is not closed, is named as upstream names it.
        let why =
            if error.message.contains("node content") { "did not find expected node content" } else { &error.message };
        // What is missing at the end is missing in the last line.
        let line = (error.place.line as usize).min(text.lines().count().max(1));
        undecodable(&format!("error converting YAML to JSON: yaml: line {line}: {why}"))
    })?;
    match document.value {
        value @ (Value::Object(_) | Value::Null) => Ok(Patch { value, twice: document.twice }),
        other => Err(undecodable(&format!(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            json::kind_of(&other)
        ))),
    }
}

impl Patch {
    /// What the client is to be warned of; where it wants to be strict, an error.
    pub(super) fn strictly(&self, validation: FieldValidation) -> Result<&[String], ApiError> {
        match validation {
            FieldValidation::Ignore => Ok(&[]),
            FieldValidation::Strict if !self.twice.is_empty() => {
                Err(errors::bad_request(format!("error strict decoding YAML: {}", said_twice(&self.twice))))
            }
            _ => Ok(&self.twice),
        }
    }
}

/// What comes of an apply.
pub(super) struct Applied {
    /// The document that is to be stored.
    pub(super) document: Value,
    /// Who owns what in it.
    pub(super) managed: Managed,
}

/// What is applied to is named so in errors.
struct Target<'a> {
    group: &'a str,
    version: &'a str,
    kind: &'a str,
    shape: Shape,
}

impl<'a> Target<'a> {
    fn new(group: &'a str, version: &'a str, kind: &'a str) -> Result<Self, ApiError> {
        let shape = typed::document(kind).ok_or_else(errors::no_such_path)?;
        Ok(Self { group, version, kind, shape })
    }

    fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Refuses what cannot be applied to it.
    fn check(&self, wanted: &Value) -> Result<(), ApiError> {
        let text = |key: &str| wanted.get(key).and_then(Value::as_str).unwrap_or_default();
        let (version, kind) = (text("apiVersion"), text("kind"));
        if version != self.api_version() || kind != self.kind {
            let (group, version) = version.split_once('/').unwrap_or(("", version));
            return Err(errors::bad_request(format!("invalid object type: {group}/{version}, Kind={kind}")));
        }
        if wanted.pointer("/metadata/managedFields").is_some_and(|given| !given.is_null()) {
            return Err(errors::bad_request("metadata.managedFields must be nil"));
        }
        match fits::misfits(self.shape, wanted) {
            None => Ok(()),
            Some(why) => {
                Err(errors::internal(format!("failed to create typed patch object ({}): {why}", self.named(wanted))))
            }
        }
    }

    fn named(&self, document: &Value) -> String {
        let text = |key: &str| {
            document.get("metadata").and_then(|m| m.get(key)).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let Self { group, version, kind, .. } = self;
        format!("{}/{}; {group}/{version}, Kind={kind}", text("namespace"), text("name"))
    }
}

/// Applies to an object, or to nothing yet.
pub(super) fn object(
    kind: Kind,
    old: Option<&Object>,
    wanted: &Value,
    writer: Writer<'_>,
    force: bool,
) -> Result<Applied, ApiError> {
    let info = kind.info();
    let target = Target::new(info.group, info.version, info.kind)?;
    target.check(wanted)?;
    let blank = owners::blank(kind);
    let live = old.map_or_else(|| blank.clone(), wire::plain);
    let (mut owners, parts) = old.map(|old| owners::all(old, &live)).unwrap_or_default();
    owners.extend(parts.iter().cloned());
    let application = Application {
        shape: target.shape,
        version: &target.api_version(),
        blank: &blank,
        live: &live,
        wanted,
        scope: Scope::new(kind, writer.subresource),
        writer,
    };
    let merged = run(&application, &mut owners, force)?;
    let mut document = merged.unwrap_or_else(|| live.clone());
    if writer.manager == KUBECTL {
        renew_last_applied(&mut document, wanted);
    }
    schema::conform(info.kind, &mut document).map_err(|why| {
        errors::internal(format!("failed to convert new object ({}) to proper version: {why}", target.named(wanted)))
    })?;
    let Some(old) = old else {
        return Ok(Applied { document, managed: Some(owners::keep(owners, writer.now.floor_secs())) });
    };
    Ok(Applied { document, managed: Some(owners::keep(internal::apart(owners, &parts, &writer), old.meta.created)) })
}

/// Refuses to create an object that is not the one its path names.
pub(super) fn check_new(kind: Kind, name: &str, document: &mut Value) -> Result<(), ApiError> {
    // Of what is not there yet, every version is right.
    if let Some(metadata) = document.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("resourceVersion");
    }
    let text = |key: &str| document.pointer(&format!("/metadata/{key}")).and_then(Value::as_str).unwrap_or_default();
    if !text("uid").is_empty() {
        let why = format!(
            "uid mismatch: the provided object specified uid {}, and no existing object was found",
            text("uid")
        );
        return Err(errors::conflict(kind, name, &why));
    }
    match text("name") {
        "" => Err(errors::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        ))),
        said if said != name => Err(errors::bad_request(format!(
            "the name of the object ({said}) does not match the name on the URL ({name})"
        ))),
        _ => Ok(()),
    }
}

fn run(application: &Application<'_>, owners: &mut Vec<Owner>, force: bool) -> Result<Option<Value>, ApiError> {
    let before = owners.clone();
    match application.apply(owners, force) {
        Ok(merged) => Ok(merged),
        Err(conflicts) if application.writer.manager == KUBECTL => {
            let Some(allowed) = last_applied(application) else { return Err(refuse(&conflicts)) };
            let mut left = Vec::new();
            for Conflict { owner, fields } in conflicts {
                let fields = fields.difference(&allowed);
                if !fields.is_empty() {
                    left.push(Conflict { owner, fields });
                }
            }
            if !left.is_empty() {
                return Err(refuse(&left));
            }
            *owners = before;
            application.apply(owners, true).map_err(|conflicts| refuse(&conflicts))
        }
        Err(conflicts) => Err(refuse(&conflicts)),
    }
}

fn refuse(conflicts: &[Conflict]) -> ApiError {
    let mut causes = Vec::new();
    let mut lines = Vec::new();
    for Conflict { owner, fields } in conflicts {
        lines.push(format!("conflicts with {owner}:"));
        for path in fields.paths() {
            lines.push(format!("- {path}"));
            causes.push((format!("conflict with {owner}"), path));
        }
    }
    let message = match causes.as_slice() {
        [(with, path)] => format!("Apply failed with 1 conflict: {with}: {path}"),
        _ => format!("Apply failed with {} conflicts: {}", causes.len(), lines.join("\n")),
    };
    errors::apply_conflict(message, causes)
}

/// The fields that are still as `kubectl` applied them before the server did: those it may take.
fn last_applied(application: &Application<'_>) -> Option<Fields> {
    let Application { shape, live, version, .. } = application;
    let text = live.get("metadata")?.get("annotations")?.get(LAST_APPLIED)?.as_str().filter(|text| !text.is_empty())?;
    let last: Value = serde_json::from_str(text).ok()?;
    if last.get("apiVersion")?.as_str() != Some(version) || fits::misfits(*shape, &last).is_some() {
        return None;
    }
    let changed = typed::compare(*shape, &last, live);
    Some(typed::fields_of(*shape, &last).difference(&changed.written()).difference(&changed.removed))
}

/// Keeps `kubectl`'s own note true where there is one, for those who still apply in the old way.
fn renew_last_applied(document: &mut Value, wanted: &Value) {
    let annotations = document.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    let Some(note) = annotations.and_then(|a| a.get_mut(LAST_APPLIED)).filter(|note| **note != "") else { return };
    let mut wanted = wanted.clone();
    let annotations = wanted.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    if let Some(annotations) = annotations {
        annotations.remove(LAST_APPLIED);
    }
    *note = format!("{wanted}\n").into();
}

/// Applies to the scale of an object. The document is the scale that comes of it, the owners are those of the object.
pub(super) fn scale(old: &Object, wanted: &Value, writer: Writer<'_>, force: bool) -> Result<Applied, ApiError> {
    let target = Target::new("autoscaling", "v1", "Scale")?;
    target.check(wanted)?;
    let live = scale::of(old);
    let version = target.api_version();
    let replicas = Fields::of(&[&["f:spec", "f:replicas"]]);
    let document = wire::plain(old);
    let (mut parents, parts) = owners::all(old, &document);
    parents.extend(parts.iter().cloned());
    let mut owners: Vec<Owner> = Vec::new();
    for owner in &parents {
        if !owner.fields.intersection(&replicas).is_empty() {
            owners.push(Owner { api_version: version.as_str().into(), fields: replicas.clone(), ..owner.clone() });
        }
    }
    let blank = Value::Object(Map::new());
    let application = Application {
        shape: target.shape,
        version: &version,
        blank: &blank,
        live: &live,
        wanted,
        scope: Scope::Without(Fields::default()),
        writer,
    };
    let merged = run(&application, &mut owners, force)?;
    // Who still owns the number keeps it, who has lost it loses it, who is new gets it.
    let of = old.kind().api_version();
    for owner in &mut owners {
        owner.api_version = of.into();
    }
    for parent in &mut parents {
        if !owners.iter().any(|owner| owner.is(parent)) {
            parent.fields = parent.fields.difference(&replicas);
        }
    }
    for owner in owners {
        if !owner.fields.intersection(&replicas).is_empty() && !parents.iter().any(|parent| parent.is(&owner)) {
            parents.push(Owner { at: When::Unsaid, fields: replicas.clone(), ..owner });
        }
    }
    parents.retain(|parent| !parent.fields.is_empty());
    let managed = Some(owners::keep(internal::apart(parents, &parts, &writer), old.meta.created));
    Ok(Applied { document: merged.unwrap_or(live), managed })
}
