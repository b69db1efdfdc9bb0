//! From YAML's events to JSON values, or to the place of one field.

use super::{ALIASED_VALUES_MAX, DEPTH_MAX, Document, ManifestError, Place, join, scalar};
use crate::order;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};
use serde_json::{Map, Value};

pub(super) struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// Values with a name (`&name`), and how many values each is made of.
    anchors: order::Map<usize, (Value, usize)>,
    aliased: usize,
    /// Values read so far in this document.
    values: usize,
    depth: u32,
    /// The place that is looked for, where one is.
    wanted: Option<Wanted>,
    /// Keys that came again, where that is no mistake.
    twice: Option<Vec<String>>,
    /// The lines, where any is moved in by a tab; of one that is not, the parser says nothing wrong either.
    tabbed: Vec<&'t str>,
    /// How many lists and maps in brackets are open: there, tabs may stand between anything.
    brackets: u32,
}

struct Wanted {
    field: String,
    /// Field path of the value being read.
    path: String,
    /// The longest path found so far that leads to the field.
    best: Option<(usize, Place)>,
}

type Step<'t> = (Event<'t>, Span);

fn place(marker: &Marker) -> Place {
    Place { line: marker.line().max(1) as u32, column: marker.col() as u32 + 1 }
}

fn error(at: &Span, message: impl Into<String>) -> ManifestError {
    ManifestError { place: place(&at.start), field: String::new(), message: message.into() }
}

/// Whether a line is moved in by a tab, or by spaces and a tab.
fn starts_with_tab(line: &str) -> bool {
    line.trim_start_matches(' ').starts_with('\t')
}

