//! `top`: what nodes and pods use now, where the cluster measures it.

use crate::api::encoded;
use crate::call::Call;
use crate::commands::{ALL_NAMESPACES, SELECTOR};
use crate::failure::Failure;
use crate::flags::{Flag, switch, text};
use crate::go::{items, text as text_at};
use crate::tabs;
use kubarium_core::api::Quantity;
use serde_json::Value;

pub(crate) const FLAGS: &[Flag] = &[
    SELECTOR,
    switch("no-headers", ' ', "no line of column names"),
    text("sort-by", ' ', "cpu or memory"),
    switch("use-protocol-buffers", ' ', "not used here"),
];

pub(crate) const OF_NODES: &[Flag] =
    &[switch("show-capacity", ' ', "shares of all there is, not of what pods may have")];

pub(crate) const OF_PODS: &[Flag] = &[
    ALL_NAMESPACES,
    switch("containers", ' ', "each container by itself"),
    switch("sum", ' ', "a line with the sum of all"),
];

/// What is used: thousandths of a cpu, and bytes.
type Used = (i64, i64);

fn used(usage: &Value) -> Used {
    let of = |key: &str| Quantity::parse(text_at(usage, &format!("/{key}"))).unwrap_or(Quantity::from_value(0));
    (of("cpu").milli(), of("memory").value())
}

fn sum(all: impl IntoIterator<Item = Used>) -> Used {
    all.into_iter().fold((0, 0), |(cpu, memory), (c, m)| (cpu + c, memory + m))
}

/// What is measured of one, or of all that are selected.
async fn measured(call: &Call<'_>, path: &str) -> Result<Vec<Value>, Failure> {
    let groups = call.get("/apis", &[], "application/json").await?;
    if !items(&groups, "/groups").iter().any(|group| text_at(group, "/name") == "metrics.k8s.io") {
        return Err(Failure::error("Metrics API not available"));
    }
    let selector = call.given.text("selector");
    match call.arguments() {
        [] => {
            let list = call.get(path, &[("labelSelector", selector)], "application/json").await?;
            Ok(items(&list, "/items").to_vec())
        }
        [name] if selector.is_empty() => {
            Ok(vec![call.get(&format!("{path}/{}", encoded(name)), &[], "application/json").await?])
        }
        [_] => Err(Failure::error("only one of NAME or selector can be provided")),
        _ => {
            let kind = if path.ends_with("nodes") { "node" } else { "pod" };
            Err(call.usage(format!("{kind} [NAME | -l label]")))
        }
    }
}

fn sort<T: Ord>(call: &Call<'_>, rows: &mut [(T, Used)]) -> Result<(), Failure> {
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    match call.given.text("sort-by") {
        "" => {}
        "cpu" => rows.sort_by_key(|(_, (cpu, _))| -cpu),
        "memory" => rows.sort_by_key(|(_, (_, memory))| -memory),
        _ => return Err(Failure::error("--sort-by accepts only cpu or memory")),
    }
    Ok(())
}

/// Prints a table of which every cell ends in a tab, the last one too.
fn print(call: &Call<'_>, head: &[&str], rows: &[Vec<String>]) {
    let mut text = String::new();
    if !call.given.on("no-headers") {
        text.extend(head.iter().flat_map(|cell| [*cell, "\t"]));
        text.push('\n');
    }
    for row in rows {
        text.extend(row.iter().flat_map(|cell| [cell.as_str(), "\t"]));
        text.push('\n');
    }
    call.out(&tabs::align(&text, tabs::TABLE));
}

fn cells((cpu, memory): Used) -> [String; 2] {
    [format!("{cpu}m"), format!("{}Mi", memory >> 20)]
}

pub(crate) async fn nodes(call: &Call<'_>) -> Result<(), Failure> {
    let found = measured(call, "/apis/metrics.k8s.io/v1beta1/nodes").await?;
    if found.is_empty() {
        return Err(Failure::error("metrics not available yet"));
    }
    let selector = call.given.text("selector");
    let nodes = call.get("/api/v1/nodes", &[("labelSelector", selector)], "application/json").await?;
    let name = |item: &Value| text_at(item, "/metadata/name").to_owned();
    let whole = if call.given.on("show-capacity") { "capacity" } else { "allocatable" };
    let of_node = |name: &str| {
        let node = items(&nodes, "/items").iter().find(|node| text_at(node, "/metadata/name") == name);
        node.map(|node| used(&node["status"][whole])).unwrap_or_default()
    };
    let mut told: Vec<(String, Used)> = found.iter().map(|item| (name(item), used(&item["usage"]))).collect();
    sort(call, &mut told)?;
    let percent = |part: i64, all: i64| if all > 0 { format!("{}%", part * 100 / all) } else { "<unknown>".to_owned() };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (name, (cpu, memory)) in &told {
        let all = of_node(name);
        let [cores, bytes] = cells((*cpu, *memory));
        rows.push(vec![name.clone(), cores, percent(*cpu, all.0), bytes, percent(*memory, all.1)]);
    }
    if call.arguments().is_empty() {
        let silent = items(&nodes, "/items").iter().map(name).filter(|node| told.iter().all(|(name, _)| name != node));
        rows.extend(silent.map(|name| [name].into_iter().chain(vec!["<unknown>".to_owned(); 4]).collect()));
    }
    print(call, &["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"], &rows);
    Ok(())
}

pub(crate) async fn pods(call: &Call<'_>) -> Result<(), Failure> {
    let everywhere = call.everywhere();
    let path = if everywhere {
        "/apis/metrics.k8s.io/v1beta1/pods".to_owned()
    } else {
        format!("/apis/metrics.k8s.io/v1beta1/namespaces/{}/pods", encoded(&call.namespace()))
    };
    let found = measured(call, &path).await?;
    if found.is_empty() {
        call.note(&if everywhere {
            "No resources found".to_owned()
        } else {
            format!("No resources found in {} namespace.", call.namespace())
        });
        return Ok(());
    }
    let apart = call.given.on("containers");
    // Pods are sorted as wholes.
    let mut pods: Vec<((&str, &str, usize), Used)> = Vec::new();
    let containers =
        |at: usize| items(&found[at], "/containers").iter().map(|c| (text_at(c, "/name"), used(&c["usage"])));
    for (at, pod) in found.iter().enumerate() {
        let key = (text_at(pod, "/metadata/namespace"), text_at(pod, "/metadata/name"), at);
        pods.push((key, sum(containers(at).map(|(_, used)| used))));
    }
    sort(call, &mut pods)?;
    let mut rows = Vec::new();
    for ((namespace, name, at), used) in &pods {
        let place = everywhere.then_some(*namespace).into_iter().chain([*name]).map(str::to_owned);
        if apart {
            rows.extend(
                containers(*at).map(|(c, used)| place.clone().chain([c.to_owned()]).chain(cells(used)).collect()),
            );
        } else {
            rows.push(place.chain(cells(*used)).collect::<Vec<_>>());
        }
    }
    let head = [everywhere.then_some("NAMESPACE"), Some(if apart { "POD" } else { "NAME" }), apart.then_some("NAME")];
    let head: Vec<&str> = head.into_iter().flatten().collect();
    if call.given.on("sum") {
        let line = |cells: [String; 2]| vec![String::new(); head.len()].into_iter().chain(cells).collect::<Vec<_>>();
        rows.push(line(["________".to_owned(), "________".to_owned()]));
        rows.push(line(cells(sum(pods.iter().map(|(_, used)| *used)))));
    }
    print(call, &[&head[..], &["CPU(cores)", "MEMORY(bytes)"]].concat(), &rows);
    Ok(())
}
