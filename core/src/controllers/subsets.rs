//! From pods to endpoint subsets: which pod belongs, under which ports, and how they are put together.

use crate::api::{Name, Object, PodBody};
use crate::network::Backend;
use crate::order;
use crate::runtime::PodRef;
use k8s_openapi::api::core::v1::{
    EndpointAddress, EndpointPort, EndpointSubset, ObjectReference, ServicePort, ServiceSpec,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::sync::Arc;

/// How many addresses Endpoints hold at most, as upstream's. Routes have no such limit.
const ADDRESSES_MAX: usize = 1_000;

/// Whether a pod belongs to the endpoints, ready or not; on its way out it does only where not-ready pods are
/// published.
fn belongs(object: &Object, pod: &PodBody, publish: bool) -> bool {
    !pod.status.phase.is_finished()
        && pod.status.pod_ip.as_ref().is_some_and(|ip| !ip.is_empty())
        && (publish || object.meta.deletion.is_none())
}

/// The port of the pod a service's port leads to; none where it asks for a name the pod does not have.
fn target_port(pod: &PodBody, port: &ServicePort) -> Option<u16> {
    let number = match &port.target_port {
        Some(IntOrString::Int(0)) | None => port.port,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(name)) => {
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            let sidecars = pod.spec.init_containers.iter().flatten();
            let sidecars = sidecars.filter(|c| c.restart_policy.as_deref() == Some("Always"));
            let mut ports = pod.spec.containers.iter().chain(sidecars).flat_map(|c| c.ports.iter().flatten());
            let found =
                ports.find(|p| p.name.as_deref() == Some(name) && p.protocol.as_deref().unwrap_or("TCP") == protocol);
            found?.container_port
        }
    };
    u16::try_from(number).ok()
}

/// The pod as it answers on a service's port; none where it takes no requests there.
pub(super) fn backend(object: &Object, port: &ServicePort, publish: bool) -> Option<Backend> {
    let pod = object.pod()?;
    if !belongs(object, pod, publish) || !(publish || pod.status.is_ready()) {
        return None;
    }
    let meta = &object.meta;
    Some(Backend {
        pod: Some(PodRef { uid: meta.uid, namespace: meta.namespace.to_name(), name: meta.name.clone() }),
        node: pod.node.as_deref().cloned(),
        ip: pod.status.pod_ip.clone()?,
        port: target_port(pod, port)?,
    })
}

/// The addresses somebody wrote for a service's port, which goes by its name. Only those that are ready take requests.
pub(super) fn written(
    subsets: &[EndpointSubset],
    port: &ServicePort,
    pod: impl Fn(&ObjectReference) -> Option<(PodRef, Option<Name>)>,
) -> Vec<Backend> {
    let name = port.name.as_deref().unwrap_or_default();
    let mut all = Vec::new();
    for subset in subsets {
        let found = subset.ports.iter().flatten().find(|p| p.name.as_deref().unwrap_or_default() == name);
        let Some(number) = found.and_then(|p| u16::try_from(p.port).ok()) else { continue };
        for address in subset.addresses.iter().flatten() {
            let pod = address.target_ref.as_ref().and_then(&pod);
            let (pod, node) = pod.map_or((None, None), |(pod, node)| (Some(pod), node));
            all.push(Backend { pod, node, ip: address.ip.as_str().into(), port: number });
        }
    }
    all
}

/// A pod of a service.
type Member<'a> = (&'a Object, &'a PodBody);

/// The subsets of a service's endpoints: ports with the same pods behind them share one. Also whether some pods
/// were left out because there are too many.
pub(super) fn subsets<'a>(
    service: &Object,
    spec: &ServiceSpec,
    pods: impl Iterator<Item = &'a Arc<Object>>,
) -> (Vec<EndpointSubset>, bool) {
    let ports = spec.ports.as_deref().unwrap_or_default();
    let publish = spec.publish_not_ready_addresses == Some(true);
    let mut members: Vec<Member<'a>> = pods
        .filter_map(|object| Some((&**object, object.pod().filter(|pod| belongs(object, pod, publish))?)))
        .collect();
    order::sort_by(&mut members, |(a, x), (b, y)| (&x.status.pod_ip, a.meta.uid).cmp(&(&y.status.pod_ip, b.meta.uid)));
    // Which pods, by their place in that order, each target has: the service's port and where it leads.
    let mut targets: order::Map<Option<(usize, u16)>, Vec<usize>> = order::Map::new();
    for (place, (_, pod)) in members.iter().enumerate() {
        for (index, port) in ports.iter().enumerate() {
            if let Some(to) = target_port(pod, port) {
                targets.entry(Some((index, to))).or_default().push(place);
            }
        }
        // A headless service needs no ports to have addresses.
        if ports.is_empty() && spec.cluster_ip.as_deref() == Some("None") {
            targets.entry(None).or_default().push(place);
        }
    }
    let mut groups: order::Map<Vec<usize>, Vec<(usize, u16)>> = order::Map::new();
    for (target, places) in targets {
        groups.entry(places).or_default().extend(target);
    }
    let mut free = ADDRESSES_MAX;
    let mut truncated = false;
    let mut take = |places: &[usize], ready: bool| -> Vec<EndpointAddress> {
        let chosen = places.iter().filter_map(|place| members.get(*place));
        let mut chosen: Vec<_> = chosen.filter(|(_, pod)| (publish || pod.status.is_ready()) == ready).collect();
        truncated |= chosen.len() > free;
        chosen.truncate(free);
        free -= chosen.len();
        chosen.into_iter().map(|(object, pod)| address(service, object, pod)).collect()
    };
    // Ready ones first: of them as few as possible are left out.
    let ready: Vec<_> = groups.keys().map(|places| take(places, true)).collect();
    let not_ready: Vec<_> = groups.keys().map(|places| take(places, false)).collect();
    let subsets = groups.values().zip(ready).zip(not_ready).filter_map(|((found, ready), not_ready)| {
        let some = |list: Vec<EndpointAddress>| (!list.is_empty()).then_some(list);
        let ports: Vec<_> = found.iter().filter_map(|(i, to)| Some(endpoint_port(ports.get(*i)?, *to))).collect();
        (!(ready.is_empty() && not_ready.is_empty())).then(|| EndpointSubset {
            addresses: some(ready),
            not_ready_addresses: some(not_ready),
            ports: (!ports.is_empty()).then_some(ports),
        })
    });
    (subsets.collect(), truncated)
}

fn endpoint_port(port: &ServicePort, to: u16) -> EndpointPort {
    EndpointPort {
        name: port.name.clone().filter(|n| !n.is_empty()),
        port: i32::from(to),
        protocol: Some(port.protocol.clone().unwrap_or_else(|| "TCP".to_owned())),
        app_protocol: port.app_protocol.clone(),
    }
}

fn address(service: &Object, object: &Object, pod: &PodBody) -> EndpointAddress {
    let named = pod.spec.subdomain.as_deref() == Some(service.meta.name.as_str());
    EndpointAddress {
        ip: pod.status.pod_ip.as_deref().unwrap_or_default().to_owned(),
        hostname: pod.spec.hostname.clone().filter(|h| named && !h.is_empty()),
        node_name: pod.node.as_ref().map(ToString::to_string),
        target_ref: Some(ObjectReference {
            kind: Some("Pod".to_owned()),
            namespace: Some(object.meta.namespace.to_string()),
            name: Some(object.meta.name.to_string()),
            uid: Some(object.meta.uid.to_string()),
            ..ObjectReference::default()
        }),
    }
}
