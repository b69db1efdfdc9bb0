//! A transcript: lines that begin with `> ` are what happens, the lines after each what comes of it.
//!
//! | line | what happens |
//! | --- | --- |
//! | `join n1 {cpu: 2}` | a machine joins; `cpu`, `memory`, `pods` have defaults |
//! | `list n1`, `heartbeat n1`, `left n1`, `disk n1 full`, `disk n1 free` | it says so |
//! | `unreachable n1 TEXT` | it was tried and did not answer |
//! | `remove-node n1` | its Node is deleted |
//! | `pod web n1 {SPEC}` | a pod bound to it is created; the spec is YAML, a container without an image gets one |
//! | `config a {DATA}`, `secret a {DATA}` | a ConfigMap or Secret is created, or what it says is replaced |
//! | `no-config a`, `no-secret a` | it is deleted |
//! | `delete web`, `delete web 5`, `force web`, `node n1 {SPEC}` | a request to the API |
//! | `debug web {CONTAINER}` | an ephemeral container is added |
//! | `resize web {CONTAINERS}` | containers ask for something else: YAML, resources by the container's name |
//! | `written web`, `sandbox web`, `pulling web/c`, `pulled web/c 1200ms 1000`, `image web/c`, `started web/c#0`, `resized web/c#0`, `exit web/c 1`, `oom web/c`, `removed web`, `passed web/c readiness` | the machine did that and says so |
//! | `write-failed web TEXT`, `sandbox-failed web TEXT`, `image-failed web/c REASON TEXT`, `start-failed web/c#0 REASON TEXT`, `resize-failed web/c#0 TEXT`, `failed web/c readiness TEXT` | the machine could not |
//! | `silently ...` | the same happens on the machine and nobody hears of it |
//! | `answer` | the machine does all it was told, until it is told nothing new; probes stay unanswered |
//! | `forget n1` | what it was told gets lost |
//! | `reboot n1` | all it had is gone |
//! | `restart` | the control plane starts again from its store |
//! | `+10s` | time passes; machines that are not silent are heard every 10 s |
//! | `silence n1`, `hear n1` | whether it is heard |
//! | `show web`, `images web`, `version web`, `events web`, `machine n1`, `conditions n1` | prints conditions and more; the names of its containers' images; its resource version; events; what the machine has |

use crate::machine::{IMAGE_ID, Machine};
use kubarium_core::api::{Body, ConditionStatus, ContainerState, ContainerStatus, Key, Kind, Name, Object, QosClass};
use kubarium_core::apiserver::{Answer, Method, Request};
use kubarium_core::runtime::{self, Exit, PodRef, ProbeKind, RuntimeCommand, RuntimeEvent};
use kubarium_core::settings::{self, Settings};
use kubarium_core::{Cluster, Config, Effect, Input, Output, Span, Time};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// 2026-01-01T00:00:00Z.
const START: Time = Time(1_767_225_600_000_000);

/// A cluster, its machines, and what has come of it all.
pub(crate) struct Script {
    pub(crate) cluster: Cluster,
    pub(crate) machines: BTreeMap<Name, Machine>,
    now: Time,
    wake: Option<Time>,
    /// When machines are next heard.
    beat: Time,
    seen: BTreeMap<Name, String>,
    /// Events in the order in which they first happened.
    events: Vec<Key>,
    revision: u64,
    out: String,
    stamp: bool,
}

/// Runs a transcript's inputs and returns the transcript as it really is.
pub(crate) fn run(transcript: &str) -> String {
    let mut script = Script::new();
    for line in transcript.lines() {
        if line.starts_with("> ") || line.starts_with('#') || line.is_empty() {
            script.out.push_str(line);
            script.out.push('\n');
        }
        if let Some(input) = line.strip_prefix("> ") {
            script.input(input);
        }
    }
    script.out
}

impl Script {
    pub(crate) fn new() -> Self {
        Self {
            cluster: Cluster::new(Config { allow_privileged: true, ..Config::default() }, START),
            machines: BTreeMap::new(),
            now: START,
            wake: None,
            beat: START + Span::from_secs(10),
            seen: BTreeMap::new(),
            events: Vec::new(),
            revision: 0,
            out: String::new(),
            stamp: false,
        }
    }

