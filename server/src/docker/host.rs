//! One task per Docker host: connects, carries out commands, and tells the control plane what it sees.
//!
//! While a host does not answer, commands for it are dropped: after it is back, a listing tells the control plane
//! what is there, and it asks again for what is missing.

use super::engine::{Engine, EngineError, Purpose};
use super::lanes::{Lanes, Ready};
use super::listing::{self, Known};
use super::operation;
use super::ports::Ports;
use super::reporter::Reporter;
use super::status::StatusCell;
use crate::config::DockerHost;
use bollard::models::{ContainerState, EventMessage};
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::{Stream, StreamExt as _};
use kubarium_core::api::{Name, Uid};
use kubarium_core::runtime::{ListedPod, RuntimeCommand, RuntimeEvent};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// First and longest wait before the next try to connect.
const BACKOFF_MIN: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(15);

/// How often everything on the host is listed, in case an event was lost.
const RELIST_PERIOD: Duration = Duration::from_secs(30);

/// How long after a listing that came to nothing the next is tried.
const RELIST_RETRY: Duration = Duration::from_secs(1);

/// How many pings in a row go unanswered before the connection counts as lost.
const PINGS_LOST_MAX: u32 = 2;

type Events = Pin<Box<dyn Stream<Item = Result<EventMessage, bollard::errors::Error>> + Send>>;

/// A host and everything its task needs.
pub(super) struct Task {
    pub(super) host: DockerHost,
    pub(super) node: Name,
    pub(super) purpose: Purpose,
    pub(super) heartbeat: Duration,
    pub(super) reporter: Reporter,
    pub(super) ports: Arc<Ports>,
    pub(super) status: Arc<StatusCell>,
    pub(super) commands: mpsc::UnboundedReceiver<RuntimeCommand>,
    pub(super) end: CancellationToken,
}

/// What an operation leaves behind.
enum Done {
    Command { uid: Uid, in_lane: bool },
    Ping(Result<(), EngineError>),
    Listing(Result<Vec<ListedPod>, EngineError>, Known, u64),
    Inspected,
}

impl Task {
    /// Runs until the host is removed or the server ends.
    pub(super) async fn run(mut self) {
        let end = self.end.clone();
        tokio::select! {
            () = self.serve() => {}
            () = end.cancelled() => {}
        }
        self.status.set(None, "removed");
    }

    async fn serve(&mut self) {
        let mut backoff = BACKOFF_MIN;
        loop {
            match Engine::connect(&self.host, &self.purpose, Arc::clone(&self.ports)).await {
                Ok(engine) => {
                    info!(node = %self.node, endpoint = %self.host.endpoint, "connected");
                    self.status.set(Some(engine.clone()), "connected");
                    self.purpose.metrics.docker_up(&self.node, true);
                    let since = Instant::now();
                    let Err(error) = Session::new(self, engine).run().await;
                    // One that answers and is lost at once again and again is not well.
                    if since.elapsed() > BACKOFF_MAX {
                        backoff = BACKOFF_MIN;
                    }
                    self.lost(&error).await;
                }
                Err(error) => self.lost(&error).await,
            }
            self.wait(backoff).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    /// Says why the host is not connected, at each try: whoever deleted its node meanwhile sees it again.
    async fn lost(&self, error: &EngineError) {
        let message = format!("{} ({})", error.brief(), self.host.endpoint.address());
        if self.status.set(None, &message) {
            warn!(node = %self.node, "{message}");
        }
        self.purpose.metrics.docker_up(&self.node, false);
        self.reporter.tell(RuntimeEvent::Unreachable { message }).await;
    }

    /// Waits, and drops the commands that come meanwhile.
    async fn wait(&mut self, pause: Duration) {
        let sleep = tokio::time::sleep(pause);
        tokio::pin!(sleep);
        loop {
            tokio::select! {
                () = &mut sleep => return,
                command = self.commands.recv() => if command.is_none() {
                    return (&mut sleep).await;
                },
            }
        }
    }
}

/// The time from a connection to its loss.
struct Session<'a> {
    task: &'a mut Task,
    engine: Engine,
    lanes: Lanes,
    work: JoinSet<Done>,
    known: Option<Known>,
    /// Counts what happened, so that a listing knows whether it is of one moment.
    activity: u64,
    pings_lost: u32,
    pinging: bool,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.lanes.clear();
    }
}

impl<'a> Session<'a> {
    fn new(task: &'a mut Task, engine: Engine) -> Self {
        Self {
            task,
            engine,
            lanes: Lanes::default(),
            work: JoinSet::new(),
            known: Some(Known::default()),
            activity: 0,
            pings_lost: 0,
            pinging: false,
        }
    }

