//! All rows, with what follows from them: who is on which node, what is requested there, how many are in what state.

use super::{
    ControllerRow, Delta, EVENTS_MAX, EventRow, Id, LabelTable, NodeRow, Pairs, Place, PodRow, ServiceRow, Slot,
    StateCounts,
};
use crate::api::{Kind, Name};
use crate::order;

/// The model of every page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pods: Vec<Option<PodRow>>,
    pod_slots: order::Map<Id, Slot>,
    unbound: order::Set<Slot>,
    states: StateCounts,
    labels: LabelTable,
    places: order::Map<Name, Box<Place>>,
    controllers: order::Map<(Kind, Name, Name), ControllerRow>,
    services: order::Map<Id, Box<ServiceRow>>,
    namespaces: order::Set<Name>,
    events: order::Map<u64, EventRow>,
    event_numbers: order::Map<Id, u64>,
}

impl Rows {
    /// Brings these rows up to date.
    pub fn apply(&mut self, delta: Delta) {
        if delta.complete {
            *self = Self::default();
        }
        for (number, pairs) in delta.labels {
            self.set_labels(number, pairs);
        }
        for (slot, pod) in delta.pods {
            self.set_pod(slot, pod);
        }
        for (name, node) in delta.nodes {
            self.set_node(&name, node);
        }
        for (key, row) in delta.controllers {
            self.set_controller(key, row);
        }
        for (id, row) in delta.services {
            self.set_service(id, row);
        }
        for (name, present) in delta.namespaces {
            self.set_namespace(name, present);
        }
        for id in &delta.events_removed {
            self.remove_event(id);
        }
        for (number, row) in delta.events {
            self.set_event(number, row);
        }
    }

    /// The pod in that slot.
    pub fn pod(&self, slot: Slot) -> Option<&PodRow> {
        self.pods.get(slot as usize)?.as_ref()
    }

    /// The slot of the pod of that name.
    pub fn pod_slot(&self, namespace: &str, name: &str) -> Option<Slot> {
        self.pod_slots.get(&(Name::new(namespace), Name::new(name))).copied()
    }

    /// All pods, by namespace, then name.
    pub fn pods(&self) -> impl Iterator<Item = (Slot, &PodRow)> {
        self.pod_slots.values().filter_map(|slot| Some((*slot, self.pod(*slot)?)))
    }

    /// All pods, by slot: the quickest way through all of them.
    pub fn pods_by_slot(&self) -> impl Iterator<Item = (Slot, &PodRow)> {
        (0u32..).zip(&self.pods).filter_map(|(slot, pod)| Some((slot, pod.as_ref()?)))
    }

    /// How many pods there are.
    pub fn pod_count(&self) -> usize {
        self.pod_slots.len()
    }

    /// One more than the highest slot in use so far.
    pub const fn slots(&self) -> usize {
        self.pods.len()
    }

    /// The pods without a node.
    pub const fn unbound(&self) -> &order::Set<Slot> {
        &self.unbound
    }

    /// How many pods are in each state.
    pub const fn states(&self) -> &StateCounts {
        &self.states
    }

    /// The labels of pods.
    pub const fn labels(&self) -> &LabelTable {
        &self.labels
    }

    /// Nodes with their pods, by name.
    pub const fn places(&self) -> &order::Map<Name, Box<Place>> {
        &self.places
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&NodeRow> {
        self.places.get(name)?.node.as_ref()
    }

    /// All nodes, by name.
    pub fn nodes(&self) -> impl Iterator<Item = (&NodeRow, &Place)> {
        self.places.values().filter_map(|place| Some((place.node.as_ref()?, &**place)))
    }

    /// Controllers by kind, namespace and name.
    pub const fn controllers(&self) -> &order::Map<(Kind, Name, Name), ControllerRow> {
        &self.controllers
    }

    /// Services by namespace and name.
    pub const fn services(&self) -> &order::Map<Id, Box<ServiceRow>> {
        &self.services
    }

    /// All namespaces.
    pub const fn namespaces(&self) -> &order::Set<Name> {
        &self.namespaces
    }

    /// The latest events, the last one last, each with a number that grows with every repetition.
    pub const fn events(&self) -> &order::Map<u64, EventRow> {
        &self.events
    }

    pub(super) fn set_labels(&mut self, number: u32, pairs: Pairs) {
        self.labels.set(number, pairs);
    }

    pub(super) fn set_pod(&mut self, slot: Slot, next: Option<PodRow>) {
        let index = slot as usize;
        if index >= self.pods.len() {
            self.pods.resize(index + 1, None);
        }
        let before = std::mem::replace(&mut self.pods[index], next);
        // Borrowed apart: the new row stays where it is.
        let after = self.pods[index].as_ref();
        let stays = matches!((&before, after), (Some(b), Some(a)) if b.uid == a.uid && b.node == a.node);
        if let Some(before) = &before {
            self.states.subtract(before.state);
            if !stays {
                self.pod_slots.remove(&(before.namespace.clone(), before.name.clone()));
                self.unbound.remove(&slot);
            }
            if let Some(place) = self.places.get_mut(&before.node) {
                if stays {
                    place.discount(before);
                } else {
                    place.remove(slot, before);
                }
                if place.is_empty() {
                    self.places.remove(&before.node);
                }
            }
        }
        let Some(after) = after else { return };
        self.states.add(after.state);
        if !stays {
            self.pod_slots.insert((after.namespace.clone(), after.name.clone()), slot);
            if after.node.is_empty() {
                self.unbound.insert(slot);
            }
        }
        if !after.node.is_empty() {
            let place = self.places.entry(after.node.clone()).or_default();
            if stays { place.count(after) } else { place.add(slot, after) }
        }
    }

    pub(super) fn set_node(&mut self, name: &Name, row: Option<NodeRow>) {
        let place = self.places.entry(name.clone()).or_default();
        place.node = row;
        if place.is_empty() {
            self.places.remove(name);
        }
    }

    pub(super) fn set_controller(&mut self, key: (Kind, Name, Name), row: Option<ControllerRow>) {
        match row {
            Some(row) => self.controllers.insert(key, row),
            None => self.controllers.remove(&key),
        };
    }

    pub(super) fn set_service(&mut self, id: Id, row: Option<ServiceRow>) {
        match row {
            Some(row) => self.services.insert(id, Box::new(row)),
            None => self.services.remove(&id),
        };
    }

    pub(super) fn set_namespace(&mut self, name: Name, present: bool) {
        if present {
            self.namespaces.insert(name)
        } else {
            self.namespaces.remove(&name)
        };
    }

    pub(super) fn set_event(&mut self, number: u64, row: EventRow) {
        let id = (row.namespace.clone(), row.name.clone());
        if let Some(old) = self.event_numbers.insert(id, number) {
            self.events.remove(&old);
        }
        self.events.insert(number, row);
        while self.events.len() > EVENTS_MAX {
            if let Some((_, oldest)) = self.events.pop_first() {
                self.event_numbers.remove(&(oldest.namespace, oldest.name));
            }
        }
    }

    pub(super) fn remove_event(&mut self, id: &Id) {
        if let Some(number) = self.event_numbers.remove(id) {
            self.events.remove(&number);
        }
    }
}
