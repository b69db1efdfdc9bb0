//! A manifest of a scenario: kept as text, for a scenario may have tens of thousands.

use super::action::ActionError;
use crate::api::{Kind, Name};
use crate::apiserver::{Alike, Creation};
use serde_json::Value;
use std::sync::Arc;

/// Something to be created, as compact JSON: a tenth of what the value it says takes in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    api_version: Option<Name>,
    kind: Option<Name>,
    namespace: Name,
    name: Name,
    json: Arc<str>,
}

impl From<&Value> for Manifest {
    fn from(value: &Value) -> Self {
        let word = |field: &str| value.get(field).and_then(Value::as_str).map(Name::from);
        let metadata = |field: &str| value["metadata"][field].as_str().map(Name::from).unwrap_or_default();
        Self {
            api_version: word("apiVersion"),
            kind: word("kind"),
            namespace: metadata("namespace"),
            name: metadata("name"),
            // Its map's keys are texts, so that there is nothing that JSON cannot say.
            json: serde_json::to_string(value).unwrap_or_default().into(),
        }
    }
}

impl From<Value> for Manifest {
    fn from(value: Value) -> Self {
        Self::from(&value)
    }
}

impl Manifest {
    /// What it says.
    pub fn value(&self) -> Value {
        // It was written from a value.
        serde_json::from_str(&self.json).unwrap_or_default()
    }

    /// What it says, as JSON.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Reads its value ahead of its creation; none where it says no kind that is known. What manifests `before` it say alike
    /// is shared with them.
    pub fn read(&self, value: Value, before: &mut Alike) -> Option<Box<Creation>> {
        let (kind, namespace) = self.collection().ok()?;
        let namespace = Some(namespace.as_str()).filter(|name| !name.is_empty());
        Some(Box::new(Creation::read(kind, namespace, &self.json, value, before)))
    }

    /// The name it gives; empty for none.
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// Its kind and its namespace, which is empty for kinds without.
    pub(super) fn collection(&self) -> Result<(Kind, Name), ActionError> {
        let refused =
            |field: &str, message: String| ActionError::Refused { code: 400, message, field: field.to_owned() };
        let missing = |field: &str| refused(field, format!("{field} is missing: a manifest says apiVersion and kind"));
        let version = self.api_version.as_ref().ok_or_else(|| missing("apiVersion"))?;
        let word = self.kind.as_ref().ok_or_else(|| missing("kind"))?;
        let Some(kind) = Kind::from_type(version, word) else {
            let known: Vec<String> = Kind::ALL.iter().map(ToString::to_string).collect();
            let message = format!("no kind {word} in version {version}; known: {}", known.join(", "));
            return Err(refused("kind", message));
        };
        let namespace = match self.namespace.as_str() {
            _ if !kind.info().namespaced => Name::default(),
            "" => Name::new_static("default"),
            _ => self.namespace.clone(),
        };
        Ok((kind, namespace))
    }
}
