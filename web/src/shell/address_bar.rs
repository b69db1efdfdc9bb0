//! Keeps the address of the app and that of the browser the same.

use crate::state::{Address, Field, Navigator};
use gloo_events::EventListener;
use wasm_bindgen::JsValue;
use yew::prelude::*;

fn present() -> Address {
    let fragment = web_sys::window().and_then(|w| w.location().hash().ok()).unwrap_or_default();
    Address::parse(&fragment)
}

fn show(address: &Address, as_new: bool) {
    let Some(history) = web_sys::window().and_then(|w| w.history().ok()) else { return };
    let url = address.fragment();
    // A browser limits how often the address may change; the page itself has moved on already.
    let _ = if as_new {
        history.push_state_with_url(&JsValue::NULL, "", Some(&url))
    } else {
        history.replace_state_with_url(&JsValue::NULL, "", Some(&url))
    };
}

/// The present address and the way to others.
#[hook]
pub(super) fn use_address_bar() -> (Address, Navigator) {
    let address = use_state_eq(present);
    use_effect_with((), {
        let address = address.clone();
        move |()| {
            let listeners = web_sys::window().map(|window| {
                ["popstate", "hashchange"].map(|event| {
                    let address = address.clone();
                    EventListener::new(&window, event, move |_| address.set(present()))
                })
            });
            move || drop(listeners)
        }
    });
    let setter = {
        let address = address.clone();
        use_callback((), move |(next, as_new): (Address, bool), ()| {
            if next != present() {
                show(&next, as_new);
            }
            address.set(next);
        })
    };
    let keeper = {
        let setter = setter.clone();
        use_callback((), move |(field, value): (Field, String), ()| setter.emit((present().with(field, value), false)))
    };
    ((*address).clone(), Navigator::new(setter, keeper))
}
