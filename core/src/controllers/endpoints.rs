//! The addresses behind each service, and the routes to them.
//!
//! Follows the changes: a pod finds its services through its labels, and a service knows its pods. Routes are
//! right after every change; the Endpoints of a large service are written a few times a second at most.

use super::subsets::{backend, subsets, written};
use crate::api::{Body, Kind, Labels, Meta, Name, Object};
use crate::cluster::Context;
use crate::deadlines::Deadlines;
use crate::network::{Backend, Balancing, Route};
use crate::order;
use crate::runtime::PodRef;
use crate::store::Change;
use crate::time::{Span, Time};
use k8s_openapi::api::core::v1::{EndpointSubset, ObjectReference, ServicePort, ServiceSpec};
use std::collections::BTreeMap;
use std::sync::Arc;

/// From so many pods on a service is large.
const LARGE_PODS: usize = 100;
/// How long the Endpoints of a large service stay as they are at least.
const LARGE_PERIOD: Span = Span::from_millis(100);

/// Annotation of a service that says how its requests are spread.
const BALANCING: &str = "kubarium.io/balancing";
/// What upstream writes on Endpoints.
const HEADLESS: &str = "service.kubernetes.io/headless";
const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";

type ServiceKey = (Name, Name);

/// What is known of one service with a selector.
#[derive(Clone, Debug)]
struct Entry {
    spec: Arc<ServiceSpec>,
    members: order::Map<Name, Arc<Object>>,
    /// Members whose routes are to be set anew.
    touched: order::Set<Name>,
    /// The members are to be found anew.
    stale: bool,
    /// The routes are to be built anew.
    rerouted: bool,
    /// What was written last, and when.
    written: Option<(Arc<Vec<EndpointSubset>>, Time)>,
}

/// All services with a selector.
#[derive(Clone, Debug, Default)]
pub(super) struct EndpointsController {
    services: order::Map<ServiceKey, Box<Entry>>,
    by_label: order::Map<Name, order::Map<(String, String), order::Set<Name>>>,
    dirty: order::Set<ServiceKey>,
    /// Endpoints that somebody else wrote, to which there may have to be routes.
    written: order::Set<ServiceKey>,
    later: Deadlines<ServiceKey>,
    /// The ports that have routes.
    routed: order::Map<ServiceKey, order::Set<u16>>,
}

/// The selector of a service whose endpoints are ours to write.
fn selector(spec: &ServiceSpec) -> Option<&BTreeMap<String, String>> {
    spec.selector.as_ref().filter(|s| !s.is_empty() && spec.type_.as_deref() != Some("ExternalName"))
}

fn is_headless(spec: &ServiceSpec) -> bool {
    spec.cluster_ip.as_deref() == Some("None")
}

fn selects(spec: &ServiceSpec, labels: &BTreeMap<String, String>) -> bool {
    selector(spec).is_some_and(|s| s.iter().all(|(k, v)| labels.get(k) == Some(v)))
}

/// Whether two versions of a pod make the same endpoints.
fn same(before: &Object, after: &Object) -> bool {
    let (Some(b), Some(a)) = (before.pod(), after.pod()) else { return false };
    before.meta.uid == after.meta.uid
        && before.meta.deletion.is_some() == after.meta.deletion.is_some()
        && b.node == a.node
        && b.status.pod_ip == a.status.pod_ip
        && b.status.phase == a.status.phase
        && b.status.is_ready() == a.status.is_ready()
        && (Arc::ptr_eq(&b.spec, &a.spec) || b.spec == a.spec)
}

fn port_number(port: &ServicePort) -> u16 {
    u16::try_from(port.port).unwrap_or_default()
}

impl EndpointsController {
    pub(super) fn observe(&mut self, change: &Change) {
        match change.kind {
            Kind::Service => self.observe_service(change),
            Kind::Pod => self.observe_pod(change),
            Kind::Endpoints => self.observe_endpoints(change),
            _ => {}
        }
    }

