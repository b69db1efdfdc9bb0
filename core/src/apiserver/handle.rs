//! The way of a request: path, method, admission, store.

use super::accept::{self, Form};
use super::body::{self, Body, Expected};
use super::delete::Outcome;
use super::owners::Writer;
use super::path::{self, ResourcePath, Subresource, Target};
use super::query::{FieldValidation, Query};
use super::reply::{Draft, Reply};
use super::write::{Change, Tracking};
use super::{Answer, Method, Request, Response, WatchQuery};
use super::{
    apply, delete, errors, explanation, log, owners, patch, pods, present, proxy, read, remote, scale, select, slices,
    user, warnings, write,
};
use crate::api::{ApiError, Kind, Name, Object};
use crate::cluster::Context;
use crate::deletion::DeleteOptions;
use crate::rng::Rng;
use crate::scheduler::Schedulers;
use crate::store::Store;
use crate::time::Time;
use serde_json::{Value, json};
use std::sync::Arc;

/// Answers a request. The schedulers are asked for their reasons only; services that are asked through the proxy path
/// spread over their pods by `routing`.
pub(crate) fn handle(request: &Request, cx: &mut Context<'_>, schedulers: &Schedulers, routing: &mut Rng) -> Answer {
    let mut call = Call::new(request);
    let reply = call.answer(cx, schedulers, routing);
    call.draft(reply).finish()
}

