//! The header: name, world, clock, search, language, theme.

use super::connection::server;
use crate::client::use_session;
use crate::components::{Icon, IconName, clock_text};
use crate::pages::scenario_title;
use crate::state::{Connection, Field, Theme, World, use_address, use_feed, use_navigator, use_settings};
use crate::text::Text;
use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;
use yew::prelude::*;

#[component]
pub(super) fn Header() -> Html {
    let settings = use_settings();
    let address = use_address();
    let navigator = use_navigator();
    let t = |text| settings.language.text(text);
    let (theme_text, theme_icon) = match settings.theme {
        Theme::System => (t(Text::ThemeSystem), IconName::ThemeSystem),
        Theme::Light => (t(Text::ThemeLight), IconName::Sun),
        Theme::Dark => (t(Text::ThemeDark), IconName::Moon),
    };
    let change_theme = {
        let settings = settings.clone();
        Callback::from(move |_| {
            let mut next = settings.clone();
            next.theme = next.theme.next();
            settings.change.emit(next);
        })
    };
    let change_language = {
        let settings = settings.clone();
        Callback::from(move |_| {
            let mut next = settings.clone();
            next.language = next.language.other();
            settings.change.emit(next);
        })
    };
    let console = !address.get(Field::Console).is_empty();
    let toggle_console = {
        let to = address.clone().with(Field::Console, if console { "" } else { "open" });
        let navigator = navigator.clone();
        Callback::from(move |_: MouseEvent| navigator.go(to.clone()))
    };
    let search = {
        let (address, navigator) = (address.clone(), navigator.clone());
        Callback::from(move |event: InputEvent| {
            if let Some(input) = event.target().and_then(|t| t.dyn_into::<HtmlInputElement>().ok()) {
                navigator.replace(address.clone().with(Field::Search, input.value()));
            }
        })
    };
    html! {
        <header class="header">
            <span class="header-name">{ "Kubarium" }</span>
            <WorldSwitch />
            <ScenarioButton />
            <HeaderClock />
            <label class="search">
                <Icon name={IconName::Search} />
                <input
                    type="search" id="search" data-testid="search"
                    placeholder={t(Text::Search)} aria-label={t(Text::Search)} title={format!("{} (/)", t(Text::Search))}
                    value={address.get(Field::Search).to_owned()} oninput={search}
                />
            </label>
            <button class="quiet icon-only" title={format!("{} (k)", t(Text::Console))} aria-label={t(Text::Console)}
                aria-expanded={console.to_string()} onclick={toggle_console} data-testid="console-button">
                <Icon name={IconName::Console} />
            </button>
            <button class="quiet" lang={settings.language.other().code()} onclick={change_language} data-testid="language">
                { t(Text::SwitchLanguage) }
            </button>
            <button class="quiet icon-only" title={theme_text} aria-label={theme_text} onclick={change_theme} data-testid="theme">
                <Icon name={theme_icon} />
            </button>
        </header>
    }
}

/// Simulation or live: always in sight, in colours that cannot be mixed up.
#[component]
fn WorldSwitch() -> Html {
    let settings = use_settings();
    let address = use_address();
    let navigator = use_navigator();
    let t = |text| settings.language.text(text);
    let choice = |world: World, text: Text, class: &'static str, id: &'static str| {
        let onclick = {
            let (address, navigator) = (address.clone(), navigator.clone());
            Callback::from(move |_| {
                let mut next = address.clone();
                next.world = world;
                // What is selected and looked at in one world is not in the other.
                navigator.go(next.selecting(None).with(Field::Camera, ""));
            })
        };
        let pressed = address.world == world;
        html! {
            <button class={class} aria-pressed={pressed.to_string()} {onclick} data-testid={id}>{ t(text) }</button>
        }
    };
    html! {
        <div class="world" role="group" aria-label={t(Text::WorldLabel)}>
            { choice(World::Simulation, Text::Simulation, "world-simulation", "world-simulation") }
            { choice(World::Live, Text::Live, "world-live", "world-live") }
        </div>
    }
}

/// What is played, and the way to the other scenarios. A live cluster plays none.
#[component]
fn ScenarioButton() -> Html {
    let language = use_settings().language;
    let address = use_address();
    let navigator = use_navigator();
    let title = use_memo((address.get(Field::Scenario).to_owned(), language), |(word, language)| {
        scenario_title(word, *language)
    });
    if address.world == World::Live {
        return html! {};
    }
    let label = language.fill(Text::ScenarioOf, &[&title]);
    let onclick = {
        let to = address.clone().with(Field::Dialog, "scenarios");
        Callback::from(move |_: MouseEvent| navigator.go(to.clone()))
    };
    html! {
        <button class="quiet scenario" {onclick} aria-haspopup="dialog" aria-label={label.clone()}
            title={format!("{label} (s)")} data-testid="scenario">
            <Icon name={IconName::Scenario} /><span>{ &*title }</span>
        </button>
    }
}

/// The virtual clock, or whose cluster this is. What is wrong with the connection is said below the header.
#[component]
fn HeaderClock() -> Html {
    let settings = use_settings();
    let feed = use_feed(100);
    let session = use_session();
    let clock = feed.clock();
    match feed.connection() {
        Connection::Connecting => html! {
            <span class="header-clock" data-testid="connection">{ settings.language.text(Text::Connecting) }</span>
        },
        _ if session.world == World::Live => html! {
            <span class="header-clock" title={settings.language.text(Text::ServerShown)} data-testid="connection">
                { server() }
            </span>
        },
        _ => html! {
            <span class="header-clock" title={settings.language.text(Text::VirtualTime)} data-testid="clock">
                { clock_text(clock.now.since(clock.start)) }
            </span>
        },
    }
}
