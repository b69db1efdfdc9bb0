//! Texts of many documents that are much alike: a part that was read before, letter by letter, is not read again.
//!
//! A document is a map, mostly, and each of its keys begins a line. From one such line to the next is a section, which says
//! the same wherever it stands, as long as it says nothing by the name of something else (`*name`). Whatever could be
//! anything else is left to the reader of whole texts.

use super::reader::Reader;
use super::{Document, Documents, ManifestError, documents, items};
use crate::order;
use serde_json::{Map, Value};
use xxhash_rust::xxh3::xxh3_64;

/// How many sections are kept.
const KEPT_MAX: usize = 512;

/// How many hashes of sections are remembered: only what comes again is kept.
const SEEN_MAX: usize = 8_192;

/// All documents of a text as [`documents`] reads them, one after the other, quicker where many say the same in the same
/// words.
pub fn similar(text: &str) -> Similar<'_> {
    // JSON has its own reader, and lines may end in other ways.
    let other = text.trim_start().starts_with('{') || text.contains('\r');
    Similar {
        text,
        rest: text,
        line: 1,
        index: 0,
        given: 0,
        items: Vec::new().into_iter(),
        whole: other.then(|| documents(text)),
        sections: Sections { kept: order::Map::new(), seen: vec![0; SEEN_MAX] },
    }
}

/// The documents of a text, see [`similar`].
pub struct Similar<'t> {
    text: &'t str,
    /// What is still to be read, and the line it begins in.
    rest: &'t str,
    line: u32,
    /// Which document of the text comes next.
    index: u32,
    /// How many documents were given out.
    given: usize,
    /// What is left of the last one.
    items: std::vec::IntoIter<Document>,
    /// What reads the whole text, where it is not as plain as it must be here.
    whole: Option<Documents<'t>>,
    sections: Sections<'t>,
}

/// What sections say.
struct Sections<'t> {
    /// Of those that came again.
    kept: order::Map<&'t str, Value>,
    /// Hashes of those that came, each at a place that it names.
    seen: Vec<u64>,
}

/// A document's part of a text.
struct Piece<'t> {
    text: &'t str,
    /// Where in it sections begin.
    keys: Vec<usize>,
    /// Whether it has nothing but sections.
    plain: bool,
    /// Whether it has nothing but comments.
    empty: bool,
    /// The line in which it begins, or its first section.
    line: u32,
}

/// What a line is for the document it stands in.
enum Line {
    Empty,
    /// It belongs to what stands before it.
    Inner,
    /// A section begins.
    Key,
    /// The document ends, and another begins.
    Mark,
    /// It ends documents in another way, or says how the next is to be read.
    Directive,
    /// It may be anything.
    Odd,
}

impl Line {
    fn of(line: &str) -> Self {
        match line.as_bytes() {
            b"---" => Self::Mark,
            [b'-', b'-', b'-', ..] | [b'.', b'.', b'.', ..] | [b'%', ..] => Self::Directive,
            [] | [b'#', ..] => Self::Empty,
            [b' ', ..] => match line.trim_start_matches(' ').as_bytes() {
                [] | [b'#', ..] => Self::Empty,
                _ => Self::Inner,
            },
            [b'-', b' ', ..] => Self::Inner,
            [b'a'..=b'z' | b'A'..=b'Z', ..] => {
                let after = line.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
                if after == ":" || after.starts_with(": ") { Self::Key } else { Self::Odd }
            }
            _ => Self::Odd,
        }
    }
}

/// What a text says that is one document; none where it is not, or wrong.
fn read(text: &str) -> Option<Document> {
    let mut reader = Reader::new(text);
    let document = reader.document(0).ok()??;
    reader.document(1).ok()?.is_none().then_some(document)
}

impl<'t> Sections<'t> {
    /// What a section says; none where that is not one field.
    fn read(&mut self, section: &'t str) -> Option<Value> {
        if let Some(known) = self.kept.get(section) {
            return Some(known.clone());
        }
        let value = read(section)?.value;
        let hash = xxh3_64(section.as_bytes());
        let seen = &mut self.seen[(hash % SEEN_MAX as u64) as usize];
        if std::mem::replace(seen, hash) == hash {
            if self.kept.len() >= KEPT_MAX {
                self.kept.clear();
            }
            self.kept.insert(section, value.clone());
        }
        Some(value)
    }

    /// What a document says; none where that is for the reader of whole texts to find out.
    fn document(&mut self, piece: &Piece<'t>) -> Option<Document> {
        // What all names of a text stand for is counted where it is read as a whole.
        if piece.text.contains('*') {
            return None;
        }
        if !piece.plain {
            let document = read(piece.text)?;
            return Some(Document { line: piece.line + document.line - 1, ..document });
        }
        let mut all = Map::new();
        let ends = piece.keys.iter().copied().skip(1).chain([piece.text.len()]);
        for (from, to) in piece.keys.iter().copied().zip(ends) {
            let Value::Object(section) = self.read(&piece.text[from..to])? else { return None };
            for (key, value) in section {
                if all.insert(key, value).is_some() {
                    return None;
                }
            }
        }
        Some(Document { value: Value::Object(all), line: piece.line, index: 0, path: String::new() })
    }
}

impl<'t> Similar<'t> {
    /// The text up to the next mark, or to the end; none where it goes on in another way.
    fn piece(&mut self) -> Option<Piece<'t>> {
        let (mut keys, mut odd, mut empty) = (Vec::new(), false, true);
        let (begin, mut line, mut at) = (self.line, self.line, 0);
        let (mut first_key, mut end) = (begin, self.rest.len());
        for text in self.rest.split_inclusive('\n') {
            let from = at;
            at += text.len();
            line += 1;
            match Line::of(text.trim_end_matches('\n')) {
                Line::Empty => {}
                Line::Directive => return None,
                Line::Mark => {
                    end = from;
                    break;
                }
                Line::Key => {
                    if keys.is_empty() {
                        first_key = line - 1;
                    }
                    keys.push(from);
                    empty = false;
                }
                Line::Inner => {
                    // Before the first key it would be part of something else.
                    odd |= keys.is_empty();
                    empty = false;
                }
                Line::Odd => (odd, empty) = (true, false),
            }
        }
        let text = &self.rest[..end];
        (self.rest, self.line) = (&self.rest[at..], line);
        Some(Piece { text, keys, plain: !odd, empty, line: if odd { begin } else { first_key } })
    }

    /// Reads the next document; none where that is for the reader of whole texts to find out.
    fn read(&mut self) -> Option<()> {
        // A document that is empty is one where a mark stands before it.
        let marked = self.rest.len() < self.text.len();
        let piece = self.piece()?;
        if !piece.empty {
            let document = Document { index: self.index, ..self.sections.document(&piece)? };
            if !document.value.is_null() {
                self.items = items(document).into_iter();
            }
        }
        self.index += u32::from(marked || !piece.empty);
        Some(())
    }
}

impl Iterator for Similar<'_> {
    type Item = Result<Document, ManifestError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(whole) = &mut self.whole {
                return whole.next();
            }
            if let Some(document) = self.items.next() {
                self.given += 1;
                return Some(Ok(document));
            }
            if self.rest.is_empty() {
                return None;
            }
            if self.read().is_none() {
                // What is wrong is said with the place at which it stands in the whole.
                let mut whole = documents(self.text);
                whole.by_ref().take(self.given).for_each(drop);
                self.whole = Some(whole);
            }
        }
    }
}
