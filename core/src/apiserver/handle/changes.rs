//! Verbs that change something: each reads its body, lets the change be made and shows what came of it.

use super::Call;
use crate::api::{ApiError, Kind, Object};
use crate::apiserver::accept::Form;
use crate::apiserver::body::{self, Expected};
use crate::apiserver::delete::{self, Outcome};
use crate::apiserver::owners::Writer;
use crate::apiserver::path::{ResourcePath, Subresource};
use crate::apiserver::query::FieldValidation;
use crate::apiserver::reply::Reply;
use crate::apiserver::write::{self, Change, NewDocument, Tracking};
use crate::apiserver::{apply, errors, owners, patch, pods, present, read, scale, warnings};
use crate::cluster::Context;
use crate::deletion::DeleteOptions;
use serde_json::{Value, json};
use std::sync::Arc;

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

impl Call<'_> {
    pub(super) fn create(&mut self, cx: &mut Context<'_>, path: &ResourcePath, form: Form) -> Result<Reply, ApiError> {
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
        let document = NewDocument::read(path.kind, path.namespace.as_deref(), value, &mut cx.shared.alike)?;
        let created = rehearse(cx, dry_run, |cx| write::create(cx, document, tracking))?;
        let created = if dry_run { with_version(&created, 0) } else { created };
        self.warnings.extend(warnings::of(&created));
        self.show(cx, 201, &created, form)
    }

    fn show(&self, cx: &Context<'_>, status: u16, object: &Arc<Object>, form: Form) -> Result<Reply, ApiError> {
        if self.request.brief {
            return Ok(Reply::Granted(status));
        }
        present::shown(object, form, &self.query, cx.now).map(|shown| Reply::Object(status, shown))
    }

    pub(super) fn put(&mut self, cx: &mut Context<'_>, path: &ResourcePath, form: Form) -> Result<Reply, ApiError> {
        let dry_run = self.query.dry_run("UpdateOptions")?;
        let is_scale = path.subresource == Some(Subresource::Scale);
        let expected =
            if is_scale { Expected::document("autoscaling/v1", "Scale") } else { Expected::object(path.kind) };
        let mut value = self.read_body(expected, "UpdateOptions")?;
        write::check_name(&value, path.name.as_deref().unwrap_or_default())?;
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

    pub(super) fn patch(&mut self, cx: &mut Context<'_>, path: &ResourcePath, form: Form) -> Result<Reply, ApiError> {
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

    pub(super) fn delete(&mut self, cx: &mut Context<'_>, path: &ResourcePath, form: Form) -> Result<Reply, ApiError> {
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

    pub(super) fn bind(&mut self, cx: &mut Context<'_>, path: &ResourcePath, body: &Value) -> Result<Reply, ApiError> {
        let dry_run = self.query.dry_run("CreateOptions")?;
        rehearse(cx, dry_run, |cx| pods::bind(cx, path, body))?;
        Ok(created_status())
    }

    pub(super) fn evict(&mut self, cx: &mut Context<'_>, path: &ResourcePath) -> Result<Reply, ApiError> {
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
