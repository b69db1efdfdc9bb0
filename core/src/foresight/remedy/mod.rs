//! Single changes that might help a pending pod, each with how small it is.

mod budgets;
mod cluster_wide;
mod demands;
mod neighbours;
mod room;

use super::pod_edit::Edit;
use crate::api::{Kind, Name, Object};
use crate::apiserver::Method;
use crate::cluster::Cluster;
use crate::order;
use crate::scheduler::{Detail, Explanation, NodeStand, Obstacle, Obstacles, Reason, Stand, Taint};
pub(super) use budgets::objection;
use demands::Demands;
use serde_json::{Value, json};

/// How many nodes that refuse for the same reasons are looked at more closely: those of which the least is asked.
const NODES_OF_A_GROUP: usize = 3;

/// How far a change reaches, the smallest first: what only holds the pod back, what gives back what is there, what
/// concerns the pod alone, what says more of a node, what opens it to all, what others demand no more, what they must
/// give, what removes them, though a budget may forbid it, or evicts them, what costs a machine. Of changes that are made
/// together the sum counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    Gate = 0,
    Uncordon = 10,
    Tolerate = 20,
    Relax = 30,
    Label = 35,
    Open = 40,
    Ease = 45,
    Free = 50,
    Remove = 55,
    Breach = 57,
    Outrank = 60,
    Grow = 70,
}

/// What is done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// A request as anybody can make it.
    Ask(Method, String, Value),
    /// A node has more room, however that comes about. The request only stands for it.
    Room(String, Value),
    /// The pod is another one.
    Edit(Vec<Edit>),
    /// A pod on a node goes: its namespace and name. It takes its time to end, so what is made in its place comes first.
    Remove(Name, Name),
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) reach: Reach,
    /// Which of several of that reach are smaller: thousandths of what a node has, or of what the pod asks for.
    pub(super) size: i64,
    /// The node it is about, where it is about one.
    pub(super) node: Option<Name>,
    /// What it is one of several measures of: where a smaller one does, a larger one need not be taken.
    pub(super) measure_of: Option<String>,
    /// It in words.
    pub(super) message: String,
    pub(super) change: Vec<Change>,
}

impl Step {
    fn new(reach: Reach, size: i64, node: Option<&Name>, message: String, change: Vec<Change>) -> Self {
        Self { reach, size, node: node.cloned(), measure_of: None, message, change }
    }
}

/// The changes that might help a pod: on one node only where one is given, else on any. `wide` also those that concern
/// no node that there is.
pub(super) fn steps(cluster: &Cluster, pod: &Object, on: Option<&Name>, wide: bool) -> Vec<Step> {
    let Some(explanation) = cluster.schedulers().explain(&pod.key(), cluster.store()) else { return Vec::new() };
    let spec = pod.document_value()["spec"].take();
    let path = format!("/api/v1/namespaces/{}/pods/{}", pod.meta.namespace, pod.meta.name);
    let gates: Vec<&str> = texts(&spec["schedulingGates"], "name");
    if !gates.is_empty() {
        let message = format!("remove the scheduling gate {}", gates.join(", "));
        let open = Change::Ask(Method::Patch, path, json!({"spec": {"schedulingGates": null}}));
        return vec![Step::new(Reach::Gate, 0, None, message, vec![open])];
    }
    let Some(obstacles) = cluster.schedulers().obstacles(pod, cluster.store()) else { return Vec::new() };
    let mut steps = Vec::new();
    for node in nearest(&explanation, &obstacles, on) {
        let Stand::Refused { reasons, .. } = &node.stand else { continue };
        let name = &node.node;
        let at = format!("/api/v1/nodes/{name}");
        let obstacles = obstacles.on(name);
        let mut demands = Demands { spec: &spec, steps: &mut steps };
        for (reason, _) in reasons {
            demands.lower(reason, cluster);
        }
        demands.spread_wider(&obstacles);
        room::free(&mut steps, &spec, cluster, name, reasons);
        neighbours::clear(&mut steps, &obstacles, cluster, pod, name);
        for obstacle in &obstacles {
            if let Obstacle::Label(key, value) = obstacle {
                let body = json!({"metadata": {"labels": {key.as_str(): value.as_str()}}});
                let ask = Change::Ask(Method::Patch, at.clone(), body);
                let message = format!("label {name} with {key}={value}");
                steps.push(Step::new(Reach::Label, 0, Some(name), message, vec![ask]));
            }
        }
        for (reason, detail) in reasons {
            match reason {
                Reason::Cordoned => {
                    let ask = Change::Ask(Method::Patch, at.clone(), json!({"spec": {"unschedulable": null}}));
                    steps.push(Step::new(Reach::Uncordon, 0, Some(name), format!("uncordon {name}"), vec![ask]));
                }
                Reason::Taint => {
                    if let Some(Detail::Taint(taint)) = detail {
                        taints(&mut steps, cluster, &path, &spec, name, taint);
                    }
                }
                _ => {}
            }
        }
    }
    if wide {
        cluster_wide::priorities(&mut steps, cluster, &spec);
        cluster_wide::pools(&mut steps, cluster);
    }
    let mut known: Vec<Step> = Vec::new();
    for step in steps {
        if !known.iter().any(|other| other.message == step.message) {
            known.push(step);
        }
    }
    known
}

