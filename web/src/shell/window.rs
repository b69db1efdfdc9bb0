//! What the page offers to scripts, as `window.kubarium`: for tests and for whoever looks at a simulation from the
//! browser's console. Each function returns a promise of text.

use crate::client::{ClientError, Pending, Session};
use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;
use yew::prelude::*;

fn promise(answer: Option<Pending<String>>) -> Promise {
    future_to_promise(async move {
        match answer {
            Some(answer) => match answer.await {
                Ok(text) => Ok(JsValue::from_str(&text)),
                Err(ClientError(message)) => Err(JsError::new(&message).into()),
            },
            None => Err(JsError::new("only a simulation can do this").into()),
        }
    })
}

/// Offers the functions as long as this session lasts.
#[hook]
pub(super) fn use_window(session: &Session) {
    use_effect_with(session.clone(), |session| {
        let soak = {
            let session = session.clone();
            Closure::<dyn FnMut(f64, f64) -> Promise>::new(move |seed: f64, inputs: f64| {
                promise(session.client.simulation().map(|s| s.soak(seed, inputs)))
            })
        };
        let recording = {
            let session = session.clone();
            Closure::<dyn FnMut() -> Promise>::new(move || promise(session.client.simulation().map(|s| s.recording())))
        };
        let load = {
            let session = session.clone();
            Closure::<dyn FnMut(String) -> Promise>::new(move |yaml: String| {
                promise(session.client.simulation().map(|s| {
                    let loaded = s.load(yaml);
                    Box::pin(async move { loaded.await.map(|()| String::new()) }) as Pending<String>
                }))
            })
        };
        let offered = Object::new();
        for (name, function) in [("soak", soak.as_ref()), ("recording", recording.as_ref()), ("load", load.as_ref())] {
            // A fresh object takes every property.
            let _ = Reflect::set(&offered, &JsValue::from_str(name), function);
        }
        let global = js_sys::global();
        // The window takes a property of a name of ours.
        let _ = Reflect::set(&global, &JsValue::from_str("kubarium"), &offered);
        move || drop((soak, recording, load))
    });
}
