//! The simulation's worker: a loop that lets virtual time run in short slices and answers the page between them.
//!
//! One slice takes [`SLICE_MS`] at most, so an answer never waits longer than that. Knows nothing of pages.

pub(crate) mod protocol;
mod stage;

use gloo_timers::callback::Timeout;
use js_sys::Uint8Array;
use kubarium_core::sim::Pace;
use protocol::{Ask, Asked, Clock, Replied, Reply, Update};
use stage::Stage;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// What the worker says first: it listens now.
pub(crate) const READY: &str = "ready";

/// How long a slice of simulation may take, in milliseconds of real time.
const SLICE_MS: f64 = 12.0;

/// How many events happen between two looks at the real clock.
const EVENTS_PER_LOOK: u32 = 64;

/// How long the worker sleeps between slices where time runs but nothing is left to do, in milliseconds.
const REST_MS: u32 = 12;

struct Worker {
    scope: DedicatedWorkerGlobalScope,
    stage: Stage,
    pace: Pace,
    /// Whether the page waits for an update.
    wanted: bool,
    /// The clock that the page last saw.
    shown: Option<Clock>,
    next_slice: Option<Timeout>,
}

/// Starts the loop if this is a worker's thread. Returns whether it is.
pub(crate) fn run() -> bool {
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else { return false };
    let worker = Worker {
        scope: scope.clone(),
        stage: Stage::playing(&scope.name()),
        pace: Pace::default(),
        wanted: true,
        shown: None,
        next_slice: None,
    };
    let worker = Rc::new(RefCell::new(worker));
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new({
        let worker = Rc::clone(&worker);
        move |event: MessageEvent| {
            if let Some(text) = event.data().as_string() {
                worker.borrow_mut().receive(&text);
                Worker::schedule(&worker);
            }
        }
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // It listens as long as the thread lives.
    on_message.forget();
    worker.borrow().post(&JsValue::from_str(READY));
    Worker::schedule(&worker);
    true
}

/// Real time in milliseconds.
fn real_ms() -> f64 {
    js_sys::global()
        .dyn_into::<DedicatedWorkerGlobalScope>()
        .ok()
        .and_then(|scope| scope.performance())
        .map_or(0.0, |p| p.now())
}

impl Worker {
    fn post(&self, message: &JsValue) {
        // Strings and byte arrays can always be cloned to the page.
        let _ = self.scope.post_message(message);
    }

    fn receive(&mut self, text: &str) {
        let Ok(Asked { id, ask }) = protocol::read(text) else { return };
        let reply = match ask {
            Ask::Drawn => {
                self.wanted = true;
                return;
            }
            Ask::Play(playing) => {
                self.pace.play(playing, real_ms());
                Reply::Done
            }
            Ask::Speed(speed) => {
                self.pace.set_speed(speed, real_ms());
                Reply::Done
            }
            Ask::Step => {
                self.pace.play(false, real_ms());
                self.stage.step();
                Reply::Done
            }
            ask => {
                let reply = self.stage.answer(ask);
                self.pace.forget(real_ms());
                reply
            }
        };
        // Orders without a number want no answer.
        if id != 0 {
            self.post(&JsValue::from_str(&protocol::write(&Replied { id, reply })));
        }
        self.update();
    }

    /// Lets time run for a slice. Returns after how many milliseconds to go on; none where time stands.
    fn slice(&mut self) -> Option<u32> {
        let begin = real_ms();
        let target = self.pace.target(self.stage.now(), begin);
        let mut reached = true;
        if let Some(target) = target {
            loop {
                reached = self.stage.advance(target, EVENTS_PER_LOOK);
                if reached || real_ms() - begin > SLICE_MS {
                    break;
                }
            }
        }
        self.pace.advanced(self.stage.now(), real_ms(), reached);
        self.update();
        target.map(|_| if reached { REST_MS } else { 0 })
    }

    /// Sends what changed, if the page is ready for it.
    fn update(&mut self) {
        if !self.wanted {
            return;
        }
        let clock = Clock {
            now: self.stage.now(),
            start: self.stage.start(),
            playing: self.pace.is_playing(),
            speed: self.pace.speed(),
            reached: self.pace.reached(),
        };
        let update = Update { clock, ..self.stage.take_update() };
        if self.shown == Some(clock) && update.delta.is_empty() && update.flows.is_empty() {
            return;
        }
        if let Ok(bytes) = postcard::to_allocvec(&update) {
            self.wanted = false;
            self.shown = Some(clock);
            self.post(&Uint8Array::from(bytes.as_slice()));
        }
    }

    fn schedule(this: &Rc<RefCell<Self>>) {
        if this.borrow().next_slice.is_none() {
            Self::go_on(this, 0);
        }
    }

    fn go_on(this: &Rc<RefCell<Self>>, after_ms: u32) {
        let worker = Rc::clone(this);
        let next = Timeout::new(after_ms, move || {
            let after = {
                let mut worker = worker.borrow_mut();
                worker.next_slice = None;
                worker.slice()
            };
            if let Some(after) = after {
                Self::go_on(&worker, after);
            }
        });
        this.borrow_mut().next_slice = Some(next);
    }
}
