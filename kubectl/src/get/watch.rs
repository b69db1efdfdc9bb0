//! `get --watch`: every change, as it comes.
//!
//! The API is asked for changes again and again, each time for those since the last one, for a moment: so nothing has to
//! carry a stream from the cluster to here.

use super::look;
use crate::api::TABLE;
use crate::call::Call;
use crate::failure::Failure;
use crate::go::{items, text};
use crate::output::{self, Form};
use crate::table::Table;
use crate::target::Targets;
use serde_json::Value;

/// How long the API may hold back an answer in which nothing happens, in seconds.
const HOLD_SECONDS: &str = "1";

/// How long one rests between two questions.
const REST_MS: u32 = 200;

pub(super) async fn run(call: &Call<'_>, targets: &Targets, form: &Form) -> Result<(), Failure> {
    let [target] = targets.list.as_slice() else {
        return Err(Failure::error("you may only specify a single resource type"));
    };
    let wide = match form {
        Form::Table { wide } => Some(*wide),
        _ => None,
    };
    let accept = if wide.is_some() { TABLE } else { "application/json" };
    let look = look(call, target, wide.unwrap_or_default(), false);
    let mut widths = None;
    let fields = match (&target.name, call.given.text("field-selector")) {
        (Some(name), "") => format!("metadata.name={name}"),
        (_, given) => given.to_owned(),
    };
    let selectors = [("labelSelector", call.given.text("selector")), ("fieldSelector", fields.as_str())];
    let mut show = |kind: &str, document: &Value| -> Result<(), Failure> {
        if wide.is_some() {
            let mut table = Table::default();
            table.add(document, &look, kind);
            if !table.is_empty() {
                call.out(&table.print(&look, &mut widths));
            }
            return Ok(());
        }
        let object = if call.given.on("show-managed-fields") {
            document.clone()
        } else {
            output::without_owners(document.clone())
        };
        let separator = if matches!(form, Form::Yaml) { "---\n" } else { "" };
        call.out(&format!("{separator}{}", form.print(&object, &|_| target.resource.word())?));
        Ok(())
    };
    let collection = target.resource.collection(&target.namespace);
    let list = if target.name.is_some() {
        // That there is no such object is to be said at once.
        call.get(&target.path(), &[], accept).await?;
        call.get(&collection, &selectors, accept).await?
    } else {
        call.get(&collection, &selectors, accept).await?
    };
    let mut revision = text(&list, "/metadata/resourceVersion").to_owned();
    if !call.given.on("watch-only") {
        if wide.is_some() {
            show("ADDED", &list)?;
        } else {
            for object in super::listed(target, list) {
                show("ADDED", &object)?;
            }
        }
    }
    let limit = crate::go::limit(call.given.text("request-timeout"));
    let begun = call.host.now();
    while limit.is_none_or(|limit| call.host.now().since(begun) < limit) {
        let mut request = kubarium_core::apiserver::Request::get(&collection);
        let pairs = [
            selectors[0],
            selectors[1],
            ("watch", "true"),
            ("timeoutSeconds", HOLD_SECONDS),
            ("resourceVersion", revision.as_str()),
        ];
        request.query = crate::api::query(&pairs);
        accept.clone_into(&mut request.accept);
        let body = call.send(request).await?.body;
        for line in body.lines().filter(|line| !line.trim().is_empty()) {
            let event: Value = serde_json::from_str(line).map_err(|error| Failure::error(error.to_string()))?;
            let (kind, object) = (text(&event, "/type"), &event["object"]);
            if kind == "ERROR" {
                return Err(Failure::Status(object.clone()));
            }
            let seen = items(object, "/rows").first().map_or(object, |row| &row["object"]);
            for place in [seen, object] {
                let version = text(place, "/metadata/resourceVersion");
                if !version.is_empty() {
                    version.clone_into(&mut revision);
                    break;
                }
            }
            if kind != "BOOKMARK" {
                show(kind, object)?;
            }
        }
        call.host.sleep(REST_MS).await;
    }
    Ok(())
}