    /// Runs until the connection is lost.
    async fn run(mut self) -> Result<std::convert::Infallible, EngineError> {
        let mut events = self.events();
        // What was asked for before the machine joined is asked for again after the listing.
        while self.task.commands.try_recv().is_ok() {}
        self.task.reporter.tell(RuntimeEvent::Joined(Box::new(super::machine::machine(&self.engine)))).await;
        let mut known = Known::default();
        let listed = listing::list(&self.engine, &mut known).await?;
        self.known = Some(known);
        self.task.reporter.tell(RuntimeEvent::Listed(listed)).await;

        let mut heartbeat = interval(self.task.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let relist = tokio::time::sleep(RELIST_PERIOD);
        tokio::pin!(relist);
        loop {
            tokio::select! {
                biased;
                Some(done) = self.work.join_next(), if !self.work.is_empty() => {
                    // An operation that was aborted or panicked leaves its lane to the next listing.
                    let Ok(done) = done else { continue };
                    if let Some(again) = self.done(done).await? {
                        relist.as_mut().reset(Instant::now() + again);
                    }
                }
                event = events.next() => match event {
                    Some(Ok(event)) => if self.event(event) {
                        relist.as_mut().reset(Instant::now());
                    },
                    Some(Err(error)) => return Err(error.into()),
                    None => return Err(lost("the engine ended its stream of events")),
                },
                command = self.task.commands.recv() => match command {
                    Some(command) => {
                        let ready = self.lanes.push(command);
                        self.begin(ready);
                    }
                    None => return Err(lost("the server is shutting down")),
                },
                _ = heartbeat.tick() => self.ping(),
                () = &mut relist => {
                    relist.as_mut().reset(Instant::now() + RELIST_RETRY);
                    self.list();
                }
            }
        }
    }

    /// The engine's events about our containers, from before the first listing on.
    fn events(&self) -> Events {
        let filters = HashMap::from([
            ("type", vec!["container".to_owned()]),
            ("event", vec!["die".to_owned()]),
            ("label", vec![format!("{}={}", super::names::CLUSTER, self.engine.cluster)]),
        ]);
        let mut options = EventsOptionsBuilder::new().filters(&filters);
        if let Some(now) = listing::time_of(self.engine.info.system_time.as_deref()) {
            options = options.since(&now.as_secs().to_string());
        }
        let docker = self.engine.docker.clone();
        let options = options.build();
        Box::pin(futures_util::stream::once(async move { docker.events(Some(options)) }).flatten())
    }

    fn begin(&mut self, ready: Vec<Ready>) {
        for Ready { uid, command, cancel, in_lane } in ready {
            if !matches!(command, RuntimeCommand::Probe { .. }) {
                self.activity += 1;
            }
            let (engine, report) = (self.engine.clone(), self.task.reporter.clone());
            self.work.spawn(async move {
                operation::carry_out(&engine, command, &cancel, &report).await;
                Done::Command { uid, in_lane }
            });
        }
    }

    /// Takes in the end of an operation. Returns when to list, where that is to change.
    async fn done(&mut self, done: Done) -> Result<Option<Duration>, EngineError> {
        match done {
            Done::Command { uid, in_lane } => {
                self.activity += 1;
                if in_lane {
                    let ready = self.lanes.done(uid);
                    self.begin(ready);
                }
                Ok(None)
            }
            Done::Inspected => {
                self.activity += 1;
                Ok(None)
            }
            Done::Ping(Ok(())) => {
                self.pinging = false;
                self.pings_lost = 0;
                self.task.reporter.tell(RuntimeEvent::Heartbeat).await;
                Ok(None)
            }
            Done::Ping(Err(error)) => {
                self.pinging = false;
                self.pings_lost += 1;
                if self.pings_lost >= PINGS_LOST_MAX { Err(error) } else { Ok(None) }
            }
            Done::Listing(listed, known, activity) => {
                self.known = Some(known);
                match listed {
                    // Only a list of one moment is told; else it could contradict what was reported meanwhile.
                    Ok(listed) if activity == self.activity && self.lanes.is_idle() => {
                        self.task.reporter.tell(RuntimeEvent::Listed(listed)).await;
                        Ok(Some(RELIST_PERIOD))
                    }
                    _ => Ok(Some(RELIST_RETRY)),
                }
            }
        }
    }

    fn ping(&mut self) {
        if std::mem::replace(&mut self.pinging, true) {
            return;
        }
        let engine = self.engine.clone();
        let limit = self.task.heartbeat.max(Duration::from_secs(3));
        self.work.spawn(async move { Done::Ping(engine.ping(limit).await) });
    }

    fn list(&mut self) {
        if !self.lanes.is_idle() {
            return;
        }
        let Some(mut known) = self.known.take() else { return };
        let (engine, activity) = (self.engine.clone(), self.activity);
        self.work.spawn(async move {
            let listed = listing::list(&engine, &mut known).await;
            Done::Listing(listed, known, activity)
        });
    }

    /// A container has ended. Returns whether everything should be listed: a sandbox is gone.
    fn event(&mut self, event: EventMessage) -> bool {
        self.activity += 1;
        let Some(actor) = event.actor else { return false };
        let (Some(id), Some(attributes)) = (actor.id, actor.attributes) else { return false };
        let Some((pod, named)) = listing::named(&attributes) else { return false };
        let Some((container, attempt)) = named else { return true };
        let (engine, report) = (self.engine.clone(), self.task.reporter.clone());
        self.work.spawn(async move {
            let ended = |state: &ContainerState| state.running != Some(true);
            let state = engine.inspect(&id).await.ok().flatten().and_then(|f| f.state).filter(ended);
            let exit = match state {
                Some(state) => {
                    // One that never ran has not ended: whoever started it says why.
                    let Some(at) = listing::time_of(state.started_at.as_deref()) else { return Done::Inspected };
                    // It may have ended before whoever started it has said so.
                    let (pod, container, id) = (pod.clone(), container.clone(), operation::container_id(&id));
                    report.tell(RuntimeEvent::Started { pod, container, attempt, id, at }).await;
                    listing::exit_of(&state)
                }
                None => listing::exit_of_event(&attributes),
            };
            report.tell(RuntimeEvent::Exited { pod, container, attempt, exit }).await;
            Done::Inspected
        });
        false
    }
}

fn lost(why: &str) -> EngineError {
    EngineError { status: None, message: why.to_owned() }
}
