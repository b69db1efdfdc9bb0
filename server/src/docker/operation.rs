//! Carries out one command on an engine and says what came of it.
//!
//! Each operation is idempotent: what is done already is only reported. A cancelled one stops at the next step and
//! reports nothing, because whoever cancelled it reports.

use super::container;
use super::engine::{CALL_TIMEOUT, Engine, EngineError, limited};
use super::environment::About;
use super::listing::{exit_of, time_of};
use super::reporter::Reporter;
use super::{image, names, probe, settings, volume};
use bollard::models;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, KillContainerOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder, StopContainerOptionsBuilder,
};
use k8s_openapi::api::core::v1 as k8s;
use kubarium_core::Span;
use kubarium_core::api::{Labels, Name};
use kubarium_core::runtime::{Exit, PodRef, RuntimeCommand, RuntimeEvent};
use kubarium_core::settings::Settings;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Carries out a command. What there is to report goes to `report`, in order.
pub(super) async fn carry_out(engine: &Engine, command: RuntimeCommand, cancel: &CancellationToken, report: &Reporter) {
    match command {
        RuntimeCommand::StartSandbox { pod, spec, labels, settings } => {
            let result = Box::pin(start_sandbox(engine, &pod, &spec, &labels, settings.as_deref())).await;
            if cancel.is_cancelled() {
                return;
            }
            report
                .tell(match result {
                    Ok(pod_ip) => RuntimeEvent::SandboxReady { pod, pod_ip },
                    Err(error) => RuntimeEvent::SandboxFailed { pod, message: error.message },
                })
                .await;
        }
        RuntimeCommand::WriteVolumes { pod, spec, settings } => {
            let written = engine.timed("write_volumes", settings::write(engine, &pod, &spec, &settings)).await;
            report.tell(RuntimeEvent::VolumesWritten { pod, failure: written.err().map(|e| e.message) }).await;
        }
        RuntimeCommand::EnsureImage { pod, container, image, policy } => {
            image::ensure(engine, &pod, &container, &image, &policy, cancel, report).await;
        }
        RuntimeCommand::StartContainer {
            pod,
            container,
            attempt,
            spec,
            pod_ip,
            labels,
            annotations,
            settings,
            target,
        } => {
            let about = About {
                pod: &pod,
                spec: &spec,
                pod_ip: pod_ip.as_ref(),
                labels: &labels,
                annotations: &annotations,
                node: &engine.node,
                host_ip: &engine.host_ip,
                settings: settings.as_deref(),
                places: &BTreeMap::new(),
            };
            let start = Start { engine, pod: &pod, container: &container, attempt, target: target.as_ref(), about };
            for event in Box::pin(start.run(cancel)).await {
                report.tell(event).await;
            }
        }
        RuntimeCommand::ResizeContainer { pod, container, attempt, spec } => {
            let resized = engine.timed("resize_container", resize(engine, &pod, &container, attempt, &spec)).await;
            let failure = resized.err().map(|error| error.message);
            report.tell(RuntimeEvent::Resized { pod, container, attempt, failure }).await;
        }
        RuntimeCommand::StopContainer { pod, container, grace } => {
            report.tell(stop(engine, &pod, &container, grace).await).await;
        }
        RuntimeCommand::RemovePod { pod } => {
            // Only a removal that is whole is reported; what is left is found by the next listing.
            match engine.timed("remove_pod", remove(engine, &pod)).await {
                Ok(()) => report.tell(RuntimeEvent::Removed { pod }).await,
                Err(error) => {
                    tracing::warn!(node = %engine.node, pod = %pod.name, error = error.message, "cannot remove");
                }
            }
        }
        RuntimeCommand::Probe { pod, container, kind, probe, pod_ip } => {
            let failure = probe::run(engine, &pod, &container, &probe, pod_ip.as_ref()).await;
            report.tell(RuntimeEvent::Probed { pod, container, kind, failure }).await;
        }
    }
}

