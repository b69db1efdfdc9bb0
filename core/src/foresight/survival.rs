//! Whether the cluster survives the loss of nodes: what ran there is placed anew, by the same schedulers, in a fork.
//!
//! A node that fails stays in the API, unreachable, with its pods on their way out, as it is until somebody deletes it.
//! Replicas are made anew by their controllers and need a home; a pod that no controller keeps is gone for good. Where limits
//! and quotas of the namespace let none be made, it has no home either. A quota counts what is lost for a while: what it
//! has no room for at first is made when that while is over, after others have taken their places.
//!
//! **Pairs are pruned soundly.** Where it does not matter to a node what is on others, a pod changes nothing but the
//! node it goes to. So if each kind of the replicas that are to be placed is taken by more nodes than there are replicas
//! to place and nodes that fail together, then a node that nothing came to is left for each of them, whatever the order.
//! Such pairs are counted as survived without placing a single pod. So that quotas do not matter to a pair either, a replica
//! is to count for no more than the lost one leaves: what each node's loss alone has room for, both have. Pairs with a node whose loss alone is not survived
//! are not looked at either: the answer is known. All others are really scheduled, the most crowded first, as many as
//! are asked for; the answer says how many are left.

use super::document;
use super::ledger::Ledger;
use crate::admission::check_limits;
use crate::api::{Kind, Name, Object, Uid};
use crate::cluster::Cluster;
use crate::controllers::{allowance, replica};
use crate::order;
use crate::scheduler::{DECISIONS_MAX, Likeness, Placing, Rehearsal, Taint};
use crate::time::Span;
use serde_json::{Value, json};
use std::sync::Arc;

/// How many pairs are scheduled where nobody says.
pub(super) const TRIES: u32 = 20_000;

/// How many pairs are scheduled at most.
pub(super) const TRIES_MAX: u32 = 100_000_000;

/// How many pairs that are not survived are named in full: the worst.
const PAIRS_NAMED: usize = 1_000;

/// Why a replica is not made anew, where it is not known better.
const UNMADE: &str = "its controller can make no pods";

/// A replica that is lost with its node.
#[derive(Clone)]
struct Lost {
    object: Arc<Object>,
    /// For how long it waits for its node to come back.
    after: Span,
    /// Its kind, by number.
    kind: usize,
}

impl Lost {
    fn owner(&self) -> (&str, Option<&String>) {
        (&self.object.meta.namespace, self.object.meta.controller().map(|owner| &owner.name))
    }
}

/// What happens some time after a loss.
enum Step {
    /// A replica is given up.
    GivenUp(Lost),
    /// A pod counts for quotas no more.
    Uncounted(Arc<Object>),
}

/// What a loss leads to.
struct Aftermath {
    failed: Vec<Name>,
    ledger: Ledger,
    /// Replicas that are not made yet, and why.
    unmade: Vec<(Lost, String)>,
    /// Replicas that are made and have no node yet, and why.
    waiting: Vec<(Arc<Object>, Likeness, String)>,
    /// Pods that will have none.
    homeless: Homeless,
}

/// A node and what is lost with it.
struct Tank {
    name: Name,
    zone: [Option<String>; 2],
    lost: Vec<Lost>,
    /// What goes with it for good, and after how long.
    bare: Vec<(Arc<Object>, Span)>,
    /// Of its kinds, on how few nodes there is room for one; none where others matter.
    slack: Option<u32>,
}

/// A kind of replicas: as their controller would make one now, or why it can make none.
#[derive(Clone)]
struct Sample {
    object: Arc<Object>,
    like: Likeness,
}

/// Pods left without a home, and why.
type Homeless = Vec<(Arc<Object>, String)>;

/// Pods that are decided on in this order.
type Line = Vec<(Arc<Object>, Likeness)>;

/// What a loss does.
struct Loss {
    nodes: Vec<Name>,
    homeless: Homeless,
}

/// The cluster as it is, and a fork of its schedulers.
struct Stage<'a> {
    cluster: &'a Cluster,
    rehearsal: Rehearsal<'a>,
    ledger: Ledger,
    /// The kinds of replicas.
    kinds: Vec<Result<Sample, String>>,
    of_owner: order::Map<Uid, usize>,
    tanks: Vec<Tank>,
    bare: Vec<(Arc<Object>, Name)>,
    enduring: order::Set<Uid>,
}

