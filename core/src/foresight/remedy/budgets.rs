//! Disruption budgets, where pods are to go.

use crate::api::{Kind, Object};
use crate::cluster::Cluster;
use crate::controllers::disruption;
use std::sync::Arc;

/// What is said of the budgets that forbid that these pods go together; none where all of them may.
pub(in super::super) fn objection(cluster: &Cluster, pods: &[&Arc<Object>]) -> Option<String> {
    let forbids = |budget: &&Arc<Object>| {
        let Some((document, selector)) = budget.document().and_then(|d| Some((d, disruption::selector(d)?))) else {
            return false;
        };
        let is_about = |pod: &Object| {
            pod.meta.namespace == budget.meta.namespace
                && pod.meta.deletion.is_none()
                && selector.matches(&pod.meta.labels)
                && !disruption::is_free(document, pod)
        };
        let count = pods.iter().filter(|pod| is_about(pod)).count() as i64;
        count > 0 && count > document.number(&["status", "disruptionsAllowed"]).unwrap_or_default()
    };
    let budgets = cluster.store().list(Kind::PodDisruptionBudget, None).filter(forbids);
    let names: Vec<String> = budgets.map(|o| format!("{}/{}", o.meta.namespace, o.meta.name)).collect();
    match names.as_slice() {
        [] => None,
        [one] => Some(format!(", although the disruption budget {one} forbids it")),
        _ => Some(format!(", although the disruption budgets {} forbid it", names.join(" and "))),
    }
}
