//! Small pieces that several descriptions have.

use crate::go::{self, entries};
use kubarium_core::Time;
use serde_json::Value;

/// `a=b,c=d`; `<none>` where there is nothing.
pub(super) fn joined(object: &Value, pointer: &str) -> String {
    let pairs: Vec<String> =
        entries(object, pointer).map(|(key, value)| format!("{key}={}", go::plain(value))).collect();
    if pairs.is_empty() { "<none>".to_owned() } else { pairs.join(",") }
}

/// A label selector in one line.
pub(super) fn selector(object: &Value, pointer: &str) -> String {
    let Some(selector) = object.pointer(pointer).filter(|s| !s.is_null()) else { return "<none>".to_owned() };
    let mut terms: Vec<String> =
        entries(selector, "/matchLabels").map(|(key, value)| format!("{key}={}", go::plain(value))).collect();
    for expression in go::items(selector, "/matchExpressions") {
        let key = go::text(expression, "/key");
        let values: Vec<&str> = go::items(expression, "/values").iter().filter_map(Value::as_str).collect();
        terms.push(match go::text(expression, "/operator") {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            _ => format!("!{key}"),
        });
    }
    if terms.is_empty() { "<none>".to_owned() } else { terms.join(",") }
}

/// An instant as mails have it: `Wed, 01 Jan 2020 00:00:00 +0000`.
pub(super) fn date(instant: &str) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let Some(micros) = super::micros(instant) else { return "<unset>".to_owned() };
    let written = Time(micros).to_string();
    let part = |range: std::ops::Range<usize>| written.get(range).unwrap_or_default().to_owned();
    let month = part(5..7).parse::<usize>().ok().and_then(|month| MONTHS.get(month.checked_sub(1)?)).unwrap_or(&"");
    let day = DAYS[micros.div_euclid(86_400_000_000).rem_euclid(7) as usize];
    format!("{day}, {} {month} {} {} +0000", part(8..10), part(0..4), part(11..19))
}

/// `True` or `False`.
pub(super) fn truth(value: &Value) -> &'static str {
    if value == true { "True" } else { "False" }
}

/// A number or a text, as it is.
pub(super) fn plain_or(value: &Value, otherwise: &str) -> String {
    if value.is_null() { otherwise.to_owned() } else { go::plain(value) }
}
