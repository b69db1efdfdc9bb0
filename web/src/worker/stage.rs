//! What the worker plays: a simulated world, and the view that the page sees of it.

use super::protocol::{Ask, Countdown, Flow, Ghosts, NodeFault, Reply, Stage as Next, Update};
use kubarium_core::api::{Kind, Name};
use kubarium_core::apiserver::{Answer, Request, Response};
use kubarium_core::order;
use kubarium_core::sim::{Action, BEGINNING, Fault, Outcome, Scenario, World};
use kubarium_core::view::{NodeReadiness, PodState, View};
use kubarium_core::{Span, Time};
use serde_json::json;

/// How long a node may be silent before a countdown is shown: heartbeats come every ten seconds.
const SILENCE: Span = Span::from_secs(12);

/// A world on stage.
pub(crate) struct Stage {
    world: World,
    view: View,
    /// Up to which revision the view has seen the changes.
    seen: u64,
    /// The number of the last visit that was shown.
    visited: u64,
}

impl Stage {
    /// The scenario of that text; one that cannot be read (the page says so) is an empty world.
    pub(crate) fn playing(scenario: &str) -> Self {
        Self::new(&Scenario::parse(scenario).unwrap_or_default())
    }

    fn new(scenario: &Scenario) -> Self {
        Self { world: World::new(scenario), view: View::default(), seen: 0, visited: 0 }
    }

    /// The virtual time.
    pub(crate) const fn now(&self) -> Time {
        self.world.now()
    }

    /// When it began.
    #[expect(clippy::unused_self, reason = "worlds all begin at the same instant for now")]
    pub(crate) const fn start(&self) -> Time {
        BEGINNING
    }

    /// Lets time run. Returns whether `until` is reached; if not, `max_events` happened.
    pub(crate) fn advance(&mut self, until: Time, max_events: u32) -> bool {
        self.world.advance(until, max_events).reached
    }

    /// Lets the next thing happen that changes an object, so that a step can be seen.
    pub(crate) fn step(&mut self) {
        self.world.step_to_change();
    }

    /// Answers the page.
    pub(crate) fn answer(&mut self, ask: Ask) -> Reply {
        match ask {
            Ask::Request(request) => Reply::Response(self.request(request)),
            Ask::Act(action) => match self.world.apply(*action) {
                Ok(_) => Reply::Done,
                Err(error) => Reply::Error(error.to_string()),
            },
            Ask::Preview { namespace, name, replicas } => Reply::Ghosts(self.preview(&namespace, &name, replicas)),
            Ask::Load(yaml) => match Scenario::parse(&yaml) {
                Ok(scenario) => {
                    *self = Self::new(&scenario);
                    Reply::Done
                }
                Err(error) => Reply::Error(error.to_string()),
            },
            Ask::Recording => Reply::Text(self.world.recording().to_value().to_string()),
            Ask::Play(_) | Ask::Step | Ask::Speed(_) | Ask::Drawn => Reply::Done,
        }
    }

    fn request(&mut self, request: Request) -> Response {
        // Who only reads leaves no trace: a page asks several times a second, and the recording has what was done.
        let answer = match self.world.look(&request) {
            Some(answer) => Ok(Some(answer)),
            None => self.world.apply(Action::Request { request }),
        };
        match answer {
            Ok(Some(Answer::Done(response))) => response,
            // What is new now; whoever wants more asks again.
            Ok(Some(Answer::Watch(query))) => match self.world.cluster().watch(&query, None) {
                Ok(batch) => {
                    let lines: Vec<String> = batch.events.iter().map(ToString::to_string).collect();
                    let content_type = "application/json".to_owned();
                    Response { status: 200, content_type, warnings: Vec::new(), body: lines.join("\n") }
                }
                Err(error) => (&error).into(),
            },
            Ok(_) => problem(501, "there is nothing inside the pods of a simulation"),
            Err(error) => problem(400, &error.to_string()),
        }
    }

    /// Asks the control plane itself, in a fork: the pods that it would create and place are the ghosts.
    fn preview(&self, namespace: &str, name: &str, replicas: u32) -> Ghosts {
        let wanted = i32::try_from(replicas).unwrap_or(i32::MAX);
        let Some(preview) = self.world.cluster().preview_scale(namespace, name, wanted) else {
            return Ghosts::default();
        };
        let mut ghosts = Ghosts { leaving: preview.removed, ..Ghosts::default() };
        let mut placed = order::Map::<Name, u32>::new();
        for pod in preview.placements {
            if let Some(node) = pod.node {
                *placed.entry(node).or_default() += 1;
            } else {
                ghosts.pending += 1;
                ghosts.reason = pod.message.to_string();
            }
        }
        ghosts.placed = placed.into_iter().collect();
        ghosts
    }

