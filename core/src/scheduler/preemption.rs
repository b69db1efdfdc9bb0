//! `DefaultPreemption`: which less important pods make room for one that no node takes.

use super::assess::{Asking, Assessment, assess, refusal};
use super::budgets::{Budgets, Covered};
use super::decision::{Code, Plan, Preemption, Reason, Refusal, Restraint};
use super::framework::{Framework, Verdict, View};
use super::info::PodInfo;
use super::node::{NodeInfo, Placed, Stage};
use super::outlook::Surroundings;
use crate::api::{ConditionKind, Name};
use crate::order;
use crate::time::Time;
use std::cmp::Reverse;

/// The reason of the condition on pods that make room.
pub(super) const REASON: &str = "PreemptionByScheduler";

/// Upstream's order of candidates: the fewest protected victims, the least important first victim, the least in sum,
/// the fewest, the one whose most important victims started last.
type Rank = (usize, i32, i64, usize, Reverse<Option<Time>>);

/// Pods that a node would have to give up, the most important one first.
#[derive(Debug)]
pub(super) struct Candidate {
    index: u32,
    victims: Vec<Placed>,
    rank: Rank,
    /// How many of the node's less important pods the budgets of these numbers are about.
    pub(super) covered: Covered,
}

impl Candidate {
    /// `protected`: how many of the victims a disruption budget protects.
    fn new(index: u32, victims: Vec<Placed>, protected: usize, covered: Covered) -> Self {
        let highest = victims.first().map_or(i32::MIN, |v| v.info.class.priority);
        let weight = |v: &Placed| i64::from(v.info.class.priority) + i64::from(i32::MAX) + 1;
        let important = victims.iter().filter(|v| v.info.class.priority == highest);
        let since = important.map(|v| v.stage.started()).min();
        let sum: i64 = victims.iter().map(weight).sum();
        Self { index, rank: (protected, highest, sum, victims.len(), Reverse(since)), victims, covered }
    }
}

/// What a node could do for a pod.
#[derive(Debug, Default)]
pub(super) enum Prospect {
    /// Nothing is asked of it.
    #[default]
    None,
    /// Nothing, and why.
    Useless(Box<[Reason]>),
    /// Pods of it could go.
    Room(Candidate),
}

/// Whether pods may make room for one that waits for no node yet.
pub(super) fn may_preempt(framework: &Framework, pod: &PodInfo, view: View<'_>) -> bool {
    let less_important = view.snapshot.lowest_priority().is_some_and(|lowest| lowest < pod.class.priority);
    less_important && !pod.yields && framework.preempts
}

/// What comes of preemption for a pod that no node takes, given who refused it.
pub(super) fn search(framework: &Framework, pod: Asking<'_>, refusals: &[Refusal], view: View<'_>) -> Preemption {
    if may_preempt(framework, pod.info, view) || pod.nominated.is_some() || pod.info.yields || !framework.preempts {
        let Assessment { verdicts, mut around, .. } = assess(framework, pod, view);
        return preempt(framework, pod, &verdicts, &mut around, view);
    }
    // No node can have victims, so none needs to be looked at.
    let mut counts = [(Reason::NoVictims, 0), (Reason::PreemptionUseless, 0)];
    for refusal in refusals {
        counts[usize::from(refusal.code == Code::Unresolvable)].1 += refusal.nodes;
    }
    Preemption::Useless(counts.into_iter().filter(|(_, nodes)| *nodes > 0).collect())
}

/// Looks for pods that are to make room. The verdicts are those that no node will do.
pub(super) fn preempt(
    framework: &Framework,
    pod: Asking<'_>,
    verdicts: &[Verdict],
    around: &mut Surroundings,
    view: View<'_>,
) -> Preemption {
    if let Some(restraint) = restraint(framework, pod, verdicts, view) {
        return Preemption::Refrained(restraint);
    }
    let mut budgets = Budgets::default();
    budgets.update(view.store);
    let mut search = Search { framework, pod, around, view, budgets: &budgets };
    let verdicts = verdicts.iter().enumerate();
    let prospects: Vec<Prospect> = verdicts.map(|(index, verdict)| search.prospect(index as u32, *verdict)).collect();
    conclude(prospects.iter(), view)
}

/// What comes of what each node could do.
pub(super) fn conclude<'a>(prospects: impl Iterator<Item = &'a Prospect> + Clone, view: View<'_>) -> Preemption {
    let better = |a: &Candidate, b: &Candidate| match a.rank.cmp(&b.rank) {
        std::cmp::Ordering::Equal => view.snapshot.before(a.index, b.index),
        order => order.is_lt(),
    };
    let candidates = prospects.clone().filter_map(|prospect| match prospect {
        Prospect::Room(candidate) => Some(candidate),
        _ => None,
    });
    // Ties are broken by seed, then name.
    if let Some(best) = candidates.reduce(|best, other| if better(other, best) { other } else { best }) {
        return Preemption::Planned(plan(best, view));
    }
    let mut useless: Vec<(Reason, u32)> = Vec::new();
    for prospect in prospects {
        let Prospect::Useless(reasons) = prospect else { continue };
        for reason in reasons {
            match useless.iter_mut().find(|(known, _)| known == reason) {
                Some((_, nodes)) => *nodes += 1,
                None => useless.push((reason.clone(), 1)),
            }
        }
    }
    Preemption::Useless(useless.into())
}

