//! The console's end of a cluster in this process: requests are handled at once, and waiting lets virtual time pass.

use crate::replay::Ran;
use kubarium_core::apiserver::{Answer, Method, Request, Response};
use kubarium_core::{Cluster, Config, Input, Span, Time};
use kubarium_kubectl::words::Line;
use kubarium_kubectl::{Host, Pending, Session, Stream};
use std::cell::RefCell;
use std::future::{Future, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// When the clusters begin.
const BEGINNING: Time = Time(1_800_000_000_000_000);

/// Somebody who changes a text.
type Editor = Box<dyn Fn(&str) -> String>;

/// A cluster without machines, and a console in front of it.
pub struct Desk {
    cluster: RefCell<Cluster>,
    now: RefCell<Time>,
    session: Session,
    files: RefCell<Vec<(String, String)>>,
    ran: RefCell<Ran>,
    /// What is made of a text that is to be edited.
    pub editor: RefCell<Option<Editor>>,
}

impl Desk {
    /// An empty cluster.
    pub fn new(config: Config) -> Self {
        Self {
            cluster: RefCell::new(Cluster::new(config, BEGINNING)),
            now: RefCell::new(BEGINNING),
            session: Session::default(),
            files: RefCell::default(),
            ran: RefCell::default(),
            editor: RefCell::default(),
        }
    }

    /// Files for the next lines.
    pub(crate) fn place(&self, files: &[(String, String)]) {
        *self.files.borrow_mut() = files.to_vec();
    }

    /// What a typed line comes to.
    pub fn says(&self, typed: &str) -> Ran {
        self.ran.take();
        let exit = finish(self.session.run(self, typed));
        Ran { exit: Some(exit.into()), ..self.ran.take() }
    }

    pub(crate) fn line(&self, line: &Line) -> Ran {
        self.ran.take();
        let exit = finish(self.session.run_line(self, line));
        Ran { exit: Some(exit.into()), ..self.ran.take() }
    }

    /// Makes a request.
    pub fn ask(&self, method: &str, path: &str, content_type: &str, body: &str) -> Result<Response, String> {
        let method = match method {
            "GET" => Method::Get,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            other => return Err(format!("no method {other}")),
        };
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut request = Request::new(method, path);
        query.clone_into(&mut request.query);
        content_type.clone_into(&mut request.content_type);
        body.clone_into(&mut request.body);
        self.handle(request)
    }

    fn handle(&self, request: Request) -> Result<Response, String> {
        match self.input(Input::Request(request)) {
            Some(Answer::Done(response)) => Ok(response),
            Some(Answer::Watch(query)) => {
                let batch = self.cluster.borrow().watch(&query, None).map_err(|error| error.message)?;
                self.pass_millis(1_000 * i64::from(query.timeout_seconds.unwrap_or(1)));
                let lines: Vec<String> = batch.events.iter().map(ToString::to_string).collect();
                let body = lines.join("\n");
                Ok(Response { status: 200, content_type: "application/json".to_owned(), warnings: Vec::new(), body })
            }
            other => Err(format!("nothing carries this out here: {other:?}")),
        }
    }

    fn input(&self, input: Input) -> Option<Answer> {
        let mut cluster = self.cluster.borrow_mut();
        let now = *self.now.borrow();
        let mut output = cluster.handle(now, input);
        while output.wake.is_some_and(|wake| wake <= now) {
            let answer = output.answer.take();
            output = cluster.handle(now, Input::Wake);
            output.answer = answer;
        }
        output.answer
    }

    pub(crate) fn pass_millis(&self, milliseconds: i64) {
        let until = *self.now.borrow() + Span::from_millis(milliseconds);
        while *self.now.borrow() < until {
            let next = (*self.now.borrow() + Span::from_millis(100)).min(until);
            *self.now.borrow_mut() = next;
            self.input(Input::Wake);
        }
    }
}

impl Host for Desk {
    fn request(&self, request: Request) -> Pending<'_, Result<Response, String>> {
        Box::pin(ready(self.handle(request)))
    }

    fn now(&self) -> Time {
        *self.now.borrow()
    }

    fn sleep(&self, milliseconds: u32) -> Pending<'_, ()> {
        self.pass_millis(i64::from(milliseconds));
        Box::pin(ready(()))
    }

    fn print(&self, stream: Stream, text: &str) {
        let mut ran = self.ran.borrow_mut();
        match stream {
            Stream::Out => ran.out.push_str(text),
            Stream::Err => ran.err.push_str(text),
        }
    }

    fn read(&self, name: &str) -> Pending<'_, Option<String>> {
        let files = self.files.borrow();
        let found = files.iter().find(|(file, _)| file == name).map(|(_, text)| text.clone());
        Box::pin(ready(found))
    }

    fn edit(&self, text: String) -> Pending<'_, Option<String>> {
        let edited = self.editor.borrow().as_ref().map(|editor| editor(&text));
        Box::pin(ready(edited))
    }

    fn server(&self) -> String {
        "http://127.0.0.1:8080".to_owned()
    }
}

/// Nothing here waits for anything, so one look is enough; a few more do no harm.
fn finish<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}
