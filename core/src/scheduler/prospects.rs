//! What each node could give up for pods that are decided alike, kept from one pod to the next: only nodes are looked at
//! again that changed, or for which something else did that matters to them.

use super::assess::{Asking, coming, stand};
use super::budgets::Budgets;
use super::decision::Preemption;
use super::framework::{Framework, Refused, View};
use super::info::PodInfo;
use super::node::Placed;
use super::outlook::Surroundings;
use super::preemption::{Prospect, Search, conclude};
use super::recent::Recent;

/// How many nodes are kept at most, over all pods: about 300 bytes each.
const NODES_MAX: usize = 100_000;

/// What a node could do, and by what it was found.
#[derive(Debug, Default)]
struct Known {
    prospect: Prospect,
    /// Who refuses it because of what is around.
    refused: Option<(u8, Refused)>,
    /// All that matters of what is around, where that depends on who is on the node or is to come there.
    weights: Option<Box<[i64]>>,
}

impl Known {
    /// Whether it would be found again, as far as what is around goes.
    fn holds(&self, index: u32, around: &Surroundings) -> bool {
        match &self.weights {
            None => self.refused == around.refusal(u8::MAX, index),
            Some(weights) => **weights == *around.weights(index),
        }
    }

    /// Whether it would be found again where budgets allow that much and not what they did.
    fn endures(&self, before: &[i64], now: &[i64]) -> bool {
        let Prospect::Room(candidate) = &self.prospect else { return true };
        // Of more than a node has none is protected, and all where nothing is allowed.
        let counts = |allowed: &[i64], number: usize, most: i64| allowed[number].clamp(0, most);
        candidate.covered.iter().all(|(number, most)| counts(before, *number, *most) == counts(now, *number, *most))
    }
}

#[derive(Debug, Default)]
struct Prospects {
    by_node: Vec<Known>,
    /// Up to which layout and change of the snapshot, and for which budgets, it is true; none where nothing was looked at yet.
    seen: Option<(u64, u64, u64)>,
    /// How much these budgets allowed.
    allowed: Vec<i64>,
}

/// The prospects of the pods of late, by what they are.
#[derive(Clone, Debug, Default)]
pub(super) struct AllProspects {
    of: Recent<PodInfo, Prospects>,
    budgets: Budgets,
}

impl AllProspects {
    /// What comes of preemption for a pod that waits for no node yet.
    pub(super) fn of(
        &mut self,
        framework: &Framework,
        pod: Asking<'_>,
        around: &mut Surroundings,
        view: View<'_>,
    ) -> Preemption {
        self.budgets.update(view.store);
        let (snapshot, budgets) = (view.snapshot, &self.budgets);
        let nodes = snapshot.nodes().len();
        let prospects = self.of.of(pod.info, NODES_MAX / nodes.max(1));
        let (layout, version, shape) = (snapshot.layout(), snapshot.version(), budgets.shape());
        let known = prospects.seen.filter(|(of, _, with)| (*of, *with) == (layout, shape));
        let changed = known.and_then(|(_, version, _)| snapshot.changed_since(version));
        let allowed: Vec<i64> = budgets.allowed().collect();
        prospects.by_node.resize_with(nodes, Known::default);
        let which: Vec<u32> = match changed {
            None => snapshot.indexes(),
            Some(changed) => {
                let (is_empty, same) = (around.is_empty(), allowed == prospects.allowed);
                let stale = |(index, known): (usize, &Known)| {
                    let stays = is_empty || known.holds(index as u32, around);
                    let stays = stays && (same || known.endures(&prospects.allowed, &allowed));
                    (!stays).then_some(index as u32)
                };
                let others = prospects.by_node.iter().enumerate().filter(|_| !is_empty || !same).filter_map(stale);
                changed.chain(others).collect()
            }
        };
        let mut search = Search { framework, pod, around, view, budgets };
        for index in which {
            prospects.by_node[index as usize] = look(&mut search, index);
        }
        prospects.seen = Some((layout, version, shape));
        prospects.allowed = allowed;
        conclude(prospects.by_node.iter().map(|known| &known.prospect), view)
    }
}

/// Looks at a node.
fn look(search: &mut Search<'_>, index: u32) -> Known {
    let verdict = stand(search.framework, search.pod, search.around, index, search.view);
    let prospect = search.prospect(index, verdict);
    Known { prospect, refused: search.around.refusal(u8::MAX, index), weights: weights(search, index) }
}

/// All that matters of what is around a node; none where that is the same whether or not its less important pods are there,
/// and those that are to come.
fn weights(search: &mut Search<'_>, index: u32) -> Option<Box<[i64]>> {
    search.around.first()?;
    let (view, node) = (search.view, &search.view.snapshot.nodes()[index as usize]);
    let before = search.around.weights(index);
    let coming: Vec<Placed> =
        coming(search.pod.info.class.priority, Some(search.pod.uid), node, view.snapshot).collect();
    let mut matters = false;
    for (pods, by) in [(search.less_important(index), -1), (coming, 1)] {
        search.around.count_all(&pods, index, node, by, view);
        matters |= search.around.weights(index) != before;
        search.around.count_all(&pods, index, node, -by, view);
    }
    matters.then(|| search.around.weights(index).into())
}
