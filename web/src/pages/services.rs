//! All services.

use super::controllers::pairs_text;
use super::filter::{Filter, PageBar};
use crate::components::{Column, Table, TableRow, sorted_by, span_text};
use crate::state::{Selection, use_address, use_feed, use_settings};
use crate::text::Text;
use kubarium_core::view::{Id, ServicePort, ServiceRow};
use yew::prelude::*;

const COLUMNS: &[Column] = &[
    Column::text("name", Text::Name),
    Column::text("namespace", Text::Namespace),
    Column::text("type", Text::Type),
    Column::text("ip", Text::ClusterIp),
    Column::text("ports", Text::Ports),
    Column::number("ready", Text::ReadyEndpoints),
    Column::text("selector", Text::Selector),
    Column::number("age", Text::Age),
];

/// Ports as kubectl writes them: `80/TCP,443:30443/TCP`.
pub(super) fn ports_text(ports: &[ServicePort]) -> String {
    let port = |p: &ServicePort| match p.node_port {
        Some(node_port) => format!("{}:{node_port}/{}", p.port, p.protocol),
        None => format!("{}/{}", p.port, p.protocol),
    };
    ports.iter().map(port).collect::<Vec<_>>().join(",")
}

#[component]
pub(super) fn Services() -> Html {
    let settings = use_settings();
    let address = use_address();
    let feed = use_feed(400);
    let filter = Filter::new(&address);
    let (shown, total) = {
        let rows = feed.rows();
        let mut shown: Vec<&ServiceRow> = rows
            .services()
            .values()
            .filter(|s| filter.namespace(&s.namespace))
            .filter(|s| filter.words(&[&s.name, &s.namespace, &s.kind, &s.cluster_ip, &pairs_text(&s.selector)]))
            .collect();
        sorted_by(&mut shown, &address, "name", |key, a, b| {
            match key {
                "namespace" => a.namespace.cmp(&b.namespace),
                "type" => a.kind.cmp(&b.kind),
                "ip" => a.cluster_ip.cmp(&b.cluster_ip),
                "ports" => ports_text(&a.ports).cmp(&ports_text(&b.ports)),
                "ready" => a.ready.cmp(&b.ready),
                "selector" => a.selector.cmp(&b.selector),
                "age" => b.created.cmp(&a.created),
                _ => a.name.cmp(&b.name),
            }
            .then_with(|| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)))
        });
        let ids: Vec<Id> = shown.iter().map(|s| (s.namespace.clone(), s.name.clone())).collect();
        (ids, rows.services().len())
    };
    let count = shown.len();
    let rows = {
        let feed = feed.clone();
        Callback::from(move |range: std::ops::Range<usize>| {
            let rows = feed.rows();
            let now = feed.clock().now;
            let row = |id: &Id| {
                let service = rows.services().get(id)?;
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
            };
            shown.get(range).unwrap_or_default().iter().filter_map(row).collect()
        })
    };
    let empty = settings.language.text(if total == 0 { Text::NoServices } else { Text::NothingMatches });
    html! {
        <div class="page">
            <PageBar title={Text::Services} shown={count} {total} />
            <Table caption={Text::Services} columns={COLUMNS} default_sort="name" {count} {rows} {empty} testid="services" />
        </div>
    }
}
