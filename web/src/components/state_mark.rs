//! How a pod is, as a mark: colour, shape and word, the same in lists, legend and inspector.

use crate::state::use_settings;
use crate::text::Text;
use kubarium_core::view::PodState;
use yew::prelude::*;

/// The word for a state.
pub(crate) const fn state_text(state: PodState) -> Text {
    match state {
        PodState::Pending => Text::StatePending,
        PodState::Starting => Text::StateStarting,
        PodState::Ready => Text::StateReady,
        PodState::NotReady => Text::StateNotReady,
        PodState::CrashLooping => Text::StateCrashLooping,
        PodState::Terminating => Text::StateTerminating,
        PodState::Failed => Text::StateFailed,
        PodState::Succeeded => Text::StateSucceeded,
    }
}

#[derive(PartialEq, Properties)]
pub(crate) struct StateMarkProps {
    pub(crate) state: PodState,
}

#[component]
pub(crate) fn StateMark(props: &StateMarkProps) -> Html {
    let settings = use_settings();
    html! {
        <span class={classes!("state", format!("state-{}", props.state.as_str()))}>
            <span class="state-mark" aria-hidden="true"></span>
            { settings.language.text(state_text(props.state)) }
        </span>
    }
}
