//! Pods from a template: all of one generation share spec, labels, annotations and owner.

use crate::api::admission::admit_pod_spec;
use crate::api::validation::validate_create;
use crate::api::{Body, Kind, Labels, Meta, MetaRest, Name, Object, PodBody, PodStatus, Uid, defaulting};
use crate::cluster::Context;
use crate::time::Time;
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
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
    namespace: Name,
    prefix: String,
    labels: Labels,
    annotations: Labels,
    finalizers: Vec<String>,
    owners: Arc<Vec<OwnerReference>>,
    spec: Arc<PodSpec>,
    node: Option<Name>,
    quality: Name,
    /// Why no such pod can be: what validation says of one.
    refused: Option<String>,
}

impl Template {
    pub(super) fn new(owner: &Object, template: &PodTemplateSpec, owned_by: OwnerReference, cx: &Context<'_>) -> Self {
        let mut spec = template.spec.clone().unwrap_or_default();
        defaulting::default_pod_spec(&mut spec);
        spec.enable_service_links.get_or_insert(true);
        admit_pod_spec(&mut spec, cx.config);
        let node = spec.node_name.take().filter(|n| !n.is_empty()).map(Name::from);
        let metadata = template.metadata.clone().unwrap_or_default();
        let mut prefix = format!("{}-", owner.meta.name);
        prefix.truncate(PREFIX_CHARS_MAX);
        let mut template = Self {
            namespace: owner.meta.namespace.clone(),
            prefix,
            labels: Arc::new(metadata.labels.unwrap_or_default()),
            annotations: Arc::new(metadata.annotations.unwrap_or_default()),
            finalizers: metadata.finalizers.unwrap_or_default(),
            owners: Arc::new(vec![owned_by]),
            quality: Name::new_static(defaulting::quality_of_service(&spec)),
            spec: Arc::new(spec),
            node,
            refused: None,
        };
        let sample = template.pod(format!("{}x", template.prefix).into(), Uid::NIL, cx.now);
        let errors = validate_create(&sample, cx.config);
        let errors: Vec<String> = errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect();
        template.refused = match errors.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            several => Some(format!("[{}]", several.join(", "))),
        };
        template
    }

    /// Creates one more pod. The error is what a client would have been told.
    pub(super) fn create(&self, cx: &mut Context<'_>) -> Result<Arc<Object>, String> {
        let mut name = self.name(cx);
        for _ in 1..NAMES_MAX {
            if cx.store.get(Kind::Pod, &self.namespace, &name).is_none() {
                break;
            }
            name = self.name(cx);
        }
        if let Some(why) = &self.refused {
            return Err(format!("Pod \"{name}\" is invalid: {why}"));
        }
        let taken = format!("pods \"{name}\" already exists");
        let pod = self.pod(name, cx.rng.uid(), cx.now);
        cx.store.create(pod).map_err(|_| taken)
    }

    fn pod(&self, name: Name, uid: Uid, now: Time) -> Object {
        Object {
            meta: Meta {
                name,
                namespace: self.namespace.clone(),
                uid,
                generation: 1,
                created: now.floor_secs(),
                labels: Arc::clone(&self.labels),
                annotations: Arc::clone(&self.annotations),
                owners: Some(Arc::clone(&self.owners)),
                rest: Some(Box::new(MetaRest {
                    generate_name: Some(self.prefix.clone()),
                    finalizers: self.finalizers.clone(),
                    ..MetaRest::default()
                })),
                ..Meta::default()
            },
            body: Body::Pod(PodBody {
                spec: Arc::clone(&self.spec),
                node: self.node.clone(),
                status: PodStatus { qos_class: Some(self.quality.clone()), ..PodStatus::default() },
            }),
        }
    }

    fn name(&self, cx: &mut Context<'_>) -> Name {
        format!("{}{}", self.prefix, cx.rng.suffix(SUFFIX_CHARS)).into()
    }
}
