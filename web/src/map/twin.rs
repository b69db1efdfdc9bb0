//! The map's twin: the same as a table, for screen readers and for whoever has no canvas.

use crate::components::state_text;
use crate::state::{Selection, use_address, use_feed, use_navigator, use_settings};
use crate::text::Text;
use kubarium_core::view::{NodeReadiness, PodState};
use yew::prelude::*;

/// Nodes beyond these are on the page of nodes, whose table does not hold them all at once.
const NODES_MAX: usize = 200;

#[component]
pub(super) fn Twin() -> Html {
    let settings = use_settings();
    let address = use_address();
    let navigator = use_navigator();
    let feed = use_feed(1_000);
    let rows = feed.rows();
    let t = |text| settings.language.text(text);
    let percent = |part: i64, whole: i64| {
        if whole > 0 { format!("{} %", part.saturating_mul(100) / whole) } else { String::new() }
    };
    let states = |place: &kubarium_core::view::Place| {
        let words = PodState::ALL.into_iter().filter(|s| place.states.get(*s) > 0);
        words.map(|s| format!("{} {}", place.states.get(s), t(state_text(s)))).collect::<Vec<_>>().join(", ")
    };
    html! {
        <div class="unseen">
            <table data-testid="map-twin">
                <caption>{ t(Text::MapTwin) }</caption>
                <thead>
                    <tr>
                        { for [Text::Node, Text::Readiness, Text::Zone, Text::Cpu, Text::Memory, Text::Pods].map(|text| html! {
                            <th scope="col">{ t(text) }</th>
                        }) }
                    </tr>
                </thead>
                <tbody>
                    { for rows.nodes().take(NODES_MAX).map(|(node, place)| {
                        let onclick = {
                            let (navigator, address) = (navigator.clone(), address.clone());
                            let selection = Selection::new("Node", "", &node.name);
                            Callback::from(move |_| navigator.go(address.clone().selecting(Some(selection.clone()))))
                        };
                        let readiness = t(match node.readiness {
                            NodeReadiness::Ready => Text::NodeReady,
                            NodeReadiness::NotReady => Text::NodeNotReady,
                            NodeReadiness::Unknown => Text::NodeUnknown,
                        });
                        html! {
                            <tr key={node.name.to_string()}>
                                <th scope="row"><button tabindex="-1" {onclick}>{ &*node.name }</button></th>
                                <td>{ readiness }{ node.cordoned.then(|| format!(", {}", t(Text::Cordoned))) }</td>
                                <td>{ &*node.zone }</td>
                                <td>{ percent(place.requested.cpu_milli, node.allocatable.cpu_milli) }</td>
                                <td>{ percent(place.requested.memory_bytes, node.allocatable.memory_bytes) }</td>
                                <td>{ states(place) }</td>
                            </tr>
                        }
                    }) }
                </tbody>
            </table>
            if rows.places().len() > NODES_MAX {
                <p>{ t(Text::MoreNodes) }</p>
            }
        </div>
    }
}
