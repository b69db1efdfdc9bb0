//! The loop of a simulated cluster: lets virtual time run in short slices, and takes inputs between them.
//!
//! An input counts from the instant at which it comes, after all that is due at that instant; what follows from it at
//! once has happened when it is answered. So the same inputs at the same instants lead to the same state, however they
//! come together in real time. Nothing is kept on disk.

use super::place::{Place, Simulation};
use super::{BATCH_INPUTS_MAX, Clock, DriverHandle, Event, Goal, Order, QUEUE_INPUTS_MAX, Refused, spawn};
use crate::failure::Failure;
use crate::metrics::Metrics;
use kubarium_core::Time;
use kubarium_core::apiserver::Answer;
use kubarium_core::sim::Action;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{RwLock, mpsc, oneshot, watch};

/// How long a slice may take: what comes meanwhile waits so long.
const SLICE_MAX: Duration = Duration::from_millis(10);

/// How many events happen between two looks at the real clock.
const EVENTS_PER_LOOK: u32 = 64;

/// How long the loop sleeps between slices where time runs and is not late.
const REST: Duration = Duration::from_millis(20);

/// A step that is not at its end.
struct Step {
    until: Time,
    reply: oneshot::Sender<Result<Clock, Refused>>,
}

/// The loop's own state.
struct Driver {
    shared: Arc<RwLock<Simulation>>,
    revision: watch::Sender<u64>,
    metrics: Arc<Metrics>,
    begun: Instant,
    steps: Vec<Step>,
    /// Whether the last slice came as far as it wanted.
    in_time: bool,
}

/// Starts the loop on a thread of its own. The thread ends after [`DriverHandle::stop`].
pub fn simulate(
    simulation: Simulation,
    metrics: Arc<Metrics>,
    runtime: Handle,
) -> Result<(DriverHandle, oneshot::Receiver<Result<(), Failure>>), Failure> {
    let (events, inbox) = mpsc::channel(QUEUE_INPUTS_MAX);
    let (revision, revisions) = watch::channel(simulation.world.cluster().store().revision());
    let shared = Arc::new(RwLock::new(simulation));
    let handle = DriverHandle::new(events, Place::Simulated(Arc::clone(&shared)), revisions);
    let driver = Driver { shared, revision, metrics, begun: Instant::now(), steps: Vec::new(), in_time: true };
    let end = spawn(move || {
        driver.run(inbox, &runtime);
        Ok(())
    })?;
    Ok((handle, end))
}

impl Driver {
    fn run(mut self, mut inbox: mpsc::Receiver<Event>, runtime: &Handle) {
        let mut events = Vec::with_capacity(BATCH_INPUTS_MAX);
        loop {
            let rest = self.rest();
            let received = runtime.block_on(async {
                let receive = inbox.recv_many(&mut events, BATCH_INPUTS_MAX);
                match rest {
                    None => Some(receive.await),
                    Some(rest) => tokio::time::timeout(rest, receive).await.ok(),
                }
            });
            self.slice();
            let mut stop = received == Some(0);
            for event in events.drain(..) {
                stop |= matches!(event, Event::Stop);
                self.take(event);
            }
            if stop {
                return;
            }
        }
    }

    /// How long there is nothing to do; none where time stands until somebody asks.
    fn rest(&self) -> Option<Duration> {
        if !self.steps.is_empty() || !self.in_time {
            return Some(Duration::ZERO);
        }
        self.shared.blocking_read().pace.is_playing().then_some(REST)
    }

    /// Works on the simulation, and tells of the revision that comes of it.
    fn work<T>(&self, work: impl FnOnce(&mut Simulation) -> T) -> T {
        let mut simulation = self.shared.blocking_write();
        let result = work(&mut simulation);
        let revision = simulation.world.cluster().store().revision();
        drop(simulation);
        if *self.revision.borrow() != revision {
            self.metrics.revision(revision);
            self.revision.send_replace(revision);
        }
        result
    }

