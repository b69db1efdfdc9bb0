//! Docker hosts of the live cluster: how each is, one more, one less.

use crate::client::use_session;
use crate::state::{Selection, use_address, use_navigator, use_settings};
use crate::text::Text;
use gloo_timers::callback::Interval;
use kubarium_core::apiserver::{Method, Request};
use serde_json::{Value, json};
use wasm_bindgen_futures::spawn_local;
use web_sys::HtmlInputElement;
use yew::prelude::*;

const PATH: &str = "/apis/kubarium.io/v1/dockerhosts";

/// How often hosts are asked for while they are in sight, in milliseconds.
const ASK_MS: u32 = 2_000;

/// What an endpoint may be.
const KINDS: [(&str, Text); 3] = [
    ("unix:///var/run/docker.sock", Text::HostOwn),
    ("tcp://ADDRESS:2375", Text::HostPlain),
    ("tcp://ADDRESS:2376?ca=FILE&cert=FILE&key=FILE", Text::HostTls),
];

/// A host as the server tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Host {
    name: String,
    endpoint: String,
    /// Whether it comes from the server's settings and so cannot be removed here.
    fixed: bool,
    connected: bool,
    message: String,
}

fn hosts_of(body: &str) -> Vec<Host> {
    let list: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let host = |h: &Value| Host {
        name: text(&h["metadata"]["name"]),
        endpoint: text(&h["spec"]["endpoint"]),
        fixed: h["spec"]["configured"] == true,
        connected: h["status"]["connected"] == true,
        message: text(&h["status"]["message"]),
    };
    list["items"].as_array().into_iter().flatten().map(host).collect()
}

/// The hosts, and what else there is to do with them.
#[hook]
fn use_hosts() -> (UseStateHandle<Option<Vec<Host>>>, Callback<()>) {
    let session = use_session();
    let hosts = use_state_eq(|| None);
    let ask = {
        let (session, hosts) = (session.clone(), hosts.setter());
        Callback::from(move |()| {
            let (session, hosts) = (session.clone(), hosts.clone());
            spawn_local(async move {
                // A server that says nothing is spoken of elsewhere; one without hosts of its own has no such path.
                if let Ok(response) = session.ask(Request::get(PATH)).await {
                    hosts.set(Some(hosts_of(&response.body)));
                }
            });
        })
    };
    use_effect_with(session, {
        let ask = ask.clone();
        move |_| {
            ask.emit(());
            let interval = Interval::new(ASK_MS, move || ask.emit(()));
            move || drop(interval)
        }
    });
    (hosts, ask)
}

/// All hosts, folded away once there are some.
#[component]
pub(super) fn Hosts() -> Html {
    let language = use_settings().language;
    let (hosts, ask) = use_hosts();
    let Some(hosts) = &*hosts else { return html! {} };
    let away = hosts.iter().any(|host| !host.connected);
    html! {
        <details class="hosts" data-testid="hosts" open={hosts.is_empty() || away}>
            <summary>{ language.text(Text::DockerHosts) }<span class="count">{ hosts.len() }</span></summary>
            <HostList hosts={hosts.clone()} ask={ask.clone()} />
            <HostForm {ask} />
        </details>
    }
}

/// What a cluster without nodes shows: how it comes by the first.
#[component]
pub(super) fn FirstHost() -> Html {
    let language = use_settings().language;
    let t = |text| language.text(text);
    let (hosts, ask) = use_hosts();
    html! {
        <section class="first-host" data-testid="first-host">
            <h1>{ t(Text::FirstHost) }</h1>
            <p>{ t(Text::FirstHostHow) }</p>
            <HostList hosts={(*hosts).clone().unwrap_or_default()} ask={ask.clone()} />
            <HostForm {ask} />
            <p>{ t(Text::FirstHostServe) }</p>
            <pre tabindex="0"><code>{ "kubarium serve --docker host-a=unix:///var/run/docker.sock" }</code></pre>
        </section>
    }
}

#[derive(PartialEq, Properties)]
struct HostListProps {
    hosts: Vec<Host>,
    ask: Callback<()>,
}

