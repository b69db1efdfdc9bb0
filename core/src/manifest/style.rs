//! How a text stands in YAML: as it is, in quotes or as a block, and where its lines break.
//!
//! The rules are those of go-yaml's emitter, which Kubernetes and kubectl print with.

use super::scalar;
use std::fmt::Write as _;

/// After this column a line breaks at the next single space.
const WIDTH: usize = 80;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// Writes a text whose further lines stand at `depth`. A key is never broken.
pub(super) fn write(text: &mut String, string: &str, depth: usize, is_key: bool) {
    match style(string, is_key) {
        Style::Literal => literal(text, string, depth),
        style => {
            let quote = match style {
                Style::Single => "'",
                Style::Double => "\"",
                _ => "",
            };
            text.push_str(quote);
            flow(text, string, style, (!is_key).then_some(depth));
            text.push_str(quote);
        }
    }
}

fn style(string: &str, is_key: bool) -> Style {
    let special = string.chars().any(|c| !is_printable(c));
    if string.contains('\n') {
        let block = !special && !is_key && !string.ends_with(' ') && !string.contains(" \n");
        return if block { Style::Literal } else { Style::Double };
    }
    if special || !scalar::is_text(string) {
        return Style::Double;
    }
    if has_indicator(string) || string.starts_with(' ') || string.ends_with(' ') { Style::Single } else { Style::Plain }
}

/// Whether something in a text would mean something without quotes.
fn has_indicator(string: &str) -> bool {
    let blank_after = |at: usize| string[at..].chars().nth(1).is_none_or(|next| next == ' ');
    string.starts_with("---")
        || string.starts_with("...")
        || string.starts_with(|first: char| "#,[]{}&*!|>'\"%@`".contains(first))
        || string.starts_with(['?', '-']) && blank_after(0)
        || string.contains(" #")
        || string.match_indices(':').any(|(at, _)| blank_after(at))
}

/// Whether a character stands for itself: no controls, tabs, odd line breaks or what is beyond the basic plane.
fn is_printable(c: char) -> bool {
    match c {
        '\n' | ' '..='~' => true,
        '\u{2028}' | '\u{2029}' | '\u{feff}' => false,
        _ => ('\u{a0}'..='\u{fffd}').contains(&c),
    }
}

/// Writes a text on as many lines as it needs, at `depth`; on one where none is given.
fn flow(text: &mut String, string: &str, style: Style, depth: Option<usize>) {
    let line = text.rfind('\n').map_or(0, |at| at + 1);
    let mut column = text[line..].chars().count();
    let mut after_space = false;
    let mut chars = string.chars().enumerate().peekable();
    while let Some((index, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        let start = text.len();
        if c == ' ' {
            let inside = style == Style::Plain || index > 0 && next.is_some();
            let breaks = inside && !after_space && column > WIDTH && (style == Style::Double || next != Some(' '));
            match depth.filter(|_| breaks) {
                None => text.push(' '),
                Some(depth) => {
                    text.push('\n');
                    text.extend(std::iter::repeat_n("  ", depth));
                    column = 2 * depth;
                    if next == Some(' ') {
                        text.push('\\');
                        column += 1;
                    }
                    after_space = true;
                    continue;
                }
            }
        } else if style == Style::Double && (c == '"' || c == '\\' || c == '\n' || !is_printable(c)) {
            escape(text, c);
        } else {
            if style == Style::Single && c == '\'' {
                text.push(c);
            }
            text.push(c);
        }
        after_space = c == ' ';
        column += text[start..].chars().count();
    }
}

fn escape(text: &mut String, c: char) {
    let letter = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' | '\\' => c,
        '\u{85}' => 'N',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            let code = u32::from(c);
            let _ = match code {
                0..=0xff => write!(text, "\\x{code:02X}"),
                0x100..=0xffff => write!(text, "\\u{code:04X}"),
                _ => write!(text, "\\U{code:08X}"),
            };
            return;
        }
    };
    text.push('\\');
    text.push(letter);
}

fn literal(text: &mut String, string: &str, depth: usize) {
    text.push('|');
    if string.starts_with([' ', '\n']) {
        text.push('2');
    }
    match string.strip_suffix('\n') {
        None => text.push('-'),
        Some(rest) if rest.is_empty() || rest.ends_with('\n') => text.push('+'),
        Some(_) => {}
    }
    for line in string.strip_suffix('\n').unwrap_or(string).split('\n') {
        text.push('\n');
        if !line.is_empty() {
            text.extend(std::iter::repeat_n("  ", depth));
            text.push_str(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_as_upstream_prints_them() {
        let long = "only the following media types are accepted: application/json;stream=watch, application/yaml, a";
        for (string, expected) in [
            ("web", "web"),
            ("nginx:1.25", "nginx:1.25"),
            ("-c", "-c"),
            ("- c", "'- c'"),
            ("a: b", "'a: b'"),
            ("it's: so", "'it''s: so'"),
            ("a:", "'a:'"),
            ("a #b", "'a #b'"),
            ("{}", "'{}'"),
            ("*", "'*'"),
            (" a", "' a'"),
            ("", "\"\""),
            ("yes", "\"yes\""),
            ("1", "\"1\""),
            ("1e3", "\"1e3\""),
            ("0x1f", "\"0x1f\""),
            ("12:30:45", "\"12:30:45\""),
            ("2026-01-01", "\"2026-01-01\""),
            ("2026-01-01T10:00:00Z", "\"2026-01-01T10:00:00Z\""),
            ("2026-01-01-a", "2026-01-01-a"),
            (".inf", "\".inf\""),
            ("1.2.3.4", "1.2.3.4"),
            ("500m", "500m"),
            ("a\tb", "\"a\\tb\""),
            ("\u{1f600}", "\"\\U0001F600\""),
            ("é", "é"),
            ("a\nb", "|-\n  a\n  b"),
            ("a\nb\n", "|\n  a\n  b"),
            ("a\n\n", "|+\n  a\n"),
            (" a\nb\n", "|2\n   a\n  b"),
            ("a \nb", "\"a \\nb\""),
            ("\ta\nb", "\"\\ta\\nb\""),
            (
                long,
                "'only the following media types are accepted: application/json;stream=watch, application/yaml,\n  a'",
            ),
        ] {
            let mut text = String::new();
            write(&mut text, string, 1, false);
            assert_eq!(text, expected, "{string:?}");
        }
    }
}