    pub(crate) fn input(&mut self, line: &str) {
        let (silent, line) = line.strip_prefix("silently ").map_or((false, line), |l| (true, l));
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        if let Some(time) = verb.strip_prefix('+') {
            self.pass(time);
            return;
        }
        let words: Vec<&str> = rest.split_whitespace().collect();
        match verb {
            "join" => self.join(rest),
            "list" => {
                let pods = self.machines[words[0]].list();
                self.runtime(words[0], RuntimeEvent::Listed(pods));
            }
            "heartbeat" => self.runtime(words[0], RuntimeEvent::Heartbeat),
            "left" => self.runtime(words[0], RuntimeEvent::Left),
            "unreachable" => {
                let message = words[1..].join(" ");
                self.runtime(words[0], RuntimeEvent::Unreachable { message });
            }
            "disk" => self.runtime(words[0], RuntimeEvent::DiskPressure(words[1] == "full")),
            "pod" => self.create_pod(rest),
            "config" => self.write_settings("configmaps", "data", rest),
            "secret" => self.write_settings("secrets", "stringData", rest),
            "no-config" | "no-secret" => {
                let kind = if verb == "no-config" { "configmaps" } else { "secrets" };
                let path = format!("/api/v1/namespaces/default/{kind}/{}", words[0]);
                self.request(Request::new(Method::Delete, path));
            }
            "node" => {
                let (name, spec) = rest.split_once(' ').unwrap();
                let mut body: Value = serde_saphyr::from_str(spec).unwrap();
                body["metadata"] = json!({"name": name});
                self.request(Request::new(Method::Post, "/api/v1/nodes").with_json(&body));
            }
            "debug" => {
                let (name, container) = rest.split_once(' ').unwrap();
                let container: Value = serde_saphyr::from_str(container).unwrap();
                self.patch(name, "ephemeralcontainers", &json!({"ephemeralContainers": [container]}));
            }
            "resize" => {
                let (name, resources) = rest.split_once(' ').unwrap();
                let resources: BTreeMap<String, Value> = serde_saphyr::from_str(resources).unwrap();
                let containers = resources.iter().map(|(name, r)| json!({"name": name, "resources": r}));
                self.patch(name, "resize", &json!({"containers": containers.collect::<Vec<_>>()}));
            }
            "delete" => {
                let grace = words.get(1).map(|s| format!("gracePeriodSeconds={s}")).unwrap_or_default();
                self.delete(words[0], grace);
            }
            "force" => self.delete(words[0], "gracePeriodSeconds=0".to_owned()),
            "answer" => self.answer_all(),
            "remove-node" => self.request(Request::new(Method::Delete, format!("/api/v1/nodes/{}", words[0]))),
            "silence" => self.machine(words[0]).silent = true,
            "hear" => {
                self.machine(words[0]).silent = false;
                self.runtime(words[0], RuntimeEvent::Heartbeat);
            }
            "forget" => self.machine(words[0]).told.clear(),
            "reboot" => *self.machine(words[0]) = Machine::default(),
            "restart" => {
                let objects: Vec<_> =
                    Kind::ALL.into_iter().flat_map(|k| self.cluster.store().list(k, None)).cloned().collect();
                let (config, revision) = (self.cluster.config().clone(), self.cluster.store().revision());
                self.cluster = Cluster::restore(config, self.now, revision, objects);
                self.handle(Input::Wake);
            }
            "show" => self.show(words[0]),
            "images" => self.images(words[0]),
            "version" => self.version(words[0]),
            "events" => self.events(words[0]),
            "machine" => self.show_machine(words[0]),
            "conditions" => self.conditions(words[0]),
            _ => self.report(verb, rest, silent),
        }
    }

    /// What it is o'clock.
    pub(crate) const fn now(&self) -> Time {
        self.now
    }

    pub(crate) fn machine(&mut self, name: &str) -> &mut Machine {
        self.machines.get_mut(name).unwrap()
    }