/// Of the nodes that refuse for the same reasons those of which the least is asked.
fn nearest<'a>(explanation: &'a Explanation, obstacles: &Obstacles<'_>, on: Option<&Name>) -> Vec<&'a NodeStand> {
    let mut ranked: Vec<(String, i64, &NodeStand)> = Vec::new();
    for node in explanation.nodes.iter().filter(|n| on.is_none_or(|on| n.node == *on)) {
        let Stand::Refused { reasons, .. } = &node.stand else { continue };
        let mut group = String::new();
        let mut size = obstacles.excess(&node.node);
        for (reason, detail) in reasons {
            group.push_str(reason.word());
            if is_about_labels(reason) {
                size = i64::from(obstacles.on(&node.node).is_empty());
            }
            match detail {
                Some(Detail::Taint(taint)) => group.push_str(&written(taint)),
                Some(Detail::Amount { requested, used, allocatable }) => {
                    size = size.max(share(requested - (allocatable - used), *allocatable));
                    // Whether it can be freed at all.
                    group.push(if requested > allocatable { '>' } else { '=' });
                }
                None => {}
            }
        }
        ranked.push((group, size, node));
    }
    order::sort_by(&mut ranked, |a, b| (&a.0, a.1, &a.2.node).cmp(&(&b.0, b.1, &b.2.node)));
    let groups = ranked.chunk_by(|a, b| a.0 == b.0);
    groups.flat_map(|group| group.iter().take(NODES_OF_A_GROUP).map(|(.., node)| *node)).collect()
}

/// Whether a node that refuses for it may just lack a label.
const fn is_about_labels(reason: &Reason) -> bool {
    matches!(reason, Reason::NodeAffinity | Reason::AddedAffinity | Reason::SpreadLabel | Reason::PodAffinity)
}

/// Thousandths.
fn share(part: i64, whole: i64) -> i64 {
    (i128::from(part) * 1_000 / i128::from(whole.max(1))).clamp(0, 1_000_000) as i64
}

pub(super) fn written(taint: &Taint) -> String {
    let equals = if taint.value.is_empty() { "" } else { "=" };
    format!("{}{equals}{}:{}", taint.key, taint.value, taint.effect)
}

fn texts<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list.as_array().into_iter().flatten().filter_map(|item| item[key].as_str()).collect()
}

/// A taint is tolerated, or goes.
fn taints(steps: &mut Vec<Step>, cluster: &Cluster, path: &str, spec: &Value, node: &Name, taint: &Taint) {
    let said = written(taint);
    let mut tolerations = spec["tolerations"].as_array().cloned().unwrap_or_default();
    let mut toleration =
        json!({"key": &*taint.key, "operator": "Equal", "value": &*taint.value, "effect": &*taint.effect});
    if taint.value.is_empty() {
        toleration = json!({"key": &*taint.key, "operator": "Exists", "effect": &*taint.effect});
    }
    tolerations.push(toleration);
    let ask = Change::Ask(Method::Patch, path.to_owned(), json!({"spec": {"tolerations": tolerations}}));
    steps.push(Step::new(Reach::Tolerate, 0, None, format!("tolerate the taint {said}"), vec![ask]));
    let Some(object) = cluster.store().get(Kind::Node, "", node) else { return };
    let taints = object.document_value()["spec"]["taints"].take();
    let same = |t: &Value| t["key"] == *taint.key && t["effect"] == *taint.effect;
    let rest: Vec<&Value> = taints.as_array().into_iter().flatten().filter(|t| !same(t)).collect();
    let ask = Change::Ask(Method::Patch, format!("/api/v1/nodes/{node}"), json!({"spec": {"taints": rest}}));
    steps.push(Step::new(Reach::Open, 0, Some(node), format!("remove the taint {said} from {node}"), vec![ask]));
}
