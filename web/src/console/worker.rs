//! The page's end of the console's thread: carries lines there, and to the cluster what it asks.
//!
//! `kubectl/src/main.rs` is the other end, and says what passes between the two.

use crate::client::{ClientError, Session};
use crate::state::World;
use js_sys::Array;
use kubarium_core::apiserver::{Method, Request};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{MessageEvent, WorkerOptions, WorkerType};

/// What the thread says.
pub(super) enum Said {
    /// Text, and whether it says what went wrong.
    Print(String, bool),
    /// A command ended.
    Done,
    /// A text is wanted: by this number, changed from this one.
    Wanted(u32, String),
    /// What could stand at the end of a text: how much of it a word replaces, and the words.
    Completed(String, usize, Vec<String>),
    /// It could not start.
    Broken,
}

type Listener = Closure<dyn FnMut(MessageEvent)>;

/// A running thread. Ends when dropped.
pub(super) struct Worker {
    thread: web_sys::Worker,
    session: Session,
    /// What was said before it listened; none once it does.
    early: RefCell<Option<Vec<Array>>>,
    listeners: RefCell<Vec<Listener>>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.thread.terminate();
    }
}

fn text(message: &Array, at: u32) -> String {
    message.get(at).as_string().unwrap_or_default()
}

impl Worker {
    /// Starts the thread in front of the cluster of that session.
    pub(super) fn start(session: Session, hear: impl Fn(Said) + 'static) -> Option<Rc<Self>> {
        let options = WorkerOptions::new();
        let origin = web_sys::window().and_then(|w| w.location().origin().ok()).unwrap_or_default();
        let world = if session.world == World::Live { "live" } else { "simulation" };
        options.set_name(&format!("{world} {origin}"));
        options.set_type(WorkerType::Module);
        let thread = web_sys::Worker::new_with_options("./console.js", &options).ok()?;
        let this =
            Rc::new(Self { thread, session, early: RefCell::new(Some(Vec::new())), listeners: RefCell::default() });
        let hear = Rc::new(hear);
        let weak = Rc::downgrade(&this);
        let listener = Closure::<dyn FnMut(MessageEvent)>::new({
            let hear = Rc::clone(&hear);
            move |event: MessageEvent| {
                if let (Some(this), Ok(message)) = (weak.upgrade(), event.data().dyn_into::<Array>()) {
                    Self::receive(&this, &message, &*hear);
                }
            }
        });
        let broken = Closure::<dyn FnMut(MessageEvent)>::new(move |_| hear(Said::Broken));
        this.thread.set_onmessage(Some(listener.as_ref().unchecked_ref()));
        this.thread.set_onerror(Some(broken.as_ref().unchecked_ref()));
        *this.listeners.borrow_mut() = vec![listener, broken];
        Some(this)
    }

    /// Says something, with the cluster's time.
    pub(super) fn say(&self, what: &str, words: &[JsValue]) {
        let now = self.session.feed.clock().now.0 as f64;
        let message: Array = [what.into(), now.into()].iter().chain(words).collect();
        match self.early.borrow_mut().as_mut() {
            Some(early) => early.push(message),
            // Texts and numbers can always be cloned to a thread.
            None => drop(self.thread.post_message(&message)),
        }
    }

    fn receive(this: &Rc<Self>, message: &Array, hear: &dyn Fn(Said)) {
        let number = |at: u32| message.get(at).as_f64().unwrap_or_default() as u32;
        match text(message, 0).as_str() {
            "ready" => {
                for early in this.early.take().unwrap_or_default() {
                    // As above.
                    let _ = this.thread.post_message(&early);
                }
            }
            "ask" => {
                let (this, id) = (Rc::clone(this), number(1));
                let request = request(message);
                spawn_local(async move {
                    let mut answer: Vec<JsValue> = vec![id.into()];
                    match this.session.client.request(request).await {
                        Ok(response) => {
                            answer.push(response.status.into());
                            answer.push(response.content_type.into());
                            answer.push(response.body.into());
                            answer.extend(response.warnings.into_iter().map(JsValue::from));
                        }
                        Err(ClientError(why)) => answer.extend([JsValue::NULL, why.into()]),
                    }
                    this.say("answer", &answer);
                });
            }
            "read" | "edit" => hear(Said::Wanted(number(1), text(message, 2))),
            "completed" => {
                let words = (3..message.length()).map(|at| text(message, at)).collect();
                hear(Said::Completed(text(message, 1), number(2) as usize, words));
            }
            "done" => hear(Said::Done),
            stream => hear(Said::Print(text(message, 1), stream == "err")),
        }
    }
}

fn request(message: &Array) -> Request {
    let method = match text(message, 2).as_str() {
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        _ => Method::Get,
    };
    let mut request = Request::new(method, text(message, 3));
    request.query = text(message, 4);
    request.accept = text(message, 5);
    request.content_type = text(message, 6);
    request.user_agent = text(message, 7);
    request.body = text(message, 8);
    request
}