impl<'a> Stage<'a> {
    fn new(cluster: &'a Cluster) -> Self {
        let store = cluster.store();
        let mut stage = Self {
            cluster,
            rehearsal: Rehearsal::new(cluster.schedulers(), store, cluster.now()),
            ledger: Ledger::new(cluster),
            kinds: Vec::new(),
            of_owner: order::Map::new(),
            tanks: Vec::new(),
            bare: Vec::new(),
            enduring: order::Set::new(),
        };
        let label = |o: &Object, key: &str| o.meta.labels.get(key).cloned();
        let zone =
            |o: &Object| ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"].map(|key| label(o, key));
        let tank = |o: &Arc<Object>| {
            let (lost, bare) = (Vec::new(), Vec::new());
            Tank { name: o.meta.name.clone(), zone: zone(o), lost, bare, slack: None }
        };
        stage.tanks = store.list(Kind::Node, None).map(tank).collect();
        for object in store.list(Kind::Pod, None) {
            stage.see(object);
        }
        let rooms: Vec<_> =
            stage.kinds.iter().map(|k| k.as_ref().ok().map(|s| stage.rehearsal.room(&s.like))).collect();
        for tank in &mut stage.tanks {
            let short = |lost: &Lost| {
                stage.kinds[lost.kind].as_ref().is_ok_and(|new| stage.ledger.is_short(&lost.object, &new.object))
            };
            let sure = |lost: &Lost| rooms[lost.kind].filter(|room| !room.is_wide && !short(lost));
            let room = |lost: &Lost| sure(lost).map(|room| room.nodes);
            tank.slack = tank.lost.iter().map(room).try_fold(u32::MAX, |least, nodes| Some(least.min(nodes?)));
        }
        stage
    }

    /// Takes note of a pod on a node.
    fn see(&mut self, object: &Arc<Object>) {
        let Some(pod) = object.pod().filter(|p| !p.status.phase.is_finished() && object.meta.deletion.is_none()) else {
            return;
        };
        let Some(at) = pod.node.as_ref().and_then(|node| self.tanks.binary_search_by(|t| t.name.cmp(node)).ok()) else {
            return;
        };
        let failure = Taint::of_failure();
        let tolerations = pod.spec.tolerations.as_deref().unwrap_or_default();
        let Some(after) = allowance([&failure].into_iter(), tolerations) else {
            self.enduring.insert(object.meta.uid);
            return;
        };
        let object = Arc::clone(object);
        if let Some(kind) = self.kind(&object) {
            self.tanks[at].lost.push(Lost { object, after, kind });
        } else {
            self.tanks[at].bare.push((Arc::clone(&object), after));
            self.bare.push((object, self.tanks[at].name.clone()));
        }
    }

    /// Which kind of replica a pod is; none where no controller would make it anew.
    fn kind(&mut self, pod: &Object) -> Option<usize> {
        let uid = pod.meta.controller_uid()?;
        if let Some(kind) = self.of_owner.get(&uid) {
            return Some(*kind);
        }
        let (named, store) = (pod.meta.controller()?, self.cluster.store());
        let owner = store.get(Kind::ReplicationController, &pod.meta.namespace, &named.name)?;
        if owner.meta.uid != uid || owner.meta.deletion.is_some() {
            return None;
        }
        let sample = replica(owner, store, self.cluster.config()).ok_or_else(|| UNMADE.to_owned()).and_then(|sample| {
            check_limits(store, &sample).map_err(|e| e.message)?;
            let like = self.rehearsal.likeness(&sample).ok_or(UNMADE)?;
            Ok(Sample { object: Arc::new(sample), like })
        });
        self.kinds.push(sample);
        self.of_owner.insert(uid, self.kinds.len() - 1);
        Some(self.kinds.len() - 1)
    }

    /// Loses nodes, and places what was lost.
    fn lose(&mut self, nodes: &[usize]) -> Homeless {
        let failed: Vec<Name> = nodes.iter().map(|at| self.tanks[*at].name.clone()).collect();
        for node in &failed {
            let enduring = &self.enduring;
            self.rehearsal.fail(node, |uid| enduring.contains(&uid));
        }
        let (unmade, waiting) = (Vec::new(), Vec::new());
        let mut after = Aftermath { failed, ledger: self.ledger.clone(), unmade, waiting, homeless: Homeless::new() };
        for steps in self.steps(nodes).chunk_by(|(a, _), (b, _)| a == b) {
            let mut lost = Vec::new();
            for (_, step) in steps {
                match step {
                    Step::GivenUp(replica) => lost.push(replica.clone()),
                    Step::Uncounted(pod) => after.ledger.lose(pod),
                }
            }
            self.settle(&mut after, lost);
        }
        self.rehearsal.rewind();
        let Aftermath { unmade, waiting, mut homeless, .. } = after;
        homeless.extend(unmade.into_iter().map(|(lost, why)| (lost.object, why)));
        homeless.extend(waiting.into_iter().map(|(object, _, why)| (object, why)));
        homeless
    }

