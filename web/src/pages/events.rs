//! The stream of events, the latest first.

use super::list::{Entry, Listing, Order};
use crate::components::{Column, TableRow, span_text};
use crate::state::Selection;
use crate::text::Text;
use kubarium_core::api::{EventKind, Name};
use yew::prelude::*;

pub(super) static LISTING: Listing = Listing {
    title: Text::Events,
    none: Text::NoEvents,
    columns: &[
        Column::text("object", Text::Object),
        Column::number("last", Text::LastSeen),
        Column::text("type", Text::Type),
        Column::text("reason", Text::Reason),
        Column::text("message", Text::Message),
        Column::number("count", Text::Count),
        Column::text("component", Text::Source),
    ],
    sort: "last",
    testid: "events",
    total: |rows| rows.events().len(),
    entries: |rows, filter, column, each| {
        for (number, event) in rows.events().iter().filter(|(_, e)| filter.namespace(&e.namespace)) {
            if !filter.words(&[&event.object.1, &event.about, &event.reason, &event.message, &event.component]) {
                continue;
            }
            // The latest come first among equals.
            let number = -(*number as i64);
            let order = match column {
                "object" => format!("{} {} {}", event.about, event.object.0, event.object.1).into(),
                "type" => Order::Number((event.kind != EventKind::Warning).into()),
                "reason" => (&event.reason).into(),
                "message" => event.message.to_string().into(),
                "count" => Order::Number(event.count.into()),
                "component" => (&event.component).into(),
                _ => Order::Number(number),
            };
            each(order, Entry { namespace: Name::default(), name: Name::default(), number });
        }
    },
    row: |rows, entry, now, _| {
        let event = rows.events().get(&u64::try_from(-entry.number).ok()?)?;
        Some(TableRow {
            selection: Selection::new(&event.about, &event.object.0, &event.object.1),
            cells: vec![
                html! { format!("{} {}", event.about, event.object.1) },
                html! { span_text(now.since(event.last)) },
                html! {
                    <span class={classes!((event.kind == EventKind::Warning).then_some("is-loud"))}>
                        { event.kind.as_str() }
                    </span>
                },
                html! { event.reason.as_str() },
                html! { <span title={event.message.to_string()}>{ &*event.message }</span> },
                html! { event.count },
                html! { event.component.as_str() },
            ],
        })
    },
};
