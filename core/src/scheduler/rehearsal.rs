//! What the schedulers would do if nodes failed: done in a fork of them, and taken back.
//!
//! Only the schedulers' own picture of the nodes changes. So a loss costs as much as the pods that it moves, not as much
//! as the cluster is large.

use super::Schedulers;
use super::assess::{Asking, assess};
use super::decision::{Plan, Preemption, fit_error};
use super::framework::View;
use super::info::{Infos, PodInfo};
use super::node::{Placed, Stage, Taint};
use super::profile::Choice;
use super::snapshot::Nominated;
use crate::api::{Body, Kind, Name, Object, Uid};
use crate::store::Store;
use crate::time::{Span, Time};
use k8s_openapi::api::core::v1 as k8s;
use std::sync::Arc;

/// What a pod is decided on by, and by whom.
#[derive(Clone, Debug)]
pub(crate) struct Likeness {
    info: Arc<PodInfo>,
    scheduler: u8,
}

impl Likeness {
    /// Higher goes first.
    pub(crate) fn priority(&self) -> i32 {
        self.info.class.priority
    }
}

/// What became of a pod.
#[derive(Clone, Debug)]
pub(crate) enum Placing {
    /// It is on that node.
    On(Name),
    /// Others are to make room for it.
    Awaits,
    /// No node takes it, for that reason.
    Refused(String),
}

/// How much room there is for a kind of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// How many nodes would take one.
    pub(crate) nodes: u32,
    /// Whether it matters to a node what is on others.
    pub(crate) is_wide: bool,
}

/// What is to be put back.
enum Undo {
    Came(Name, Uid),
    Went(Name, Placed),
    Failed(Name),
    Nominated(Uid),
    Dismissed(Name, Nominated),
}

/// A fork of the schedulers in which nodes fail.
pub(crate) struct Rehearsal<'a> {
    fork: Schedulers,
    store: &'a Store,
    undo: Vec<Undo>,
    /// Who makes room for others, and is on its node until it is let go.
    leaving: Vec<(Name, Uid)>,
    /// Those of them, and who was gone at once, that nobody asked for yet.
    victims: Vec<Arc<Object>>,
    /// Who was placed, and is yet to be taken on by its node.
    fresh: Vec<(Name, Uid)>,
    now: Time,
    infos: Infos,
}

/// What the node lifecycle says of a node that nobody hears of any more.
fn unreachable() -> [k8s::Taint; 2] {
    ["NoSchedule", "NoExecute"].map(|effect| k8s::Taint {
        key: crate::admission::UNREACHABLE.to_owned(),
        effect: effect.to_owned(),
        ..k8s::Taint::default()
    })
}

impl<'a> Rehearsal<'a> {
    pub(crate) fn new(schedulers: &Schedulers, store: &'a Store, now: Time) -> Self {
        Self {
            fork: schedulers.clone(),
            store,
            undo: Vec::new(),
            victims: Vec::new(),
            fresh: Vec::new(),
            now,
            leaving: Vec::new(),
            infos: Infos::default(),
        }
    }

    /// What a pod is decided on by; none where none of these schedulers is to decide.
    pub(crate) fn likeness(&mut self, object: &Object) -> Option<Likeness> {
        let pod = object.pod()?;
        let scheduler = self.fork.scheduler_of(pod)?;
        let info = self.infos.of(&object.meta, &pod.spec);
        self.fork.snapshot.track(&info);
        Some(Likeness { info, scheduler })
    }

    /// How much room there is for such a pod.
    pub(crate) fn room(&self, like: &Likeness) -> Room {
        let framework = self.fork.profiles[usize::from(like.scheduler)].framework();
        let asking = Asking { uid: Uid::NIL, info: &like.info, nominated: None };
        let seen = assess(framework, asking, View { snapshot: &self.fork.snapshot, store: self.store });
        Room { nodes: seen.feasible.len() as u32, is_wide: !seen.around.is_empty() }
    }

    /// A node fails. Its pods are on their way out, but for those that endure it: they stay as they are.
    pub(crate) fn fail(&mut self, name: &Name, endures: impl Fn(Uid) -> bool) {
        let Some(Body::Node { spec, status }) = self.store.get(Kind::Node, "", name).map(|o| &o.body) else { return };
        let Some(index) = self.fork.snapshot.index(name) else { return };
        let mut spec = k8s::NodeSpec::clone(spec);
        spec.taints.get_or_insert_default().extend(unreachable());
        self.set_node(name, &spec, status);
        self.undo.push(Undo::Failed(name.clone()));
        let pods = self.fork.snapshot.nodes()[index as usize].pods.iter();
        let lost: Vec<Uid> = pods.filter(|p| !p.stage.leaving() && !endures(p.uid)).map(|p| p.uid).collect();
        for uid in lost {
            self.leave(name, uid);
        }
    }

    /// A pod is on its way out. Returns whether it was not before.
    fn leave(&mut self, node: &Name, uid: Uid) -> bool {
        let Some(pod) = self.pods(node).iter().find(|p| p.uid == uid).cloned() else { return false };
        if pod.stage.leaving() {
            return false;
        }
        self.remove(node, uid);
        self.add(node, Placed { stage: pod.stage.left(), ..pod });
        true
    }

    fn pods(&self, node: &Name) -> &[Placed] {
        self.fork.snapshot.index(node).map_or(&[], |index| &self.fork.snapshot.nodes()[index as usize].pods)
    }

