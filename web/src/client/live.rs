//! The live cluster: list and watch of the Kubernetes API, and the same rows as from a simulation.
//!
//! One loop per kind: list, then watch from there on; when the watch ends, watch on; when the server says that this is
//! too long ago, list again; when nothing answers, say so and try again, ever more slowly. A connection that died
//! without a word is found by asking now and then. Nothing here knows what kind of server answers: a real Kubernetes
//! behind `kubectl proxy` does as well.

use super::http::{self, Failure};
use super::served::Served;
use super::socket::Socket;
use super::{Client, ClientError, Control, Pending};
use crate::state::{Connection, Feed};
use crate::worker::protocol::Clock;
use futures_channel::oneshot;
use gloo_events::EventListener;
use gloo_timers::callback::{Interval, Timeout};
use gloo_timers::future::TimeoutFuture;
use kubarium_core::Time;
use kubarium_core::api::{Kind, Object};
use kubarium_core::apiserver::{Request, Response};
use kubarium_core::order;
use kubarium_core::view::View;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use wasm_bindgen_futures::spawn_local;

/// What pages show. Endpoints before pods would find no rows, so they come last.
const KINDS: [Kind; 7] =
    [Kind::Namespace, Kind::Node, Kind::ReplicationController, Kind::Service, Kind::Pod, Kind::Endpoints, Kind::Event];
/// First and longest wait before the next try, give or take a quarter: many pages must not come back at once.
const RETRY_MS: u32 = 500;
const RETRY_MS_MAX: u32 = 10_000;
/// A watch that lasted so long was a good one: after it, the first wait is short again.
const GOOD_MS: f64 = 10_000.0;
/// How often a server that says nothing is asked whether it lives, and how long it may take to answer.
const PULSE_MS: u32 = 5_000;
const PULSE_ANSWER_MS: u32 = 5_000;
/// Changes are handed to the page together, at most this often.
const FLUSH_MS: u32 = 60;

struct Inner {
    feed: Rc<Feed>,
    view: RefCell<View>,
    flush: RefCell<Option<Timeout>>,
    /// Kinds whose loop is in trouble, and why.
    troubled: RefCell<order::Map<Kind, Failure>>,
    listed: RefCell<order::Set<Kind>>,
    /// The watches under way. One that is dropped has failed.
    watches: RefCell<order::Map<Kind, Socket>>,
    /// What loops in trouble wait for. A wait that is dropped is over.
    waits: RefCell<order::Map<Kind, Timeout>>,
    /// Between 0.75 and 1.25, the same for all loops of a page, so that they come back together.
    jitter: f64,
}

/// The cluster of the server the page came from. Ends when dropped.
pub(super) struct Live {
    inner: Rc<Inner>,
    served: Served,
    _tick: Interval,
    _online: Option<EventListener>,
}

fn now() -> Time {
    Time((js_sys::Date::now() * 1_000.0) as i64)
}

impl Live {
    /// Starts to follow the cluster; rows come into `feed`.
    pub(super) fn start(feed: Rc<Feed>) -> Self {
        let inner = Rc::new(Inner {
            feed: Rc::clone(&feed),
            view: RefCell::default(),
            flush: RefCell::default(),
            troubled: RefCell::default(),
            listed: RefCell::default(),
            watches: RefCell::default(),
            waits: RefCell::default(),
            jitter: 0.75 + js_sys::Math::random() / 2.0,
        });
        for kind in KINDS {
            spawn_local(follow(Rc::downgrade(&inner), kind));
        }
        spawn_local(feel_pulse(Rc::downgrade(&inner)));
        let start = now();
        let served = Served::start(Rc::clone(&feed));
        let tick = {
            let served = served.clone();
            move || {
                if !served.is_simulated() {
                    feed.set_clock(Clock { now: now(), start, playing: true, speed: 1.0, reached: 1.0 });
                }
            }
        };
        tick();
        let online = web_sys::window().map(|window| {
            let weak = Rc::downgrade(&inner);
            EventListener::new(&window, "online", move |_| {
                if let Some(inner) = weak.upgrade() {
                    inner.wake();
                }
            })
        });
        Self { inner, served, _tick: Interval::new(1_000, tick), _online: online }
    }
}

