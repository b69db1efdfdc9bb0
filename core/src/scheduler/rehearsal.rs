//! What the schedulers would do if nodes failed: done in a fork of them, and taken back.
//!
//! Only the schedulers' own picture of the nodes changes. So a loss costs as much as the pods that it moves, not as much
//! as the cluster is large.

use super::Schedulers;
use super::assess::{Asking, assess};
use super::decision::{Preemption, fit_error};
use super::framework::View;
use super::info::{Infos, PodInfo};
use super::node::{Placed, Stage, Taint};
use super::profile::Choice;
use crate::api::{Body, Kind, Name, Object, Uid};
use crate::store::Store;
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Placing {
    /// It is on that node.
    On(Name),
    /// It is on that node, and these went for it: namespaces and names.
    InPlaceOf(Name, Vec<(Name, Name)>),
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
}

/// A fork of the schedulers in which nodes fail.
pub(crate) struct Rehearsal<'a> {
    fork: Schedulers,
    store: &'a Store,
    undo: Vec<Undo>,
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
    pub(crate) fn new(schedulers: &Schedulers, store: &'a Store) -> Self {
        Self { fork: schedulers.clone(), store, undo: Vec::new(), infos: Infos::default() }
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
        let pods = self.fork.snapshot.nodes()[index as usize].pods.clone();
        for pod in pods.into_iter().filter(|p| !p.stage.leaving() && !endures(p.uid)) {
            self.fork.snapshot.remove_pod(name, pod.uid);
            self.undo.push(Undo::Went(name.clone(), pod.clone()));
            let uid = pod.uid;
            self.fork.snapshot.add_pod(name, Placed { stage: pod.stage.left(), ..pod });
            self.undo.push(Undo::Came(name.clone(), uid));
        }
    }

    fn set_node(&mut self, name: &Name, spec: &k8s::NodeSpec, status: &k8s::NodeStatus) {
        if let Some(object) = self.store.get(Kind::Node, "", name) {
            self.fork.snapshot.set_node(&object.meta, spec, status, status.images.as_ref());
        }
    }

    /// Places a pod, where need be in the place of others, as its scheduler would.
    pub(crate) fn place(&mut self, uid: Uid, like: &Likeness) -> Placing {
        let scheduler = &mut self.fork.profiles[usize::from(like.scheduler)];
        let view = View { snapshot: &self.fork.snapshot, store: self.store };
        let asking = Asking { uid, info: &like.info, nominated: None };
        let Choice { chosen, refusals, .. } = scheduler.choose(asking, view);
        let (node, victims) = match chosen {
            Some(chosen) => (Name::clone(&chosen.node), Vec::new()),
            None => match scheduler.preempt(asking, &refusals, view) {
                Preemption::Planned(plan) => (plan.node, plan.victims),
                preemption => {
                    return Placing::Refused(fit_error(view.snapshot.present(), &refusals, Some(&preemption)));
                }
            },
        };
        let placed = |(namespace, name): &(Name, Name)| Some(self.store.get(Kind::Pod, namespace, name)?.meta.uid);
        for uid in victims.iter().filter_map(placed).collect::<Vec<_>>() {
            let Some(index) = self.fork.snapshot.index(&node) else { continue };
            let found = self.fork.snapshot.nodes()[index as usize].pods.iter().find(|p| p.uid == uid).cloned();
            if let Some(pod) = found {
                self.fork.snapshot.remove_pod(&node, uid);
                self.undo.push(Undo::Went(node.clone(), pod));
            }
        }
        self.fork.snapshot.add_pod(&node, Placed { uid, info: Arc::clone(&like.info), stage: Stage::NEW });
        self.undo.push(Undo::Came(node.clone(), uid));
        if victims.is_empty() { Placing::On(node) } else { Placing::InPlaceOf(node, victims) }
    }

    /// Puts everything back.
    pub(crate) fn rewind(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
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
