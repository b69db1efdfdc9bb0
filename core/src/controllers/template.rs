//! Pods from a template: all of one generation share spec, labels, annotations and owner.

use crate::admission;
use crate::api::defaulting::set_defaults;
use crate::api::validation::validate_create;
use crate::api::{
    ApiError, Body, CommonName, Kind, Meta, MetaRest, Name, Object, PodBody, PodStatus, Typed, copy, shared_labels,
};
use crate::apiserver::of_replica;
use crate::cluster::Context;
use crate::config::Config;
use crate::store::Store;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use std::sync::Arc;

/// How long a generated name's prefix may be, so that prefix and suffix are a DNS label.
const PREFIX_CHARS_MAX: usize = 58;
/// How many characters are added to it.
const SUFFIX_CHARS: usize = 5;
/// How often another name is tried where one is taken.
const NAMES_MAX: usize = 8;

/// What the pods of one generation of an owner have in common.
#[derive(Clone, Debug)]
pub(super) struct Template {
    prefix: String,
    /// A pod that lacks only its name, uid and time. Its parts are shared by those made of it.
    sample: Object,
    /// Why no such pod can be.
    refused: Option<Refused>,
    varied: bool,
}

/// Why no pod can be made of a template.
#[derive(Clone, Debug)]
enum Refused {
    /// What validation says of one.
    Invalid(String),
    /// What the cluster's rules say of one.
    Admission(ApiError),
}

/// Whether what a pod is given follows from more than its spec.
fn varies(store: &Store, pod: &Object) -> bool {
    pod.pod().is_some_and(|pod| pod.spec.priority_class_name.is_some()) || admission::varies(store, &pod.meta.namespace)
}

impl Template {
    pub(super) fn new(
        owner: &Object,
        template: &PodTemplateSpec,
        owned_by: OwnerReference,
        store: &Store,
        config: &Config,
    ) -> Self {
        let mut spec = template.spec.as_ref().map(copy).unwrap_or_default();
        let node = spec.node_name.take().filter(|n| !n.is_empty()).map(CommonName::from);
        let metadata = template.metadata.clone().unwrap_or_default();
        let mut prefix = format!("{}-", owner.meta.name);
        prefix.truncate(PREFIX_CHARS_MAX);
        let mut sample = Object {
            meta: Meta {
                name: format!("{prefix}x").into(),
                namespace: owner.meta.namespace.clone(),
                generation: 1,
                labels: shared_labels(metadata.labels),
                annotations: shared_labels(metadata.annotations),
                owners: Some(Arc::new(vec![owned_by])),
                rest: Some(Box::new(MetaRest {
                    generate_name: Some(prefix.clone()),
                    finalizers: metadata.finalizers.unwrap_or_default(),
                    ..MetaRest::default()
                })),
                ..Meta::default()
            },
            body: Body::Pod(Box::new(PodBody { spec: Arc::new(Typed::new(spec)), node, status: PodStatus::default() })),
        };
        set_defaults(&mut sample);
        sample.meta.managed = Some(of_replica(&sample));
        let varied = varies(store, &sample);
        if let Err(error) = admission::complete(store, config, &mut sample) {
            return Self { prefix, sample, refused: Some(Refused::Admission(error)), varied };
        }
        let errors = validate_create(&sample, config);
        let errors: Vec<String> = errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect();
        let refused = match errors.as_slice() {
            [] => None,
            [one] => Some(Refused::Invalid(one.clone())),
            several => Some(Refused::Invalid(format!("[{}]", several.join(", ")))),
        };
        Self { prefix, sample, refused, varied }
    }

    /// Whether what its pods are given may be another now: then it must be made anew.
    pub(super) fn is_stale(&self, cx: &Context<'_>) -> bool {
        self.varied || varies(cx.store, &self.sample)
    }

    /// A pod as they all are, but for name, uid and time; none where none can be made.
    #[cfg(feature = "foresight")]
    pub(super) fn sample(&self) -> Option<&Object> {
        self.refused.is_none().then_some(&self.sample)
    }

    /// Creates one more pod. The error is what a client would have been told.
    pub(super) fn create(&self, cx: &mut Context<'_>) -> Result<Arc<Object>, String> {
        let mut name = self.name(cx);
        for _ in 1..NAMES_MAX {
            if cx.store.get(Kind::Pod, &self.sample.meta.namespace, &name).is_none() {
                break;
            }
            name = self.name(cx);
        }
        match &self.refused {
            Some(Refused::Invalid(why)) => return Err(format!("Pod \"{name}\" is invalid: {why}")),
            Some(Refused::Admission(error)) => {
                return Err(error.message.replacen(self.sample.meta.name.as_str(), &name, 1));
            }
            None => {}
        }
        let taken = format!("pods \"{name}\" already exists");
        let mut pod = self.sample.clone();
        pod.meta.name = name;
        pod.meta.uid = cx.rng.uid();
        pod.meta.created = cx.now.floor_secs();
        admission::check_limits(cx.store, &pod).map_err(|e| e.message)?;
        admission::charge(cx, &pod, None).map_err(|e| e.message)?;
        cx.store.create(pod).map_err(|_| taken)
    }

    fn name(&self, cx: &mut Context<'_>) -> Name {
        format!("{}{}", self.prefix, cx.rng.suffix(SUFFIX_CHARS)).into()
    }
}
