//! The world: a cluster, its machines and what will happen to them, in virtual time.

use super::action::{Action, ActionError, PodChoice, Target};
use super::behaviour::Images;
use super::latency::HEARTBEAT_PERIOD;
use super::machine::{Fault, Site, VirtualMachine};
use super::manifest::Manifest;
use super::manifests;
use super::queue::{Happening, Queue};
use super::refusal;
use super::scenario::{Pool, Scenario};
use super::traffic::{Outcome, SAMPLES_MAX, ServicePort, Traffic};
use crate::api::{Kind, Name, Object, Selector};
use crate::apiserver::{Answer, LogQuery, Method, ProxyTarget, Request, Response};
use crate::cluster::{Cluster, Effect, Input};
use crate::order;
use crate::recording::{Entry, Recording};
use crate::runtime::RuntimeEvent;
use crate::time::{Span, Time};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// How far [`World::advance`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many events happened.
    pub events: u32,
    /// Whether the wanted instant is reached; if not, the number of events was.
    pub reached: bool,
}

/// A manifest of the scenario that the API refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Which manifest, counted from 0.
    pub manifest: u32,
    /// Why.
    pub error: ActionError,
}

/// Something that was done to the world from outside, by its timeline or by an [`Action`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// When.
    pub at: Time,
    /// What, as a timeline writes it.
    pub what: String,
    /// Why it did not happen, if so.
    pub error: Option<String>,
}

/// How many entries the journal keeps.
pub(super) const JOURNAL_ENTRIES_MAX: usize = 1_000;

/// How long nothing may have happened before [`World::settle`] takes a world as settled.
const SETTLE_QUIET: Span = Span::from_secs(30);

/// The same where machines are faulty: grace and toleration may be running, and some time to spare.
const SETTLE_QUIET_FAULTY: Span = Span::from_secs(20);

/// The instant at which worlds begin: 2026-01-01T00:00:00Z.
pub const BEGINNING: Time = Time(1_767_225_600_000_000);

/// A simulated cluster. A clone is a fork: both go on with the same numbers.
#[derive(Clone, Debug)]
pub struct World {
    scenario: Arc<Scenario>,
    cluster: Cluster,
    now: Time,
    queue: Queue,
    wake: Option<Time>,
    machines: Vec<VirtualMachine>,
    by_name: BTreeMap<Name, u32>,
    images: Images,
    slow_pulls: u32,
    traffic: Traffic,
    events: u64,
    rejections: Vec<Rejection>,
    journal: VecDeque<JournalEntry>,
    recorded: Vec<Entry>,
    /// When something other than heartbeats, probes and traffic happened last.
    stirred: Time,
}

impl World {
    /// A world at its beginning: nothing has happened yet.
    pub fn new(scenario: &Scenario) -> Self {
        let scenario = Arc::new(scenario.clone());
        let mut world = Self {
            cluster: Cluster::new(scenario.config.clone(), BEGINNING),
            now: BEGINNING,
            queue: Queue::default(),
            wake: None,
            machines: Vec::new(),
            by_name: BTreeMap::new(),
            images: Images::new(&scenario.images),
            slow_pulls: 1,
            traffic: Traffic::default(),
            events: 0,
            rejections: Vec::new(),
            journal: VecDeque::new(),
            recorded: Vec::new(),
            stirred: BEGINNING,
            scenario,
        };
        let scenario = Arc::clone(&world.scenario);
        for n in 0..scenario.nodes.len() {
            world.queue.push(BEGINNING, Happening::Pool(n as u32));
        }
        for n in 0..scenario.manifests.len() {
            world.queue.push(BEGINNING, Happening::Manifest(n as u32));
        }
        for (n, step) in scenario.timeline.iter().enumerate() {
            world.queue.push(BEGINNING + step.at, Happening::Timeline(n as u32));
        }
        for client in &scenario.traffic {
            world.set_traffic(client.to.clone(), client.rate_milli);
        }
        world
    }

    /// The present instant.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// How much time has passed since the beginning.
    pub fn elapsed(&self) -> Span {
        self.now.since(BEGINNING)
    }

    /// The cluster.
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// What it began with.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Its machines, those that were taken away among them.
    pub fn machines(&self) -> &[VirtualMachine] {
        &self.machines
    }

