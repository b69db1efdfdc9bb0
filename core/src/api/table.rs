//! The columns in which people see objects, as `kubectl get` prints them: names, texts and cells are upstream's.

use super::{Body, ConditionKind, ConditionStatus, ContainerState, Document, Kind, Object, PodBody, PodPhase, encode};
use crate::order;
use crate::time::Time;
use k8s_openapi::api::core::v1 as k8s;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

const NONE: &str = "<none>";
const UNKNOWN: &str = "<unknown>";

#[cfg(feature = "described")]
const DESCRIPTIONS: &str = include_str!("column_descriptions.txt");
#[cfg(not(feature = "described"))]
const DESCRIPTIONS: &str = "";

/// The columns of a kind, as `columnDefinitions` of a `Table`. Those with a priority above 0 are for `-o wide`.
pub fn columns(kind: Kind) -> Value {
    static COLUMNS: OnceLock<order::Map<&str, Vec<Value>>> = OnceLock::new();
    let all = COLUMNS.get_or_init(|| {
        let mut all: order::Map<&str, Vec<Value>> = order::Map::new();
        let mut descriptions = DESCRIPTIONS.lines();
        // A line each: kind, name, type, format and priority, between tabs; what they mean is beside them.
        for line in include_str!("columns.txt").lines() {
            let mut part = line.split('\t');
            let mut next = || part.next().unwrap_or_default();
            let (kind, name, of_type, format) = (next(), next(), next(), next());
            let priority: i32 = next().parse().unwrap_or_default();
            let description = descriptions.next().unwrap_or_default();
            let description = description.replace("\\n", "\n").replace("\\\"", "\"");
            all.entry(kind).or_default().push(json!({
                "name": name, "type": of_type, "format": format, "priority": priority, "description": description,
            }));
        }
        all
    });
    all.get(kind.info().kind).cloned().unwrap_or_default().into()
}

/// A row: a cell for each column, and what upstream says of the row as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// One cell for each of [`columns`].
    pub cells: Vec<Value>,
    /// Conditions of the row, such as that a pod has completed.
    pub conditions: Option<Value>,
}

/// The row of an object, seen at `now`.
pub fn row(object: &Object, now: Time) -> Row {
    let name = object.meta.name.as_str();
    let age = age(object.meta.created, now);
    let mut conditions = None;
    let cells: Vec<Value> = match &object.body {
        Body::Namespace { status, .. } => {
            vec![name.into(), status.phase.as_deref().unwrap_or_default().into(), age.into()]
        }
        Body::Node { spec, status } => node(object, spec, status, &age),
        Body::Pod(body) => {
            conditions = completed(body.status.phase);
            pod(object, body, &age, now)
        }
        Body::ReplicationController { spec, status } => {
            let containers: &[k8s::Container] =
                spec.template.as_ref().and_then(|t| t.spec.as_ref()).map_or(&[], |s| s.containers.as_slice());
            let join = |f: fn(&k8s::Container) -> &str| containers.iter().map(f).collect::<Vec<_>>().join(",");
            vec![
                name.into(),
                spec.replicas.unwrap_or_default().into(),
                status.replicas.into(),
                status.ready_replicas.unwrap_or_default().into(),
                age.into(),
                join(|c| &c.name).into(),
                join(|c| c.image.as_deref().unwrap_or_default()).into(),
                labels(spec.selector.as_ref()).into(),
            ]
        }
        Body::Service { spec, status } => vec![
            name.into(),
            spec.type_.as_deref().unwrap_or_default().into(),
            spec.cluster_ip.as_deref().filter(|ip| !ip.is_empty()).unwrap_or(NONE).into(),
            external_ip(spec, status).into(),
            service_ports(spec).into(),
            age.into(),
            labels(spec.selector.as_ref()).into(),
        ],
        Body::Endpoints { subsets } => vec![name.into(), endpoints(subsets).into(), age.into()],
        Body::Event(_) => event(object, now),
        Body::Document(document) => self::document(object, document, &age),
    };
    Row { cells, conditions }
}