    fn join(&mut self, rest: &str) {
        let (name, spec) = rest.split_once(' ').unwrap_or((rest, "{}"));
        let given: BTreeMap<String, String> = serde_saphyr::from_str(spec).unwrap();
        let mut capacity: BTreeMap<String, String> =
            [("cpu", "4"), ("memory", "8Gi"), ("ephemeral-storage", "100Gi"), ("pods", "110")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into();
        capacity.extend(given);
        let capacity = Arc::new(capacity);
        let machine = runtime::Machine { capacity, address: Some("192.0.2.1".into()), ..runtime::Machine::default() };
        self.machines.entry(name.into()).or_default();
        self.runtime(name, RuntimeEvent::Joined(Box::new(machine)));
    }

    fn create_pod(&mut self, rest: &str) {
        let mut parts = rest.splitn(3, ' ');
        let (name, node) = (parts.next().unwrap(), parts.next().unwrap());
        let mut spec: Value = serde_saphyr::from_str(parts.next().unwrap_or("{}")).unwrap();
        if spec.get("containers").is_none() {
            spec["containers"] = json!([{"name": "c"}]);
        }
        for list in ["initContainers", "containers"] {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                let image = container.get("image").cloned().unwrap_or_else(|| json!("web:1"));
                container["image"] = image;
            }
        }
        spec["nodeName"] = json!(node);
        let body = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec});
        self.request(Request::new(Method::Post, "/api/v1/namespaces/default/pods").with_json(&body));
    }

    /// Creates a config map or a secret, or replaces it.
    fn write_settings(&mut self, kind: &str, field: &str, rest: &str) {
        let (name, data) = rest.split_once(' ').unwrap();
        let data: Value = serde_saphyr::from_str(data).unwrap();
        let body = json!({"metadata": {"name": name}, field: data});
        let path = format!("/api/v1/namespaces/default/{kind}");
        let known = Kind::ALL.into_iter().find(|k| k.info().plural == kind).unwrap();
        let request = match self.cluster.store().get(known, "default", name) {
            Some(_) => Request::new(Method::Put, format!("{path}/{name}")),
            None => Request::new(Method::Post, path),
        };
        self.request(request.with_json(&body));
    }

    /// Changes a part of a pod's spec.
    fn patch(&mut self, name: &str, part: &str, spec: &Value) {
        let path = format!("/api/v1/namespaces/default/pods/{name}/{part}");
        let request = Request::new(Method::Patch, path).with_json(&json!({ "spec": spec }));
        self.request(Request { content_type: "application/strategic-merge-patch+json".to_owned(), ..request });
    }

    fn delete(&mut self, name: &str, query: String) {
        let path = format!("/api/v1/namespaces/default/pods/{name}");
        self.request(Request { query, ..Request::new(Method::Delete, path) });
    }

    fn request(&mut self, request: Request) {
        let output = self.handle(Input::Request(request));
        if let Some(Answer::Done(response)) = output.answer
            && response.status >= 400
        {
            let _ = writeln!(self.out, "{} {}", response.status, response.body);
        }
    }

    fn runtime(&mut self, node: &str, event: RuntimeEvent) {
        self.handle(Input::Runtime { node: node.into(), event });
    }

    /// Hands an input to the cluster and writes down what came of it.
    pub(crate) fn handle(&mut self, input: Input) -> Output {
        let output = self.cluster.handle(self.now, input);
        self.wake = output.wake;
        let store = self.cluster.store();
        let changes = store.changes_since(self.revision).unwrap();
        let created = changes.filter(|c| c.before.is_none() && c.kind == Kind::Event);
        self.events.extend(created.filter_map(|c| c.after.as_ref()).map(|o| o.key()));
        self.revision = store.revision();
        // Pods come in the order of their uids, which are random: here by name.
        let mut effects: Vec<_> = output.effects.iter().collect();
        effects.sort_by_key(|Effect::Runtime { command, .. }| command.pod().name.clone());
        for Effect::Runtime { node, command } in effects {
            let text = describe(command);
            self.print(&format!("{node}: {text}"));
            if let Some(machine) = self.machines.get_mut(node) {
                machine.told.push(command.clone());
            }
        }
        self.print_pods();
        output
    }

    fn print(&mut self, line: &str) {
        if self.stamp {
            let secs = self.now.since(START).as_millis() as f64 / 1_000.0;
            let _ = write!(self.out, "{secs}s ");
        }
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn print_pods(&mut self) {
        let now: BTreeMap<Name, String> =
            self.cluster.store().list(Kind::Pod, None).map(|o| (o.meta.name.clone(), summary(o))).collect();
        let before = std::mem::replace(&mut self.seen, now.clone());
        for (name, text) in &now {
            if before.get(name) != Some(text) {
                self.print(&format!("{name}: {text}"));
            }
        }
        for name in before.keys().filter(|n| !now.contains_key(*n)) {
            self.print(&format!("{name}: gone"));
        }
    }

    fn pass(&mut self, time: &str) {
        let span = match time.strip_suffix("ms") {
            Some(ms) => Span::from_millis(ms.parse().unwrap()),
            None => Span::from_secs(time.strip_suffix('s').unwrap().parse().unwrap()),
        };
        let end = self.now + span;
        self.stamp = true;
        loop {
            let wake = self.wake.filter(|at| *at <= end);
            let beat = Some(self.beat).filter(|at| *at <= end);
            let Some(at) = wake.into_iter().chain(beat).min() else { break };
            self.now = self.now.max(at);
            if beat == Some(at) {
                self.beat = at + Span::from_secs(10);
                let heard = self.machines.iter().filter(|(_, m)| !m.silent).map(|(n, _)| n.clone());
                for node in heard.collect::<Vec<_>>() {
                    self.runtime(&node, RuntimeEvent::Heartbeat);
                }
            } else {
                self.handle(Input::Wake);
            }
        }
        self.now = end;
        self.stamp = false;
    }

    fn find(&self, pod: &str) -> (Name, PodRef) {
        let known = self.cluster.store().get(Kind::Pod, "default", pod);
        if let Some(object) = known {
            let pod_ref = PodRef {
                uid: object.meta.uid,
                namespace: object.meta.namespace.to_name(),
                name: object.meta.name.clone(),
            };
            return (object.pod().unwrap().node.as_deref().unwrap().clone(), pod_ref);
        }
        let of_machines = self.machines.iter().flat_map(|(n, m)| {
            let told = m.told.iter().map(RuntimeCommand::pod);
            m.pods.values().map(|p| &p.pod).chain(told).map(move |p| (n.clone(), p.clone()))
        });
        of_machines.into_iter().find(|(_, p)| p.name == pod).unwrap()
    }

    /// Something that a machine did, by the script's word.
    fn report(&mut self, verb: &str, rest: &str, silent: bool) {
        let (target, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let (target, attempt) = target.split_once('#').unwrap_or((target, "0"));
        let (pod, container) = target.split_once('/').unwrap_or((target, ""));
        let (node, pod) = self.find(pod);
        let (container, attempt) = (Name::from(container), attempt.parse().unwrap());
        let first = text.split(' ').next().unwrap_or_default().to_owned();
        let after = text.split_once(' ').map_or("", |(_, t)| t).to_owned();
        let now = self.now;
        let machine = self.machine(&node);
        // What was told has its answer.
        machine.told.retain(|told| {
            let answered = match told {
                RuntimeCommand::StartSandbox { .. } => verb.starts_with("sandbox"),
                RuntimeCommand::WriteVolumes { .. } => matches!(verb, "written" | "write-failed"),
                RuntimeCommand::EnsureImage { container: c, .. } => {
                    *c == container && matches!(verb, "pulled" | "image" | "image-failed")
                }
                RuntimeCommand::StartContainer { container: c, .. } => {
                    *c == container && matches!(verb, "started" | "start-failed")
                }
                RuntimeCommand::ResizeContainer { container: c, .. } => {
                    *c == container && matches!(verb, "resized" | "resize-failed")
                }
                RuntimeCommand::StopContainer { container: c, .. } => *c == container && verb == "exit",
                RuntimeCommand::RemovePod { .. } => verb == "removed",
                RuntimeCommand::Probe { container: c, .. } => *c == container && matches!(verb, "passed" | "failed"),
            };
            told.pod().uid != pod.uid || !answered
        });
        let exit = |code, out_of_memory| Exit { code, out_of_memory, at: Some(now), ..Exit::default() };
        let event = match verb {
            "sandbox" => RuntimeEvent::SandboxReady { pod_ip: machine.sandbox(&pod), pod },
            "sandbox-failed" => RuntimeEvent::SandboxFailed { pod, message: text.to_owned() },
            "written" => RuntimeEvent::VolumesWritten { pod, failure: None },
            "write-failed" => RuntimeEvent::VolumesWritten { pod, failure: Some(text.to_owned()) },
            "pulling" => RuntimeEvent::ImagePulling { pod, container },
            "pulled" | "image" => RuntimeEvent::ImageReady {
                pod,
                container,
                image_id: IMAGE_ID.into(),
                pulled: first.strip_suffix("ms").map(|ms| Span::from_millis(ms.parse().unwrap())),
                size_bytes: after.parse().ok(),
            },
            "image-failed" => RuntimeEvent::ImageFailed { pod, container, reason: first.into(), message: after },
            "started" => {
                let at = machine.start(&pod, &container, attempt, now);
                let id = format!("test://{container}-{attempt}").into();
                RuntimeEvent::Started { pod, container, attempt, id, at }
            }
            "start-failed" => {
                RuntimeEvent::StartFailed { pod, container, attempt, reason: first.into(), message: after }
            }
            "resized" | "resize-failed" => {
                let failure = (verb == "resize-failed").then(|| text.to_owned());
                RuntimeEvent::Resized { pod, container, attempt, failure }
            }
            "exit" | "oom" => {
                let exit = if verb == "oom" { exit(137, true) } else { exit(first.parse().unwrap(), false) };
                let (attempt, exit) = machine.exit(&pod, &container, exit).unwrap();
                RuntimeEvent::Exited { pod, container, attempt, exit }
            }
            "removed" => {
                machine.remove(&pod);
                RuntimeEvent::Removed { pod }
            }
            "passed" | "failed" => {
                let kind = match first.as_str() {
                    "startup" => ProbeKind::Startup,
                    "readiness" => ProbeKind::Readiness,
                    _ => ProbeKind::Liveness,
                };
                RuntimeEvent::Probed { pod, container, kind, failure: (verb == "failed").then_some(after) }
            }
            _ => panic!("no such line: {verb} {rest}"),
        };
        if !silent {
            self.runtime(&node, event);
        }
    }

    fn answer_all(&mut self) {
        loop {
            let next = self.machines.iter_mut().find_map(|(name, machine)| {
                let at = machine.told.iter().position(|c| !matches!(c, RuntimeCommand::Probe { .. }))?;
                Some((name.clone(), machine.told.remove(at)))
            });
            let Some((node, command)) = next else { return };
            let now = self.now;
            if let Some(event) = carry_out(self.machine(&node), command, now) {
                self.runtime(&node, event);
            }
        }
    }

    fn show(&mut self, name: &str) {
        let Some(object) = self.cluster.store().get(Kind::Pod, "default", name).cloned() else { return };
        let status = &object.pod().unwrap().status;
        let word = |n: Option<&Name>| n.map_or("-", Name::as_str).to_owned();
        let start = status.start_time.map_or_else(|| "-".to_owned(), |t| t.to_string());
        let (ip, host, qos) = (
            word(status.pod_ip.as_ref()),
            word(status.host_ip.as_deref()),
            status.qos_class.map_or("-", QosClass::as_str),
        );
        let mut text = format!("  ip={ip} host={host} qos={qos} start={start}\n");
        if let Some(message) = &status.rarer.message {
            let _ = writeln!(text, "  {message}");
        }
        for c in status.conditions.iter() {
            let since = c.since.map_or_else(|| "-".to_owned(), |t| t.to_string());
            let reason = c.reason.as_deref().map(|r| format!(" {r}")).unwrap_or_default();
            let message = c.message.as_deref().map(|m| format!(": {m}")).unwrap_or_default();
            let _ = writeln!(text, "  {}={} {since}{reason}{message}", c.kind.as_str(), c.status.as_str());
        }
        for c in status.rarer.init_containers.iter().chain(&status.containers) {
            if let ContainerState::Waiting { message: Some(message), .. } = &c.state {
                let _ = writeln!(text, "  {}: {message}", c.name);
            }
            if let Some(last) = &c.last {
                let reason = last.reason.as_deref().unwrap_or("-");
                let _ = writeln!(text, "  {}: last ended with {} {reason}", c.name, last.exit_code);
            }
        }
        self.out.push_str(&text.replace(&object.meta.uid.to_string(), "UID"));
    }

    fn images(&mut self, name: &str) {
        let Some(object) = self.cluster.store().get(Kind::Pod, "default", name) else { return };
        for c in object.pod().unwrap().status.all_containers() {
            let _ = writeln!(self.out, "  {} {}", c.name, c.image_id.as_deref().unwrap_or("-"));
        }
    }

    fn version(&mut self, name: &str) {
        let Some(object) = self.cluster.store().get(Kind::Pod, "default", name) else { return };
        let _ = writeln!(self.out, "  {}", object.meta.resource_version);
    }

    fn events(&mut self, name: &str) {
        let store = self.cluster.store();
        let events = self.events.iter().filter_map(|key| match &store.at(key)?.body {
            Body::Event(e) if e.name == name && e.occasion.component == "kubelet" => Some(e),
            _ => None,
        });
        let mut text = String::new();
        for e in events {
            let times = if e.count > 1 { format!(" (x{})", e.count) } else { String::new() };
            let part =
                if e.occasion.field_path.is_empty() { String::new() } else { format!(" {}", e.occasion.field_path) };
            let _ = writeln!(text, "  {} {}{part}: {}{times}", e.occasion.kind.as_str(), e.occasion.reason, e.message);
        }
        let uids = self.cluster.store().list(Kind::Pod, None).map(|o| o.meta.uid.to_string());
        for uid in uids.collect::<Vec<_>>() {
            text = text.replace(&uid, "UID");
        }
        self.out.push_str(&text);
    }

    fn show_machine(&mut self, name: &str) {
        let mut pods = self.machines[name].list();
        pods.sort_by_key(|p| p.pod.name.clone());
        for pod in pods {
            let containers: Vec<String> = pod
                .containers
                .iter()
                .map(|c| format!("{}#{}{}", c.container, c.attempt, if c.running { "" } else { " ended" }))
                .collect();
            let _ = writeln!(self.out, "  {} {}", pod.pod.name, containers.join(", "));
        }
    }

    fn conditions(&mut self, name: &str) {
        let Some(object) = self.cluster.store().get(Kind::Node, "", name) else { return };
        let mut text = String::new();
        for c in object.node().and_then(|(_, s)| s.conditions.clone()).unwrap_or_default() {
            let (reason, message) = (c.reason.unwrap_or_default(), c.message.unwrap_or_default());
            let _ = writeln!(text, "  {}={} {reason}: {message}", c.type_, c.status);
        }
        self.out.push_str(&text);
    }
}

/// Does what a machine was told, and says what it reports.
pub(crate) fn carry_out(machine: &mut Machine, command: RuntimeCommand, now: Time) -> Option<RuntimeEvent> {
    Some(match command {
        RuntimeCommand::StartSandbox { pod, .. } => RuntimeEvent::SandboxReady { pod_ip: machine.sandbox(&pod), pod },
        RuntimeCommand::WriteVolumes { pod, .. } => RuntimeEvent::VolumesWritten { pod, failure: None },
        RuntimeCommand::EnsureImage { pod, container, .. } => {
            let image_id = IMAGE_ID.into();
            RuntimeEvent::ImageReady { pod, container, image_id, pulled: None, size_bytes: None }
        }
        RuntimeCommand::StartContainer { pod, container, attempt, .. } => {
            let at = machine.start(&pod, &container, attempt, now);
            let id = format!("test://{container}-{attempt}").into();
            RuntimeEvent::Started { pod, container, attempt, id, at }
        }
        RuntimeCommand::ResizeContainer { pod, container, attempt, .. } => {
            RuntimeEvent::Resized { pod, container, attempt, failure: None }
        }
        RuntimeCommand::StopContainer { pod, container, .. } => {
            let exit = Exit { code: 143, at: Some(now), ..Exit::default() };
            let (attempt, exit) = machine.exit(&pod, &container, exit)?;
            RuntimeEvent::Exited { pod, container, attempt, exit }
        }
        RuntimeCommand::RemovePod { pod } => {
            machine.remove(&pod);
            RuntimeEvent::Removed { pod }
        }
        RuntimeCommand::Probe { .. } => return None,
    })
}

fn describe(command: &RuntimeCommand) -> String {
    let name = &command.pod().name;
    match command {
        RuntimeCommand::StartSandbox { settings, .. } => format!("StartSandbox {name}{}", carried(settings.as_deref())),
        RuntimeCommand::WriteVolumes { settings, .. } => format!("WriteVolumes {name}{}", carried(Some(settings))),
        RuntimeCommand::EnsureImage { container, image, policy, .. } => {
            format!("EnsureImage {name}/{container} {image} {policy}")
        }
        RuntimeCommand::StartContainer { container, attempt, settings, target, .. } => {
            let target = target.as_ref().map(|(target, attempt)| format!(" beside {target}#{attempt}"));
            let carried = carried(settings.as_deref());
            format!("StartContainer {name}/{container}#{attempt}{}{carried}", target.unwrap_or_default())
        }
        RuntimeCommand::ResizeContainer { container, attempt, spec, .. } => {
            let resources = spec.containers.iter().find(|c| c.name == *container).and_then(|c| c.resources.as_ref());
            let resources = serde_json::to_string(&resources).unwrap();
            format!("ResizeContainer {name}/{container}#{attempt} {resources}")
        }
        RuntimeCommand::StopContainer { container, grace, .. } => {
            format!("StopContainer {name}/{container} {}s", grace.as_secs())
        }
        RuntimeCommand::RemovePod { .. } => format!("RemovePod {name}"),
        RuntimeCommand::Probe { container, kind, .. } => format!("Probe {name}/{container} {kind:?}"),
    }
}

/// Which config maps and secrets a command carries, and what they say.
fn carried(settings: Option<&Settings>) -> String {
    let Some(settings) = settings else { return String::new() };
    let shown = settings.documents().map(|(name, document)| {
        let values = settings::keys(document)
            .map(|key| format!("{key}={}", String::from_utf8_lossy(&settings::value(document, key).unwrap())));
        format!("{name}({})", values.collect::<Vec<_>>().join(" "))
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    format!(" with {}", if shown.is_empty() { "nothing" } else { &shown })
}

/// A pod in one line.
fn summary(object: &Object) -> String {
    let pod = object.pod().unwrap();
    let status = &pod.status;
    let ready = status.conditions.iter().any(|c| c.kind.as_str() == "Ready" && c.status == ConditionStatus::True);
    let mut text = status.phase.as_str().to_owned();
    if let Some(reason) = &status.rarer.reason {
        let _ = write!(text, "({reason})");
    }
    if ready {
        text.push_str(" Ready");
    }
    if object.meta.deletion.is_some() {
        text.push_str(" Terminating");
    }
    for container in status.all_containers() {
        let _ = write!(text, " {}", container_summary(container));
    }
    text
}

fn container_summary(c: &ContainerStatus) -> String {
    let state = match &c.state {
        ContainerState::Unset => "-".to_owned(),
        ContainerState::Waiting { reason, .. } => reason.as_deref().unwrap_or("-").to_owned(),
        ContainerState::Running { .. } if c.ready => "ready".to_owned(),
        ContainerState::Running { .. } if c.started == Some(true) => "running".to_owned(),
        ContainerState::Running { .. } => "starting".to_owned(),
        ContainerState::Terminated(t) => format!("{}({})", t.reason.as_deref().unwrap_or("-"), t.exit_code),
    };
    let restarts = if c.restarts > 0 { format!("[{}]", c.restarts) } else { String::new() };
    format!("{}={state}{restarts}", c.name)
}