    /// Lets controllers and schedulers work until nothing changes any more.
    fn settle(&mut self, after: &mut Aftermath, lost: Vec<Lost>) {
        let mut line = self.make(after, lost);
        loop {
            let (mut has_moved, mut leaving) = (false, Vec::new());
            while !line.is_empty() {
                // Who makes room for others is made anew while it is still on its node.
                let victims = self.place(after, &mut line, &mut has_moved);
                let mut lost = Vec::new();
                for object in &victims {
                    let object = Arc::clone(object);
                    match self.kind(&object) {
                        Some(kind) => lost.push(Lost { object, after: Span::ZERO, kind }),
                        None => after.homeless.push((object, "it makes room for a more important pod".to_owned())),
                    }
                }
                leaving.extend(victims);
                line.extend(self.make(after, lost));
            }
            has_moved |= self.rehearsal.let_go();
            if !has_moved {
                return;
            }
            for pod in &leaving {
                after.ledger.remove(pod);
            }
            line = after.waiting.drain(..).map(|(object, like, _)| (object, like)).collect();
            line.extend(self.make(after, Vec::new()));
        }
    }

    /// Lets controllers make replicas, each its own at once: of those that are lost, and those that could not be made before.
    fn make(&self, after: &mut Aftermath, mut lost: Vec<Lost>) -> Line {
        lost.extend(after.unmade.drain(..).map(|(lost, _)| lost));
        order::sort_by(&mut lost, |a, b| a.owner().cmp(&b.owner()));
        let mut made = Vec::new();
        for lost in lost {
            let new = self.kinds[lost.kind].as_ref().map_err(String::clone);
            match new.and_then(|new| after.ledger.charge(&new.object).map(|()| new.like.clone())) {
                Ok(like) => made.push((lost.object, like)),
                Err(why) => after.unmade.push((lost, why)),
            }
        }
        made
    }

    /// Places as many replicas as schedulers decide on at a time, the most important first. Returns who makes room for them.
    fn place(&mut self, after: &mut Aftermath, line: &mut Line, has_moved: &mut bool) -> Vec<Arc<Object>> {
        order::sort_by(line, |(_, a), (_, b)| b.priority().cmp(&a.priority()));
        for (object, like) in line.drain(..line.len().min(DECISIONS_MAX)) {
            match self.rehearsal.place(object.meta.uid, &like) {
                Placing::On(node) if after.failed.contains(&node) => {
                    let message = format!("it tolerates everything, so it goes to {node}, which failed");
                    after.homeless.push((object, message));
                }
                Placing::On(_) => *has_moved = true,
                Placing::Awaits => after.waiting.push((object, like, "others are to make room for it".to_owned())),
                Placing::Refused(message) => after.waiting.push((object, like, message)),
            }
        }
        self.rehearsal.victims()
    }

    /// What happens when nodes are lost, by time.
    fn steps(&self, nodes: &[usize]) -> Vec<(Span, Step)> {
        let mut steps = Vec::new();
        for (nth, at) in nodes.iter().enumerate() {
            let tank = &self.tanks[*at];
            // Nodes of one zone are given up one after the other.
            let before = nodes[..nth].iter().filter(|other| self.tanks[**other].zone == tank.zone).count() as f64;
            let rate = self.cluster.config().eviction_rate;
            let turn = if rate > 0.0 { Span::from_millis((1_000.0 * before / rate) as i64) } else { Span::ZERO };
            let at = |after: Span| Span(after.0.saturating_add(turn.0));
            steps.extend(tank.lost.iter().map(|lost| (at(lost.after), Step::GivenUp(lost.clone()))));
            let gone = tank.lost.iter().map(|lost| (&lost.object, lost.after));
            for (pod, after) in gone.chain(tank.bare.iter().map(|(pod, after)| (pod, *after))) {
                if let Some(counts) = self.ledger.counts_for(pod) {
                    steps.push((Span(at(after).0.saturating_add(counts.0)), Step::Uncounted(Arc::clone(pod))));
                }
            }
        }
        order::sort_by(&mut steps, |(a, _), (b, _)| a.cmp(b));
        steps
    }

    /// Whether each of the replicas on two nodes surely finds a node that nothing came to before.
    fn is_surely_survived(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.tanks[a], &self.tanks[b]);
        let moving = (a.lost.len() + b.lost.len()) as u32;
        moving == 0 || a.slack.zip(b.slack).is_some_and(|(a, b)| a.min(b) >= moving + 2)
    }
}

