//! A controller: for every service with a label it keeps a config map that says how the service is reached. What is
//! changed or removed by others it puts back; what belongs to a service goes with it.

use crate::Failure;
use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::watcher;
use kube::{Api, Client, Resource as _, ResourceExt};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const LABEL: &str = "reached=told";

struct World {
    client: Client,
    reconciled: AtomicUsize,
}

async fn reconcile(service: Arc<Service>, world: Arc<World>) -> Result<Action, kube::Error> {
    world.reconciled.fetch_add(1, Ordering::Relaxed);
    let maps: Api<ConfigMap> = Api::default_namespaced(world.client.clone());
    let spec = service.spec.clone().unwrap_or_default();
    let port = spec.ports.iter().flatten().map(|port| port.port).next();
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": service.name_any(), "ownerReferences": [service.controller_owner_ref(&())]},
        "data": {"port": port.unwrap_or_default().to_string(), "address": spec.cluster_ip},
    });
    maps.patch(&service.name_any(), &PatchParams::apply("controller").force(), &Patch::Apply(map)).await?;
    Ok(Action::await_change())
}

#[expect(clippy::needless_pass_by_value, reason = "the runtime hands over both")]
fn again(_: Arc<Service>, _: &kube::Error, _: Arc<World>) -> Action {
    Action::requeue(Duration::from_millis(200))
}

/// Waits until the config map is as wanted.
async fn until(maps: &Api<ConfigMap>, name: &str, holds: impl Fn(Option<&ConfigMap>) -> bool) -> Result<(), Failure> {
    loop {
        let map = maps.get_opt(name).await?;
        if holds(map.as_ref()) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn port(map: Option<&ConfigMap>) -> Option<&str> {
    map?.data.as_ref()?.get("port").map(String::as_str)
}

pub(crate) async fn go_through(client: &Client) -> Result<Value, Failure> {
    let services: Api<Service> = Api::default_namespaced(client.clone());
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let world = Arc::new(World { client: client.clone(), reconciled: AtomicUsize::new(0) });
    let service = |name: &str, labels: Value| {
        serde_json::from_value::<Service>(json!({
            "metadata": {"name": name, "labels": labels},
            "spec": {"selector": {"app": name}, "ports": [{"port": 80}]}}))
    };
    let post = PostParams::default();
    // One is there before the controller is.
    services.create(&post, &service("early", json!({"reached": "told"}))?).await?;
    services.create(&post, &service("other", json!({}))?).await?;
    let run = Controller::new(services.clone(), watcher::Config::default().labels(LABEL))
        // A list that comes as a stream, as clients of today ask for it.
        .owns(maps.clone(), watcher::Config::default().streaming_lists())
        .run(reconcile, again, Arc::clone(&world))
        .for_each(|_| std::future::ready(()));
    let run = tokio::spawn(run);

    until(&maps, "early", |map| port(map) == Some("80")).await?;
    services.create(&post, &service("late", json!({"reached": "told"}))?).await?;
    until(&maps, "late", |map| port(map) == Some("80")).await?;
    let patch = Patch::Merge(json!({"spec": {"ports": [{"port": 8080}]}}));
    services.patch("late", &PatchParams::default(), &patch).await?;
    until(&maps, "late", |map| port(map) == Some("8080")).await?;

    let removed = maps.get("late").await?.uid();
    maps.delete("late", &DeleteParams::default()).await?;
    until(&maps, "late", |map| map.is_some_and(|map| map.uid() != removed)).await?;
    let spoilt = Patch::Merge(json!({"data": {"port": "1"}}));
    maps.patch("late", &PatchParams::default(), &spoilt).await?;
    until(&maps, "late", |map| port(map) == Some("8080")).await?;

    let kept = maps.list(&ListParams::default()).await?.items.iter().map(ResourceExt::name_any).collect::<Vec<_>>();
    services.delete("early", &DeleteParams::background()).await?;
    until(&maps, "early", |map| map.is_none()).await?;
    run.abort();
    for name in ["late", "other"] {
        services.delete(name, &DeleteParams::default()).await?;
    }
    until(&maps, "late", |map| map.is_none()).await?;
    Ok(json!({
        "kept": kept,
        "reconciled": world.reconciled.load(Ordering::Relaxed) >= 6,
        "ownerless": maps.list(&ListParams::default()).await?.items.len(),
    }))
}
