//! `kubarium explain`: how every node stands to a pod.

use super::place::{PlaceArguments, segment};
use super::text::{counted, list, print, table, word};
use crate::failure::Failure;
use clap::{Args, ValueEnum};
use kubarium_core::api::Quantity;
use serde_json::Value;
use std::fmt::Write as _;

/// How many nodes that would do are listed where not all are asked for.
const BEST_NODES: usize = 10;

/// Flags of `kubarium explain`.
#[derive(Args, Debug)]
#[command(
    after_long_help = "Examples:\n\n  kubarium explain pod web-1                           nodes that say the same are one line\n  \
kubarium explain pod web-1 --all                     every node has its own\n  \
kubarium explain pod web-1 --node n7                 one node\n  \
kubarium explain pod web-1 --scenario cluster.yaml   of a cluster that is simulated first\n\n\
A score is told as raw > normalized > weighted: what the plugin counted, that brought to 0 to 100, and that times the \
plugin's weight.\n\n\
For a pending pod the smallest changes are told that would give it a node. Each was tried in a copy of the cluster, by the \
same scheduler. Those come first that are fewest together; then those that reach least far: a scheduling gate, uncordon a \
node, tolerate a taint, relax the pod's own terms, remove a taint, free room on a node, raise the priority, add a node; \
then those that take the smallest share of what the node has.\n\n\
The same over the API: GET /apis/kubarium.io/v1/namespaces/NAMESPACE/pods/NAME/explanation, and .../remedies."
)]
pub struct ExplainArguments {
    /// What is explained.
    #[arg(value_enum, value_name = "KIND")]
    kind: Explained,
    /// Its name.
    name: String,
    /// Its namespace.
    #[arg(long, short, default_value = "default")]
    namespace: String,
    /// List every node by itself.
    #[arg(long, conflicts_with = "node")]
    all: bool,
    /// Only this node.
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    #[command(flatten)]
    place: PlaceArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Explained {
    #[value(alias = "pods", alias = "po")]
    Pod,
}

/// `kubarium explain`.
pub fn run(arguments: &ExplainArguments) -> Result<(), Failure> {
    let Explained::Pod = arguments.kind;
    let (namespace, name) = (segment("--namespace", &arguments.namespace)?, segment("NAME", &arguments.name)?);
    let path = format!("/apis/kubarium.io/v1/namespaces/{namespace}/pods/{name}/explanation");
    let mut place = arguments.place.find()?;
    let mut explanation = place.get(&path)?;
    let pending = explanation["decision"]["placement"].is_null();
    if pending && !arguments.all && arguments.node.is_none() {
        let path = format!("/apis/kubarium.io/v1/namespaces/{namespace}/pods/{name}/remedies");
        explanation["remedies"] = place.get(&path)?;
    }
    if arguments.place.json {
        return print(&format!("{explanation:#}\n"));
    }
    let mut text = decision(&explanation);
    let nodes: Vec<&Value> = list(&explanation["nodes"]).collect();
    if let Some(wanted) = &arguments.node {
        let node = nodes.iter().find(|n| word(n, "name") == wanted);
        let node = node.ok_or_else(|| Failure::usage(format!("--node: there is no node {wanted:?}")))?;
        _ = write!(text, "\n{}", stand(node));
        return print(&text);
    }
    text.push('\n');
    let (mut feasible, refused): (Vec<&Value>, Vec<&Value>) = nodes.into_iter().partition(|n| n["feasible"] == true);
    feasible.sort_by_key(|n| -n["score"].as_i64().unwrap_or_default());
    let shown = if arguments.all { feasible.len() } else { BEST_NODES };
    if !feasible.is_empty() {
        _ = writeln!(text, "{} now:", verb(feasible.len(), "would do", "would do"));
        text.push_str(&scores(&feasible[..shown.min(feasible.len())]));
        if feasible.len() > shown {
            _ = writeln!(text, "  and {} more; --all lists each", counted(feasible.len() - shown));
        }
    }
    if arguments.all {
        if !refused.is_empty() {
            _ = writeln!(text, "{} now:", verb(refused.len(), "refuses", "refuse"));
        }
        for node in refused {
            text.push_str(&stand(node));
        }
    } else {
        for (said, group) in groups(&refused) {
            _ = writeln!(text, "{}: {said}", verb(group.len(), "refuses", "refuse"));
            for line in numbers(&group) {
                _ = writeln!(text, "  {line}");
            }
        }
    }
    text.push_str(&remedies(&explanation["remedies"]));
    print(&text)
}

/// The smallest changes that would place it.
fn remedies(answer: &Value) -> String {
    if answer.is_null() {
        return String::new();
    }
    let [tried, untried] = ["tried", "untried"].map(|key| answer[key].as_u64().unwrap_or_default());
    let mut text = String::new();
    let items: Vec<&Value> = list(&answer["items"]).collect();
    if items.is_empty() {
        _ = writeln!(text, "\nnothing that was tried would place it ({tried} changes)");
    }
    if let Some(why) = answer["message"].as_str() {
        _ = writeln!(text, "{}{why}", if items.is_empty() { "" } else { "\n" });
    }
    if !items.is_empty() {
        text.push_str("\nany of these would place it, the smallest first:\n");
    }
    let line = |item: &Value| {
        let evicts: Vec<&str> = list(&item["evicts"]).filter_map(Value::as_str).collect();
        let evicts = if evicts.is_empty() { String::new() } else { format!(", in the place of {}", evicts.join(", ")) };
        vec![word(item, "message").to_owned(), format!("-> {}{evicts}", word(item, "node"))]
    };
    text.push_str(&table(&items.into_iter().map(line).collect::<Vec<_>>()));
    if untried > 0 {
        _ = writeln!(text, "  {tried} changes were tried, {untried} further ones were not");
    }
    text
}

fn verb(nodes: usize, one: &str, several: &str) -> String {
    if nodes == 1 { format!("1 node {one}") } else { format!("{} nodes {several}", counted(nodes)) }
}

/// What was decided, or would be.
fn decision(explanation: &Value) -> String {
    let (decision, metadata) = (&explanation["decision"], &explanation["metadata"]);
    let (placement, feasible) = (&decision["placement"], &decision["feasible"]);
    let mut text = format!("pod {}/{}", word(metadata, "namespace"), word(metadata, "name"));
    let by = word(explanation, "scheduler");
    if let Some(node) = placement["node"].as_str() {
        _ = write!(text, " is on {node}");
        if decision["recorded"] == true {
            _ = write!(text, ", chosen by {by} at {}", word(decision, "time"));
        }
        _ = writeln!(text, "\n{feasible} of {} nodes would have done", decision["nodes"]);
        if let Some(score) = placement["score"].as_i64() {
            _ = write!(text, "score {score}");
            if let Some(margin) = placement["margin"].as_i64() {
                let second = word(&placement["runnerUp"], "node");
                _ = match margin {
                    0 => write!(text, ", as {second}; the seed decided"),
                    ..0 => write!(text, ", {} less than {second}", -margin),
                    _ => write!(text, ", {margin} more than {second}"),
                };
            }
            let each = list(&placement["scores"]).map(|s| format!("{} {}", word(s, "plugin"), s["weighted"]));
            _ = writeln!(text, ": {}", each.collect::<Vec<_>>().join(" + "));
        }
    } else {
        _ = writeln!(text, " is pending");
        if let Some(message) = decision["message"].as_str() {
            _ = writeln!(text, "{message}");
        }
    }
    if let Some(note) = decision["note"].as_str() {
        _ = writeln!(text, "{note}");
    }
    if let Some(node) = decision["preemption"]["node"].as_str() {
        let victims = list(&decision["preemption"]["victims"]);
        let victims: Vec<_> = victims.map(|v| format!("{}/{}", word(v, "namespace"), word(v, "name"))).collect();
        _ = writeln!(text, "preemption: on {node}, {} make room", victims.join(", "));
    }
    let queue = &explanation["queue"];
    if let Some(place) = queue["place"].as_str() {
        let attempts = queue["attempts"].as_u64().unwrap_or_default();
        _ = write!(text, "queue: {place}, tried {attempts} times");
        if let Some(again) = queue["retryTime"].as_str() {
            _ = write!(text, ", again at {again} at the latest");
        }
        text.push('\n');
    }
    text
}

/// Nodes that refuse for the same reasons, the largest group first.
fn groups<'a>(nodes: &[&'a Value]) -> Vec<(&'a str, Vec<&'a Value>)> {
    let mut groups: Vec<(&str, Vec<&Value>)> = Vec::new();
    for node in nodes {
        let said = word(node, "stand");
        match groups.iter_mut().find(|(other, _)| *other == said) {
            Some((_, group)) => group.push(node),
            None => groups.push((said, vec![node])),
        }
    }
    groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.len()));
    groups
}

