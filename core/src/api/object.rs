//! An object of any kind, and its way from and to JSON.

use super::text::Members;
use super::{CommonName, Document, EventBody, Kind, Meta, Name, PodBody, PodStatus, Typed, codec, managed_text};
use k8s_openapi::api::core::v1 as k8s;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;
use std::sync::Arc;

/// Where an object is found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty for kinds without.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
}

impl Key {
    /// A key of parts.
    pub fn new(kind: Kind, namespace: impl Into<Name>, name: impl Into<Name>) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// What an object says beyond its metadata. Parts are shared between versions of an object.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "spec and status mean what they mean in Kubernetes")]
pub enum Body {
    Namespace {
        spec: Arc<k8s::NamespaceSpec>,
        status: Arc<k8s::NamespaceStatus>,
    },
    Node {
        spec: Arc<k8s::NodeSpec>,
        status: Arc<k8s::NodeStatus>,
    },
    /// In a box of its own, as events are: what is small for both is small for all.
    Pod(Box<PodBody>),
    ReplicationController {
        spec: Arc<Typed<k8s::ReplicationControllerSpec>>,
        status: Arc<k8s::ReplicationControllerStatus>,
    },
    Service {
        spec: Arc<k8s::ServiceSpec>,
        status: Arc<k8s::ServiceStatus>,
    },
    Endpoints {
        subsets: Arc<Vec<k8s::EndpointSubset>>,
    },
    Event(Box<EventBody>),
    Document(Document),
}

impl Body {
    /// From JSON of that kind, of which the metadata does not matter. Unknown fields are dropped; what does not fit the
    /// schema is an error.
    pub(crate) fn from_value(kind: Kind, value: &Value) -> Result<Self, DecodeError> {
        let says = |field: &str, word: &str| value.get(field).is_none_or(|said| said == word);
        if !value.is_object() || !says("kind", kind.info().kind) || !says("apiVersion", kind.api_version()) {
            return Err(DecodeError { message: format!("it is no {kind} of version {}", kind.api_version()) });
        }
        Ok(match kind {
            Kind::Namespace => Self::Namespace { spec: part(value, "spec")?, status: part(value, "status")? },
            Kind::Node => Self::Node { spec: part(value, "spec")?, status: part(value, "status")? },
            Kind::Pod => {
                let mut spec: k8s::PodSpec = part(value, "spec")?;
                let node = spec.node_name.take().filter(|n| !n.is_empty()).map(CommonName::from);
                let status = PodStatus::from_k8s(part(value, "status")?, &spec);
                Self::Pod(Box::new(PodBody { spec: Arc::new(Typed::new(spec)), node, status }))
            }
            Kind::ReplicationController => {
                Self::ReplicationController { spec: part(value, "spec")?, status: part(value, "status")? }
            }
            Kind::Service => Self::Service { spec: part(value, "spec")?, status: part(value, "status")? },
            Kind::Endpoints => Self::Endpoints { subsets: part(value, "subsets")? },
            Kind::Event => {
                let event = codec::decode(value).map_err(|misfit| DecodeError::at("", &misfit.path))?;
                Self::Event(Box::new(EventBody::from_k8s(event)))
            }
            Kind::ConfigMap
            | Kind::Secret
            | Kind::ServiceAccount
            | Kind::Lease
            | Kind::PodDisruptionBudget
            | Kind::ResourceQuota
            | Kind::LimitRange
            | Kind::PriorityClass => Self::Document(Document::of(kind, value)),
        })
    }

    /// The kind it belongs to.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Namespace { .. } => Kind::Namespace,
            Self::Node { .. } => Kind::Node,
            Self::Pod(_) => Kind::Pod,
            Self::ReplicationController { .. } => Kind::ReplicationController,
            Self::Service { .. } => Kind::Service,
            Self::Endpoints { .. } => Kind::Endpoints,
            Self::Event(_) => Kind::Event,
            Self::Document(document) => document.kind,
        }
    }
}

/// An object. Versions are immutable and shared: a change makes a new one.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Name, labels, owners and so on.
    pub meta: Meta,
    /// The rest.
    pub body: Body,
}

/// A JSON value that is no object of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What does not fit.
    pub message: String,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl DecodeError {
    #[cold]
    fn at(field: &str, path: &str) -> Self {
        let dot = if field.is_empty() || path.is_empty() || path.starts_with('[') { "" } else { "." };
        Self { message: format!("{field}{dot}{path} does not fit its schema") }
    }
}

fn parts<S: Serialize, T: Serialize>(spec: &S, status: &T) -> Value {
    json!({"spec": codec::encode(spec), "status": codec::encode(status)})
}

/// A field of a document; where it is not there, what an empty one says.
fn part<'v, T: Deserialize<'v> + Default>(document: &'v Value, field: &str) -> Result<T, DecodeError> {
    let value = document.get(field).filter(|value| !value.is_null());
    let part = value.map(codec::decode).transpose();
    part.map(Option::unwrap_or_default).map_err(|misfit| DecodeError::at(field, &misfit.path))
}

impl Meta {
    /// The metadata of a document in JSON.
    pub(crate) fn from_value(document: &Value) -> Result<Self, DecodeError> {
        part(document, "metadata").map(Self::from_k8s)
    }
}

