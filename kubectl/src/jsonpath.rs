//! `JSONPath` templates as kubectl knows them: `{.items[*].metadata.name}`, `range` and `end`, filters, slices and unions.

use crate::failure::Failure;
use crate::go;
use serde_json::Value;
use std::cmp::Ordering;

/// A template.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Path(Vec<Step>),
    Range(Vec<Step>, Vec<Part>),
}

#[derive(Clone, Debug)]
enum Step {
    Root,
    Here,
    Field(String),
    Each,
    Deep,
    Index(i64),
    Slice(Option<i64>, Option<i64>, i64),
    Union(Vec<Vec<Step>>),
    Filter(Operand, Option<(String, Operand)>),
}

#[derive(Clone, Debug)]
enum Operand {
    Path(Vec<Step>),
    Literal(Value),
}

/// Why a template cannot be read, or followed.
type Wrong = String;

impl Template {
    /// Reads a template.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let parts = Parser { left: text }.parts(false);
        parts.map(Self).map_err(|why| Failure::error(format!("error parsing jsonpath {text}, {why}")))
    }

    /// Reads a path for which braces and a leading dot may be left out, as column and sort expressions are written.
    pub(crate) fn relaxed(text: &str) -> Result<Self, Failure> {
        let bare = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
        let wrong =
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'";
        if bare.is_empty() || bare.contains(['{', '}']) {
            return Err(Failure::error(wrong));
        }
        let bare = bare.strip_prefix('$').unwrap_or(bare);
        let dot = if bare.starts_with(['.', '[']) { "" } else { "." };
        Self::parse(&format!("{{{dot}{bare}}}"))
    }

    /// What the template makes of a document.
    pub(crate) fn render(&self, document: &Value) -> Result<String, Wrong> {
        let mut out = String::new();
        render(&self.0, document, document, &mut out)?;
        Ok(out)
    }

    /// The values that a template of a single path finds.
    pub(crate) fn find<'v>(&self, document: &'v Value) -> Result<Vec<&'v Value>, Wrong> {
        let mut found = Vec::new();
        for part in &self.0 {
            if let Part::Path(steps) = part {
                found.extend(follow(steps, document, document)?);
            }
        }
        Ok(found)
    }
}

fn render(parts: &[Part], root: &Value, here: &Value, out: &mut String) -> Result<(), Wrong> {
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Path(steps) => {
                let words = follow(steps, root, here)?.into_iter().map(|value| match value {
                    Value::Array(_) | Value::Object(_) => go::json(value),
                    Value::Null => String::new(),
                    other => go::plain(other),
                });
                out.push_str(&words.collect::<Vec<_>>().join(" "));
            }
            Part::Range(steps, inner) => {
                for value in follow(steps, root, here)? {
                    render(inner, root, value, out)?;
                }
            }
        }
    }
    Ok(())
}

fn follow<'v>(steps: &[Step], root: &'v Value, here: &'v Value) -> Result<Vec<&'v Value>, Wrong> {
    let mut found = vec![here];
    for step in steps {
        let mut next = Vec::new();
        for value in found {
            take(step, root, value, &mut next)?;
        }
        found = next;
    }
    Ok(found)
}

fn take<'v>(step: &Step, root: &'v Value, value: &'v Value, next: &mut Vec<&'v Value>) -> Result<(), Wrong> {
    match step {
        Step::Root => next.push(root),
        Step::Here => next.push(value),
        Step::Field(name) => next.extend(value.get(name)),
        Step::Each => match value {
            Value::Array(items) => next.extend(items),
            Value::Object(map) => next.extend(map.values()),
            _ => {}
        },
        Step::Deep => deep(value, next),
        Step::Index(index) => {
            let Some(items) = value.as_array() else { return not_a_list(value) };
            let length = items.len() as i64;
            let at = if *index < 0 { index + length } else { *index };
            let item = usize::try_from(at).ok().and_then(|at| items.get(at));
            next.push(item.ok_or_else(|| format!("array index out of bounds: index {at}, length {length}"))?);
        }
        Step::Slice(start, end, step) => {
            let Some(items) = value.as_array() else { return not_a_list(value) };
            let length = items.len() as i64;
            let place = |bound: i64| (if bound < 0 { bound + length } else { bound }).clamp(0, length);
            let (start, end) = (place(start.unwrap_or(0)), place(end.unwrap_or(length)));
            let kept = items.iter().take(end as usize).skip(start as usize);
            next.extend(kept.step_by(usize::try_from(*step).unwrap_or(1).max(1)));
        }
        Step::Union(paths) => {
            for path in paths {
                next.extend(follow(path, root, value)?);
            }
        }
        Step::Filter(left, test) => {
            for item in value.as_array().into_iter().flatten() {
                if holds(left, test.as_ref(), root, item)? {
                    next.push(item);
                }
            }
        }
    }
    Ok(())
}

fn not_a_list(value: &Value) -> Result<(), Wrong> {
    match value {
        Value::Null => Ok(()),
        other => Err(format!("{} is not array or slice", go::plain(other))),
    }
}

