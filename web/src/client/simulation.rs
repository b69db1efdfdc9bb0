//! The page's end of the simulation's worker.

use super::foresight::Foresight;
use super::{Client, ClientError, Pending};
use crate::state::{Connection, Feed};
use crate::worker::protocol::{self, Ask, Asked, Ghosts, Replied, Reply, Update};
use futures_channel::oneshot;
use gloo_render::AnimationFrame;
use js_sys::Uint8Array;
use kubarium_core::apiserver::{Request, Response, is_foresight};
use kubarium_core::order;
use kubarium_core::sim::Action;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};
use yew::Callback;

type Listener = Closure<dyn FnMut(MessageEvent)>;

/// A running worker.
struct Inner {
    worker: Option<Worker>,
    feed: Rc<Feed>,
    next_id: Cell<u32>,
    waiting: RefCell<order::Map<u32, oneshot::Sender<Reply>>>,
    /// What was asked before the worker listened; none once it does.
    early: RefCell<Option<Vec<String>>>,
    /// The frame in which the last update is shown.
    frame: RefCell<Option<AnimationFrame>>,
    listeners: RefCell<Vec<Listener>>,
    /// The thread that last answered what would be if, with its copy of the cluster.
    foresight: RefCell<Option<Foresight>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(worker) = &self.worker {
            worker.terminate();
        }
    }
}

/// A simulated cluster in a worker of its own. Ends when the last of its clients is dropped.
#[derive(Clone)]
pub(crate) struct Simulation(Rc<Inner>);

impl Simulation {
    /// Starts the worker with the scenario of that text; rows come into `feed`.
    pub(crate) fn start(feed: Rc<Feed>, scenario: &str) -> Self {
        let options = WorkerOptions::new();
        // A worker knows its name before it gets any message: so it never plays anything else first.
        options.set_name(scenario);
        options.set_type(WorkerType::Module);
        let (worker, error) = match Worker::new_with_options("./worker.js", &options) {
            Ok(worker) => (Some(worker), None),
            Err(error) => (None, Some(error)),
        };
        if let Some(error) = error {
            feed.set_connection(Connection::Stale(format!("the simulation could not start: {error:?}")));
        }
        let inner = Rc::new(Inner {
            worker,
            feed,
            next_id: Cell::new(1),
            waiting: RefCell::default(),
            early: RefCell::new(Some(Vec::new())),
            frame: RefCell::default(),
            listeners: RefCell::default(),
            foresight: RefCell::default(),
        });
        Inner::listen(&inner);
        Self(inner)
    }

    fn ask(&self, ask: Ask) -> Pending<Reply> {
        let (sender, receiver) = oneshot::channel();
        let id = self.0.next_id.get();
        self.0.next_id.set(id.wrapping_add(1));
        self.0.waiting.borrow_mut().insert(id, sender);
        self.0.send(id, ask);
        // The worker lives while an answer is awaited.
        let inner = Rc::clone(&self.0);
        Box::pin(async move {
            let reply = receiver.await.map_err(|_| ClientError("the simulation has ended".to_owned()));
            drop(inner);
            match reply? {
                Reply::Error(message) => Err(ClientError(message)),
                reply => Ok(reply),
            }
        })
    }
}

impl Simulation {
    async fn ask_foresight(&self, question: [JsValue; 2], report: Callback<u32>) -> Result<String, ClientError> {
        let idle = self.0.foresight.take();
        let thread = idle.map_or_else(Foresight::start, Ok)?;
        let answer = thread.ask(question, report).await?;
        self.0.foresight.replace(Some(thread));
        Ok(answer)
    }
}

impl Inner {
    fn send(&self, id: u32, ask: Ask) {
        let text = protocol::write(&Asked { id, ask });
        if let Some(early) = self.early.borrow_mut().as_mut() {
            early.push(text);
        } else {
            self.post(&text);
        }
    }

    fn post(&self, text: &str) {
        if let Some(worker) = &self.worker {
            // A string can always be cloned to the worker.
            let _ = worker.post_message(&JsValue::from_str(text));
        }
    }

