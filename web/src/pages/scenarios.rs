//! The scenarios that can be played: those that are shipped, and a person's own by paste, file or drop.

use crate::components::{Dialog, ManifestInput};
use crate::state::{Address, Field, scenario, use_address, use_navigator, use_settings};
use crate::text::{Language, Text};
use kubarium_core::manifest::{ManifestError, Place};
use kubarium_core::sim::{Scenario, Words, shipped};
use yew::prelude::*;

/// A text in the page's language.
const fn in_language(words: &Words, language: Language) -> &String {
    match language {
        Language::English => &words.en,
        Language::Chinese => &words.zh,
    }
}

/// What the scenario of an address is called; empty where it cannot be read.
pub(crate) fn scenario_title(word: &str, language: Language) -> String {
    let title = Scenario::parse(&scenario::text_of(word)).map(|s| in_language(&s.title, language).clone());
    title.map_or_else(|_| String::new(), |t| if t.is_empty() { language.text(Text::OwnScenario).to_owned() } else { t })
}

/// Where a scenario begins: at the dashboard, with nothing selected or filtered.
fn beginning(word: &str) -> Address {
    Address::default().with(Field::Scenario, word)
}

#[component]
pub(crate) fn Scenarios() -> Html {
    let language = use_settings().language;
    let t = |text| language.text(text);
    let address = use_address();
    let navigator = use_navigator();
    let errors = use_state(Vec::<ManifestError>::new);
    let all = use_memo((), |()| {
        let read = shipped().iter().filter_map(|s| Some((s.name, s.scenario().ok()?)));
        read.map(|(name, s)| (name, s.title, s.description)).collect::<Vec<_>>()
    });
    let played = scenario::shipped_by(address.get(Field::Scenario)).map(|s| s.name);
    let close = {
        let (navigator, address) = (navigator.clone(), address.clone());
        Callback::from(move |()| navigator.go(address.clone().with(Field::Dialog, "")))
    };
    let submit = {
        let errors = errors.clone();
        Callback::from(move |text: String| match Scenario::parse(&text) {
            Ok(_) => match scenario::word_for(&text) {
                Some(word) => navigator.go(beginning(&word)),
                None => errors.set(vec![ManifestError {
                    place: Place { line: 1, column: 1 },
                    field: String::new(),
                    message: language.text(Text::ScenarioTooLong).to_owned(),
                }]),
            },
            Err(error) => errors.set(vec![error]),
        })
    };
    let links = all.iter().enumerate().map(|(number, (name, title, description))| {
        // The demo is what a bare address shows.
        let to = beginning(if number == 0 { "" } else { name });
        let current = (Some(*name) == played).then_some("true");
        html! {
            <li>
                <a href={to.fragment()} aria-current={current} data-testid={format!("scenario-{name}")}>
                    <strong>{ in_language(title, language) }</strong>
                    <span class="quiet-text">{ in_language(description, language) }</span>
                </a>
            </li>
        }
    });
    html! {
        <Dialog title={t(Text::Scenarios)} {close}>
            <ul class="scenarios" data-testid="scenarios">{ for links }</ul>
            <ManifestInput name="scenario" label={Text::PasteScenario} action={Text::PlayScenario} rows={4}
                placeholder={"apiVersion: kubarium.io/v1\nkind: Scenario\n…"} errors={(*errors).clone()} {submit} />
        </Dialog>
    }
}