/// Answers a request that changes nothing and needs no more than the store; none where it is no such request.
pub(crate) fn look(request: &Request, store: &Store, now: Time) -> Option<Draft> {
    if request.method != Method::Get {
        return None;
    }
    let mut call = Call::new(request);
    let reply = match path::parse(&request.path) {
        Ok(target) if !is_only_read(&target) => return None,
        Ok(target) => match user::check(request, &call.query, &target) {
            Ok(()) => call.read(store, now, &target),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    Some(call.draft(reply))
}

/// Whether what a GET of it says is in the store.
fn is_only_read(target: &Target) -> bool {
    match target {
        Target::Explanation { .. } => false,
        Target::Resource(path) => path.subresource != Some(Subresource::Proxy),
        _ => true,
    }
}

struct Call<'a> {
    request: &'a Request,
    query: Query,
    warnings: Vec<String>,
}

/// What a write may do its work on: the cluster, or a copy of it that is thrown away.
fn rehearse<T>(
    cx: &mut Context<'_>,
    dry_run: bool,
    act: impl FnOnce(&mut Context<'_>) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    let (mut act, mut done) = (Some(act), None);
    on_copy(cx, dry_run, &mut |cx| done = act.take().map(|act| act(cx)));
    // It is called once.
    done.unwrap_or_else(|| Err(errors::internal("nothing was done")))
}

/// Calls with the cluster, or with a copy of it: once, and compiled once for all writes.
fn on_copy(cx: &mut Context<'_>, copy: bool, act: &mut dyn FnMut(&mut Context<'_>)) {
    if !copy {
        return act(cx);
    }
    let (mut store, mut rng, mut addresses) = (cx.store.clone(), cx.rng.clone(), cx.addresses.clone());
    let (mut router, mut effects, mut events) = (cx.router.clone(), Vec::new(), cx.events.clone());
    let mut shared = cx.shared.clone();
    act(&mut Context {
        now: cx.now,
        config: cx.config,
        store: &mut store,
        rng: &mut rng,
        addresses: &mut addresses,
        router: &mut router,
        effects: &mut effects,
        events: &mut events,
        shared: &mut shared,
    });
}

impl<'a> Call<'a> {
    fn new(request: &'a Request) -> Self {
        Self { request, query: Query::parse(&request.query), warnings: Vec::new() }
    }

    fn draft(self, reply: Result<Reply, ApiError>) -> Draft {
        let pretty = matches!(self.query.get("pretty"), Some("true" | "1"));
        Draft { reply, warnings: self.warnings, pretty }
    }

    fn answer(&mut self, cx: &mut Context<'_>, schedulers: &Schedulers, routing: &mut Rng) -> Result<Reply, ApiError> {
        let target = path::parse(&self.request.path)?;
        user::check(self.request, &self.query, &target)?;
        if self.request.method == Method::Get && is_only_read(&target) {
            return self.read(cx.store, cx.now, &target);
        }
        match (self.request.method, target) {
            (_, Target::Resource(path)) => self.resource(cx, &path, routing),
            (Method::Get, Target::Explanation { namespace, name }) => {
                explanation::of(cx, schedulers, &namespace, &name).map(|d| Reply::Document(200, d))
            }
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
            (_, target @ Target::About(_)) => match self.read(cx.store, cx.now, &target)? {
                Reply::Other(Answer::Done(Response { status: 200, .. })) => Err(errors::method_not_allowed()),
                not_there => Ok(not_there),
            },
            _ => Err(errors::method_not_allowed()),
        }
    }

    /// A GET of what is in the store.
    fn read(&mut self, store: &Store, now: Time, target: &Target) -> Result<Reply, ApiError> {
        match target {
            Target::About(path) => self.about(path),
            Target::EndpointSlices { namespace } => {
                slices::list(store, namespace.as_deref(), &self.query).map(|d| Reply::Document(200, d))
            }
            Target::Resource(path) => {
                let form = self.check(path)?;
                self.get(store, now, path, form)
            }
            Target::Bindings { .. } | Target::Explanation { .. } | Target::Review(_) => {
                Err(errors::method_not_allowed())
            }
        }
    }

    /// What the API says of itself.
    #[cfg(feature = "described")]
    fn about(&self, path: &str) -> Result<Reply, ApiError> {
        let document = super::discovery::document(path, &self.request.accept)?;
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
    fn about(&self, _path: &str) -> Result<Reply, ApiError> {
        Err(errors::no_such_path())
    }

    /// Whether there is such a method at that place, and in which form to answer.
    fn check(&mut self, path: &ResourcePath) -> Result<Form, ApiError> {
        use Method::{Delete, Get, Patch, Post, Put};
        use Subresource::{Attach, Binding, Eviction, Exec, Finalize, Log, PortForward, Scale, Status};
        let method = self.request.method;
        let named = path.name.is_some();
        let in_place = path.kind.info().namespaced == path.namespace.is_some();
        let allowed = match (method, path.subresource) {
            (Post, None) => !named && in_place,
            (Delete, None) => named || (in_place && path.kind != Kind::Namespace),
            (Put | Patch, None) => named,
            (Get, None | Some(Log))
            | (Get | Post, Some(Attach | Exec | PortForward))
            | (Get | Put | Patch, Some(Status | Scale))
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
        accept::form(&self.request.accept)
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
            Some(_) => read::get(store, path, &self.query, form, now).map(|d| Reply::Document(200, d)),
            None if path.watch || (self.query.flag("watch") && path.name.is_none()) => {
                self.watch(store, path).map(|w| Reply::Other(Answer::Watch(Box::new(w))))
            }
            None if path.name.is_none() => read::list(store, path, &self.query, form, now).map(Reply::List),
            None => read::get(store, path, &self.query, form, now).map(|d| Reply::Document(200, d)),
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

    fn create(&mut self, cx: &mut Context<'_>, path: &ResourcePath, form: Form) -> Result<Reply, ApiError> {
        let dry_run = self.query.dry_run("CreateOptions")?;
        let value = self.read_body(Expected::object(path.kind), "CreateOptions")?;
        self.create_from(cx, path, value, dry_run, form)
    }

    fn create_from(
        &mut self,
        cx: &mut Context<'_>,
        path: &ResourcePath,
        value: Value,
        dry_run: bool,
        form: Form,
    ) -> Result<Reply, ApiError> {
        let manager = self.manager();
        let tracking = Tracking::By(Writer::new(&manager, path, cx.now));
        self.create_as(cx, path, value, tracking, dry_run, form)
    }

    fn create_as(
        &mut self,
        cx: &mut Context<'_>,
        path: &ResourcePath,
        value: Value,
        tracking: Tracking<'_>,
        dry_run: bool,
        form: Form,
    ) -> Result<Reply, ApiError> {
        let namespace = path.namespace.as_deref();
        let created = rehearse(cx, dry_run, |cx| write::create(cx, path.kind, namespace, value, tracking))?;
        let created = if dry_run { with_version(&created, 0) } else { created };
        self.warnings.extend(warnings::of(&created));
        self.show(cx, 201, &created, form)
    }

    fn show(&self, cx: &Context<'_>, status: u16, object: &Object, form: Form) -> Result<Reply, ApiError> {
        if self.request.brief {
            return Ok(Reply::Granted(status));
        }
        present::one(object, form, &self.query, cx.now).map(|value| Reply::Document(status, value))
    }

    fn put(&mut self, cx: &mut Context<'_>, path: &ResourcePath, form: Form) -> Result<Reply, ApiError> {
        let dry_run = self.query.dry_run("UpdateOptions")?;
        let is_scale = path.subresource == Some(Subresource::Scale);
        let expected =
            if is_scale { Expected::document("autoscaling/v1", "Scale") } else { Expected::object(path.kind) };
        let mut value = self.read_body(expected, "UpdateOptions")?;
        let old = match read::present_object(cx.store, path) {
            Ok(old) => Arc::clone(old),
            Err(missing) => {
                // Some kinds are created by a PUT as well.
                let creates =
                    matches!(path.kind, Kind::Service | Kind::Endpoints | Kind::Event | Kind::Lease | Kind::LimitRange);
                if !creates || path.subresource.is_some() {
                    return Err(missing);
                }
                let name = path.name.as_deref().unwrap_or_default();
                let said = value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
                if !said.is_empty() && said != name {
                    return Err(errors::bad_request(format!(
                        "the name of the object ({said}) does not match the name on the URL ({name})"
                    )));
                }
                if let Some(uid) = value.pointer("/metadata/uid").and_then(Value::as_str).filter(|u| !u.is_empty()) {
                    let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: ");
                    return Err(errors::conflict(path.kind, name, &why));
                }
                let version = value.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default();
                if !matches!(version, "" | "0") {
                    return Err(missing);
                }
                if let Some(map) = value.as_object_mut() {
                    let metadata = map.entry("metadata").or_insert_with(|| json!({}));
                    metadata["name"] = name.into();
                }
                return self.create_from(cx, path, value, dry_run, form);
            }
        };
        let manager = self.manager();
        let tracking = Tracking::By(Writer::new(&manager, path, cx.now));
        let change = Change { part: path.subresource, patched: false, tracking };
        self.replace(cx, &old, change, value, dry_run, form)
    }

    /// The name under which a client writes.
    fn manager(&self) -> String {
        apply::manager(self.query.text("fieldManager"), &self.request.user_agent)
    }

    fn patch(&mut self, cx: &mut Context<'_>, path: &ResourcePath, form: Form) -> Result<Reply, ApiError> {
        let dry_run = self.query.dry_run("PatchOptions")?;
        let applies = body::media_type(&self.request.content_type) == patch::APPLY;
        let validation = self.query.patch_options(applies)?;
        if applies {
            return self.apply(cx, path, validation, dry_run, form);
        }
        let old = Arc::clone(read::present_object(cx.store, path)?);
        let (document, structure) = if path.subresource == Some(Subresource::Scale) {
            (scale::of(&old), "Scale")
        } else {
            let mut document = old.document_value();
            // They are seldom what a patch is about.
            if self.request.body.contains("managedFields") {
                owners::show(&old, &mut document);
            }
            (document, path.kind.info().kind)
        };
        let request = self.request;
        let mut patched = patch::apply(&document, structure, &request.body, &request.content_type, validation)?;
        self.warnings.append(&mut patched.warnings);
        let manager = self.manager();
        let tracking = Tracking::By(Writer::new(&manager, path, cx.now));
        let change = Change { part: path.subresource, patched: true, tracking };
        self.replace(cx, &old, change, patched.value, dry_run, form)
    }

    /// Server-side apply.
    fn apply(
        &mut self,
        cx: &mut Context<'_>,
        path: &ResourcePath,
        validation: FieldValidation,
        dry_run: bool,
        form: Form,
    ) -> Result<Reply, ApiError> {
        let old = match read::present_object(cx.store, path) {
            Ok(old) => Some(Arc::clone(old)),
            Err(error) if path.subresource.is_some() => return Err(error),
            Err(_) => None,
        };
        let patch = apply::read(&self.request.body)?;
        let manager = self.manager();
        let writer = Writer::new(&manager, path, cx.now);
        let force = self.query.flag("force");
        let applied = match &old {
            Some(old) if path.subresource == Some(Subresource::Scale) => apply::scale(old, &patch.value, writer, force),
            old => apply::object(path.kind, old.as_deref(), &patch.value, writer, force),
        };
        let mut applied = applied?;
        // What the document says twice counts for nothing where it is refused already.
        self.warnings.extend_from_slice(patch.strictly(validation)?);
        let tracking = Tracking::As(applied.managed);
        let Some(old) = old else {
            apply::check_new(path.kind, path.name.as_deref().unwrap_or_default(), &mut applied.document)?;
            return self.create_as(cx, path, applied.document, tracking, dry_run, form);
        };
        let change = Change { part: path.subresource, patched: true, tracking };
        self.replace(cx, &old, change, applied.document, dry_run, form)
    }

    /// Puts a document in the place of an object or of a part of it.
    fn replace(
        &mut self,
        cx: &mut Context<'_>,
        old: &Arc<Object>,
        change: Change<'_>,
        value: Value,
        dry_run: bool,
        form: Form,
    ) -> Result<Reply, ApiError> {
        let is_scale = change.part == Some(Subresource::Scale);
        let written = rehearse(cx, dry_run, |cx| {
            if is_scale {
                scale::update(cx, old, &value, change.tracking)
            } else {
                write::update(cx, old, change, value)
            }
        })?;
        let written = if dry_run { with_version(&written, old.meta.resource_version) } else { written };
        if is_scale {
            return Ok(Reply::Document(200, scale::of(&written)));
        }
        self.show(cx, 200, &written, form)
    }

    fn delete(&mut self, cx: &mut Context<'_>, path: &ResourcePath, form: Form) -> Result<Reply, ApiError> {
        let options = delete::options(&self.request.body, &self.request.content_type, &self.query)?;
        if path.name.is_none() {
            let list = read::list(cx.store, path, &self.query, form, cx.now)?;
            rehearse(cx, options.dry_run, |cx| delete::all(cx, &list, &options.delete))?;
            return Ok(Reply::List(list));
        }
        let version = read::present_object(cx.store, path).map(|o| o.meta.resource_version).unwrap_or_default();
        match rehearse(cx, options.dry_run, |cx| delete::one(cx, path, &options.delete))? {
            Outcome::Object(object) => {
                let object = if options.dry_run { with_version(&object, version) } else { object };
                self.show(cx, 200, &object, form)
            }
            Outcome::Gone(object) => Ok(Reply::Document(200, gone(&object))),
        }
    }

    fn bind(&mut self, cx: &mut Context<'_>, path: &ResourcePath, body: &Value) -> Result<Reply, ApiError> {
        let dry_run = self.query.dry_run("CreateOptions")?;
        rehearse(cx, dry_run, |cx| pods::bind(cx, path, body))?;
        Ok(created_status())
    }

    fn evict(&mut self, cx: &mut Context<'_>, path: &ResourcePath) -> Result<Reply, ApiError> {
        let mut dry_run = self.query.dry_run("CreateOptions")?;
        let body = self.read_body(Expected::document("policy/v1", "Eviction"), "CreateOptions")?;
        let name = path.name.as_deref().unwrap_or_default();
        let said = body.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        if !said.is_empty() && said != name {
            return Err(errors::bad_request("name in URL does not match name in Eviction object"));
        }
        let options = match body.get("deleteOptions") {
            Some(options) => {
                let options = delete::options(&options.to_string(), "application/json", &self.query)?;
                dry_run |= options.dry_run;
                options.delete
            }
            None => DeleteOptions::default(),
        };
        rehearse(cx, dry_run, |cx| pods::evict(cx, path, &options))?;
        Ok(created_status())
    }
}

fn with_version(object: &Object, version: u64) -> Arc<Object> {
    let mut shown = object.clone();
    shown.meta.resource_version = version;
    Arc::new(shown)
}

/// What a pod without a node has written.
fn no_output() -> Answer {
    Answer::Done(Response {
        status: 204,
        content_type: "text/plain".to_owned(),
        warnings: Vec::new(),
        body: String::new(),
    })
}

fn created_status() -> Reply {
    Reply::Document(
        201,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
    )
}

/// That an object is gone.
fn gone(object: &Object) -> Value {
    let info = object.kind().info();
    let mut details = json!({
        "name": object.meta.name.as_str(), "kind": info.plural, "uid": object.meta.uid.to_string(),
    });
    if !info.group.is_empty() {
        details["group"] = info.group.into();
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