/// The cells of an object that the core keeps as it was written.
fn document(object: &Object, document: &Document, age: &str) -> Vec<Value> {
    let name = object.meta.name.as_str();
    let count = |paths: &[&str]| paths.iter().map(|path| document.entries(&[path]).count()).sum::<usize>();
    match document.kind {
        Kind::ConfigMap => vec![name.into(), count(&["data", "binaryData"]).into(), age.into()],
        Kind::Secret => {
            vec![name.into(), document.text(&["type"]).into(), count(&["data"]).into(), age.into()]
        }
        Kind::ServiceAccount => {
            let secrets = document.at(&["secrets"]).as_array().map_or(0, Vec::len);
            vec![name.into(), secrets.into(), age.into()]
        }
        Kind::Lease => vec![name.into(), document.text(&["spec", "holderIdentity"]).into(), age.into()],
        Kind::PodDisruptionBudget => {
            let bound = |field| match document.at(&["spec", field]) {
                Value::Null => "N/A".into(),
                Value::String(percent) => percent.as_str().into(),
                number => number.to_string().into(),
            };
            let allowed = document.number(&["status", "disruptionsAllowed"]).unwrap_or_default();
            vec![name.into(), bound("minAvailable"), bound("maxUnavailable"), allowed.into(), age.into()]
        }
        Kind::ResourceQuota => {
            vec![name.into(), quota(document, false).into(), quota(document, true).into(), age.into()]
        }
        Kind::LimitRange => vec![name.into(), encode(&object.meta.created.to_meta())],
        Kind::PriorityClass => vec![
            name.into(),
            document.number(&["value"]).unwrap_or_default().into(),
            (document.at(&["globalDefault"]) == true).into(),
            age.into(),
            document.text(&["preemptionPolicy"]).into(),
        ],
        _ => Vec::new(),
    }
}

/// What of a quota is used: limits, or everything else.
fn quota(document: &Document, limits: bool) -> String {
    let hard = document.entries(&["status", "hard"]).filter(|(name, _)| name.starts_with("limits.") == limits);
    let word = |value: &Value| value.as_str().unwrap_or("0").to_owned();
    let part = |(name, hard): (&str, &Value)| {
        format!("{name}: {}/{}", word(document.at(&["status", "used", name])), word(hard))
    };
    hard.map(part).collect::<Vec<_>>().join(", ")
}

/// A span as people read it: `45s`, `3m20s`, `5h`, `2d3h`; upstream's rounding.
pub fn human_duration(seconds: i64) -> String {
    let minutes = seconds / 60;
    let hours = minutes / 60;
    let days = hours / 24;
    let two = |major: i64, unit: char, minor: i64, small: char| {
        if minor == 0 { format!("{major}{unit}") } else { format!("{major}{unit}{minor}{small}") }
    };
    if seconds < -1 {
        "<invalid>".to_owned()
    } else if seconds < 0 {
        "0s".to_owned()
    } else if seconds < 120 {
        format!("{seconds}s")
    } else if minutes < 10 {
        two(minutes, 'm', seconds % 60, 's')
    } else if minutes < 180 {
        format!("{minutes}m")
    } else if hours < 8 {
        two(hours, 'h', minutes % 60, 'm')
    } else if hours < 48 {
        format!("{hours}h")
    } else if hours < 192 {
        two(days, 'd', hours % 24, 'h')
    } else if days < 730 {
        format!("{days}d")
    } else if days < 2_920 {
        two(days / 365, 'y', days % 365, 'd')
    } else {
        format!("{}y", days / 365)
    }
}

fn age(since: Time, now: Time) -> String {
    if since == Time::EPOCH { UNKNOWN.to_owned() } else { human_duration((now.0 - since.0).div_euclid(1_000_000)) }
}

fn labels(map: Option<&BTreeMap<String, String>>) -> String {
    match map {
        Some(map) if !map.is_empty() => map.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(","),
        _ => NONE.to_owned(),
    }
}

fn completed(phase: PodPhase) -> Option<Value> {
    let (reason, message) = match phase {
        PodPhase::Succeeded => ("Succeeded", "The pod has completed successfully."),
        PodPhase::Failed => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!([{"type": "Completed", "status": "True", "reason": reason, "message": message}]))
}

