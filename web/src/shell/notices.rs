//! Notices at the lower edge: what was done, and what went wrong.

use crate::client::Notice;
use crate::components::{Icon, IconName};
use crate::state::use_settings;
use crate::text::Text;
use gloo_timers::callback::Timeout;
use yew::prelude::*;

/// How long a notice that is no error stays, in milliseconds.
const STAY_MS: u32 = 5_000;

#[derive(PartialEq, Properties)]
pub(super) struct NoticesProps {
    pub(super) notices: Vec<(u32, Notice)>,
    pub(super) dismiss: Callback<u32>,
}

#[component]
pub(super) fn Notices(props: &NoticesProps) -> Html {
    html! {
        <div class="notices" aria-live="polite" data-testid="notices">
            { for props.notices.iter().map(|(number, notice)| html! {
                <OneNotice key={*number} number={*number} notice={notice.clone()} dismiss={props.dismiss.clone()} />
            }) }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct OneNoticeProps {
    number: u32,
    notice: Notice,
    dismiss: Callback<u32>,
}

#[component]
fn OneNotice(props: &OneNoticeProps) -> Html {
    let settings = use_settings();
    use_effect_with((props.number, props.notice.is_error), {
        let dismiss = props.dismiss.clone();
        move |(number, is_error)| {
            let number = *number;
            let timer = (!is_error).then(|| Timeout::new(STAY_MS, move || dismiss.emit(number)));
            move || drop(timer)
        }
    });
    let onclick = {
        let (dismiss, number) = (props.dismiss.clone(), props.number);
        Callback::from(move |_| dismiss.emit(number))
    };
    let label = settings.language.text(Text::Dismiss);
    html! {
        <div class={classes!("notice", props.notice.is_error.then_some("is-error"))}
            role={if props.notice.is_error { "alert" } else { "status" }}>
            <span>{ &props.notice.text }</span>
            <button class="quiet icon-only" {onclick} aria-label={label} title={label}><Icon name={IconName::Close} /></button>
        </div>
    }
}
