//! Config maps and secrets as files in a pod's volumes, and how these change under running containers.
//!
//! As in Kubernetes, a volume's files are links through `..data` to a directory that holds one state of them; a new
//! state is written beside it, and takes its place in one moment. Engines can put files into a volume, read them and
//! replace them, but neither rename nor remove: a program in the pod's sandbox renames, and what is to go is given a
//! name that the next state takes.

use super::engine::{CALL_TIMEOUT, Engine, EngineError, limited};
use super::own_image::RENAME;
use super::tar::{Content, Entry, tar};
use super::{names, volume};
use bollard::models::ExecConfig;
use bollard::query_parameters::{DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder};
use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1 as k8s;
use kubarium_core::runtime::PodRef;
use kubarium_core::settings::{self, Reference, Settings};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::time::Duration;

/// The link to the directory that holds the files as they are now.
const DATA: &str = "..data";
/// What becomes that link. Old things lie here, too, until something else does.
const NEXT: &str = "..data_tmp";
/// Two directories take turns.
const STATES: [&str; 2] = ["..0", "..1"];

const MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;
/// What a pod's group gets besides: it reads all files, enters all directories, and owns what is made in them.
const GROUP_MODE: u32 = 0o440;
const GROUP_DIRECTORY_MODE: u32 = 0o2550;

/// How long a program of ours may take to be seen to have ended, and how often is looked.
const END_TRIES: u32 = 250;
const END_PERIOD: Duration = Duration::from_millis(20);

/// Whether a volume shows config maps and secrets, and nothing else.
pub(super) fn are_shown_by(volume: &k8s::Volume) -> bool {
    let projected = volume.projected.as_ref().map(|p| p.sources.iter().flatten());
    volume.config_map.is_some()
        || volume.secret.is_some()
        || projected.is_some_and(|mut sources| sources.all(|s| Reference::of_projection(s).is_some()))
}

/// A file or a directory, as it is or should be.
#[derive(PartialEq, Eq)]
struct Node {
    mode: u32,
    group: u32,
    /// None for a directory.
    content: Option<Vec<u8>>,
}

/// What a volume is to show, by paths below the directory that holds it.
fn wanted(volume: &k8s::Volume, settings: &Settings, group: Option<u32>) -> BTreeMap<String, Node> {
    let default_mode = match (&volume.config_map, &volume.secret, &volume.projected) {
        (Some(map), ..) => map.default_mode,
        (_, Some(secret), _) => secret.default_mode,
        (.., projected) => projected.as_ref().and_then(|p| p.default_mode),
    };
    let more = |mode: u32, of_group: u32| if group.is_some() { mode | of_group } else { mode };
    let owner = group.unwrap_or_default();
    let mut nodes = BTreeMap::new();
    let mut put = |path: &str, mode: Option<i32>, content: Option<Vec<u8>>| {
        let Some(content) = content else { return };
        for (end, _) in path.match_indices('/') {
            let directory = Node { mode: more(DIRECTORY_MODE, GROUP_DIRECTORY_MODE), group: owner, content: None };
            nodes.insert(path[..end].to_owned(), directory);
        }
        let mode = mode.or(default_mode).and_then(|m| u32::try_from(m).ok()).unwrap_or(MODE);
        nodes.insert(path.to_owned(), Node { mode: more(mode, GROUP_MODE), group: owner, content: Some(content) });
    };
    for reference in Reference::of_volume(volume) {
        let Some(document) = settings.get(&reference) else { continue };
        if reference.items.is_empty() {
            for key in settings::keys(document) {
                put(key, None, settings::value(document, key));
            }
        }
        for item in reference.items {
            put(item.path.trim_matches('/'), item.mode, settings::value(document, &item.key));
        }
    }
    nodes
}

/// What is in a volume.
#[derive(Default)]
struct Present {
    /// The directory that `..data` leads to.
    state: Option<String>,
    /// What is in that, by paths below it.
    nodes: BTreeMap<String, Node>,
    /// What else is at the top.
    top: BTreeSet<String>,
}

