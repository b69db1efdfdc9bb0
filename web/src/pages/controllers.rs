//! All controllers.

use super::filter::{Filter, PageBar};
use crate::components::{Column, Table, TableRow, sorted_by, span_text};
use crate::state::{Selection, use_address, use_feed, use_settings};
use crate::text::Text;
use kubarium_core::api::{Kind, Name};
use kubarium_core::view::ControllerRow;
use yew::prelude::*;

const COLUMNS: &[Column] = &[
    Column::text("name", Text::Name),
    Column::text("namespace", Text::Namespace),
    Column::number("desired", Text::Desired),
    Column::number("current", Text::Current),
    Column::number("ready", Text::StateReady),
    Column::text("images", Text::Images),
    Column::text("selector", Text::Selector),
    Column::number("age", Text::Age),
];

/// Pairs as people type them: `a=b,c=d`.
pub(super) fn pairs_text(pairs: &[(Name, Name)]) -> String {
    pairs.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",")
}

#[component]
pub(super) fn Controllers() -> Html {
    let settings = use_settings();
    let address = use_address();
    let feed = use_feed(400);
    let filter = Filter::new(&address);
    let (shown, total) = {
        let rows = feed.rows();
        let mut shown: Vec<&ControllerRow> = rows
            .controllers()
            .values()
            .filter(|c| filter.namespace(&c.namespace))
            .filter(|c| filter.words(&[&c.name, &c.namespace, &pairs_text(&c.selector), &c.images.join(" ")]))
            .collect();
        sorted_by(&mut shown, &address, "name", |key, a, b| {
            match key {
                "namespace" => a.namespace.cmp(&b.namespace),
                "desired" => a.desired.cmp(&b.desired),
                "current" => a.current.cmp(&b.current),
                "ready" => a.ready.cmp(&b.ready),
                "images" => a.images.cmp(&b.images),
                "selector" => a.selector.cmp(&b.selector),
                "age" => b.created.cmp(&a.created),
                _ => a.name.cmp(&b.name),
            }
            .then_with(|| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)))
        });
        let keys: Vec<_> = shown.iter().map(|c| (c.kind, c.namespace.clone(), c.name.clone())).collect();
        (keys, rows.controllers().len())
    };
    let count = shown.len();
    let rows = {
        let feed = feed.clone();
        Callback::from(move |range: std::ops::Range<usize>| {
            let rows = feed.rows();
            let now = feed.clock().now;
            let row = |key: &(Kind, Name, Name)| {
                let controller = rows.controllers().get(key)?;
                let short = controller.ready < controller.desired;
                Some(TableRow {
                    selection: Selection::new(controller.kind.info().kind, &controller.namespace, &controller.name),
                    cells: vec![
                        html! { controller.name.as_str() },
                        html! { controller.namespace.as_str() },
                        html! { controller.desired },
                        html! { controller.current },
                        html! { <span class={classes!(short.then_some("is-loud"))}>{ controller.ready }</span> },
                        html! { controller.images.join(", ") },
                        html! { <code>{ pairs_text(&controller.selector) }</code> },
                        html! { span_text(now.since(controller.created)) },
                    ],
                })
            };
            shown.get(range).unwrap_or_default().iter().filter_map(row).collect()
        })
    };
    let empty = settings.language.text(if total == 0 { Text::NoControllers } else { Text::NothingMatches });
    html! {
        <div class="page">
            <PageBar title={Text::Controllers} shown={count} {total} />
            <Table caption={Text::Controllers} columns={COLUMNS} default_sort="name" {count} {rows} {empty}
                testid="controllers" />
        </div>
    }
}
