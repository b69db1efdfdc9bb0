//! Manifests: YAML or JSON text to JSON values, several documents at once, with the place of every mistake.
//!
//! Knows nothing of kinds: what a document means is for the API and the simulator. Scalars read as Kubernetes reads
//! them (YAML 1.1: `yes` and `on` are true, `0644` is octal), so that a manifest means here what it means there.

mod printer;
mod reader;
mod scalar;
mod similar;
mod style;

pub use printer::print;
pub use similar::{Similar, similar};

use reader::Reader;
use serde_json::Value;
use std::fmt;

/// A place in a text, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Text that is no manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// Where.
    pub place: Place,
    /// The field path it is about, where it is about one.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ManifestError {}

/// One document of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What it says.
    pub value: Value,
    /// The line it begins in, counted from 1.
    pub line: u32,
    /// Which document of the text it is, counted from 0; for [`locate`].
    pub index: u32,
    /// The field path in the document of the text at which the value stands: empty, or `items[n]` of a `List`.
    pub path: String,
}

/// How deep lists and maps may nest.
pub const DEPTH_MAX: u32 = 100;

/// How many values all aliases (`*name`) of a text together may stand for.
pub const ALIASED_VALUES_MAX: usize = 100_000;

/// All documents of a text. Empty ones are left out; a `v1` `List` becomes its items.
pub fn parse(text: &str) -> Result<Vec<Document>, ManifestError> {
    documents(text).collect()
}

/// The first document of a text, and what it says twice.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lenient {
    /// What it says; of keys that come twice, what is said last.
    pub(crate) value: Value,
    /// Where what came again, in the words of Go's reader.
    pub(crate) twice: Vec<String>,
}

/// Reads the first document of a text in which keys may come twice.
pub(crate) fn lenient(text: &str) -> Result<Lenient, ManifestError> {
    let mut reader = Reader::lenient(text);
    let value = reader.document(0)?.map(|document| document.value).unwrap_or_default();
    Ok(Lenient { value, twice: reader.twice() })
}

/// All documents of a text as [`parse`] reads them, one after the other: a text may have more documents than are good to have all at once. Nothing comes
/// after an error.
pub fn documents(text: &str) -> Documents<'_> {
    // What begins like JSON most likely is JSON, which is read several times faster. If it is not, YAML's reader
    // says where, since its flow style looks the same.
    if text.trim_start().starts_with('{')
        && let Ok(value) = serde_json::from_str::<Value>(text)
    {
        let document = Document { value, line: 1, index: 0, path: String::new() };
        return Documents { reader: None, read: 1, items: items(document).into_iter() };
    }
    Documents { reader: Some(Reader::new(text)), read: 0, items: Vec::new().into_iter() }
}

/// The documents of a text, see [`documents`].
pub struct Documents<'t> {
    reader: Option<Reader<'t>>,
    /// How many documents were read.
    read: u32,
    /// What is left of the last one.
    items: std::vec::IntoIter<Document>,
}

impl Iterator for Documents<'_> {
    type Item = Result<Document, ManifestError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(document) = self.items.next() {
                return Some(Ok(document));
            }
            match self.reader.as_mut()?.document(self.read) {
                Ok(Some(document)) => {
                    self.read += 1;
                    if !document.value.is_null() {
                        self.items = items(document).into_iter();
                    }
                }
                Ok(None) => self.reader = None,
                Err(error) => {
                    self.reader = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// Where in a text a field of one of its documents stands, such as `spec.containers[0].image`; or else the nearest
/// field around it. None where there is no such document.
pub fn locate(text: &str, index: u32, field: &str) -> Option<Place> {
    Reader::new(text).place(index, field)
}

/// The error of a document at one of its fields, with its place in the text the document came from.
pub fn error_at(text: &str, document: &Document, field: &str, message: impl Into<String>) -> ManifestError {
    let path = join(&document.path, field);
    let place = locate(text, document.index, &path).unwrap_or(Place { line: document.line, column: 1 });
    ManifestError { place, field: field.to_owned(), message: message.into() }
}

/// A field path and one below it.
pub(crate) fn join(path: &str, field: &str) -> String {
    if path.is_empty() || field.is_empty() || field.starts_with('[') {
        format!("{path}{field}")
    } else {
        format!("{path}.{field}")
    }
}

fn items(mut document: Document) -> Vec<Document> {
    let is_list = document.value.get("kind").and_then(Value::as_str) == Some("List")
        && document.value.get("apiVersion").and_then(Value::as_str) == Some("v1");
    match document.value.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) if is_list => items
            .into_iter()
            .enumerate()
            .map(|(n, value)| Document {
                value,
                line: document.line,
                index: document.index,
                path: format!("items[{n}]"),
            })
            .collect(),
        Some(other) => {
            document.value["items"] = other;
            vec![document]
        }
        None => vec![document],
    }
}
