//! What would be if: answered by doing it, in forks of the cluster that nobody else sees.
//!
//! The cluster that is asked stays as it is. Answers are documents of our own group of the API, computed when asked and
//! stored nowhere; their sentences are made here, so that the page and the command line say the same.

#[cfg(feature = "foresight")]
mod fit;
#[cfg(feature = "foresight")]
mod hindrances;
#[cfg(feature = "foresight")]
mod ledger;
#[cfg(feature = "foresight")]
mod pod_edit;
#[cfg(feature = "foresight")]
mod remedies;
#[cfg(feature = "foresight")]
mod remedy;
#[cfg(feature = "foresight")]
mod survival;
#[cfg(feature = "foresight")]
mod trial;

use crate::api::{ApiError, Reason};
use crate::cluster::Cluster;
use serde_json::Value;
#[cfg(feature = "foresight")]
use {crate::api::encode, serde_json::json};

/// Something that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// The smallest changes that would give a pending pod a node.
    Remedies {
        /// The pod's namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// How many more there could be of a pod.
    PodFit {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// How many more replicas a replication controller could have.
    ReplicasFit {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Whether the cluster survives the loss of nodes.
    Survival,
    /// How many there could be of what a manifest describes.
    ManifestFit {
        /// Where it would be created.
        namespace: String,
    },
}

impl Question {
    /// The question at a path of our group, behind its version.
    pub(crate) fn at(path: &[&str]) -> Option<Self> {
        let owned = |text: &&str| (*text).to_owned();
        Some(match path {
            ["namespaces", namespace, "pods", name, "remedies"] => {
                Self::Remedies { namespace: owned(namespace), name: owned(name) }
            }
            ["namespaces", namespace, "pods", name, "fit"] => {
                Self::PodFit { namespace: owned(namespace), name: owned(name) }
            }
            ["namespaces", namespace, "replicationcontrollers", name, "fit"] => {
                Self::ReplicasFit { namespace: owned(namespace), name: owned(name) }
            }
            ["survival"] => Self::Survival,
            ["namespaces", namespace, "fits"] => Self::ManifestFit { namespace: owned(namespace) },
            _ => return None,
        })
    }

    /// Resource, part of it, namespace and name, as permissions are about them.
    pub(crate) fn subject(&self) -> (&'static str, &'static str, &str, &str) {
        match self {
            Self::Remedies { namespace, name } => ("pods", "remedies", namespace, name),
            Self::PodFit { namespace, name } => ("pods", "fit", namespace, name),
            Self::ReplicasFit { namespace, name } => ("replicationcontrollers", "fit", namespace, name),
            Self::Survival => ("survival", "", "", ""),
            Self::ManifestFit { namespace } => ("fits", "", namespace, ""),
        }
    }

    /// Whether it is asked with a body.
    pub(crate) const fn has_body(&self) -> bool {
        matches!(self, Self::ManifestFit { .. })
    }

    /// Whoever is built without the answers, as the page is, has none.
    #[cfg(not(feature = "foresight"))]
    #[expect(clippy::unused_self, reason = "as its other form")]
    pub(crate) fn answer(
        &self,
        _cluster: &Cluster,
        _number: impl Fn(&str) -> Option<String>,
        _body: &str,
    ) -> Result<Value, ApiError> {
        Err(ApiError::new(404, Reason::NotFound, "this is answered by a server".to_owned()))
    }

    /// The answer. `number` reads a number of the query, `body` is what was sent along.
    #[cfg(feature = "foresight")]
    pub(crate) fn answer(
        &self,
        cluster: &Cluster,
        number: impl Fn(&str) -> Option<String>,
        body: &str,
    ) -> Result<Value, ApiError> {
        let within = |key: &str, default: u32, most: u32| match number(key) {
            None => Ok(default),
            Some(text) => match text.parse() {
                Ok(number) if (1..=most).contains(&number) => Ok(number),
                _ => Err(wrong(format!("{key}: Invalid value: {text:?}: must be a whole number from 1 to {most}"))),
            },
        };
        let limit = || within("limit", fit::LIMIT, fit::LIMIT_MAX);
        let mut answer = match self {
            Self::Remedies { namespace, name } => remedies::of(cluster, namespace, name),
            Self::PodFit { namespace, name } => fit::of_pod(cluster, namespace, name, limit()?),
            Self::ReplicasFit { namespace, name } => fit::of_replicas(cluster, namespace, name, limit()?),
            Self::Survival => {
                let (nodes, tries) = (within("nodes", 1, 2)?, within("tries", survival::TRIES, survival::TRIES_MAX)?);
                Ok(survival::of(cluster, nodes, tries))
            }
            Self::ManifestFit { namespace } => fit::of_manifest(cluster, namespace, body, limit()?),
        }?;
        // Of which moment it is: whoever asked may have waited long.
        answer["time"] = encode(&cluster.now().to_micro());
        Ok(answer)
    }
}

/// What was asked cannot be answered as it was asked.
#[cfg(feature = "foresight")]
fn wrong(message: impl Into<String>) -> ApiError {
    ApiError::new(400, Reason::BadRequest, message.into())
}

/// An answer of that kind about an object.
#[cfg(feature = "foresight")]
fn document(kind: &str, namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "kubarium.io/v1", "kind": kind, "metadata": {"name": name, "namespace": namespace},
    })
}
