//! What is selected: one sentence that says how it is, then all there is to know.

use crate::components::{Icon, IconName};
use crate::state::{use_address, use_navigator, use_settings};
use crate::text::Text;
use yew::prelude::*;

#[component]
pub(crate) fn Inspector() -> Html {
    let settings = use_settings();
    let address = use_address();
    let navigator = use_navigator();
    let Some(selection) = address.selection.clone() else { return html! {} };
    let label = settings.language.text(Text::Close);
    let close = Callback::from(move |_| navigator.go(address.clone().selecting(None)));
    html! {
        <div class="inspector-head">
            <h2>{ &selection.name }</h2>
            <button class="quiet icon-only" onclick={close} aria-label={label} title={format!("{label} (Esc)")}>
                <Icon name={IconName::Close} />
            </button>
        </div>
    }
}
