//! Durations as people write them: `10s`, `1m30s`, `250ms`.

use crate::time::Span;
use std::fmt::Write as _;

const UNITS: [(&str, i64); 5] = [("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)];

/// A duration of numbers with units (`h`, `m`, `s`, `ms`, `us`), such as `1m30s`, `1.5h` or `250ms`; `0` needs none.
/// None where the text is anything else, or longer than 100 years.
pub fn parse_span(text: &str) -> Option<Span> {
    if text == "0" {
        return Some(Span::ZERO);
    }
    let mut rest = text;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let micros = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        total = total.checked_add(scaled(number, micros)?)?;
        rest = tail;
    }
    (!text.is_empty() && total <= 100 * 365 * 86_400_000_000).then_some(Span(total))
}

/// A decimal number times a unit, rounded down.
pub(super) fn scaled(number: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let all_digits = |s: &str| s.bytes().all(|c| c.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || number.ends_with('.') {
        return None;
    }
    let mut total = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    let mut part = unit;
    for digit in fraction.bytes() {
        part /= 10;
        total = total.checked_add(part * i64::from(digit - b'0'))?;
    }
    Some(total)
}

/// A duration as [`parse_span`] reads it.
pub fn format_span(span: Span) -> String {
    let mut left = span.0.max(0);
    if left == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (name, micros) in UNITS {
        let n = left / micros;
        left %= micros;
        if n > 0 {
            // Writing to a string does not fail.
            let _ = write!(text, "{n}{name}");
        }
    }
    text
}