/// What an event stands for.
fn named(event: &Event<'_>) -> &'static str {
    match event {
        Event::SequenceStart(..) => "a list",
        Event::MappingStart(..) => "a map",
        _ => "a value",
    }
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            parser: Parser::new_from_str(text),
            anchors: order::Map::new(),
            aliased: 0,
            values: 0,
            depth: 0,
            wanted: None,
            twice: None,
            tabbed: if text.lines().any(starts_with_tab) { text.lines().collect() } else { Vec::new() },
            brackets: 0,
        }
    }

    /// One to which a key that comes twice is no mistake.
    pub(super) fn lenient(text: &'t str) -> Self {
        Self { twice: Some(Vec::new()), ..Self::new(text) }
    }

    /// Where which keys came again, in the words of Go's reader.
    pub(super) fn twice(self) -> Vec<String> {
        self.twice.unwrap_or_default()
    }

    pub(super) fn place(mut self, index: u32, field: &str) -> Option<Place> {
        for n in 0..=index {
            if n == index {
                self.wanted = Some(Wanted { field: field.to_owned(), path: String::new(), best: None });
            }
            // A text with a mistake further down still has its places up to there.
            if !matches!(self.document(n), Ok(Some(_))) {
                break;
            }
        }
        self.wanted?.best.map(|(_, place)| place)
    }

    /// The next document, which is the one of that index; none at the end.
    pub(super) fn document(&mut self, index: u32) -> Result<Option<Document>, ManifestError> {
        self.anchors.clear();
        self.values = 0;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(None),
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                first => {
                    let line = place(&span.start).line;
                    self.found(&span);
                    let value = self.value((first, span))?;
                    return Ok(Some(Document { value, line, index, path: String::new() }));
                }
            }
        }
    }

    fn next(&mut self) -> Result<Step<'t>, ManifestError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) if self.follows_tab(&event, &span.start) => {
                Err(error(&span, format!("found a tab before {}: use spaces to move lines in", named(&event))))
            }
            Some(Ok(step)) => Ok(step),
            Some(Err(e)) => {
                Err(ManifestError { place: place(e.marker()), field: String::new(), message: e.info().to_owned() })
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// Whether what begins here is moved in by a tab, which YAML forbids and the parser lets pass.
    fn follows_tab(&self, event: &Event<'_>, at: &Marker) -> bool {
        let begins = matches!(event, Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..));
        begins
            && self.brackets == 0
            && self.tabbed.get(at.line().saturating_sub(1)).is_some_and(|line| {
                let moved_in = line.chars().take_while(|c| matches!(c, ' ' | '\t')).count();
                starts_with_tab(line) && moved_in == at.col()
            })
    }

    fn value(&mut self, (event, span): Step<'t>) -> Result<Value, ManifestError> {
        self.values += 1;
        let before = self.values;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_deref().map(|t| t.suffix.as_str());
                let plain = style == ScalarStyle::Plain;
                let value = scalar::resolve(text, plain, tag).map_err(|message| error(&span, message))?;
                (anchor, value)
            }
            Event::SequenceStart(anchor, _) => (anchor, self.nested(&span, Self::list)?),
            Event::MappingStart(anchor, _) => (anchor, self.nested(&span, Self::map)?),
            Event::Alias(anchor) => {
                let Some((value, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(error(&span, "an alias of a value that is not complete yet"));
                };
                self.aliased = self.aliased.saturating_add(size);
                self.values = self.values.saturating_add(size);
                if self.aliased > ALIASED_VALUES_MAX {
                    return Err(error(&span, format!("aliases stand for more than {ALIASED_VALUES_MAX} values")));
                }
                return Ok(value);
            }
            _ => return Err(error(&span, "a value is missing here")),
        };
        if anchor != 0 {
            let size = self.values.saturating_sub(before).saturating_add(1);
            self.anchors.insert(anchor, (value.clone(), size));
        }
        Ok(value)
    }

    fn nested(
        &mut self,
        span: &Span,
        read: impl FnOnce(&mut Self) -> Result<Value, ManifestError>,
    ) -> Result<Value, ManifestError> {
        if self.depth >= DEPTH_MAX {
            return Err(error(span, format!("lists and maps nest deeper than {DEPTH_MAX}")));
        }
        let start =
            self.tabbed.get(span.start.line().saturating_sub(1)).and_then(|line| line.chars().nth(span.start.col()));
        let bracket = u32::from(matches!(start, Some('[' | '{')));
        self.depth += 1;
        self.brackets += bracket;
        let value = read(self);
        self.brackets -= bracket;
        self.depth -= 1;
        value
    }

    fn list(&mut self) -> Result<Value, ManifestError> {
        let mut list = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Value::Array(list));
            }
            let outer = self.enter(|| format!("[{}]", list.len()), &span);
            list.push(self.value((event, span))?);
            self.leave(outer);
        }
    }

    fn map(&mut self) -> Result<Value, ManifestError> {
        let mut map = Map::new();
        let mut merged: Vec<Value> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let key = match event {
                Event::MappingEnd => break,
                Event::Scalar(key, style, _, _) => {
                    if style == ScalarStyle::Plain && key == "<<" {
                        let (event, span) = self.next()?;
                        merged.push(self.value((event, span))?);
                        continue;
                    }
                    key.into_owned()
                }
                _ => return Err(error(&span, "a key must be a simple value")),
            };
            let outer = self.enter(|| key.clone(), &span);
            let (event, value_span) = self.next()?;
            let value = self.value((event, value_span))?;
            self.leave(outer);
            if map.contains_key(&key) {
                match &mut self.twice {
                    Some(twice) => {
                        twice.push(format!("line {}: key {key:?} already set in map", place(&span.start).line));
                    }
                    None => return Err(error(&span, format!("key {key:?} is there twice"))),
                }
            }
            map.insert(key, value);
        }
        for source in merged.into_iter().flat_map(|m| if let Value::Array(list) = m { list } else { vec![m] }) {
            if let Value::Object(source) = source {
                for (key, value) in source {
                    map.entry(key).or_insert(value);
                }
            }
        }
        Ok(Value::Object(map))
    }

    /// Goes to a value below the present one; returns where to go back to.
    fn enter(&mut self, name: impl FnOnce() -> String, span: &Span) -> usize {
        let Some(wanted) = &mut self.wanted else { return 0 };
        let outer = wanted.path.len();
        wanted.path = join(&wanted.path, &name());
        self.found(span);
        outer
    }

    fn leave(&mut self, outer: usize) {
        if let Some(wanted) = &mut self.wanted {
            wanted.path.truncate(outer);
        }
    }

    /// Keeps the place if the present path leads further to the wanted field than what was found before.
    fn found(&mut self, span: &Span) {
        let Some(wanted) = &mut self.wanted else { return };
        let leads = wanted.field.strip_prefix(wanted.path.as_str()).is_some_and(|rest| {
            rest.is_empty() || wanted.path.is_empty() || rest.starts_with('.') || rest.starts_with('[')
        });
        if leads && wanted.best.is_none_or(|(length, _)| length < wanted.path.len() || wanted.path.is_empty()) {
            wanted.best = Some((wanted.path.len(), place(&span.start)));
        }
    }
}
