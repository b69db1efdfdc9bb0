//! The way of a request: path, method, admission, store.

mod changes;

use crate::api::{ApiError, Kind, Name};
use crate::apiserver::accept::{self, Form};
use crate::apiserver::body::{self, Body, Creation, Expected};
use crate::apiserver::owners::Writer;
use crate::apiserver::path::{self, ResourcePath, Subresource, Target};
use crate::apiserver::query::Query;
use crate::apiserver::reply::{Draft, Reply};
use crate::apiserver::write::{self, Tracking};
use crate::apiserver::{Answer, Method, Request, Response, WatchQuery};
use crate::apiserver::{errors, explanation, log, present, proxy, read, remote, scale, select, slices, usage, user};
use crate::cluster::{Cluster, Components, Context};
use crate::rng::Rng;
use crate::store::Store;
use crate::time::Time;
use serde_json::Value;

/// Answers a request. The components are asked for what they know only; services that are asked through the proxy path
/// spread over their pods by `routing`.
pub(crate) fn handle(request: &Request, cx: &mut Context<'_>, components: &Components, routing: &mut Rng) -> Answer {
    let mut call = Call::new(request);
    let reply = call.answer(cx, components, routing);
    call.draft(reply).finish()
}

/// Creates what was read ahead, of which only a refusal is news.
pub(crate) fn create(Creation(read): Creation, cx: &mut Context<'_>) -> Answer {
    let tracking = Tracking::By(Writer { manager: "", subresource: "", now: cx.now });
    let created = read.and_then(|document| write::create(cx, document, tracking));
    Draft { reply: created.map(|_| Reply::Granted(201)), warnings: Vec::new(), pretty: false }.finish()
}

