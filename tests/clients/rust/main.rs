//! Goes through what a program does with a cluster, with kube-rs, and says what it saw as JSON: first as a plain client,
//! then as a controller.
//!
//! The cluster is that of `$KUBECONFIG`, with three nodes and nothing else in its namespace.

mod controller;
mod pods;

use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use std::time::Duration;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long something may take that has to happen.
const PATIENCE: Duration = Duration::from_mins(1);

/// The code and reason with which something was refused.
fn refused<T>(answer: kube::Result<T>) -> Result<Value, Failure> {
    match answer {
        Ok(_) => Err("what should have been refused was done".into()),
        Err(kube::Error::Api(status)) => Ok(json!([status.code, status.reason])),
        Err(other) => Err(other.into()),
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let client = Client::try_default().await?;
    let mut report = json!({
        "version": client.apiserver_version().await?.major,
        "nodes": Api::<Node>::all(client.clone()).list(&ListParams::default()).await?.items.len(),
    });
    let mut note = |part: Value| {
        if let (Some(report), Value::Object(part)) = (report.as_object_mut(), part) {
            report.extend(part);
        }
    };
    note(settings(&client).await?);
    note(tokio::time::timeout(PATIENCE, pods::go_through(&client)).await??);
    note(tokio::time::timeout(PATIENCE, controller::go_through(&client)).await??);
    println!("{report}");
    Ok(())
}

/// A config map that is created, patched in each way, and applied.
async fn settings(client: &Client) -> Result<Value, Failure> {
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let map = |name: &str, key: &str, value: &str| -> Result<ConfigMap, serde_json::Error> {
        serde_json::from_value(json!({"metadata": {"name": name, "labels": {"of": "client"}}, "data": {key: value}}))
    };
    let (post, patch) = (PostParams::default(), PatchParams::default());
    let created = maps.create(&post, &map("settings", "a", "1")?).await?;
    let again = refused(maps.create(&post, &map("settings", "a", "1")?).await)?;
    maps.patch("settings", &patch, &Patch::Merge(json!({"data": {"b": "2"}}))).await?;
    let patched = maps.patch("settings", &patch, &Patch::Strategic(json!({"data": {"a": "3"}}))).await?;
    let stale = refused(maps.replace("settings", &post, &created).await)?;

    // Whoever applies sends kind and name along.
    let applied = |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied", "labels": {"of": "client"}}, "data": {"k": value}});
    let mine = maps.patch("applied", &PatchParams::apply("kube-rs"), &Patch::Apply(applied("v"))).await?;
    let managers: Vec<_> = mine.metadata.managed_fields.into_iter().flatten().map(|entry| entry.manager).collect();
    let conflict = refused(maps.patch("applied", &PatchParams::apply("other"), &Patch::Apply(applied("w"))).await)?;
    let forced = PatchParams::apply("other").force();
    let taken = maps.patch("applied", &forced, &Patch::Apply(applied("w"))).await?;

    let invalid = serde_json::from_value(json!({"metadata": {"name": "A_"}, "spec": {"containers": []}}))?;
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let nodes: Api<Node> = Api::all(client.clone());
    Ok(json!({
        "again": again,
        "settings": patched.data,
        "stale": stale,
        "applied": managers,
        "conflict": conflict,
        "taken": taken.data,
        "missing": refused(pods.get("nobody").await)?,
        "invalid": refused(pods.create(&post, &invalid).await)?,
        "forbidden": refused(nodes.delete("node-1", &Default::default()).await)?,
    }))
}
