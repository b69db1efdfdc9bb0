//! What can be done to the selected object. What only a simulation can do is offered in a simulation alone.

use crate::client::use_session;
use crate::state::{Field, Page, Selection, use_address, use_feed, use_settings};
use crate::text::Text;
use kubarium_core::api::Name;
use kubarium_core::sim::Action;
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
    let language = use_settings().language;
    let session = use_session();
    let selection = props.selection.clone();
    let delete =
        Callback::from(move |_: MouseEvent| session.delete_pod(language, &selection.namespace, &selection.name));
    html! {
        <div class="actions">
            <button onclick={delete} title={language.text(Text::DeletePodHint)} data-testid="delete-pod">
                { language.text(Text::DeletePod) }
            </button>
        </div>
    }
}

#[component]
fn NodeActions(props: &ActionsProps) -> Html {
    let language = use_settings().language;
    let t = |text| language.text(text);
    let session = use_session();
    let address = use_address();
    let feed = use_feed(300);
    let name = props.selection.name.clone();
    let rows = feed.rows();
    let Some(node) = rows.node(&name) else { return html! {} };
    let cordoned = node.cordoned;
    let failed = session.is_failed(&name);
    let toggle = {
        let (session, name) = (session.clone(), name.clone());
        Callback::from(move |_: MouseEvent| session.toggle_failure(language, &name))
    };
    let cut_off = {
        let (session, name) = (session.clone(), name.clone());
        Callback::from(move |_: MouseEvent| {
            session.act(Action::PartitionNode { node: Name::new(&name) }, language.fill(Text::NodeCutOff, &[&name]));
        })
    };
    let cordon = {
        let (session, name) = (session.clone(), name.clone());
        Callback::from(move |_: MouseEvent| session.cordon(language, &name, !cordoned))
    };
    let drain = {
        let (session, name) = (session.clone(), name.clone());
        Callback::from(move |_: MouseEvent| session.drain(language, &name))
    };
    let pods = address.on(Page::Pods).with(Field::Node, name.clone());
    html! {
        <div class="actions">
            if session.client.control().is_some() {
                <button onclick={toggle} class={classes!(failed.then_some("primary"))}
                    title={format!("{} (f)", t(if failed { Text::RecoverNode } else { Text::FailNode }))}
                    data-testid={if failed { "recover-node" } else { "fail-node" }}>
                    { t(if failed { Text::RecoverNode } else { Text::FailNode }) }
                </button>
                if !failed {
                    <button onclick={cut_off} data-testid="cut-off">{ t(Text::PartitionNode) }</button>
                }
            }
            <button onclick={cordon} title={format!("{} (c)", t(Text::Cordon))} data-testid="cordon">
                { t(if cordoned { Text::Uncordon } else { Text::Cordon }) }
            </button>
            <button onclick={drain} title={t(Text::DrainHint)} data-testid="drain">{ t(Text::Drain) }</button>
            <a class="button" href={pods.fragment()}>{ t(Text::Pods) }</a>
        </div>
    }
}

#[component]
fn ControllerActions(props: &ActionsProps) -> Html {
    let language = use_settings().language;
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
    let scale = |after: u32| {
        let (session, selection) = (session.clone(), selection.clone());
        Callback::from(move |_: MouseEvent| {
            session.scale(language, &selection.namespace, &selection.name, desired, after);
        })
    };
    html! {
        <div class="actions">
            <button onclick={scale(desired.saturating_sub(1))} disabled={desired == 0}
                aria-label={language.text(Text::OneLess)}>{ "−" }</button>
            <span class="count" aria-live="polite">{ desired }</span>
            <button onclick={scale(desired.saturating_add(1))} aria-label={language.text(Text::OneMore)}
                data-testid="one-more">{ "+" }</button>
        </div>
    }
}
