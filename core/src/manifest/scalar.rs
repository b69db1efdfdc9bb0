//! What a scalar means: by YAML 1.1's rules, as Kubernetes reads it.

use serde_json::{Number, Value};
use std::borrow::Cow;

/// The value of a scalar, by its text, whether it stands without quotes, and its tag.
pub(super) fn resolve(text: Cow<'_, str>, plain: bool, tag: Option<&str>) -> Result<Value, String> {
    match tag {
        Some("str") => return Ok(Value::String(text.into_owned())),
        Some("binary") => return Err("binary values are not supported; write the text itself".to_owned()),
        Some("int" | "float" | "bool" | "null") => return Ok(plain_value(text)),
        _ => {}
    }
    Ok(if plain { plain_value(text) } else { Value::String(text.into_owned()) })
}

/// Whether YAML of any version takes a text that stands without quotes for that text, and not for a number, a word with a
/// meaning, a date or a count of minutes and seconds.
pub(super) fn is_text(text: &str) -> bool {
    let special = ["<<", ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF"];
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    plain_value(Cow::Borrowed(text)).is_string()
        && !special.contains(&unsigned)
        && !is_date(text)
        && !is_base_60(unsigned)
}

/// Whether it is a day, alone or with a time.
fn is_date(text: &str) -> bool {
    let (day, time) = text.find(['T', 't', ' ']).map_or((text, ""), |at| text.split_at(at));
    let mut parts = day.split('-');
    let digits = |part: Option<&str>, least: usize, most: usize| {
        part.is_some_and(|p| (least..=most).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
    };
    digits(parts.next(), 4, 4)
        && digits(parts.next(), 1, 2)
        && digits(parts.next(), 1, 2)
        && parts.next().is_none()
        && (time.is_empty()
            || time.contains(':') && time[1..].bytes().all(|b| b.is_ascii_digit() || b":.Z+-".contains(&b)))
}

/// Whether it is a number of YAML 1.1 such as `190:20:30`.
fn is_base_60(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let mut rest = parts.peekable();
    first.starts_with(|c: char| c.is_ascii_digit())
        && digits(first)
        && digits(fraction)
        && rest.peek().is_some()
        && rest.all(|part| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']))
}

fn plain_value(text: Cow<'_, str>) -> Value {
    // Most scalars are words; what is no word begins with one of few characters.
    let Some(first) = text.bytes().next() else { return Value::Null };
    match first {
        b'~' | b'n' | b'N' | b'y' | b'Y' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => match &*text {
            "~" | "null" | "Null" | "NULL" => Value::Null,
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Value::Bool(true),
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Value::Bool(false),
            _ => Value::String(text.into_owned()),
        },
        b'0'..=b'9' | b'+' | b'-' | b'.' => number(&text).unwrap_or_else(|| Value::String(text.into_owned())),
        _ => Value::String(text.into_owned()),
    }
}

fn number(text: &str) -> Option<Value> {
    let digits = text.replace('_', "");
    let (negative, body) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits.strip_prefix('+').unwrap_or(&digits)),
    };
    let (radix, body_digits) = match body.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, body.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, body.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, body.get(2..)?),
        [b'0', b'0'..=b'9', ..] => (8, body.get(1..)?),
        _ => (10, body),
    };
    // A sign here would be a second one.
    let unsigned = body_digits.bytes().next().is_some_and(|c| c.is_ascii_alphanumeric());
    if unsigned && let Ok(n) = u64::from_str_radix(body_digits, radix) {
        if !negative {
            return Some(Value::from(n));
        }
        if let Some(n) = 0i64.checked_sub_unsigned(n) {
            return Some(Value::from(n));
        }
    }
    float(negative, body).map(Value::Number)
}

/// A number with a fraction or an exponent, read as JSON's: YAML's may lack digits on either side of the dot. One of more
/// than 15 digits may be off in the last of them, as JSON's is here; no field of Kubernetes' takes such a number.
fn float(negative: bool, body: &str) -> Option<Number> {
    if !body.bytes().all(|c| c.is_ascii_digit() || b".eE+-".contains(&c)) {
        return None;
    }
    let (mantissa, exponent) = body.split_once(['e', 'E']).unwrap_or((body, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let sign = if negative { "-" } else { "" };
    let whole = Some(whole.trim_start_matches('0')).filter(|digits| !digits.is_empty()).unwrap_or("0");
    format!("{sign}{whole}.{fraction}0e{exponent}").parse().ok()
}
