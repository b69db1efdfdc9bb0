//! The live cluster: list and watch of the Kubernetes API over HTTP, and the same rows as from a simulation.
//!
//! One loop per kind: list, then watch from there on; when the watch ends, watch on; when the server says that this is
//! too long ago, list again; when nothing answers, say so and try again, ever more slowly. Nothing here knows what
//! kind of server answers: a real Kubernetes behind `kubectl proxy` does as well.

use super::http::{self, Failure};
use super::{Client, ClientError, Pending};
use crate::state::{Connection, Feed};
use crate::worker::protocol::Clock;
use gloo_timers::callback::{Interval, Timeout};
use gloo_timers::future::TimeoutFuture;
use kubarium_core::Time;
use kubarium_core::api::{Kind, Object};
use kubarium_core::apiserver::{Request, Response};
use kubarium_core::view::View;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::{Rc, Weak};
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;

/// What pages show. Endpoints before pods would find no rows, so they come last.
const KINDS: [Kind; 7] =
    [Kind::Namespace, Kind::Node, Kind::ReplicationController, Kind::Service, Kind::Pod, Kind::Endpoints, Kind::Event];
const RETRY_MS: u32 = 500;
const RETRY_MS_MAX: u32 = 15_000;
/// Changes are handed to the page together, at most this often.
const FLUSH_MS: u32 = 60;

struct Inner {
    feed: Rc<Feed>,
    view: RefCell<View>,
    flush: RefCell<Option<Timeout>>,
    /// Kinds whose loop is in trouble, and why.
    troubled: RefCell<BTreeMap<Kind, String>>,
    listed: RefCell<BTreeSet<Kind>>,
    abort: Option<AbortController>,
    /// Whether a person was asked for the token.
    asked: Cell<bool>,
    ended: Rc<Cell<bool>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.ended.set(true);
        if let Some(abort) = &self.abort {
            abort.abort();
        }
    }
}

/// The cluster of the server the page came from. Ends when dropped.
pub(super) struct Live {
    _inner: Rc<Inner>,
    _tick: Interval,
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
            abort: AbortController::new().ok(),
            asked: Cell::default(),
            ended: Rc::default(),
        });
        for kind in KINDS {
            let weak = Rc::downgrade(&inner);
            spawn_local(follow(weak, kind));
        }
        let start = now();
        let tick = move || feed.set_clock(Clock { now: now(), start, playing: true, speed: 1.0, reached: 1.0 });
        tick();
        Self { _inner: inner, _tick: Interval::new(1_000, tick) }
    }
}

impl Client for Live {
    fn request(&self, request: Request) -> Pending<Response> {
        Box::pin(async move { http::send(&request).await.map_err(|failure| ClientError(failure.to_string())) })
    }
}

impl Inner {
    fn trouble(&self, kind: Kind, why: Option<String>) {
        let mut troubled = self.troubled.borrow_mut();
        match why {
            Some(why) => drop(troubled.insert(kind, why)),
            None => drop(troubled.remove(&kind)),
        }
        self.feed.set_connection(match troubled.values().next() {
            Some(why) => Connection::Stale(why.clone()),
            None if self.listed.borrow().len() == KINDS.len() => Connection::Fresh,
            None => Connection::Connecting,
        });
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
    loop {
        let outcome = match revision.take() {
            None => list(&weak, kind).await,
            Some(since) => watch(&weak, kind, since).await,
        };
        let Some(inner) = weak.upgrade() else { return };
        match outcome {
            Ok(next) => {
                retry = RETRY_MS;
                revision = Some(next);
                inner.trouble(kind, None);
            }
            Err(Failure::TooOld) => {}
            Err(Failure::Unauthorized) if !inner.asked.replace(true) => http::ask_for_token(),
            Err(failure) => {
                inner.trouble(kind, Some(failure.to_string()));
                drop(inner);
                TimeoutFuture::new(retry).await;
                // Everything is asked for again: what was missed meanwhile is in it.
                retry = (retry * 2).min(RETRY_MS_MAX);
            }
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
    let signal = weak.upgrade().and_then(|i| i.abort.as_ref().map(AbortController::signal));
    let query = format!("watch=true&allowWatchBookmarks=true&resourceVersion={since}");
    let mut lines = http::lines(&path(kind), &query, signal.as_ref()).await?;
    let mut revision = since;
    while let Some(line) = lines.next().await? {
        let Some(inner) = weak.upgrade() else { return Ok(revision) };
        if let Some(next) = Inner::take(&inner, kind, &line)? {
            revision = next;
        }
    }
    Ok(revision)
}
