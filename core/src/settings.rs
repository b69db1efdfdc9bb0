//! Config maps and secrets as pods use them: which ones a spec names, whether what it needs is there, and what is in
//! them. Knows nothing of environments, files or machines.

use crate::api::{Document, Kind, Name, Object, base64};
use crate::store::Store;
use k8s_openapi::api::core::v1 as k8s;
use std::fmt;
use std::sync::Arc;

/// A place in a pod's spec that names a config map or a secret, or one key of it.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'a> {
    /// `ConfigMap` or `Secret`.
    pub kind: Kind,
    /// The object's name, in the pod's namespace.
    pub name: &'a str,
    /// The key of a variable; none where all of them are meant, or those of `items`.
    pub key: Option<&'a str>,
    /// Which keys a volume shows, and where; all where empty.
    pub items: &'a [k8s::KeyToPath],
    /// Whether it may be missing.
    pub optional: bool,
}

impl<'a> Reference<'a> {
    const fn new(kind: Kind, name: &'a str, optional: Option<bool>) -> Self {
        Self { kind, name, key: None, items: &[], optional: matches!(optional, Some(true)) }
    }

    fn with(self, items: Option<&'a Vec<k8s::KeyToPath>>) -> Self {
        Self { items: items.map_or(&[], Vec::as_slice), ..self }
    }

    /// What one variable of a container takes its value from.
    pub fn of_variable(source: &'a k8s::EnvVarSource) -> Option<Self> {
        if let Some(map) = &source.config_map_key_ref {
            return Some(Self { key: Some(&map.key), ..Self::new(Kind::ConfigMap, &map.name, map.optional) });
        }
        let secret = source.secret_key_ref.as_ref()?;
        Some(Self { key: Some(&secret.key), ..Self::new(Kind::Secret, &secret.name, secret.optional) })
    }

    /// What several variables of a container are taken from.
    pub fn of_variables(source: &'a k8s::EnvFromSource) -> Option<Self> {
        if let Some(map) = &source.config_map_ref {
            return Some(Self::new(Kind::ConfigMap, &map.name, map.optional));
        }
        let secret = source.secret_ref.as_ref()?;
        Some(Self::new(Kind::Secret, &secret.name, secret.optional))
    }

    /// What a part of a projected volume shows.
    pub fn of_projection(source: &'a k8s::VolumeProjection) -> Option<Self> {
        if let Some(map) = &source.config_map {
            return Some(Self::new(Kind::ConfigMap, &map.name, map.optional).with(map.items.as_ref()));
        }
        let secret = source.secret.as_ref()?;
        Some(Self::new(Kind::Secret, &secret.name, secret.optional).with(secret.items.as_ref()))
    }

    /// What a volume shows, in order.
    pub fn of_volume(volume: &'a k8s::Volume) -> impl Iterator<Item = Self> {
        let map = volume.config_map.as_ref();
        let map = map.map(|m| Self::new(Kind::ConfigMap, &m.name, m.optional).with(m.items.as_ref()));
        let secret = volume.secret.as_ref().map(|s| {
            let name = s.secret_name.as_deref().unwrap_or_default();
            Self::new(Kind::Secret, name, s.optional).with(s.items.as_ref())
        });
        let parts = volume.projected.iter().flat_map(|p| p.sources.iter().flatten()).filter_map(Self::of_projection);
        map.into_iter().chain(secret).chain(parts)
    }

    /// What a container's variables are taken from: those of `envFrom`, then those of `env`.
    pub fn of_container(container: &'a k8s::Container) -> impl Iterator<Item = Self> {
        let whole = container.env_from.iter().flatten().filter_map(Self::of_variables);
        let single = container.env.iter().flatten().filter_map(|v| Self::of_variable(v.value_from.as_ref()?));
        whole.chain(single)
    }

    /// What is missing of it in the object that was found, in upstream's words.
    fn missing(&self, namespace: &str, found: Option<&Document>) -> Option<String> {
        if self.optional {
            return None;
        }
        let is_map = self.kind == Kind::ConfigMap;
        let Some(document) = found else {
            let kind = if is_map { "configmap" } else { "secret" };
            return Some(format!("{kind} \"{}\" not found", self.name));
        };
        if let Some(key) = self.key.filter(|key| text(document, "data", key).is_none()) {
            return Some(format!("couldn't find key {key} in {} {namespace}/{}", self.kind, self.name));
        }
        let item = self.items.iter().find(|item| value(document, &item.key).is_none())?;
        let kind = if is_map { "config" } else { "secret" };
        Some(format!("references non-existent {kind} key: {}", item.key))
    }
}

fn text<'d>(document: &'d Document, field: &str, key: &str) -> Option<&'d str> {
    document.at(&[field, key]).as_str()
}

/// What a config map or a secret has under a key for a variable: no `binaryData`.
pub fn variable(document: &Document, key: &str) -> Option<Vec<u8>> {
    let text = text(document, "data", key)?;
    if document.kind == Kind::Secret { base64::decode(text) } else { Some(text.as_bytes().to_vec()) }
}

/// What a config map or a secret has under a key for a file.
pub fn value(document: &Document, key: &str) -> Option<Vec<u8>> {
    variable(document, key).or_else(|| base64::decode(text(document, "binaryData", key)?))
}

/// The keys of a config map or a secret, in order; of a config map those with text first.
pub fn keys(document: &Document) -> impl Iterator<Item = &str> {
    document.entries(&["data"]).chain(document.entries(&["binaryData"])).map(|(key, _)| key)
}

/// The config maps and secrets that a machine needs for a pod. What may be missing and is, is not among them.
#[derive(Clone)]
pub struct Settings(Vec<Arc<Object>>);

impl Settings {
    /// Gathers what is referred to. The error says in upstream's words what is missing that may not be.
    pub(crate) fn gather<'a>(
        references: impl Iterator<Item = Reference<'a>>,
        namespace: &str,
        store: &Store,
    ) -> Result<Self, String> {
        let mut found: Vec<Arc<Object>> = Vec::new();
        for reference in references {
            let object = store.get(reference.kind, namespace, reference.name);
            if let Some(missing) = reference.missing(namespace, object.and_then(|o| o.document())) {
                return Err(missing);
            }
            if let Some(object) = object.filter(|o| !found.iter().any(|f| f.meta.uid == o.meta.uid)) {
                found.push(Arc::clone(object));
            }
        }
        Ok(Self(found))
    }

    /// What is referred to; none where that may be missing and is.
    pub fn get(&self, reference: &Reference<'_>) -> Option<&Document> {
        let object = self.0.iter().find(|o| o.kind() == reference.kind && o.meta.name == reference.name);
        object.and_then(|o| o.document())
    }

    /// All that there are, with their names.
    pub fn documents(&self) -> impl Iterator<Item = (&Name, &Document)> {
        self.0.iter().filter_map(|object| Some((&object.meta.name, object.document()?)))
    }

    fn versions(&self) -> impl Iterator<Item = (Kind, &Name, u64)> {
        self.0.iter().map(|o| (o.kind(), &o.meta.name, o.meta.resource_version))
    }
}

/// The same versions of the same objects.
impl PartialEq for Settings {
    fn eq(&self, other: &Self) -> bool {
        self.versions().eq(other.versions())
    }
}

/// Names and versions only: what they say is nobody's to read in a log.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.versions()).finish()
    }
}
