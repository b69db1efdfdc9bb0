//! What a client should know of an object that is not wrong.

use super::query::quoted;
use crate::api::{Body, Object};
use crate::order;
use k8s_openapi::api::core::v1 as k8s;

/// Warnings of a new or changed object, in upstream's words.
pub(super) fn of(object: &Object) -> Vec<String> {
    let mut warnings = Vec::new();
    match &object.body {
        Body::Pod(pod) => pod_spec(&pod.spec, "spec", &mut warnings),
        Body::ReplicationController { spec, .. } => {
            if let Some(spec) = spec.template.as_ref().and_then(|t| t.spec.as_ref()) {
                pod_spec(spec, "spec.template.spec", &mut warnings);
            }
        }
        Body::Service { spec, .. } => service(spec, &mut warnings),
        _ => {}
    }
    warnings
}

fn service(spec: &k8s::ServiceSpec, warnings: &mut Vec<String>) {
    if spec.external_ips.as_ref().is_some_and(|ips| !ips.is_empty()) {
        warnings.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters".to_owned());
    }
    if spec.traffic_distribution.as_deref() == Some("PreferClose") {
        warnings.push("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"".to_owned());
    }
}

/// Labels of nodes that were renamed.
const RENAMED: [(&str, &str, &str); 4] = [
    ("beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"),
    ("beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"),
    ("failure-domain.beta.kubernetes.io/region", "v1.17", "topology.kubernetes.io/region"),
    ("failure-domain.beta.kubernetes.io/zone", "v1.17", "topology.kubernetes.io/zone"),
];

fn pod_spec(spec: &k8s::PodSpec, at: &str, warnings: &mut Vec<String>) {
    for (old, since, new) in RENAMED {
        if spec.node_selector.as_ref().is_some_and(|s| s.contains_key(old)) {
            warnings.push(format!("{at}.nodeSelector[{old}]: deprecated since {since}; use {} instead", quoted(new)));
        }
    }
    for (index, constraint) in spec.topology_spread_constraints.iter().flatten().enumerate() {
        if constraint.label_selector.is_none() {
            warnings.push(format!(
                "{at}.topologySpreadConstraints[{index}].labelSelector: a null labelSelector results in matching no pod"
            ));
        }
    }
    let lists = [("initContainers", spec.init_containers.as_deref()), ("containers", Some(&spec.containers[..]))];
    for (list, containers) in lists {
        for (index, container) in containers.unwrap_or_default().iter().enumerate() {
            let mut seen = order::Set::new();
            for (variable, env) in container.env.iter().flatten().enumerate() {
                if !seen.insert(env.name.as_str()) {
                    warnings.push(format!(
                        "{at}.{list}[{index}].env[{variable}]: hides previous definition of {}, which may be dropped when using apply",
                        quoted(&env.name)
                    ));
                }
            }
        }
    }
}
