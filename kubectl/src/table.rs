//! Tables that the API made, as `get` prints them.

use crate::go::{self, entries, items, text};
use crate::tabs;
use serde_json::Value;

/// How tables are shown.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command")]
pub(crate) struct Look {
    /// All columns.
    pub(crate) wide: bool,
    /// No line of column names.
    pub(crate) no_head: bool,
    /// A first column of namespaces.
    pub(crate) with_namespace: bool,
    /// What stands before names, such as `pod`.
    pub(crate) kind: Option<String>,
    /// A last column of all labels.
    pub(crate) labels: bool,
    /// Columns of these labels.
    pub(crate) label_columns: Vec<String>,
    /// A first column that says what kind of change a row is.
    pub(crate) with_change: bool,
}

/// A table on its way to be printed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds the rows of a `Table` document. `change` is what `with_change` shows.
    pub(crate) fn add(&mut self, document: &Value, look: &Look, change: &str) {
        let columns = items(document, "/columnDefinitions");
        if self.head.is_empty() {
            self.head = head(columns, look);
        }
        for row in items(document, "/rows") {
            self.rows.push(cells(columns, row, look, change));
        }
    }

    /// The text of the table. Later rows come in columns as wide as those of the first ones: `widths` keeps them.
    pub(crate) fn print(&mut self, look: &Look, widths: &mut Option<Vec<usize>>) -> String {
        let mut lines = Vec::new();
        if widths.is_none() && !look.no_head {
            lines.push(std::mem::take(&mut self.head));
        }
        lines.append(&mut self.rows);
        tabs::columns(&lines, widths)
    }
}

fn shown(column: &Value, look: &Look) -> bool {
    look.wide || column["priority"].as_i64().unwrap_or_default() == 0
}

fn head(columns: &[Value], look: &Look) -> Vec<String> {
    let mut head = Vec::new();
    if look.with_change {
        head.push("EVENT".to_owned());
    }
    if look.with_namespace {
        head.push("NAMESPACE".to_owned());
    }
    head.extend(columns.iter().filter(|column| shown(column, look)).map(|column| text(column, "/name").to_uppercase()));
    head.extend(look.label_columns.iter().map(|label| label.rsplit('/').next().unwrap_or_default().to_uppercase()));
    if look.labels {
        head.push("LABELS".to_owned());
    }
    head
}

fn cells(columns: &[Value], row: &Value, look: &Look, change: &str) -> Vec<String> {
    let mut cells = Vec::new();
    if look.with_change {
        cells.push(change.to_owned());
    }
    if look.with_namespace {
        cells.push(text(row, "/object/metadata/namespace").to_owned());
    }
    let values = items(row, "/cells");
    for (at, value) in columns
        .iter()
        .zip(values)
        .enumerate()
        .filter(|(_, (column, _))| shown(column, look))
        .map(|(at, (_, v))| (at, v))
    {
        let cell = match value {
            Value::Null => String::new(),
            Value::String(text) => match text.find(['\u{c}', '\n', '\r']) {
                Some(end) => format!("{}...", &text[..end]),
                None => text.clone(),
            },
            other => go::plain(other),
        };
        cells.push(match &look.kind {
            Some(kind) if at == 0 => format!("{kind}/{cell}"),
            _ => cell,
        });
    }
    let labels = || entries(row, "/object/metadata/labels");
    for column in &look.label_columns {
        let found = labels().find(|(key, _)| *key == column).and_then(|(_, value)| value.as_str());
        cells.push(found.unwrap_or_default().to_owned());
    }
    if look.labels {
        let all: Vec<String> = labels().map(|(key, value)| format!("{key}={}", go::plain(value))).collect();
        cells.push(if all.is_empty() { "<none>".to_owned() } else { all.join(",") });
    }
    cells
}
