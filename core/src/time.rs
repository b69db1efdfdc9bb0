//! Instants and durations of the cluster: whole microseconds, always handed in, never read from a clock.

use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Sub};

/// An instant: microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

/// A span of time in microseconds. Never negative where the core makes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// `n` milliseconds.
    pub const fn from_millis(n: i64) -> Self {
        Self(n.saturating_mul(1_000))
    }

    /// `n` seconds.
    pub const fn from_secs(n: i64) -> Self {
        Self(n.saturating_mul(1_000_000))
    }

    /// Whole milliseconds, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0 / 1_000
    }

    /// Whole seconds, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0 / 1_000_000
    }
}

impl Time {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);

    /// An instant as Kubernetes writes it; none where the text is no instant.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<Timestamp>().ok().map(|at| Self(at.as_microsecond()))
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This instant with everything below a second cut off, as Kubernetes' `metav1.Time` keeps it.
    #[must_use]
    pub const fn floor_secs(self) -> Self {
        Self(self.as_secs() * 1_000_000)
    }

    /// The span from `earlier` to `self`; zero where `earlier` is later.
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0).max(0))
    }

    /// As Kubernetes writes it. Instants beyond what its calendar holds are cut to its ends.
    pub fn to_meta(self) -> meta::Time {
        meta::Time(self.to_timestamp())
    }

    /// As Kubernetes writes instants with microseconds.
    pub fn to_micro(self) -> meta::MicroTime {
        meta::MicroTime(self.to_timestamp())
    }

    /// Writes it as Kubernetes does, in whole seconds.
    pub(crate) fn push_seconds(self, out: &mut String) {
        let seconds = self.as_secs();
        let Ok(days) = u32::try_from(seconds.div_euclid(86_400)) else { return self.push_any(out) };
        // Years of 400 have the same days each, counted from a March, so that a leap day is the last of a year.
        // Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
        let days = days + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = year_of_era + era * 400 + u32::from(month <= 2);
        if year >= 9_999 {
            // The calendar ends within it.
            return self.push_any(out);
        }
        let of_day = seconds.rem_euclid(86_400) as u32;
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

    /// The same of any instant.
    fn push_any(self, out: &mut String) {
        let text = crate::api::encode(&self.to_meta());
        out.push_str(text.as_str().unwrap_or_default());
    }

    fn to_timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }
}

impl From<&meta::Time> for Time {
    fn from(t: &meta::Time) -> Self {
        Self(t.0.as_microsecond())
    }
}

impl From<&meta::MicroTime> for Time {
    fn from(t: &meta::MicroTime) -> Self {
        Self(t.0.as_microsecond())
    }
}

impl Add<Span> for Time {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Time {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_timestamp().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_whole_seconds_as_the_calendar_library_writes_them() {
        let day = 86_400;
        let leap_days = [951_782_400, 1_709_164_800, 4_107_542_400 - day, 13_574_563_200 - day];
        let ends = [i64::MIN / 1_000_000, -1, 0, 253_402_300_799, 253_402_300_800, i64::MAX / 1_000_000];
        let spread = (0..3_000).map(|step| step * 84_467_433 % 253_402_300_800);
        for seconds in leap_days.into_iter().flat_map(|at| [at - 1, at, at + day]).chain(ends).chain(spread) {
            let time = Time(seconds.saturating_mul(1_000_000).saturating_add(999_999));
            let mut text = String::new();
            time.push_seconds(&mut text);
            assert_eq!(crate::api::encode(&time.to_meta()), text, "{seconds}");
        }
    }
}
