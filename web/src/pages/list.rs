//! A list of objects: filtered, sorted and drawn by one component, from a table of what each kind shows.

use super::filter::{Filter, PageBar};
use crate::components::{Column, Table, TableRow};
use crate::state::{Field, use_address, use_feed, use_settings};
use crate::text::{Language, Text};
use kubarium_core::Time;
use kubarium_core::api::Name;
use kubarium_core::order;
use kubarium_core::view::Rows;
use yew::prelude::*;

/// By what an entry is sorted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    Number(i64),
    Text(Name),
}

impl From<&Name> for Order {
    fn from(name: &Name) -> Self {
        Self::Text(name.clone())
    }
}

impl From<String> for Order {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

/// What a list finds its row again by. Entries that are equal in their column go by these, in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) namespace: Name,
    pub(super) name: Name,
    /// Where names are not enough.
    pub(super) number: i64,
}

impl Entry {
    pub(super) fn new(namespace: &Name, name: &Name) -> Self {
        Self { namespace: namespace.clone(), name: name.clone(), number: 0 }
    }
}

/// Takes an entry and what it is sorted by.
pub(super) type Take<'a> = &'a mut dyn FnMut(Order, Entry);

/// What is listed and how.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) title: Text,
    /// Said where there is none at all.
    pub(super) none: Text,
    pub(super) columns: &'static [Column],
    /// The column that sorts where the address names none.
    pub(super) sort: &'static str,
    /// Name for tests.
    pub(super) testid: &'static str,
    /// How many there are.
    pub(super) total: fn(&Rows) -> usize,
    /// Hands over each that the filter lets through, and what it is sorted by in that column.
    pub(super) entries: fn(&Rows, &Filter, &str, Take<'_>),
    /// The row of an entry; none where it is gone.
    pub(super) row: fn(&Rows, &Entry, Time, Language) -> Option<TableRow>,
}

impl PartialEq for Listing {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// Pairs as people type them: `a=b,c=d`.
pub(super) fn pairs_text(pairs: &[(Name, Name)]) -> String {
    pairs.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",")
}

/// What there may not be.
pub(super) fn or_dash(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}

#[derive(PartialEq, Properties)]
pub(super) struct ListProps {
    pub(super) of: &'static Listing,
    /// What stands above the table.
    #[prop_or_default]
    pub(super) children: Html,
}

#[component]
pub(super) fn List(props: &ListProps) -> Html {
    let of = props.of;
    let language = use_settings().language;
    let address = use_address();
    let feed = use_feed(400);
    let filter = Filter::new(&address);
    let sort = Some(address.get(Field::Sort)).filter(|s| !s.is_empty()).unwrap_or(of.sort);
    let (column, down) = sort.strip_prefix('-').map_or((sort, false), |column| (column, true));
    let mut shown = Vec::new();
    let total = {
        let rows = feed.rows();
        (of.entries)(&rows, &filter, column, &mut |order, entry| shown.push((order, entry)));
        (of.total)(&rows)
    };
    order::sort(&mut shown);
    if down {
        shown.reverse();
    }
    let count = shown.len();
    let rows = Callback::from(move |range: std::ops::Range<usize>| {
        let (rows, now) = (feed.rows(), feed.clock().now);
        let shown = shown.get(range).unwrap_or_default();
        shown.iter().filter_map(|(_, entry)| (of.row)(&rows, entry, now, language)).collect()
    });
    let empty = language.text(if total == 0 { of.none } else { Text::NothingMatches });
    html! {
        <div class="page">
            <PageBar title={of.title} shown={count} {total} />
            { props.children.clone() }
            <Table caption={of.title} columns={of.columns} sort={column.to_owned()} {down} {count} {rows} {empty}
                testid={of.testid} />
        </div>
    }
}
