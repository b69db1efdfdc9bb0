//! What an address lets through, and the controls that say so.

use super::list::pairs_text;
use crate::components::{Icon, IconName, state_text};
use crate::state::{Address, Field, Page, use_address, use_feed, use_navigator, use_settings};
use crate::text::Text;
use kubarium_core::api::Selector;
use kubarium_core::order;
use kubarium_core::view::{PodRow, PodState, Rows};
use wasm_bindgen::JsCast;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

/// The filters of an address, read once.
#[derive(Debug)]
pub(super) struct Filter {
    words: Vec<String>,
    namespace: String,
    state: Option<PodState>,
    node: String,
    labels: Option<Selector>,
}

impl Filter {
    pub(super) fn new(address: &Address) -> Self {
        Self {
            words: address.get(Field::Search).to_ascii_lowercase().split_whitespace().map(str::to_owned).collect(),
            namespace: address.get(Field::Namespace).to_owned(),
            state: PodState::parse(address.get(Field::State)),
            node: address.get(Field::Node).to_owned(),
            labels: Some(address.get(Field::Labels)).filter(|l| !l.is_empty()).and_then(|l| Selector::parse(l).ok()),
        }
    }

    /// Whether every word is in one of the texts.
    pub(super) fn words(&self, texts: &[&str]) -> bool {
        self.words.iter().all(|word| texts.iter().any(|text| text.to_ascii_lowercase().contains(word.as_str())))
    }

    pub(super) fn namespace(&self, namespace: &str) -> bool {
        self.namespace.is_empty() || self.namespace == namespace
    }

    pub(super) fn pod(&self, pod: &PodRow, rows: &Rows) -> bool {
        if !self.namespace(&pod.namespace)
            || self.state.is_some_and(|s| s != pod.state)
            || (!self.node.is_empty() && self.node != pod.node)
        {
            return false;
        }
        let pairs = rows.labels().get(pod.labels);
        if let Some(selector) = &self.labels {
            let map = order::map(pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())));
            if !selector.matches(&map) {
                return false;
            }
        }
        if self.words.is_empty() {
            return true;
        }
        let labels = pairs_text(pairs);
        self.words(&[&pod.name, &pod.namespace, &pod.node, &pod.reason, pod.state.as_str(), &labels])
    }
}

/// The bar above every list: how many there are, filters, and the way to new objects.
#[derive(PartialEq, Properties)]
pub(super) struct PageBarProps {
    /// The page's name.
    pub(super) title: Text,
    /// How many are shown.
    pub(super) shown: usize,
    /// How many there are.
    pub(super) total: usize,
}

#[component]
pub(super) fn PageBar(props: &PageBarProps) -> Html {
    let settings = use_settings();
    let t = |text| settings.language.text(text);
    let address = use_address();
    let navigator = use_navigator();
    let feed = use_feed(1_000);
    let set = |field: Field| {
        let (navigator, address) = (navigator.clone(), address.clone());
        Callback::from(move |event: Event| {
            let target = event.target();
            let value = target
                .clone()
                .and_then(|t| t.dyn_into::<HtmlSelectElement>().ok())
                .map(|s| s.value())
                .or_else(|| target.and_then(|t| t.dyn_into::<HtmlInputElement>().ok()).map(|i| i.value()));
            navigator.go(address.clone().with(field, value.unwrap_or_default()));
        })
    };
    let count = if props.shown == props.total {
        props.total.to_string()
    } else {
        settings.language.fill(Text::ShownOf, &[&props.shown.to_string(), &props.total.to_string()])
    };
    let namespaces: Vec<_> = feed.rows().namespaces().iter().cloned().collect();
    let namespace = address.get(Field::Namespace).to_owned();
    let pods = matches!(address.page, Page::Pods | Page::Explore);
    let labels = address.get(Field::Labels).to_owned();
    let wrong = Selector::parse(&labels).err().map(|e| e.to_string());
    let create = {
        let (navigator, address) = (navigator.clone(), address.clone());
        Callback::from(move |_: MouseEvent| navigator.go(address.clone().with(Field::Dialog, "create")))
    };
    let without_node = {
        let (navigator, address) = (navigator.clone(), address.clone());
        Callback::from(move |_: MouseEvent| navigator.go(address.clone().with(Field::Node, "")))
    };
    html! {
        <div class="page-bar">
            <h1>{ t(props.title) } <span class="count" data-testid="count">{ count }</span></h1>
            if address.page != Page::Nodes {
                <label class="filter">
                    <span>{ t(Text::Namespace) }</span>
                    <select onchange={set(Field::Namespace)} data-testid="filter-namespace">
                        <option value="" selected={namespace.is_empty()}>{ t(Text::AllNamespaces) }</option>
                        { for namespaces.into_iter().map(|n| html! {
                            <option value={n.to_string()} selected={namespace == n.as_str()}>{ n.as_str() }</option>
                        }) }
                    </select>
                </label>
            }
            if pods {
                <label class="filter">
                    <span>{ t(Text::State) }</span>
                    <select onchange={set(Field::State)} data-testid="filter-state">
                        <option value="" selected={address.get(Field::State).is_empty()}>{ t(Text::AllStates) }</option>
                        { for PodState::ALL.into_iter().map(|s| html! {
                            <option value={s.as_str()} selected={address.get(Field::State) == s.as_str()}>
                                { t(state_text(s)) }
                            </option>
                        }) }
                    </select>
                </label>
                <label class="filter">
                    <span>{ t(Text::Labels) }</span>
                    <input type="text" value={labels} onchange={set(Field::Labels)} placeholder="app=web"
                        aria-invalid={wrong.is_some().to_string()} title={wrong.clone()} data-testid="filter-labels" />
                </label>
                if !address.get(Field::Node).is_empty() {
                    <button class="chip" onclick={without_node} title={t(Text::ClearFilter)}>
                        { format!("{}: {}", t(Text::Node), address.get(Field::Node)) }<Icon name={IconName::Close} />
                    </button>
                }
            }
            <button class="primary page-bar-create" onclick={create} data-testid="create">
                <Icon name={IconName::Plus} />{ t(Text::CreateFromYaml) }
            </button>
            if let Some(wrong) = wrong {
                <p class="field-error" role="alert">{ wrong }</p>
            }
        </div>
    }
}