    /// What changed since the last call. The clock is the caller's.
    pub(crate) fn take_update(&mut self) -> Update {
        let store = self.world.cluster().store();
        match store.changes_since(self.seen) {
            Ok(changes) => changes.for_each(|change| self.view.apply(change)),
            // More happened than the log holds: compare everything.
            Err(_) => {
                for kind in Kind::ALL {
                    self.view.replace(kind, store.list(kind, None).map(AsRef::as_ref));
                }
            }
        }
        self.seen = store.revision();
        let delta = self.view.take_delta();
        let faults = self.faults();
        let traffic = self.world.traffic();
        let requests = traffic
            .services()
            .fold((0, 0), |(answered, lost), (_, _, c)| (answered + c.answered, lost + c.lost + c.refused));
        Update {
            delta,
            requests,
            countdowns: self.countdowns(&faults),
            faults,
            flows: self.flows(),
            ..Update::default()
        }
    }

    fn flows(&mut self) -> Vec<Flow> {
        let rows = self.view.rows();
        let mut flows: Vec<Flow> = Vec::new();
        for visit in self.world.traffic().latest().rev().take_while(|v| v.number > self.visited) {
            let service = (visit.to.namespace.clone(), visit.to.service.clone());
            let pod = visit.pod.as_ref().and_then(|(pod, _)| rows.pod_slot(&pod.namespace, &pod.name));
            let weight = visit.weight as u32;
            let (answered, lost) = if visit.outcome == Outcome::Answered { (weight, 0) } else { (0, weight) };
            match flows.iter_mut().find(|f| f.pod == pod && f.service == service) {
                Some(flow) => {
                    flow.answered += answered;
                    flow.lost += lost;
                }
                None => flows.push(Flow { service, pod, answered, lost }),
            }
        }
        self.visited = self.world.traffic().latest().next_back().map_or(self.visited, |v| v.number);
        flows
    }

    fn faults(&self) -> Vec<(Name, NodeFault)> {
        let of = |fault: Fault| match fault {
            Fault::Off => NodeFault::Off,
            Fault::Partitioned => NodeFault::Partitioned,
            Fault::DiskFull => NodeFault::DiskFull,
            Fault::SlowPulls(_) => NodeFault::SlowPulls,
        };
        let faults = self.world.faults().into_iter();
        faults.flat_map(|(node, faults)| faults.into_iter().map(move |f| (node.clone(), of(f)))).collect()
    }

    /// For every node that is silent or not ready, what comes next.
    fn countdowns(&self, faults: &[(Name, NodeFault)]) -> Vec<(Name, Countdown)> {
        let rows = self.view.rows();
        let unready = rows.nodes().filter(|(n, _)| n.readiness != NodeReadiness::Ready).map(|(n, _)| &n.name);
        let mut names: Vec<&Name> = unready.chain(faults.iter().map(|(name, _)| name)).collect();
        order::sort(&mut names);
        names.dedup();
        names.into_iter().filter_map(|name| Some((name.clone(), self.countdown(name)?))).collect()
    }

    fn countdown(&self, node: &str) -> Option<Countdown> {
        let now = self.world.now();
        let ahead = self.world.cluster().countdown(node)?;
        let place = self.view.rows().places().get(node)?;
        let ready = place.node.as_ref()?.readiness == NodeReadiness::Ready;
        if ready {
            return (now.since(ahead.heard) > SILENCE && ahead.grace_ends > now).then_some(Countdown {
                stage: Next::Grace,
                from: ahead.heard,
                at: ahead.grace_ends,
                pods: place.states.total(),
            });
        }
        let from = place.node.as_ref()?.since.unwrap_or(ahead.grace_ends);
        if let Some(first) = ahead.evictions.first() {
            let pods = ahead.evictions.len() as u32;
            return Some(Countdown { stage: Next::Eviction, from, at: first.at, pods });
        }
        let leaving = place.states.get(PodState::Terminating);
        (leaving > 0).then_some(Countdown { stage: Next::Replacement, from: now, at: now, pods: leaving })
    }
}

fn problem(code: u16, message: &str) -> Response {
    Response::json(code, &json!({ "kind": "Status", "status": "Failure", "message": message, "code": code }))
}
