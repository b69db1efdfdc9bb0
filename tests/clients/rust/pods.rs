//! Pods that a replication controller makes: watched as they come, run and go; scaled, paged through, evicted; their logs.

use crate::Failure;
use futures_util::{AsyncBufReadExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, ReplicationController};
use kube::api::{
    DeleteParams, EvictParams, ListParams, LogParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::pin::pin;

/// What a watch has told so far.
#[derive(Default)]
struct Seen {
    added: BTreeSet<String>,
    running: BTreeSet<String>,
    deleted: BTreeSet<String>,
    revisions: Vec<u64>,
}

impl Seen {
    fn note(&mut self, event: WatchEvent<Pod>) -> Result<(), Failure> {
        let (set, pod) = match event {
            WatchEvent::Added(pod) => (&mut self.added, pod),
            WatchEvent::Modified(pod) => {
                let runs = pod.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Running");
                if !runs {
                    self.revisions.push(revision(&pod)?);
                    return Ok(());
                }
                (&mut self.running, pod)
            }
            WatchEvent::Deleted(pod) => (&mut self.deleted, pod),
            WatchEvent::Bookmark(_) => return Ok(()),
            WatchEvent::Error(status) => return Err(status.message.clone().into()),
        };
        set.insert(pod.name_any());
        self.revisions.push(revision(&pod)?);
        Ok(())
    }
}

fn revision(pod: &Pod) -> Result<u64, Failure> {
    Ok(pod.resource_version().unwrap_or_default().parse()?)
}

pub(crate) async fn go_through(client: &Client) -> Result<Value, Failure> {
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let controllers: Api<ReplicationController> = Api::default_namespaced(client.clone());
    let since = pods.list(&ListParams::default()).await?.metadata.resource_version.unwrap_or_default();
    let mut events = pin!(pods.watch(&WatchParams::default().timeout(290), &since).await?);
    let mut seen = Seen::default();

    let web = serde_json::from_value(json!({
        "metadata": {"name": "web"},
        "spec": {"replicas": 2, "selector": {"app": "web"}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "page", "image": "nginx"}]}}}}))?;
    controllers.create(&PostParams::default(), &web).await?;
    while seen.running.len() < 2 {
        seen.note(events.try_next().await?.ok_or("the watch ended")?)?;
    }
    let scale = Patch::Merge(json!({"spec": {"replicas": 3}}));
    controllers.patch_scale("web", &PatchParams::default(), &scale).await?;
    while seen.running.len() < 3 {
        seen.note(events.try_next().await?.ok_or("the watch ended")?)?;
    }
    let scale = controllers.get_scale("web").await?.spec.and_then(|spec| spec.replicas);

    let first = pods.list(&ListParams::default().limit(2)).await?;
    let next = ListParams::default().limit(2).continue_token(&first.metadata.continue_.clone().unwrap_or_default());
    let rest = pods.list(&next).await?;
    let selected = ListParams::default().labels("app in (web)").fields("status.phase=Running");
    let selected = pods.list(&selected).await?.items.len();
    let name = first.items.first().ok_or("no pod")?.name_any();
    await_condition(pods.clone(), &name, conditions::is_pod_running()).await?;
    let logs = pods.logs(&name, &LogParams::default()).await?;
    let followed = pods.log_stream(&name, &LogParams { follow: true, ..LogParams::default() }).await?;
    let followed = followed.lines().try_next().await?;

    pods.evict(&name, &EvictParams::default()).await?;
    while seen.deleted.is_empty() {
        seen.note(events.try_next().await?.ok_or("the watch ended")?)?;
    }
    controllers.delete("web", &DeleteParams::foreground()).await?;
    while seen.deleted.len() < seen.added.len() {
        seen.note(events.try_next().await?.ok_or("the watch ended")?)?;
    }
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    maps.delete_collection(&DeleteParams::default(), &ListParams::default().labels("of=client")).await?;
    Ok(json!({
        "scale": scale,
        "pages": [first.items.len(), first.metadata.remaining_item_count, rest.items.len()],
        "selected": selected,
        "logs": logs,
        "followed": followed,
        "pods": seen.added.len(),
        "ordered": seen.revisions.windows(2).all(|pair| pair[0] < pair[1]),
        "left": maps.list(&ListParams::default()).await?.items.len(),
    }))
}
