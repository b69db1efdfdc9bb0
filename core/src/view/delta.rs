//! From objects to rows, and from one state of the rows to the next.

use super::labels::LabelNumbers;
use super::{ControllerRow, EventRow, Id, NodeRow, Pairs, PodRow, Rows, ServiceRow, Slot, read};
use crate::api::{Body, Key, Kind, Name, Object};
use crate::order;
use crate::store::Change;
use k8s_openapi::api::core::v1::EndpointSubset;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Rows that changed; none for an object that is gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each holds the rows it is named after")]
pub struct Delta {
    /// Whether it holds everything: rows not in it are gone.
    pub complete: bool,
    /// Sets of labels by number.
    pub labels: Vec<(u32, Pairs)>,
    pub pods: Vec<(Slot, Option<PodRow>)>,
    pub nodes: Vec<(Name, Option<NodeRow>)>,
    pub controllers: Vec<((Kind, Name, Name), Option<ControllerRow>)>,
    pub services: Vec<(Id, Option<ServiceRow>)>,
    /// Whether each is there.
    pub namespaces: Vec<(Name, bool)>,
    /// Events that were deleted.
    pub events_removed: Vec<Id>,
    /// Events by number, oldest first.
    pub events: Vec<(u64, EventRow)>,
}

impl Delta {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Which rows changed since the last delta.
#[derive(Clone, Debug, Default)]
struct Changed {
    labels: order::Set<u32>,
    pods: order::Set<Slot>,
    nodes: order::Set<Name>,
    controllers: order::Set<(Kind, Name, Name)>,
    services: order::Set<Id>,
    namespaces: order::Set<Name>,
    events_removed: order::Set<Id>,
    /// Number of the first event of the next delta.
    events_from: u64,
}

/// Keeps rows for a stream of objects.
#[derive(Clone, Debug, Default)]
pub struct View {
    rows: Rows,
    changed: Changed,
    label_numbers: LabelNumbers,
    slots_free: order::Set<Slot>,
    /// Slots of pods that went since the last delta: not given out before the page knows that they are gone.
    slots_leaving: order::Set<Slot>,
    endpoints: order::Map<Id, Arc<Vec<EndpointSubset>>>,
    events_seen: u64,
    /// Whether a delta was taken already; the first holds everything.
    begun: bool,
}

impl View {
    /// The rows as they are now.
    pub const fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Takes note of one change of the store.
    pub fn apply(&mut self, change: &Change) {
        match (&change.before, &change.after) {
            (_, Some(after)) => self.put(after),
            (Some(before), None) => self.remove(&before.key()),
            (None, None) => {}
        }
    }

    /// Takes note of an object that is new or has changed.
    pub fn put(&mut self, object: &Object) {
        let id = (object.meta.namespace.to_name(), object.meta.name.clone());
        match &object.body {
            Body::Namespace { .. } => {
                if !self.rows.namespaces().contains(&id.1) {
                    self.changed.namespaces.insert(id.1.clone());
                    self.rows.set_namespace(id.1, true);
                }
            }
            Body::Node { spec, status } => {
                let row = read::node(&object.meta, spec, status);
                if self.rows.node(&row.name) != Some(&row) {
                    self.changed.nodes.insert(row.name.clone());
                    self.rows.set_node(&row.name.clone(), Some(row));
                }
            }
            Body::Pod(pod) => self.put_pod(object, pod),
            Body::ReplicationController { spec, status } => {
                let row = read::replication_controller(&object.meta, spec, status);
                let key = (row.kind, id.0, id.1);
                if self.rows.controllers().get(&key) != Some(&row) {
                    self.changed.controllers.insert(key.clone());
                    self.rows.set_controller(key, Some(row));
                }
            }
            Body::Service { spec, .. } => {
                let mut row = read::service(&object.meta, spec);
                if let Some(old) = self.rows.services().get(&id) {
                    row.backends.clone_from(&old.backends);
                    (row.ready, row.not_ready) = (old.ready, old.not_ready);
                    if **old == row {
                        return;
                    }
                }
                self.changed.services.insert(id.clone());
                self.rows.set_service(id, Some(row));
            }
            Body::Endpoints { subsets } => {
                self.endpoints.insert(id.clone(), Arc::clone(subsets));
                self.changed.services.insert(id);
            }
            Body::Event(event) => {
                self.events_seen += 1;
                self.changed.events_removed.remove(&id);
                self.rows.set_event(self.events_seen, read::event(&object.meta, event));
            }
            // Nothing is shown of these yet.
            Body::Document(_) => {}
        }
    }

    fn put_pod(&mut self, object: &Object, pod: &crate::api::PodBody) {
        let known = self.rows.pod_slot(&object.meta.namespace, &object.meta.name);
        let old = known.and_then(|slot| self.rows.pod(slot));
        if old.is_some_and(|row| row.uid != object.meta.uid) {
            // Another pod of the same name: its deletion was missed.
            self.remove(&object.key());
            return self.put_pod(object, pod);
        }
        let slot = known.unwrap_or_else(|| self.slots_free.pop_first().unwrap_or(self.next_slot()));
        let (labels, news) = self.label_numbers.take(&object.meta.labels);
        if let Some(pairs) = news {
            self.rows.set_labels(labels, pairs);
            self.changed.labels.insert(labels);
        }
        let old = known.and_then(|slot| self.rows.pod(slot));
        if let Some(old) = old {
            self.label_numbers.release(old.labels);
        }
        let row = read::pod(&object.meta, pod, labels, old);
        if old != Some(&row) {
            self.changed.pods.insert(slot);
            self.rows.set_pod(slot, Some(row));
        }
    }

