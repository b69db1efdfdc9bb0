//! The loop of a live cluster: inputs in, durable commits, then answers and effects out.
//!
//! Inputs that wait are taken together; what they change goes to disk in one transaction, and only then are they
//! answered. So nothing is acknowledged that a kill could lose, and many writers share one flush. Who only reads looks at
//! what is durable, past the loop.

use super::commit::Uncommitted;
use super::place::Place;
use super::{BATCH_INPUTS_MAX, DriverHandle, Event, QUEUE_INPUTS_MAX, spawn};
use crate::clock;
use crate::failure::Failure;
use crate::metrics::Metrics;
use crate::storage::Storage;
use kubarium_core::apiserver::Answer;
use kubarium_core::runtime::RuntimeCommand;
use kubarium_core::{Cluster, Effect, Input, Time};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{RwLock, mpsc, oneshot, watch};
use tracing::{debug, error};

/// How many times in a row the control plane is given a go at work it left, before new inputs are looked at.
const WAKES_MAX: usize = 8;

/// Where effects go. Must not block.
pub type EffectSink = Box<dyn Fn(Effect) + Send>;

/// Called with the cluster after each batch that changed it, before anybody else sees it.
pub type Observer = Box<dyn Fn(&Cluster) + Send>;

/// The loop's own state.
struct Driver {
    cluster: Arc<RwLock<Cluster>>,
    storage: Arc<Storage>,
    revision: watch::Sender<u64>,
    effects: EffectSink,
    observer: Observer,
    metrics: Arc<Metrics>,
    uncommitted: Uncommitted,
    wake: Option<Time>,
}

/// Starts the loop on a thread of its own. The thread ends after [`DriverHandle::stop`], or with the reason why it
/// could not go on.
pub fn start(
    cluster: Cluster,
    storage: Arc<Storage>,
    metrics: Arc<Metrics>,
    effects: EffectSink,
    observer: Observer,
    runtime: Handle,
) -> Result<(DriverHandle, oneshot::Receiver<Result<(), Failure>>), Failure> {
    let (events, inbox) = mpsc::channel(QUEUE_INPUTS_MAX);
    let (revision, revisions) = watch::channel(cluster.store().revision());
    let cluster = Arc::new(RwLock::new(cluster));
    let handle = DriverHandle::new(events, Place::Live(Arc::clone(&cluster)), revisions);
    let driver = Driver {
        cluster,
        storage,
        revision,
        effects,
        observer,
        metrics,
        uncommitted: Uncommitted::everything(),
        // At once: what an earlier life left undone is begun without waiting for an input.
        wake: Some(Time::EPOCH),
    };
    let end = spawn(move || driver.run(inbox, &runtime))?;
    Ok((handle, end))
}

impl Driver {
    fn run(mut self, mut inbox: mpsc::Receiver<Event>, runtime: &Handle) -> Result<(), Failure> {
        let mut events = Vec::with_capacity(BATCH_INPUTS_MAX);
        loop {
            let pause = self.wake.map(|at| Duration::from_micros(at.since(clock::now()).0.unsigned_abs()));
            let received = runtime.block_on(async {
                let receive = inbox.recv_many(&mut events, BATCH_INPUTS_MAX);
                match pause {
                    None => Some(receive.await),
                    Some(pause) => tokio::time::timeout(pause, receive).await.ok(),
                }
            });
            let stop = received == Some(0) || events.iter().any(|event| matches!(event, Event::Stop));
            self.batch(&mut events)?;
            if stop {
                return Ok(());
            }
        }
    }

    /// Takes inputs in, makes what they changed durable, and only then lets anybody know.
    fn batch(&mut self, events: &mut Vec<Event>) -> Result<(), Failure> {
        let mut answers: Vec<(oneshot::Sender<Answer>, Answer)> = Vec::new();
        let mut effects = Vec::new();
        let shared = Arc::clone(&self.cluster);
        // Readers wait until the commit, so that they never see what could still be lost.
        let mut cluster = shared.blocking_write();
        let before = cluster.store().revision();
        for event in events.drain(..) {
            let (input, reply) = match event {
                Event::Request { request, reply } => (Input::Request(request), Some(reply)),
                Event::Runtime { node, event } => {
                    debug!(%node, pod = event.pod().map(|p| p.name.as_str()), "runtime event");
                    (Input::Runtime { node, event }, None)
                }
                // Its time is no one's to order: the handle lets none come here.
                Event::Order { .. } | Event::Stop => continue,
            };
            let answer = self.step(&mut cluster, input, &mut effects);
            if let (Some(reply), Some(answer)) = (reply, answer) {
                answers.push((reply, answer));
            }
        }
        for _ in 0..WAKES_MAX {
            if self.wake.is_none_or(|at| at > clock::now()) {
                break;
            }
            self.step(&mut cluster, Input::Wake, &mut effects);
        }
        if let Some(batch) = self.uncommitted.take(cluster.store()) {
            let start = Instant::now();
            // A state that cannot be kept must not be shown: better to end than to forget later.
            if let Err(error) = self.storage.commit(&batch) {
                error!(%error, "the state cannot be kept; the server ends");
                return Err(Failure::running(format!("{error}; free space or repair it, and start again")));
            }
            self.metrics.committed(start.elapsed(), batch.objects.len());
        }
        let after = cluster.store().revision();
        (self.observer)(&cluster);
        drop(cluster);
        if after != before {
            self.metrics.revision(after);
            self.revision.send_replace(after);
        }
        for effect in effects {
            log(&effect);
            (self.effects)(effect);
        }
        for (reply, answer) in answers {
            // The client may have gone.
            let _ = reply.send(answer);
        }
        Ok(())
    }

    fn step(&mut self, cluster: &mut Cluster, input: Input, effects: &mut Vec<Effect>) -> Option<Answer> {
        let output = cluster.handle(clock::now(), input);
        self.uncommitted.note(cluster.store());
        self.wake = output.wake;
        effects.extend(output.effects);
        output.answer
    }
}

/// Names an effect. What it carries stays out of the log: a pod's environment may hold secrets.
fn log(effect: &Effect) {
    let Effect::Runtime { node, command } = effect;
    let what = match command {
        RuntimeCommand::StartSandbox { .. } => "start sandbox",
        RuntimeCommand::WriteVolumes { .. } => "write volumes",
        RuntimeCommand::EnsureImage { .. } => "ensure image",
        RuntimeCommand::StartContainer { .. } => "start container",
        RuntimeCommand::ResizeContainer { .. } => "resize container",
        RuntimeCommand::StopContainer { .. } => "stop container",
        RuntimeCommand::RemovePod { .. } => "remove pod",
        RuntimeCommand::Probe { .. } => "probe",
    };
    debug!(%node, namespace = %command.pod().namespace, pod = %command.pod().name, what, "effect");
}
