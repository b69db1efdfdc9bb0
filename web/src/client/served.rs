//! A simulation that the server runs: its clock and its machines are looked at now and then, and ordered through the
//! API. A live cluster has neither, and is asked only once.

use super::http;
use super::{ClientError, Pending, merge_patch, message_of};
use crate::state::Feed;
use crate::worker::protocol::{Clock, NodeFault};
use gloo_timers::future::TimeoutFuture;
use kubarium_core::Time;
use kubarium_core::api::Name;
use kubarium_core::apiserver::{Method, Request, Response};
use kubarium_core::sim::{Action, BEGINNING};
use serde_json::{Value, json};
use std::cell::Cell;
use std::rc::{Rc, Weak};
use wasm_bindgen_futures::spawn_local;

const GROUP: &str = "/apis/kubarium.io/v1";

/// How often the clock is looked at, in milliseconds; machines every other time.
const LOOK_MS: u32 = 500;

/// How the server's simulation is known to the page.
#[derive(Default)]
struct Inner {
    feed: Rc<Feed>,
    simulated: Cell<bool>,
}

/// The way to the time and the machines of a cluster that its server simulates. Ends when dropped.
#[derive(Clone, Default)]
pub(crate) struct Served(Rc<Inner>);

impl Served {
    /// Finds out whether the cluster is simulated, and follows its time if it is.
    pub(super) fn start(feed: Rc<Feed>) -> Self {
        let served = Self(Rc::new(Inner { feed, simulated: Cell::new(false) }));
        spawn_local(follow(Rc::downgrade(&served.0)));
        served
    }

    /// Whether the server simulates its cluster, as far as is known.
    pub(super) fn is_simulated(&self) -> bool {
        self.0.simulated.get()
    }

    /// Lets time run, or holds it.
    pub(super) fn play(&self, playing: bool) {
        self.change(&json!({ "paused": !playing }));
    }

    /// How many virtual seconds pass in a real one.
    pub(super) fn speed(&self, speed: f64) {
        self.change(&json!({ "speed": speed }));
    }

    /// Lets the next thing happen, and holds.
    pub(super) fn step(&self) {
        let inner = Rc::clone(&self.0);
        spawn_local(async move {
            order(&inner, pace(&json!({ "paused": true }))).await;
            order(&inner, Request::new(Method::Post, format!("{GROUP}/clock/step"))).await;
        });
    }

    /// Makes a fault or another action of a scenario's timeline happen now.
    pub(super) fn act(&self, action: &Action) -> Pending<()> {
        let body = json!({ "action": action.to_string() });
        let request = Request::new(Method::Post, format!("{GROUP}/interventions")).with_json(&body);
        let inner = Rc::clone(&self.0);
        Box::pin(async move {
            let response = http::send(&request).await.map_err(|failure| ClientError(failure.to_string()))?;
            if response.status >= 400 {
                return Err(ClientError(message_of(&response)));
            }
            look_at_machines(&inner).await;
            Ok(())
        })
    }

    fn change(&self, spec: &Value) {
        let (inner, request) = (Rc::clone(&self.0), pace(spec));
        spawn_local(async move { order(&inner, request).await });
    }
}

fn pace(spec: &Value) -> Request {
    merge_patch(format!("{GROUP}/clock"), &json!({ "spec": spec }))
}

/// Sends what is answered with the clock. What does not come through is seen at the next look.
async fn order(inner: &Inner, request: Request) {
    if let Ok(response) = http::send(&request).await {
        show(inner, &response);
    }
}

fn show(inner: &Inner, response: &Response) {
    let clock: Value = serde_json::from_str(&response.body).unwrap_or_default();
    let Some(now) = clock["status"]["now"].as_str().filter(|_| response.status < 400) else { return };
    inner.feed.set_clock(Clock {
        now: Time((js_sys::Date::parse(now) * 1_000.0) as i64),
        start: BEGINNING,
        playing: clock["spec"]["paused"] == false,
        speed: clock["spec"]["speed"].as_f64().unwrap_or_default(),
        reached: clock["status"]["reachedSpeed"].as_f64().unwrap_or_default(),
    });
}

async fn look_at_machines(inner: &Inner) {
    let Ok(response) = http::send(&Request::get(format!("{GROUP}/machines"))).await else { return };
    let machines: Value = serde_json::from_str(&response.body).unwrap_or_default();
    let mut faults = Vec::new();
    for machine in machines["items"].as_array().into_iter().flatten() {
        let name = Name::new(machine["metadata"]["name"].as_str().unwrap_or_default());
        for word in machine["status"]["faults"].as_array().into_iter().flatten() {
            faults.push((
                name.clone(),
                match word.as_str() {
                    Some("Off") => NodeFault::Off,
                    Some("Partitioned") => NodeFault::Partitioned,
                    Some("DiskFull") => NodeFault::DiskFull,
                    _ => NodeFault::SlowPulls,
                },
            ));
        }
    }
    inner.feed.set_nodes_ahead(Vec::new(), faults);
}

async fn follow(weak: Weak<Inner>) {
    let mut looks = 0u32;
    while let Some(inner) = weak.upgrade() {
        if inner.simulated.get() {
            order(&inner, Request::get(format!("{GROUP}/clock"))).await;
            if looks.is_multiple_of(2) {
                look_at_machines(&inner).await;
            }
            looks = looks.wrapping_add(1);
        } else if let Ok(response) = http::send(&Request::get(format!("{GROUP}/info"))).await {
            let info: Value = serde_json::from_str(&response.body).unwrap_or_default();
            if info["live"] != false {
                // A live cluster, or a server that is no Kubarium.
                return;
            }
            inner.simulated.set(true);
            continue;
        }
        drop(inner);
        TimeoutFuture::new(LOOK_MS).await;
    }
}