    /// The machine of a node.
    pub fn machine(&self, node: &str) -> Option<&VirtualMachine> {
        self.by_name.get(node).and_then(|n| self.machines.get(*n as usize)).filter(|m| !m.is_gone())
    }

    /// What is wrong with which machine, by name; machines that are well are left out.
    pub fn faults(&self) -> Vec<(&Name, Vec<Fault>)> {
        let present = self.machines.iter().filter(|m| !m.is_gone());
        present.map(|m| (m.name(), m.faults())).filter(|(_, faults)| !faults.is_empty()).collect()
    }

    /// Clients and what came of their requests.
    pub const fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// How many events have happened.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Manifests of the scenario that the API refused.
    pub fn rejections(&self) -> &[Rejection] {
        &self.rejections
    }

    /// What was done to the world from outside, oldest first.
    pub fn journal(&self) -> impl DoubleEndedIterator<Item = &JournalEntry> + ExactSizeIterator {
        self.journal.iter()
    }

    /// Everything that is needed to have this world again.
    pub fn recording(&self) -> Recording {
        Recording {
            scenario: Arc::clone(&self.scenario),
            entries: self.recorded.clone(),
            until: self.now,
            events: self.events,
        }
    }

    /// When the next event is due.
    pub fn next_event_at(&self) -> Option<Time> {
        let due = match (self.queue.next_at(), self.wake) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        due.map(|at| at.max(self.now))
    }

    /// Lets time pass until `until`, or until `max_events` have happened.
    pub fn advance(&mut self, until: Time, max_events: u32) -> Progress {
        let mut events = 0;
        while self.next_event_at().is_some_and(|at| at <= until) {
            if events >= max_events {
                return Progress { events, reached: false };
            }
            self.step();
            events += 1;
        }
        self.now = self.now.max(until);
        Progress { events, reached: true }
    }

    /// Lets time pass until the next event, and that happen. Returns whether there was one.
    pub fn step(&mut self) -> bool {
        let Some(at) = self.next_event_at() else { return false };
        self.now = at;
        self.events += 1;
        // What is planned comes before the cluster's own deadlines of the same instant: it takes them along.
        if self.queue.next_at().is_some_and(|planned| planned <= at) {
            if let Some((_, what)) = self.queue.pop() {
                self.happen(what);
            }
        } else {
            self.handle(Input::Wake);
        }
        true
    }

    /// Lets time pass without an event; never backwards.
    pub(crate) fn pass_until(&mut self, at: Time) {
        self.now = self.now.max(at);
    }

    /// Lets time pass until nothing is left to happen but what goes on for ever (heartbeats, probes, traffic), or until
    /// `limit`, or until `max_events` have happened. Reached where nothing is left or the limit is.
    ///
    /// A cluster is taken as settled when for half a minute nothing else has happened, and no step of the
    /// scenario is to come. Something that comes back less often, such as a crash loop's back-off of minutes, is
    /// not waited for.
    pub fn settle(&mut self, limit: Time, max_events: u32) -> Progress {
        let mut events = 0;
        let config = self.cluster.config();
        let evicted = Span(config.node_grace.0.saturating_add(Span::from_secs(config.toleration_seconds).0));
        while let Some(at) = self.next_event_at() {
            if !self.queue.is_busy() && at > self.stirred + SETTLE_QUIET {
                let faulty = self.machines.iter().any(|m| !m.is_gone() && !m.is_reachable());
                if !faulty || at > self.stirred + Span(evicted.0.saturating_add(SETTLE_QUIET_FAULTY.0)) {
                    return Progress { events, reached: true };
                }
            }
            if at > limit {
                self.now = self.now.max(limit);
                return Progress { events, reached: true };
            }
            if events >= max_events {
                return Progress { events, reached: false };
            }
            self.step();
            events += 1;
        }
        Progress { events, reached: true }
    }

