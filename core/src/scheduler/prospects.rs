//! What each node could give up for pods that are decided alike, kept from one pod to the next: only nodes that changed are
//! looked at again.

use super::assess::{Asking, refusal};
use super::decision::Preemption;
use super::framework::{Framework, Verdict, View};
use super::info::PodInfo;
use super::outlook::Surroundings;
use super::preemption::{Prospect, Search, conclude};
use super::recent::Recent;

/// How many nodes are kept at most, over all pods: about 200 bytes each.
const NODES_MAX: usize = 100_000;

#[derive(Debug, Default)]
struct Prospects {
    by_node: Vec<Prospect>,
    /// Up to which layout and change of the snapshot it is true; none where nothing was looked at yet.
    seen: Option<(u64, u64)>,
}

/// The prospects of the pods of late, by what they are.
#[derive(Clone, Debug, Default)]
pub(super) struct AllProspects(Recent<PodInfo, Prospects>);

impl AllProspects {
    /// What comes of preemption for a pod that waits for no node yet and neither says anything of others nor is anything
    /// said of it, where there are no budgets: what those allow changes with more than nodes.
    pub(super) fn of(&mut self, framework: &Framework, pod: Asking<'_>, view: View<'_>) -> Preemption {
        let around = &Surroundings::default();
        let search = Search { framework, pod, around, view, budgets: Vec::new() };
        let stand = |index: u32| {
            let node = &view.snapshot.nodes()[index as usize];
            match refusal(framework, pod, around, index, node, view) {
                _ if !node.present => Verdict::Absent,
                None => Verdict::Feasible,
                Some((number, refused)) => Verdict::Refused(number, refused),
            }
        };
        let nodes = view.snapshot.nodes().len();
        let prospects = self.0.of(pod.info, NODES_MAX / nodes.max(1));
        let now = (view.snapshot.layout(), view.snapshot.version());
        let known = prospects.seen.filter(|(layout, _)| *layout == now.0);
        let changed = known.and_then(|(_, version)| view.snapshot.changed_since(version));
        prospects.by_node.resize_with(nodes, Prospect::default);
        let mut look = |index: u32| prospects.by_node[index as usize] = search.prospect(index, stand(index));
        match changed {
            Some(changed) => changed.for_each(look),
            None => (0..nodes as u32).for_each(&mut look),
        }
        prospects.seen = Some(now);
        conclude(&prospects.by_node, view)
    }
}