/// What is known without looking: why nothing is to be looked for.
fn restraint(framework: &Framework, pod: Asking<'_>, verdicts: &[Verdict], view: View<'_>) -> Option<Restraint> {
    if !framework.preempts {
        return Some(Restraint::Disabled);
    }
    if pod.info.yields {
        return Some(Restraint::Policy);
    }
    let index = view.snapshot.index(pod.nominated?)? as usize;
    // Where the node will not do whoever leaves it, or is gone, another is looked for.
    match verdicts[index] {
        Verdict::Absent => return None,
        Verdict::Refused(_, refused) if refused.code == Code::Unresolvable => return None,
        _ => {}
    }
    let makes_room = |other: &Placed| {
        let object = view.store.pod(other.uid).and_then(|o| o.pod());
        let condition = object.and_then(|p| p.status.condition(&ConditionKind::DisruptionTarget));
        other.stage.leaving()
            && other.info.class.priority < pod.info.class.priority
            && condition.is_some_and(|c| c.reason.as_deref() == Some(REASON))
    };
    view.snapshot.nodes()[index].pods.iter().any(makes_room).then_some(Restraint::Underway)
}

/// Puts the most important pods first, and of equal ones those that have run for longest. Of those that started at the same
/// time the first comes first, of those that have not started the last: so they come where upstream sorts a few of them.
fn sort_by_importance(pods: Vec<Placed>, view: View<'_>) -> Vec<Placed> {
    let rank = |pod: &Placed| {
        let created =
            view.store.pod(pod.uid).map(|o| (o.meta.created, o.meta.namespace.to_name(), o.meta.name.clone()));
        (Reverse(pod.info.class.priority), pod.stage.started(), created)
    };
    let mut ranked: Vec<_> = pods.into_iter().map(|pod| (rank(&pod), pod)).collect();
    order::sort_by(&mut ranked, |((one, started, a), _), ((other, at, b), _)| {
        let equal = if *started == Stage::NEW.started() { b.cmp(a) } else { a.cmp(b) };
        one.cmp(other).then(started.cmp(at)).then(equal)
    });
    ranked.into_iter().map(|(_, pod)| pod).collect()
}

/// A search for pods that make room for another.
pub(super) struct Search<'a> {
    pub(super) framework: &'a Framework,
    pub(super) pod: Asking<'a>,
    pub(super) around: &'a mut Surroundings,
    pub(super) view: View<'a>,
    pub(super) budgets: &'a Budgets,
}

impl Search<'_> {
    /// What a node could do that stands so.
    pub(super) fn prospect(&mut self, index: u32, verdict: Verdict) -> Prospect {
        match verdict {
            Verdict::Absent | Verdict::Feasible => Prospect::None,
            Verdict::Refused(_, refused) if refused.code == Code::Unresolvable => {
                Prospect::Useless([Reason::PreemptionUseless].into())
            }
            Verdict::Refused(..) => match self.victims(index) {
                Ok(candidate) => Prospect::Room(candidate),
                Err(reasons) => Prospect::Useless(reasons.into()),
            },
        }
    }

    /// The pods of a node that are less important.
    pub(super) fn less_important(&self, index: u32) -> Vec<Placed> {
        let pods = self.view.snapshot.nodes()[index as usize].pods.iter();
        pods.filter(|other| other.info.class.priority < self.pod.info.class.priority).cloned().collect()
    }

    /// Which pods of a node must go so that it will do, or why none helps.
    fn victims(&mut self, index: u32) -> Result<Candidate, Vec<Reason>> {
        let less = self.less_important(index);
        let Self { framework, pod, view, budgets, .. } = *self;
        if less.is_empty() {
            return Err(vec![Reason::NoVictims]);
        }
        let less = sort_by_importance(less, view);
        let node = view.snapshot.nodes()[index as usize].clone();
        let mut trial = Trial { framework, pod, index, node, around: &mut *self.around, view };
        for other in &less {
            trial.remove(other);
        }
        if let Some((number, refused)) = trial.refusal() {
            for other in &less {
                trial.add(other);
            }
            let filter = &framework.filters[usize::from(number)];
            let bits = (0..u32::BITS).filter(|bit| refused.reasons >> bit & 1 == 1);
            return Err(bits.map(|bit| filter.reason(pod.info, bit)).collect());
        }
        let (first, then, covered) = budgets.part(less, view.store);
        let mut victims = Vec::new();
        let mut spare = |others: Vec<Placed>| {
            for other in others {
                trial.add(&other);
                if trial.refusal().is_some() {
                    trial.remove(&other);
                    victims.push(other);
                }
            }
            victims.len()
        };
        let protected = spare(first);
        spare(then);
        for victim in &victims {
            trial.add(victim);
        }
        Ok(Candidate::new(index, sort_by_importance(victims, view), protected, covered))
    }
}

/// What would be on a node if some of its pods were not there. They are to be there again at the end, since what is around
/// is not tried on a copy.
struct Trial<'a> {
    framework: &'a Framework,
    pod: Asking<'a>,
    index: u32,
    node: NodeInfo,
    around: &'a mut Surroundings,
    view: View<'a>,
}

impl Trial<'_> {
    fn remove(&mut self, other: &Placed) {
        self.node.remove(other.uid);
        self.around.count(other, self.index, &self.node, -1, self.view);
    }

    fn add(&mut self, other: &Placed) {
        self.node.add(other.clone());
        self.around.count(other, self.index, &self.node, 1, self.view);
    }

    fn refusal(&mut self) -> Option<(u8, super::framework::Refused)> {
        refusal(self.framework, self.pod, self.around, self.index, &self.node, self.view)
    }
}

fn plan(candidate: &Candidate, view: View<'_>) -> Plan {
    let name = |victim: &Placed| {
        let object = view.store.pod(victim.uid)?;
        Some((object.meta.namespace.to_name(), object.meta.name.clone()))
    };
    let node = Name::clone(&view.snapshot.nodes()[candidate.index as usize].name);
    Plan { node, victims: candidate.victims.iter().filter_map(name).collect() }
}
