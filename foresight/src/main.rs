//! A thread of the page that answers what would be if.
//!
//! It says `true` once it listens, or `false` where it could not be loaded (`assets/foresight.js`). The page then sends a
//! question: a list of two texts, the recording of its simulation and the request, both as JSON;
//! `web/src/client/foresight.rs` is that end. It is told numbers, how many percent of the recording are played again, and
//! at last a text: the response as JSON. Two numbers instead, seed and number of inputs, ask for the state hash after the
//! random test: the page itself has no room for it. Who does not want to wait ends the thread.

use js_sys::Array;
use kubarium_core::apiserver::{Request, Response};
use kubarium_core::recording::Recording;
use kubarium_core::sim::soak;
use kubarium_foresight::Replica;
use std::cell::RefCell;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

#[cfg(target_family = "wasm")]
#[global_allocator]
static HEAP: kubarium_heap::Heap = kubarium_heap::Heap::new();

fn main() {
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else { return };
    let replica = RefCell::new(Replica::default());
    let say = {
        let scope = scope.clone();
        // Truths, numbers and texts can always be cloned to the page.
        move |what: JsValue| drop(scope.post_message(&what))
    };
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new({
        let say = say.clone();
        move |event: MessageEvent| {
            let question = Array::from(&event.data());
            if let (Some(seed), Some(inputs)) = (question.get(0).as_f64(), question.get(1).as_f64()) {
                return say(format!("{:016x}", soak(seed as u64, inputs as u32)).into());
            }
            let text = |at: u32| question.get(at).as_string().unwrap_or_default();
            match answer(&mut replica.borrow_mut(), &text(0), &text(1), |percent| say(percent.into())) {
                Ok(response) => say(serde_json::to_value(response).unwrap_or_default().to_string().into()),
                // The page hears of it as of any other error of a thread.
                Err(why) => wasm_bindgen::throw_str(&why),
            }
        }
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // It listens as long as the thread lives.
    on_message.forget();
    say(true.into());
}

fn answer(replica: &mut Replica, recording: &str, request: &str, report: impl FnMut(u32)) -> Result<Response, String> {
    let recording = serde_json::from_str(recording).map_err(|e| e.to_string())?;
    let recording = Recording::from_value(&recording).map_err(|e| format!("{}: {}", e.field, e.message))?;
    let request: Request = serde_json::from_str(request).map_err(|e| e.to_string())?;
    replica.follow(&recording, report);
    Ok(replica.ask(request))
}
