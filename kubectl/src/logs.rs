//! `logs`: what containers wrote.

use crate::call::Call;
use crate::commands::SELECTOR;
use crate::failure::Failure;
use crate::flags::{Flag, number, switch, text};
use crate::go::{self, items, text as text_at};
use crate::target::Naming;
use kubarium_core::apiserver::Request;
use serde_json::Value;

pub(crate) const FLAGS: &[Flag] = &[
    text("container", 'c', "of this container"),
    switch("all-containers", ' ', "of all containers"),
    switch("all-pods", ' ', "of all pods of a controller"),
    switch("previous", 'p', "of the container's life before this one"),
    switch("follow", 'f', "go on with what it writes"),
    switch("timestamps", ' ', "with the time of each line"),
    switch("prefix", ' ', "with pod and container before each line"),
    number("tail", ' ', "-1", "only so many last lines"),
    number("limit-bytes", ' ', "0", "at most so many bytes"),
    text("since", ' ', "only as new as this, such as 5m"),
    text("since-time", ' ', "only what came after this instant"),
    switch("ignore-errors", ' ', "go on after errors"),
    number("max-log-requests", ' ', "5", "not used here"),
    SELECTOR,
];

/// How often one looks for more.
const LOOK_MS: u32 = 500;

pub(crate) async fn run(call: &Call<'_>) -> Result<(), Failure> {
    let selector = call.given.text("selector");
    let words = call.arguments();
    if words.is_empty() && selector.is_empty() {
        return Err(call.usage("expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command"));
    }
    if !words.is_empty() && !selector.is_empty() {
        return Err(call.usage("only a selector (-l) or a POD name is allowed"));
    }
    let pods = pods(call, words, selector).await?;
    if pods.is_empty() {
        let place = call.namespace();
        call.note(&format!("No resources found in {place} namespace."));
        return Ok(());
    }
    let mut sources = Vec::new();
    for pod in &pods {
        for container in containers(call, pod)? {
            sources.push((text_at(pod, "/metadata/name").to_owned(), container));
        }
    }
    let prefixed = call.given.on("prefix");
    let tail = match call.given.number("tail") {
        -1 if !selector.is_empty() => 10,
        tail => tail,
    };
    let mut told = vec![0; sources.len()];
    loop {
        for ((pod, container), told) in sources.iter().zip(&mut told) {
            let mut request = Request::get(format!(
                "/api/v1/namespaces/{}/pods/{}/log",
                crate::api::encoded(&call.namespace()),
                crate::api::encoded(pod)
            ));
            let tail_text = tail.to_string();
            let since = go::span(call.given.text("since")).map(|span| span.as_secs().max(1).to_string());
            let limit = call.given.text("limit-bytes");
            // Who follows asks again and again, and counts what was told.
            let first = *told == 0;
            request.query = crate::api::query(&[
                ("container", container),
                ("previous", if call.given.on("previous") { "true" } else { "" }),
                ("timestamps", if call.given.on("timestamps") { "true" } else { "" }),
                ("tailLines", if tail >= 0 && !call.given.on("follow") { &tail_text } else { "" }),
                ("sinceSeconds", since.as_deref().unwrap_or_default()),
                ("sinceTime", call.given.text("since-time")),
                ("limitBytes", if limit == "0" { "" } else { limit }),
            ]);
            let body = match call.send(request).await {
                Ok(response) => response.body,
                Err(failure) if call.given.on("ignore-errors") => {
                    call.note(&failure.message());
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            let lines: Vec<&str> = body.lines().collect();
            let skip = if first && call.given.on("follow") && tail >= 0 {
                lines.len().saturating_sub(tail as usize)
            } else {
                (*told).min(lines.len())
            };
            let mark = if prefixed { format!("[pod/{pod}/{container}] ") } else { String::new() };
            for line in &lines[skip..] {
                call.line(&format!("{mark}{line}"));
            }
            if call.given.on("follow") {
                *told = lines.len();
            }
        }
        if !call.given.on("follow") {
            return Ok(());
        }
        call.host.sleep(LOOK_MS).await;
    }
}

async fn pods(call: &Call<'_>, words: &[String], selector: &str) -> Result<Vec<Value>, Failure> {
    let path = format!("/api/v1/namespaces/{}/pods", crate::api::encoded(&call.namespace()));
    if !selector.is_empty() {
        let list = call.get(&path, &[("labelSelector", selector)], "application/json").await?;
        return Ok(items(&list, "/items").to_vec());
    }
    let first = words.first().map(String::as_str).unwrap_or_default();
    let target = if first.contains('/') {
        words.get(..1).unwrap_or_default().to_vec()
    } else {
        vec!["pods".to_owned(), first.to_owned()]
    };
    let mut found = Vec::new();
    for target in call.targets(&target, Naming::default()).await?.list {
        let object =
            call.get(&target.path(), &[], "application/json").await.map_err(|failure| match failure.reason() {
                "NotFound" => {
                    let place = crate::go::quoted(&call.namespace());
                    Failure::error(format!("error from server (NotFound): {} in namespace {place}", failure.message()))
                }
                _ => failure,
            })?;
        if target.resource.kind == "Pod" {
            found.push(object);
            continue;
        }
        let pairs = go::entries(&object, "/spec/selector").map(|(key, value)| format!("{key}={}", go::plain(value)));
        let selector = pairs.collect::<Vec<_>>().join(",");
        if selector.is_empty() {
            return Err(Failure::error(format!(
                "cannot get the logs from {}: no pods belong to it",
                target.resource.kind
            )));
        }
        let list = call.get(&path, &[("labelSelector", &selector)], "application/json").await?;
        let mut pods = items(&list, "/items").to_vec();
        let count = pods.len();
        if count > 1 && !call.given.on("all-pods") {
            pods.truncate(1);
            let name = pods.first().map(|pod| text_at(pod, "/metadata/name").to_owned()).unwrap_or_default();
            call.note(&format!("Found {count} pods, using pod/{name}"));
        }
        found.extend(pods);
    }
    Ok(found)
}

/// The containers of a pod whose output is wanted.
fn containers(call: &Call<'_>, pod: &Value) -> Result<Vec<String>, Failure> {
    let names = |pointer: &str| -> Vec<String> {
        items(pod, pointer).iter().map(|container| text_at(container, "/name").to_owned()).collect()
    };
    let (all, inits) = (names("/spec/containers"), names("/spec/initContainers"));
    let wanted = match (call.given.text("container"), call.arguments().get(1)) {
        ("", Some(word)) => word,
        (given, _) => given,
    };
    if call.given.on("all-containers") {
        return Ok(inits.into_iter().chain(all).collect());
    }
    if !wanted.is_empty() {
        if all.iter().chain(&inits).any(|name| name == wanted) {
            return Ok(vec![wanted.to_owned()]);
        }
        return Err(Failure::error(format!(
            "container {wanted} is not valid for pod {}",
            text_at(pod, "/metadata/name")
        )));
    }
    if all.len() > 1
        && let Some(first) = all.first()
    {
        let list =
            if inits.is_empty() { all.join(", ") } else { format!("{}, {} (init)", all.join(", "), inits.join(", ")) };
        call.note(&format!("Defaulted container {} out of: {list}", go::quoted(first)));
    }
    Ok(all.into_iter().take(1).collect())
}
