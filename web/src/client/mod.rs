//! The way from pages to a cluster, simulated or live.
//!
//! Pages see one trait: [`Client::request`] is the Kubernetes API, and rows come through the session's feed. What
//! only a simulation can do is [`Control`], and what only one in this page can is [`SimControl`]; a live cluster has
//! neither, so pages cannot offer it by mistake.

mod actions;
mod foresight;
mod http;
mod live;
mod objects;
mod served;
mod simulation;
mod socket;

pub(crate) use objects::{causes, collection, merge_patch, object};
pub(crate) use simulation::{SimControl, Simulation};

use live::Live;
use served::Served;

use crate::state::{Feed, Undo, UndoStack, World};
use kubarium_core::apiserver::{Request, Response};
use kubarium_core::sim::Action;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

/// Why there is no answer at all. What an API answers, errors among it, is a [`Response`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientError(pub(crate) String);

/// An answer that is still to come.
pub(crate) type Pending<T> = Pin<Box<dyn Future<Output = Result<T, ClientError>>>>;

/// A cluster.
pub(crate) trait Client {
    /// Asks the Kubernetes API.
    fn request(&self, request: Request) -> Pending<Response>;

    /// What only a simulation in this page can do.
    fn simulation(&self) -> Option<SimControl> {
        None
    }

    /// What any simulation can do.
    fn control(&self) -> Option<Control> {
        self.simulation().map(Control::Here)
    }

    /// Tries to connect now instead of later.
    fn connect_now(&self) {}

    /// Shows this token to the server from now on.
    fn give_token(&self, _token: &str) {}
}

/// The time and the machines of a simulation, wherever it runs.
#[derive(Clone)]
pub(crate) enum Control {
    /// In this page.
    Here(SimControl),
    /// In the server.
    Served(Served),
}

impl Control {
    /// Lets time run, or holds it.
    pub(crate) fn play(&self, playing: bool) {
        match self {
            Self::Here(control) => control.play(playing),
            Self::Served(served) => served.play(playing),
        }
    }

    /// Lets the next thing happen, and holds.
    pub(crate) fn step(&self) {
        match self {
            Self::Here(control) => control.step(),
            Self::Served(served) => served.step(),
        }
    }

    /// How many virtual seconds pass in a real one.
    pub(crate) fn speed(&self, speed: f64) {
        match self {
            Self::Here(control) => control.speed(speed),
            Self::Served(served) => served.speed(speed),
        }
    }

    /// Makes a fault or another action of a scenario's timeline happen now.
    pub(crate) fn act(&self, action: Action) -> Pending<()> {
        match self {
            Self::Here(control) => control.act(action),
            Self::Served(served) => served.act(&action),
        }
    }
}

/// The cluster that is shown, with everything pages need of it. A context; a new one for each change of world.
#[derive(Clone)]
pub(crate) struct Session {
    /// Which world it is.
    pub(crate) world: World,
    /// The way to the cluster.
    pub(crate) client: Rc<dyn Client>,
    /// What it shows.
    pub(crate) feed: Rc<Feed>,
    /// What can be taken back.
    pub(crate) undo: UndoStack,
    /// Says something to the person: what was done, what went wrong.
    pub(crate) notify: Callback<Notice>,
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.feed, &other.feed)
    }
}

/// Something said to the person, at the lower edge.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notice {
    pub(crate) text: String,
    /// Whether it stays until it is dismissed.
    pub(crate) is_error: bool,
}

/// The session.
///
/// # Panics
/// Outside the app, which provides it: a broken page, seen at once.
#[hook]
pub(crate) fn use_session() -> Session {
    use_context::<Session>().unwrap_or_else(|| Session {
        world: World::Simulation,
        client: Rc::new(Nowhere),
        feed: Rc::default(),
        undo: UndoStack::default(),
        notify: Callback::noop(),
    })
}

/// No cluster at all: what components see that stand outside the app.
struct Nowhere;

impl Client for Nowhere {
    fn request(&self, _request: Request) -> Pending<Response> {
        Box::pin(std::future::ready(Err(ClientError("no cluster is shown".to_owned()))))
    }
}

/// The sentence of a Status, or what else the answer says.
pub(crate) fn message_of(response: &Response) -> String {
    serde_json::from_str::<serde_json::Value>(&response.body)
        .ok()
        .and_then(|v| v.get("message")?.as_str().map(str::to_owned))
        .unwrap_or_else(|| format!("{} {}", response.status, response.body))
}

/// The answer where it was granted. The error says why it was not, or why there is no answer.
pub(crate) fn granted(answer: Result<Response, ClientError>) -> Result<Response, String> {
    match answer {
        Ok(response) if response.status < 400 => Ok(response),
        Ok(response) => Err(message_of(&response)),
        Err(ClientError(message)) => Err(message),
    }
}

impl Session {
    /// Sends a request that changes something, says what came of it, and remembers how to take it back.
    pub(crate) fn change(&self, undo: Undo) {
        let session = self.clone();
        spawn_local(async move {
            let what = undo.what.clone();
            if session.send(undo.again.clone()).await {
                session.undo.push(undo);
                session.notify.emit(Notice { text: what, is_error: false });
            }
        });
    }

    /// Takes the last change back.
    pub(crate) fn undo(&self) {
        if let Some(undo) = self.undo.undo() {
            let session = self.clone();
            spawn_local(async move {
                session.send(undo.back).await;
            });
        }
    }

    /// Makes the change again that was last taken back.
    pub(crate) fn redo(&self) {
        if let Some(redo) = self.undo.redo() {
            let session = self.clone();
            spawn_local(async move {
                session.send(redo.again).await;
            });
        }
    }

    /// Asks for what is granted. The error says why it is not, or why there is no answer.
    pub(crate) async fn ask(&self, request: Request) -> Result<Response, String> {
        granted(self.client.request(request).await)
    }

    /// Sends a request; says so where it fails. Returns whether it succeeded.
    pub(crate) async fn send(&self, request: Request) -> bool {
        let error = self.ask(request).await.err();
        let granted = error.is_none();
        if let Some(text) = error {
            self.notify.emit(Notice { text, is_error: true });
        }
        granted
    }
}

/// Starts a client for that world; a simulated one plays the scenario of that text.
pub(crate) fn connect(world: World, scenario: &str, notify: Callback<Notice>) -> Session {
    let feed = Rc::new(Feed::default());
    let client: Rc<dyn Client> = match world {
        World::Simulation => Rc::new(Simulation::start(Rc::clone(&feed), scenario)),
        World::Live => Rc::new(Live::start(Rc::clone(&feed))),
    };
    Session { world, client, feed, undo: UndoStack::default(), notify }
}
