//! Rules for replication controllers and events.

use super::errors::Errors;
use super::meta::check_labels;
use super::pod;
use crate::api::names::qualified_name_errors;
use crate::api::{EventBody, Meta, Selector};
use crate::config::Config;
use k8s_openapi::api::core::v1 as k8s;

pub(super) fn check(spec: &k8s::ReplicationControllerSpec, config: &Config, errors: &mut Errors) {
    errors.not_negative("spec.minReadySeconds", spec.min_ready_seconds.map(i64::from));
    let selector = spec.selector.clone().unwrap_or_default();
    if selector.is_empty() {
        errors.required("spec.selector", "");
    }
    errors.not_negative("spec.replicas", spec.replicas.map(i64::from));
    let Some(template) = &spec.template else {
        errors.required("spec.template", "");
        return;
    };
    let labels = template.metadata.as_ref().and_then(|m| m.labels.as_ref());
    let matches = labels.is_some_and(|labels| Selector::from_map(&selector).matches(labels));
    if !selector.is_empty() && !matches {
        let value = labels.map_or(serde_json::Value::Null, |l| serde_json::json!(l));
        errors.invalid("spec.template.metadata.labels", value, "`selector` does not match template `labels`");
    }
    if let Some(labels) = labels {
        check_labels(labels, "spec.template.labels", errors);
    }
    let Some(pod_spec) = &template.spec else { return };
    pod::check_spec(pod_spec, "spec.template.spec", config, errors);
    if let Some(policy) = pod_spec.restart_policy.as_deref().filter(|p| ["OnFailure", "Never"].contains(p)) {
        errors.not_supported("spec.template.spec.restartPolicy", policy, &["Always"]);
    }
    if pod_spec.active_deadline_seconds.is_some() {
        let detail = "activeDeadlineSeconds in ReplicationController is not Supported";
        errors.forbidden("spec.template.spec.activeDeadlineSeconds", detail);
    }
    if pod_spec.ephemeral_containers.as_ref().is_some_and(|e| !e.is_empty()) {
        let detail = "ephemeral containers not allowed in pod template";
        errors.forbidden("spec.template.spec.ephemeralContainers", detail);
    }
}

pub(super) fn check_event(event: &EventBody, meta: &Meta, errors: &mut Errors) {
    let involved = event.involved.namespace.as_str();
    // Events about objects without a namespace live in `default`.
    let expected = if involved.is_empty() { "default" } else { involved };
    if meta.namespace != expected {
        errors.invalid("involvedObject.namespace", involved, "does not match event.namespace");
    }
    let reporter = event.rest.as_ref().and_then(|r| r.reporting_component.as_deref()).unwrap_or_default();
    if event.rest.as_ref().is_some_and(|r| r.event_time.is_some()) {
        if reporter.is_empty() {
            errors.required("reportingComponent", "");
        } else {
            errors.all_invalid("reportingComponent", reporter, qualified_name_errors(reporter));
        }
    }
}