async fn start_sandbox(
    engine: &Engine,
    pod: &PodRef,
    spec: &k8s::PodSpec,
    labels: &Labels,
    settings: Option<&Settings>,
) -> Result<Name, EngineError> {
    let _permit = engine.operations.acquire().await;
    let body = container::sandbox(pod, spec, labels, &engine.cluster, &engine.endpoint);
    let name = names::sandbox(pod);
    engine
        .timed("start_sandbox", async {
            volume::make(engine, pod, spec).await?;
            Box::pin(create(engine, &name, body)).await?;
            let started = async {
                volume::open(engine, &name, spec).await?;
                start(engine, &name).await?;
                match settings {
                    Some(settings) => settings::write(engine, pod, spec, settings).await,
                    None => Ok(()),
                }
            };
            if let Err(error) = started.await {
                // Left behind, it would be in the way of the next try with other ports.
                let _ = force_remove(engine, &name).await;
                return Err(error);
            }
            let found = engine.inspect(&name).await?;
            let settings = found.and_then(|f| f.network_settings);
            let address = settings.as_ref().and_then(|s| s.networks.as_ref()).and_then(address_in);
            let ports = settings.and_then(|s| s.ports).unwrap_or_default();
            engine.ports.set(pod.uid, published(&ports));
            if spec.host_network == Some(true) {
                return Ok(engine.host_ip.clone());
            }
            address
                .ok_or_else(|| EngineError { status: None, message: "the engine gave the pod no address".to_owned() })
        })
        .await
}

/// The first address among a container's networks.
pub(super) fn address_in(networks: &HashMap<String, models::EndpointSettings>) -> Option<Name> {
    networks.values().filter_map(|n| n.ip_address.as_deref()).find(|ip| !ip.is_empty()).map(Name::from)
}

fn published(ports: &models::PortMap) -> Vec<(u16, u16)> {
    ports
        .iter()
        .filter_map(|(inner, bindings)| {
            let inner = inner.strip_suffix("/tcp")?.parse().ok()?;
            let outer = bindings.iter().flatten().find_map(|b| b.host_port.as_ref()?.parse().ok())?;
            Some((inner, outer))
        })
        .collect()
}

/// Creates a container; one of that name that is there already will do.
async fn create(engine: &Engine, name: &str, body: models::ContainerCreateBody) -> Result<(), EngineError> {
    let options = CreateContainerOptionsBuilder::new().name(name).build();
    match limited(CALL_TIMEOUT, engine.docker.create_container(Some(options), body)).await {
        Err(error) if !error.is_conflict() => Err(error),
        _ => Ok(()),
    }
}

async fn start(engine: &Engine, name: &str) -> Result<(), EngineError> {
    match limited(CALL_TIMEOUT, engine.docker.start_container(name, None)).await {
        Err(error) if !error.is_conflict() => Err(error),
        _ => Ok(()),
    }
}

async fn force_remove(engine: &Engine, name: &str) -> Result<(), EngineError> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match limited(CALL_TIMEOUT, engine.docker.remove_container(name, Some(options))).await {
        // Somebody else removes it, or it is gone.
        Err(error) if !error.is_missing() && !error.is_conflict() => Err(error),
        _ => Ok(()),
    }
}

/// The start of one container.
struct Start<'a> {
    engine: &'a Engine,
    pod: &'a PodRef,
    container: &'a Name,
    attempt: u32,
    /// Whose processes it shall see.
    target: Option<&'a (Name, u32)>,
    about: About<'a>,
}

