//! What is selected: one sentence that says how it is, then all there is to know, and what can be done to it.

mod actions;
mod logs;
mod sentence;
mod why;

use super::ask::{About, Ask};
use crate::client::{Notice, causes, object, use_session};
use crate::components::{Icon, IconName, span_text};
use crate::state::{Field, Selection, Undo, World, use_address, use_feed, use_navigator, use_settings};
use crate::text::Text;
use actions::Actions;
use kubarium_core::Time;
use kubarium_core::api::EventKind;
use kubarium_core::apiserver::{Method, Request};
use kubarium_core::manifest;
use logs::Logs;
use sentence::sentence;
use serde_json::Value;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlTextAreaElement;
use why::Why;
use yew::prelude::*;

/// The tabs, by their words in the address.
const TABS: [(&str, Text); 3] = [("", Text::Overview), ("events", Text::Events), ("yaml", Text::Yaml)];

#[component]
pub(crate) fn Inspector() -> Html {
    let settings = use_settings();
    let t = |text| settings.language.text(text);
    let address = use_address();
    let navigator = use_navigator();
    let session = use_session();
    let feed = use_feed(500);
    let object_state = use_state(|| None::<Result<Value, String>>);
    let selection = address.selection.clone();
    // Asked for again when the cluster has changed, a few times per second at most.
    use_effect_with((selection.clone(), feed.version()), {
        let (object_state, session) = (object_state.clone(), session.clone());
        move |(selection, _)| {
            if let Some(path) = selection.as_ref().and_then(|s| object(&s.kind, &s.namespace, &s.name)) {
                spawn_local(async move {
                    object_state.set(Some(match session.client.request(Request::get(path)).await {
                        Ok(response) if response.status < 400 => {
                            serde_json::from_str(&response.body).map_err(|e| e.to_string())
                        }
                        Ok(response) => Err(causes(&response)
                            .into_iter()
                            .map(|(_, message)| message)
                            .collect::<Vec<_>>()
                            .join("; ")),
                        // What was seen last stays while the server is silent, and so does what is being typed.
                        Err(_) if matches!(&*object_state, Some(Ok(_))) => return,
                        Err(error) => Err(error.0),
                    }));
                });
            }
        }
    });
    let Some(selection) = selection else { return html! {} };
    let label = t(Text::Close);
    let close = {
        let (navigator, address) = (navigator.clone(), address.clone());
        Callback::from(move |_: MouseEvent| navigator.go(address.clone().selecting(None).with(Field::Tab, "")))
    };
    // The answer of an earlier selection is none for this one.
    let fetched = match &*object_state {
        Some(Ok(value)) if value["metadata"]["name"] == selection.name.as_str() => Some(value.clone()),
        _ => None,
    };
    let failed = match &*object_state {
        Some(Err(message)) if fetched.is_none() => Some(message.clone()),
        _ => None,
    };
    let tab = address.get(Field::Tab).to_owned();
    let logs = (selection.kind == "Pod" && session.world == World::Live).then_some(("logs", Text::Logs));
    let tabs = TABS.into_iter().chain(logs).map(|(word, text)| {
        let to = address.clone().with(Field::Tab, word);
        let current = (word == tab).then_some("page");
        html! { <a href={to.fragment()} aria-current={current}>{ t(text) }</a> }
    });
    let said = sentence(&selection, &feed, settings.language);
    html! {
        <>
            <div class="inspector-head">
                <h2><span class="quiet-text">{ &selection.kind }</span>{ " " }{ &selection.name }</h2>
                <button class="quiet icon-only" onclick={close} aria-label={label} title={format!("{label} (Esc)")}>
                    <Icon name={IconName::Close} />
                </button>
            </div>
            <div class="inspector-body">
                <p class="sentence" data-testid="sentence">{ said }</p>
                <Actions selection={selection.clone()} />
                <nav class="tabs" aria-label={t(Text::Details)}>{ for tabs }</nav>
                if let Some(failed) = failed {
                    <p class="field-error" role="alert">{ failed }</p>
                } else if tab == "events" {
                    <EventsOf {selection} />
                } else if let Some(object) = fetched {
                    if tab == "yaml" {
                        <Yaml key={format!("{selection:?}")} selection={selection.clone()} {object} />
                    } else if tab == "logs" && logs.is_some() {
                        <Logs key={format!("{selection:?}")} selection={selection.clone()} containers={containers_of(&object)} />
                    } else {
                        if selection.kind == "Pod" {
                            <Why key={format!("{}/{}", selection.namespace, selection.name)} selection={selection.clone()} />
                        }
                        if selection.kind == "ReplicationController" {
                            <Ask key={selection.name.clone()} about={About::Fit} path={format!(
                                "namespaces/{}/replicationcontrollers/{}/fit", selection.namespace, selection.name
                            )} />
                        }
                        { overview(&object, feed.clock().now, settings.language) }
                    }
                }
            </div>
        </>
    }
}

