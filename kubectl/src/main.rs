//! The console's own thread: runs what the page has been typed, and asks the page for all it needs of the world.
//!
//! What passes between the two are lists whose first item says what they are; `web/src/console/worker.rs` is the other end.
//! The page says `run` and a line, `complete` and what stands before the cursor, `stop`; and it answers, by number, what
//! it was asked. It is told what to print (`out`, `err`), what there is to complete (`completed`), that a command is
//! `done`, and asked for requests (`ask`), texts (`read`) and changed texts (`edit`). With everything it says comes the time
//! of the cluster.

use futures_channel::oneshot;
use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::Array;
use kubarium_core::Time;
use kubarium_core::apiserver::{Method, Request, Response, about};
use kubarium_kubectl::{Host, Pending, Session, Stream};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

#[cfg(target_family = "wasm")]
#[global_allocator]
static HEAP: kubarium_heap::Heap = kubarium_heap::Heap::new();

struct Page {
    scope: DedicatedWorkerGlobalScope,
    session: Session,
    /// Whether the cluster is simulated in the page, where nothing but this module knows what the API says of itself.
    simulated: bool,
    server: String,
    now: Cell<Time>,
    next: Cell<u32>,
    waiting: RefCell<BTreeMap<u32, oneshot::Sender<Array>>>,
    stop: RefCell<Option<oneshot::Sender<()>>>,
}

fn main() {
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else { return };
    // The name says which cluster it is: `simulation` or `live`, and the server's address.
    let name = scope.name();
    let (world, server) = name.split_once(' ').unwrap_or((&name, ""));
    let page = Rc::new(Page {
        scope: scope.clone(),
        session: Session::default(),
        simulated: world == "simulation",
        server: server.to_owned(),
        now: Cell::new(Time::EPOCH),
        next: Cell::new(1),
        waiting: RefCell::default(),
        stop: RefCell::default(),
    });
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new({
        let page = Rc::clone(&page);
        move |event: MessageEvent| {
            if let Ok(message) = event.data().dyn_into::<Array>() {
                receive(&page, &message);
            }
        }
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // It listens as long as the thread lives.
    on_message.forget();
    page.post(&["ready".into()]);
}

fn text(message: &Array, at: u32) -> String {
    message.get(at).as_string().unwrap_or_default()
}

fn receive(page: &Rc<Page>, message: &Array) {
    page.now.set(Time(message.get(1).as_f64().unwrap_or_default() as i64));
    match text(message, 0).as_str() {
        "run" => {
            let (page, line) = (Rc::clone(page), text(message, 2));
            let (stop, stopped) = oneshot::channel();
            *page.stop.borrow_mut() = Some(stop);
            spawn_local(async move {
                let run = page.session.run(&*page, &line);
                let exit = match select(stopped, pin!(run)).await {
                    Either::Left(_) => 130,
                    Either::Right((exit, _)) => u32::from(exit),
                };
                page.post(&["done".into(), exit.into()]);
            });
        }
        "complete" => {
            let (page, typed) = (Rc::clone(page), text(message, 2));
            spawn_local(async move {
                let found = page.session.complete(&*page, &typed).await;
                let mut said = vec!["completed".into(), typed.into(), (found.length as u32).into()];
                said.extend(found.words.into_iter().map(JsValue::from));
                page.post(&said);
            });
        }
        "stop" => drop(page.stop.take()),
        _ => {
            let id = message.get(2).as_f64().unwrap_or_default() as u32;
            let waiting = page.waiting.borrow_mut().remove(&id);
            if let Some(waiting) = waiting {
                // Whoever asked may have been stopped.
                let _ = waiting.send(message.clone());
            }
        }
    }
}

impl Page {
    fn post(&self, message: &[JsValue]) {
        // Texts and numbers can always be cloned to the page.
        let _ = self.scope.post_message(&message.iter().collect::<Array>());
    }

    /// Asks the page; none where it has gone.
    async fn ask(&self, what: &str, words: &[&str]) -> Option<Array> {
        let id = self.next.get();
        self.next.set(id.wrapping_add(1));
        let (sender, receiver) = oneshot::channel();
        self.waiting.borrow_mut().insert(id, sender);
        let mut message = vec![what.into(), id.into()];
        message.extend(words.iter().map(|word| JsValue::from(*word)));
        self.post(&message);
        receiver.await.ok()
    }
}

impl Host for Page {
    fn request(&self, request: Request) -> Pending<'_, Result<Response, String>> {
        if self.simulated
            && request.method == Method::Get
            && let Some(response) = about(&request.path, &request.accept, true)
        {
            return Box::pin(std::future::ready(Ok(response)));
        }
        Box::pin(async move {
            let words = [
                request.method.as_str(),
                &request.path,
                &request.query,
                &request.accept,
                &request.content_type,
                &request.user_agent,
                &request.body,
            ];
            let answer = self.ask("ask", &words).await.ok_or_else(|| "the page has gone".to_owned())?;
            let Some(status) = answer.get(3).as_f64() else { return Err(text(&answer, 4)) };
            let warnings = (6..answer.length()).map(|at| text(&answer, at)).collect();
            Ok(Response { status: status as u16, content_type: text(&answer, 4), body: text(&answer, 5), warnings })
        })
    }

    fn now(&self) -> Time {
        self.now.get()
    }

    fn sleep(&self, milliseconds: u32) -> Pending<'_, ()> {
        Box::pin(TimeoutFuture::new(milliseconds))
    }

    fn print(&self, stream: Stream, text: &str) {
        let stream = if stream == Stream::Out { "out" } else { "err" };
        self.post(&[stream.into(), text.into()]);
    }

    fn read(&self, name: &str) -> Pending<'_, Option<String>> {
        let name = name.to_owned();
        Box::pin(async move {
            // A page has no files, but what is typed into it.
            if name != "-" {
                return None;
            }
            self.ask("read", &[""]).await?.get(3).as_string()
        })
    }

    fn edit(&self, text: String) -> Pending<'_, Option<String>> {
        Box::pin(async move { self.ask("edit", &[&text]).await?.get(3).as_string() })
    }

    fn server(&self) -> String {
        self.server.clone()
    }
}
