//! What of ours is on a host, as one list.

use super::engine::{Engine, EngineError};
use super::names;
use super::operation::{address_in, container_id};
use bollard::models::{ContainerState, ContainerSummaryStateEnum};
use kubarium_core::Time;
use kubarium_core::api::{Name, Uid};
use kubarium_core::runtime::{Exit, ListedContainer, ListedPod};
use std::collections::{BTreeMap, HashMap};

/// What was found out about containers, so that a listing asks only for what is new.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<(String, bool), ListedContainer>);

/// Lists all pods of the cluster on a host.
pub(super) async fn list(engine: &Engine, known: &mut Known) -> Result<Vec<ListedPod>, EngineError> {
    let mut pods: BTreeMap<Uid, ListedPod> = BTreeMap::new();
    let mut still = HashMap::new();
    for summary in engine.list(None).await? {
        let labels = summary.labels.unwrap_or_default();
        let (Some(pod), Some(id)) = (names::pod_of(&labels), summary.id) else { continue };
        let uid = pod.uid;
        let running =
            matches!(summary.state, Some(ContainerSummaryStateEnum::RUNNING | ContainerSummaryStateEnum::PAUSED));
        let listed = pods.entry(uid).or_insert_with(|| ListedPod { pod, pod_ip: None, containers: Vec::new() });
        let Some((container, attempt)) = names::container_of(&labels) else {
            if running {
                let networks = summary.network_settings.and_then(|s| s.networks).unwrap_or_default();
                let host_network = summary.host_config.and_then(|h| h.network_mode).as_deref() == Some("host");
                listed.pod_ip = if host_network { Some(engine.host_ip.clone()) } else { address_in(&networks) };
                let ports = summary.ports.unwrap_or_default();
                engine.ports.set(uid, ports.iter().filter_map(|p| Some((p.private_port, p.public_port?))));
            }
            continue;
        };
        let key = (id.clone(), running);
        let found = match known.0.remove(&key) {
            Some(found) => found,
            None => match engine.inspect(&id).await? {
                // It went in between.
                None => continue,
                Some(found) => {
                    let state = found.state.unwrap_or_default();
                    let started = time_of(state.started_at.as_deref());
                    if started.is_none() {
                        // Made, but never started: a start that was cut off, which will be asked for again.
                        continue;
                    }
                    let exit = (state.running != Some(true)).then(|| exit_of(&state));
                    ListedContainer {
                        container,
                        attempt,
                        id: container_id(&id),
                        image_id: found.image.map(Name::from),
                        running: exit.is_none(),
                        started,
                        exit,
                    }
                }
            },
        };
        still.insert((id, found.running), found.clone());
        listed.containers.push(found);
    }
    known.0 = still;
    let mut pods: Vec<ListedPod> = pods.into_values().collect();
    for pod in &mut pods {
        pod.containers.sort_by(|a, b| (&a.container, a.attempt).cmp(&(&b.container, b.attempt)));
    }
    Ok(pods)
}

/// An instant as Docker writes it; none for the year 1, its word for never.
pub(super) fn time_of(text: Option<&str>) -> Option<Time> {
    Time::parse(text?).filter(|at| *at > Time::EPOCH)
}

/// How a container ended.
pub(super) fn exit_of(state: &ContainerState) -> Exit {
    let code = state.exit_code.unwrap_or_default() as i32;
    Exit {
        code,
        signal: (129..=192).contains(&code).then_some(code - 128),
        out_of_memory: state.oom_killed == Some(true),
        at: time_of(state.finished_at.as_deref()).or_else(|| Some(crate::clock::now())),
    }
}

/// How a container ended, as far as the engine's event alone tells.
pub(super) fn exit_of_event(attributes: &HashMap<String, String>) -> Exit {
    let code = attributes.get("exitCode").and_then(|c| c.parse().ok()).unwrap_or_default();
    Exit {
        code,
        signal: (129..=192).contains(&code).then_some(code - 128),
        out_of_memory: false,
        at: Some(crate::clock::now()),
    }
}

/// The names of one container in labels: pod, container and attempt.
pub(super) fn named(labels: &HashMap<String, String>) -> Option<(kubarium_core::runtime::PodRef, Option<(Name, u32)>)> {
    Some((names::pod_of(labels)?, names::container_of(labels)))
}
