//! A pod's quality of service: who goes first when a machine runs short.

use crate::api::{Name, Quantity};
use k8s_openapi::api::core::v1 as k8s;

/// `Guaranteed` where every container has limits of cpu and memory and requests just as much, `BestEffort` where no
/// container asks for anything, else `Burstable`. What the pod as a whole asks for goes before its containers'.
pub(super) fn class(spec: &k8s::PodSpec) -> Name {
    const RESOURCES: [&str; 2] = ["cpu", "memory"];
    let own = spec.resources.iter().filter(|r| r.requests.is_some() || r.limits.is_some());
    let containers = super::worker::containers(spec).map(|c| c.resources.as_ref());
    let all: Vec<_> = if own.clone().next().is_some() { own.map(Some).collect() } else { containers.collect() };
    let amount = |of: Option<&k8s::ResourceRequirements>, limit: bool, name: &str| {
        let map = of.and_then(|r| if limit { r.limits.as_ref() } else { r.requests.as_ref() })?;
        Quantity::parse(&map.get(name)?.0).ok().map(Quantity::milli).filter(|milli| *milli > 0)
    };
    let asks = |of| RESOURCES.iter().any(|name| amount(of, false, name).or(amount(of, true, name)).is_some());
    let guaranteed = |of| {
        RESOURCES.iter().all(|name| {
            let limit = amount(of, true, name);
            limit.is_some() && amount(of, false, name).or(limit) == limit
        })
    };
    Name::new_static(if !all.iter().any(|of| asks(*of)) {
        "BestEffort"
    } else if all.iter().all(|of| guaranteed(*of)) {
        "Guaranteed"
    } else {
        "Burstable"
    })
}
