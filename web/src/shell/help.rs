//! The overlay that lists all keys.

use super::KEYS;
use crate::client::use_session;
use crate::components::Dialog;
use crate::state::{Field, use_address, use_navigator, use_settings};
use crate::text::Text;
use yew::prelude::*;

#[component]
pub(super) fn Help() -> Html {
    let settings = use_settings();
    let address = use_address();
    let navigator = use_navigator();
    let t = |text| settings.language.text(text);
    let session = use_session();
    let keys = KEYS.iter().filter(|key| key.works_with(&*session.client));
    let close = Callback::from(move |()| navigator.go(address.clone().with(Field::Dialog, "")));
    html! {
        <Dialog title={t(Text::Shortcuts)} {close}>
            <dl class="keys" data-testid="keys">
                { for keys.map(|key| html! {
                    <div>
                        <dt>{ for key.keys.split_whitespace().map(|k| html! { <kbd>{ k }</kbd> }) }</dt>
                        <dd>{ t(key.what) }</dd>
                    </div>
                }) }
            </dl>
        </Dialog>
    }
}