/// The numbers behind the reasons of a group: where most is left, and who keeps whom away.
fn numbers(group: &[&Value]) -> Vec<String> {
    let mut lines = Vec::new();
    let reasons = group.first().map_or(0, |n| list(&n["reasons"]).count());
    for at in 0..reasons {
        let of = |node: &Value| {
            let reason = &node["reasons"][at];
            let amount = |key: &str| Some(Quantity::parse(word(reason, key)).ok()?.milli());
            Some((amount("allocatable")? - amount("used")?, word(node, "name").to_owned(), reason.clone()))
        };
        if let Some((_, name, reason)) = group.iter().filter_map(|n| of(n)).max_by_key(|(free, ..)| *free) {
            lines.push(format!("most is left on {name}: {}", needs(&reason)));
        }
        let mut taints: Vec<(String, usize)> = Vec::new();
        for taint in group.iter().filter_map(|n| taint(&n["reasons"][at])) {
            match taints.iter_mut().find(|(other, _)| *other == taint) {
                Some((_, nodes)) => *nodes += 1,
                None => taints.push((taint, 1)),
            }
        }
        lines.extend(taints.into_iter().map(|(taint, nodes)| format!("{taint} on {}", counted(nodes))));
    }
    lines
}

fn needs(reason: &Value) -> String {
    let what = reason["resource"].as_str().unwrap_or("pods");
    let [needs, used, have] = ["requested", "used", "allocatable"].map(|key| word(reason, key));
    format!("needs {needs} {what}, {used} of {have} in use")
}