    /// When something other than heartbeats, probes and traffic happened last.
    pub const fn stirred_at(&self) -> Time {
        self.stirred
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Pool(n) => {
                let scenario = Arc::clone(&self.scenario);
                if let Some(pool) = scenario.nodes.get(n as usize) {
                    self.add_pool(pool);
                }
            }
            Happening::Manifest(n) => {
                let scenario = Arc::clone(&self.scenario);
                let Some(manifest) = scenario.manifests.get(n as usize) else { return };
                if let Err(error) = self.create(manifest) {
                    self.rejections.push(Rejection { manifest: n, error });
                }
            }
            Happening::Timeline(n) => {
                let scenario = Arc::clone(&self.scenario);
                if let Some(step) = scenario.timeline.get(n as usize) {
                    // The journal has what came of it.
                    let _ = self.act(step.action.clone());
                }
            }
            Happening::Heartbeat(n) => {
                let Some(machine) = self.machines.get(n as usize) else { return };
                if machine.is_gone() {
                    return;
                }
                self.queue.push(self.now + HEARTBEAT_PERIOD, Happening::Heartbeat(n));
                if machine.is_reachable() {
                    let node = machine.name().clone();
                    self.handle(Input::Runtime { node, event: RuntimeEvent::Heartbeat });
                }
            }
            Happening::Machine { machine, boot, doing } => {
                if self.machines.get(machine as usize).is_none_or(|m| m.boot() != boot) {
                    return;
                }
                let reports = self.at_machine(machine, |m, site| m.done(doing, site)).unwrap_or_default();
                self.report(machine, reports);
            }
            Happening::Tell { machine, boot, event } => {
                if self.machines.get(machine as usize).is_some_and(|m| m.boot() == boot) {
                    self.report(machine, vec![*event]);
                }
            }
            Happening::Traffic(n) => self.visit(n),
        }
    }

    /// Hands the cluster an input, and its effects to the machines.
    fn handle(&mut self, input: Input) -> Option<Answer> {
        let before = self.cluster.store().revision();
        let output = self.cluster.handle(self.now, input);
        self.wake = output.wake;
        if self.cluster.store().revision() != before {
            self.stirred = self.now;
        }
        for effect in output.effects {
            let Effect::Runtime { node, command } = effect;
            if let Some(machine) = self.by_name.get(&node).copied() {
                self.at_machine(machine, |m, site| m.command(command, site));
            }
        }
        output.answer
    }

    fn at_machine<T>(&mut self, machine: u32, work: impl FnOnce(&mut VirtualMachine, &mut Site<'_>) -> T) -> Option<T> {
        let mut site = Site {
            now: self.now,
            queue: &mut self.queue,
            images: &self.images,
            store: self.cluster.store(),
            slow_pulls: self.slow_pulls,
        };
        self.machines.get_mut(machine as usize).map(|m| work(m, &mut site))
    }

    /// Passes on what a machine has to report, if it can be heard.
    fn report(&mut self, machine: u32, reports: Vec<RuntimeEvent>) {
        for event in reports {
            let Some(from) = self.machines.get(machine as usize).filter(|m| m.is_reachable()) else { return };
            let node = from.name().clone();
            self.handle(Input::Runtime { node, event });
        }
    }

    /// Does something to the world now. The answer is there where the API was asked, refusals included.
    ///
    /// Everything done this way is in the [`Self::recording`].
    pub fn apply(&mut self, action: Action) -> Result<Option<Answer>, ActionError> {
        self.recorded.push(Entry { at: self.now, events: self.events, action: action.clone() });
        self.act(action)
    }

    fn act(&mut self, action: Action) -> Result<Option<Answer>, ActionError> {
        // Reading changes nothing, and is not worth telling.
        let told = !matches!(&action, Action::Request { request } if request.method == Method::Get);
        let what = if told { action.to_string() } else { String::new() };
        let outcome = self.carry_out(action);
        if told {
            if self.journal.len() == JOURNAL_ENTRIES_MAX {
                self.journal.pop_front();
            }
            let error = match &outcome {
                Err(e) => Some(e.to_string()),
                Ok(Some(Answer::Done(response))) => refusal::refusal(response, "").map(|e| e.to_string()),
                Ok(_) => None,
            };
            self.journal.push_back(JournalEntry { at: self.now, what, error });
        }
        outcome
    }

    fn carry_out(&mut self, action: Action) -> Result<Option<Answer>, ActionError> {
        match action {
            Action::FailNode { node } => {
                let machine = self.find(&node)?;
                let now = self.now;
                self.at_machine(machine, |m, _| m.switch_off(now));
            }
            Action::RestoreNode { node } => {
                let machine = self.find(&node)?;
                self.at_machine(machine, |m, site| {
                    if !m.is_on() {
                        m.switch_on(site);
                    }
                });
            }
            Action::PartitionNode { node } => {
                let machine = self.find(&node)?;
                self.at_machine(machine, |m, _| m.partition());
            }
            Action::HealNode { node } => {
                let machine = self.find(&node)?;
                let reports = self.at_machine(machine, |m, _| m.heal()).unwrap_or_default();
                self.report(machine, reports);
            }
            Action::FillDisk { node } => self.set_disk_full(&node, true)?,
            Action::FreeDisk { node } => self.set_disk_full(&node, false)?,
            Action::SlowPulls { node: Some(node), factor } => {
                let machine = self.find(&node)?;
                self.at_machine(machine, |m, _| m.set_slow_pulls(factor));
            }
            Action::SlowPulls { node: None, factor } => self.slow_pulls = factor.max(1),
            Action::Crash { pod, container, code } => self.crash(&pod, container, code)?,
            Action::AddNodes { pool } => self.add_pool(&pool),
            Action::RemoveNode { node } => {
                let machine = self.find(&node)?;
                self.handle(Input::Runtime { node: node.clone(), event: RuntimeEvent::Left });
                let now = self.now;
                self.at_machine(machine, |m, _| m.take_away(now));
                return Ok(self.request(Request::new(Method::Delete, format!("/api/v1/nodes/{node}"))));
            }
            Action::Traffic { to, rate_milli } => self.set_traffic(to, rate_milli),
            Action::SampleTraffic { every } => self.traffic.set_every(every),
            Action::Scale { target, replicas } => {
                let patch = json!({ "spec": { "replicas": replicas } });
                return self.patch(&target, &patch);
            }
            Action::Label { target, labels } => {
                let patch = json!({ "metadata": { "labels": labels } });
                return self.patch(&target, &patch);
            }
            Action::Cordon { node, closed } => {
                let target = Target { kind: Kind::Node, namespace: Name::default(), which: PodChoice::Name(node) };
                // A merge patch removes what is null.
                let patch =
                    json!({ "spec": { "unschedulable": if closed { Value::Bool(true) } else { Value::Null } } });
                return self.patch(&target, &patch);
            }
            Action::Delete { target } => {
                let path = manifests::path_of(&*self.resolve(&target)?);
                return Ok(self.request(Request::new(Method::Delete, path)));
            }
            Action::Apply { manifest } => self.apply_manifest(&manifest.into())?,
            Action::Request { request } => return Ok(self.request(request)),
        }
        Ok(None)
    }

    fn find(&self, node: &Name) -> Result<u32, ActionError> {
        let found = self.by_name.get(node).copied();
        found
            .filter(|n| self.machines.get(*n as usize).is_some_and(|m| !m.is_gone()))
            .ok_or_else(|| ActionError::NoMachine(node.clone()))
    }

    fn set_disk_full(&mut self, node: &Name, full: bool) -> Result<(), ActionError> {
        let machine = self.find(node)?;
        let report = self.at_machine(machine, |m, _| m.set_disk_full(full));
        self.report(machine, report.into_iter().collect());
        Ok(())
    }

    fn crash(&mut self, target: &Target, container: Option<Name>, code: i32) -> Result<(), ActionError> {
        let object = self.resolve(target)?;
        let not_running = || ActionError::NotNow(format!("{target} has no container running"));
        let node = object.pod().and_then(|p| p.node.clone()).ok_or_else(not_running)?;
        let machine = self.find(&node)?;
        let (uid, now) = (object.meta.uid, self.now);
        let report = self.at_machine(machine, |m, _| {
            let container = container.or_else(|| m.running_container(uid))?;
            m.end(uid, &container, None, code, now)
        });
        let report = report.flatten().ok_or_else(not_running)?;
        self.report(machine, vec![report]);
        Ok(())
    }

    /// The object an action means.
    fn resolve(&self, target: &Target) -> Result<Arc<Object>, ActionError> {
        let store = self.cluster.store();
        let missing = || ActionError::NoTarget(target.to_string());
        match &target.which {
            PodChoice::Name(name) => store.get(target.kind, &target.namespace, name).cloned().ok_or_else(missing),
            PodChoice::Nth { selector, n } => {
                let selector = Selector::parse(selector).map_err(|_| missing())?;
                let namespace = target.kind.info().namespaced.then_some(target.namespace.as_str());
                let mut matching: Vec<_> = store
                    .list(target.kind, namespace)
                    .filter(|o| o.meta.deletion.is_none() && selector.matches(&o.meta.labels))
                    .collect();
                order::sort_by(&mut matching, |a, b| {
                    (a.meta.created, &a.meta.name).cmp(&(b.meta.created, &b.meta.name))
                });
                matching.get(*n as usize).map(|o| Arc::clone(o)).ok_or_else(missing)
            }
        }
    }

    fn patch(&mut self, target: &Target, patch: &Value) -> Result<Option<Answer>, ActionError> {
        let mut request = Request::new(Method::Patch, manifests::path_of(&*self.resolve(target)?)).with_json(patch);
        "application/merge-patch+json".clone_into(&mut request.content_type);
        Ok(self.request(request))
    }

    /// Asks the API. What only a driver can answer is answered as the machines of this world would.
    fn request(&mut self, request: Request) -> Option<Answer> {
        let creates_node = request.method == Method::Post && request.path == "/api/v1/nodes";
        let answer = self.handle(Input::Request(request));
        if creates_node && let Some(Answer::Done(Response { status: 201, body, .. })) = &answer {
            // Somebody made a node: in this world there is a machine behind it.
            let name = serde_json::from_str::<Value>(body).ok();
            if let Some(name) = name.as_ref().and_then(|n| n["metadata"]["name"].as_str()) {
                self.plug_in(name.into());
            }
        }
        match answer {
            Some(Answer::Logs(query)) => Some(Answer::Done(self.log(&query))),
            Some(Answer::Proxy(target)) => Some(Answer::Done(self.answer_of(&target))),
            other => other,
        }
    }

    /// What a container has written: in this world no more than that it started and ended.
    fn log(&self, query: &LogQuery) -> Response {
        let Some(machine) = self.machine(&query.node).filter(|m| m.is_reachable()) else {
            return Response::json(500, &manifests::failure(500, &format!("node {} cannot be reached", query.node)));
        };
        let lines = machine.log(query.pod.uid, &query.container, query.attempt);
        let skip = query.tail_lines.map_or(0, |n| lines.len().saturating_sub(n as usize));
        let body = lines
            .iter()
            .skip(skip)
            .map(|(at, line)| if query.timestamps { format!("{at} {line}\n") } else { format!("{line}\n") });
        Response { status: 200, content_type: "text/plain".to_owned(), warnings: Vec::new(), body: body.collect() }
    }

    /// What a pod answers a request that the API passes on to it.
    fn answer_of(&self, target: &ProxyTarget) -> Response {
        let answers = self.machine(&target.node).is_some_and(|m| m.is_reachable() && m.runs(target.pod.uid));
        if !answers {
            let message = format!("dial tcp {}:{}: connect: no route to host", target.pod_ip, target.port);
            return Response::json(503, &manifests::failure(503, &message));
        }
        let body = format!("{} on {}: {}\n", target.pod.name, target.node, target.path);
        Response { status: 200, content_type: "text/plain".to_owned(), warnings: Vec::new(), body }
    }

    /// Creates what a manifest says, its namespace first where that is missing.
    fn create(&mut self, manifest: &Manifest) -> Result<(), ActionError> {
        let (kind, namespace, path) = manifest.collection()?;
        if !namespace.is_empty() && self.cluster.store().get(Kind::Namespace, "", &namespace).is_none() {
            let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
            self.ask(Request::new(Method::Post, "/api/v1/namespaces").with_json(&body), "")?;
        }
        let mut request = manifests::with_body(Request::new(Method::Post, path), manifest);
        // A field that nobody knows is a typing error: refused, as kubectl has it.
        "fieldValidation=Strict".clone_into(&mut request.query);
        self.ask(request, manifest.json())?;
        if kind == Kind::Node && !manifest.name().is_empty() {
            self.plug_in(manifest.name().clone());
        }
        Ok(())
    }

    fn apply_manifest(&mut self, manifest: &Manifest) -> Result<(), ActionError> {
        let (kind, namespace, path) = manifest.collection()?;
        let name = manifest.name();
        if self.cluster.store().get(kind, &namespace, name).is_none() {
            return self.create(manifest);
        }
        let request = Request::new(Method::Patch, format!("{path}/{name}"));
        let mut request = manifests::with_body(request, manifest);
        "application/merge-patch+json".clone_into(&mut request.content_type);
        self.ask(request, manifest.json())
    }

    /// Has the API do something of which only a refusal is news. It names the field of the manifest it is about.
    fn ask(&mut self, mut request: Request, manifest: &str) -> Result<(), ActionError> {
        request.brief = true;
        refusal::accepted(self.handle(Input::Request(request)).as_ref(), manifest)
    }

    fn add_pool(&mut self, pool: &Pool) {
        for name in pool.names() {
            if let Err(error) = self.create(&pool.manifest(&name).into()) {
                let what = format!("addNodes {name}");
                self.journal.push_back(JournalEntry { at: self.now, what, error: Some(error.to_string()) });
            }
        }
    }

    /// A machine joins as that node.
    fn plug_in(&mut self, name: Name) {
        let Some(object) = self.cluster.store().get(Kind::Node, "", &name) else { return };
        let description = manifests::machine_of(object);
        let index = if let Some(old) = self.by_name.get(&name).copied() {
            // A machine of that name was here before: a new one takes its place.
            let replacement = self.machines.get(old as usize).filter(|m| m.is_gone()).map(|m| m.boot() + 1);
            let Some(boot) = replacement else { return };
            let machine = VirtualMachine::new(old, name.clone(), description, self.scenario.config.seed);
            if let Some(place) = self.machines.get_mut(old as usize) {
                *place = machine.after_boot(boot);
            }
            old
        } else {
            let index = self.machines.len() as u32;
            self.machines.push(VirtualMachine::new(index, name.clone(), description, self.scenario.config.seed));
            self.by_name.insert(name, index);
            index
        };
        let phase = self.at_machine(index, |m, _| m.heartbeat_phase()).unwrap_or_default();
        self.queue.push(self.now + phase, Happening::Heartbeat(index));
        let reports = self.at_machine(index, |m, _| m.joined()).unwrap_or_default();
        self.report(index, reports);
    }

    fn set_traffic(&mut self, to: ServicePort, rate_milli: u64) {
        if let Some(flow) = self.traffic.set_rate(to, rate_milli, self.now) {
            let at = self.traffic.next_due(flow, self.now);
            self.queue.push(at, Happening::Traffic(flow));
        }
    }

    /// Clients ask a service.
    fn visit(&mut self, n: u32) {
        self.queue.push(self.traffic.next_due(n, self.now), Happening::Traffic(n));
        let Some(flow) = self.traffic.flow_mut(n) else { return };
        let requests = flow.due(self.now);
        if requests == 0 {
            return;
        }
        let samples = requests.min(SAMPLES_MAX);
        let to = flow.to.clone();
        let port = match to.port {
            0 => manifests::first_port(&self.cluster, &to),
            port => port,
        };
        for sample in 0..samples {
            let weight = requests / samples + u64::from(sample < requests % samples);
            let client = self.traffic.flow_mut(n).map(super::traffic::Flow::next_client).unwrap_or_default();
            let backend = self.cluster.route(&to.namespace, &to.service, port, &client);
            let outcome = match &backend {
                None => Outcome::Refused,
                Some(b) if self.machine(&b.node).is_some_and(|m| m.is_reachable() && m.runs(b.pod.uid)) => {
                    Outcome::Answered
                }
                Some(_) => Outcome::Lost,
            };
            self.traffic.record(n, self.now, backend.map(|b| (b.pod, b.node)), outcome, weight);
        }
        if self.traffic.tracked_pods() > 2 * self.cluster.store().count(Kind::Pod) + 1_000 {
            let store = self.cluster.store();
            self.traffic.forget_pods(|uid| store.by_uid(uid).is_some());
        }
    }
}
