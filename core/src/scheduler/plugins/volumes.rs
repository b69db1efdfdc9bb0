//! `VolumeRestrictions` and `VolumeBinding`, for the volumes there are: disks that a pod mounts itself may not be
//! shared with every other pod of a node, and claims of volumes are found nowhere, for there are none in this cluster.

use crate::scheduler::decision::Reason;
use crate::scheduler::framework::{Filter, Refused};
use crate::scheduler::node::NodeInfo;
#[cfg(feature = "foresight")]
use crate::scheduler::obstacles::Obstacle;
#[cfg(feature = "foresight")]
use crate::scheduler::pod::Disk;
use crate::scheduler::pod::PodClass;
use crate::scheduler::snapshot::Events;

pub(super) const RESTRICTIONS: &str = "VolumeRestrictions";

pub(super) const BINDING: &str = "VolumeBinding";

pub(super) struct VolumeRestrictions;

pub(super) struct VolumeBinding;

impl Filter for VolumeRestrictions {
    fn name(&self) -> &'static str {
        RESTRICTIONS
    }

    fn helped_by(&self) -> Events {
        Events::NODE_ADDED.or(Events::POD_REMOVED)
    }

    fn concerns(&self, pod: &PodClass) -> bool {
        !pod.disks.is_empty()
    }

    fn refuse(&self, pod: &PodClass, node: &NodeInfo) -> Option<Refused> {
        let mut taken = node.pods.iter().flat_map(|p| &p.info.class.disks);
        let conflict = node.with_disks > 0 && taken.any(|have| pod.disks.iter().any(|wanted| have.conflicts(wanted)));
        conflict.then_some(Refused::UNSCHEDULABLE)
    }

    fn reason(&self, _pod: &PodClass, _bit: u32) -> Reason {
        Reason::DiskConflict
    }

    #[cfg(feature = "foresight")]
    fn obstacles(&self, pod: &PodClass, node: &NodeInfo) -> Vec<Obstacle> {
        let conflicts = |disk: &Disk| pod.disks.iter().any(|wanted| disk.conflicts(wanted));
        let using = node.pods.iter().filter(|other| other.info.class.disks.iter().any(conflicts));
        using.map(|other| Obstacle::Unwanted(other.uid, None)).collect()
    }
}

impl Filter for VolumeBinding {
    fn name(&self) -> &'static str {
        BINDING
    }

    fn is_early(&self) -> bool {
        true
    }

    fn helped_by(&self) -> Events {
        Events::NONE
    }

    fn concerns(&self, pod: &PodClass) -> bool {
        !pod.claims.is_empty()
    }

    fn refuse(&self, _pod: &PodClass, _node: &NodeInfo) -> Option<Refused> {
        Some(Refused::UNRESOLVABLE)
    }

    fn reason(&self, pod: &PodClass, _bit: u32) -> Reason {
        Reason::ClaimMissing(pod.claims.first().cloned().unwrap_or_default())
    }
}
