//! What is asked for a pod as a whole, and what its containers make of it.

use super::Quantity;
use super::resources::{Asked, of_containers};
use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use std::collections::BTreeMap;

/// Where something is asked for a pod as a whole, or limited, its containers and its limits say the rest.
pub(super) fn default_whole(spec: &mut k8s::PodSpec) {
    let Some(mut whole) = spec.resources.take() else { return };
    let asks_nothing = |list: &Option<BTreeMap<String, Text>>| list.iter().all(BTreeMap::is_empty);
    if !(asks_nothing(&whole.limits) && asks_nothing(&whole.requests)) {
        let mut limits = whole.limits.take().unwrap_or_default();
        let mut requests = whole.requests.take().unwrap_or_default();
        let huge = together(spec, Asked::Limits, |name| name.starts_with("hugepages-") && !requests.contains_key(name));
        add_missing(&mut limits, huge);
        if !limits.is_empty() {
            add_missing(&mut requests, together(spec, Asked::Requests, |name| matches!(name, "cpu" | "memory")));
            add_missing(&mut requests, limits.clone());
        }
        let some = |list: BTreeMap<String, Text>| (!list.is_empty()).then_some(list);
        (whole.limits, whole.requests) = (some(limits), some(requests));
    }
    spec.resources = Some(whole);
}

fn add_missing(list: &mut BTreeMap<String, Text>, more: BTreeMap<String, Text>) {
    for (name, amount) in more {
        list.entry(name).or_insert(amount);
    }
}

/// What a pod's containers ask for or may have together of some resources, written as the first of them writes it.
fn together(spec: &k8s::PodSpec, asked: Asked, is_meant: impl Fn(&str) -> bool) -> BTreeMap<String, Text> {
    let amounts = of_containers(spec, asked);
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let mut sums = BTreeMap::new();
    for (name, text) in containers.filter_map(|c| asked.of(c.resources.as_ref())).flatten() {
        if is_meant(name)
            && !sums.contains_key(name)
            && let Ok(form) = Quantity::parse(&text.0)
        {
            sums.insert(name.clone(), Text(form.counted(name, amounts.get(name)).to_string()));
        }
    }
    sums
}