/// The answer, for the loss of any one node or of any two.
pub(super) fn of(cluster: &Cluster, nodes: u32, tries: u32) -> Value {
    let mut stage = Stage::new(cluster);
    let count = stage.tanks.len();
    let mut losses: Vec<Loss> = Vec::new();
    let mut alone = vec![false; count];
    for (at, is_lost) in alone.iter_mut().enumerate() {
        let homeless = stage.lose(&[at]);
        if !homeless.is_empty() {
            *is_lost = true;
            losses.push(Loss { nodes: vec![stage.tanks[at].name.clone()], homeless });
        }
    }
    let mut pairs = Pairs::default();
    if nodes == 2 {
        pairs = Pairs::of(&mut stage, &alone, u64::from(tries));
    }
    worst_first(&mut losses);
    let mut answer = document("Survival", "", "");
    answer["metadata"] = json!({});
    let survives = losses.is_empty() && pairs.losses.is_empty();
    answer["survives"] = if survives && pairs.left > 0 { Value::Null } else { survives.into() };
    answer["nodes"] = nodes.into();
    answer["single"] = json!({"scheduled": count, "losses": losses.iter().map(loss).collect::<Vec<_>>()});
    if nodes == 2 {
        answer["pairs"] = json!({
            "all": count as u64 * (count as u64).saturating_sub(1) / 2, "survivedByCount": pairs.sure,
            "withNodeLostAlone": pairs.implied, "scheduled": pairs.scheduled, "notLookedAt": pairs.left,
            "lost": pairs.lost, "losses": pairs.losses.iter().map(loss).collect::<Vec<_>>(),
        });
    }
    let bare = stage
        .bare
        .iter()
        .map(|(pod, node)| json!({"namespace": &*pod.meta.namespace, "name": &*pod.meta.name, "node": node.as_str()}));
    answer["bare"] = bare.collect();
    answer["enduring"] = stage.enduring.len().into();
    answer
}

/// What came of all pairs.
#[derive(Default)]
struct Pairs {
    sure: u64,
    implied: u64,
    scheduled: u64,
    left: u64,
    lost: u64,
    losses: Vec<Loss>,
}

impl Pairs {
    fn of(stage: &mut Stage<'_>, alone: &[bool], tries: u64) -> Self {
        let mut pairs = Self::default();
        // The most crowded first, so that those come first that are likely to be lost.
        let mut nodes: Vec<usize> = (0..stage.tanks.len()).collect();
        let margin = |at: usize| {
            let tank = &stage.tanks[at];
            (tank.slack.map_or(0, i64::from) - tank.lost.len() as i64, at)
        };
        order::sort_by(&mut nodes, |a, b| margin(*a).cmp(&margin(*b)));
        for (place, first) in nodes.iter().enumerate() {
            for second in &nodes[..place] {
                let (a, b) = (*first.min(second), *first.max(second));
                if alone[a] || alone[b] {
                    pairs.implied += 1;
                } else if stage.is_surely_survived(a, b) {
                    pairs.sure += 1;
                } else if pairs.scheduled == tries {
                    pairs.left += 1;
                } else {
                    pairs.scheduled += 1;
                    let homeless = stage.lose(&[a, b]);
                    if !homeless.is_empty() {
                        pairs.lost += 1;
                        let names = [a, b].map(|at| stage.tanks[at].name.clone());
                        pairs.losses.push(Loss { nodes: names.to_vec(), homeless });
                    }
                    if pairs.losses.len() > 2 * PAIRS_NAMED {
                        pairs.keep_worst();
                    }
                }
            }
        }
        pairs.keep_worst();
        pairs
    }

    fn keep_worst(&mut self) {
        worst_first(&mut self.losses);
        self.losses.truncate(PAIRS_NAMED);
    }
}

fn worst_first(losses: &mut [Loss]) {
    order::sort_by(losses, |a, b| b.homeless.len().cmp(&a.homeless.len()).then_with(|| a.nodes.cmp(&b.nodes)));
}

fn loss(loss: &Loss) -> Value {
    let nodes: Vec<&str> = loss.nodes.iter().map(Name::as_str).collect();
    let homeless = loss.homeless.iter().map(|(pod, message)| {
        let owner = pod.meta.controller().map(|o| o.name.as_str());
        json!({"namespace": &*pod.meta.namespace, "name": &*pod.meta.name, "controller": owner, "message": message})
    });
    json!({"nodes": nodes, "homeless": homeless.collect::<Vec<_>>()})
}
