//! All controllers.

use super::list::{Entry, Listing, Order, pairs_text};
use crate::components::{Column, TableRow, span_text};
use crate::state::Selection;
use crate::text::Text;
use kubarium_core::api::Kind;
use yew::prelude::*;

pub(super) static LISTING: Listing = Listing {
    title: Text::Controllers,
    none: Text::NoControllers,
    columns: &[
        Column::text("name", Text::Name),
        Column::text("namespace", Text::Namespace),
        Column::number("desired", Text::Desired),
        Column::number("current", Text::Current),
        Column::number("ready", Text::StateReady),
        Column::text("images", Text::Images),
        Column::text("selector", Text::Selector),
        Column::number("age", Text::Age),
    ],
    sort: "name",
    testid: "controllers",
    total: |rows| rows.controllers().len(),
    entries: |rows, filter, column, each| {
        for c in rows.controllers().values().filter(|c| filter.namespace(&c.namespace)) {
            if !filter.words(&[&c.name, &c.namespace, &pairs_text(&c.selector), &c.images.join(" ")]) {
                continue;
            }
            let order = match column {
                "namespace" => (&c.namespace).into(),
                "desired" => Order::Number(c.desired.into()),
                "current" => Order::Number(c.current.into()),
                "ready" => Order::Number(c.ready.into()),
                "images" => c.images.join(" ").into(),
                "selector" => pairs_text(&c.selector).into(),
                "age" => Order::Number(-c.created.0),
                _ => (&c.name).into(),
            };
            each(order, Entry { number: c.kind as i64, ..Entry::new(&c.namespace, &c.name) });
        }
    },
    row: |rows, entry, now, _| {
        let kind = Kind::ALL.into_iter().find(|kind| *kind as i64 == entry.number)?;
        let controller = rows.controllers().get(&(kind, entry.namespace.clone(), entry.name.clone()))?;
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
    },
};
