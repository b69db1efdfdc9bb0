//! `kubarium survive`: whether the cluster survives the loss of nodes.

use super::place::PlaceArguments;
use super::text::{counted, list, print, table, word};
use crate::failure::Failure;
use clap::Args;
use serde_json::Value;
use std::fmt::Write as _;

/// How many losses, and how many pods of each, are listed where not all are asked for.
const LISTED: usize = 10;

/// Flags of `kubarium survive`.
#[derive(Args, Debug)]
#[command(after_long_help = "Examples:\n\n  kubarium survive                            the loss of any one node\n  \
kubarium survive --nodes 2                  and of any two\n  \
kubarium survive --scenario cluster.yaml    of a cluster that is simulated first\n\n\
A lost node stays in the API as unreachable, as it is until somebody deletes it. Its replicas are placed anew, by the same \
schedulers, in a copy of the cluster; quotas are not looked at. A pod that no controller keeps is gone with its node.\n\n\
Of two nodes: a pair is survived for sure, and not tried, where every kind of replica on them is taken by more nodes than \
there are replicas to place and nodes lost, and what is on one node does not matter to others. A pair with a node whose \
loss alone is not survived is not tried either. All others are, the most crowded first, up to --tries.\n\n\
The same over the API: GET /apis/kubarium.io/v1/survival?nodes=N&tries=N.")]
pub struct SurviveArguments {
    /// How many nodes are lost at a time.
    #[arg(long, value_name = "1|2", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=2))]
    nodes: u32,
    /// How many pairs of nodes are tried at most.
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    tries: u32,
    /// List every loss and every pod.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    place: PlaceArguments,
}

/// `kubarium survive`.
pub fn run(arguments: &SurviveArguments) -> Result<(), Failure> {
    let path = format!("/apis/kubarium.io/v1/survival?nodes={}&tries={}", arguments.nodes, arguments.tries);
    let answer = arguments.place.find()?.get(&path)?;
    if arguments.place.json {
        return print(&format!("{answer:#}\n"));
    }
    print(&told(&answer, if arguments.all { usize::MAX } else { LISTED }))
}

fn number(value: &Value, key: &str) -> usize {
    value[key].as_u64().unwrap_or_default() as usize
}

fn told(answer: &Value, most: usize) -> String {
    let (single, pairs) = (&answer["single"], &answer["pairs"]);
    let (nodes, lost) = (number(single, "scheduled"), list(&single["losses"]).count());
    let mut text = match lost {
        0 => format!("the loss of any one node is survived: all {} were tried\n", counted(nodes)),
        _ => format!(
            "the loss of any one node is not survived: {} of {} leave pods without a home\n",
            counted(lost),
            counted(nodes)
        ),
    };
    text.push_str(&losses(single, most));
    if pairs.is_object() {
        let [all, sure, implied, scheduled, left, lost] =
            ["all", "survivedByCount", "withNodeLostAlone", "scheduled", "notLookedAt", "lost"]
                .map(|key| number(pairs, key));
        let verdict = match (lost + implied, left) {
            (0, 0) => "the loss of any two nodes is survived",
            (0, _) => "the loss of any two nodes that was looked at is survived",
            _ => "the loss of any two nodes is not survived",
        };
        _ = writeln!(text, "\n{verdict}: {} pairs", counted(all));
        let rows = [
            (sure, "survived for sure: more nodes take each kind of replica than there are replicas to place"),
            (scheduled - lost, "tried, and survived"),
            (lost, "tried, and not survived"),
            (implied, "not tried: one of the two is not survived alone"),
            (left, "not looked at: --tries asks for more"),
        ];
        let rows = rows.iter().filter(|(pairs, _)| *pairs > 0);
        text.push_str(&table(&rows.map(|(pairs, what)| vec![counted(*pairs), (*what).to_owned()]).collect::<Vec<_>>()));
        text.push_str(&losses(pairs, most));
        let named = list(&pairs["losses"]).count();
        if lost > named {
            _ = writeln!(
                text,
                "  only the {} worst pairs are named; there are {} more",
                counted(named),
                counted(lost - named)
            );
        }
    }
    let bare: Vec<&Value> = list(&answer["bare"]).collect();
    if !bare.is_empty() {
        let verb = if bare.len() == 1 {
            "pod is kept by no controller and goes with its node"
        } else {
            "pods are kept by no controller and go with their nodes"
        };
        _ = writeln!(text, "\n{} {verb}", counted(bare.len()));
        let rows = bare.iter().take(most).map(|pod| vec![full(pod), word(pod, "node").to_owned()]);
        text.push_str(&table(&rows.collect::<Vec<_>>()));
        text.push_str(&rest(bare.len(), most));
    }
    let enduring = number(answer, "enduring");
    if enduring > 0 {
        _ = writeln!(text, "\n{} pods tolerate the loss for ever and wait for their node", counted(enduring));
    }
    text
}

fn full(pod: &Value) -> String {
    format!("{}/{}", word(pod, "namespace"), word(pod, "name"))
}

fn rest(all: usize, most: usize) -> String {
    if all > most { format!("  and {} more; --all lists each\n", counted(all - most)) } else { String::new() }
}

/// Losses that leave pods without a home, the worst first, each with its pods.
fn losses(of: &Value, most: usize) -> String {
    let losses: Vec<&Value> = list(&of["losses"]).collect();
    let mut text = String::new();
    for loss in losses.iter().take(most) {
        let nodes: Vec<&str> = list(&loss["nodes"]).filter_map(Value::as_str).collect();
        let pods: Vec<&Value> = list(&loss["homeless"]).collect();
        let count = if pods.len() == 1 { "1 pod".to_owned() } else { format!("{} pods", counted(pods.len())) };
        _ = writeln!(text, "\n{}: {count} without a home", nodes.join(" and "));
        let rows = pods.iter().take(most).map(|pod| vec![full(pod), word(pod, "message").to_owned()]);
        text.push_str(&table(&rows.collect::<Vec<_>>()));
        text.push_str(&rest(pods.len(), most));
    }
    if losses.len() > most {
        _ = writeln!(text, "\nand {} more losses; --all lists each", counted(losses.len() - most));
    }
    text
}
