//! What a container of a live pod wrote lately. A simulated one writes nothing.
//!
//! Asked for again and again while it is in sight, rather than followed: so it also comes through a server's restart.

use crate::client::{ClientError, message_of, object, use_session};
use crate::state::{Selection, use_settings};
use crate::text::Text;
use gloo_timers::callback::Interval;
use kubarium_core::apiserver::Request;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

/// How often it is asked for, in milliseconds, and how many lines.
const ASK_MS: u32 = 2_000;
const LINES: u32 = 500;

#[derive(PartialEq, Properties)]
pub(super) struct LogsProps {
    pub(super) selection: Selection,
    /// The names of the pod's containers.
    pub(super) containers: Vec<String>,
}

#[component]
pub(super) fn Logs(props: &LogsProps) -> Html {
    let language = use_settings().language;
    let session = use_session();
    let chosen = use_state_eq(|| None::<String>);
    let text = use_state_eq(|| None::<Result<String, String>>);
    let container = (*chosen).clone().or_else(|| props.containers.first().cloned()).unwrap_or_default();
    use_effect_with((props.selection.clone(), container.clone()), {
        let text = text.setter();
        move |(selection, container)| {
            text.set(None);
            let path = object("Pod", &selection.namespace, &selection.name).unwrap_or_default();
            let mut request = Request::get(format!("{path}/log"));
            request.query = format!("container={container}&tailLines={LINES}");
            let ask = move || {
                let (session, request, text) = (session.clone(), request.clone(), text.clone());
                spawn_local(async move {
                    text.set(Some(match session.client.request(request).await {
                        Ok(response) if response.status < 400 => Ok(response.body),
                        Ok(response) => Err(message_of(&response)),
                        // What was read stays while the server is silent.
                        Err(ClientError(_)) => return,
                    }));
                });
            };
            ask();
            let interval = Interval::new(ASK_MS, ask);
            move || drop(interval)
        }
    });
    let choose = {
        let chosen = chosen.clone();
        Callback::from(move |event: Event| {
            if let Some(select) = event.target().and_then(|t| t.dyn_into::<HtmlSelectElement>().ok()) {
                chosen.set(Some(select.value()));
            }
        })
    };
    html! {
        <>
            if props.containers.len() > 1 {
                <label class="filter">
                    <span>{ language.text(Text::Container) }</span>
                    <select onchange={choose}>
                        { for props.containers.iter().map(|name| html! {
                            <option value={name.clone()} selected={*name == container}>{ name }</option>
                        }) }
                    </select>
                </label>
            }
            { match &*text {
                None => html! {},
                Some(Err(why)) => html! { <p class="quiet-text">{ why }</p> },
                Some(Ok(text)) if text.is_empty() => html! { <p class="empty">{ language.text(Text::NoLogs) }</p> },
                Some(Ok(text)) => html! {
                    <div class="log" tabindex="0" role="log" aria-label={language.text(Text::Logs)} data-testid="logs">
                        <pre>{ text }</pre>
                    </div>
                },
            } }
        </>
    }
}
