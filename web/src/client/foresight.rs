//! The page's end of the thread that answers what would be if, for a simulation in this page.
//!
//! `foresight/src/main.rs` is the other end, and says what passes between the two.

use super::{ClientError, Pending};
use futures_channel::oneshot;
use js_sys::{Array, Reflect};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};
use yew::Callback;

/// What is wanted of the thread.
struct Question {
    words: Array,
    /// Hears how many percent of the recording are played again.
    report: Callback<u32>,
    answer: oneshot::Sender<Result<String, ClientError>>,
}

/// What lies between page and thread.
#[derive(Default)]
struct Desk {
    /// Whether the thread listens already.
    listens: Cell<bool>,
    question: RefCell<Option<Question>>,
}

type Listener = Closure<dyn FnMut(MessageEvent)>;

/// A running thread. It answers one question at a time and ends when dropped, in the middle of an answer too.
pub(super) struct Foresight {
    worker: Worker,
    desk: Rc<Desk>,
    _listeners: [Listener; 2],
}

impl Drop for Foresight {
    fn drop(&mut self) {
        // What it has said already is not heard any more.
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

impl Foresight {
    /// Starts a thread.
    pub(super) fn start() -> Result<Self, ClientError> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options("./foresight.js", &options).map_err(|_| broken(""))?;
        let desk = Rc::new(Desk::default());
        let on_message = Listener::new({
            let (desk, worker) = (Rc::clone(&desk), worker.clone());
            move |event: MessageEvent| desk.hear(&worker, &event.data())
        });
        let on_error = Listener::new({
            let desk = Rc::clone(&desk);
            move |event: MessageEvent| {
                let said = Reflect::get(&event, &"message".into()).ok().and_then(|m| m.as_string());
                desk.answer(Err(broken(&said.unwrap_or_default())));
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self { worker, desk, _listeners: [on_message, on_error] })
    }

    /// Asks one of the questions that the thread understands.
    pub(super) fn ask(&self, question: [JsValue; 2], report: Callback<u32>) -> Pending<String> {
        let (answer, awaited) = oneshot::channel();
        let words = question.into_iter().collect();
        self.desk.question.replace(Some(Question { words, report, answer }));
        self.desk.pass_on(&self.worker);
        Box::pin(async move { awaited.await.unwrap_or_else(|_| Err(broken(""))) })
    }
}

impl Desk {
    fn pass_on(&self, worker: &Worker) {
        if let Some(question) = self.question.borrow().as_ref().filter(|_| self.listens.get()) {
            // Texts and numbers can always be cloned to a thread.
            let _ = worker.post_message(&question.words);
        }
    }

    fn hear(&self, worker: &Worker, said: &JsValue) {
        if let Some(text) = said.as_string() {
            self.answer(Ok(text));
        } else if let Some(percent) = said.as_f64() {
            let report = self.question.borrow().as_ref().map(|question| question.report.clone());
            report.unwrap_or_default().emit(percent as u32);
        } else if said.is_truthy() {
            self.listens.set(true);
            self.pass_on(worker);
        } else {
            self.answer(Err(broken("")));
        }
    }

    fn answer(&self, answer: Result<String, ClientError>) {
        if let Some(question) = self.question.take() {
            // Nobody may be waiting any more.
            let _ = question.answer.send(answer);
        }
    }
}

fn broken(said: &str) -> ClientError {
    ClientError(if said.is_empty() {
        "what answers this could not be loaded; reload the page to try again".to_owned()
    } else {
        format!("the copy of the cluster has ended, perhaps it was too large for this browser: {said}")
    })
}
