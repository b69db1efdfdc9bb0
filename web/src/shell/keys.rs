//! Keys: one table says what each does; tooltips and the overlay read from it.

use super::time_bar::SPEEDS;
use crate::client::{Client, Session, use_session};
use crate::state::{Address, Field, Navigator, Page, use_address, use_navigator, use_settings};
use crate::text::{Language, Text};
use gloo_events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};
use yew::prelude::*;

/// A key and what it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// As it is shown.
    pub(crate) keys: &'static str,
    /// What it does.
    pub(crate) what: Text,
}

impl Key {
    /// Whether it does something with the cluster that is shown.
    pub(crate) fn works_with(self, client: &dyn Client) -> bool {
        match self.what {
            Text::KeyPlay | Text::Step | Text::KeySpeed | Text::KeyFail => client.control().is_some(),
            Text::Scenarios => client.simulation().is_some(),
            _ => true,
        }
    }
}

/// All keys, in the order of the overlay.
pub(crate) const KEYS: &[Key] = &[
    Key { keys: "?", what: Text::Shortcuts },
    Key { keys: "1 – 7", what: Text::NavigationLabel },
    Key { keys: "/", what: Text::Search },
    Key { keys: "s", what: Text::Scenarios },
    Key { keys: "k", what: Text::Console },
    Key { keys: "Space", what: Text::KeyPlay },
    Key { keys: ".", what: Text::Step },
    Key { keys: "[  ]", what: Text::KeySpeed },
    Key { keys: "← → ↑ ↓", what: Text::KeyMove },
    Key { keys: "Enter", what: Text::OpenInInspector },
    Key { keys: "Esc", what: Text::KeyEscape },
    Key { keys: "f", what: Text::KeyFail },
    Key { keys: "c", what: Text::KeyCordon },
    Key { keys: "Delete", what: Text::DeletePod },
    Key { keys: "+  −  0", what: Text::KeyZoom },
    Key { keys: "Ctrl Z", what: Text::Undo },
    Key { keys: "Ctrl Shift Z", what: Text::Redo },
];

/// Whether the person is typing, so that letters are letters.
fn is_typing(event: &KeyboardEvent) -> bool {
    event.target().and_then(|t| t.dyn_into::<HtmlElement>().ok()).is_some_and(|element| {
        matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT") || element.is_content_editable()
    })
}

fn focus_search() {
    let search = web_sys::window().and_then(|w| w.document()).and_then(|d| d.get_element_by_id("search"));
    if let Some(search) = search.and_then(|s| s.dyn_into::<HtmlElement>().ok()) {
        // An input takes the focus.
        let _ = search.focus();
    }
}

/// Listens to keys that work everywhere.
#[hook]
pub(super) fn use_keys() {
    let (address, navigator, session) = (use_address(), use_navigator(), use_session());
    let language = use_settings().language;
    use_effect_with((address, session, language), move |(address, session, language)| {
        let (address, session, language) = (address.clone(), session.clone(), *language);
        let listener = web_sys::window().map(|window| {
            EventListener::new_with_options(
                &window,
                "keydown",
                EventListenerOptions::enable_prevent_default(),
                move |event| {
                    if let Some(event) = event.dyn_ref::<KeyboardEvent>()
                        && !event.default_prevented()
                        && act(event, &address, &navigator, &session, language)
                    {
                        event.prevent_default();
                    }
                },
            )
        });
        move || drop(listener)
    });
}

/// Does what the key says. Returns whether it says anything.
fn act(event: &KeyboardEvent, address: &Address, navigator: &Navigator, session: &Session, language: Language) -> bool {
    let key = event.key();
    let typing = is_typing(event);
    if (event.ctrl_key() || event.meta_key()) && !event.alt_key() {
        if typing {
            return false;
        }
        match (key.as_str(), event.shift_key()) {
            ("z", false) => session.undo(),
            ("z" | "Z", true) | ("y", false) => session.redo(),
            _ => return false,
        }
        return true;
    }
    if event.alt_key() {
        return false;
    }
    if key == "Escape" {
        if typing {
            return false;
        }
        let next = if address.get(Field::Dialog).is_empty() {
            address.clone().selecting(None)
        } else {
            address.clone().with(Field::Dialog, "")
        };
        if next == *address {
            return false;
        }
        navigator.go(next);
        return true;
    }
    if typing {
        return false;
    }
    let simulation = session.client.control();
    let clock = session.feed.clock();
    match key.as_str() {
        "?" => navigator.go(address.clone().with(Field::Dialog, "keys")),
        "/" => focus_search(),
        "k" => navigator.go(address.clone().with(Field::Console, "open")),
        "s" => {
            if session.client.simulation().is_none() {
                return false;
            }
            navigator.go(address.clone().with(Field::Dialog, "scenarios"));
        }
        " " if !is_button(event) => {
            let Some(simulation) = simulation else { return false };
            simulation.play(!clock.playing);
        }
        "." => {
            let Some(simulation) = simulation else { return false };
            simulation.step();
        }
        "[" | "]" => {
            let Some(simulation) = simulation else { return false };
            let next = if key == "]" {
                SPEEDS.into_iter().find(|s| *s > clock.speed)
            } else {
                SPEEDS.into_iter().rev().find(|s| *s < clock.speed)
            };
            if let Some(speed) = next {
                simulation.speed(speed);
            }
        }
        "f" | "c" | "Delete" => return act_on_selection(&key, address, session, language),
        digit => {
            let page = digit.parse::<usize>().ok().and_then(|n| Page::ALL.get(n.checked_sub(1)?));
            let Some(page) = page else { return false };
            navigator.go(address.on(*page));
        }
    }
    true
}

/// Fails or cordons the selected node (or that of the selected pod), or deletes the selected pod.
fn act_on_selection(key: &str, address: &Address, session: &Session, language: Language) -> bool {
    let Some(selection) = &address.selection else { return false };
    let node = match selection.kind.as_str() {
        "Node" => selection.name.clone(),
        "Pod" => {
            let rows = session.feed.rows();
            let pod = rows.pod_slot(&selection.namespace, &selection.name).and_then(|slot| rows.pod(slot));
            pod.map(|p| p.node.to_string()).unwrap_or_default()
        }
        _ => String::new(),
    };
    match key {
        "Delete" if selection.kind == "Pod" => session.delete_pod(language, &selection.namespace, &selection.name),
        "f" if !node.is_empty() && session.client.control().is_some() => session.toggle_failure(language, &node),
        "c" if selection.kind == "Node" => {
            let cordoned = session.feed.rows().node(&node).is_some_and(|n| n.cordoned);
            session.cordon(language, &node, !cordoned);
        }
        _ => return false,
    }
    true
}

/// Whether the focus is on something that the space bar presses.
fn is_button(event: &KeyboardEvent) -> bool {
    event
        .target()
        .and_then(|t| t.dyn_into::<HtmlElement>().ok())
        .is_some_and(|e| matches!(e.tag_name().as_str(), "BUTTON" | "A" | "SUMMARY"))
}
