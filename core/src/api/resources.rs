//! Amounts of resources, in the units in which they are counted: thousandths of a cpu, and whole units of all else.

use super::{Name, Quantity};
use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;
use std::collections::BTreeMap;

/// What a container without a cpu request counts as where upstream spreads by requests: 0.1 cpu.
const CPU_MILLI_DEFAULT: i64 = 100;

/// What a container without a memory request counts as where upstream spreads by requests: 200 MiB.
const MEMORY_BYTES_DEFAULT: i64 = 200 * 1024 * 1024;

/// How much of each resource. Compared as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Amounts {
    /// Thousandths of a cpu.
    pub(crate) cpu: i64,
    /// Bytes.
    pub(crate) memory: i64,
    /// Bytes of ephemeral storage.
    pub(crate) storage: i64,
    /// All others by name, sorted; names occur once.
    pub(crate) others: Vec<(Name, i64)>,
}

impl Amounts {
    /// As written in a resource list. What is no quantity counts as nothing: validation refuses it at the door.
    pub(crate) fn from_list(list: Option<&BTreeMap<String, Written>>) -> Self {
        let mut amounts = Self::default();
        for (name, written) in list.into_iter().flatten() {
            let Ok(quantity) = Quantity::parse(&written.0) else { continue };
            *amounts.slot(name) = if name == "cpu" { quantity.milli() } else { quantity.value() };
        }
        amounts
    }

    fn slot(&mut self, name: &str) -> &mut i64 {
        match name {
            "cpu" => &mut self.cpu,
            "memory" => &mut self.memory,
            "ephemeral-storage" => &mut self.storage,
            _ => {
                let at = match self.others.binary_search_by(|(n, _)| n.as_str().cmp(name)) {
                    Ok(at) => at,
                    Err(at) => {
                        self.others.insert(at, (name.into(), 0));
                        at
                    }
                };
                &mut self.others[at].1
            }
        }
    }

    fn merge(&mut self, other: &Self, rule: impl Fn(i64, i64) -> i64) {
        self.cpu = rule(self.cpu, other.cpu);
        self.memory = rule(self.memory, other.memory);
        self.storage = rule(self.storage, other.storage);
        for (name, amount) in &other.others {
            let slot = self.slot(name);
            *slot = rule(*slot, *amount);
        }
    }

    /// Adds other amounts to these.
    pub(crate) fn add(&mut self, other: &Self) {
        self.merge(other, i64::saturating_add);
    }

    /// Takes other amounts from these.
    pub(crate) fn subtract(&mut self, other: &Self) {
        self.merge(other, i64::saturating_sub);
    }

    /// Whether any was cut to what 64 bits hold, so that subtraction does not undo addition.
    pub(crate) fn is_cut(&self) -> bool {
        self.iter().any(|(_, amount)| amount == i64::MAX)
    }

    /// All amounts that are not zero, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        let own = [("cpu", self.cpu), ("memory", self.memory), ("ephemeral-storage", self.storage)];
        own.into_iter().filter(|(_, n)| *n != 0).chain(self.others.iter().map(|(name, n)| (name.as_str(), *n)))
    }

    /// The amount of one resource.
    pub(crate) fn get(&self, name: &str) -> i64 {
        match name {
            "cpu" => self.cpu,
            "memory" => self.memory,
            "ephemeral-storage" => self.storage,
            _ => self.others.binary_search_by(|(n, _)| n.as_str().cmp(name)).map_or(0, |at| self.others[at].1),
        }
    }
}

/// Which of a container's amounts are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// What it asks for.
    Requests,
    /// What it asks for; upstream's stand-ins for a cpu or memory it does not name.
    RequestsOrDefaults,
    /// What it may have at most.
    Limits,
}

impl Asked {
    pub(crate) fn of(self, resources: Option<&k8s::ResourceRequirements>) -> Option<&BTreeMap<String, Written>> {
        match self {
            Self::Requests | Self::RequestsOrDefaults => resources?.requests.as_ref(),
            Self::Limits => resources?.limits.as_ref(),
        }
    }
}

fn container(container: &k8s::Container, asked: Asked) -> Amounts {
    let list = asked.of(container.resources.as_ref());
    let mut amounts = Amounts::from_list(list);
    if asked == Asked::RequestsOrDefaults {
        let names = |name| list.is_some_and(|l| l.contains_key(name));
        if !names("cpu") {
            amounts.cpu = CPU_MILLI_DEFAULT;
        }
        if !names("memory") {
            amounts.memory = MEMORY_BYTES_DEFAULT;
        }
    }
    amounts
}

/// Whether an init container runs beside the containers from its start on (a sidecar).
pub(crate) fn is_sidecar(container: &k8s::Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// What a pod asks for or may have, as upstream computes it: the larger of what its containers and sidecars need together and
/// what each init container needs beside the sidecars started before it; what is asked for the pod as a whole takes
/// the place of that; its overhead comes on top (of limits only where there are some).
pub(crate) fn total(spec: &k8s::PodSpec, asked: Asked) -> Amounts {
    let mut total = of_containers(spec, asked);
    if let Some(list) = asked.of(spec.resources.as_ref()) {
        let whole = Amounts::from_list(Some(list));
        for name in list.keys() {
            *total.slot(name) = whole.get(name);
        }
    }
    let mut overhead = Amounts::from_list(spec.overhead.as_ref());
    if asked == Asked::Limits {
        overhead.others.clear();
        for (limit, extra) in [
            (total.cpu, &mut overhead.cpu),
            (total.memory, &mut overhead.memory),
            (total.storage, &mut overhead.storage),
        ] {
            *extra = if limit == 0 { 0 } else { *extra };
        }
    }
    total.add(&overhead);
    total.others.retain(|(_, amount)| *amount != 0);
    total
}

/// What a pod's containers and its overhead need together.
pub(crate) fn with_overhead(spec: &k8s::PodSpec, asked: Asked) -> Amounts {
    let mut total = of_containers(spec, asked);
    total.add(&Amounts::from_list(spec.overhead.as_ref()));
    total
}

/// What a pod's containers need together.
pub(super) fn of_containers(spec: &k8s::PodSpec, asked: Asked) -> Amounts {
    let mut total = Amounts::default();
    for c in &spec.containers {
        total.add(&container(c, asked));
    }
    let (mut sidecars, mut peak) = (Amounts::default(), Amounts::default());
    for c in spec.init_containers.iter().flatten() {
        let own = container(c, asked);
        if is_sidecar(c) {
            total.add(&own);
            sidecars.add(&own);
            peak.merge(&sidecars, i64::max);
        } else {
            let mut beside = own;
            beside.add(&sidecars);
            peak.merge(&beside, i64::max);
        }
    }
    total.merge(&peak, i64::max);
    total
}
