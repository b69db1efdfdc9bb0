//! All nodes.

use super::controllers::pairs_text;
use super::filter::{Filter, PageBar};
use super::hosts::Hosts;
use crate::client::use_session;
use crate::components::{Column, Table, TableRow, bytes_text, cpu_text, percent, sorted_by, span_text};
use crate::state::{Selection, World, use_address, use_feed, use_settings};
use crate::text::Text;
use kubarium_core::view::{NodeReadiness, NodeRow, Place};
use yew::prelude::*;

const COLUMNS: &[Column] = &[
    Column::text("name", Text::Name),
    Column::text("readiness", Text::Readiness),
    Column::text("zone", Text::Zone),
    Column::number("cpu", Text::Cpu),
    Column::number("memory", Text::Memory),
    Column::number("pods", Text::Pods),
    Column::text("version", Text::Version),
    Column::number("age", Text::Age),
];

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

#[component]
pub(super) fn Nodes() -> Html {
    let settings = use_settings();
    let language = settings.language;
    let session = use_session();
    let address = use_address();
    let feed = use_feed(400);
    let filter = Filter::new(&address);
    let (shown, total) = {
        let rows = feed.rows();
        let mut shown: Vec<(&NodeRow, &Place)> =
            rows.nodes().filter(|(n, _)| filter.words(&[&n.name, &n.zone, &pairs_text(&n.labels)])).collect();
        sorted_by(&mut shown, &address, "name", |key, (a, ap), (b, bp)| {
            match key {
                "readiness" => (a.readiness, a.cordoned).cmp(&(b.readiness, b.cordoned)),
                "zone" => a.zone.cmp(&b.zone),
                "cpu" => percent(ap.requested.cpu_milli, a.allocatable.cpu_milli)
                    .cmp(&percent(bp.requested.cpu_milli, b.allocatable.cpu_milli)),
                "memory" => percent(ap.requested.memory_bytes, a.allocatable.memory_bytes)
                    .cmp(&percent(bp.requested.memory_bytes, b.allocatable.memory_bytes)),
                "pods" => ap.requested.pods.cmp(&bp.requested.pods),
                "version" => a.version.cmp(&b.version),
                "age" => b.created.cmp(&a.created),
                _ => a.name.cmp(&b.name),
            }
            .then_with(|| a.name.cmp(&b.name))
        });
        let names: Vec<_> = shown.iter().map(|(n, _)| n.name.clone()).collect();
        (names, rows.nodes().count())
    };
    let count = shown.len();
    let rows = {
        let feed = feed.clone();
        Callback::from(move |range: std::ops::Range<usize>| {
            let rows = feed.rows();
            let now = feed.clock().now;
            let row = |name: &kubarium_core::api::Name| {
                let place = rows.places().get(name)?;
                let node = place.node.as_ref()?;
                let ready = node.readiness == NodeReadiness::Ready;
                let has = node.allocatable;
                let used = place.requested;
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
                        html! { if node.zone.is_empty() { { "–" } } else { { node.zone.as_str() } } },
                        gauge(
                            used.cpu_milli,
                            has.cpu_milli,
                            format!("{} / {}", cpu_text(used.cpu_milli), cpu_text(has.cpu_milli)),
                        ),
                        gauge(
                            used.memory_bytes,
                            has.memory_bytes,
                            format!("{} / {}", bytes_text(used.memory_bytes), bytes_text(has.memory_bytes)),
                        ),
                        gauge(used.pods, has.pods, format!("{} / {}", used.pods, has.pods)),
                        html! { node.version.as_str() },
                        html! { span_text(now.since(node.created)) },
                    ],
                })
            };
            shown.get(range).unwrap_or_default().iter().filter_map(row).collect()
        })
    };
    let empty = language.text(if total == 0 { Text::NoNodes } else { Text::NothingMatches });
    html! {
        <div class="page">
            <PageBar title={Text::Nodes} shown={count} {total} />
            if session.world == World::Live {
                <Hosts />
            }
            <Table caption={Text::Nodes} columns={COLUMNS} default_sort="name" {count} {rows} {empty} testid="nodes" />
        </div>
    }
}
