//! Who wrote which field of an object, kept small: what many objects have in common they share.

use super::Name;
use super::text::Members;
use crate::time::Time;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use std::sync::Arc;

/// The entries of an object that clients or controllers left, in Kubernetes' order. None where nobody but the cluster's
/// own parts wrote it; empty where it is not tracked at all.
pub type Managed = Option<Arc<Vec<ManagedFields>>>;

/// How somebody came to own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By any other write.
    Update,
}

impl Operation {
    /// Kubernetes' word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }

    /// The operation of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Apply, Self::Update].into_iter().find(|o| o.as_str() == word)
    }
}

/// When somebody last wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// Kubernetes does not say.
    Unsaid,
    /// When the object was created.
    Created,
    /// Then, in whole seconds.
    At(Time),
}

impl When {
    /// A time, of an object that was created at `created`.
    pub fn of(at: Option<Time>, created: Time) -> Self {
        match at {
            None => Self::Unsaid,
            Some(at) if at == created => Self::Created,
            Some(at) => Self::At(at),
        }
    }

    /// The time, for an object that was created at `created`.
    pub const fn time(self, created: Time) -> Option<Time> {
        match self {
            Self::Unsaid => None,
            Self::Created => Some(created),
            Self::At(at) => Some(at),
        }
    }
}

/// The fields one manager owns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ManagedFields {
    /// Who.
    pub manager: Name,
    /// How.
    pub operation: Operation,
    /// In which version of the kind.
    pub api_version: Name,
    /// Through which subresource; empty for the object itself.
    pub subresource: Name,
    /// When.
    pub at: When,
    /// Which, in the form `FieldsV1`.
    pub fields: Arc<str>,
}

impl ManagedFields {
    /// From Kubernetes' form; none where Kubernetes would not read it either.
    pub(super) fn from_k8s(entry: ManagedFieldsEntry, created: Time) -> Option<Self> {
        let name = |text: Option<String>| text.map(Name::from).unwrap_or_default();
        Some(Self {
            manager: name(entry.manager),
            operation: Operation::parse(entry.operation.as_deref()?)?,
            api_version: name(entry.api_version),
            subresource: name(entry.subresource),
            at: When::of(entry.time.as_ref().map(Time::from), created),
            fields: entry.fields_v1?.0.to_string().into(),
        })
    }
}

/// Entries as JSON, written out: most of it is kept so.
pub(crate) fn managed_text(entries: &[ManagedFields], created: Time) -> String {
    let mut json = "[".to_owned();
    for entry in entries {
        if json.len() > 1 {
            json.push(',');
        }
        let ManagedFields { manager, operation, api_version, subresource, at, fields } = entry;
        let mut map = Members::open(&mut json);
        map.string("apiVersion", api_version);
        map.string("fieldsType", "FieldsV1");
        map.key("fieldsV1").push_str(fields);
        map.string("manager", manager);
        map.string("operation", operation.as_str());
        map.optional("subresource", (!subresource.is_empty()).then_some(subresource));
        if let Some(at) = at.time(created) {
            map.time("time", Some(at));
        }
        map.close();
    }
    json.push(']');
    json
}