fn taint(reason: &Value) -> Option<String> {
    let taint = &reason["taint"];
    let key = taint["key"].as_str()?;
    let value = word(taint, "value");
    let equals = if value.is_empty() { "" } else { "=" };
    Some(format!("{key}{equals}{value}:{}", word(taint, "effect")))
}

/// Nodes that would do, one a line, with a column for each plugin.
fn scores(nodes: &[&Value]) -> String {
    let mut rows = vec![vec!["NODE".to_owned()]];
    let plugins = nodes.first().map(|n| list(&n["scores"]).collect::<Vec<_>>()).unwrap_or_default();
    if !plugins.is_empty() {
        rows[0].push("SCORE".to_owned());
        rows[0].extend(plugins.iter().map(|s| word(s, "plugin").to_owned()));
    }
    for node in nodes {
        let mut row = vec![word(node, "name").to_owned()];
        row.extend(node["score"].as_i64().map(|score| score.to_string()));
        row.extend(list(&node["scores"]).map(|s| format!("{} > {} > {}", s["raw"], s["normalized"], s["weighted"])));
        rows.push(row);
    }
    table(&rows)
}

/// One node in one line.
fn stand(node: &Value) -> String {
    if node["feasible"] == true {
        return scores(&[node]);
    }
    let mut text = format!("  {}  {}", word(node, "name"), word(node, "stand"));
    for reason in list(&node["reasons"]) {
        if let Some(taint) = taint(reason) {
            _ = write!(text, " ({taint})");
        } else if reason["requested"].is_string() {
            _ = write!(text, " ({})", needs(reason));
        }
    }
    text.push('\n');
    text
}