    fn observe_service(&mut self, change: &Change) {
        let Some(object) = change.object() else { return };
        let key = (object.meta.namespace.to_name(), object.meta.name.clone());
        self.dirty.insert(key.clone());
        let spec = change.after.as_ref().and_then(|o| match &o.body {
            Body::Service { spec, .. } => selector(spec).map(|_| spec),
            _ => None,
        });
        let Some(spec) = spec else {
            if let Some(gone) = self.services.remove(&key) {
                self.index(&key, &gone.spec, false);
            }
            return;
        };
        if let Some(entry) = self.services.get_mut(&key) {
            let old = std::mem::replace(&mut entry.spec, Arc::clone(spec));
            entry.rerouted = true;
            if old.selector != spec.selector {
                entry.stale = true;
                self.index(&key, &old, false);
                self.index(&key, spec, true);
            }
        } else {
            let entry = Entry {
                spec: Arc::clone(spec),
                members: order::Map::new(),
                touched: order::Set::new(),
                stale: true,
                rerouted: true,
                written: None,
            };
            self.services.insert(key.clone(), Box::new(entry));
            self.index(&key, spec, true);
        }
    }

    /// Files a service under the first label it asks for.
    fn index(&mut self, (namespace, name): &ServiceKey, spec: &ServiceSpec, add: bool) {
        let Some((label, value)) = selector(spec).and_then(BTreeMap::first_key_value) else { return };
        let names = self.by_label.entry(namespace.clone()).or_default();
        let names = names.entry((label.clone(), value.clone())).or_default();
        if add {
            names.insert(name.clone());
        } else {
            names.remove(name);
        }
    }

    fn observe_pod(&mut self, change: &Change) {
        let Some(object) = change.object() else { return };
        let (namespace, name) = (&object.meta.namespace, &object.meta.name);
        let Some(index) = self.by_label.get(namespace.as_str()) else { return };
        let (before, after) = (change.before.as_ref(), change.after.as_ref());
        let mut labels: Vec<&Labels> = [before, after].into_iter().flatten().map(|o| &o.meta.labels).collect();
        labels.dedup();
        for pair in labels.into_iter().flat_map(|l| l.iter()) {
            // A look-up by borrowed parts is not to be had; pods have few labels.
            for service in index.get(&(pair.0.clone(), pair.1.clone())).into_iter().flatten() {
                let key = (namespace.to_name(), service.clone());
                let Some(entry) = self.services.get_mut(&key) else { continue };
                let now = after.filter(|o| selects(&entry.spec, &o.meta.labels));
                let changed = match now {
                    Some(now) => {
                        let old = entry.members.insert(name.clone(), Arc::clone(now));
                        old.is_none_or(|old| !same(&old, now))
                    }
                    None => entry.members.remove(name).is_some(),
                };
                if changed {
                    entry.touched.insert(name.clone());
                    self.dirty.insert(key);
                }
            }
        }
    }

    fn observe_endpoints(&mut self, change: &Change) {
        let Some(object) = change.object() else { return };
        let key = (object.meta.namespace.to_name(), object.meta.name.clone());
        let Some(entry) = self.services.get_mut(&key) else {
            self.written.insert(key);
            return;
        };
        let ours = match (change.after.as_ref().map(|o| &o.body), &entry.written) {
            (Some(Body::Endpoints { subsets }), Some((written, _))) => Arc::ptr_eq(subsets, written),
            _ => false,
        };
        if !ours {
            entry.written = None;
            self.dirty.insert(key);
        }
    }

    pub(super) fn work(&mut self, cx: &mut Context<'_>) {
        while let Some(key) = self.later.pop_due(cx.now) {
            self.dirty.insert(key);
        }
        for key in std::mem::take(&mut self.dirty) {
            self.sync(cx, &key);
        }
        for key in std::mem::take(&mut self.written) {
            self.route_written(cx, &key);
        }
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        self.later.next()
    }

