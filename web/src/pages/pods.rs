//! All pods.

use super::list::{Entry, Listing, Order, or_dash};
use crate::components::{Column, StateMark, TableRow, span_text};
use crate::state::{Selection, use_address};
use crate::text::Text;
use yew::prelude::*;

pub(super) static LISTING: Listing = Listing {
    title: Text::Pods,
    none: Text::NoPods,
    columns: &[
        Column::text("name", Text::Name),
        Column::text("namespace", Text::Namespace),
        Column::text("state", Text::State),
        Column::number("ready", Text::ReadyContainers),
        Column::number("restarts", Text::Restarts),
        Column::text("node", Text::Node),
        Column::text("ip", Text::Address),
        Column::number("age", Text::Age),
    ],
    sort: "name",
    testid: "pods",
    total: |rows| rows.pod_count(),
    entries: |rows, filter, column, each| {
        for (_, pod) in rows.pods().filter(|(_, p)| filter.pod(p, rows)) {
            let order = match column {
                "namespace" => (&pod.namespace).into(),
                "state" => Order::Number(pod.state as i64),
                "ready" => Order::Number(i64::from(pod.ready) << 16 | i64::from(pod.containers)),
                "restarts" => Order::Number(pod.restarts.into()),
                "node" => (&pod.node).into(),
                "ip" => (&pod.ip).into(),
                "age" => Order::Number(-pod.created.0),
                _ => (&pod.name).into(),
            };
            each(order, Entry::new(&pod.namespace, &pod.name));
        }
    },
    row: |rows, entry, now, _| {
        let pod = rows.pod(rows.pod_slot(&entry.namespace, &entry.name)?)?;
        Some(TableRow {
            selection: Selection::new("Pod", &pod.namespace, &pod.name),
            cells: vec![
                html! { pod.name.as_str() },
                html! { pod.namespace.as_str() },
                html! { <><StateMark state={pod.state} /> if !pod.reason.is_empty() { <span class="quiet-text" title={pod.message.to_string()}>{ pod.reason.as_str() }</span> }</> },
                html! { format!("{}/{}", pod.ready, pod.containers) },
                html! { pod.restarts },
                html! { <NodeLink node={pod.node.to_string()} /> },
                html! { or_dash(&pod.ip) },
                html! { span_text(now.since(pod.created)) },
            ],
        })
    },
};

#[derive(PartialEq, Properties)]
struct NodeLinkProps {
    node: String,
}

/// The way to a node.
#[component]
fn NodeLink(props: &NodeLinkProps) -> Html {
    let address = use_address();
    if props.node.is_empty() {
        return html! { "–" };
    }
    let to = address.selecting(Some(Selection::new("Node", "", &props.node)));
    html! { <a href={to.fragment()}>{ &props.node }</a> }
}
