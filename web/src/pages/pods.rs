//! All pods.

use super::filter::{Filter, PageBar};
use crate::components::{Column, StateMark, Table, TableRow, sorted_by, span_text};
use crate::state::{Selection, use_address, use_feed, use_settings};
use crate::text::Text;
use kubarium_core::view::{PodRow, Slot};
use yew::prelude::*;

const COLUMNS: &[Column] = &[
    Column::text("name", Text::Name),
    Column::text("namespace", Text::Namespace),
    Column::text("state", Text::State),
    Column::number("ready", Text::ReadyContainers),
    Column::number("restarts", Text::Restarts),
    Column::text("node", Text::Node),
    Column::text("ip", Text::Address),
    Column::number("age", Text::Age),
];

#[component]
pub(super) fn Pods() -> Html {
    let settings = use_settings();
    let address = use_address();
    let feed = use_feed(400);
    let filter = Filter::new(&address);
    let mut shown: Vec<Slot> = {
        let rows = feed.rows();
        let mut shown: Vec<(Slot, &PodRow)> = rows.pods().filter(|(_, p)| filter.pod(p, &rows)).collect();
        sorted_by(&mut shown, &address, "name", |key, (_, a), (_, b)| {
            match key {
                "namespace" => a.namespace.cmp(&b.namespace),
                "state" => a.state.cmp(&b.state),
                "ready" => (a.ready, a.containers).cmp(&(b.ready, b.containers)),
                "restarts" => a.restarts.cmp(&b.restarts),
                "node" => a.node.cmp(&b.node),
                "ip" => a.ip.cmp(&b.ip),
                "age" => b.created.cmp(&a.created),
                _ => a.name.cmp(&b.name),
            }
            .then_with(|| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)))
        });
        shown.into_iter().map(|(slot, _)| slot).collect()
    };
    shown.shrink_to_fit();
    let (count, total) = (shown.len(), feed.rows().pod_count());
    let node_link = address.clone();
    let rows = {
        let feed = feed.clone();
        Callback::from(move |range: std::ops::Range<usize>| {
            let rows = feed.rows();
            let now = feed.clock().now;
            let row = |slot: &Slot| {
                let pod = rows.pod(*slot)?;
                let node = if pod.node.is_empty() {
                    html! { "–" }
                } else {
                    let to = node_link.clone().selecting(Some(Selection::new("Node", "", &pod.node)));
                    html! { <a href={to.fragment()}>{ pod.node.as_str() }</a> }
                };
                Some(TableRow {
                    selection: Selection::new("Pod", &pod.namespace, &pod.name),
                    cells: vec![
                        html! { pod.name.as_str() },
                        html! { pod.namespace.as_str() },
                        html! { <><StateMark state={pod.state} /> if !pod.reason.is_empty() { <span class="quiet-text" title={pod.message.to_string()}>{ pod.reason.as_str() }</span> }</> },
                        html! { format!("{}/{}", pod.ready, pod.containers) },
                        html! { pod.restarts },
                        node,
                        html! { if pod.ip.is_empty() { { "–" } } else { { pod.ip.as_str() } } },
                        html! { span_text(now.since(pod.created)) },
                    ],
                })
            };
            shown.get(range).unwrap_or_default().iter().filter_map(row).collect()
        })
    };
    let empty = if total == 0 { Text::NoPods } else { Text::NothingMatches };
    html! {
        <div class="page">
            <PageBar title={Text::Pods} shown={count} {total} />
            <Table caption={Text::Pods} columns={COLUMNS} default_sort="name" {count} {rows}
                empty={settings.language.text(empty)} testid="pods" />
        </div>
    }
}
