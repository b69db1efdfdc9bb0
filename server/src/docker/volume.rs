//! The emptyDir volumes of a pod in Docker's words, and those that show config maps and secrets.
//!
//! Each is a volume of the engine that lives as long as its pod. The pod's sandbox mounts them all: one in memory is there
//! only while some container mounts it, and one on disk is opened to all users through it.

use super::engine::{CALL_TIMEOUT, Engine, EngineError, limited};
use super::names;
use super::settings;
use super::tar::{Content, Entry, tar};
use bollard::models::{Mount, MountType, MountVolumeOptions, VolumeCreateRequest};
use bollard::query_parameters::UploadToContainerOptionsBuilder;
use k8s_openapi::api::core::v1 as k8s;
use kubarium_core::api::Quantity;
use kubarium_core::runtime::PodRef;

/// Below this, the sandbox mounts the volumes.
pub(super) const HELD: &str = "/volumes";

/// Of the pod's group, where it names one, and open to everybody.
const MODE: u32 = 0o777;
const MODE_WITH_GROUP: u32 = 0o2777;

/// One of a pod's volumes that live as long as it.
struct Held<'a> {
    name: &'a str,
    in_memory: bool,
    size_limit: Option<&'a str>,
    /// The group that owns it; 0 for root's.
    group: u32,
    mode: u32,
}

fn of(spec: &k8s::PodSpec) -> impl Iterator<Item = Held<'_>> {
    let group = spec.security_context.as_ref().and_then(|s| s.fs_group).and_then(|g| u32::try_from(g).ok());
    spec.volumes.iter().flatten().filter_map(move |volume| {
        let source = volume.empty_dir.as_ref();
        if source.is_none() && !settings::are_shown_by(volume) {
            return None;
        }
        let medium = source.and_then(|source| source.medium.as_deref());
        Some(Held {
            name: &volume.name,
            // What may be secret is on no disk.
            in_memory: medium == Some("Memory") || volume.secret.is_some() || volume.projected.is_some(),
            size_limit: source.and_then(|source| source.size_limit.as_ref()).map(|limit| limit.0.as_str()),
            group: group.unwrap_or_default(),
            mode: if group.is_some() { MODE_WITH_GROUP } else { MODE },
        })
    })
}

/// Makes a pod's volumes; those that are there already will do.
pub(super) async fn make(engine: &Engine, pod: &PodRef, spec: &k8s::PodSpec) -> Result<(), EngineError> {
    for volume in of(spec) {
        let request = VolumeCreateRequest {
            name: Some(names::volume(pod.uid, volume.name)),
            driver: Some("local".to_owned()),
            driver_opts: if volume.in_memory { Some(tmpfs(&volume)?.into()) } else { None },
            labels: Some(names::pod_labels(&engine.cluster, pod)),
            ..VolumeCreateRequest::default()
        };
        limited(CALL_TIMEOUT, engine.docker.create_volume(request)).await?;
    }
    Ok(())
}

fn tmpfs(volume: &Held<'_>) -> Result<[(String, String); 3], EngineError> {
    let limit = volume.size_limit.map(Quantity::parse).transpose().map_err(|error| EngineError {
        status: None,
        message: format!("sizeLimit of the volume \"{}\": {error}", volume.name),
    })?;
    let mut options = format!("mode={:o},gid={}", volume.mode, volume.group);
    if let Some(bytes) = limit.map(Quantity::value).filter(|bytes| *bytes > 0) {
        options = format!("{options},size={bytes}");
    }
    Ok([("type", "tmpfs"), ("device", "tmpfs"), ("o", &options)].map(|(key, value)| (key.to_owned(), value.to_owned())))
}

/// Opens a sandbox's volumes on disk to everybody: an engine makes them for root alone.
pub(super) async fn open(engine: &Engine, sandbox: &str, spec: &k8s::PodSpec) -> Result<(), EngineError> {
    let entry = |volume: Held<'_>| Entry {
        path: format!("{}/", volume.name),
        mode: volume.mode,
        group: volume.group,
        content: Content::Directory,
    };
    let entries: Vec<_> = of(spec).filter(|volume| !volume.in_memory).map(entry).collect();
    if entries.is_empty() {
        return Ok(());
    }
    let options = UploadToContainerOptionsBuilder::new().path(HELD).build();
    let file = tar(&entries).map_err(|error| EngineError { status: None, message: format!("volumes: {error}") })?;
    let body = bollard::body_full(file.into());
    limited(CALL_TIMEOUT, engine.docker.upload_to_container(sandbox, Some(options), body)).await
}

/// What the sandbox mounts.
pub(super) fn held(pod: &PodRef, spec: &k8s::PodSpec) -> Option<Vec<Mount>> {
    let mounts: Vec<_> =
        of(spec).map(|volume| mount(pod, volume.name, &format!("{HELD}/{}", volume.name), false)).collect();
    (!mounts.is_empty()).then_some(mounts)
}

/// A volume as a container mounts it. What the image has at that place stays hidden.
pub(super) fn mount(pod: &PodRef, volume: &str, path: &str, read_only: bool) -> Mount {
    Mount {
        target: Some(path.to_owned()),
        source: Some(names::volume(pod.uid, volume)),
        typ: Some(MountType::VOLUME),
        read_only: Some(read_only),
        volume_options: Some(MountVolumeOptions { no_copy: Some(true), ..MountVolumeOptions::default() }),
        ..Mount::default()
    }
}