impl Start<'_> {
    async fn run(&self, cancel: &CancellationToken) -> Vec<RuntimeEvent> {
        let Self { engine, pod, container, attempt, .. } = *self;
        let _permit = engine.operations.acquire().await;
        let result = engine
            .timed("start_container", async {
                match Box::pin(self.start(cancel)).await {
                    Ok(events) => Ok(Ok(events)),
                    // The spec is at fault, not the engine.
                    Err((reason @ "CreateContainerConfigError", error)) => Ok(Err((reason, error))),
                    Err((reason, error)) => {
                        Err(EngineError { message: format!("{reason}\n{}", error.message), ..error })
                    }
                }
            })
            .await;
        let (reason, message) = match result {
            Ok(Ok(events)) => return events,
            Ok(Err((reason, error))) => (reason.to_owned(), error.message),
            Err(error) => match error.message.split_once('\n') {
                Some((reason, message)) => (reason.to_owned(), message.to_owned()),
                None => ("CreateContainerError".to_owned(), error.message),
            },
        };
        if cancel.is_cancelled() {
            return Vec::new();
        }
        vec![RuntimeEvent::StartFailed {
            pod: pod.clone(),
            container: container.clone(),
            attempt,
            reason: reason.into(),
            message,
        }]
    }

    async fn start(&self, cancel: &CancellationToken) -> Result<Vec<RuntimeEvent>, (&'static str, EngineError)> {
        let Self { engine, pod, attempt, about, .. } = *self;
        let spec = about.spec;
        let config = |message: String| ("CreateContainerConfigError", EngineError { status: None, message });
        let own = spec.containers.iter().chain(spec.init_containers.iter().flatten());
        let own = own.into_iter().find(|c| c.name == *self.container);
        let own = own.ok_or_else(|| config(format!("the pod has no container {}", self.container)))?;
        let places = settings::places(engine, pod, spec, own).await.map_err(|error| ("CreateContainerError", error))?;
        let about = About { places: &places, ..about };
        let mut plan =
            container::container(own, about, attempt, &engine.cluster, engine.allow_privileged).map_err(config)?;
        if let (Some((target, attempt)), Some(host)) = (self.target, &mut plan.body.host_config) {
            host.pid_mode = Some(format!("container:{}", names::container(pod, target, *attempt)));
        }
        let create_error = |error: EngineError| ("CreateContainerError", error);
        if plan.must_not_be_root {
            image::check_not_root(engine, own.image.as_deref().unwrap_or_default()).await.map_err(config)?;
        }
        self.end_earlier().await.map_err(create_error)?;
        let name = names::container(pod, self.container, attempt);
        Box::pin(create(engine, &name, plan.body)).await.map_err(create_error)?;
        if cancel.is_cancelled() {
            let _ = force_remove(engine, &name).await;
            return Ok(Vec::new());
        }
        let before = engine.inspect(&name).await.map_err(create_error)?.and_then(|f| f.state);
        let ran = before.as_ref().and_then(|s| time_of(s.started_at.as_deref())).is_some();
        if !ran && let Err(error) = start(engine, &name).await {
            // What never ran would only be in the way.
            let _ = force_remove(engine, &name).await;
            return Err(("RunContainerError", error));
        }
        let found = engine.inspect(&name).await.map_err(create_error)?;
        let id = found.as_ref().and_then(|f| f.id.as_deref()).map(container_id).unwrap_or_default();
        let state = found.and_then(|f| f.state).unwrap_or_default();
        let (pod, container) = (pod.clone(), self.container.clone());
        let at = time_of(state.started_at.as_deref()).unwrap_or_else(crate::clock::now);
        let mut events =
            vec![RuntimeEvent::Started { pod: pod.clone(), container: container.clone(), attempt, id, at }];
        if state.running != Some(true) {
            events.push(RuntimeEvent::Exited { pod, container, attempt, exit: exit_of(&state) });
        }
        Ok(events)
    }

    /// Of a container's attempts, one runs and two before it are kept for their logs: until it is known that the new one
    /// runs, the one before the last is still the previous one.
    async fn end_earlier(&self) -> Result<(), EngineError> {
        let Some(last) = self.attempt.checked_sub(1) else { return Ok(()) };
        let name = names::container(self.pod, self.container, last);
        let options = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
        match limited(CALL_TIMEOUT, self.engine.docker.kill_container(&name, Some(options))).await {
            Err(error) if !error.is_missing() && !error.is_conflict() => return Err(error),
            _ => {}
        }
        match last.checked_sub(2) {
            Some(older) => force_remove(self.engine, &names::container(self.pod, self.container, older)).await,
            None => Ok(()),
        }
    }
}

