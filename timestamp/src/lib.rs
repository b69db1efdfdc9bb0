//! Instants as Kubernetes' types hold them, read and written in RFC 3339, in place of the library `jiff`.
//!
//! `k8s-openapi` asks a whole calendar library to read and write the times in its types. That was 24 KB of the page, with
//! the texts of errors that nobody sees. This is what it uses of it, under the same names; `Cargo.toml` puts it in the
//! library's place. It knows no time zone but an offset, no clock and no span.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod civil;
pub mod fmt;
mod read;
mod serde;

use std::fmt::{Display, Formatter};

const MICROS: i64 = 1_000_000;

/// An instant between the beginning of the year 0 and the end of the year 9999, to the microsecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text is no instant, or an instant is outside the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error;

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("not an instant of RFC 3339")
    }
}

impl std::error::Error for Error {}

impl Timestamp {
    /// The first instant.
    pub const MIN: Self = Self(-62_167_219_200 * MICROS);
    /// The last instant.
    pub const MAX: Self = Self(253_402_300_800 * MICROS - 1);

    /// From microseconds since the Unix epoch.
    pub fn from_microsecond(microseconds: i64) -> Result<Self, Error> {
        let at = Self(microseconds);
        if (Self::MIN..=Self::MAX).contains(&at) { Ok(at) } else { Err(Error) }
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_microsecond(self) -> i64 {
        self.0
    }

    /// Seconds since the Unix epoch, rounded down.
    pub const fn as_second(self) -> i64 {
        self.0.div_euclid(MICROS)
    }

    /// The microseconds since the last whole second.
    const fn fraction(self) -> u32 {
        self.0.rem_euclid(MICROS) as u32
    }

    /// Writes it in whole seconds, such as `2026-01-02T03:04:05Z`.
    pub fn push_seconds(self, out: &mut String) {
        let civil::Date { year, month, day } = civil::Date::of(self.as_second().div_euclid(86_400));
        let of_day = self.as_second().rem_euclid(86_400) as u32;
        let mut text = *b"0000-00-00T00:00:00Z";
        let places = [
            (0, year / 100),
            (2, year % 100),
            (5, month),
            (8, day),
            (11, of_day / 3_600),
            (14, of_day / 60 % 60),
            (17, of_day % 60),
        ];
        for (at, number) in places {
            text[at] += (number / 10) as u8;
            text[at + 1] += (number % 10) as u8;
        }
        out.push_str(str::from_utf8(&text).unwrap_or_default());
    }
}

impl Display for Timestamp {
    /// In whole seconds, or with what there is below them; with so many digits of it where a precision asks for them.
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        self.push_seconds(&mut text);
        let digits = format!("{:06}", self.fraction());
        let digits = match f.precision() {
            Some(wanted) => digits.get(..wanted).unwrap_or(&digits),
            None => digits.trim_end_matches('0'),
        };
        if !digits.is_empty() {
            text.pop();
            text.push('.');
            text.push_str(digits);
            text.push('Z');
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_as_the_same_instant() {
        let edges = [0, -1, 951_782_400, 951_868_799, 1_709_164_800, 4_107_542_399, 13_574_563_199, 253_402_300_799];
        let spread = (0..5_000).map(|step| step * 63_113_904 - 62_167_219_200);
        for second in edges.into_iter().chain(spread) {
            let at = Timestamp::from_microsecond(second * MICROS + 120_000).unwrap();
            assert_eq!(at.to_string().parse(), Ok(at), "{at}");
        }
    }

    #[test]
    fn instants_are_written_to_the_microsecond_or_as_asked_for() {
        for (microseconds, text, whole) in [
            (0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
            (951_827_696_500_000, "2000-02-29T12:34:56.5Z", "2000-02-29T12:34:56.500000Z"),
            (Timestamp::MIN.0, "0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000Z"),
            (Timestamp::MAX.0, "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ] {
            let at = Timestamp::from_microsecond(microseconds).unwrap();
            assert_eq!((at.to_string(), format!("{at:.6}")), (text.to_owned(), whole.to_owned()));
        }
    }

    #[test]
    fn the_calendar_has_ends() {
        for beyond in [i64::MIN, Timestamp::MIN.0 - 1, Timestamp::MAX.0 + 1, i64::MAX] {
            assert_eq!(Timestamp::from_microsecond(beyond), Err(Error));
        }
    }
}