impl Client for Live {
    fn request(&self, request: Request) -> Pending<Response> {
        Box::pin(async move { http::send(&request).await.map_err(|failure| ClientError(failure.to_string())) })
    }

    fn control(&self) -> Option<Control> {
        self.served.is_simulated().then(|| Control::Served(self.served.clone()))
    }

    fn connect_now(&self) {
        self.inner.wake();
    }

    fn give_token(&self, token: &str) {
        http::keep_token(token);
        self.inner.wake();
    }
}

impl Inner {
    fn trouble(&self, kind: Kind, why: Option<Failure>) {
        let mut troubled = self.troubled.borrow_mut();
        match why {
            Some(why) => drop(troubled.insert(kind, why)),
            None => drop(troubled.remove(&kind)),
        }
        self.feed.set_connection(match troubled.values().next() {
            Some(Failure::Unreachable) => Connection::Silent,
            Some(Failure::Unauthorized) => Connection::TokenNeeded(http::token().is_some()),
            Some(why) => Connection::Stale(why.to_string()),
            None if self.listed.borrow().len() == KINDS.len() => Connection::Fresh,
            None => Connection::Connecting,
        });
    }

    /// Ends all waits.
    fn wake(&self) {
        drop(self.waits.take());
    }

    fn flush_soon(this: &Rc<Self>) {
        if this.flush.borrow().is_some() {
            return;
        }
        let weak = Rc::downgrade(this);
        *this.flush.borrow_mut() = Some(Timeout::new(FLUSH_MS, move || {
            if let Some(inner) = weak.upgrade() {
                inner.flush.take();
                let delta = inner.view.borrow_mut().take_delta();
                if !delta.is_empty() {
                    inner.feed.apply(delta);
                }
            }
        }));
    }

    /// Takes one line of a watch. Returns the revision it brings, or that the watch is over.
    fn take(this: &Rc<Self>, kind: Kind, line: &str) -> Result<Option<String>, Failure> {
        let mut event: Value = serde_json::from_str(line).map_err(|e| Failure::Broken(e.to_string()))?;
        let object = event["object"].take();
        let revision = object["metadata"]["resourceVersion"].as_str().map(str::to_owned);
        match event["type"].as_str() {
            Some("ERROR") if object["code"] == 410 => return Err(Failure::TooOld),
            Some("ERROR") => return Err(Failure::Broken(object["message"].as_str().unwrap_or_default().to_owned())),
            Some("BOOKMARK") => return Ok(revision),
            _ => {}
        }
        let object = Object::from_value(kind, &object).map_err(|e| Failure::Broken(e.message))?;
        if event["type"] == "DELETED" {
            this.view.borrow_mut().remove(&object.key());
        } else {
            this.view.borrow_mut().put(&object);
        }
        Self::flush_soon(this);
        Ok(revision)
    }
}

/// Keeps the rows of one kind up to date until the client ends.
async fn follow(weak: Weak<Inner>, kind: Kind) {
    let mut retry = RETRY_MS;
    let mut revision = None;
    while weak.strong_count() > 0 {
        let (begun, watched) = (js_sys::Date::now(), revision.is_some());
        let outcome = match revision.take() {
            None => list(&weak, kind).await,
            Some(since) => watch(&weak, kind, since).await,
        };
        let Some(inner) = weak.upgrade() else { return };
        let lasted = js_sys::Date::now() - begun;
        if lasted > GOOD_MS {
            retry = RETRY_MS;
        }
        // A watch that ends as soon as it began must not be begun again and again without a pause.
        let hasty = watched && lasted < f64::from(RETRY_MS);
        let failure = match outcome {
            Ok(next) => {
                revision = Some(next);
                None
            }
            // Everything is asked for again: what was missed meanwhile is in it.
            Err(Failure::TooOld) => None,
            Err(failure) => Some(failure),
        };
        let pauses = hasty || failure.is_some();
        inner.trouble(kind, failure);
        if pauses {
            wait(inner, kind, retry).await;
            retry = (retry * 2).min(RETRY_MS_MAX);
        }
    }
}

