//! `DefaultPreemption`: which less important pods make room for one that no node takes.

use super::assess::{Asking, Assessment, assess, refusal};
use super::decision::{Code, Plan, Preemption, Reason, Refusal, Restraint};
use super::framework::{Framework, Verdict, View};
use super::node::{NodeInfo, Placed};
use super::outlook::Surroundings;
use crate::api::{ConditionKind, Kind, Object, Selector};
use crate::controllers::disruption;
use crate::order;
use crate::time::Time;
use std::cmp::Reverse;
use std::sync::Arc;

/// The reason of the condition on pods that make room.
pub(super) const REASON: &str = "PreemptionByScheduler";

/// Pods that a node would have to give up, the most important one first.
struct Candidate {
    index: u32,
    victims: Vec<Placed>,
    /// How many of them a disruption budget protects.
    protected: usize,
}

/// What may be disturbed of the pods that a budget is about.
struct Budget<'a> {
    object: &'a Object,
    selector: Selector,
    allowed: i64,
}

/// What comes of preemption for a pod that no node takes, given who refused it.
pub(super) fn search(framework: &Framework, pod: Asking<'_>, refusals: &[Refusal], view: View<'_>) -> Preemption {
    let less_important = view.snapshot.lowest_priority().is_some_and(|lowest| lowest < pod.info.priority);
    if less_important || pod.nominated.is_some() || pod.info.yields || !framework.preempts {
        let Assessment { verdicts, around, .. } = assess(framework, pod, view);
        return preempt(framework, pod, &verdicts, &around, view);
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
    around: &Surroundings,
    view: View<'_>,
) -> Preemption {
    if let Some(restraint) = restraint(framework, pod, verdicts, view) {
        return Preemption::Refrained(restraint);
    }
    let budgets = budgets(view);
    let mut candidates = Vec::new();
    let mut useless: Vec<(Reason, u32)> = Vec::new();
    let mut because = |reason: Reason| match useless.iter_mut().find(|(known, _)| *known == reason) {
        Some((_, nodes)) => *nodes += 1,
        None => useless.push((reason, 1)),
    };
    for (index, verdict) in verdicts.iter().enumerate() {
        match verdict {
            Verdict::Absent | Verdict::Feasible => {}
            Verdict::Refused(_, refused) if refused.code == Code::Unresolvable => because(Reason::PreemptionUseless),
            Verdict::Refused(..) => match victims(framework, pod, index as u32, around, view, &budgets) {
                Ok(candidate) => candidates.push(candidate),
                Err(reasons) => reasons.into_iter().for_each(&mut because),
            },
        }
    }
    match best(candidates, view) {
        Some(candidate) => Preemption::Planned(plan(&candidate, view)),
        None => Preemption::Useless(useless.into()),
    }
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
    // Where the node will not do whoever leaves it, another is looked for.
    if matches!(verdicts[index], Verdict::Refused(_, refused) if refused.code == Code::Unresolvable) {
        return None;
    }
    let makes_room = |other: &Placed| {
        let object = view.store.pod(other.uid).and_then(|o| o.pod());
        let condition = object.and_then(|p| p.status.condition(&ConditionKind::DisruptionTarget));
        other.leaving
            && other.info.priority < pod.info.priority
            && condition.is_some_and(|c| c.reason.as_deref() == Some(REASON))
    };
    view.snapshot.nodes()[index].pods.iter().any(makes_room).then_some(Restraint::Underway)
}

fn budgets<'a>(view: View<'a>) -> Vec<Budget<'a>> {
    let budget = |object: &'a Arc<Object>| {
        let document = object.document()?;
        let allowed = document.number(&["status", "disruptionsAllowed"]).unwrap_or_default();
        // One without requirements protects nothing here, as upstream.
        let selector = disruption::selector(document).filter(|s| !s.is_empty())?;
        Some(Budget { object, selector, allowed })
    };
    view.store.list(Kind::PodDisruptionBudget, None).filter_map(budget).collect()
}

/// When a pod started; long from now where it has not.
fn started(pod: &Placed, view: View<'_>) -> Time {
    let object = view.store.pod(pod.uid).and_then(|o| o.pod());
    object.and_then(|p| p.status.start_time).unwrap_or(Time(i64::MAX))
}

/// Puts the most important pods first, and of equal ones those that have run for longest. Of those that have not started
/// the latest comes first: so they come where upstream sorts a few of them.
fn sort_by_importance(pods: &mut [Placed], view: View<'_>) {
    let rank = |pod: &Placed| {
        let created = view.store.pod(pod.uid).map(|o| (o.meta.created, o.meta.namespace.clone(), o.meta.name.clone()));
        (Reverse(pod.info.priority), started(pod, view), Reverse(created))
    };
    order::sort_by(pods, |a, b| rank(a).cmp(&rank(b)));
}

