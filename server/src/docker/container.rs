//! A pod's spec in Docker's words: what is asked of the engine for a sandbox and for each container.

use super::environment::{self, About};
use super::{names, own_image, settings, volume};
use crate::config::Endpoint;
use bollard::models::{
    ContainerCreateBody, ContainerUpdateBody, HostConfig, HostConfigLogConfig, Mount, MountType, PortBinding,
    RestartPolicy, RestartPolicyNameEnum,
};
use k8s_openapi::api::core::v1 as k8s;
use kubarium_core::api::{Labels, Quantity};
use kubarium_core::runtime::PodRef;
use std::collections::{BTreeMap, HashMap};

/// How large a container's log grows before it is rotated, and how many are kept.
const LOG_OPTIONS: [(&str, &str); 2] = [("max-size", "10m"), ("max-file", "3")];

/// How a container is made.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) body: ContainerCreateBody,
    /// Whether the image's own user must be looked at first, because it must not be root.
    pub(super) must_not_be_root: bool,
}

fn log_config() -> HostConfigLogConfig {
    HostConfigLogConfig {
        typ: Some("json-file".to_owned()),
        config: Some(LOG_OPTIONS.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()),
    }
}

const fn never_restart() -> RestartPolicy {
    RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }
}

/// The container that holds a pod's network and volumes, and publishes its ports where the server is on another machine.
pub(super) fn sandbox(
    pod: &PodRef,
    spec: &k8s::PodSpec,
    pod_labels: &Labels,
    cluster: &str,
    endpoint: &Endpoint,
) -> ContainerCreateBody {
    // The pod's own labels first: they must not take the place of ours.
    let mut labels: HashMap<String, String> = pod_labels.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    labels.extend(names::pod_labels(cluster, pod));
    let host_network = spec.host_network == Some(true);
    let mut bindings = HashMap::new();
    if !host_network {
        let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
        for port in containers.flat_map(|c| c.ports.iter().flatten()) {
            let protocol = port.protocol.as_deref().unwrap_or("TCP").to_ascii_lowercase();
            let publish = match endpoint {
                Endpoint::Unix { .. } => "127.0.0.1".to_owned(),
                Endpoint::Tcp { publish, .. } => publish.to_string(),
            };
            if endpoint.remote_host().is_none() && port.host_port.is_none_or(|p| p == 0) {
                continue;
            }
            let binding = PortBinding {
                host_ip: Some(port.host_ip.clone().filter(|ip| !ip.is_empty()).unwrap_or(publish)),
                host_port: port.host_port.filter(|p| *p != 0).map(|p| p.to_string()),
            };
            bindings.insert(format!("{}/{protocol}", port.container_port), Some(vec![binding]));
        }
    }
    let held = volume::held(pod, spec);
    let hostname = spec.hostname.clone().filter(|h| !h.is_empty()).unwrap_or_else(|| pod.name.to_string());
    ContainerCreateBody {
        image: Some(own_image::IMAGE.to_owned()),
        entrypoint: Some(vec![own_image::PAUSE.to_owned()]),
        // A host name has at most 63 characters.
        hostname: (!host_network)
            .then(|| hostname.chars().take(63).collect::<String>().trim_end_matches('-').to_owned()),
        labels: Some(labels),
        exposed_ports: (!bindings.is_empty()).then(|| bindings.keys().cloned().collect()),
        host_config: Some(HostConfig {
            network_mode: host_network.then(|| "host".to_owned()),
            ipc_mode: Some(if spec.host_ipc == Some(true) { "host" } else { "shareable" }.to_owned()),
            pid_mode: (spec.host_pid == Some(true)).then(|| "host".to_owned()),
            port_bindings: (!bindings.is_empty()).then_some(bindings),
            cap_drop: Some(vec!["ALL".to_owned()]),
            // The engine refuses to open volumes below a file system that cannot be written to.
            readonly_rootfs: Some(held.is_none()),
            mounts: held,
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            log_config: Some(log_config()),
            restart_policy: Some(never_restart()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// One container of a pod. The error is a sentence for `CreateContainerConfigError`.
pub(super) fn container(
    container: &k8s::Container,
    about: About<'_>,
    attempt: u32,
    cluster: &str,
    allow_privileged: bool,
) -> Result<Plan, String> {
    let spec = about.spec;
    let known = environment::variables(container, about)?;
    let expanded = |words: &Option<Vec<String>>| {
        let words = words.as_ref().filter(|w| !w.is_empty())?;
        Some(words.iter().map(|w| environment::expand(w, &known)).collect::<Vec<_>>())
    };
    let mut labels = names::pod_labels(cluster, about.pod);
    labels.insert(names::CONTAINER.to_owned(), container.name.clone());
    labels.insert(names::ATTEMPT.to_owned(), attempt.to_string());

    let sandbox = format!("container:{}", names::sandbox(about.pod));
    let mut host = HostConfig {
        network_mode: Some(sandbox.clone()),
        ipc_mode: Some(if spec.host_ipc == Some(true) { "host".to_owned() } else { sandbox.clone() }),
        pid_mode: if spec.host_pid == Some(true) {
            Some("host".to_owned())
        } else {
            (spec.share_process_namespace == Some(true)).then_some(sandbox)
        },
        log_config: Some(log_config()),
        restart_policy: Some(never_restart()),
        ..HostConfig::default()
    };
    resources(container, &mut host)?;
    let (user, must_not_be_root) = security(container, spec, allow_privileged, &mut host)?;
    mounts(container, about, &known, &mut host)?;
    let body = ContainerCreateBody {
        image: container.image.clone(),
        entrypoint: expanded(&container.command),
        cmd: expanded(&container.args),
        env: Some(known.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        working_dir: container.working_dir.clone().filter(|d| !d.is_empty()),
        user,
        tty: container.tty,
        open_stdin: container.stdin,
        stdin_once: container.stdin_once,
        labels: Some(labels),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    };
    Ok(Plan { body, must_not_be_root })
}

/// What of a container can be changed while it runs.
pub(super) fn update(container: &k8s::Container) -> Result<ContainerUpdateBody, String> {
    let mut host = HostConfig::default();
    resources(container, &mut host)?;
    let HostConfig { nano_cpus, memory, memory_swap, cpu_shares, .. } = host;
    Ok(ContainerUpdateBody { nano_cpus, memory, memory_swap, cpu_shares, ..ContainerUpdateBody::default() })
}

/// Limits hold; requests weigh, as cgroup shares do in Kubernetes: 1024 for a CPU.
fn resources(container: &k8s::Container, host: &mut HostConfig) -> Result<(), String> {
    let Some(resources) = &container.resources else { return Ok(()) };
    let parse = |text: &str| Quantity::parse(text).map_err(|e| e.to_string());
    let of = |list: &Option<BTreeMap<String, k8s_openapi::apimachinery::pkg::api::resource::Quantity>>, name: &str| {
        list.as_ref().and_then(|l| l.get(name)).map(|q| parse(&q.0)).transpose()
    };
    if let Some(cpu) = of(&resources.limits, "cpu")? {
        host.nano_cpus = Some(cpu.milli().saturating_mul(1_000_000)).filter(|n| *n > 0);
    }
    if let Some(memory) = of(&resources.limits, "memory")? {
        host.memory = Some(memory.value()).filter(|n| *n > 0);
        // The same for memory and swap together: no swap.
        host.memory_swap = host.memory;
    }
    if let Some(cpu) = of(&resources.requests, "cpu")? {
        host.cpu_shares = Some((cpu.milli().saturating_mul(1024) / 1000).clamp(2, 262_144));
    }
    Ok(())
}

/// Returns the user, and whether the image's own must be checked not to be root.
fn security(
    container: &k8s::Container,
    spec: &k8s::PodSpec,
    allow_privileged: bool,
    host: &mut HostConfig,
) -> Result<(Option<String>, bool), String> {
    let pod = spec.security_context.clone().unwrap_or_default();
    let own = container.security_context.clone().unwrap_or_default();
    if own.privileged == Some(true) {
        if !allow_privileged {
            return Err(
                "privileged containers are not allowed; the server must be started with --allow-privileged".to_owned()
            );
        }
        host.privileged = Some(true);
    }
    host.readonly_rootfs = own.read_only_root_filesystem;
    if let Some(capabilities) = own.capabilities {
        host.cap_add = capabilities.add;
        host.cap_drop = capabilities.drop;
    }
    if own.allow_privilege_escalation == Some(false) {
        host.security_opt = Some(vec!["no-new-privileges".to_owned()]);
    }
    let groups: Vec<String> =
        pod.supplemental_groups.iter().flatten().chain(&pod.fs_group).map(i64::to_string).collect();
    host.group_add = (!groups.is_empty()).then_some(groups);
    let user = own.run_as_user.or(pod.run_as_user);
    let group = own.run_as_group.or(pod.run_as_group);
    let not_root = own.run_as_non_root.or(pod.run_as_non_root) == Some(true);
    if not_root && user == Some(0) {
        return Err("container's runAsUser breaks non-root policy".to_owned());
    }
    let text = match (user, group) {
        (Some(user), Some(group)) => Some(format!("{user}:{group}")),
        (Some(user), None) => Some(user.to_string()),
        (None, Some(group)) => Some(format!("0:{group}")),
        (None, None) => None,
    };
    Ok((text, not_root && user.is_none()))
}

fn mounts(
    container: &k8s::Container,
    about: About<'_>,
    known: &BTreeMap<String, String>,
    host: &mut HostConfig,
) -> Result<(), String> {
    let mut mounts = Vec::new();
    let mut binds = Vec::new();
    for mount in container.volume_mounts.iter().flatten() {
        let volume = about.spec.volumes.iter().flatten().find(|v| v.name == mount.name);
        let volume = volume.ok_or_else(|| format!("volume \"{}\" is not among the pod's volumes", mount.name))?;
        let sub_path = match (&mount.sub_path, &mount.sub_path_expr) {
            (_, Some(expression)) => environment::expand(expression, known),
            (path, None) => path.clone().unwrap_or_default(),
        };
        if sub_path.split('/').any(|part| part == "..") {
            return Err(format!("subPath \"{sub_path}\" must not contain '..'"));
        }
        let read_only = mount.read_only == Some(true);
        if volume.empty_dir.is_some() {
            if !sub_path.is_empty() {
                return Err(format!("subPath in the emptyDir volume \"{}\" is not supported", volume.name));
            }
            mounts.push(volume::mount(about.pod, &volume.name, &mount.mount_path, read_only));
        } else if settings::are_shown_by(volume) {
            // As in Kubernetes, nobody but the kubelet writes to them, and a part of one stays as it was.
            mounts.push(match about.places.get(&volume.name).filter(|_| !sub_path.is_empty()) {
                Some(place) => Mount {
                    target: Some(mount.mount_path.clone()),
                    source: Some(format!("{place}/{}", sub_path.trim_matches('/'))),
                    typ: Some(MountType::BIND),
                    read_only: Some(true),
                    ..Mount::default()
                },
                None => volume::mount(about.pod, &volume.name, &mount.mount_path, true),
            });
        } else if let Some(path) = &volume.host_path {
            let mut source = path.path.trim_end_matches('/').to_owned();
            if !sub_path.is_empty() {
                source = format!("{source}/{sub_path}");
            }
            if source.is_empty() {
                source.push('/');
            }
            match path.type_.as_deref().unwrap_or_default() {
                // The engine makes the directory where it is missing.
                "" | "DirectoryOrCreate" => {
                    let mode = if read_only { "ro" } else { "rw" };
                    binds.push(format!("{source}:{}:{mode}", mount.mount_path));
                }
                // The engine refuses where it is missing.
                "Directory" | "File" | "Socket" | "CharDevice" | "BlockDevice" => mounts.push(Mount {
                    target: Some(mount.mount_path.clone()),
                    source: Some(source),
                    typ: Some(MountType::BIND),
                    read_only: Some(read_only),
                    ..Mount::default()
                }),
                other => return Err(format!("hostPath type {other} is not supported")),
            }
        } else {
            return Err(format!(
                "volume \"{}\": only emptyDir, hostPath, configMap and secret volumes are supported, and projected \
                 ones of these two",
                volume.name
            ));
        }
    }
    host.mounts = (!mounts.is_empty()).then_some(mounts);
    host.binds = (!binds.is_empty()).then_some(binds);
    Ok(())
}