    fn sync(&mut self, cx: &mut Context<'_>, key: &ServiceKey) {
        let service = cx.store.get(Kind::Service, &key.0, &key.1).cloned();
        let Some(entry) = self.services.get_mut(key) else {
            self.route_written(cx, key);
            self.later.cancel(key);
            // Without service, no endpoints; those of a service without selector are somebody else's.
            if service.is_none() {
                let endpoints = crate::api::Key::new(Kind::Endpoints, key.0.clone(), key.1.clone());
                let _ = crate::deletion::delete_object(cx, &endpoints, &crate::deletion::DeleteOptions::default());
            }
            return;
        };
        let Some(service) = service else { return };
        if std::mem::take(&mut entry.stale) {
            entry.rerouted = true;
            let pods = cx.store.list(Kind::Pod, Some(&key.0));
            let pods = pods.filter(|o| selects(&entry.spec, &o.meta.labels));
            entry.members = pods.map(|o| (o.meta.name.clone(), Arc::clone(o))).collect();
        }
        let routed = self.routed.entry(key.clone()).or_default();
        route(cx, key, &service, entry, routed);
        if let Some((_, at)) = entry.written
            && entry.members.len() >= LARGE_PODS
            && cx.now.since(at) < LARGE_PERIOD
        {
            self.later.set(key.clone(), at + LARGE_PERIOD);
            return;
        }
        write(cx, &service, entry);
    }

    /// Sets the routes of a service without selector to what somebody wrote into its Endpoints.
    fn route_written(&mut self, cx: &mut Context<'_>, key: &ServiceKey) {
        if self.services.contains_key(key) {
            return;
        }
        let service = cx.store.get(Kind::Service, &key.0, &key.1).cloned();
        let routed = self.routed.entry(key.clone()).or_default();
        match service.as_deref().and_then(|service| Some((service, written_for(cx, service)?))) {
            Some((service, (spec, subsets))) => {
                let pods = named_pods(cx, &key.0, &subsets);
                let pod = |reference: &ObjectReference| pods.get(reference.name.as_deref()?).cloned();
                set_routes(cx, key, service, &spec, routed, |port| written(&subsets, port, pod));
            }
            None => {
                for port in std::mem::take(routed) {
                    cx.router.set(&key.0, &key.1, port, None);
                }
            }
        }
        if routed.is_empty() {
            self.routed.remove(key);
        }
    }
}

/// The spec of a service without selector, and the Endpoints of its name.
fn written_for(cx: &Context<'_>, service: &Object) -> Option<(Arc<ServiceSpec>, Arc<Vec<EndpointSubset>>)> {
    let Body::Service { spec, .. } = &service.body else { return None };
    let endpoints = cx.store.get(Kind::Endpoints, &service.meta.namespace, &service.meta.name)?;
    let Body::Endpoints { subsets } = &endpoints.body else { return None };
    (spec.type_.as_deref() != Some("ExternalName")).then(|| (Arc::clone(spec), Arc::clone(subsets)))
}

/// The pods that Endpoints name, and their nodes: they are reached the way pods are.
fn named_pods(
    cx: &Context<'_>,
    namespace: &Name,
    subsets: &[EndpointSubset],
) -> order::Map<Name, (PodRef, Option<Name>)> {
    let addresses = subsets.iter().flat_map(|subset| subset.addresses.iter().flatten());
    let references = addresses.filter_map(|address| address.target_ref.as_ref());
    let names = references.filter(|r| r.kind.as_deref() == Some("Pod")).filter_map(|r| r.name.as_deref());
    names
        .filter_map(|name| {
            let object = cx.store.get(Kind::Pod, namespace, name)?;
            let meta = &object.meta;
            let pod = PodRef { uid: meta.uid, namespace: meta.namespace.to_name(), name: meta.name.clone() };
            Some((meta.name.clone(), (pod, object.pod()?.node.as_deref().cloned())))
        })
        .collect()
}

