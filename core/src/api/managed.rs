//! Who wrote which field of an object, kept small: what many objects have in common they share.

use super::Name;
use crate::time::Time;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::Value;
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

    /// In Kubernetes' form.
    pub(super) fn to_k8s(&self, created: Time) -> ManagedFieldsEntry {
        let text = |name: &Name| (!name.is_empty()).then(|| name.to_string());
        // It was written out from a document.
        let fields: Value = serde_json::from_str(&self.fields).unwrap_or_default();
        ManagedFieldsEntry {
            manager: text(&self.manager),
            operation: Some(self.operation.as_str().to_owned()),
            api_version: text(&self.api_version),
            subresource: text(&self.subresource),
            time: self.at.time(created).map(Time::to_meta),
            fields_type: Some("FieldsV1".to_owned()),
            fields_v1: Some(FieldsV1(fields)),
        }
    }
}
