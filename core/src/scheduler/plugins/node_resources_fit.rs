//! `NodeResourcesFit`: what a pod asks for must be left on the node, and room for one more pod.

use crate::api::Name;
use crate::scheduler::decision::{Code, Detail, Reason};
use crate::scheduler::framework::{Filter, Refused};
use crate::scheduler::node::NodeInfo;
use crate::scheduler::pod::PodClass;
use crate::scheduler::snapshot::Events;

#[derive(Default)]
pub(in crate::scheduler) struct NodeResourcesFit {
    /// Extended resources that are no matter.
    pub(in crate::scheduler) ignored: Vec<Name>,
    /// Domains of such resources.
    pub(in crate::scheduler) ignored_groups: Vec<Name>,
}

impl NodeResourcesFit {
    fn ignores(&self, name: &str) -> bool {
        let group = name.split_once('/').map(|(group, _)| group);
        self.ignored.iter().any(|n| n == name) || group.is_some_and(|g| self.ignored_groups.iter().any(|n| n == g))
    }
}

const PODS: u32 = 0;
const CPU: u32 = 1;
const MEMORY: u32 = 2;
const STORAGE: u32 = 3;
/// From here on the pod's other resources, in their order. The last bit stands for all that have none of their own.
const OTHERS: u32 = 4;

fn other_bit(at: usize) -> u32 {
    (OTHERS + at as u32).min(u32::BITS - 1)
}

impl Filter for NodeResourcesFit {
    fn name(&self) -> &'static str {
        "NodeResourcesFit"
    }

    fn helped_by(&self) -> Events {
        Events::NODE_ADDED.or(Events::ALLOCATABLE).or(Events::POD_REMOVED)
    }

    fn refuse(&self, pod: &PodClass, node: &NodeInfo) -> Option<Refused> {
        let (asked, have, used) = (&pod.requests, &node.allocatable, &node.used);
        let mut refused = Refused { code: Code::Unschedulable, reasons: 0 };
        if node.pods.len() as i64 + 1 > node.pods_max {
            refused.reasons |= 1 << PODS;
        }
        let mut check = |asked: i64, have: i64, used: i64, bit: u32| {
            if asked > 0 && asked > have.saturating_sub(used) {
                refused.reasons |= 1 << bit;
                // Not even an empty node would do.
                if asked > have {
                    refused.code = Code::Unresolvable;
                }
            }
        };
        check(asked.cpu, have.cpu, used.cpu, CPU);
        check(asked.memory, have.memory, used.memory, MEMORY);
        check(asked.storage, have.storage, used.storage, STORAGE);
        for (at, (name, asked)) in asked.others.iter().enumerate().filter(|(_, (name, _))| !self.ignores(name)) {
            check(*asked, have.get(name), used.get(name), other_bit(at));
        }
        (refused.reasons != 0).then_some(refused)
    }

    fn reason(&self, pod: &PodClass, bit: u32) -> Reason {
        match resource(pod, bit) {
            Some(name) => Reason::Insufficient(name),
            None => Reason::TooManyPods,
        }
    }

    fn detail(&self, pod: &PodClass, node: &NodeInfo, bit: u32) -> Option<Detail> {
        Some(match resource(pod, bit) {
            None => Detail::Amount { requested: 1, used: node.pods.len() as i64, allocatable: node.pods_max },
            Some(name) => Detail::Amount {
                requested: pod.requests.get(&name),
                used: node.used.get(&name),
                allocatable: node.allocatable.get(&name),
            },
        })
    }
}

/// The resource behind a bit; none for the number of pods.
fn resource(pod: &PodClass, bit: u32) -> Option<Name> {
    match bit {
        PODS => None,
        CPU => Some(Name::new_static("cpu")),
        MEMORY => Some(Name::new_static("memory")),
        STORAGE => Some(Name::new_static("ephemeral-storage")),
        _ => pod.requests.others.get((bit - OTHERS) as usize).map(|(name, _)| name.clone()),
    }
}
