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
        self.to_timestamp().push_seconds(out);
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
