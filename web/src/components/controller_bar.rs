//! Controllers as handles to drag: to the right is more, to the left is less.

use crate::state::{use_feed, use_settings};
use crate::text::Text;
use yew::prelude::*;

#[component]
pub(crate) fn ControllerBar() -> Html {
    let settings = use_settings();
    let feed = use_feed(150);
    let rows = feed.rows();
    html! {
        <div class="controllers" role="group" aria-label={settings.language.text(Text::ControllersBar)}>
            { for rows.controllers().values().map(|row| html! { <span>{ &*row.name }{ " " }{ row.desired }</span> }) }
        </div>
    }
}
