//! What matters of a pod for where it goes. Pods that are equal in this are decided alike.

use super::interned::{Interned, place};
use super::selector::{NodeConstraint, NodeTerm};
use crate::api::resources::{Amounts, Asked, is_sidecar, total, with_overhead};
use crate::api::{Name, SharedSpec};
use crate::order;
use k8s_openapi::api::core::v1 as k8s;
use std::sync::Arc;

/// Which taints a pod tolerates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Toleration {
    /// All keys where empty.
    key: Name,
    /// The value the taint must have; any where none.
    value: Option<Name>,
    /// All effects where empty.
    effect: Name,
}

impl Toleration {
    fn new(written: &k8s::Toleration) -> Option<Self> {
        let text = |s: &Option<String>| Name::from(s.as_deref().unwrap_or_default());
        let value = match written.operator.as_deref().unwrap_or_default() {
            "Exists" => None,
            "" | "Equal" => Some(text(&written.value)),
            // An operator that is not known tolerates nothing.
            _ => return None,
        };
        Some(Self { key: text(&written.key), value, effect: text(&written.effect) })
    }

    /// Whether a taint is tolerated.
    pub(super) fn tolerates(&self, key: &str, value: &str, effect: &str) -> bool {
        (self.effect.is_empty() || self.effect == effect)
            && (self.key.is_empty() || self.key == key)
            && self.value.as_deref().is_none_or(|v| v == value)
    }
}

/// A port taken on the node itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostPort {
    pub(crate) port: i32,
    pub(crate) protocol: Name,
    /// `0.0.0.0` stands for all addresses.
    pub(crate) address: Name,
}

impl HostPort {
    /// Whether both cannot be taken on one node.
    pub(crate) fn conflicts(&self, other: &Self) -> bool {
        const ALL: &str = "0.0.0.0";
        self.port == other.port
            && self.protocol == other.protocol
            && (self.address == other.address || self.address == ALL || other.address == ALL)
    }
}

/// What matters of a pod for where it goes. A class is shared by all pods that are equal in it; decisions depend on
/// nothing else of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PodClass {
    /// Higher is more important.
    pub(super) priority: i32,
    /// What it asks for.
    pub(crate) requests: Amounts,
    /// Cpu in thousandths and bytes of memory that it counts as where pods are spread by requests. As in Kubernetes 1.36
    /// only its containers say so, not what is asked for the pod as a whole.
    pub(super) counted: [i64; 2],
    /// The same once it is on a node: there the pod as a whole has a say.
    pub(super) settled: [i64; 2],
    /// Ports it takes on its node.
    pub(crate) ports: Vec<HostPort>,
    /// Taints it tolerates.
    pub(super) tolerations: Vec<Toleration>,
    /// Nodes it may run on.
    pub(crate) constraint: NodeConstraint,
    /// The node it names.
    pub(super) node: Option<Name>,
    /// Nodes it would rather run on, and how much.
    pub(super) preferred: Vec<(i64, NodeTerm)>,
    /// The images of its containers and volumes, as nodes name them.
    pub(super) images: Vec<Name>,
    /// How many containers it has, init containers included.
    pub(super) containers: i64,
    /// Disks that not every other pod of a node may use at the same time.
    pub(super) disks: Vec<Disk>,
    /// The claims of volumes it names.
    pub(super) claims: Vec<Name>,
}

/// A disk of a cloud or network that a pod mounts itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Disk {
    /// Kind and name; of a kind with several addresses one each.
    names: Vec<Name>,
    /// Whether it may be shared by all that only read it.
    shared: bool,
}

impl Disk {
    fn all(volume: &k8s::Volume) -> Option<Self> {
        let disk = |names: Vec<Name>, read_only: Option<bool>| Some(Self { names, shared: read_only == Some(true) });
        if let Some(gce) = &volume.gce_persistent_disk {
            return disk(vec![format!("gce {}", gce.pd_name).into()], gce.read_only);
        }
        if let Some(aws) = &volume.aws_elastic_block_store {
            // Not even readers share these.
            return disk(vec![format!("aws {}", aws.volume_id).into()], None);
        }
        if let Some(iscsi) = &volume.iscsi {
            return disk(vec![format!("iscsi {}", iscsi.iqn).into()], iscsi.read_only);
        }
        let rbd = volume.rbd.as_ref()?;
        let pool = rbd.pool.as_deref().unwrap_or("rbd");
        let name = |monitor: &String| Name::from(format!("rbd {monitor} {pool} {}", rbd.image));
        disk(rbd.monitors.iter().map(name).collect(), rbd.read_only)
    }

    /// Whether both cannot be used on one node.
    pub(super) fn conflicts(&self, other: &Self) -> bool {
        !(self.shared && other.shared) && self.names.iter().any(|name| other.names.contains(name))
    }
}