/// Writes what a pod's volumes show, where they do not yet. Its sandbox runs.
pub(super) async fn write(
    engine: &Engine,
    pod: &PodRef,
    spec: &k8s::PodSpec,
    settings: &Settings,
) -> Result<(), EngineError> {
    let sandbox = names::sandbox(pod);
    let group = spec.security_context.as_ref().and_then(|s| s.fs_group).and_then(|g| u32::try_from(g).ok());
    for volume in spec.volumes.iter().flatten().filter(|v| are_shown_by(v)) {
        let place = Place { engine, sandbox: &sandbox, path: format!("{}/{}", volume::HELD, volume.name) };
        let written = place.write(&wanted(volume, settings, group), group).await;
        written.map_err(|e| EngineError { message: format!("volume \"{}\": {}", volume.name, e.message), ..e })?;
    }
    Ok(())
}

/// Where the engine keeps those volumes of which a container mounts a part.
pub(super) async fn places(
    engine: &Engine,
    pod: &PodRef,
    spec: &k8s::PodSpec,
    container: &k8s::Container,
) -> Result<BTreeMap<String, String>, EngineError> {
    let parts = container.volume_mounts.iter().flatten();
    let parts: BTreeSet<_> =
        parts.filter(|m| m.sub_path.is_some() || m.sub_path_expr.is_some()).map(|m| m.name.as_str()).collect();
    let mut places = BTreeMap::new();
    for volume in spec.volumes.iter().flatten().filter(|v| are_shown_by(v) && parts.contains(v.name.as_str())) {
        let name = names::volume(pod.uid, &volume.name);
        let found = limited(CALL_TIMEOUT, engine.docker.inspect_volume(&name)).await?;
        places.insert(volume.name.clone(), found.mountpoint);
    }
    Ok(places)
}

/// A volume, as the sandbox mounts it.
struct Place<'a> {
    engine: &'a Engine,
    sandbox: &'a str,
    path: String,
}

