//! Single changes that might help a pending pod, each with how small it is.

use super::pod_edit::{Edit, escaped};
use crate::api::{Kind, Name, Object, Quantity};
use crate::apiserver::Method;
use crate::cluster::Cluster;
use crate::order;
use crate::scheduler::{Detail, Explanation, NodeStand, Reason, Stand, Taint, quantity};
use serde_json::{Value, json};
use std::sync::Arc;

/// How many nodes that refuse for the same reasons are looked at more closely: those of which the least is asked.
const NODES_OF_A_GROUP: usize = 3;

/// How many pools of nodes are considered to be enlarged.
const POOLS_MAX: usize = 8;

/// How many priorities are considered.
const PRIORITIES_MAX: usize = 3;

/// How far a change reaches, the smallest first: what only holds the pod back, what gives back what is there, what
/// concerns the pod alone, what opens a node to all, what others must give, what evicts them, what costs a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    Gate,
    Uncordon,
    Tolerate,
    Relax,
    Open,
    Free,
    Outrank,
    Grow,
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
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) reach: Reach,
    /// Which of several of that reach are smaller: thousandths of what a node has, or of what the pod asks for.
    pub(super) size: i64,
    /// The node it is about, where it is about one.
    pub(super) node: Option<Name>,
    /// It in words.
    pub(super) message: String,
    pub(super) change: Vec<Change>,
}

