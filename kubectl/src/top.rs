//! `top`: what nodes and pods use now, where the cluster measures it.

use crate::call::Call;
use crate::commands::{ALL_NAMESPACES, SELECTOR};
use crate::failure::Failure;
use crate::flags::{Flag, switch, text};
use crate::go::{items, text as text_at};
use crate::tabs;
use kubarium_core::api::Quantity;
use serde_json::Value;
use std::fmt::Write as _;

pub(crate) const FLAGS: &[Flag] = &[
    ALL_NAMESPACES,
    SELECTOR,
    switch("no-headers", ' ', "no line of column names"),
    text("sort-by", ' ', "cpu or memory"),
    switch("containers", ' ', "each container by itself"),
    switch("use-protocol-buffers", ' ', "not used here"),
];

/// What is used: thousandths of a cpu, and bytes.
fn used(usage: &Value) -> (i64, i64) {
    let of = |key: &str| Quantity::parse(text_at(usage, &format!("/{key}"))).unwrap_or(Quantity::from_value(0));
    (of("cpu").milli(), of("memory").value())
}

fn cells((cpu, memory): (i64, i64)) -> String {
    format!("{cpu}m\t{}Mi", memory >> 20)
}

async fn measured(call: &Call<'_>, path: &str) -> Result<Vec<Value>, Failure> {
    let groups = call.get("/apis", &[], "application/json").await?;
    if !items(&groups, "/groups").iter().any(|group| text_at(group, "/name") == "metrics.k8s.io") {
        return Err(Failure::error("Metrics API not available"));
    }
    let list = call.get(path, &[("labelSelector", call.given.text("selector"))], "application/json").await?;
    let mut found = items(&list, "/items").to_vec();
    if let Some(name) = call.arguments().first() {
        found.retain(|item| text_at(item, "/metadata/name") == name);
        if found.is_empty() {
            return Err(Failure::error(format!("no metrics known for {}", crate::go::quoted(name))));
        }
    }
    Ok(found)
}

fn sort(call: &Call<'_>, rows: &mut [(String, (i64, i64))]) -> Result<(), Failure> {
    match call.given.text("sort-by") {
        "" => rows.sort(),
        "cpu" => rows.sort_by_key(|(_, (cpu, _))| -cpu),
        "memory" => rows.sort_by_key(|(_, (_, memory))| -memory),
        _ => return Err(Failure::error("--sort-by accepts only cpu or memory")),
    }
    Ok(())
}

pub(crate) async fn nodes(call: &Call<'_>) -> Result<(), Failure> {
    let found = measured(call, "/apis/metrics.k8s.io/v1beta1/nodes").await?;
    let nodes = call.get("/api/v1/nodes", &[], "application/json").await?;
    let mut rows: Vec<(String, (i64, i64))> =
        found.iter().map(|item| (text_at(item, "/metadata/name").to_owned(), used(&item["usage"]))).collect();
    sort(call, &mut rows)?;
    let mut text = String::new();
    if !call.given.on("no-headers") {
        text.push_str("NAME\tCPU(cores)\tCPU(%)\tMEMORY(bytes)\tMEMORY(%)\n");
    }
    for (name, (cpu, memory)) in rows {
        let node = items(&nodes, "/items").iter().find(|node| text_at(node, "/metadata/name") == name);
        let (all_cpu, all_memory) = node.map(|node| used(&node["status"]["allocatable"])).unwrap_or_default();
        let percent =
            |part: i64, all: i64| if all > 0 { format!("{}%", part * 100 / all) } else { "<unknown>".to_owned() };
        let (cpu_share, memory_share) = (percent(cpu, all_cpu), percent(memory, all_memory));
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name}\t{cpu}m\t{cpu_share}\t{}Mi\t{memory_share}", memory >> 20);
    }
    call.out(&tabs::align(&text, tabs::TABLE));
    Ok(())
}

pub(crate) async fn pods(call: &Call<'_>) -> Result<(), Failure> {
    let everywhere = call.everywhere();
    let path = if everywhere {
        "/apis/metrics.k8s.io/v1beta1/pods".to_owned()
    } else {
        format!("/apis/metrics.k8s.io/v1beta1/namespaces/{}/pods", crate::api::encoded(&call.namespace()))
    };
    let found = measured(call, &path).await?;
    let apart = call.given.on("containers");
    let mut rows = Vec::new();
    for pod in &found {
        let mut name = text_at(pod, "/metadata/name").to_owned();
        if everywhere {
            name = format!("{}\t{name}", text_at(pod, "/metadata/namespace"));
        }
        let of = items(pod, "/containers").iter().map(|c| (text_at(c, "/name"), used(&c["usage"])));
        if apart {
            rows.extend(of.map(|(container, used)| (format!("{name}\t{container}"), used)));
        } else {
            let sum = of.fold((0, 0), |(cpu, memory), (_, (c, m))| (cpu + c, memory + m));
            rows.push((name, sum));
        }
    }
    if rows.is_empty() {
        call.note(&if everywhere {
            "No resources found".to_owned()
        } else {
            format!("No resources found in {} namespace.", call.namespace())
        });
        return Ok(());
    }
    sort(call, &mut rows)?;
    let mut text = String::new();
    if !call.given.on("no-headers") {
        let head = [everywhere.then_some("NAMESPACE"), Some(if apart { "POD\tNAME" } else { "NAME" })];
        let head: Vec<&str> = head.into_iter().flatten().collect();
        // Writing to a string does not fail, here and below.
        let _ = writeln!(text, "{}\tCPU(cores)\tMEMORY(bytes)", head.join("\t"));
    }
    for (name, used) in rows {
        let _ = writeln!(text, "{name}\t{}", cells(used));
    }
    call.out(&tabs::align(&text, tabs::TABLE));
    Ok(())
}
