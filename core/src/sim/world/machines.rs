//! The machines of the world: how they join, and how the cluster and they hear of each other.

use super::World;
use crate::api::{Kind, Name};
use crate::cluster::Input;
use crate::runtime::{PodRef, RuntimeEvent};
use crate::sim::machine::{Site, VirtualMachine};
use crate::sim::manifests;
use crate::sim::queue::Happening;
use crate::sim::scenario::Pool;

impl World {
    /// Whether a pod can be reached and runs. Nothing else in this world answers anybody.
    pub(super) fn answers(&self, pod: &PodRef, node: &Name) -> bool {
        self.machine(node).is_some_and(|m| m.is_reachable() && m.runs(pod.uid))
    }

    pub(super) fn at_machine<T>(
        &mut self,
        machine: u32,
        work: impl FnOnce(&mut VirtualMachine, &mut Site<'_>) -> T,
    ) -> Option<T> {
        let mut site = Site {
            now: self.now,
            queue: &mut self.queue,
            images: &self.images,
            store: self.cluster.store(),
            slow_pulls: self.slow_pulls,
        };
        self.machines.get_mut(machine as usize).map(|m| work(m, &mut site))
    }

    /// Passes on what a machine has to report, if it can be heard.
    pub(super) fn report(&mut self, machine: u32, reports: Vec<RuntimeEvent>) {
        for event in reports {
            let Some(from) = self.machines.get(machine as usize).filter(|m| m.is_reachable()) else { return };
            let node = from.name().clone();
            self.handle(Input::Runtime { node, event });
        }
    }

    pub(super) fn add_pool(&mut self, pool: &Pool) {
        for name in pool.names() {
            if let Err(error) = self.create(&pool.manifest(&name).into(), None) {
                self.note(format!("addNodes {name}"), Some(error.to_string()));
            }
        }
    }

    /// A machine joins as that node.
    pub(super) fn plug_in(&mut self, name: Name) {
        let Some(object) = self.cluster.store().get(Kind::Node, "", &name) else { return };
        let description = manifests::machine_of(object, self.machines.last().map(VirtualMachine::description));
        let index = if let Some(old) = self.by_name.get(&name).copied() {
            // A machine of that name was here before: a new one takes its place.
            let replacement = self.machines.get(old as usize).filter(|m| m.is_gone()).map(|m| m.boot() + 1);
            let Some(boot) = replacement else { return };
            let machine = VirtualMachine::new(old, name.clone(), description, self.scenario.config.seed);
            if let Some(place) = self.machines.get_mut(old as usize) {
                *place = machine.after_boot(boot);
            }
            old
        } else {
            let index = self.machines.len() as u32;
            self.machines.push(VirtualMachine::new(index, name.clone(), description, self.scenario.config.seed));
            self.by_name.insert(name, index);
            index
        };
        let phase = self.at_machine(index, |m, _| m.heartbeat_phase()).unwrap_or_default();
        self.queue.push(self.now + phase, Happening::Heartbeat(index));
        let reports = self.at_machine(index, |m, _| m.joined()).unwrap_or_default();
        self.report(index, reports);
    }
}
