//! What can be done to the selected object. What only a simulation can do is offered in a simulation alone.

use crate::client::{Session, merge_patch, object, use_session};
use crate::state::Field;
use crate::state::{Page, Selection, Undo, use_address, use_feed, use_settings};
use crate::text::Text;
use kubarium_core::api::Name;
use kubarium_core::apiserver::{Method, Request};
use kubarium_core::sim::Action;
use kubarium_core::view::Slot;
use serde_json::json;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub(super) struct ActionsProps {
    pub(super) selection: Selection,
}

#[component]
pub(super) fn Actions(props: &ActionsProps) -> Html {
    let selection = &props.selection;
    match selection.kind.as_str() {
        "Pod" => html! { <PodActions selection={selection.clone()} /> },
        "Node" => html! { <NodeActions selection={selection.clone()} /> },
        "ReplicationController" => html! { <ControllerActions selection={selection.clone()} /> },
        _ => html! {},
    }
}

#[component]
fn PodActions(props: &ActionsProps) -> Html {
    let settings = use_settings();
    let session = use_session();
    let selection = props.selection.clone();
    let delete = Callback::from(move |_: MouseEvent| {
        let (session, selection) = (session.clone(), selection.clone());
        let Some(path) = object("Pod", &selection.namespace, &selection.name) else { return };
        spawn_local(async move {
            session.send(Request::new(Method::Delete, path)).await;
        });
    });
    let label = settings.language.text(Text::DeletePod);
    html! {
        <div class="actions">
            <button onclick={delete} title={settings.language.text(Text::DeletePodHint)} data-testid="delete-pod">
                { label }
            </button>
        </div>
    }
}

fn cordoning(name: &str, cordoned: bool, what: String) -> Option<Undo> {
    let path = object("Node", "", name)?;
    let to = |cordoned: bool| {
        merge_patch(path.clone(), &json!({ "spec": { "unschedulable": if cordoned { Some(true) } else { None } } }))
    };
    Some(Undo { what, back: to(!cordoned), again: to(cordoned) })
}

/// Cordons the node and asks for the eviction of each of its pods.
fn drain(session: &Session, node: &str, cordon: Option<Undo>) {
    let pods: Vec<(Name, Name)> = {
        let rows = session.feed.rows();
        let slots: Vec<Slot> = rows.places().get(node).map(|p| p.pods().collect()).unwrap_or_default();
        slots.into_iter().filter_map(|s| rows.pod(s)).map(|p| (p.namespace.clone(), p.name.clone())).collect()
    };
    if let Some(cordon) = cordon {
        session.change(cordon);
    }
    let session = session.clone();
    spawn_local(async move {
        for (namespace, name) in pods {
            let body = json!({
                "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": name, "namespace": namespace },
            });
            let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/eviction");
            session.send(Request::new(Method::Post, path).with_json(&body)).await;
        }
    });
}

#[component]
fn NodeActions(props: &ActionsProps) -> Html {
    let settings = use_settings();
    let language = settings.language;
    let t = |text| language.text(text);
    let session = use_session();
    let address = use_address();
    let feed = use_feed(300);
    let name = props.selection.name.clone();
    let rows = feed.rows();
    let Some(node) = rows.node(&name) else { return html! {} };
    let cordoned = node.cordoned;
    let faulty = !feed.faults(&name).is_empty();
    let cordon = {
        let (session, name) = (session.clone(), name.clone());
        let what = format!("{}: {name}", t(if cordoned { Text::Uncordon } else { Text::Cordon }));
        Callback::from(move |_: MouseEvent| {
            if let Some(undo) = cordoning(&name, !cordoned, what.clone()) {
                session.change(undo);
            }
        })
    };
    let drain_node = {
        let (session, name) = (session.clone(), name.clone());
        let what = format!("{}: {name}", t(Text::Cordon));
        Callback::from(move |_: MouseEvent| {
            let undo = if cordoned { None } else { cordoning(&name, true, what.clone()) };
            drain(&session, &name, undo);
        })
    };
    let simulation = session.client.simulation();
    let act = |action: fn(Name) -> Action| {
        let (simulation, name) = (simulation.clone(), Name::new(&name));
        Callback::from(move |_: MouseEvent| {
            if let Some(simulation) = &simulation {
                let done = simulation.act(action(name.clone()));
                spawn_local(async move {
                    // What failed is seen on the map; the action names a node that is there.
                    let _ = done.await;
                });
            }
        })
    };
    let pods = address.on(Page::Pods).with(Field::Node, name.clone());
    html! {
        <div class="actions">
            if simulation.is_some() {
                if faulty {
                    <button class="primary" onclick={act(|node| Action::RestoreNode { node })} title="f" data-testid="recover-node">
                        { t(Text::RecoverNode) }
                    </button>
                } else {
                    <button onclick={act(|node| Action::FailNode { node })} title="f" data-testid="fail-node">
                        { t(Text::FailNode) }
                    </button>
                    <button onclick={act(|node| Action::PartitionNode { node })}>{ t(Text::PartitionNode) }</button>
                }
            }
            <button onclick={cordon} title="c" data-testid="cordon">
                { t(if cordoned { Text::Uncordon } else { Text::Cordon }) }
            </button>
            <button onclick={drain_node} title={t(Text::DrainHint)} data-testid="drain">{ t(Text::Drain) }</button>
            <a class="button" href={pods.fragment()}>{ t(Text::Pods) }</a>
        </div>
    }
}

#[component]
fn ControllerActions(props: &ActionsProps) -> Html {
    let settings = use_settings();
    let session = use_session();
    let feed = use_feed(300);
    let selection = props.selection.clone();
    let desired = feed
        .rows()
        .controllers()
        .values()
        .find(|c| c.namespace == selection.namespace && c.name == selection.name)
        .map(|c| c.desired);
    let Some(desired) = desired else { return html! {} };
    let language = settings.language;
    let scale = |after: u32| {
        let (session, selection) = (session.clone(), selection.clone());
        Callback::from(move |_: MouseEvent| {
            let words = [desired.to_string(), after.to_string()];
            let what = language.fill(Text::Scaled, &[&selection.name, &words[0], &words[1]]);
            session.change(Session::scaling(&selection.namespace, &selection.name, desired, after, what));
        })
    };
    html! {
        <div class="actions">
            <button onclick={scale(desired.saturating_sub(1))} disabled={desired == 0}
                aria-label={language.text(Text::OneLess)}>{ "−" }</button>
            <span class="count" aria-live="polite">{ desired }</span>
            <button onclick={scale(desired + 1)} aria-label={language.text(Text::OneMore)} data-testid="one-more">{ "+" }</button>
        </div>
    }
}
