//! The map's context menu.

use crate::client::use_session;
use crate::state::{Selection, use_address, use_navigator, use_settings};
use crate::text::Text;
use kubarium_core::sim::{Action, PodChoice, Target};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::prelude::*;

/// Where a menu is open, and for what.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MenuAt {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) selection: Selection,
}

#[derive(PartialEq, Properties)]
pub(super) struct MenuProps {
    pub(super) at: MenuAt,
    pub(super) close: Callback<()>,
}

#[component]
pub(super) fn Menu(props: &MenuProps) -> Html {
    let settings = use_settings();
    let session = use_session();
    let address = use_address();
    let navigator = use_navigator();
    let node = use_node_ref();
    let language = settings.language;
    use_effect_with(props.at.clone(), {
        let node = node.clone();
        move |_| focus_item(&node, 0)
    });
    let selection = props.at.selection.clone();
    let name = selection.name.clone();
    let mut items: Vec<(Text, &'static str, Callback<()>)> = Vec::new();
    let open = Callback::from({
        let (address, selection) = (address.clone(), selection.clone());
        move |()| navigator.go(address.clone().selecting(Some(selection.clone())))
    });
    items.push((Text::OpenInInspector, "Enter", open));
    let simulated = session.client.control().is_some();
    match selection.kind.as_str() {
        "Node" => {
            if simulated {
                let failed = session.is_failed(&name);
                let (session, name) = (session.clone(), name.clone());
                let toggle = {
                    let (session, name) = (session.clone(), name.clone());
                    Callback::from(move |()| session.toggle_failure(language, &name))
                };
                items.push((if failed { Text::RecoverNode } else { Text::FailNode }, "f", toggle));
                if !failed {
                    let cut = Callback::from(move |()| {
                        let node = kubarium_core::api::Name::new(&name);
                        session.act(Action::PartitionNode { node }, language.fill(Text::NodeIsCutOff, &[&name]));
                    });
                    items.push((Text::Partition, "", cut));
                }
            }
            let cordoned = session.feed.rows().node(&name).is_some_and(|n| n.cordoned);
            let (session, name) = (session.clone(), name.clone());
            let cordon = Callback::from(move |()| session.cordon(language, &name, !cordoned));
            items.push((if cordoned { Text::Uncordon } else { Text::Cordon }, "c", cordon));
        }
        "Pod" => {
            if simulated {
                let (session, selection) = (session.clone(), selection.clone());
                let crash = Callback::from(move |()| {
                    let pod = Target {
                        kind: kubarium_core::api::Kind::Pod,
                        namespace: selection.namespace.as_str().into(),
                        which: PodChoice::Name(selection.name.as_str().into()),
                    };
                    let what = language.fill(Text::CrashedContainer, &[&selection.name]);
                    session.act(Action::Crash { pod, container: None, code: 1 }, what);
                });
                items.push((Text::CrashContainer, "", crash));
            }
            let (session, selection) = (session.clone(), selection.clone());
            let delete = Callback::from(move |()| session.delete_pod(language, &selection.namespace, &selection.name));
            items.push((Text::DeletePod, "Delete", delete));
        }
        _ => {}
    }
    let on_key = {
        let (close, node) = (props.close.clone(), node.clone());
        Callback::from(move |event: KeyboardEvent| {
            match event.key().as_str() {
                "Escape" | "Tab" => close.emit(()),
                "ArrowDown" => focus_item(&node, 1),
                "ArrowUp" => focus_item(&node, -1),
                _ => return,
            }
            event.prevent_default();
            event.stop_propagation();
        })
    };
    let style = format!("left: min({}px, 100% - 240px); top: min({}px, 100% - 176px)", props.at.x, props.at.y);
    html! {
        <div class="menu" role="menu" ref={node} {style} onkeydown={on_key} data-testid="menu"
            aria-label={language.text(Text::MenuLabel)}>
            <div class="menu-title" role="presentation">{ &name }</div>
            { for items.into_iter().map(|(text, key, action)| {
                let close = props.close.clone();
                let onclick = Callback::from(move |_| { action.emit(()); close.emit(()); });
                html! {
                    <button class="quiet" role="menuitem" {onclick} data-testid={format!("menu-{text:?}")}>
                        <span>{ language.text(text) }</span>
                        if !key.is_empty() { <kbd>{ key }</kbd> }
                    </button>
                }
            }) }
        </div>
    }
}

/// Moves the focus by so many items, round and round; the first gets it where none has it.
fn focus_item(menu: &NodeRef, step: i32) {
    let Some(menu) = menu.cast::<HtmlElement>() else { return };
    let Ok(items) = menu.query_selector_all("button") else { return };
    let active = web_sys::window().and_then(|w| w.document()).and_then(|d| d.active_element());
    let count = items.length() as i32;
    let at = (0..count).find(|n| items.item(*n as u32).as_ref() == active.as_ref().map(AsRef::as_ref));
    let next = at.map_or(0, |at| (at + step).rem_euclid(count.max(1)));
    if let Some(item) = items.item(next as u32).and_then(|n| n.dyn_into::<HtmlElement>().ok()) {
        // A button that is shown takes the focus.
        let _ = item.focus();
    }
}
