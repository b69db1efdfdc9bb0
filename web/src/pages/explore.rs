//! Explore: pods in groups by any of their labels.

use super::filter::{Filter, PageBar};
use crate::components::state_text;
use crate::state::{Address, Field, Page, use_address, use_feed, use_navigator, use_settings};
use crate::text::Text;
use kubarium_core::order;
use kubarium_core::view::PodState;
use wasm_bindgen::JsCast;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

/// The pods of one value of the label.
#[derive(Debug, Default)]
struct Group {
    states: [u32; PodState::COUNT],
    nodes: order::Set<kubarium_core::api::Name>,
}

/// The label pods are grouped by: the address's, else the most usual of those that are there.
fn chosen(address: &Address, keys: &order::Set<String>) -> String {
    let asked = address.get(Field::Group);
    if !asked.is_empty() {
        return asked.to_owned();
    }
    let usual = ["app", "app.kubernetes.io/name", "tier", "name"];
    let known = usual.into_iter().find(|k| keys.contains(*k)).map(str::to_owned);
    known.or_else(|| keys.first().cloned()).unwrap_or_default()
}

#[component]
pub(super) fn Explore() -> Html {
    let settings = use_settings();
    let t = |text| settings.language.text(text);
    let address = use_address();
    let navigator = use_navigator();
    let feed = use_feed(400);
    let filter = Filter::new(&address);
    let rows = feed.rows();
    let keys =
        rows.labels().iter().flat_map(|(_, pairs)| pairs.iter().map(|(k, _)| k.to_string())).collect::<order::Set<_>>();
    let key = chosen(&address, &keys);
    let mut groups: order::Map<Option<String>, Group> = order::Map::new();
    let mut shown = 0;
    for (_, pod) in rows.pods_by_slot().filter(|(_, p)| filter.pod(p, &rows)) {
        let value = rows.labels().value(pod.labels, &key).map(ToString::to_string);
        let group = groups.entry(value).or_default();
        group.states[pod.state as usize] += 1;
        if !pod.node.is_empty() {
            group.nodes.insert(pod.node.clone());
        }
        shown += 1;
    }
    let total = rows.pod_count();
    let most = groups.values().map(|g| g.states.iter().sum::<u32>()).max().unwrap_or(1).max(1);
    let choose = {
        let (navigator, address) = (navigator.clone(), address.clone());
        Callback::from(move |event: Event| {
            if let Some(select) = event.target().and_then(|t| t.dyn_into::<HtmlSelectElement>().ok()) {
                navigator.go(address.clone().with(Field::Group, select.value()));
            }
        })
    };
    let cards = groups.iter().map(|(value, group)| {
        let count: u32 = group.states.iter().sum();
        let selector = match value {
            Some(value) => format!("{key}={value}"),
            None => format!("!{key}"),
        };
        let pods = address.on(Page::Pods).with(Field::Labels, selector);
        let bars = PodState::ALL.into_iter().filter(|s| group.states[*s as usize] > 0).map(|s| {
            let n = group.states[s as usize];
            html! {
                <span class={classes!("group-part", format!("state-{}", s.as_str()))} style={format!("flex-grow:{n}")}
                    title={format!("{}: {n}", t(state_text(s)))}></span>
            }
        });
        let words = PodState::ALL.into_iter().filter(|s| group.states[*s as usize] > 0);
        let words: Vec<_> = words.map(|s| format!("{} {}", group.states[s as usize], t(state_text(s)))).collect();
        html! {
            <li class="group" key={value.clone().unwrap_or_default()}>
                <a href={pods.fragment()} class="group-name">
                    { value.clone().unwrap_or_else(|| t(Text::WithoutLabel).to_owned()) }
                </a>
                <span class="group-count">{ count }</span>
                <span class="group-bar" aria-hidden="true" style={format!("width:{}%", (count * 100 / most).max(2))}>
                    { for bars }
                </span>
                <span class="group-words">
                    { words.join(", ") }{ " · " }
                    { settings.language.fill(Text::OnNodes, &[&group.nodes.len().to_string()]) }
                </span>
            </li>
        }
    });
    html! {
        <div class="page">
            <PageBar title={Text::Explore} {shown} {total} />
            <div class="page-body">
                <label class="filter">
                    <span>{ t(Text::GroupBy) }</span>
                    <select onchange={choose} data-testid="group-by">
                        { for keys.iter().map(|k| html! { <option value={k.clone()} selected={*k == key}>{ k }</option> }) }
                    </select>
                </label>
                <ul class="groups" data-testid="groups">{ for cards }</ul>
                if shown == 0 {
                    <p class="empty">{ t(if total == 0 { Text::NoPods } else { Text::NothingMatches }) }</p>
                }
            </div>
        </div>
    }
}
