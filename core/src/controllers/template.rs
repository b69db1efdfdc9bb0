//! Pods from a template: all of one generation share spec, labels, annotations and owner.

use crate::api::admission::admit_pod_spec;
use crate::api::defaulting::set_defaults;
use crate::api::validation::validate_create;
use crate::api::{Body, Kind, Meta, MetaRest, Name, Object, PodBody, PodStatus, shared_labels};
use crate::cluster::Context;
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
    /// Why no such pod can be: what validation says of one.
    refused: Option<String>,
}

impl Template {
    pub(super) fn new(owner: &Object, template: &PodTemplateSpec, owned_by: OwnerReference, cx: &Context<'_>) -> Self {
        let mut spec = template.spec.clone().unwrap_or_default();
        let node = spec.node_name.take().filter(|n| !n.is_empty()).map(Name::from);
        admit_pod_spec(&mut spec, cx.config);
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
            body: Body::Pod(PodBody { spec: Arc::new(spec), node, status: PodStatus::default() }),
        };
        set_defaults(&mut sample);
        let errors = validate_create(&sample, cx.config);
        let errors: Vec<String> = errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect();
        let refused = match errors.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            several => Some(format!("[{}]", several.join(", "))),
        };
        Self { prefix, sample, refused }
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
        if let Some(why) = &self.refused {
            return Err(format!("Pod \"{name}\" is invalid: {why}"));
        }
        let taken = format!("pods \"{name}\" already exists");
        let mut pod = self.sample.clone();
        pod.meta.name = name;
        pod.meta.uid = cx.rng.uid();
        pod.meta.created = cx.now.floor_secs();
        cx.store.create(pod).map_err(|_| taken)
    }

    fn name(&self, cx: &mut Context<'_>) -> Name {
        format!("{}{}", self.prefix, cx.rng.suffix(SUFFIX_CHARS)).into()
    }
}