/// Answers a request that changes nothing; none where it is no such request.
pub(crate) fn look(request: &Request, store: &Store, components: &Components, now: Time) -> Option<Draft> {
    if request.method != Method::Get {
        return None;
    }
    let mut call = Call::new(request);
    let reply = match path::parse(&request.path) {
        Ok(target) if !is_only_read(&target) => return None,
        Ok(target) => match user::check(request, &call.query, &target) {
            Ok(()) => call.read(store, components, now, &target),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    Some(call.draft(reply))
}

/// Answers a question of what would be if; none where the request asks something else. It takes its time, and the cluster
/// stays as it is.
pub(crate) fn foresee(request: &Request, cluster: &Cluster) -> Option<Answer> {
    // Most requests are told apart by this alone.
    if !request.path.starts_with("/apis/kubarium.io/") {
        return None;
    }
    let Ok(Target::Foresight(question)) = path::parse(&request.path) else { return None };
    let call = Call::new(request);
    let wanted = if question.has_body() { Method::Post } else { Method::Get };
    let reply = match user::check(request, &call.query, &Target::Foresight(question.clone())) {
        Err(error) => Err(error),
        Ok(()) if request.method != wanted => Err(errors::method_not_allowed()),
        Ok(()) => {
            let number = |key: &str| call.query.get(key).map(str::to_owned);
            question.answer(cluster, number, &request.body).map(|d| Reply::Document(200, d))
        }
    };
    Some(call.draft(reply).finish())
}

/// Whether a request asks what would be if: that takes its time and is best asked of a fork.
pub fn is_foresight(request: &Request) -> bool {
    request.path.starts_with("/apis/kubarium.io/") && matches!(path::parse(&request.path), Ok(Target::Foresight(_)))
}

/// Whether a GET of it changes nothing and is soon answered.
fn is_only_read(target: &Target) -> bool {
    match target {
        Target::Foresight(_) => false,
        Target::Resource(path) => path.subresource != Some(Subresource::Proxy),
        _ => true,
    }
}

struct Call<'a> {
    request: &'a Request,
    query: Query,
    warnings: Vec<String>,
}

impl<'a> Call<'a> {
    fn new(request: &'a Request) -> Self {
        Self { request, query: Query::parse(&request.query), warnings: Vec::new() }
    }

    fn draft(self, reply: Result<Reply, ApiError>) -> Draft {
        let pretty = matches!(self.query.get("pretty"), Some("true" | "1"));
        Draft { reply, warnings: self.warnings, pretty }
    }

    fn answer(&mut self, cx: &mut Context<'_>, components: &Components, routing: &mut Rng) -> Result<Reply, ApiError> {
        let target = path::parse(&self.request.path)?;
        user::check(self.request, &self.query, &target)?;
        if self.request.method == Method::Get && is_only_read(&target) {
            return self.read(cx.store, components, cx.now, &target);
        }
        match (self.request.method, target) {
            (_, Target::Resource(path)) => self.resource(cx, &path, routing),
            (Method::Post, Target::Bindings { namespace }) => {
                let body = self.read_body(Expected::document("v1", "Binding"), "CreateOptions")?;
                let name = body.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
                let path = ResourcePath {
                    kind: Kind::Pod,
                    namespace: Some(namespace),
                    name: Some(name),
                    subresource: Some(Subresource::Binding),
                    rest: String::new(),
                    watch: false,
                };
                self.bind(cx, &path, &body)
            }
            (Method::Post, Target::Review(review)) => {
                let body = self.read_body(Expected::document(review.api_version(), review.kind()), "CreateOptions")?;
                Ok(Reply::Document(201, review.answer(&body, &self.request.user, cx.now)))
            }
            (_, target @ Target::About(_)) => match self.read(cx.store, components, cx.now, &target)? {
                Reply::Other(Answer::Done(Response { status: 200, .. })) => Err(errors::method_not_allowed()),
                not_there => Ok(not_there),
            },
            _ => Err(errors::method_not_allowed()),
        }
    }

    /// A GET of what is in the store, or of what the components say of it.
    fn read(&mut self, store: &Store, components: &Components, now: Time, target: &Target) -> Result<Reply, ApiError> {
        match target {
            Target::About(path) => self.about(path, components.kubelets.has_machines()),
            Target::EndpointSlices { namespace } => {
                slices::list(store, namespace.as_deref(), &self.query).map(|d| Reply::Document(200, d))
            }
            Target::Resource(path) => {
                let form = self.check(path)?;
                self.get(store, now, path, form)
            }
            Target::Explanation { namespace, name } => {
                explanation::of(store, now, &components.schedulers, namespace, name).map(|d| Reply::Document(200, d))
            }
            Target::Usage(subject) => {
                usage::UsageQuery::read(subject, &self.query).map(|q| Reply::Other(Answer::Usage(q)))
            }
            Target::Bindings { .. } | Target::Foresight(_) | Target::Review(_) => Err(errors::method_not_allowed()),
        }
    }

    /// What the API says of itself.
    #[cfg(feature = "described")]
    fn about(&self, path: &str, measured: bool) -> Result<Reply, ApiError> {
        let document = super::discovery::document(path, &self.request.accept, measured)?;
        Ok(Reply::Other(Answer::Done(Response {
            status: document.status,
            content_type: document.content_type.to_owned(),
            warnings: Vec::new(),
            body: document.body,
        })))
    }

    /// Whoever is built without that asks for none of it.
    #[cfg(not(feature = "described"))]
    #[expect(clippy::unused_self, reason = "as its other form")]
    fn about(&self, _path: &str, _measured: bool) -> Result<Reply, ApiError> {
        Err(errors::no_such_path())
    }

    /// Whether there is such a method at that place, and in which form to answer.
    fn check(&mut self, path: &ResourcePath) -> Result<Form, ApiError> {
        use Method::{Delete, Get, Patch, Post, Put};
        use Subresource::{
            Attach, Binding, EphemeralContainers, Eviction, Exec, Finalize, Log, PortForward, Resize, Scale, Status,
        };
        let method = self.request.method;
        let named = path.name.is_some();
        let in_place = path.kind.info().namespaced == path.namespace.is_some();
        let allowed = match (method, path.subresource) {
            (Post, None) => !named && in_place,
            (Delete, None) => named || (in_place && path.kind != Kind::Namespace),
            (Put | Patch, None) => named,
            (Get, None | Some(Log))
            | (Get | Post, Some(Attach | Exec | PortForward))
            | (Get | Put | Patch, Some(Status | Scale | Resize | EphemeralContainers))
            | (Put, Some(Finalize))
            | (Post, Some(Binding | Eviction)) => true,
            _ => false,
        };
        if !allowed || (path.watch && method != Get) {
            return Err(errors::method_not_allowed());
        }
        if path.kind == Kind::Endpoints {
            self.warnings
                .push("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".to_owned());
        }
        let form = accept::form(&self.request.accept)?;
        if method == Get && path.subresource.is_none() && !path.watch && !self.query.flag("watch") {
            accept::check_metadata(&self.request.accept, path.name.is_none(), path.kind.info().kind)?;
        }
        Ok(form)
    }

    fn resource(&mut self, cx: &mut Context<'_>, path: &ResourcePath, routing: &mut Rng) -> Result<Reply, ApiError> {
        use Method::{Delete, Get, Patch, Post, Put};
        if path.subresource == Some(Subresource::Proxy) {
            let target = proxy::target(cx, path, &self.request.query, "", routing)?;
            return Ok(Reply::Other(Answer::Proxy(target)));
        }
        let form = self.check(path)?;
        match (self.request.method, path.subresource) {
            (Post, Some(Subresource::Binding)) => {
                let body = self.read_body(Expected::document("v1", "Binding"), "CreateOptions")?;
                self.bind(cx, path, &body)
            }
            (Post, Some(Subresource::Eviction)) => self.evict(cx, path),
            // What is left of POST opens a way into a pod, which changes nothing.
            (Get, _) | (Post, Some(_)) => self.get(cx.store, cx.now, path, form),
            (Post, None) => self.create(cx, path, form),
            (Put, _) => self.put(cx, path, form),
            (Patch, _) => self.patch(cx, path, form),
            (Delete, _) => self.delete(cx, path, form),
        }
    }

    fn get(&self, store: &Store, now: Time, path: &ResourcePath, form: Form) -> Result<Reply, ApiError> {
        match path.subresource {
            Some(Subresource::Scale) => {
                Ok(Reply::Document(200, scale::shown(read::present_object(store, path)?, form, now)))
            }
            Some(Subresource::Log) => {
                let name = path.name.as_deref().unwrap_or_default();
                let options = log::Options::read(name, &self.query, now)?;
                let log = log::of(read::present_object(store, path)?, &self.query, &options)?;
                Ok(Reply::Other(log.map_or_else(no_output, Answer::Logs)))
            }
            Some(part @ (Subresource::Exec | Subresource::Attach)) => {
                let object = read::present_object(store, path)?;
                let attach = part == Subresource::Attach;
                remote::exec(object, &self.query, attach).map(|q| Reply::Other(Answer::Exec(q)))
            }
            Some(Subresource::PortForward) => {
                let object = read::present_object(store, path)?;
                remote::port_forward(object, &self.query).map(|q| Reply::Other(Answer::PortForward(q)))
            }
            Some(_) => read::get(store, path, &self.query, form, now).map(|shown| Reply::Object(200, shown)),
            None if path.watch || (self.query.flag("watch") && path.name.is_none()) => {
                self.watch(store, path).map(|w| Reply::Other(Answer::Watch(Box::new(w))))
            }
            None if path.name.is_none() => read::list(store, path, &self.query, form, now).map(Reply::List),
            None => read::get(store, path, &self.query, form, now).map(|shown| Reply::Object(200, shown)),
        }
    }

    fn watch(&self, store: &Store, path: &ResourcePath) -> Result<WatchQuery, ApiError> {
        let query = &self.query;
        if accept::wants_yaml(&self.request.accept) {
            return Err(errors::not_acceptable(errors::STREAM_MEDIA_TYPES));
        }
        present::IncludeObject::parse(query)?;
        let start = read::watch_start(store, path.kind, query)?;
        let mut fields = query.text("fieldSelector").to_owned();
        if let Some(name) = &path.name {
            if !fields.is_empty() {
                fields.push(',');
            }
            fields.push_str("metadata.name=");
            fields.push_str(&select::escape(name));
        }
        Ok(WatchQuery {
            kind: path.kind,
            namespace: path.namespace.as_deref().map(Name::from),
            label_selector: query.text("labelSelector").to_owned(),
            field_selector: fields,
            since: start.since,
            send_initial: start.initial,
            announce_initial_end: start.initial_end,
            bookmarks: query.flag("allowWatchBookmarks"),
            accept: self.request.accept.clone(),
            include_object: query.text("includeObject").to_owned(),
            timeout_seconds: query.number("timeoutSeconds")?.and_then(|n| u32::try_from(n).ok()),
        })
    }

    /// Reads the body as a document of a kind; what is dropped from it becomes a warning.
    fn read_body(&mut self, expected: Expected, options: &str) -> Result<Value, ApiError> {
        let validation = self.query.write_options(options)?;
        let Body { value, warnings } =
            body::read(&self.request.body, &self.request.content_type, expected, validation)?;
        self.warnings.extend(warnings);
        Ok(value)
    }
}

/// What a pod without a node has written.
fn no_output() -> Answer {
    Answer::Done(Response {
        status: 204,
        // It has no content.
        content_type: String::new(),
        warnings: Vec::new(),
        body: String::new(),
    })
}