    fn remove(&mut self, node: &Name, uid: Uid) {
        if let Some(pod) = self.pods(node).iter().find(|p| p.uid == uid).cloned() {
            self.fork.snapshot.remove_pod(node, uid);
            self.undo.push(Undo::Went(node.clone(), pod));
        }
    }

    fn add(&mut self, node: &Name, pod: Placed) {
        self.undo.push(Undo::Came(node.clone(), pod.uid));
        self.fork.snapshot.add_pod(node, pod);
    }

    fn set_node(&mut self, name: &Name, spec: &k8s::NodeSpec, status: &k8s::NodeStatus) {
        if let Some(object) = self.store.get(Kind::Node, "", name) {
            self.fork.snapshot.set_node(&object.meta, spec, status, status.images.as_ref());
        }
    }

    /// Places a pod, or sees to it that others make room, as its scheduler would.
    pub(crate) fn place(&mut self, uid: Uid, like: &Likeness) -> Placing {
        let scheduler = &mut self.fork.profiles[usize::from(like.scheduler)];
        let view = View { snapshot: &self.fork.snapshot, store: self.store };
        let asking = Asking { uid, info: &like.info, nominated: view.snapshot.nominated(uid) };
        let Choice { chosen, refusals, .. } = scheduler.choose(asking, view);
        if let Some(chosen) = chosen {
            let node = Name::clone(&chosen.node);
            self.dismiss(uid);
            // Its like may not have left yet.
            self.remove(&node, uid);
            self.add(&node, Placed { uid, info: Arc::clone(&like.info), stage: Stage::NEW });
            self.fresh.push((node.clone(), uid));
            return Placing::On(node);
        }
        match scheduler.preempt(asking, &refusals, view) {
            Preemption::Planned(plan) => {
                self.nominate(uid, like, &plan);
                Placing::Awaits
            }
            other => Placing::Refused(fit_error(view.snapshot.present(), &refusals, Some(&other))),
        }
    }

    /// Others are to make room for a pod.
    fn nominate(&mut self, uid: Uid, like: &Likeness, plan: &Plan) {
        let lesser = |n: &&Nominated| n.info.class.priority < like.priority();
        let lesser = self.fork.snapshot.nominated_on(&plan.node).iter().filter(lesser).map(|n| n.uid);
        for other in lesser.chain([uid]).collect::<Vec<_>>() {
            self.dismiss(other);
        }
        if let Some(seat) = self.store.seat_of_pod(uid) {
            self.fork.snapshot.nominate(plan.node.clone(), Nominated { uid, seat, info: Arc::clone(&like.info) });
            self.undo.push(Undo::Nominated(uid));
        }
        for (namespace, name) in &plan.victims {
            let Some(victim) = self.store.get(Kind::Pod, namespace, name) else { continue };
            let goes_at_once = victim.pod().is_some_and(|p| p.spec.termination_grace_period_seconds == Some(0));
            if self.leave(&plan.node, victim.meta.uid) {
                self.victims.push(Arc::clone(victim));
            }
            if goes_at_once {
                self.remove(&plan.node, victim.meta.uid);
            } else {
                self.leaving.push((plan.node.clone(), victim.meta.uid));
            }
        }
    }

    /// Forgets for which node a pod waits.
    fn dismiss(&mut self, uid: Uid) {
        let Some(node) = self.fork.snapshot.nominated(uid).cloned() else { return };
        let known = self.fork.snapshot.nominated_on(&node).iter().find(|n| n.uid == uid).cloned();
        self.fork.snapshot.dismiss(uid);
        self.undo.extend(known.map(|known| Undo::Dismissed(node, known)));
    }

    /// Who was made to leave since this was asked last.
    pub(crate) fn victims(&mut self) -> Vec<Arc<Object>> {
        std::mem::take(&mut self.victims)
    }

    /// A moment passes: nodes have taken on whom they got, and those who make room for others are gone. Returns whether
    /// there were any.
    pub(crate) fn let_go(&mut self) -> bool {
        self.now = self.now + Span::from_secs(1);
        for (node, uid) in std::mem::take(&mut self.fresh) {
            if self.pods(&node).iter().any(|p| p.uid == uid && p.stage == Stage::NEW) {
                self.fork.snapshot.set_stage(&node, uid, Stage::of(Some(self.now), false));
            }
        }
        let leaving = std::mem::take(&mut self.leaving);
        for (node, uid) in &leaving {
            if self.pods(node).iter().any(|p| p.uid == *uid && p.stage.leaving()) {
                self.remove(node, *uid);
            }
        }
        !leaving.is_empty()
    }

    /// Puts everything back.
    pub(crate) fn rewind(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Nominated(uid) => _ = self.fork.snapshot.dismiss(uid),
                Undo::Dismissed(node, nominated) => self.fork.snapshot.nominate(node, nominated),
                Undo::Came(node, uid) => _ = self.fork.snapshot.remove_pod(&node, uid),
                Undo::Went(node, pod) => _ = self.fork.snapshot.add_pod(&node, pod),
                Undo::Failed(name) => {
                    let store = self.store;
                    if let Some(Body::Node { spec, status }) = store.get(Kind::Node, "", &name).map(|o| &o.body) {
                        self.set_node(&name, spec, status);
                    }
                }
            }
        }
    }
}

impl Taint {
    /// What a node that failed has, and pods endure or do not.
    pub(crate) fn of_failure() -> k8s::Taint {
        let [_, no_execute] = unreachable();
        no_execute
    }
}