#[component]
fn HostList(props: &HostListProps) -> Html {
    let language = use_settings().language;
    let t = |text| language.text(text);
    let session = use_session();
    let address = use_address();
    let navigator = use_navigator();
    let listed = props.hosts.iter().map(|host| {
        let remove = {
            let (session, ask, name) = (session.clone(), props.ask.clone(), host.name.clone());
            Callback::from(move |_: MouseEvent| {
                let (session, ask, name) = (session.clone(), ask.clone(), name.clone());
                spawn_local(async move {
                    if session.send(Request::new(Method::Delete, format!("{PATH}/{name}"))).await {
                        // One that never answered has no node.
                        let node = Request::new(Method::Delete, format!("/api/v1/nodes/{name}"));
                        let _ = session.client.request(node).await;
                    }
                    ask.emit(());
                });
            })
        };
        let open = {
            let (navigator, to) = (navigator.clone(), address.clone().selecting(Some(Selection::new("Node", "", &host.name))));
            Callback::from(move |_: MouseEvent| navigator.go(to.clone()))
        };
        html! {
            <li key={host.name.clone()} data-testid={format!("host-{}", host.name)}>
                <button class="quiet" onclick={open}>{ &host.name }</button>
                <code>{ &host.endpoint }</code>
                if host.connected {
                    <span class="quiet-text">{ t(Text::HostConnected) }</span>
                } else {
                    <span class="is-loud">{ &host.message }</span>
                }
                if host.fixed {
                    <span class="quiet-text" title={t(Text::HostFixedHint)}>{ t(Text::HostFixed) }</span>
                } else {
                    <button onclick={remove} title={t(Text::RemoveHostHint)} data-testid={format!("remove-{}", host.name)}>
                        { t(Text::Remove) }
                    </button>
                }
            </li>
        }
    });
    html! { <ul class="host-list">{ for listed }</ul> }
}

#[derive(PartialEq, Properties)]
struct HostFormProps {
    ask: Callback<()>,
}

#[component]
fn HostForm(props: &HostFormProps) -> Html {
    let language = use_settings().language;
    let t = |text| language.text(text);
    let session = use_session();
    let error = use_state(String::new);
    let (name, endpoint) = (use_node_ref(), use_node_ref());
    let add = {
        let (name, endpoint, error, ask) = (name.clone(), endpoint.clone(), error.setter(), props.ask.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let inputs = [&name, &endpoint].map(NodeRef::cast::<HtmlInputElement>);
            let [Some(name), Some(endpoint)] = inputs else { return };
            let body = json!({
                "apiVersion": "kubarium.io/v1", "kind": "DockerHost",
                "metadata": { "name": name.value().trim() }, "spec": { "endpoint": endpoint.value().trim() },
            });
            let request = Request::new(Method::Post, PATH).with_json(&body);
            let (session, error, ask) = (session.clone(), error.clone(), ask.clone());
            spawn_local(async move {
                let refused = session.ask(request).await.err();
                if refused.is_none() {
                    name.set_value("");
                    endpoint.set_value("");
                }
                error.set(refused.unwrap_or_default());
                ask.emit(());
            });
        })
    };
    html! {
        <form class="host-form" onsubmit={add}>
            <label class="filter">
                <span>{ t(Text::Name) }</span>
                <input ref={name} required={true} placeholder="host-a" size="12" autocomplete="off" data-testid="host-name" />
            </label>
            <label class="filter">
                <span>{ t(Text::Endpoint) }</span>
                <input ref={endpoint} required={true} placeholder="unix:///var/run/docker.sock" size="28"
                    autocomplete="off" aria-describedby="host-kinds" data-testid="host-endpoint" />
            </label>
            <button class="primary" data-testid="add-host">{ t(Text::AddHost) }</button>
            <p class="field-error" role="alert" data-testid="host-error">{ (*error).clone() }</p>
            <dl class="host-kinds" id="host-kinds">
                { for KINDS.into_iter().map(|(endpoint, text)| html! {
                    <div><dt><code>{ endpoint }</code></dt><dd>{ t(text) }</dd></div>
                }) }
            </dl>
        </form>
    }
}
