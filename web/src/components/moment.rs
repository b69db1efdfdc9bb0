//! Spans of time in words.

use kubarium_core::Span;

/// As a clock: `1:02:03`, from a day on `2d 1:02:03`.
pub(crate) fn clock_text(span: Span) -> String {
    let seconds = span.as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let clock = format!("{hours}:{minutes:02}:{:02}", seconds % 60);
    if days > 0 { format!("{days}d {clock}") } else { clock }
}

/// As kubectl writes ages: `45s`, `3m5s`, `2h10m`, `5d3h`, `40d`.
pub(crate) fn span_text(span: Span) -> String {
    let seconds = span.as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let pair = |big: i64, unit: char, small: i64, part: char| {
        if small == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{small}{part}") }
    };
    if seconds < 120 {
        format!("{seconds}s")
    } else if minutes < 10 {
        pair(minutes, 'm', seconds % 60, 's')
    } else if hours < 3 {
        format!("{minutes}m")
    } else if hours < 8 {
        pair(hours, 'h', minutes % 60, 'm')
    } else if days < 2 {
        format!("{hours}h")
    } else if days < 8 {
        pair(days, 'd', hours % 24, 'h')
    } else {
        format!("{days}d")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_kubectl_writes_them() {
        for (seconds, text) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (185, "3m5s"),
            (600, "10m"),
            (10_799, "179m"),
            (3 * 3_600 + 600, "3h10m"),
            (8 * 3_600, "8h"),
            (2 * 86_400, "2d"),
            (5 * 86_400 + 3 * 3_600, "5d3h"),
            (40 * 86_400, "40d"),
            (-5, "0s"),
        ] {
            assert_eq!(span_text(Span::from_secs(seconds)), text);
        }
    }

    #[test]
    fn clocks_have_two_digits_for_minutes_and_seconds() {
        for (seconds, text) in [(0, "0:00:00"), (3_723, "1:02:03"), (90_061, "1d 1:01:01")] {
            assert_eq!(clock_text(Span::from_secs(seconds)), text);
        }
    }
}
