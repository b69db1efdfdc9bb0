//! Docker hosts of the live cluster: which there are, one more, one less.

use crate::client::{causes, use_session};
use crate::state::use_settings;
use crate::text::Text;
use kubarium_core::apiserver::{Method, Request};
use serde_json::{Value, json};
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlInputElement;
use yew::prelude::*;

const PATH: &str = "/apis/kubarium.io/v1/dockerhosts";

/// A host: name, endpoint, and whether it comes from the server's settings and so cannot be removed here.
type Host = (String, String, bool);

fn hosts_of(body: &str) -> Vec<Host> {
    let list: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let host = |h: &Value| {
        (text(&h["metadata"]["name"]), text(&h["spec"]["endpoint"]), h["spec"]["configured"] == Value::Bool(true))
    };
    list["items"].as_array().into_iter().flatten().map(host).collect()
}

#[component]
pub(super) fn Hosts() -> Html {
    let settings = use_settings();
    let t = |text| settings.language.text(text);
    let session = use_session();
    let hosts = use_state(Vec::<Host>::new);
    let error = use_state(String::new);
    let (name, endpoint) = (use_node_ref(), use_node_ref());
    let ask = {
        let (session, hosts, error) = (session.clone(), hosts.clone(), error.clone());
        use_callback((), move |request: Option<Request>, ()| {
            let (session, hosts, error) = (session.clone(), hosts.clone(), error.clone());
            spawn_local(async move {
                let mut said = String::new();
                for request in request.into_iter().chain([Request::get(PATH)]) {
                    let list = request.method == Method::Get;
                    match session.client.request(request).await {
                        Ok(response) if response.status >= 400 => {
                            said = causes(&response)
                                .into_iter()
                                .map(|(_, message)| message)
                                .collect::<Vec<_>>()
                                .join("; ");
                        }
                        Ok(response) if list => hosts.set(hosts_of(&response.body)),
                        Ok(_) => {}
                        Err(failed) => said = failed.0,
                    }
                }
                error.set(said);
            });
        })
    };
    use_effect_with((), {
        let ask = ask.clone();
        move |()| ask.emit(None)
    });
    let add = {
        let (name, endpoint, ask) = (name.clone(), endpoint.clone(), ask.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let value = |node: &NodeRef| node.cast::<HtmlInputElement>().map(|i| i.value()).unwrap_or_default();
            let body = json!({
                "apiVersion": "kubarium.io/v1", "kind": "DockerHost",
                "metadata": { "name": value(&name) }, "spec": { "endpoint": value(&endpoint) },
            });
            ask.emit(Some(Request::new(Method::Post, PATH).with_json(&body)));
        })
    };
    let listed = hosts.iter().map(|(host, endpoint, fixed)| {
        let remove = {
            let (ask, host) = (ask.clone(), host.clone());
            Callback::from(move |_: MouseEvent| {
                ask.emit(Some(Request::new(Method::Delete, format!("{PATH}/{host}"))));
            })
        };
        html! {
            <li key={host.clone()}>
                <strong>{ host }</strong>{ " " }<code>{ endpoint }</code>
                if !fixed {
                    <button class="quiet" onclick={remove}>{ t(Text::Remove) }</button>
                }
            </li>
        }
    });
    html! {
        <details class="hosts" data-testid="hosts">
            <summary>{ t(Text::DockerHosts) }</summary>
            <ul>{ for listed }</ul>
            <form onsubmit={add}>
                <label class="filter"><span>{ t(Text::Name) }</span><input ref={name} required={true} placeholder="host-b" /></label>
                <label class="filter">
                    <span>{ t(Text::Endpoint) }</span>
                    <input ref={endpoint} required={true} placeholder="tcp://10.0.0.2:2375" size="28" />
                </label>
                <button class="primary">{ t(Text::AddHost) }</button>
            </form>
            if !error.is_empty() {
                <p class="field-error" role="alert">{ (*error).clone() }</p>
            }
        </details>
    }
}