fn deep<'v>(value: &'v Value, next: &mut Vec<&'v Value>) {
    next.push(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| deep(item, next)),
        Value::Object(map) => map.values().for_each(|item| deep(item, next)),
        _ => {}
    }
}

fn holds(left: &Operand, test: Option<&(String, Operand)>, root: &Value, item: &Value) -> Result<bool, Wrong> {
    let Some((operator, right)) = test else {
        return Ok(match left {
            Operand::Path(steps) => !follow(steps, root, item)?.is_empty(),
            Operand::Literal(_) => true,
        });
    };
    let value = |operand: &Operand| -> Result<Option<Value>, Wrong> {
        match operand {
            Operand::Literal(value) => Ok(Some(value.clone())),
            Operand::Path(steps) => match follow(steps, root, item)?.as_slice() {
                [] => Ok(None),
                [one] => Ok(Some((*one).clone())),
                _ => Err("can only compare one element at a time".to_owned()),
            },
        }
    };
    let (Some(left), Some(right)) = (value(left)?, value(right)?) else { return Ok(false) };
    let order = compare(&left, &right);
    Ok(match operator.as_str() {
        "==" => order == Some(Ordering::Equal),
        "!=" => order != Some(Ordering::Equal),
        "<" => order == Some(Ordering::Less),
        ">" => order == Some(Ordering::Greater),
        "<=" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    })
}

/// Numbers by size, all else by text.
pub(crate) fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

struct Parser<'t> {
    left: &'t str,
}