    fn listen(this: &Rc<Self>) {
        let Some(worker) = &this.worker else { return };
        let weak = Rc::downgrade(this);
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(inner) = weak.upgrade() {
                Self::receive(&inner, &event.data());
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        this.listeners.borrow_mut().push(on_message);
        let weak = Rc::downgrade(this);
        let on_error = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(inner) = weak.upgrade() {
                let said = js_sys::Reflect::get(&event, &"message".into()).ok().and_then(|m| m.as_string());
                inner.feed.set_connection(Connection::Stale(said.unwrap_or_default()));
            }
        });
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        this.listeners.borrow_mut().push(on_error);
    }

    fn receive(this: &Rc<Self>, data: &JsValue) {
        if let Some(text) = data.as_string() {
            if text == crate::worker::READY {
                for text in this.early.take().unwrap_or_default() {
                    this.post(&text);
                }
            } else if let Ok(Replied { id, reply }) = protocol::read(&text) {
                let waiting = this.waiting.borrow_mut().remove(&id);
                if let Some(sender) = waiting {
                    // Nobody may be waiting any more.
                    let _ = sender.send(reply);
                }
            }
            return;
        }
        let bytes = Uint8Array::new(data).to_vec();
        match postcard::from_bytes::<Update>(&bytes) {
            Ok(update) => this.show(update),
            Err(error) => this.feed.set_connection(Connection::Stale(format!("an update was unreadable: {error}"))),
        }
        let weak = Rc::downgrade(this);
        *this.frame.borrow_mut() = Some(gloo_render::request_animation_frame(move |_| {
            if let Some(inner) = weak.upgrade() {
                inner.send(0, Ask::Drawn);
            }
        }));
    }

    fn show(&self, update: Update) {
        self.feed.set_nodes_ahead(update.countdowns, update.faults);
        self.feed.set_requests(update.requests);
        self.feed.add_flows(update.flows);
        self.feed.set_connection(Connection::Fresh);
        if !update.delta.is_empty() {
            self.feed.apply(update.delta);
        }
        self.feed.set_clock(update.clock);
    }
}

impl Client for Simulation {
    fn request(&self, request: Request) -> Pending<Response> {
        if is_foresight(&request) {
            return SimControl(self.clone()).foresee(request, Callback::noop());
        }
        let reply = self.ask(Ask::Request(request));
        Box::pin(async move {
            match reply.await? {
                Reply::Response(response) => Ok(response),
                other => Err(unexpected(&other)),
            }
        })
    }

    fn simulation(&self) -> Option<SimControl> {
        Some(SimControl(self.clone()))
    }
}

fn unexpected(reply: &Reply) -> ClientError {
    ClientError(format!("the simulation answered something else: {reply:?}"))
}

/// What only a simulation in this page can do.
#[derive(Clone)]
pub(crate) struct SimControl(Simulation);

impl SimControl {
    /// Lets time run, or holds it.
    pub(crate) fn play(&self, playing: bool) {
        self.0.0.send(0, Ask::Play(playing));
    }

    /// Lets the next thing happen, and holds.
    pub(crate) fn step(&self) {
        self.0.0.send(0, Ask::Step);
    }

    /// How many virtual seconds pass in a real one.
    pub(crate) fn speed(&self, speed: f64) {
        self.0.0.send(0, Ask::Speed(speed));
    }

    /// Makes a fault or another action of a scenario's timeline happen now.
    pub(crate) fn act(&self, action: Action) -> Pending<()> {
        self.done(Ask::Act(Box::new(action)))
    }

    /// Begins anew with a scenario, as YAML.
    pub(crate) fn load(&self, yaml: String) -> Pending<()> {
        self.done(Ask::Load(yaml))
    }

    /// Where pods of a replication controller would go if it had that many.
    pub(crate) fn preview_scale(&self, namespace: &str, name: &str, replicas: u32) -> Pending<Ghosts> {
        let reply = self.0.ask(Ask::Preview { namespace: namespace.to_owned(), name: name.to_owned(), replicas });
        Box::pin(async move {
            match reply.await? {
                Reply::Ghosts(ghosts) => Ok(ghosts),
                other => Err(unexpected(&other)),
            }
        })
    }

    /// What would be if, found in a copy of the cluster; `report` hears how many percent of it are there. Whoever drops the
    /// answer ends the search.
    pub(crate) fn foresee(&self, request: Request, report: Callback<u32>) -> Pending<Response> {
        let control = self.clone();
        Box::pin(async move {
            let recording = control.recording().await?;
            let question = [recording, protocol::write(&request)].map(JsValue::from);
            let answer = control.0.ask_foresight(question, report).await?;
            protocol::read(&answer).map_err(|error| ClientError(error.to_string()))
        })
    }

    /// The scenario with all that was done so far.
    pub(crate) fn recording(&self) -> Pending<String> {
        self.text(Ask::Recording)
    }

    /// The state hash after the random test of that seed, with so many inputs.
    pub(crate) fn soak(&self, seed: f64, inputs: f64) -> Pending<String> {
        let simulation = self.0.clone();
        Box::pin(async move { simulation.ask_foresight([seed, inputs].map(JsValue::from), Callback::noop()).await })
    }

    fn done(&self, ask: Ask) -> Pending<()> {
        let reply = self.0.ask(ask);
        Box::pin(async move { reply.await.map(|_| ()) })
    }

    fn text(&self, ask: Ask) -> Pending<String> {
        let reply = self.0.ask(ask);
        Box::pin(async move {
            match reply.await? {
                Reply::Text(text) => Ok(text),
                other => Err(unexpected(&other)),
            }
        })
    }
}
