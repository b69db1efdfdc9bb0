//! Where two documents differ.

use serde_json::Value;

/// How much of a value is shown.
const SHOWN_CHARS_MAX: usize = 200;

/// How much of two texts is shown before they part.
const BEFORE_CHARS: usize = 30;

/// The first place where two documents differ: the recorded value, then ours.
pub(super) fn first_difference(expected: &Value, got: &Value, at: &str) -> Option<String> {
    let short = |value: &Value| value.to_string().chars().take(SHOWN_CHARS_MAX).collect::<String>();
    match (expected, got) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            keys.into_iter().find_map(|key| match (a.get(key), b.get(key)) {
                (Some(x), Some(y)) => first_difference(x, y, &format!("{at}/{key}")),
                (Some(x), None) => Some(format!("{at}/{key}: {} != absent", short(x))),
                (None, Some(y)) => Some(format!("{at}/{key}: absent != {}", short(y))),
                (None, None) => None,
            })
        }
        (Value::Array(a), Value::Array(b)) => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(index, (x, y))| first_difference(x, y, &format!("{at}/{index}")))
            .or_else(|| (a.len() != b.len()).then(|| format!("{at}: length {} != {}", a.len(), b.len()))),
        (a, b) if a == b => None,
        (Value::String(a), Value::String(b)) => {
            let same = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
            let skipped = if same < 2 * BEFORE_CHARS { 0 } else { same - BEFORE_CHARS };
            let dots = if skipped > 0 { "..." } else { "" };
            let part = |text: &str| short(&text.chars().skip(skipped).collect::<String>().into());
            Some(format!("{at}: {dots}{} != {dots}{}", part(a), part(b)))
        }
        (a, b) => Some(format!("{at}: {} != {}", short(a), short(b))),
    }
}
