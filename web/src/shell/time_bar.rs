//! The time controls of a simulation: play, pause, step, speed.

use crate::client::use_session;
use crate::components::{Icon, IconName, clock_text};
use crate::state::{use_feed, use_settings};
use crate::text::Text;
use yew::prelude::*;

/// The speeds offered, in virtual seconds per real second.
pub(super) const SPEEDS: [f64; 7] = [0.1, 1.0, 5.0, 20.0, 100.0, 1_000.0, 10_000.0];

pub(super) fn speed_text(speed: f64) -> String {
    if speed < 0.995 && speed > 0.0 {
        format!("{}×", (speed * 100.0).round() / 100.0)
    } else {
        let whole = speed.round() as i64;
        if whole >= 1_000 { format!("{},{:03}×", whole / 1_000, whole % 1_000) } else { format!("{whole}×") }
    }
}

#[component]
pub(super) fn TimeBar() -> Html {
    let settings = use_settings();
    let session = use_session();
    let feed = use_feed(100);
    let Some(control) = session.client.control() else { return html! {} };
    let t = |text| settings.language.text(text);
    let clock = feed.clock();
    let play = {
        let control = control.clone();
        Callback::from(move |_| control.play(!clock.playing))
    };
    let step = {
        let control = control.clone();
        Callback::from(move |_| control.step())
    };
    let (play_text, play_icon) =
        if clock.playing { (t(Text::Pause), IconName::Pause) } else { (t(Text::Play), IconName::Play) };
    let late = clock.playing && clock.reached > 0.0 && clock.reached < clock.speed * 0.8;
    let reached = late
        .then(|| settings.language.fill(Text::SpeedReached, &[&speed_text(clock.reached), &speed_text(clock.speed)]));
    html! {
        <div class="time-bar" role="group" aria-label={t(Text::TimeControls)} data-testid="time-controls">
            <button class="icon-only" title={format!("{play_text} (Space)")} aria-label={play_text} onclick={play} data-testid="play">
                <Icon name={play_icon} />
            </button>
            <button class="icon-only" title={format!("{} (.)", t(Text::Step))} aria-label={t(Text::Step)} onclick={step} data-testid="step">
                <Icon name={IconName::Step} />
            </button>
            <div class="speeds" role="group" aria-label={t(Text::Speed)}>
                { for SPEEDS.into_iter().map(|speed| {
                    let onclick = { let control = control.clone(); Callback::from(move |_| control.speed(speed)) };
                    let pressed = (clock.speed - speed).abs() < f64::EPSILON;
                    html! {
                        <button class="quiet" aria-pressed={pressed.to_string()} {onclick}
                            data-testid={format!("speed-{speed}")} title={t(Text::Speed)}>
                            { speed_text(speed) }
                        </button>
                    }
                }) }
            </div>
            <span class="time-bar-clock" data-testid="elapsed">{ clock_text(clock.now.since(clock.start)) }</span>
            if let Some(reached) = reached {
                <span class="time-bar-late" title={reached.clone()}>{ speed_text(clock.reached) }</span>
            }
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_read_as_factors() {
        assert_eq!([0.1, 1.0, 20.0, 1_000.0, 10_000.0].map(speed_text), ["0.1×", "1×", "20×", "1,000×", "10,000×"]);
    }
}
