//! What kinds and fields are for, in upstream's words.

use k8s_openapi::api::{authentication, authorization, autoscaling, coordination, core, policy, scheduling};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;
use k8s_openapi::schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

/// Adds what a type, and all types it is made of, say of themselves.
fn describe<T: JsonSchema>(generator: &mut SchemaGenerator) {
    let _ = generator.subschema_for::<T>();
}

/// JSON schemas by the names that upstream gives structures. Only their descriptions are meant: they know nothing of what
/// is merged by which key, nor what is served.
pub(super) fn schemas() -> Map<String, Value> {
    let mut generator = SchemaGenerator::default();
    let kinds: [fn(&mut SchemaGenerator); 23] = [
        describe::<core::v1::Binding>,
        describe::<core::v1::ConfigMap>,
        describe::<core::v1::Endpoints>,
        describe::<core::v1::Event>,
        describe::<core::v1::LimitRange>,
        describe::<core::v1::Namespace>,
        describe::<core::v1::Node>,
        describe::<core::v1::Pod>,
        describe::<core::v1::ReplicationController>,
        describe::<core::v1::ResourceQuota>,
        describe::<core::v1::Secret>,
        describe::<core::v1::Service>,
        describe::<core::v1::ServiceAccount>,
        describe::<authentication::v1::SelfSubjectReview>,
        describe::<authorization::v1::SelfSubjectAccessReview>,
        describe::<authorization::v1::SelfSubjectRulesReview>,
        describe::<autoscaling::v1::Scale>,
        describe::<coordination::v1::Lease>,
        describe::<policy::v1::Eviction>,
        describe::<policy::v1::PodDisruptionBudget>,
        describe::<scheduling::v1::PriorityClass>,
        describe::<DeleteOptions>,
        describe::<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition>,
    ];
    for add in kinds {
        add(&mut generator);
    }
    generator.take_definitions(false)
}