impl Parser<'_> {
    fn parts(&mut self, within_range: bool) -> Result<Vec<Part>, Wrong> {
        let mut parts = Vec::new();
        while !self.left.is_empty() {
            let (text, rest) = self.left.split_once('{').map_or((self.left, None), |(text, rest)| (text, Some(rest)));
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            let Some(rest) = rest else {
                self.left = "";
                break;
            };
            self.left = rest;
            loop {
                self.left = self.left.trim_start_matches([' ', '\t']);
                if let Some(rest) = self.left.strip_prefix('}') {
                    self.left = rest;
                    break;
                }
                match self.left.chars().next() {
                    None => return Err("unclosed action".to_owned()),
                    Some(quote @ ('"' | '\'')) => {
                        let text = self.quoted(quote)?;
                        parts.push(Part::Text(text));
                    }
                    Some('.' | '[' | '$' | '@') => parts.push(Part::Path(self.path()?)),
                    Some(c) if c.is_ascii_alphabetic() => {
                        let end = self.left.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.left.len());
                        let (word, rest) = self.left.split_at(end);
                        self.left = rest;
                        match word {
                            "range" => {
                                self.left = self.left.trim_start();
                                let steps = self.path()?;
                                self.left = self.left.trim_start();
                                self.left = self.left.strip_prefix('}').ok_or_else(|| "unclosed action".to_owned())?;
                                let inner = self.parts(true)?;
                                parts.push(Part::Range(steps, inner));
                                // The action that closed the range has gone as a whole.
                                break;
                            }
                            "end" if within_range => {
                                self.left = self.left.trim_start();
                                self.left = self.left.strip_prefix('}').ok_or_else(|| "unclosed action".to_owned())?;
                                return Ok(parts);
                            }
                            "end" => return Err("not in range, nothing to end".to_owned()),
                            word => return Err(format!("unrecognized identifier {word}")),
                        }
                    }
                    Some(c) => return Err(format!("unrecognized character in action: {c:?}")),
                }
            }
        }
        if within_range { Err("unexpected end of range".to_owned()) } else { Ok(parts) }
    }

    /// What stands between quotes, with Go's escapes.
    fn quoted(&mut self, quote: char) -> Result<String, Wrong> {
        let mut text = String::new();
        let mut chars = self.left.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.left = &self.left[at + c.len_utf8()..];
                    return Ok(text);
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some(c) => text.push(c),
                    None => break,
                },
                c => text.push(c),
            }
        }
        Err("unterminated quoted string".to_owned())
    }

    fn path(&mut self) -> Result<Vec<Step>, Wrong> {
        let mut steps = Vec::new();
        if let Some(rest) = self.left.strip_prefix('$') {
            steps.push(Step::Root);
            self.left = rest;
        } else if let Some(rest) = self.left.strip_prefix('@') {
            steps.push(Step::Here);
            self.left = rest;
        }
        loop {
            if let Some(rest) = self.left.strip_prefix("..") {
                steps.push(Step::Deep);
                self.left = rest;
                if !rest.starts_with(['[', '*']) {
                    self.field(&mut steps);
                } else if let Some(rest) = rest.strip_prefix('*') {
                    steps.push(Step::Each);
                    self.left = rest;
                }
            } else if let Some(rest) = self.left.strip_prefix('.') {
                self.left = rest;
                if let Some(rest) = rest.strip_prefix('*') {
                    steps.push(Step::Each);
                    self.left = rest;
                } else {
                    self.field(&mut steps);
                }
            } else if let Some(rest) = self.left.strip_prefix('[') {
                self.left = rest;
                steps.push(self.bracket()?);
            } else {
                return Ok(steps);
            }
        }
    }

    fn field(&mut self, steps: &mut Vec<Step>) {
        let mut name = String::new();
        let mut chars = self.left.char_indices();
        let mut end = self.left.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => name.extend(chars.next().map(|(_, c)| c)),
                '.' | '[' | ']' | '}' | ' ' | '=' | '!' | '<' | '>' | ')' | '@' | ',' => {
                    end = at;
                    break;
                }
                c => name.push(c),
            }
        }
        self.left = &self.left[end..];
        if !name.is_empty() {
            steps.push(Step::Field(name));
        }
    }

    fn bracket(&mut self) -> Result<Step, Wrong> {
        let unterminated = || "unterminated array".to_owned();
        if let Some(rest) = self.left.strip_prefix("?(") {
            self.left = rest;
            let left = self.operand()?;
            self.left = self.left.trim_start();
            let operator = ["==", "!=", "<=", ">=", "<", ">"].into_iter().find(|o| self.left.starts_with(o));
            let test = match operator {
                Some(operator) => {
                    self.left = self.left[operator.len()..].trim_start();
                    Some((operator.to_owned(), self.operand()?))
                }
                None => None,
            };
            self.left = self.left.trim_start();
            self.left = self.left.strip_prefix(")]").ok_or_else(|| "unterminated filter".to_owned())?;
            return Ok(Step::Filter(left, test));
        }
        let mut quote = None;
        let mut end = None;
        for (at, c) in self.left.char_indices() {
            match (quote, c) {
                (None, '\'' | '"') => quote = Some(c),
                (Some(open), c) if c == open => quote = None,
                (None, ']') => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let (inside, rest) = self.left.split_at(end.ok_or_else(unterminated)?);
        self.left = &rest[1..];
        let members: Vec<&str> = inside.split(',').map(str::trim).collect();
        if members.len() > 1 {
            return members.into_iter().map(|m| Ok(vec![member(m)?])).collect::<Result<_, _>>().map(Step::Union);
        }
        member(inside.trim())
    }

    fn operand(&mut self) -> Result<Operand, Wrong> {
        self.left = self.left.trim_start();
        match self.left.chars().next() {
            Some('@' | '.' | '$' | '[') => self.path().map(Operand::Path),
            Some(quote @ ('"' | '\'')) => self.quoted(quote).map(|text| Operand::Literal(text.into())),
            _ => {
                let end = self.left.find([')', '=', '!', '<', '>', ' ']).unwrap_or(self.left.len());
                let (word, rest) = self.left.split_at(end);
                self.left = rest;
                match serde_json::from_str(word) {
                    Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => Ok(Operand::Literal(value)),
                    _ => Err(format!("unrecognized identifier {word}")),
                }
            }
        }
    }
}

/// One member of a bracket: an index, a slice, a star or a quoted key.
fn member(text: &str) -> Result<Step, Wrong> {
    if text == "*" {
        return Ok(Step::Each);
    }
    for quote in ['\'', '"'] {
        if let Some(key) = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)) {
            return Ok(Step::Field(key.to_owned()));
        }
    }
    let wrong = || format!("invalid array index {text}");
    let bound = |part: Option<&str>| match part {
        None | Some("") => Ok(None),
        Some(part) => part.parse::<i64>().map(Some).map_err(|_| wrong()),
    };
    let mut parts = text.split(':');
    let first = parts.next();
    if !text.contains(':') {
        return bound(first)?.map(Step::Index).ok_or_else(wrong);
    }
    let (start, end, step) = (bound(first)?, bound(parts.next())?, bound(parts.next())?);
    Ok(Step::Slice(start, end, step.unwrap_or(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn templates_find_what_they_name() {
        let document = json!({"items": [
            {"name": "a", "size": 1, "labels": {"x.y/z": "1"}, "ports": [80, 443]},
            {"name": "b", "size": 5, "ports": []},
        ]});
        for (template, expected) in [
            ("{.items[*].name}", "a b"),
            ("{$.items[0].name}{\"\\n\"}", "a\n"),
            ("{.items[-1:].name}", "b"),
            ("{.items[?(@.size>1)].name}", "b"),
            ("{.items[?(@.name==\"a\")].ports}", "[80,443]"),
            ("{range .items[*]}{.name}={.size};{end}", "a=1;b=5;"),
            ("{.items[0].labels.x\\.y/z} {.items[0].labels['x.y/z']}", "1 1"),
            ("{..name}", "a b"),
            ("{.items[0]['name','size']}", "a 1"),
            ("{.nothing}", ""),
            ("as it is", "as it is"),
        ] {
            let rendered = Template::parse(template).expect(template).render(&document);
            assert_eq!(rendered.as_deref(), Ok(expected), "{template}");
        }
        for (template, why) in [
            ("{.items[}", "unterminated array"),
            ("{.items", "unclosed action"),
            ("{range .items[*]}", "unexpected end of range"),
            ("{end}", "not in range, nothing to end"),
        ] {
            let failure = Template::parse(template).expect_err(template).message();
            assert!(failure.ends_with(why), "{failure}");
        }
    }
}
