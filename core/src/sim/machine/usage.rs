//! What the containers on a machine use.
//!
//! As much as their image says or, where it says nothing, as they ask for; never more than they may.

use super::{VirtualContainer, VirtualMachine};
use crate::api::Uid;
use crate::runtime::{ContainerUsage, MachineUsage};
use crate::scheduler::Amounts;
use crate::store::Store;
use k8s_openapi::api::core::v1 as k8s;

/// What a container uses of which nothing is said, in thousandths of a cpu and in bytes: it waits.
const IDLE: (i64, i64) = (1, 16 << 20);

impl VirtualMachine {
    /// What its containers use now.
    pub(in crate::sim) fn usage(&self, store: &Store) -> MachineUsage {
        let containers = self.pods.values().flat_map(|known| {
            let uid = known.pod.uid;
            let pod = store.pod(uid).and_then(|object| object.pod());
            let running = known.containers.iter().filter(|container| container.is_running());
            running.map(move |container| container.usage(uid, pod.map(|pod| &**pod.spec)))
        });
        MachineUsage { node: self.name.clone(), containers: containers.collect() }
    }
}

impl VirtualContainer {
    fn usage(&self, pod: Uid, spec: Option<&k8s::PodSpec>) -> ContainerUsage {
        let all = spec.into_iter().flat_map(|spec| spec.containers.iter().chain(spec.init_containers.iter().flatten()));
        let resources = all.into_iter().find(|c| c.name == self.name.as_str()).and_then(|c| c.resources.as_ref());
        let asked = Amounts::from_list(resources.and_then(|r| r.requests.as_ref()));
        let allowed = Amounts::from_list(resources.and_then(|r| r.limits.as_ref()));
        let amount = |said: Option<i64>, asked: i64, idle: i64, allowed: i64| {
            let wanted = said.unwrap_or(if asked > 0 { asked } else { idle });
            (if allowed > 0 { wanted.min(allowed) } else { wanted }).max(0) as u64
        };
        let cpu_milli = amount(self.behaviour.cpu_milli, asked.cpu, IDLE.0, allowed.cpu);
        ContainerUsage {
            pod,
            container: self.name.clone(),
            cpu_nanos: cpu_milli.saturating_mul(1_000_000),
            memory_bytes: amount(self.behaviour.memory_bytes, asked.memory, IDLE.1, allowed.memory),
        }
    }
}
