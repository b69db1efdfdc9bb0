//! `kubarium fit`: how many more replicas there could be.

use super::place::{PlaceArguments, segment};
use super::text::{counted, list, print, table, word};
use crate::failure::Failure;
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::PathBuf;

/// How many nodes are listed where not all are asked for.
const NODES: usize = 10;

/// Flags of `kubarium fit`.
#[derive(Args, Debug)]
#[command(
    after_long_help = "Examples:\n\n  kubarium fit rc web                          more replicas of a controller\n  \
kubarium fit pod web-1                       more pods like this one\n  \
kubarium fit -f pod.yaml                     of what is yet to be created\n  \
kubarium fit rc web --scenario cluster.yaml  in a cluster that is simulated first\n\n\
They are created in a copy of the cluster and scheduled there, until one gets no node. Nobody is evicted for them.\n\n\
The same over the API: GET /apis/kubarium.io/v1/namespaces/NAMESPACE/{pods,replicationcontrollers}/NAME/fit, POST of a \
manifest to .../namespaces/NAMESPACE/fits; ?limit= bounds the search."
)]
pub struct FitArguments {
    /// What there shall be more of.
    #[arg(value_enum, value_name = "KIND", requires = "name", required_unless_present = "file")]
    kind: Option<Kind>,
    /// Its name.
    name: Option<String>,
    /// File with the manifest of a Pod or a `ReplicationController` that is yet to be created.
    #[arg(long, short, value_name = "FILE", conflicts_with = "kind")]
    file: Option<PathBuf>,
    /// The namespace.
    #[arg(long, short, default_value = "default")]
    namespace: String,
    /// At how many the search ends, 1,000,000 at most.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    /// List every node they would go to.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    place: PlaceArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    #[value(alias = "pods", alias = "po")]
    Pod,
    #[value(alias = "replicationcontroller", alias = "replicationcontrollers")]
    Rc,
}

/// `kubarium fit`.
pub fn run(arguments: &FitArguments) -> Result<(), Failure> {
    let space = format!("/apis/kubarium.io/v1/namespaces/{}", segment("--namespace", &arguments.namespace)?);
    let limit = arguments.limit;
    let answer = match (&arguments.file, arguments.kind) {
        (Some(file), _) => {
            let text = std::fs::read_to_string(file)
                .map_err(|e| Failure::usage(format!("--file: {}: {e}", file.display())))?;
            arguments.place.find()?.post(&format!("{space}/fits?limit={limit}"), &text)?
        }
        (None, kind) => {
            let plural = if kind == Some(Kind::Pod) { "pods" } else { "replicationcontrollers" };
            let name = segment("NAME", arguments.name.as_deref().unwrap_or_default())?;
            arguments.place.find()?.get(&format!("{space}/{plural}/{name}/fit?limit={limit}"))?
        }
    };
    if arguments.place.json {
        return print(&format!("{answer:#}\n"));
    }
    print(&told(&answer, arguments.all))
}

fn told(answer: &Value, all: bool) -> String {
    let number = |key: &str| answer[key].as_u64().unwrap_or_default() as usize;
    let (fits, name) = (number("fits"), word(&answer["metadata"], "name"));
    let mut text = match answer["replicas"].as_u64() {
        Some(had) => format!("{} more replicas of {name} fit, beside the {had} there are\n", counted(fits)),
        None => format!("{} more pods like {name} fit\n", counted(fits)),
    };
    match answer["refusal"]["message"].as_str() {
        None => {
            let limit = counted(number("limit"));
            _ = writeln!(text, "the search ended at {limit}: there may be room for more (--limit)");
        }
        Some(message) => {
            _ = writeln!(text, "the next one is refused: {message}");
            if let Some(node) = answer["refusal"]["makesRoomOn"].as_str() {
                _ = writeln!(text, "it would have less important pods evicted on {node}");
            }
        }
    }
    let mut nodes: Vec<&Value> = list(&answer["nodes"]).collect();
    nodes.sort_by_key(|n| std::cmp::Reverse(n["pods"].as_u64()));
    let rest = if all { 0 } else { nodes.len().saturating_sub(NODES) };
    nodes.truncate(nodes.len() - rest);
    if !nodes.is_empty() {
        let mut rows = vec![vec!["NODE".to_owned(), "MORE".to_owned()]];
        rows.extend(nodes.into_iter().map(|n| vec![word(n, "name").to_owned(), n["pods"].to_string()]));
        text.push('\n');
        text.push_str(&table(&rows));
    }
    if rest > 0 {
        _ = writeln!(text, "  and {} more nodes; --all lists each", counted(rest));
    }
    text
}
