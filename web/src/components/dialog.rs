//! A dialog over the page: takes the focus, gives it back, closes with Escape or a click beside it.

use super::{Icon, IconName};
use crate::state::use_settings;
use crate::text::Text;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub(crate) struct DialogProps {
    pub(crate) title: AttrValue,
    pub(crate) close: Callback<()>,
    pub(crate) children: Html,
}

#[component]
pub(crate) fn Dialog(props: &DialogProps) -> Html {
    let settings = use_settings();
    let node = use_node_ref();
    use_effect_with((), {
        let node = node.clone();
        move |()| {
            let document = web_sys::window().and_then(|w| w.document());
            let before = document.and_then(|d| d.active_element()).and_then(|e| e.dyn_into::<HtmlElement>().ok());
            if let Some(dialog) = node.cast::<HtmlElement>() {
                // It has a tabindex, so it takes the focus.
                let _ = dialog.focus();
            }
            move || {
                if let Some(before) = before {
                    // It may be gone meanwhile; then the focus goes to the page.
                    let _ = before.focus();
                }
            }
        }
    });
    let close = |close: &Callback<()>| {
        let close = close.clone();
        Callback::from(move |_: MouseEvent| close.emit(()))
    };
    let on_key = {
        let (close, node) = (props.close.clone(), node.clone());
        Callback::from(move |event: KeyboardEvent| match event.key().as_str() {
            "Escape" => {
                event.prevent_default();
                event.stop_propagation();
                close.emit(());
            }
            "Tab" => keep_focus_inside(&node, &event),
            _ => {}
        })
    };
    let label = settings.language.text(Text::Close);
    html! {
        <div class="dialog-shade" onclick={close(&props.close)}>
            <div
                class="dialog" role="dialog" aria-modal="true" aria-label={props.title.clone()} tabindex="-1" ref={node}
                onclick={|event: MouseEvent| event.stop_propagation()} onkeydown={on_key}
            >
                <div class="dialog-head">
                    <h2>{ &props.title }</h2>
                    <button class="quiet icon-only" onclick={close(&props.close)} aria-label={label} title={format!("{label} (Esc)")}>
                        <Icon name={IconName::Close} />
                    </button>
                </div>
                { props.children.clone() }
            </div>
        </div>
    }
}

/// Lets Tab go round within the dialog.
fn keep_focus_inside(node: &NodeRef, event: &KeyboardEvent) {
    let Some(dialog) = node.cast::<HtmlElement>() else { return };
    let Ok(found) = dialog.query_selector_all("button, a[href], input, select, textarea, [tabindex='0']") else {
        return;
    };
    let at = |index: u32| found.item(index).and_then(|n| n.dyn_into::<HtmlElement>().ok());
    let (Some(first), Some(last)) = (at(0), found.length().checked_sub(1).and_then(at)) else { return };
    let active = web_sys::window().and_then(|w| w.document()).and_then(|d| d.active_element());
    let is = |element: &HtmlElement| active.as_ref() == Some(element.as_ref());
    let next = if event.shift_key() && (is(&first) || is(&dialog)) {
        last
    } else if !event.shift_key() && is(&last) {
        first
    } else {
        return;
    };
    event.prevent_default();
    // A control that is shown takes the focus.
    let _ = next.focus();
}
