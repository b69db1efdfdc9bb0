//! `describe`: all about objects, with their events.

mod base;
mod container;
mod node;
mod other;
mod page;
mod pod;
mod policy;
mod service;
mod settings;
mod volume;

use crate::call::Call;
use crate::discovery::Resource;
use crate::failure::Failure;
use crate::get::{listed, nothing};
use crate::go::text;
use crate::target::{Naming, Target, Targets};
use page::Page;
use serde_json::Value;

pub(crate) use page::{event_age, micros};

pub(crate) async fn run(call: &Call<'_>) -> Result<(), Failure> {
    let from_files = !call.given.list("filename").is_empty();
    if call.arguments().is_empty() && !from_files {
        return Err(Failure::error(
            "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported resources.",
        ));
    }
    let mut targets = if from_files {
        let list = call.named(Naming::default()).await?;
        Targets { list, one: false }
    } else {
        call.targets(call.arguments(), Naming { type_alone: true, all: false }).await?
    };
    let mut failures = Vec::new();
    let mut described = 0;
    let prefix = targets.one;
    for target in std::mem::take(&mut targets.list) {
        let found = match objects(call, &target, prefix).await {
            Ok(found) => found,
            Err(failure) => {
                failures.push(failure);
                continue;
            }
        };
        for object in found {
            let page = describe(call, &target.resource, &object).await;
            let gap = if described > 0 { "\n\n" } else { "" };
            call.out(&format!("{gap}{page}"));
            described += 1;
        }
        targets.list.push(target);
    }
    if described == 0 && failures.is_empty() {
        nothing(call, &targets);
    }
    Failure::all(failures)
}

/// The objects of a target: that of its name or, if there is none and it may be, those whose names begin so.
async fn objects(call: &Call<'_>, target: &Target, prefix: bool) -> Result<Vec<Value>, Failure> {
    let Some(name) = &target.name else {
        let list = call.get(&target.path(), &call.selectors(), "application/json").await?;
        return Ok(listed(target, list));
    };
    match call.get(&target.path(), &[], "application/json").await {
        Ok(object) => Ok(vec![object]),
        Err(failure) if prefix && failure.reason() == "NotFound" => {
            let path = target.resource.collection(&target.namespace);
            let list = call.get(&path, &[], "application/json").await?;
            let mut found = listed(target, list);
            found.retain(|object| text(object, "/metadata/name").starts_with(name.as_str()));
            if found.is_empty() { Err(failure) } else { Ok(found) }
        }
        Err(failure) => Err(failure),
    }
}

/// All about an object.
pub(crate) async fn describe(call: &Call<'_>, resource: &Resource, object: &Value) -> String {
    let mut page = Page::new(call.host.now());
    let mut events = true;
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => pod::describe(&mut page, object),
        ("", "ReplicationController") => pod::controller(call, &mut page, object).await,
        ("", "Service") => service::describe(call, &mut page, object).await,
        ("", "Endpoints") => service::endpoints(&mut page, object),
        ("", "Node") => node::describe(call, &mut page, object).await,
        ("", "Namespace") => {
            policy::namespace(call, &mut page, object).await;
            events = false;
        }
        ("", "ResourceQuota") => {
            policy::quota(&mut page, object);
            events = false;
        }
        ("", "LimitRange") => {
            policy::limits(&mut page, object);
            events = false;
        }
        ("policy", "PodDisruptionBudget") => policy::budget(&mut page, object),
        ("scheduling.k8s.io", "PriorityClass") => policy::class(&mut page, object),
        ("", "ConfigMap") => settings::config_map(&mut page, object),
        ("", "Secret") => {
            settings::secret(&mut page, object);
            events = false;
        }
        ("", "ServiceAccount") => settings::account(&mut page, object),
        _ => other::describe(&mut page, object),
    }
    if events && call.given.on("show-events") {
        page.events(&events_of(call, object).await);
    }
    page.finish()
}

/// The events that are about an object.
async fn events_of(call: &Call<'_>, object: &Value) -> Vec<Value> {
    let namespace = text(object, "/metadata/namespace");
    let about = |key: &str, pointer: &str| {
        let value = text(object, pointer);
        if value.is_empty() { String::new() } else { format!("involvedObject.{key}={value}") }
    };
    let terms = [
        about("name", "/metadata/name"),
        about("namespace", "/metadata/namespace"),
        about("kind", "/kind"),
        // A node says of itself that its uid is its name.
        if text(object, "/kind") == "Node" { String::new() } else { about("uid", "/metadata/uid") },
    ];
    let selector = terms.into_iter().filter(|term| !term.is_empty()).collect::<Vec<_>>().join(",");
    let path = if namespace.is_empty() {
        "/api/v1/events".to_owned()
    } else {
        format!("/api/v1/namespaces/{}/events", crate::api::encoded(namespace))
    };
    let found = call.get(&path, &[("fieldSelector", &selector), ("limit", "500")], "application/json").await;
    // That they cannot be had is no reason to say nothing of the object.
    found.map(|list| crate::go::items(&list, "/items").to_vec()).unwrap_or_default()
}
