//! `drain`: a node closed, and its pods asked to go elsewhere.

use crate::call::{Call, DryRun};
use crate::commands::{CHUNK, DRY_RUN, SELECTOR};
use crate::delete::until_gone;
use crate::failure::Failure;
use crate::flags::{Flag, number, switch, text};
use crate::go::{items, quoted, text as text_at};
use crate::node::close;
use kubarium_core::apiserver::Method;
use serde_json::{Value, json};

pub(crate) const FLAGS: &[Flag] = &[
    SELECTOR,
    DRY_RUN,
    CHUNK,
    switch("force", ' ', "also pods that nothing makes anew"),
    switch("ignore-daemonsets", ' ', "leave pods of daemon sets"),
    switch("delete-emptydir-data", ' ', "also pods with data on the node"),
    switch("disable-eviction", ' ', "delete instead of asking"),
    number("grace-period", ' ', "-1", "how many seconds pods have to end"),
    text("pod-selector", ' ', "only pods with these labels"),
    text("timeout", ' ', "how long to wait").or("0s"),
];

/// How often a pod is asked again that a disruption budget keeps.
const AGAIN_MS: u32 = 5_000;

pub(crate) async fn run(call: &Call<'_>) -> Result<(), Failure> {
    let dry = call.dry_run()?;
    let nodes = close(call, true).await?;
    let mut failures = Vec::new();
    for node in nodes {
        match one(call, &node, dry).await {
            Ok(()) => call.line(&format!("node/{node} drained{}", dry.mark())),
            Err(failure) => {
                let why = format!("unable to drain node {} due to error: {}", quoted(&node), failure.message());
                call.note(&format!(
                    "error: {why}, continuing command...\nThere are pending nodes to be drained:\n {node}"
                ));
                failures.push(Failure::Plain(failure.message()));
            }
        }
    }
    Failure::all(failures)
}

/// What keeps a pod, unless a flag says otherwise.
struct Obstacle {
    flag: &'static str,
    refusal: &'static str,
    warning: &'static str,
}

/// Why a pod is not simply sent away. `with_data`: not because of data that it has on the node.
fn obstacle(pod: &Value, with_data: bool) -> Option<Obstacle> {
    let finished = ["Succeeded", "Failed"].contains(&text_at(pod, "/status/phase"));
    let owner = items(pod, "/metadata/ownerReferences").iter().find(|owner| owner["controller"] == true);
    let data = items(pod, "/spec/volumes").iter().any(|volume| volume.get("emptyDir").is_some());
    if owner.is_some_and(|owner| text_at(owner, "/kind") == "DaemonSet") {
        Some(Obstacle {
            flag: "ignore-daemonsets",
            refusal: "cannot delete DaemonSet-managed Pods",
            warning: "ignoring DaemonSet-managed Pods",
        })
    } else if data && !finished && !with_data {
        Some(Obstacle { flag: "delete-emptydir-data", refusal: "cannot delete Pods with local storage", warning: "" })
    } else if owner.is_none() && !finished {
        Some(Obstacle {
            flag: "force",
            refusal: "cannot delete Pods that declare no controller",
            warning: "deleting Pods that declare no controller",
        })
    } else {
        None
    }
}

async fn one(call: &Call<'_>, node: &str, dry: DryRun) -> Result<(), Failure> {
    let fields = format!("spec.nodeName={node}");
    let selectors = [("fieldSelector", fields.as_str()), ("labelSelector", call.given.text("pod-selector"))];
    let list = call.get("/api/v1/pods", &selectors, "application/json").await?;
    let full = |pod: &Value| format!("{}/{}", text_at(pod, "/metadata/namespace"), text_at(pod, "/metadata/name"));
    let mut refused: Vec<(&str, &str, Vec<String>)> = Vec::new();
    let mut warned: Vec<(&str, Vec<String>)> = Vec::new();
    let mut going = Vec::new();
    for pod in items(&list, "/items") {
        let mirror = pod.pointer("/metadata/annotations").and_then(|all| all.get("kubernetes.io/config.mirror"));
        if mirror.is_some() {
            continue;
        }
        match obstacle(pod, call.given.on("delete-emptydir-data")) {
            Some(Obstacle { flag, refusal: why, .. }) if !call.given.on(flag) => {
                match refused.iter_mut().find(|(f, _, _)| *f == flag) {
                    Some((_, _, pods)) => pods.push(full(pod)),
                    None => refused.push((flag, why, vec![full(pod)])),
                }
            }
            Some(Obstacle { flag, warning, .. }) => {
                match warned.iter_mut().find(|(w, _)| *w == warning) {
                    Some((_, pods)) => pods.push(full(pod)),
                    None => warned.push((warning, vec![full(pod)])),
                }
                if flag != "ignore-daemonsets" {
                    going.push(pod);
                }
            }
            None => going.push(pod),
        }
    }
    if !refused.is_empty() {
        let words =
            refused.iter().map(|(flag, why, pods)| format!("{why} (use --{flag} to override): {}", pods.join(", ")));
        let words: Vec<String> = words.collect();
        return Err(Failure::error(if let [one] = words.as_slice() {
            one.clone()
        } else {
            format!("[{}]", words.join(", "))
        }));
    }
    if !warned.is_empty() {
        let words: Vec<String> =
            warned.iter().map(|(warning, pods)| format!("{warning}: {}", pods.join(", "))).collect();
        call.note(&format!("Warning: {}", words.join("; ")));
    }
    for pod in &going {
        call.line(&format!("evicting pod {}{}", full(pod), dry.mark()));
        if dry != DryRun::Client {
            evict(call, pod, dry).await?;
        }
    }
    if dry == DryRun::None {
        for pod in going {
            until_gone(call, &path(pod), text_at(pod, "/metadata/uid")).await?;
            call.line(&format!("pod/{} evicted", text_at(pod, "/metadata/name")));
        }
    }
    Ok(())
}

fn path(pod: &Value) -> String {
    let of = |pointer| crate::api::encoded(text_at(pod, pointer));
    format!("/api/v1/namespaces/{}/pods/{}", of("/metadata/namespace"), of("/metadata/name"))
}

/// Asks for the eviction of a pod until its disruption budgets allow it.
async fn evict(call: &Call<'_>, pod: &Value, dry: DryRun) -> Result<(), Failure> {
    let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1"});
    if call.given.number("grace-period") >= 0 {
        options["gracePeriodSeconds"] = call.given.number("grace-period").into();
    }
    if dry == DryRun::Server {
        options["dryRun"] = json!(["All"]);
    }
    if call.given.on("disable-eviction") {
        return call.write(Method::Delete, &path(pod), &[], &options).await.map(drop);
    }
    let name = text_at(pod, "/metadata/name");
    let eviction = json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "deleteOptions": options,
        "metadata": {"name": name, "namespace": text_at(pod, "/metadata/namespace")},
    });
    loop {
        match call.write(Method::Post, &format!("{}/eviction", path(pod)), &[], &eviction).await {
            Ok(_) => return Ok(()),
            Err(failure) if failure.reason() == "NotFound" => return Ok(()),
            Err(failure) if failure.reason() == "TooManyRequests" => {
                call.note(&format!(
                    "error when evicting pods/{} -n {} (will retry after 5s): {}",
                    quoted(name),
                    quoted(text_at(pod, "/metadata/namespace")),
                    failure.message()
                ));
                call.host.sleep(AGAIN_MS).await;
            }
            Err(failure) => return Err(failure),
        }
    }
}
