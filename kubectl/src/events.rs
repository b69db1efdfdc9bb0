//! `events`: what happened, in order.

use crate::call::Call;
use crate::commands::{ALL_NAMESPACES, CHUNK, OUTPUT};
use crate::describe::{event_age, micros};
use crate::failure::Failure;
use crate::flags::{Flag, list, switch, text};
use crate::go::{items, text as text_at};
use crate::output::{self, Form};
use crate::tabs;
use serde_json::Value;

pub(crate) const FLAGS: &[Flag] = &[
    ALL_NAMESPACES,
    OUTPUT,
    CHUNK,
    text("for", ' ', "only those about this object, as TYPE/NAME"),
    list("types", ' ', "Normal or Warning"),
    switch("no-headers", ' ', "no line of column names"),
    switch("watch", 'w', "go on with every new one"),
];

/// How often one looks for new events.
const LOOK_MS: u32 = 500;

pub(crate) async fn run(call: &Call<'_>) -> Result<(), Failure> {
    let path = if call.everywhere() {
        "/api/v1/events".to_owned()
    } else {
        format!("/api/v1/namespaces/{}/events", crate::api::encoded(&call.namespace()))
    };
    let types: Vec<&str> = call.given.list("types").iter().flat_map(|types| types.split(',')).collect();
    for word in &types {
        if !["normal", "warning"].contains(&word.to_lowercase().as_str()) {
            return Err(Failure::error("valid --types are Normal or Warning"));
        }
    }
    let mut selector = String::new();
    let about = call.given.text("for");
    if !about.is_empty() {
        let resources = call.session.resources(call).await?;
        let Some((kind, name)) = about.split_once('/') else {
            return Err(Failure::error("--for must be in resource/name form"));
        };
        let resource = resources.expect(kind)?;
        selector = format!("involvedObject.kind={},involvedObject.name={name}", resource.kind);
    }
    let form = match call.given.text("output") {
        "" => None,
        given => Some(Form::parse(given, false)?),
    };
    let mut seen: Vec<(String, String)> = Vec::new();
    let mut widths = None;
    loop {
        let list = call.get(&path, &[("fieldSelector", &selector)], "application/json").await?;
        let mut events: Vec<&Value> = items(&list, "/items")
            .iter()
            .filter(|event| types.is_empty() || types.iter().any(|t| t.eq_ignore_ascii_case(text_at(event, "/type"))))
            .collect();
        events.sort_by_key(|event| micros(text_at(event, "/lastTimestamp")).or(micros(text_at(event, "/eventTime"))));
        let id = |event: &Value| {
            (text_at(event, "/metadata/uid").to_owned(), text_at(event, "/metadata/resourceVersion").to_owned())
        };
        let watching = call.given.on("watch");
        let known: Vec<(String, String)> = events.iter().map(|event| id(event)).collect();
        events.retain(|event| !seen.contains(&id(event)));
        if let Some(form) = &form {
            let all = events.iter().map(|event| {
                let mut event = output::without_owners((*event).clone());
                event["kind"] = "Event".into();
                event["apiVersion"] = "v1".into();
                event
            });
            call.out(&form.print(&output::list(&all.collect::<Vec<_>>()), &|_| "event".to_owned())?);
        } else if events.is_empty() && !watching {
            let place =
                if call.everywhere() { "any namespace".to_owned() } else { format!("{} namespace", call.namespace()) };
            call.note(&format!("No events found in {place}."));
        } else if !events.is_empty() {
            call.out(&table(call, &events, &mut widths));
        }
        if !watching {
            return Ok(());
        }
        seen = known;
        call.host.sleep(LOOK_MS).await;
    }
}

fn table(call: &Call<'_>, events: &[&Value], widths: &mut Option<Vec<usize>>) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    if widths.is_none() && !call.given.on("no-headers") {
        let mut head: Vec<String> = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"].map(str::to_owned).into();
        if call.everywhere() {
            head.insert(0, "NAMESPACE".to_owned());
        }
        rows.push(head);
    }
    for event in events {
        let mut row = vec![
            event_age(event, call.host.now()),
            text_at(event, "/type").to_owned(),
            text_at(event, "/reason").to_owned(),
            format!("{}/{}", text_at(event, "/involvedObject/kind"), text_at(event, "/involvedObject/name")),
            text_at(event, "/message").trim().to_owned(),
        ];
        if call.everywhere() {
            row.insert(0, text_at(event, "/metadata/namespace").to_owned());
        }
        rows.push(row);
    }
    tabs::columns(&rows, widths)
}
