//! The frame of every page: header, navigation, the page itself, inspector, lower bar, notices, keys.
//!
//! Owns the contexts: address, navigator, settings, session. Knows nothing of what pages show.

mod address_bar;
mod connection;
mod header;
mod help;
mod keys;
mod navigation;
mod notices;
mod time_bar;
mod window;

use keys::KEYS;

use crate::client::{Notice, Session, connect};
use crate::components::ControllerBar;
use crate::console::Console;
use crate::pages::{Create, Inspector, PageView, Scenarios};
use crate::state::{Address, Field, Navigator, Settings, World, scenario};
use crate::text::Text;
use address_bar::use_address_bar;
use connection::ConnectionBanner;
use header::Header;
use help::Help;
use keys::use_keys;
use kubarium_core::sim::Scenario;
use navigation::Navigation;
use notices::Notices;
use std::rc::Rc;
use time_bar::TimeBar;
use window::use_window;
use yew::prelude::*;

/// Notices on the screen, each with a number of its own.
#[derive(Clone, Debug, Default, PartialEq)]
struct Shown {
    next: u32,
    notices: Vec<(u32, Notice)>,
}

/// What happens to notices.
enum NoticeChange {
    Add(Notice),
    Remove(u32),
}

/// How many notices are shown at once; the oldest make room.
const NOTICES_MAX: usize = 4;

impl Reducible for Shown {
    type Action = NoticeChange;

    fn reduce(self: Rc<Self>, change: NoticeChange) -> Rc<Self> {
        let mut next = Self::clone(&self);
        match change {
            NoticeChange::Add(notice) => {
                next.notices.retain(|(_, n)| *n != notice);
                next.notices.push((next.next, notice));
                next.next += 1;
                if next.notices.len() > NOTICES_MAX {
                    next.notices.remove(0);
                }
            }
            NoticeChange::Remove(number) => next.notices.retain(|(n, _)| *n != number),
        }
        next.into()
    }
}

/// The whole page.
#[component]
pub(crate) fn App() -> Html {
    let (address, navigator) = use_address_bar();
    let settings = use_state(Settings::load);
    let change = {
        let settings = settings.clone();
        use_callback((), move |next: Settings, ()| {
            next.keep();
            settings.set(next);
        })
    };
    use_effect_with((), {
        let settings = settings.clone();
        move |()| settings.keep()
    });
    let settings = Settings { change, ..(*settings).clone() };

    let shown = use_reducer(Shown::default);
    let notify = {
        let dispatcher = shown.dispatcher();
        use_callback((), move |notice, ()| dispatcher.dispatch(NoticeChange::Add(notice)))
    };
    // A new cluster for each change of world or scenario; a live one plays none.
    let played = (address.world == World::Simulation).then(|| address.get(Field::Scenario).to_owned());
    let session = {
        let notify = notify.clone();
        use_memo((address.world, played.clone()), move |(world, played)| {
            connect(*world, &scenario::text_of(played.as_deref().unwrap_or_default()), notify)
        })
    };
    use_effect_with(played, {
        let language = settings.language;
        move |played| {
            if let Some(error) = played.as_deref().and_then(|p| Scenario::parse(&scenario::text_of(p)).err()) {
                let text = language.fill(Text::ScenarioUnreadable, &[&error.to_string()]);
                notify.emit(Notice { text, is_error: true });
            }
        }
    });

    html! {
        <ContextProvider<Address> context={address}>
        <ContextProvider<Navigator> context={navigator}>
        <ContextProvider<Settings> context={settings}>
        <ContextProvider<Session> context={Session::clone(&session)}>
            <Frame />
            <Notices
                notices={shown.notices.clone()}
                dismiss={ { let d = shown.dispatcher(); Callback::from(move |n| d.dispatch(NoticeChange::Remove(n))) } }
            />
        </ContextProvider<Session>>
        </ContextProvider<Settings>>
        </ContextProvider<Navigator>>
        </ContextProvider<Address>>
    }
}

/// Everything but the notices.
#[component]
fn Frame() -> Html {
    use_keys();
    let address = crate::state::use_address();
    let settings = crate::state::use_settings();
    let session = crate::client::use_session();
    use_window(&session);
    let live = session.world == World::Live;
    let console_shown = !address.get(Field::Console).is_empty();
    // Once opened it stays, with what it printed.
    let console_opened = use_mut_ref(|| false);
    *console_opened.borrow_mut() |= console_shown;
    html! {
        <div
            class={classes!(
                "frame",
                settings.narrow.then_some("is-narrow"),
                live.then_some("is-live"),
                address.selection.is_some().then_some("has-inspector"),
            )}
            data-testid="frame"
        >
            <a class="skip" href="#main" onclick={skip_to_main()}>{ settings.language.text(Text::SkipToContent) }</a>
            <Header />
            <ConnectionBanner />
            <Navigation />
            <main id="main" class="frame-main" tabindex="-1"><PageView page={address.page} /></main>
            if address.selection.is_some() {
                <aside class="frame-inspector" data-testid="inspector"><Inspector /></aside>
            }
            if *console_opened.borrow() {
                <Console shown={console_shown} />
            }
            <footer class="frame-bottom">
                <ControllerBar />
                <TimeBar />
            </footer>
            if address.get(Field::Dialog) == "keys" {
                <Help />
            }
            if address.get(Field::Dialog) == "create" {
                <Create />
            }
            if address.get(Field::Dialog) == "scenarios" && !live {
                <Scenarios />
            }
        </div>
    }
}

/// A link to `#main` would change the address, which lives in the fragment.
fn skip_to_main() -> Callback<MouseEvent> {
    Callback::from(|event: MouseEvent| {
        event.prevent_default();
        let main = web_sys::window().and_then(|w| w.document()).and_then(|d| d.get_element_by_id("main"));
        if let Some(main) = main.and_then(|m| wasm_bindgen::JsCast::dyn_into::<web_sys::HtmlElement>(m).ok()) {
            // An element with a tabindex takes the focus.
            let _ = main.focus();
        }
    })
}