impl Place<'_> {
    async fn write(&self, wanted: &BTreeMap<String, Node>, group: Option<u32>) -> Result<(), EngineError> {
        let present = self.read().await?;
        let tops: BTreeSet<&str> = wanted.keys().filter_map(|path| path.split('/').next()).collect();
        let links: Vec<(&str, String)> = tops.iter().map(|top| (*top, format!("{DATA}/{top}"))).collect();
        let links: Vec<_> = links.iter().filter(|(top, _)| !present.top.contains(*top)).collect();
        let mut entries: Vec<Entry<'_>> = links.iter().map(|(top, target)| link(top, target)).collect();
        let is_new = present.state.is_none();
        let changed = is_new || present.nodes != *wanted;
        let current = present.state.as_deref();
        let state = STATES.into_iter().find(|state| Some(*state) != current).unwrap_or_default();
        if changed {
            let mode = if group.is_some() { DIRECTORY_MODE | GROUP_DIRECTORY_MODE } else { DIRECTORY_MODE };
            let directory = |path, content| Entry { path, mode, group: group.unwrap_or_default(), content };
            // A file in its place first: so that nothing of an older state stays.
            entries.push(directory(state.to_owned(), Content::File(&[])));
            entries.push(directory(format!("{state}/"), Content::Directory));
            entries.extend(wanted.iter().map(|(path, node)| Entry {
                path: format!("{state}/{path}"),
                mode: node.mode,
                group: node.group,
                content: node.content.as_deref().map_or(Content::Directory, Content::File),
            }));
            entries.push(link(if is_new { DATA } else { NEXT }, state));
        }
        self.upload(&entries).await?;
        if changed && !is_new {
            self.rename(NEXT, DATA).await?;
        }
        let now = if changed { Some(state) } else { current };
        let old: Vec<Entry<'_>> = STATES
            .into_iter()
            .filter(|state| Some(*state) != now && present.top.contains(*state))
            .map(|state| Entry { path: state.to_owned(), mode: 0, group: 0, content: Content::File(&[]) })
            .collect();
        self.upload(&old).await?;
        for stale in present.top.iter().filter(|top| !top.starts_with("..") && !tops.contains(top.as_str())) {
            self.rename(stale, NEXT).await?;
        }
        Ok(())
    }

    async fn read(&self) -> Result<Present, EngineError> {
        let options = DownloadFromContainerOptionsBuilder::new().path(&self.path).build();
        let mut file = Vec::new();
        limited(CALL_TIMEOUT, async {
            let mut parts = std::pin::pin!(self.engine.docker.download_from_container(self.sandbox, Some(options)));
            while let Some(part) = parts.next().await {
                file.extend_from_slice(&part?);
            }
            Ok::<_, bollard::errors::Error>(())
        })
        .await?;
        present(&file).map_err(|error| EngineError { status: None, message: error.to_string() })
    }

    async fn upload(&self, entries: &[Entry<'_>]) -> Result<(), EngineError> {
        if entries.is_empty() {
            return Ok(());
        }
        let file = tar(entries).map_err(|error| EngineError { status: None, message: error.to_string() })?;
        let options = UploadToContainerOptionsBuilder::new().path(&self.path).build();
        let body = bollard::body_full(file.into());
        limited(CALL_TIMEOUT, self.engine.docker.upload_to_container(self.sandbox, Some(options), body)).await
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), EngineError> {
        let docker = &self.engine.docker;
        let path = |name: &str| format!("{}/{name}", self.path);
        let config = ExecConfig {
            attach_stdout: Some(true),
            cmd: Some(vec![RENAME.to_owned(), path(from), path(to)]),
            ..ExecConfig::default()
        };
        let ended = limited(CALL_TIMEOUT, async {
            let id = docker.create_exec(self.sandbox, config).await?.id;
            // It writes nothing; its output ends with it.
            if let bollard::exec::StartExecResults::Attached { mut output, .. } = docker.start_exec(&id, None).await? {
                while output.next().await.is_some() {}
            }
            for _ in 0..END_TRIES {
                let seen = docker.inspect_exec(&id).await?;
                if seen.running != Some(true) {
                    return Ok::<_, bollard::errors::Error>(seen.exit_code);
                }
                tokio::time::sleep(END_PERIOD).await;
            }
            Ok(None)
        });
        match ended.await? {
            Some(0) => Ok(()),
            code => {
                let why = code.map_or_else(|| "it did not end".to_owned(), |code| format!("it ended with {code}"));
                Err(EngineError { status: None, message: format!("{from} was not renamed to {to}: {why}") })
            }
        }
    }
}

fn link<'a>(path: &str, target: &'a str) -> Entry<'a> {
    Entry { path: path.to_owned(), mode: 0o777, group: 0, content: Content::Link(target) }
}

/// Reads what an engine says is in a volume: a tar file whose entries are below the volume's name.
fn present(file: &[u8]) -> std::io::Result<Present> {
    let mut present = Present::default();
    let mut nodes: BTreeMap<String, Node> = BTreeMap::new();
    for entry in ::tar::Archive::new(file).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().trim_end_matches('/').to_owned();
        let Some((_, path)) = path.split_once('/') else { continue };
        if !path.contains('/') {
            present.top.insert(path.to_owned());
        }
        let header = entry.header();
        let kind = header.entry_type();
        let (mode, group) = (header.mode()? & 0o7777, u32::try_from(header.gid()?).unwrap_or_default());
        if path == DATA {
            let target = entry.link_name()?.map(|target| target.to_string_lossy().into_owned());
            present.state = target;
        } else if kind.is_dir() {
            nodes.insert(path.to_owned(), Node { mode, group, content: None });
        } else if kind.is_file() {
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            nodes.insert(path.to_owned(), Node { mode, group, content: Some(content) });
        }
    }
    let below = present.state.as_ref().map(|state| format!("{state}/"));
    let of_state = |(path, node): (String, Node)| Some((path.strip_prefix(below.as_deref()?)?.to_owned(), node));
    present.nodes = nodes.into_iter().filter_map(of_state).collect();
    Ok(present)
}
