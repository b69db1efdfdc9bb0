//! The line below the header that says when the page does not show how the cluster is now, and what to do about it.

use crate::client::use_session;
use crate::components::{Icon, IconName};
use crate::state::{Connection, World, use_feed, use_settings};
use crate::text::Text;
use kubarium_core::Time;
use wasm_bindgen::JsValue;
use web_sys::HtmlInputElement;
use yew::prelude::*;

/// The address of the server that the page came from.
pub(super) fn server() -> String {
    web_sys::window().and_then(|w| w.location().host().ok()).unwrap_or_default()
}

/// A time of day, as the person's own clock shows it.
fn time_of_day(time: Time, language: &str) -> String {
    let date = js_sys::Date::new(&JsValue::from_f64(time.0 as f64 / 1_000.0));
    date.to_locale_time_string(language).into()
}

#[component]
pub(super) fn ConnectionBanner() -> Html {
    let settings = use_settings();
    let session = use_session();
    let feed = use_feed(100);
    let t = |text| settings.language.text(text);
    let (what, more) = match feed.connection() {
        Connection::Connecting | Connection::Fresh => (None, String::new()),
        Connection::TokenNeeded(_) => (Some(t(Text::TokenNeeded).to_owned()), t(Text::TokenWhere).to_owned()),
        Connection::Stale(why) if session.world == World::Simulation => {
            (Some(t(Text::SimulationStopped).to_owned()), why)
        }
        stale => {
            let what = match feed.fresh_until() {
                Some(time) => settings.language.fill(Text::StaleSince, &[&time_of_day(time, settings.language.code())]),
                None => t(Text::NoLiveCluster).to_owned(),
            };
            let more = match stale {
                Connection::Stale(why) => settings.language.fill(Text::ServerSays, &[&why]),
                _ => settings.language.fill(Text::ServerSilent, &[&server()]),
            };
            (Some(what), more)
        }
    };
    let connect = {
        let client = session.client.clone();
        Callback::from(move |_: MouseEvent| client.connect_now())
    };
    let token_needed = match feed.connection() {
        Connection::TokenNeeded(refused) => Some(refused),
        _ => None,
    };
    html! {
        // Always there, so that what comes into it is read out.
        <div class="banner-place" role="status">
            if let Some(what) = what {
                <div class="banner" data-testid="connection-banner">
                    <Icon name={IconName::Warning} />
                    <p><strong>{ what }</strong>{ " " }{ more }</p>
                    if let Some(refused) = token_needed {
                        <TokenForm {refused} />
                    } else if session.world == World::Live {
                        <button onclick={connect} data-testid="connect-now">{ t(Text::ConnectNow) }</button>
                    }
                </div>
            }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct TokenFormProps {
    refused: bool,
}

#[component]
fn TokenForm(props: &TokenFormProps) -> Html {
    let language = use_settings().language;
    let session = use_session();
    let input = use_node_ref();
    let give = {
        let input = input.clone();
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if let Some(input) = input.cast::<HtmlInputElement>() {
                session.client.give_token(&input.value());
                input.set_value("");
            }
        })
    };
    html! {
        <form class="banner-form" onsubmit={give}>
            <input ref={input} type="password" required={true} autocomplete="off" data-testid="token"
                aria-label={language.text(Text::Token)} placeholder={language.text(Text::Token)}
                aria-invalid={props.refused.to_string()} />
            <button class="primary" data-testid="give-token">{ language.text(Text::Connect) }</button>
            if props.refused {
                <span class="field-error">{ language.text(Text::TokenRefused) }</span>
            }
        </form>
    }
}
