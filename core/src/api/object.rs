//! An object of any kind, and its way from and to JSON.

use super::{EventBody, Kind, Meta, Name, PodBody, PodStatus};
use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
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
    Namespace { spec: Arc<k8s::NamespaceSpec>, status: Arc<k8s::NamespaceStatus> },
    Node { spec: Arc<k8s::NodeSpec>, status: Arc<k8s::NodeStatus> },
    Pod(PodBody),
    ReplicationController { spec: Arc<k8s::ReplicationControllerSpec>, status: Arc<k8s::ReplicationControllerStatus> },
    Service { spec: Arc<k8s::ServiceSpec>, status: Arc<k8s::ServiceStatus> },
    Endpoints { subsets: Arc<Vec<k8s::EndpointSubset>> },
    Event(EventBody),
}

impl Body {
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

fn decode<T: DeserializeOwned>(value: Value) -> Result<T, DecodeError> {
    serde_json::from_value(value).map_err(|e| DecodeError { message: e.to_string() })
}

fn encode<T: Serialize>(typed: &T) -> Value {
    // Kubernetes' types have string keys throughout, so this cannot fail.
    serde_json::to_value(typed).unwrap_or_default()
}

impl Object {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        self.body.kind()
    }

    /// Where it is found.
    pub fn key(&self) -> Key {
        Key { kind: self.kind(), namespace: self.meta.namespace.clone(), name: self.meta.name.clone() }
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

    /// From JSON of that kind. Unknown fields are dropped; what does not fit the schema is an error.
    pub fn from_value(kind: Kind, value: Value) -> Result<Self, DecodeError> {
        fn split(metadata: &mut ObjectMeta) -> Meta {
            Meta::from_k8s(std::mem::take(metadata))
        }
        Ok(match kind {
            Kind::Namespace => {
                let mut o: k8s::Namespace = decode(value)?;
                Self {
                    meta: split(&mut o.metadata),
                    body: Body::Namespace {
                        spec: o.spec.unwrap_or_default().into(),
                        status: o.status.unwrap_or_default().into(),
                    },
                }
            }
            Kind::Node => {
                let mut o: k8s::Node = decode(value)?;
                Self {
                    meta: split(&mut o.metadata),
                    body: Body::Node {
                        spec: o.spec.unwrap_or_default().into(),
                        status: o.status.unwrap_or_default().into(),
                    },
                }
            }
            Kind::Pod => {
                let mut o: k8s::Pod = decode(value)?;
                let mut spec = o.spec.unwrap_or_default();
                let node = spec.node_name.take().filter(|n| !n.is_empty()).map(Name::from);
                let status = PodStatus::from_k8s(o.status.unwrap_or_default());
                Self { meta: split(&mut o.metadata), body: Body::Pod(PodBody { spec: spec.into(), node, status }) }
            }
            Kind::ReplicationController => {
                let mut o: k8s::ReplicationController = decode(value)?;
                Self {
                    meta: split(&mut o.metadata),
                    body: Body::ReplicationController {
                        spec: o.spec.unwrap_or_default().into(),
                        status: o.status.unwrap_or_default().into(),
                    },
                }
            }
            Kind::Service => {
                let mut o: k8s::Service = decode(value)?;
                Self {
                    meta: split(&mut o.metadata),
                    body: Body::Service {
                        spec: o.spec.unwrap_or_default().into(),
                        status: o.status.unwrap_or_default().into(),
                    },
                }
            }
            Kind::Endpoints => {
                let mut o: k8s::Endpoints = decode(value)?;
                Self {
                    meta: split(&mut o.metadata),
                    body: Body::Endpoints { subsets: o.subsets.unwrap_or_default().into() },
                }
            }
            Kind::Event => {
                let mut o: k8s::Event = decode(value)?;
                Self { meta: split(&mut o.metadata), body: Body::Event(EventBody::from_k8s(o)) }
            }
        })
    }

    /// As JSON, with `apiVersion` and `kind`.
    pub fn to_value(&self) -> Value {
        let metadata = self.meta.to_k8s();
        match &self.body {
            Body::Namespace { spec, status } => encode(&k8s::Namespace {
                metadata,
                spec: Some(k8s::NamespaceSpec::clone(spec)),
                status: Some(k8s::NamespaceStatus::clone(status)),
            }),
            Body::Node { spec, status } => encode(&k8s::Node {
                metadata,
                spec: Some(k8s::NodeSpec::clone(spec)),
                status: Some(k8s::NodeStatus::clone(status)),
            }),
            Body::Pod(pod) => encode(&k8s::Pod {
                metadata,
                spec: Some(k8s::PodSpec {
                    node_name: pod.node.as_ref().map(ToString::to_string),
                    ..k8s::PodSpec::clone(&pod.spec)
                }),
                status: Some(pod.status.to_k8s()),
            }),
            Body::ReplicationController { spec, status } => encode(&k8s::ReplicationController {
                metadata,
                spec: Some(k8s::ReplicationControllerSpec::clone(spec)),
                status: Some(k8s::ReplicationControllerStatus::clone(status)),
            }),
            Body::Service { spec, status } => encode(&k8s::Service {
                metadata,
                spec: Some(k8s::ServiceSpec::clone(spec)),
                status: Some(k8s::ServiceStatus::clone(status)),
            }),
            Body::Endpoints { subsets } => {
                encode(&k8s::Endpoints { metadata, subsets: (!subsets.is_empty()).then(|| Vec::clone(subsets)) })
            }
            Body::Event(event) => encode(&event.to_k8s(&self.meta)),
        }
    }
}