impl Object {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        self.body.kind()
    }

    /// Where it is found.
    pub fn key(&self) -> Key {
        Key { kind: self.kind(), namespace: self.meta.namespace.to_name(), name: self.meta.name.clone() }
    }

    /// Shares the names that it has in common with an earlier version of it.
    pub(crate) fn share_names(&mut self, earlier: &Self) {
        if self.meta.namespace == earlier.meta.namespace {
            self.meta.namespace.clone_from(&earlier.meta.namespace);
        }
        if let (Some(pod), Some(earlier)) = (self.pod_mut(), earlier.pod())
            && pod.node == earlier.node
        {
            pod.node.clone_from(&earlier.node);
        }
    }

    /// The pod in it.
    pub const fn pod(&self) -> Option<&PodBody> {
        match &self.body {
            Body::Pod(pod) => Some(pod),
            _ => None,
        }
    }

    /// The pod in it, to be written.
    pub const fn pod_mut(&mut self) -> Option<&mut PodBody> {
        match &mut self.body {
            Body::Pod(pod) => Some(pod),
            _ => None,
        }
    }

    /// Spec and status of the node in it.
    pub fn node(&self) -> Option<(&k8s::NodeSpec, &k8s::NodeStatus)> {
        match &self.body {
            Body::Node { spec, status } => Some((spec, status)),
            _ => None,
        }
    }

    /// Spec and status of the replication controller in it.
    pub fn replication_controller(
        &self,
    ) -> Option<(&k8s::ReplicationControllerSpec, &k8s::ReplicationControllerStatus)> {
        match &self.body {
            Body::ReplicationController { spec, status } => Some((spec, status)),
            _ => None,
        }
    }

    /// Spec of the service in it.
    pub fn service(&self) -> Option<&k8s::ServiceSpec> {
        match &self.body {
            Body::Service { spec, .. } => Some(spec),
            _ => None,
        }
    }

    /// What it says, where it is of a kind the core keeps as it was written.
    pub const fn document(&self) -> Option<&Document> {
        match &self.body {
            Body::Document(document) => Some(document),
            _ => None,
        }
    }

    /// From JSON of that kind. Unknown fields are dropped; what does not fit the schema is an error.
    pub fn from_value(kind: Kind, value: &Value) -> Result<Self, DecodeError> {
        Ok(Self { body: Body::from_value(kind, value)?, meta: Meta::from_value(value)? })
    }

    /// As JSON, with `apiVersion` and `kind`, and with those who wrote its fields as far as they are kept.
    pub fn to_value(&self) -> Value {
        let mut value = self.document_value();
        if let Some(managed) = &self.meta.managed {
            // It was written out from a document.
            let managed = serde_json::from_str(&managed_text(managed, self.meta.created)).unwrap_or_default();
            value["metadata"]["managedFields"] = managed;
        }
        value
    }

    /// As text of JSON that reads back as the same object.
    pub fn to_text(&self) -> String {
        if !self.is_plain_pod() {
            return self.to_value().to_string();
        }
        let managed = self.meta.managed.as_ref().map(|managed| managed_text(managed, self.meta.created));
        let mut text = String::new();
        self.write_pod(true, managed.as_deref(), &mut text);
        text
    }

    /// Whether it is a pod that [`Self::write_pod`] can write.
    pub(crate) fn is_plain_pod(&self) -> bool {
        self.pod().is_some_and(PodBody::is_plain)
    }

    /// Writes a plain pod, with what every document says of its kind, or as an item of a list. Of any other object
    /// nothing is written.
    pub(crate) fn write_pod(&self, alone: bool, managed: Option<&str>, out: &mut String) {
        let Some(pod) = self.pod().filter(|pod| pod.is_plain()) else { return };
        let mut map = Members::open(out);
        if alone {
            map.string("apiVersion", Kind::Pod.api_version());
            map.string("kind", Kind::Pod.info().kind);
        }
        self.meta.write(managed, map.key("metadata"));
        pod.write(&mut map);
        map.close();
    }

    /// As JSON, without those who wrote its fields.
    pub(crate) fn document_value(&self) -> Value {
        let kind = self.kind();
        let mut map = match &self.body {
            Body::Namespace { spec, status } => parts(&**spec, &**status),
            Body::Node { spec, status } => parts(&**spec, &**status),
            Body::Pod(pod) => {
                let mut parts = parts(&*pod.spec, &pod.status.to_k8s(&pod.spec));
                if let Some(node) = &pod.node {
                    parts["spec"]["nodeName"] = node.as_str().into();
                }
                parts
            }
            Body::ReplicationController { spec, status } => parts(&**spec, &**status),
            Body::Service { spec, status } => parts(&**spec, &**status),
            Body::Endpoints { subsets } if subsets.is_empty() => json!({}),
            Body::Endpoints { subsets } => json!({"subsets": codec::encode(&**subsets)}),
            Body::Event(event) => codec::encode(&event.to_k8s()),
            Body::Document(document) => Value::Object(Map::clone(&document.fields)),
        };
        map["apiVersion"] = kind.api_version().into();
        map["kind"] = kind.info().kind.into();
        map["metadata"] = self.meta.to_value();
        map
    }
}
