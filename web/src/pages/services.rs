//! All services.

use super::list::{Entry, Listing, Order, pairs_text};
use crate::components::{Column, TableRow, span_text};
use crate::state::Selection;
use crate::text::Text;
use kubarium_core::view::ServicePort;
use yew::prelude::*;

/// Ports as kubectl writes them: `80/TCP,443:30443/TCP`.
fn ports_text(ports: &[ServicePort]) -> String {
    let port = |p: &ServicePort| match p.node_port {
        Some(node_port) => format!("{}:{node_port}/{}", p.port, p.protocol),
        None => format!("{}/{}", p.port, p.protocol),
    };
    ports.iter().map(port).collect::<Vec<_>>().join(",")
}

pub(super) static LISTING: Listing = Listing {
    title: Text::Services,
    none: Text::NoServices,
    columns: &[
        Column::text("name", Text::Name),
        Column::text("namespace", Text::Namespace),
        Column::text("type", Text::Type),
        Column::text("ip", Text::ClusterIp),
        Column::text("ports", Text::Ports),
        Column::number("ready", Text::ReadyEndpoints),
        Column::text("selector", Text::Selector),
        Column::number("age", Text::Age),
    ],
    sort: "name",
    testid: "services",
    total: |rows| rows.services().len(),
    entries: |rows, filter, column, each| {
        for s in rows.services().values().filter(|s| filter.namespace(&s.namespace)) {
            if !filter.words(&[&s.name, &s.namespace, &s.kind, &s.cluster_ip, &pairs_text(&s.selector)]) {
                continue;
            }
            let order = match column {
                "namespace" => (&s.namespace).into(),
                "type" => (&s.kind).into(),
                "ip" => (&s.cluster_ip).into(),
                "ports" => ports_text(&s.ports).into(),
                "ready" => Order::Number(s.ready.into()),
                "selector" => pairs_text(&s.selector).into(),
                "age" => Order::Number(-s.created.0),
                _ => (&s.name).into(),
            };
            each(order, Entry::new(&s.namespace, &s.name));
        }
    },
    row: |rows, entry, now, _| {
        let service = rows.services().get(&(entry.namespace.clone(), entry.name.clone()))?;
        let bare = service.ready == 0 && !service.selector.is_empty();
        Some(TableRow {
            selection: Selection::new("Service", &service.namespace, &service.name),
            cells: vec![
                html! { service.name.as_str() },
                html! { service.namespace.as_str() },
                html! { service.kind.as_str() },
                html! { service.cluster_ip.as_str() },
                html! { ports_text(&service.ports) },
                html! {
                    <span class={classes!(bare.then_some("is-loud"))}>
                        { format!("{} / {}", service.ready, service.ready + service.not_ready) }
                    </span>
                },
                html! { <code>{ pairs_text(&service.selector) }</code> },
                html! { span_text(now.since(service.created)) },
            ],
        })
    },
};