/// Which pods of a node must go so that it will do, or why none helps.
fn victims(
    framework: &Framework,
    pod: Asking<'_>,
    index: u32,
    around: &Surroundings,
    view: View<'_>,
    budgets: &[Budget<'_>],
) -> Result<Candidate, Vec<Reason>> {
    let node = &view.snapshot.nodes()[index as usize];
    let mut less: Vec<Placed> = node.pods.iter().filter(|p| p.info.priority < pod.info.priority).cloned().collect();
    if less.is_empty() {
        return Err(vec![Reason::NoVictims]);
    }
    sort_by_importance(&mut less, view);
    let mut trial = Trial { framework, pod, index, node: node.clone(), around: around.fork(), view };
    for other in &less {
        trial.remove(other);
    }
    if let Some((number, refused)) = trial.refusal() {
        let filter = &framework.filters[usize::from(number)];
        let bits = (0..u32::BITS).filter(|bit| refused.reasons >> bit & 1 == 1);
        return Err(bits.map(|bit| filter.reason(pod.info, bit)).collect());
    }
    let (first, then) = by_budgets(less, budgets, view);
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
    sort_by_importance(&mut victims, view);
    Ok(Candidate { index, victims, protected })
}

/// What would be on a node if some of its pods were not there.
struct Trial<'a> {
    framework: &'a Framework,
    pod: Asking<'a>,
    index: u32,
    node: NodeInfo,
    around: Surroundings,
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

    fn refusal(&self) -> Option<(u8, super::framework::Refused)> {
        refusal(self.framework, self.pod, &self.around, self.index, &self.node, self.view)
    }
}

/// Parts pods that a budget protects from the others. Both stay in their order.
fn by_budgets(pods: Vec<Placed>, budgets: &[Budget<'_>], view: View<'_>) -> (Vec<Placed>, Vec<Placed>) {
    let mut left: Vec<i64> = budgets.iter().map(|b| b.allowed).collect();
    let mut is_protected = |pod: &Placed| {
        let mut protected = false;
        for (budget, left) in budgets.iter().zip(&mut left) {
            let about = budget.object.meta.namespace == pod.info.namespace
                && !pod.info.labels.is_empty()
                && budget.selector.matches(&pod.info.labels);
            if !about {
                continue;
            }
            let name = view.store.pod(pod.uid).map(|o| o.meta.name.as_str());
            let disrupted = budget.object.document().into_iter().flat_map(|d| d.entries(&["status", "disruptedPods"]));
            // What was evicted already is off the budget.
            if !disrupted.into_iter().any(|(disrupted, _)| Some(disrupted) == name) {
                *left -= 1;
                protected |= *left < 0;
            }
        }
        protected
    };
    pods.into_iter().partition(|pod| is_protected(pod))
}

/// Upstream's order of candidates: the fewest protected victims, the least important first victim, the least in sum,
/// the fewest, the one whose most important victims started last. Ties are broken by seed, then name.
fn best(candidates: Vec<Candidate>, view: View<'_>) -> Option<Candidate> {
    let rank = |candidate: &Candidate| {
        let highest = candidate.victims.first().map_or(i32::MIN, |v| v.info.priority);
        let weight = |v: &Placed| i64::from(v.info.priority) + i64::from(i32::MAX) + 1;
        let important = candidate.victims.iter().filter(|v| v.info.priority == highest);
        let since = important.map(|v| started(v, view)).min();
        let sum: i64 = candidate.victims.iter().map(weight).sum();
        (candidate.protected, highest, sum, candidate.victims.len(), Reverse(since))
    };
    let nodes = view.snapshot.nodes();
    let better = |a: &Candidate, b: &Candidate| match rank(a).cmp(&rank(b)) {
        std::cmp::Ordering::Equal => nodes[a.index as usize].before(&nodes[b.index as usize]),
        order => order.is_lt(),
    };
    candidates.into_iter().reduce(|best, other| if better(&other, &best) { other } else { best })
}

fn plan(candidate: &Candidate, view: View<'_>) -> Plan {
    let name = |victim: &Placed| {
        let object = view.store.pod(victim.uid)?;
        Some((object.meta.namespace.clone(), object.meta.name.clone()))
    };
    let node = view.snapshot.nodes()[candidate.index as usize].name.clone();
    Plan { node, victims: candidate.victims.iter().filter_map(name).collect() }
}
