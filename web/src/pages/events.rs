//! The stream of events, the latest first.

use super::filter::{Filter, PageBar};
use crate::components::{Column, Table, TableRow, sorted_by, span_text};
use crate::state::{Selection, use_address, use_feed, use_settings};
use crate::text::Text;
use kubarium_core::api::EventKind;
use kubarium_core::view::EventRow;
use yew::prelude::*;

const COLUMNS: &[Column] = &[
    Column::text("object", Text::Object),
    Column::number("last", Text::LastSeen),
    Column::text("type", Text::Type),
    Column::text("reason", Text::Reason),
    Column::text("message", Text::Message),
    Column::number("count", Text::Count),
    Column::text("component", Text::Source),
];

#[component]
pub(super) fn Events() -> Html {
    let settings = use_settings();
    let address = use_address();
    let feed = use_feed(400);
    let filter = Filter::new(&address);
    let (shown, total) = {
        let rows = feed.rows();
        let mut shown: Vec<(u64, &EventRow)> = rows
            .events()
            .iter()
            .filter(|(_, e)| filter.namespace(&e.namespace))
            .filter(|(_, e)| filter.words(&[&e.object.1, &e.about, &e.reason, &e.message, &e.component]))
            .map(|(number, event)| (*number, event))
            .collect();
        sorted_by(&mut shown, &address, "last", |key, (an, a), (bn, b)| {
            match key {
                "object" => (&a.about, &a.object).cmp(&(&b.about, &b.object)),
                "type" => b.kind.as_str().cmp(a.kind.as_str()),
                "reason" => a.reason.cmp(&b.reason),
                "message" => a.message.cmp(&b.message),
                "count" => a.count.cmp(&b.count),
                "component" => a.component.cmp(&b.component),
                _ => std::cmp::Ordering::Equal,
            }
            .then_with(|| bn.cmp(an))
        });
        let numbers: Vec<u64> = shown.iter().map(|(number, _)| *number).collect();
        (numbers, rows.events().len())
    };
    let count = shown.len();
    let rows = {
        let feed = feed.clone();
        Callback::from(move |range: std::ops::Range<usize>| {
            let rows = feed.rows();
            let now = feed.clock().now;
            let row = |number: &u64| {
                let event = rows.events().get(number)?;
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
            };
            shown.get(range).unwrap_or_default().iter().filter_map(row).collect()
        })
    };
    let empty = settings.language.text(if total == 0 { Text::NoEvents } else { Text::NothingMatches });
    html! {
        <div class="page">
            <PageBar title={Text::Events} shown={count} {total} />
            <Table caption={Text::Events} columns={COLUMNS} default_sort="last" {count} {rows} {empty} testid="events" />
        </div>
    }
}
