//! All nodes; of a live cluster its hosts too.

use super::ask::{About, Ask};
use super::hosts::Hosts;
use super::list::{Entry, List, Listing, Order, or_dash, pairs_text};
use crate::client::use_session;
use crate::components::{Column, TableRow, bytes_text, cpu_text, percent, span_text};
use crate::state::{Selection, World};
use crate::text::Text;
use kubarium_core::api::Name;
use kubarium_core::view::NodeReadiness;
use yew::prelude::*;

/// The word for a node's readiness.
pub(super) const fn readiness_text(readiness: NodeReadiness) -> Text {
    match readiness {
        NodeReadiness::Ready => Text::NodeReady,
        NodeReadiness::NotReady => Text::NodeNotReady,
        NodeReadiness::Unknown => Text::NodeUnknown,
    }
}

/// A bar with the share in use, and the share in words.
fn gauge(used: i64, whole: i64, words: String) -> Html {
    let share = percent(used, whole);
    html! {
        <span class="gauge" title={words.clone()}>
            <span class="gauge-words">{ words }</span>
            <span class="gauge-track" aria-hidden="true">
                <span class="gauge-level" style={format!("width:{}%", share.clamp(0, 100))}></span>
            </span>
        </span>
    }
}

static LISTING: Listing = Listing {
    title: Text::Nodes,
    none: Text::NoNodes,
    columns: &[
        Column::text("name", Text::Name),
        Column::text("readiness", Text::Readiness),
        Column::text("zone", Text::Zone),
        Column::number("cpu", Text::Cpu),
        Column::number("memory", Text::Memory),
        Column::number("pods", Text::Pods),
        Column::text("version", Text::Version),
        Column::number("age", Text::Age),
    ],
    sort: "name",
    testid: "nodes",
    total: |rows| rows.nodes().count(),
    entries: |rows, filter, column, each| {
        for (node, place) in rows.nodes() {
            if !filter.words(&[&node.name, &node.zone, &pairs_text(&node.labels)]) {
                continue;
            }
            let (used, has) = (place.requested, node.allocatable);
            let order = match column {
                "readiness" => Order::Number((node.readiness as i64) << 1 | i64::from(node.cordoned)),
                "zone" => (&node.zone).into(),
                "cpu" => Order::Number(percent(used.cpu_milli, has.cpu_milli)),
                "memory" => Order::Number(percent(used.memory_bytes, has.memory_bytes)),
                "pods" => Order::Number(used.pods),
                "version" => (&node.version).into(),
                "age" => Order::Number(-node.created.0),
                _ => (&node.name).into(),
            };
            each(order, Entry::new(&Name::default(), &node.name));
        }
    },
    row: |rows, entry, now, language| {
        let place = rows.places().get(&entry.name)?;
        let node = place.node.as_ref()?;
        let ready = node.readiness == NodeReadiness::Ready;
        let (used, has) = (place.requested, node.allocatable);
        let shares =
            |text: fn(i64) -> String, used: i64, has: i64| gauge(used, has, format!("{} / {}", text(used), text(has)));
        Some(TableRow {
            selection: Selection::new("Node", "", &node.name),
            cells: vec![
                html! { node.name.as_str() },
                html! {
                    <span class={classes!("readiness", (!ready).then_some("is-loud"))}>
                        { language.text(readiness_text(node.readiness)) }
                        if node.cordoned { { format!(", {}", language.text(Text::Cordoned)) } }
                    </span>
                },
                html! { or_dash(&node.zone) },
                shares(cpu_text, used.cpu_milli, has.cpu_milli),
                shares(bytes_text, used.memory_bytes, has.memory_bytes),
                shares(|n| n.to_string(), used.pods, has.pods),
                html! { or_dash(&node.version) },
                html! { span_text(now.since(node.created)) },
            ],
        })
    },
};

#[component]
pub(super) fn Nodes() -> Html {
    let live = use_session().world == World::Live;
    html! {
        <List of={&LISTING}>
            <div class="asks">
                <Ask about={About::Survival} path="survival" />
                <Ask about={About::Pairs} path="survival" />
            </div>
            if live { <Hosts /> }
        </List>
    }
}
