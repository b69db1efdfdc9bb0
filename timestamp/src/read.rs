//! Reading an instant, as Go reads RFC 3339: an hour may have one digit, a second may have any fraction.

use crate::civil::Date;
use crate::{Error, MICROS, Timestamp};

impl std::str::FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        read(text.as_bytes()).and_then(|at| Self::from_microsecond(at).ok()).ok_or(Error)
    }
}

fn read(text: &[u8]) -> Option<i64> {
    let (year, text) = number(text, 4)?;
    let (month, text) = number(after(text, b'-')?, 2)?;
    let (day, text) = number(after(text, b'-')?, 2)?;
    let text = after(text, b'T')?;
    let (hour, text) = number(text, 2).or_else(|| number(text, 1))?;
    let (minute, text) = number(after(text, b':')?, 2)?;
    let (second, text) = number(after(text, b':')?, 2)?;
    let (fraction, text) = fraction(text)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let day = Date { year, month, day }.to_day()?;
    let seconds = day * 86_400 + i64::from(hour * 3_600 + minute * 60 + second) - offset(text)?;
    Some(seconds * MICROS + fraction)
}

fn after(text: &[u8], byte: u8) -> Option<&[u8]> {
    text.strip_prefix(&[byte])
}

/// A number of so many digits, and what follows it.
fn number(text: &[u8], digits: usize) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(digits)?;
    let digit = |sum: u32, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0'));
    Some((digits.iter().try_fold(0, digit)?, rest))
}

/// The microseconds that a fraction of a second says, if there is one; what is below them is cut off.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = after(text, b'.').or_else(|| after(text, b',')) else { return Some((0, text)) };
    let (digits, rest) = digits.split_at(digits.iter().take_while(|byte| byte.is_ascii_digit()).count());
    let (mut sum, mut worth) = (0, MICROS);
    for digit in digits {
        worth /= 10;
        sum += i64::from(digit - b'0') * worth;
    }
    (!digits.is_empty()).then_some((sum, rest))
}

/// How many seconds the clock of the text is ahead.
fn offset(text: &[u8]) -> Option<i64> {
    let (sign, text) = match text.split_first()? {
        (b'Z', []) => return Some(0),
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => return None,
    };
    let (hours, text) = number(text, 2)?;
    let (minutes, text) = number(after(text, b':')?, 2)?;
    (hours <= 24 && minutes <= 59 && text.is_empty()).then(|| sign * i64::from(hours * 3_600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use crate::{Error, Timestamp};

    #[test]
    fn an_instant_is_read_as_go_reads_it() {
        for (text, same) in [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02T3:04:05Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.123456Z"),
            ("2026-01-02T03:04:05,5Z", "2026-01-02T03:04:05.5Z"),
            ("2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00Z"),
            ("2024-02-29T23:30:00-00:45", "2024-03-01T00:15:00Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), same, "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "noon",
            "2026-01-02",
            "2026-01-02 03:04:05Z",
            "2026-01-02t03:04:05Z",
            "2026-01-02T03:04:05z",
            "2026-01-02T03:04:05",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05Zulu",
            "2026-01-02T03:04:05+0100",
            "2026-01-02T03:04:05+01:60",
            "2026-01-02T24:00:00Z",
            "2026-01-02T23:60:00Z",
            "2026-01-02T23:59:60Z",
            "2026-13-02T03:04:05Z",
            "2026-00-02T03:04:05Z",
            "2026-01-00T03:04:05Z",
            "2026-02-29T03:04:05Z",
            "2026-04-31T03:04:05Z",
            "+026-01-02T03:04:05Z",
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(Error), "{text}");
        }
    }
}