    fn next_slot(&self) -> Slot {
        self.rows.slots() as Slot
    }

    /// Takes note of an object that is gone.
    pub fn remove(&mut self, key: &Key) {
        let id = (key.namespace.clone(), key.name.clone());
        match key.kind {
            Kind::Namespace => {
                self.changed.namespaces.insert(key.name.clone());
                self.rows.set_namespace(key.name.clone(), false);
            }
            Kind::Node => {
                self.changed.nodes.insert(key.name.clone());
                self.rows.set_node(&key.name, None);
            }
            Kind::Pod => {
                let Some(slot) = self.rows.pod_slot(&id.0, &id.1) else { return };
                if let Some(row) = self.rows.pod(slot) {
                    self.label_numbers.release(row.labels);
                }
                self.rows.set_pod(slot, None);
                self.slots_leaving.insert(slot);
                self.changed.pods.insert(slot);
            }
            Kind::ReplicationController => {
                let key = (key.kind, id.0, id.1);
                self.changed.controllers.insert(key.clone());
                self.rows.set_controller(key, None);
            }
            Kind::Service => {
                self.rows.set_service(id.clone(), None);
                self.changed.services.insert(id);
            }
            Kind::Endpoints => {
                self.endpoints.remove(&id);
                self.changed.services.insert(id);
            }
            Kind::Event => {
                self.rows.remove_event(&id);
                self.changed.events_removed.insert(id);
            }
            _ => {}
        }
    }

    /// Takes note that objects of this kind are exactly these: after a list, or where changes were missed.
    pub fn replace<'a>(&mut self, kind: Kind, objects: impl IntoIterator<Item = &'a Object>) {
        let mut gone = self.keys(kind);
        for object in objects {
            gone.remove(&object.key());
            self.put(object);
        }
        for key in gone {
            self.remove(&key);
        }
    }

    fn keys(&self, kind: Kind) -> order::Set<Key> {
        let key = |(namespace, name): &Id| Key::new(kind, namespace.clone(), name.clone());
        let rows = &self.rows;
        match kind {
            Kind::Namespace => rows.namespaces().iter().map(|n| Key::new(kind, "", n.clone())).collect(),
            Kind::Node => rows.nodes().map(|(n, _)| Key::new(kind, "", n.name.clone())).collect(),
            Kind::Pod => rows.pods().map(|(_, p)| Key::new(kind, p.namespace.clone(), p.name.clone())).collect(),
            Kind::ReplicationController => rows
                .controllers()
                .keys()
                .filter(|(k, ..)| *k == kind)
                .map(|(_, namespace, name)| Key::new(kind, namespace.clone(), name.clone()))
                .collect(),
            Kind::Service => rows.services().keys().map(key).collect(),
            Kind::Endpoints => self.endpoints.keys().map(key).collect(),
            Kind::Event => rows.events().values().map(|e| key(&(e.namespace.clone(), e.name.clone()))).collect(),
            _ => order::Set::new(),
        }
    }

    /// Everything that changed since the last call. The first delta replaces whatever the page showed before.
    pub fn take_delta(&mut self) -> Delta {
        self.resolve_backends();
        let changed = std::mem::take(&mut self.changed);
        self.changed.events_from = self.events_seen + 1;
        self.slots_free.extend(std::mem::take(&mut self.slots_leaving));
        let complete = !std::mem::replace(&mut self.begun, true);
        let rows = &self.rows;
        Delta {
            complete,
            labels: changed.labels.into_iter().map(|n| (n, rows.labels().get(n).to_vec())).collect(),
            pods: changed.pods.into_iter().map(|slot| (slot, rows.pod(slot).cloned())).collect(),
            nodes: changed.nodes.into_iter().map(|n| (n.clone(), rows.node(&n).cloned())).collect(),
            controllers: changed
                .controllers
                .into_iter()
                .map(|key| (key.clone(), rows.controllers().get(&key).cloned()))
                .collect(),
            services: changed
                .services
                .into_iter()
                .map(|id| (id.clone(), rows.services().get(&id).map(|row| (**row).clone())))
                .collect(),
            namespaces: changed.namespaces.into_iter().map(|n| (n.clone(), rows.namespaces().contains(&n))).collect(),
            events_removed: changed.events_removed.into_iter().collect(),
            events: rows.events().range_from(&changed.events_from).map(|(n, e)| (*n, e.clone())).collect(),
        }
    }

    /// Finds the pods behind services whose endpoints changed. Here and not at once: a list of endpoints may come
    /// before the pods it names.
    fn resolve_backends(&mut self) {
        for id in &self.changed.services {
            let Some(service) = self.rows.services().get(id) else { continue };
            let subsets = self.endpoints.get(id).map_or(&[][..], |subsets| subsets.as_slice());
            let mut next = service.clone();
            read::endpoints(&mut next, subsets, |name| self.rows.pod_slot(&id.0, name));
            if next != *service {
                self.rows.set_service(id.clone(), Some(*next));
            }
        }
    }
}