/// An image as nodes name it: with its tag.
fn image_name(image: &str) -> Name {
    match (image.rfind(':'), image.rfind('/')) {
        (colon, slash) if colon <= slash => format!("{image}:latest").into(),
        _ => image.into(),
    }
}

impl PodClass {
    /// Of a pod's spec.
    pub(super) fn new(spec: &k8s::PodSpec) -> Self {
        let requests = total(spec, Asked::Requests);
        let counted = with_overhead(spec, Asked::RequestsOrDefaults);
        let counted = [counted.cpu, counted.memory];
        let whole = Asked::Requests.of(spec.resources.as_ref()).filter(|list| !list.is_empty());
        let lists = || containers(spec).filter_map(|c| Asked::Requests.of(c.resources.as_ref())).chain(&spec.overhead);
        let is_named = |name| lists().chain(whole).any(|list| list.contains_key(name));
        let settle = |name, asked, counted| if whole.is_some() && is_named(name) { asked } else { counted };
        let sidecars = spec.init_containers.iter().flatten().filter(|c| is_sidecar(c));
        let mut ports: Vec<HostPort> = spec
            .containers
            .iter()
            .chain(sidecars)
            .flat_map(|c| c.ports.iter().flatten())
            .filter_map(|p| {
                let port = p.host_port.filter(|port| *port > 0)?;
                let or = |s: &Option<String>, default| {
                    s.as_deref().filter(|s| !s.is_empty()).map_or(Name::new_static(default), Name::from)
                };
                Some(HostPort { port, protocol: or(&p.protocol, "TCP"), address: or(&p.host_ip, "0.0.0.0") })
            })
            .collect();
        order::sort(&mut ports);
        ports.dedup();
        Self {
            priority: spec.priority.unwrap_or_default(),
            settled: [settle("cpu", requests.cpu, counted[0]), settle("memory", requests.memory, counted[1])],
            requests,
            counted,
            ports,
            tolerations: spec.tolerations.iter().flatten().filter_map(Toleration::new).collect(),
            constraint: NodeConstraint::new(spec),
            node: spec.node_name.as_deref().map(Name::from),
            preferred: preferred(spec),
            images: images(spec),
            containers: containers(spec).count() as i64,
            disks: spec.volumes.iter().flatten().filter_map(Disk::all).collect(),
            claims: spec
                .volumes
                .iter()
                .flatten()
                .filter_map(|v| Some(v.persistent_volume_claim.as_ref()?.claim_name.as_str().into()))
                .collect(),
        }
    }

    /// Whether it tolerates a taint.
    pub(super) fn tolerates(&self, key: &str, value: &str, effect: &str) -> bool {
        self.tolerations.iter().any(|t| t.tolerates(key, value, effect))
    }
}

fn preferred(spec: &k8s::PodSpec) -> Vec<(i64, NodeTerm)> {
    let affinity = spec.affinity.as_ref().and_then(|a| a.node_affinity.as_ref());
    let terms = affinity.and_then(|a| a.preferred_during_scheduling_ignored_during_execution.as_ref());
    terms.into_iter().flatten().map(|t| (i64::from(t.weight), NodeTerm::new(&t.preference))).collect()
}

fn containers(spec: &k8s::PodSpec) -> impl Iterator<Item = &k8s::Container> {
    spec.init_containers.iter().flatten().chain(&spec.containers)
}

fn images(spec: &k8s::PodSpec) -> Vec<Name> {
    let mounted = spec.volumes.iter().flatten().filter_map(|v| v.image.as_ref()?.reference.as_deref());
    let run = containers(spec).map(|c| c.image.as_deref().unwrap_or_default());
    run.chain(mounted).map(image_name).collect()
}

/// Remembers the classes of specs seen lately: replicas share their spec, and so it is read once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Classes {
    known: Interned<PodClass>,
    slots: Vec<Option<(SharedSpec, Arc<PodClass>)>>,
}

/// How many specs are remembered.
const SPECS_MAX: usize = 512;

impl Classes {
    /// The class of a pod with that spec.
    pub(crate) fn of(&mut self, spec: &SharedSpec) -> Arc<PodClass> {
        self.slots.resize(SPECS_MAX, None);
        // Where a spec lies in memory decides only which other it displaces here, never what is answered.
        let slot = &mut self.slots[place(spec, SPECS_MAX)];
        match slot {
            Some((known, class)) if Arc::ptr_eq(known, spec) => Arc::clone(class),
            _ => {
                let class = self.known.the(PodClass::new(spec));
                *slot = Some((Arc::clone(spec), Arc::clone(&class)));
                class
            }
        }
    }
}