fn containers_of(pod: &Value) -> Vec<String> {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    containers.map(|c| word(c, "name").to_owned()).collect()
}

/// The text of a field, or nothing.
pub(super) fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The instant that a text of the API names.
pub(super) fn time_of(text: &str) -> Option<Time> {
    if text.is_empty() {
        return None;
    }
    let micros = js_sys::Date::parse(text) * 1_000.0;
    micros.is_finite().then_some(Time(micros as i64))
}

/// What the object says of itself: conditions, containers, labels.
fn overview(object: &Value, now: Time, language: crate::text::Language) -> Html {
    let t = |text| language.text(text);
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten().map(|c| {
        let age = time_of(word(c, "lastTransitionTime")).map(|since| span_text(now.since(since)));
        html! {
            <li>
                <strong>{ word(c, "type") }</strong>{ ": " }{ word(c, "status") }
                <span class="quiet-text">{ " " }{ word(c, "reason") }{ " " }{ age }</span>
                <div class="quiet-text">{ word(c, "message") }</div>
            </li>
        }
    });
    let containers = object["status"]["containerStatuses"].as_array().into_iter().flatten().map(|c| {
        let state = c["state"].as_object().and_then(|s| s.iter().next());
        let (name, detail) = state.map_or(("", &Value::Null), |(k, v)| (k.as_str(), v));
        html! {
            <li>
                <strong>{ word(c, "name") }</strong>{ ": " }{ name }{ " " }{ word(detail, "reason") }
                <div class="quiet-text">{ word(c, "image") }</div>
                if let Some(message) = detail["message"].as_str() { <div class="quiet-text">{ message }</div> }
                if c["restartCount"].as_u64().is_some_and(|n| n > 0) {
                    <div>{ language.fill(Text::RestartedTimes, &[&c["restartCount"].to_string()]) }</div>
                }
            </li>
        }
    });
    let pairs = |map: &Value| {
        let pairs: Vec<_> = map
            .as_object()
            .into_iter()
            .flatten()
            .map(|(k, v)| html! { <code class="pair">{ format!("{k}={}", v.as_str().unwrap_or_default()) }</code> })
            .collect();
        html! { <>{ for pairs }</> }
    };
    let has = |value: &Value| {
        value.as_array().is_some_and(|a| !a.is_empty()) || value.as_object().is_some_and(|o| !o.is_empty())
    };
    html! {
        <>
            if has(&object["status"]["conditions"]) {
                <h3>{ t(Text::Conditions) }</h3><ul class="facts" data-testid="conditions">{ for conditions }</ul>
            }
            if has(&object["status"]["containerStatuses"]) {
                <h3>{ t(Text::Containers) }</h3><ul class="facts">{ for containers }</ul>
            }
            if has(&object["metadata"]["labels"]) {
                <h3>{ t(Text::Labels) }</h3><p>{ pairs(&object["metadata"]["labels"]) }</p>
            }
            if has(&object["spec"]["selector"]) {
                <h3>{ t(Text::Selector) }</h3><p>{ pairs(&object["spec"]["selector"]) }</p>
            }
            if has(&object["metadata"]["annotations"]) {
                <h3>{ t(Text::Annotations) }</h3><p>{ pairs(&object["metadata"]["annotations"]) }</p>
            }
        </>
    }
}

#[derive(PartialEq, Properties)]
struct SelectionProps {
    selection: Selection,
}