fn pod(object: &Object, pod: &PodBody, age: &str, now: Time) -> Vec<Value> {
    let or_none = |text: Option<&str>| Value::from(text.filter(|t| !t.is_empty()).unwrap_or(NONE));
    let summary = PodSummary::of(object, pod);
    let restarts = match summary.last_restart {
        Some(at) if summary.restarts > 0 => format!("{} ({} ago)", summary.restarts, self::age(at, now)),
        _ => summary.restarts.to_string(),
    };
    let gates = pod.spec.readiness_gates.as_deref().unwrap_or_default();
    let open = gates
        .iter()
        .filter(|g| {
            let kind = ConditionKind::parse(&g.condition_type);
            pod.status.condition(&kind).is_some_and(|c| c.status == ConditionStatus::True)
        })
        .count();
    vec![
        object.meta.name.as_str().into(),
        format!("{}/{}", summary.ready, summary.total).into(),
        summary.status.into(),
        restarts.into(),
        age.into(),
        or_none(pod.status.pod_ip.as_deref()),
        or_none(pod.node_name()),
        or_none(pod.status.rarer.nominated_node.as_deref()),
        if gates.is_empty() { NONE.into() } else { format!("{open}/{}", gates.len()).into() },
    ]
}

/// What a pod comes to in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSummary {
    /// How many of its containers are ready.
    pub ready: usize,
    /// How many it has.
    pub total: usize,
    /// One word, such as `Running`, `CrashLoopBackOff` or `Terminating`.
    pub status: String,
    /// How often its containers were started again.
    pub restarts: u32,
    /// When one last ended before being started again.
    pub last_restart: Option<Time>,
}

fn ended(prefix: &str, ended: &super::Terminated) -> String {
    match (ended.reason.as_deref().unwrap_or_default(), ended.signal.unwrap_or_default()) {
        ("", 0) => format!("{prefix}ExitCode:{}", ended.exit_code),
        ("", signal) => format!("{prefix}Signal:{signal}"),
        (reason, _) => format!("{prefix}{reason}"),
    }
}

impl PodSummary {
    /// The summary of a pod.
    pub fn of(object: &Object, pod: &PodBody) -> Self {
        let restartable = |name: &str| {
            let mut inits = pod.spec.init_containers.iter().flatten();
            inits.any(|c| c.name == name && c.restart_policy.as_deref() == Some("Always"))
        };
        let sidecars =
            pod.spec.init_containers.iter().flatten().filter(|c| c.restart_policy.as_deref() == Some("Always")).count();
        let status = &pod.status;
        let mut reason = status.rarer.reason.as_deref().unwrap_or(status.phase_word()).to_owned();
        if let Some(c) = status.condition(&ConditionKind::PodScheduled)
            && c.reason.as_deref() == Some("SchedulingGated")
        {
            "SchedulingGated".clone_into(&mut reason);
        }
        let mut summary = Self {
            ready: 0,
            total: pod.spec.containers.len() + sidecars,
            status: String::new(),
            restarts: 0,
            last_restart: None,
        };
        let (mut sidecar_restarts, mut sidecar_last) = (0, None);
        let finished = |last: &Option<Box<super::Terminated>>| last.as_ref().and_then(|t| t.finished);
        let mut initializing = false;
        for (index, container) in status.rarer.init_containers.iter().enumerate() {
            summary.restarts += container.restarts;
            summary.last_restart = summary.last_restart.max(finished(&container.last));
            let sidecar = restartable(&container.name);
            if sidecar {
                sidecar_restarts += container.restarts;
                sidecar_last = sidecar_last.max(finished(&container.last));
            }
            match &container.state {
                ContainerState::Terminated(t) if t.exit_code == 0 => continue,
                _ if sidecar && container.started == Some(true) => {
                    summary.ready += usize::from(container.ready);
                    continue;
                }
                ContainerState::Terminated(t) => reason = ended("Init:", t),
                ContainerState::Waiting { reason: Some(why), .. } if !why.is_empty() && &**why != "PodInitializing" => {
                    reason = format!("Init:{why}");
                }
                _ => {
                    let total = pod.spec.init_containers.as_ref().map_or(0, Vec::len);
                    reason = format!("Init:{index}/{total}");
                }
            }
            initializing = true;
            break;
        }
        let initialized =
            status.condition(&ConditionKind::Initialized).is_some_and(|c| c.status == ConditionStatus::True);
        if !initializing || initialized {
            summary.restarts = sidecar_restarts;
            summary.last_restart = sidecar_last;
            let mut running = false;
            for container in status.containers.iter().rev() {
                summary.restarts += container.restarts;
                summary.last_restart = summary.last_restart.max(finished(&container.last));
                match &container.state {
                    ContainerState::Waiting { reason: Some(why), .. } if !why.is_empty() => {
                        why.as_ref().clone_into(&mut reason);
                    }
                    ContainerState::Terminated(t) => reason = ended("", t),
                    ContainerState::Running { .. } if container.ready => {
                        running = true;
                        summary.ready += 1;
                    }
                    _ => {}
                }
            }
            if reason == "Completed" && running {
                (if status.is_ready() { "Running" } else { "NotReady" }).clone_into(&mut reason);
            }
        }
        if object.meta.deletion.is_some() {
            if status.rarer.reason.as_deref() == Some("NodeLost") {
                "Unknown".clone_into(&mut reason);
            } else if !status.phase.is_finished() {
                "Terminating".clone_into(&mut reason);
            }
        }
        summary.status = reason;
        summary
    }
}

