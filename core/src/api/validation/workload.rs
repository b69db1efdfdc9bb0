//! Rules for replication controllers and events.

use super::errors::Errors;
use super::meta::{check_annotations, check_labels};
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
    if let Some(annotations) = template.metadata.as_ref().and_then(|m| m.annotations.as_ref()) {
        check_annotations(annotations, "spec.template.annotations", errors);
        pod::check_annotations(annotations, "spec.template.annotations", errors);
    }
    let Some(pod_spec) = &template.spec else { return };
    pod::check_spec(pod_spec, "spec.template.spec", false, config, errors);
    if let Some(policy) = pod_spec.restart_policy.as_deref().filter(|p| *p != "Always") {
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
    let involved = event.occasion.namespace.as_str();
    let text = |text: fn(&k8s::Event) -> &Option<String>| {
        event.rest.as_ref().and_then(|rest| text(rest).as_deref()).unwrap_or_default()
    };
    let new_style = event.rest.as_ref().is_some_and(|r| r.event_time.is_some());
    // Events about objects without a namespace live in `default`, those of a newer style in `kube-system` too.
    let fits = match involved {
        "" => meta.namespace == "default" || (new_style && meta.namespace == "kube-system"),
        _ => new_style || meta.namespace == involved,
    };
    if !fits {
        errors.invalid("involvedObject.namespace", involved, "does not match event.namespace");
    }
    if !new_style {
        return;
    }
    let reporter = text(|r| &r.reporting_component);
    errors.present("reportingComponent", reporter);
    errors.all_invalid("reportingComponent", reporter, qualified_name_errors(reporter));
    for (field, text, required, max) in [
        ("reportingInstance", text(|r| &r.reporting_instance), true, 128),
        ("action", text(|r| &r.action), true, 128),
        ("reason", &*event.occasion.reason, true, 128),
        ("message", &*event.message, false, 1024),
    ] {
        if required {
            errors.present(field, text);
        }
        if text.len() > max {
            errors.invalid(field, "", &format!("can have at most {max} characters"));
        }
    }
}