    fn real_ms(&self) -> f64 {
        self.begun.elapsed().as_secs_f64() * 1_000.0
    }

    /// Lets time run for a slice: to where it is due by the real clock or, where somebody waits for a step, as far as it
    /// comes.
    fn slice(&mut self) {
        // Who hung up waits for nothing.
        self.steps.retain(|step| !step.reply.is_closed());
        let goal = self.steps.iter().map(|step| step.until).min();
        let (begin, real_ms) = (Instant::now(), self.real_ms());
        let (reached, clock) = self.work(|simulation| {
            let Simulation { world, pace } = simulation;
            let due = pace.target(world.now(), real_ms).unwrap_or(world.now());
            let target = goal.unwrap_or(due);
            let mut reached = world.advance(target, EVENTS_PER_LOOK).reached;
            while !reached && begin.elapsed() < SLICE_MAX {
                reached = world.advance(target, EVENTS_PER_LOOK).reached;
            }
            if goal.is_none() {
                pace.advanced(world.now(), real_ms, reached);
            }
            (reached, simulation.clock())
        });
        self.in_time = reached;
        if reached && goal.is_some() {
            for step in self.steps.extract_if(.., |step| step.until <= clock.now) {
                // The client may have gone.
                let _ = step.reply.send(Ok(clock));
            }
        }
    }

    /// Lets all happen that is due at this instant.
    fn settle(&self) {
        while !self.work(|Simulation { world, .. }| world.advance(world.now(), EVENTS_PER_LOOK).reached) {}
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Request { request, reply } => {
                self.settle();
                let answer = self.work(|Simulation { world, .. }| {
                    // Reading leaves no trace in the world.
                    match world.cluster().look(world.now(), &request) {
                        Some(draft) => Some(draft.finish()),
                        None => world.act(Action::Request { request }).ok().flatten(),
                    }
                });
                self.settle();
                // There is an answer to every request; the client may have gone.
                if let Some(answer) = answer {
                    let _ = reply.send(answer);
                }
            }
            Event::Order { order, reply } => self.order(order, reply),
            // Machines of a simulation are in its world.
            Event::Runtime { .. } | Event::Stop => {}
        }
    }

    fn order(&mut self, order: Order, reply: oneshot::Sender<Result<Clock, Refused>>) {
        let outcome = match order {
            Order::Pace { paused, speed } => {
                self.set_pace(paused, speed);
                Ok(())
            }
            Order::Act(action) => {
                self.settle();
                let outcome = self.work(|simulation| simulation.world.act(action));
                self.settle();
                match outcome {
                    Ok(Some(Answer::Done(refusal))) if refusal.status >= 400 => Err(Refused::Api(refusal)),
                    Ok(_) => Ok(()),
                    Err(error) => Err(Refused::Action(error)),
                }
            }
            Order::Step(goal) => {
                let now = self.work(|simulation| simulation.world.now());
                let until = match goal {
                    Goal::NextChange => {
                        self.work(|simulation| simulation.world.step_to_change());
                        self.settle();
                        now
                    }
                    Goal::For(span) => now + span,
                    Goal::Until(instant) => instant,
                };
                if until > now {
                    self.steps.push(Step { until, reply });
                    return;
                }
                Ok(())
            }
        };
        let clock = self.work(|simulation| simulation.clock());
        // The client may have gone.
        let _ = reply.send(outcome.map(|()| clock));
    }

    fn set_pace(&mut self, paused: Option<bool>, speed: Option<f64>) {
        let real_ms = self.real_ms();
        let now = self.work(|Simulation { world, pace }| {
            if let Some(speed) = speed {
                pace.set_speed(speed, real_ms);
            }
            if let Some(paused) = paused {
                pace.play(!paused, real_ms);
            }
            world.now()
        });
        if paused == Some(true) {
            for step in self.steps.drain(..) {
                let _ = step.reply.send(Err(Refused::Held(now)));
            }
        }
    }
}