/// Gives a container that runs the cpu and memory that its spec says.
async fn resize(
    engine: &Engine,
    pod: &PodRef,
    container: &Name,
    attempt: u32,
    spec: &k8s::PodSpec,
) -> Result<(), EngineError> {
    let _permit = engine.operations.acquire().await;
    let own = spec.containers.iter().chain(spec.init_containers.iter().flatten()).find(|c| c.name == *container);
    let wrong = |message: String| EngineError { status: None, message };
    let own = own.ok_or_else(|| wrong(format!("the pod has no container {container}")))?;
    let body = container::update(own).map_err(wrong)?;
    limited(CALL_TIMEOUT, engine.docker.update_container(&names::container(pod, container, attempt), body)).await
}

/// As Kubernetes shows it.
pub(super) fn container_id(id: &str) -> Name {
    format!("docker://{id}").into()
}

/// Stops a container and reports how it ended.
async fn stop(engine: &Engine, pod: &PodRef, container: &Name, grace: Span) -> RuntimeEvent {
    let _permit = engine.waits.acquire().await;
    let never_ran = |message: String| RuntimeEvent::StartFailed {
        pod: pod.clone(),
        container: container.clone(),
        attempt: 0,
        reason: Name::new_static("ContainerCannotRun"),
        message,
    };
    let label = format!("{}={container}", names::CONTAINER);
    let mine = match engine.list(Some(label)).await {
        Ok(listed) => listed,
        Err(error) => return never_ran(error.message),
    };
    let latest = mine
        .into_iter()
        .filter_map(|c| {
            let labels = c.labels.unwrap_or_default();
            let (_, attempt) = names::container_of(&labels)?;
            (names::pod_of(&labels)?.uid == pod.uid).then_some((attempt, c.id?))
        })
        .max();
    let Some((attempt, id)) = latest else {
        return never_ran("it was stopped before it ran".to_owned());
    };
    let seconds = grace.as_secs().clamp(0, i64::from(i32::MAX)) as i32;
    let result = engine
        .timed("stop_container", async {
            // Waiting ends some time after the grace period, in which the engine kills.
            let limit = Duration::from_secs(seconds.unsigned_abs().into()) + CALL_TIMEOUT;
            let call = async {
                if seconds == 0 {
                    let options = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
                    engine.docker.kill_container(&id, Some(options)).await
                } else {
                    let options = StopContainerOptionsBuilder::new().t(seconds).build();
                    engine.docker.stop_container(&id, Some(options)).await
                }
            };
            match limited(limit, call).await {
                Err(error) if !error.is_missing() && !error.is_conflict() => Err(error),
                _ => Ok(()),
            }
        })
        .await;
    if let Err(error) = result {
        tracing::warn!(node = %engine.node, pod = %pod.name, %container, error = error.message, "cannot stop");
    }
    let state = engine.inspect(&id).await.ok().flatten().and_then(|f| f.state);
    let exit = match state {
        Some(state) => exit_of(&state),
        None => Exit { code: 137, at: Some(crate::clock::now()), ..Exit::default() },
    };
    RuntimeEvent::Exited { pod: pod.clone(), container: container.clone(), attempt, exit }
}

/// Removes all that is left of a pod.
async fn remove(engine: &Engine, pod: &PodRef) -> Result<(), EngineError> {
    let _permit = engine.operations.acquire().await;
    let label = format!("{}={}", names::POD_UID, pod.uid);
    let mut containers = engine.list(Some(label.clone())).await?;
    // The sandbox last: the others live in its network.
    containers.sort_by_key(|c| c.labels.as_ref().and_then(names::container_of).is_none());
    for container in &containers {
        if let Some(id) = &container.id {
            force_remove(engine, id).await?;
        }
    }
    let filters = HashMap::from([("label", vec![format!("{}={}", names::CLUSTER, engine.cluster), label])]);
    let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
    let volumes = limited(CALL_TIMEOUT, engine.docker.list_volumes(Some(options))).await?;
    for volume in volumes.volumes.unwrap_or_default() {
        let options = RemoveVolumeOptionsBuilder::new().force(true).build();
        match limited(CALL_TIMEOUT, engine.docker.remove_volume(&volume.name, Some(options))).await {
            Err(error) if !error.is_missing() => return Err(error),
            _ => {}
        }
    }
    engine.ports.forget(pod.uid);
    Ok(())
}
