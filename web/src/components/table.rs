//! A table of any length: only the rows in sight are drawn, and every column sorts.
//!
//! Who uses it sorts; the table only says what was asked for.

use crate::state::{Field, Selection, use_address, use_navigator, use_settings};
use crate::text::Text;
use gloo_timers::callback::Timeout;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use yew::prelude::*;

/// Height of a row in CSS pixels; `pages.css` has the same.
const ROW: usize = 32;
/// Rows drawn above and below what is in sight.
const MARGIN: usize = 12;
/// After how long without scrolling the address is told where it stands.
const REST_MS: u32 = 300;
/// Rows in sight before the first measurement.
const FIRST: usize = 40;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Column {
    /// Its word in the address.
    pub(crate) key: &'static str,
    /// Its head.
    pub(crate) label: Text,
    /// Whether it holds numbers, which stand on the right.
    pub(crate) numeric: bool,
}

impl Column {
    pub(crate) const fn text(key: &'static str, label: Text) -> Self {
        Self { key, label, numeric: false }
    }

    pub(crate) const fn number(key: &'static str, label: Text) -> Self {
        Self { key, label, numeric: true }
    }
}

/// A row.
#[derive(Clone, PartialEq)]
pub(crate) struct TableRow {
    /// What a click selects; the first cell links to it.
    pub(crate) selection: Selection,
    /// One cell for each column.
    pub(crate) cells: Vec<Html>,
}

#[derive(PartialEq, Properties)]
pub(crate) struct TableProps {
    /// What the table lists, for screen readers.
    pub(crate) caption: Text,
    pub(crate) columns: &'static [Column],
    /// The column that sorts it.
    pub(crate) sort: String,
    /// Whether the order is turned round.
    pub(crate) down: bool,
    /// How many rows there are.
    pub(crate) count: usize,
    /// Makes the rows of a range.
    pub(crate) rows: Callback<std::ops::Range<usize>, Vec<TableRow>>,
    /// What is said where there are none.
    pub(crate) empty: AttrValue,
    /// Name for tests.
    pub(crate) testid: &'static str,
}

#[component]
pub(crate) fn Table(props: &TableProps) -> Html {
    let settings = use_settings();
    let address = use_address();
    let navigator = use_navigator();
    let frame = use_node_ref();
    let sight = use_state_eq(|| (0usize, FIRST));
    // The address hears of it once the scrolling has come to rest.
    let rest = use_mut_ref(|| None::<Timeout>);
    let on_scroll = {
        let (frame, sight, navigator) = (frame.clone(), sight.clone(), navigator.clone());
        Callback::from(move |_: Event| {
            if let Some(frame) = frame.cast::<HtmlElement>() {
                let top = frame.scroll_top().max(0) as usize / ROW;
                sight.set((top, frame.client_height().max(0) as usize / ROW + 1));
                let (navigator, row) = (navigator.clone(), if top == 0 { String::new() } else { top.to_string() });
                *rest.borrow_mut() = Some(Timeout::new(REST_MS, move || navigator.keep(Field::Scroll, row)));
            }
        })
    };
    // A link leads to the row it names, as soon as there are so many.
    let wanted = use_mut_ref(|| address.get(Field::Scroll).parse::<usize>().unwrap_or(0));
    use_effect_with(props.count, {
        let frame = frame.clone();
        move |count| {
            let row = *wanted.borrow();
            if row > 0
                && *count > row
                && let Some(frame) = frame.cast::<HtmlElement>()
            {
                frame.set_scroll_top((row * ROW) as i32);
                *wanted.borrow_mut() = 0;
            }
        }
    });
    use_effect_with(address.page, {
        let (frame, sight) = (frame.clone(), sight.clone());
        move |_| {
            if let Some(frame) = frame.cast::<HtmlElement>() {
                sight.set((0, frame.client_height().max(0) as usize / ROW + 1));
            }
        }
    });

    let (top, height) = *sight;
    let first = top.saturating_sub(MARGIN).min(props.count);
    let last = (top + height + MARGIN).min(props.count);
    let rows = props.rows.emit(first..last);

    let head = props.columns.iter().map(|column| {
        let active = column.key == props.sort;
        let aria = match (active, props.down) {
            (false, _) => None,
            (true, false) => Some("ascending"),
            (true, true) => Some("descending"),
        };
        let next = if active && !props.down { format!("-{}", column.key) } else { column.key.to_owned() };
        let onclick = {
            let (navigator, address) = (navigator.clone(), address.clone());
            Callback::from(move |_: MouseEvent| navigator.replace(address.clone().with(Field::Sort, next.clone())))
        };
        let arrow = match aria {
            Some("ascending") => "↑",
            Some(_) => "↓",
            None => "",
        };
        html! {
            <th scope="col" aria-sort={aria} class={classes!(column.numeric.then_some("is-number"))}>
                <button class="quiet table-sort" {onclick}>
                    { settings.language.text(column.label) }<span class="table-arrow" aria-hidden="true">{ arrow }</span>
                </button>
            </th>
        }
    });

    let body = rows.into_iter().zip(first..).map(|(row, index)| {
        let selected = address.selection.as_ref() == Some(&row.selection);
        let target = address.clone().selecting(Some(row.selection.clone()));
        let href = target.fragment();
        let onclick = {
            let navigator = navigator.clone();
            Callback::from(move |event: MouseEvent| {
                let in_control = event
                    .target()
                    .and_then(|t| t.dyn_into::<HtmlElement>().ok())
                    .is_some_and(|e| matches!(e.tag_name().as_str(), "A" | "BUTTON" | "INPUT"));
                if !in_control {
                    navigator.go(target.clone());
                }
            })
        };
        let key = format!("{}/{}/{}", row.selection.kind, row.selection.namespace, row.selection.name);
        let mut cells = row.cells.into_iter().zip(props.columns);
        let name = cells.next().map(|(cell, _)| html! { <th scope="row"><a {href}>{ cell }</a></th> });
        html! {
            <tr {key} {onclick} class={classes!(selected.then_some("is-selected"))}
                aria-selected={selected.to_string()} aria-rowindex={(index + 2).to_string()}>
                { for name }
                { for cells.map(|(cell, column)| html! {
                    <td class={classes!(column.numeric.then_some("is-number"))}>{ cell }</td>
                }) }
            </tr>
        }
    });

    let gap = |rows: usize| html! { <tr class="table-gap" aria-hidden="true" style={format!("height:{}px", rows * ROW)}></tr> };
    html! {
        <div class="table-frame" ref={frame} onscroll={on_scroll} data-testid={props.testid} tabindex="0"
            role="region" aria-label={settings.language.text(props.caption)}>
            <table class="table" aria-rowcount={(props.count + 1).to_string()}>
                <caption class="unseen">{ settings.language.text(props.caption) }</caption>
                <thead><tr>{ for head }</tr></thead>
                <tbody>
                    if first > 0 { { gap(first) } }
                    { for body }
                    if last < props.count { { gap(props.count - last) } }
                </tbody>
            </table>
            if props.count == 0 {
                <p class="empty">{ &props.empty }</p>
            }
        </div>
    }
}
