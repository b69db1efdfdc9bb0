//! Rules for what a status says.

use super::errors::Errors;
use crate::api::ConditionStatus;
use k8s_openapi::api::core::v1 as k8s;
use serde_json::Value;

pub(super) fn check_service(spec: &k8s::ServiceSpec, status: &k8s::ServiceStatus, errors: &mut Errors) {
    let ingress = status.load_balancer.iter().flat_map(|l| l.ingress.iter().flatten()).count();
    if ingress > 0 && spec.type_.as_deref() != Some("LoadBalancer") {
        errors.forbidden("status.loadBalancer.ingress", "may only be used when `spec.type` is 'LoadBalancer'");
    }
}

pub(super) fn check_replication_controller(status: &k8s::ReplicationControllerStatus, errors: &mut Errors) {
    let [labeled, ready, available] = [status.fully_labeled_replicas, status.ready_replicas, status.available_replicas]
        .map(Option::unwrap_or_default);
    let counts = [("fullyLabeledReplicas", labeled), ("readyReplicas", ready), ("availableReplicas", available)];
    errors.not_negative("status.replicas", Some(status.replicas.into()));
    for (field, count) in counts {
        errors.not_negative(format!("status.{field}"), Some(count.into()));
    }
    errors.not_negative("status.observedGeneration", status.observed_generation);
    for (field, count) in counts.into_iter().filter(|(_, count)| *count > status.replicas) {
        errors.invalid(format!("status.{field}"), count, "cannot be greater than status.replicas");
    }
    if available > ready {
        errors.invalid("status.availableReplicas", available, "cannot be greater than readyReplicas");
    }
}

/// Whether conditions hold, in the words that were written. Upstream keeps any; here an unknown one has no place, and is
/// refused so that it is not silently another.
pub(super) fn check_pod_conditions(status: &Value, errors: &mut Errors) {
    for (index, condition) in status["conditions"].as_array().into_iter().flatten().enumerate() {
        let word = condition["status"].as_str().unwrap_or_default();
        if !word.is_empty() && ConditionStatus::parse(word).as_str() != word {
            errors.not_supported(format!("status.conditions[{index}].status"), word, &["False", "True", "Unknown"]);
        }
    }
}
