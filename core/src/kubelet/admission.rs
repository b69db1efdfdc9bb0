//! Whether a node takes a pod on: what upstream's kubelet checks once more, for a pod may come past the scheduler.

use crate::api::{Labels, Name};
use crate::scheduler::{Amounts, HostPort, PodClass};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What of a node pods may use, and what those that were taken on use.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    capacity: Amounts,
    pods_max: i64,
    used: Amounts,
    pods: i64,
    ports: Vec<HostPort>,
    /// Whether less is used than before; for others to take back.
    pub(super) freed: bool,
}

/// Why a pod is not taken on, in upstream's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rejection {
    pub(super) reason: String,
    pub(super) message: String,
}

impl Rejection {
    fn short(resource: &str, requested: i64, used: i64, capacity: i64) -> Self {
        Self {
            reason: format!("OutOf{resource}"),
            message: format!(
                "Node didn't have enough resource: {resource}, requested: {requested}, used: {used}, capacity: \
                 {capacity}"
            ),
        }
    }

    fn predicate(name: &str, why: &str) -> Self {
        Self { reason: name.to_owned(), message: format!("Predicate {name} failed: {why}") }
    }

    /// The node's disk is full.
    pub(super) fn disk_pressure() -> Self {
        Self { reason: "Evicted".to_owned(), message: "The node had condition: [DiskPressure]. ".to_owned() }
    }
}

impl Room {
    /// Sets what of the node pods may use.
    pub(super) fn set_capacity(&mut self, allocatable: &BTreeMap<String, Quantity>) {
        self.capacity = Amounts::from_list(Some(allocatable));
        // A node that names no number of pods takes none, as upstream has it.
        self.pods_max = self.capacity.get("pods");
    }

    /// Whether a pod fits beside those that are there.
    pub(super) fn check(&self, class: &PodClass, node: &Name, labels: &Labels) -> Result<(), Rejection> {
        if self.pods >= self.pods_max {
            return Err(Rejection::short("pods", 1, self.pods, self.pods_max));
        }
        for name in ["cpu", "memory", "ephemeral-storage"] {
            self.check_amount(name, class.requests.get(name))?;
        }
        for (name, requested) in &class.requests.others {
            // What the node has never heard of is not its to refuse.
            if self.capacity.others.iter().any(|(n, _)| n == name) {
                self.check_amount(name, *requested)?;
            }
        }
        if !class.constraint.allows(node, labels) {
            return Err(Rejection::predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector"));
        }
        if class.ports.iter().any(|wanted| self.ports.iter().any(|have| have.conflicts(wanted))) {
            let why = "node(s) didn't have free ports for the requested pod ports";
            return Err(Rejection::predicate("NodePorts", why));
        }
        Ok(())
    }

    fn check_amount(&self, name: &str, requested: i64) -> Result<(), Rejection> {
        let (used, capacity) = (self.used.get(name), self.capacity.get(name));
        if requested > 0 && requested > capacity.saturating_sub(used) {
            return Err(Rejection::short(name, requested, used, capacity));
        }
        Ok(())
    }

    /// Counts a pod.
    pub(super) fn take(&mut self, class: &PodClass) {
        self.pods += 1;
        self.used.add(&class.requests);
        self.ports.extend(class.ports.iter().cloned());
    }

    /// Counts a pod no longer. The slot says whether it was counted.
    pub(super) fn release(&mut self, counted: &mut Option<Arc<PodClass>>) {
        let Some(class) = counted.take() else { return };
        self.freed = true;
        self.pods -= 1;
        self.used.subtract(&class.requests);
        for port in &class.ports {
            if let Some(at) = self.ports.iter().position(|p| p == port) {
                self.ports.swap_remove(at);
            }
        }
    }

    /// Counts a pod that is counted as `counted` as `class` instead, unless it does not fit as that on `node` beside the
    /// others; where there is no node, it is not asked whether it does.
    pub(super) fn swap(
        &mut self,
        counted: &mut Option<Arc<PodClass>>,
        class: Arc<PodClass>,
        node: Option<(&Name, &Labels)>,
    ) -> Result<(), Rejection> {
        if counted.as_ref().is_some_and(|counted| counted.requests == class.requests) {
            return Ok(());
        }
        let (before, freed) = (counted.clone(), self.freed);
        self.release(counted);
        let fits = node.map_or(Ok(()), |(node, labels)| self.check(&class, node, labels));
        let less = |name| before.as_ref().is_some_and(|was| class.requests.get(name) < was.requests.get(name));
        self.freed = freed || fits.is_ok() && (less("cpu") || less("memory"));
        *counted = if fits.is_ok() { Some(class) } else { before };
        if let Some(class) = counted {
            self.take(class);
        }
        fits
    }

    /// Whether the node would be large enough for a pod if it were alone; else why not.
    pub(super) fn check_size(&self, class: &PodClass) -> Result<(), String> {
        for name in ["memory", "cpu"] {
            let (requested, capacity) = (class.requests.get(name), self.capacity.get(name));
            if requested > capacity {
                return Err(format!(
                    "Node didn't have enough capacity: {name}, requested: {requested}, capacity: {capacity}"
                ));
            }
        }
        Ok(())
    }

    /// Nothing is there any more.
    pub(super) fn clear(&mut self) {
        *self = Self { capacity: std::mem::take(&mut self.capacity), pods_max: self.pods_max, ..Self::default() };
    }
}