fn node(object: &Object, spec: &k8s::NodeSpec, status: &k8s::NodeStatus, age: &str) -> Vec<Value> {
    let ready = status.conditions.iter().flatten().find(|c| c.type_ == "Ready");
    let mut state = match ready {
        Some(c) if c.status == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if spec.unschedulable == Some(true) {
        state.push_str(",SchedulingDisabled");
    }
    let mut roles: Vec<&str> = Vec::new();
    for (key, value) in object.meta.labels.iter() {
        if let Some(role) = key.strip_prefix("node-role.kubernetes.io/") {
            roles.push(role);
        } else if key == "kubernetes.io/role" && !value.is_empty() {
            roles.push(value);
        }
    }
    roles.retain(|r| !r.is_empty());
    order::sort(&mut roles);
    roles.dedup();
    let address = |kind: &str| {
        let found = status.addresses.iter().flatten().find(|a| a.type_ == kind);
        Value::from(found.map_or(NONE, |a| a.address.as_str()))
    };
    let info = status.node_info.as_ref();
    let known = |text: Option<&String>| Value::from(text.filter(|t| !t.is_empty()).map_or(UNKNOWN, String::as_str));
    let kernel = match info {
        Some(i) if i.kernel_version.is_empty() => UNKNOWN.to_owned(),
        Some(i) if i.architecture.is_empty() => i.kernel_version.clone(),
        Some(i) => format!("{} ({})", i.kernel_version, i.architecture),
        None => UNKNOWN.to_owned(),
    };
    vec![
        object.meta.name.as_str().into(),
        state.into(),
        if roles.is_empty() { NONE.into() } else { roles.join(",").into() },
        age.into(),
        info.map_or("", |i| i.kubelet_version.as_str()).into(),
        address("InternalIP"),
        address("ExternalIP"),
        known(info.map(|i| &i.os_image)),
        kernel.into(),
        known(info.map(|i| &i.container_runtime_version)),
    ]
}

fn external_ip(spec: &k8s::ServiceSpec, status: &k8s::ServiceStatus) -> String {
    let listed = spec.external_ips.as_deref().unwrap_or_default();
    let joined = |empty: &str, ips: &[String]| if ips.is_empty() { empty.to_owned() } else { ips.join(",") };
    match spec.type_.as_deref() {
        Some("LoadBalancer") => {
            let ingress = status.load_balancer.iter().flat_map(|l| l.ingress.iter().flatten());
            let mut ips: Vec<String> = ingress.filter_map(|i| i.ip.clone().or_else(|| i.hostname.clone())).collect();
            ips.extend(listed.iter().cloned());
            joined("<pending>", &ips)
        }
        Some("ExternalName") => spec.external_name.clone().unwrap_or_default(),
        _ => joined(NONE, listed),
    }
}

fn service_ports(spec: &k8s::ServiceSpec) -> String {
    let mut text = String::new();
    for port in spec.ports.iter().flatten() {
        if !text.is_empty() {
            text.push(',');
        }
        let protocol = port.protocol.as_deref().unwrap_or("TCP");
        // Writing to a string does not fail.
        let _ = match port.node_port.unwrap_or_default() {
            0 => write!(text, "{}/{protocol}", port.port),
            node => write!(text, "{}:{node}/{protocol}", port.port),
        };
    }
    if text.is_empty() { NONE.to_owned() } else { text }
}

fn endpoints(subsets: &[k8s::EndpointSubset]) -> String {
    const SHOWN: usize = 3;
    let mut list = Vec::new();
    let mut count = 0;
    for subset in subsets {
        let ports = subset.ports.as_deref().unwrap_or_default();
        let addresses = subset.addresses.as_deref().unwrap_or_default();
        let each: Vec<Option<i32>> =
            if ports.is_empty() { vec![None] } else { ports.iter().map(|p| Some(p.port)).collect() };
        for port in each {
            for address in addresses {
                count += 1;
                if list.len() < SHOWN {
                    list.push(match port {
                        Some(port) if address.ip.contains(':') => format!("[{}]:{port}", address.ip),
                        Some(port) => format!("{}:{port}", address.ip),
                        None => address.ip.clone(),
                    });
                }
            }
        }
    }
    if list.is_empty() {
        return NONE.to_owned();
    }
    let shown = list.join(",");
    if count > list.len() { format!("{shown} + {} more...", count - list.len()) } else { shown }
}

fn event(object: &Object, now: Time) -> Vec<Value> {
    let Body::Event(event) = &object.body else { return Vec::new() };
    let rest = event.rest.as_ref().map(|rest| &***rest);
    let event_time = rest.and_then(|r| r.event_time.as_ref()).map(Time::from);
    let series = rest.and_then(|r| r.series.as_ref());
    let seen = |at: Time| if at == Time::EPOCH { event_time.unwrap_or_default() } else { at };
    let last = series.and_then(|s| s.last_observed_time.as_ref()).map_or(seen(event.last), Time::from);
    let count = series.and_then(|s| s.count).map_or(i64::from(event.count.max(1)), i64::from);
    let kind = event.occasion.of.to_ascii_lowercase();
    let target = if event.name.is_empty() { kind } else { format!("{kind}/{}", event.name) };
    let reporting = |f: fn(&k8s::Event) -> Option<&String>| rest.and_then(f).map_or("", String::as_str);
    let (component, host) = if event.occasion.component.is_empty() && event.host.is_empty() {
        (reporting(|r| r.reporting_component.as_ref()), reporting(|r| r.reporting_instance.as_ref()))
    } else {
        (event.occasion.component.as_str(), &*event.host)
    };
    let source = if host.is_empty() { component.to_owned() } else { format!("{component}, {host}") };
    vec![
        age(last, now).into(),
        event.occasion.kind.as_str().into(),
        event.occasion.reason.as_str().into(),
        target.into(),
        event.occasion.field_path.as_str().into(),
        source.into(),
        event.message.trim().into(),
        age(seen(event.first), now).into(),
        count.into(),
        object.meta.name.as_str().into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::human_duration;

    #[test]
    fn spans_are_read_as_people_do() {
        for (seconds, text) in [
            (-5, "<invalid>"),
            (-1, "0s"),
            (119, "119s"),
            (120, "2m"),
            (200, "3m20s"),
            (601, "10m"),
            (3 * 3600 + 60, "3h1m"),
            (30 * 3600, "30h"),
            (50 * 3600, "2d2h"),
            (10 * 86_400, "10d"),
            (800 * 86_400, "2y70d"),
            (3_000 * 86_400, "8y"),
        ] {
            assert_eq!(human_duration(seconds), text);
        }
    }
}