impl Step {
    fn new(reach: Reach, size: i64, node: Option<&Name>, message: String, change: Vec<Change>) -> Self {
        Self { reach, size, node: node.cloned(), message, change }
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
    let mut steps = Vec::new();
    for node in nearest(&explanation, on) {
        let Stand::Refused { reasons, .. } = &node.stand else { continue };
        let name = &node.node;
        let at = format!("/api/v1/nodes/{name}");
        room(&mut steps, &spec, cluster, name, reasons);
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
                Reason::NodeAffinity | Reason::OtherNodesNamed | Reason::AffinityConflict => {
                    node_affinity(&mut steps, &spec);
                }
                Reason::Ports => ports(&mut steps, &spec),
                Reason::Spread | Reason::SpreadLabel => spread(&mut steps, &spec),
                Reason::PodAffinity => pod_terms(&mut steps, &spec, "podAffinity", "affinity"),
                Reason::PodAntiAffinity => pod_terms(&mut steps, &spec, "podAntiAffinity", "anti-affinity"),
                _ => {}
            }
        }
    }
    if wide {
        priorities(&mut steps, cluster, &spec);
        pools(&mut steps, cluster);
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
fn nearest<'a>(explanation: &'a Explanation, on: Option<&Name>) -> Vec<&'a NodeStand> {
    let mut ranked: Vec<(String, i64, &NodeStand)> = Vec::new();
    for node in explanation.nodes.iter().filter(|n| on.is_none_or(|on| n.node == *on)) {
        let Stand::Refused { reasons, .. } = &node.stand else { continue };
        let mut group = String::new();
        let mut size = 0;
        for (reason, detail) in reasons {
            group.push_str(reason.word());
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

/// Thousandths.
fn share(part: i64, whole: i64) -> i64 {
    (i128::from(part) * 1_000 / i128::from(whole.max(1))).clamp(0, 1_000_000) as i64
}

fn written(taint: &Taint) -> String {
    let equals = if taint.value.is_empty() { "" } else { "=" };
    format!("{}{equals}{}:{}", taint.key, taint.value, taint.effect)
}

fn texts<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list.as_array().into_iter().flatten().filter_map(|item| item[key].as_str()).collect()
}

/// What is missing is freed, or not asked for.
fn room(steps: &mut Vec<Step>, spec: &Value, cluster: &Cluster, node: &Name, reasons: &[(Reason, Option<Detail>)]) {
    let Some(object) = cluster.store().get(Kind::Node, "", node) else { return };
    let status = object.document_value()["status"].take();
    let list = if status["allocatable"].is_object() { &status["allocatable"] } else { &status["capacity"] };
    let (mut freed, mut more, mut size, mut possible) = (Vec::new(), json!({}), 0, true);
    let (mut asked, mut edits, mut less) = (Vec::new(), Vec::new(), 0);
    for (reason, detail) in reasons {
        let Some(Detail::Amount { requested, used, allocatable }) = detail else { return };
        let resource = match reason {
            Reason::Insufficient(resource) => Some(resource),
            _ => None,
        };
        let name = resource.map_or("pods", Name::as_str);
        let missing = requested.saturating_sub(allocatable.saturating_sub(*used));
        let short = quantity(resource, missing).to_string();
        freed.push(if resource.is_none() { "a place for a pod".to_owned() } else { format!("{short} {name}") });
        more[name] = sum(&list[name], &short).into();
        size = size.max(share(missing, *allocatable));
        possible &= requested <= allocatable;
        match smaller(spec, name, missing, resource) {
            Some((edit, from, to)) => {
                asked.push(format!("{to} {name} instead of {from}"));
                edits.push(edit);
                less = less.max(share(missing, *requested));
            }
            None => less = i64::MAX,
        }
    }
    if possible && !freed.is_empty() {
        let path = format!("/api/v1/nodes/{node}/status");
        let message = format!("free {} on {node}", freed.join(" and "));
        let room = Change::Room(path, json!({"status": {"allocatable": more}}));
        steps.push(Step::new(Reach::Free, size, Some(node), message, vec![room]));
    }
    if less < i64::MAX && !edits.is_empty() {
        let message = format!("ask for {}", asked.join(" and "));
        steps.push(Step::new(Reach::Relax, less, None, message, vec![Change::Edit(edits)]));
    }
}

fn sum(have: &Value, more: &str) -> String {
    let read = |text: &str| Quantity::parse(text).map_or(0, Quantity::milli);
    Quantity::from_milli(read(have.as_str().unwrap_or_default()).saturating_add(read(more))).to_string()
}

/// The container that asks for most of a resource asks for so much less of it: how, and from what to what.
fn smaller(spec: &Value, resource: &str, by: i64, name: Option<&Name>) -> Option<(Edit, String, String)> {
    let factor = if resource == "cpu" { 1 } else { 1_000 };
    let asked = |c: &Value| {
        let text = c["resources"]["requests"][resource].as_str()?;
        Some((Quantity::parse(text).ok()?.milli(), text.to_owned()))
    };
    let containers = spec["containers"].as_array()?.iter().enumerate();
    let ((most, from), at) =
        containers.filter_map(|(at, c)| Some((asked(c)?, at))).max_by_key(|((most, _), _)| *most)?;
    let left = most / factor - by;
    let to = quantity(name, left).to_string();
    let pointer = format!("/containers/{at}/resources/requests/{}", escaped(resource));
    (left > 0).then(|| (Edit::Set(pointer, to.clone().into()), from, to))
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

fn relax(steps: &mut Vec<Step>, message: String, edit: Edit) {
    steps.push(Step::new(Reach::Relax, 0, None, message, vec![Change::Edit(vec![edit])]));
}

fn node_affinity(steps: &mut Vec<Step>, spec: &Value) {
    const REQUIRED: &str = "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";
    for (key, value) in spec["nodeSelector"].as_object().into_iter().flatten() {
        let message = format!("drop the node selector {key}={}", value.as_str().unwrap_or_default());
        relax(steps, message, Edit::Remove(format!("/nodeSelector/{}", escaped(key))));
    }
    let Some(required) = spec.pointer(REQUIRED) else { return };
    let terms: Vec<&Value> = required["nodeSelectorTerms"].as_array().into_iter().flatten().collect();
    for (number, term) in terms.iter().enumerate() {
        let parts = ["matchExpressions", "matchFields"].map(|list| (list, term[list].as_array().map_or(0, Vec::len)));
        // A term without requirements selects nothing, so the last one goes with it.
        for (list, count) in parts.iter().filter(|_| parts.iter().map(|(_, count)| count).sum::<usize>() > 1) {
            for at in 0..*count {
                let what = &term[list][at];
                let values = texts_of(&what["values"]).join(", ");
                let [key, operator] = ["key", "operator"].map(|field| what[field].as_str().unwrap_or_default());
                let message =
                    format!("drop \"{}\" from the required node affinity", format!("{key} {operator} {values}").trim());
                relax(steps, message, Edit::Remove(format!("{REQUIRED}/nodeSelectorTerms/{number}/{list}/{at}")));
            }
        }
    }
    relax(steps, "drop the required node affinity".to_owned(), Edit::Remove(REQUIRED.to_owned()));
}

fn texts_of(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn ports(steps: &mut Vec<Step>, spec: &Value) {
    for (container, at) in spec["containers"].as_array().into_iter().flatten().zip(0..) {
        for (port, number) in container["ports"].as_array().into_iter().flatten().zip(0..) {
            if let Some(host) = port["hostPort"].as_i64() {
                let message = format!("drop the host port {host}/{}", port["protocol"].as_str().unwrap_or("TCP"));
                relax(steps, message, Edit::Remove(format!("/containers/{at}/ports/{number}/hostPort")));
            }
        }
    }
}

fn spread(steps: &mut Vec<Step>, spec: &Value) {
    for (term, at) in spec["topologySpreadConstraints"].as_array().into_iter().flatten().zip(0..) {
        if term["whenUnsatisfiable"] == "DoNotSchedule" {
            let key = term["topologyKey"].as_str().unwrap_or_default();
            let message = format!("let it spread unevenly over {key} (whenUnsatisfiable: ScheduleAnyway)");
            let pointer = format!("/topologySpreadConstraints/{at}/whenUnsatisfiable");
            relax(steps, message, Edit::Set(pointer, "ScheduleAnyway".into()));
        }
    }
}

fn pod_terms(steps: &mut Vec<Step>, spec: &Value, list: &str, word: &str) {
    let pointer = format!("/affinity/{list}/requiredDuringSchedulingIgnoredDuringExecution");
    for (term, at) in spec.pointer(&pointer).and_then(Value::as_array).into_iter().flatten().zip(0..) {
        let key = term["topologyKey"].as_str().unwrap_or_default();
        let number = if at == 0 { String::new() } else { format!(", term {}", at + 1) };
        relax(
            steps,
            format!("drop the required pod {word} over {key}{number}"),
            Edit::Remove(format!("{pointer}/{at}")),
        );
    }
}

/// It is more important than others: of a class that there is, or of one that is made for it.
fn priorities(steps: &mut Vec<Step>, cluster: &Cluster, spec: &Value) {
    let own = spec["priority"].as_i64().unwrap_or_default();
    let give = |class: &str| {
        let mut edits = vec![Edit::Set("/priorityClassName".to_owned(), class.into())];
        edits.extend(["/priority", "/preemptionPolicy"].map(|at| Edit::Remove(at.to_owned())));
        Change::Edit(edits)
    };
    let value = |o: &Arc<Object>| o.document()?.number(&["value"]);
    let classes = cluster.store().list(Kind::PriorityClass, None);
    let mut higher: Vec<(i64, Name)> = classes
        .filter(|o| !o.meta.name.starts_with("system-"))
        .filter_map(|o| Some((value(o)?, o.meta.name.clone())))
        .filter(|(value, _)| *value > own)
        .collect();
    order::sort(&mut higher);
    for (value, name) in higher.iter().take(PRIORITIES_MAX) {
        let message = format!("give it the priority class {name} ({value})");
        steps.push(Step::new(Reach::Outrank, *value, None, message, vec![give(name)]));
    }
    let placed = cluster.store().list(Kind::Pod, None).filter_map(|o| o.pod()).filter(|p| p.node.is_some());
    let mut others = order::Set::new();
    for priority in placed.map(|p| i64::from(p.spec.priority.unwrap_or_default())) {
        if priority >= own && priority < 1_000_000_000 && !higher.iter().any(|(value, _)| *value > priority) {
            others.insert(priority + 1);
        }
    }
    for value in others.iter().take(PRIORITIES_MAX) {
        let class = format!("above-{}", value - 1).replace("--", "-minus-");
        let body = json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": class}, "value": value,
        });
        let made = Change::Ask(Method::Post, "/apis/scheduling.k8s.io/v1/priorityclasses".to_owned(), body);
        let message = format!("give it a new priority class of {value}");
        steps.push(Step::new(Reach::Outrank, *value, None, message, vec![made, give(&class)]));
    }
}

/// A pool has one node more. Nodes are of one pool that differ in nothing but their name.
fn pools(steps: &mut Vec<Step>, cluster: &Cluster) {
    let mut pools: order::Map<String, (usize, Value)> = order::Map::new();
    for object in cluster.store().list(Kind::Node, None) {
        let document = object.document_value();
        let mut metadata = json!({"name": "", "labels": document["metadata"]["labels"]});
        if metadata["labels"]["kubernetes.io/hostname"].is_string() {
            metadata["labels"]["kubernetes.io/hostname"] = "".into();
        }
        let (spec, status) = (&document["spec"], &document["status"]);
        // What the cluster itself says of a node's health is not its pool's.
        let own = |t: &&Value| !t["key"].as_str().is_some_and(|key| key.starts_with("node.kubernetes.io/"));
        let taints: Vec<&Value> = spec["taints"].as_array().into_iter().flatten().filter(own).collect();
        let ready = json!([{"type": "Ready", "status": "True", "reason": "KubeletReady"}]);
        let node = json!({
            "apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"taints": taints},
            "status": {"capacity": status["capacity"], "allocatable": status["allocatable"], "conditions": ready},
        });
        let pool = pools.entry(node.to_string()).or_insert_with(|| (0, node));
        if pool.0 == 0 {
            pool.1["metadata"]["name"] = object.meta.name.as_str().into();
        }
        pool.0 += 1;
    }
    let mut pools: Vec<(usize, Value)> = pools.iter().map(|(_, pool)| pool.clone()).collect();
    order::sort_by(&mut pools, |a, b| b.0.cmp(&a.0).then_with(|| a.1.to_string().cmp(&b.1.to_string())));
    for (place, (nodes, mut node)) in pools.into_iter().take(POOLS_MAX).enumerate() {
        let like = node["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let taken = |name: &str| cluster.store().get(Kind::Node, "", name).is_some();
        let mut names = (1..=u32::MAX).map(|n| format!("{like}-more-{n}"));
        let Some(name) = names.find(|name| !taken(name)) else { continue };
        node["metadata"]["name"] = name.as_str().into();
        if node["metadata"]["labels"]["kubernetes.io/hostname"].is_string() {
            node["metadata"]["labels"]["kubernetes.io/hostname"] = name.into();
        }
        let pool = if nodes > 1 { format!(" (there are {nodes} such)") } else { String::new() };
        let message = format!("add a node like {like}{pool}");
        let ask = Change::Ask(Method::Post, "/api/v1/nodes".to_owned(), node);
        steps.push(Step::new(Reach::Grow, place as i64, None, message, vec![ask]));
    }
}