/// Waits about so long, unless it is woken.
async fn wait(inner: Rc<Inner>, kind: Kind, ms: u32) {
    let (sender, ended) = oneshot::channel::<()>();
    let timeout = Timeout::new((f64::from(ms) * inner.jitter) as u32, move || drop(sender));
    inner.waits.borrow_mut().insert(kind, timeout);
    drop(inner);
    // The sender never sends: it goes with the timeout, whether that is over or dropped.
    let _ = ended.await;
}

/// Asks the server now and then whether it is there, and ends the watches if it is not.
async fn feel_pulse(weak: Weak<Inner>) {
    loop {
        TimeoutFuture::new(PULSE_MS).await;
        let Some(inner) = weak.upgrade() else { return };
        let idle = inner.watches.borrow().is_empty();
        drop(inner);
        if !idle
            && http::send_within(&Request::get("/readyz"), PULSE_ANSWER_MS).await.is_err()
            && let Some(inner) = weak.upgrade()
        {
            drop(inner.watches.take());
        }
    }
}

fn path(kind: Kind) -> String {
    format!("/api/v1/{}", kind.info().plural)
}

async fn list(weak: &Weak<Inner>, kind: Kind) -> Result<String, Failure> {
    let response = http::send(&Request::get(path(kind))).await?;
    if response.status >= 400 {
        return Err(Failure::Broken(super::message_of(&response)));
    }
    let list: Value = serde_json::from_str(&response.body).map_err(|e| Failure::Broken(e.to_string()))?;
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    let items = list["items"].as_array().map_or(&[][..], Vec::as_slice);
    let objects = items
        .iter()
        .map(|item| Object::from_value(kind, item).map_err(|e| Failure::Broken(e.message)))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(inner) = weak.upgrade() {
        inner.view.borrow_mut().replace(kind, &objects);
        inner.listed.borrow_mut().insert(kind);
        Inner::flush_soon(&inner);
    }
    Ok(revision)
}

async fn watch(weak: &Weak<Inner>, kind: Kind, since: String) -> Result<String, Failure> {
    let query = format!("watch=true&allowWatchBookmarks=true&resourceVersion={since}");
    let revision = Rc::new(RefCell::new(since));
    let (sender, ended) = oneshot::channel::<Result<(), Failure>>();
    let sender = Rc::new(Cell::new(Some(sender)));
    let on_message = {
        let (weak, revision, sender) = (weak.clone(), Rc::clone(&revision), Rc::clone(&sender));
        move |text: String| {
            let Some(inner) = weak.upgrade() else { return };
            match Inner::take(&inner, kind, &text) {
                Ok(Some(next)) => *revision.borrow_mut() = next,
                Ok(None) => {}
                Err(failure) => end(&sender, Err(failure)),
            }
        }
    };
    let on_close = move |in_order| end(&sender, if in_order { Ok(()) } else { Err(Failure::Unreachable) });
    if let Some(inner) = weak.upgrade() {
        inner.watches.borrow_mut().insert(kind, Socket::open(&path(kind), &query, on_message, on_close)?);
    }
    // The sender goes with the watch where that is dropped.
    let outcome = ended.await.unwrap_or(Err(Failure::Unreachable));
    let socket = weak.upgrade().and_then(|inner| inner.watches.borrow_mut().remove(&kind));
    drop(socket);
    outcome.map(|()| revision.take())
}

fn end(sender: &Cell<Option<oneshot::Sender<Result<(), Failure>>>>, outcome: Result<(), Failure>) {
    if let Some(sender) = sender.take() {
        // Nobody may be waiting any more.
        let _ = sender.send(outcome);
    }
}