/// Brings the routes of a service up to date.
fn route(cx: &mut Context<'_>, key: &ServiceKey, service: &Object, entry: &mut Entry, routed: &mut order::Set<u16>) {
    let ports = entry.spec.ports.as_deref().unwrap_or_default();
    let publish = entry.spec.publish_not_ready_addresses == Some(true);
    let touched = std::mem::take(&mut entry.touched);
    if !std::mem::take(&mut entry.rerouted) {
        for name in touched {
            for port in ports {
                let backend = entry.members.get(&name).and_then(|pod| backend(pod, port, publish));
                cx.router.set_backend(&key.0, &key.1, port_number(port), &name, backend);
            }
        }
        return;
    }
    let backends = |port: &ServicePort| entry.members.values().filter_map(|pod| backend(pod, port, publish)).collect();
    set_routes(cx, key, service, &entry.spec, routed, backends);
}

/// Sets the route of each of a service's ports, and removes those of ports it no longer has.
fn set_routes(
    cx: &mut Context<'_>,
    key: &ServiceKey,
    service: &Object,
    spec: &ServiceSpec,
    routed: &mut order::Set<u16>,
    backends: impl Fn(&ServicePort) -> Vec<Backend>,
) {
    let balancing = match service.meta.annotations.get(BALANCING).map(String::as_str) {
        Some("round-robin") => Balancing::RoundRobin,
        _ => Balancing::Random,
    };
    let mut gone = std::mem::take(routed);
    for port in spec.ports.as_deref().unwrap_or_default() {
        let route = Route {
            balancing,
            sticky: spec.session_affinity.as_deref() == Some("ClientIP"),
            node_port: port.node_port.and_then(|p| u16::try_from(p).ok()),
            backends: Arc::new(backends(port).into_iter().map(Arc::new).collect()),
        };
        cx.router.set(&key.0, &key.1, port_number(port), Some(route));
        gone.remove(&port_number(port));
        routed.insert(port_number(port));
    }
    for port in gone {
        cx.router.set(&key.0, &key.1, port, None);
    }
}

/// Brings the Endpoints of a service up to date.
fn write(cx: &mut Context<'_>, service: &Object, entry: &mut Entry) {
    let (subsets, truncated) = subsets(service, &entry.spec, entry.members.values());
    let mut labels = BTreeMap::clone(&service.meta.labels);
    labels.insert(MANAGED_BY.to_owned(), "endpoint-controller".to_owned());
    labels.remove(HEADLESS);
    if is_headless(&entry.spec) {
        labels.insert(HEADLESS.to_owned(), String::new());
    }
    let old = cx.store.get(Kind::Endpoints, &service.meta.namespace, &service.meta.name).cloned();
    let mut annotations = old.as_ref().map(|o| BTreeMap::clone(&o.meta.annotations)).unwrap_or_default();
    annotations.remove(OVER_CAPACITY);
    if truncated {
        annotations.insert(OVER_CAPACITY.to_owned(), "truncated".to_owned());
    }
    let subsets = match old.as_ref().map(|o| &o.body) {
        Some(Body::Endpoints { subsets: old }) if **old == subsets => Arc::clone(old),
        _ => Arc::new(subsets),
    };
    entry.written = Some((Arc::clone(&subsets), cx.now));
    let mut meta = old.as_ref().map(|o| o.meta.clone()).unwrap_or_default();
    if *meta.labels != labels {
        meta.labels = Arc::new(labels);
    }
    if *meta.annotations != annotations {
        meta.annotations = Arc::new(annotations);
    }
    let body = Body::Endpoints { subsets };
    // Both fail only where the other is right, which was found out above.
    if old.is_some() {
        let _ = cx.store.update(Object { meta, body }, None);
    } else if cx
        .store
        .get(Kind::Namespace, "", &service.meta.namespace)
        .is_some_and(|n| !crate::deletion::is_terminating(n))
    {
        let (namespace, name) = (service.meta.namespace.clone(), service.meta.name.clone());
        let meta = Meta { name, namespace, uid: cx.rng.uid(), created: cx.now.floor_secs(), ..meta };
        let _ = cx.store.create(Object { meta, body });
    }
}