/// What happened to the object, the latest first.
#[component]
fn EventsOf(props: &SelectionProps) -> Html {
    let settings = use_settings();
    let feed = use_feed(500);
    let now = feed.clock().now;
    let rows = feed.rows();
    let selection = &props.selection;
    let mut events: Vec<_> = rows
        .events()
        .values()
        .filter(|e| {
            e.about == selection.kind && e.object.1 == selection.name && e.object.0 == selection.namespace
        })
        .map(|e| {
            let loud = (e.kind == EventKind::Warning).then_some("is-loud");
            let times = if e.count > 1 { format!(" ×{}", e.count) } else { String::new() };
            html! {
                <li>
                    <strong class={classes!(loud)}>{ e.reason.as_str() }{ times }</strong>
                    <span class="quiet-text">{ " " }{ span_text(now.since(e.last)) }{ " · " }{ e.component.as_str() }</span>
                    <div>{ &*e.message }</div>
                </li>
            }
        })
        .collect();
    events.reverse();
    html! {
        if events.is_empty() {
            <p class="empty">{ settings.language.text(Text::NoEvents) }</p>
        } else {
            <ul class="facts" data-testid="object-events">{ for events }</ul>
        }
    }
}

#[derive(PartialEq, Properties)]
struct YamlProps {
    selection: Selection,
    object: Value,
}

/// The object as YAML, to be read and changed. What is typed stays while the cluster goes on.
#[component]
fn Yaml(props: &YamlProps) -> Html {
    let settings = use_settings();
    let t = |text| settings.language.text(text);
    let session = use_session();
    let draft = use_state(|| None::<String>);
    let errors = use_state(Vec::<String>::new);
    let text = (*draft).clone().unwrap_or_else(|| manifest::print(&without_noise(&props.object)));
    let on_input = {
        let draft = draft.clone();
        Callback::from(move |event: InputEvent| {
            if let Some(area) = event.target().and_then(|t| t.dyn_into::<HtmlTextAreaElement>().ok()) {
                draft.set(Some(area.value()));
            }
        })
    };
    let drop_draft = {
        let (draft, errors) = (draft.clone(), errors.clone());
        Callback::from(move |_: MouseEvent| {
            draft.set(None);
            errors.set(Vec::new());
        })
    };
    let apply = {
        let (text, draft, errors) = (text.clone(), draft.clone(), errors.clone());
        let (selection, before) = (props.selection.clone(), props.object.clone());
        let said = settings.language.fill(Text::Changed, &[&selection.kind, &selection.name]);
        Callback::from(move |_: MouseEvent| {
            let Some(path) = object(&selection.kind, &selection.namespace, &selection.name) else { return };
            let documents = match manifest::parse(&text) {
                Ok(documents) => documents,
                Err(error) => return errors.set(vec![error.to_string()]),
            };
            let [document] = documents.as_slice() else {
                return errors.set(vec!["exactly one document is needed".to_owned()]);
            };
            let mut back = before.clone();
            if let Some(metadata) = back["metadata"].as_object_mut() {
                // Taken back whatever came in between.
                metadata.remove("resourceVersion");
            }
            let again = Request::new(Method::Put, path.clone()).with_json(&document.value);
            let undo = Undo { what: said.clone(), back: Request::new(Method::Put, path).with_json(&back), again };
            let (session, draft, errors) = (session.clone(), draft.clone(), errors.clone());
            let (text, document) = (text.clone(), document.clone());
            spawn_local(async move {
                match session.client.request(undo.again.clone()).await {
                    Ok(response) if response.status < 400 => {
                        session.notify.emit(Notice { text: undo.what.clone(), is_error: false });
                        session.undo.push(undo);
                        draft.set(None);
                        errors.set(Vec::new());
                    }
                    Ok(response) => {
                        let line = |(field, message): (String, String)| {
                            manifest::error_at(&text, &document, &field, message).to_string()
                        };
                        errors.set(causes(&response).into_iter().map(line).collect());
                    }
                    Err(error) => errors.set(vec![error.0]),
                }
            });
        })
    };
    let changed = draft.is_some();
    html! {
        <div class="yaml-editor">
            <textarea class="yaml" rows="24" spellcheck="false" value={text} oninput={on_input}
                aria-label={t(Text::Yaml)} data-testid="yaml" />
            <ul class="errors" role="alert">{ for errors.iter().map(|e| html! { <li class="field-error">{ e }</li> }) }</ul>
            <div class="create-actions">
                <button disabled={!changed} onclick={drop_draft}>{ t(Text::DropChanges) }</button>
                <button class="primary" disabled={!changed} onclick={apply} data-testid="yaml-apply">{ t(Text::Apply) }</button>
            </div>
        </div>
    }
}

/// Without what only machines read.
fn without_noise(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    object
}
