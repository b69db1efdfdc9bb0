//! The pace of virtual time: plain state, changed by orders and advanced by real time that is handed in.

use crate::time::{Span, Time};

/// The least and the greatest speed, in virtual seconds per real second. No machine reaches the greatest with anything to
/// do: it stands for as fast as it can.
pub const SPEEDS: std::ops::RangeInclusive<f64> = 0.01..=1_000_000.0;

/// The longest gap in real time that virtual time makes up for, in milliseconds. A computer that slept, or a tab
/// that was held, goes on where it was.
const GAP_MS_MAX: f64 = 250.0;

/// Over how much real time the reached speed is measured, in milliseconds.
const WINDOW_MS: f64 = 1_000.0;

/// How time runs.
#[derive(Clone, Debug)]
pub struct Pace {
    playing: bool,
    speed: f64,
    /// Real time of the last slice, in milliseconds.
    last_ms: Option<f64>,
    /// Parts of a microsecond that are due.
    carried: f64,
    /// Beginning of the present window: real milliseconds, virtual time.
    window: Option<(f64, Time)>,
    reached: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { playing: true, speed: 1.0, last_ms: None, carried: 0.0, window: None, reached: 0.0 }
    }
}

impl Pace {
    /// Lets time run, or holds it.
    pub const fn play(&mut self, playing: bool, real_ms: f64) {
        self.playing = playing;
        self.begin(real_ms);
    }

    /// Sets the speed, within [`SPEEDS`].
    pub const fn set_speed(&mut self, speed: f64, real_ms: f64) {
        // A wrong number (NaN) is no speed at all.
        if speed.is_finite() {
            self.speed = speed.clamp(*SPEEDS.start(), *SPEEDS.end());
        }
        self.begin(real_ms);
    }

    /// Makes up for nothing that passed before this real time.
    pub const fn forget(&mut self, real_ms: f64) {
        self.last_ms = Some(real_ms);
    }

    /// Starts anew: what was reached before says nothing of what is wanted now.
    const fn begin(&mut self, real_ms: f64) {
        self.forget(real_ms);
        self.window = None;
        self.reached = 0.0;
    }

    /// Up to when virtual time shall run now; none where it stands.
    pub fn target(&mut self, now: Time, real_ms: f64) -> Option<Time> {
        if !self.playing {
            return None;
        }
        let gap = (real_ms - self.last_ms.replace(real_ms).unwrap_or(real_ms)).clamp(0.0, GAP_MS_MAX);
        let due = gap * 1_000.0 * self.speed + self.carried;
        self.carried = due.fract();
        Some(now + Span(due as i64))
    }

    /// Virtual time ran until `now`. Where that is not as far as wanted, the rest is forgiven.
    pub fn advanced(&mut self, now: Time, real_ms: f64, as_wanted: bool) {
        let (since_ms, since) = *self.window.get_or_insert((real_ms, now));
        let gap = real_ms - since_ms;
        if gap >= WINDOW_MS {
            self.reached = now.since(since).0 as f64 / 1_000.0 / gap;
            self.window = Some((real_ms, now));
        }
        if !as_wanted {
            self.carried = 0.0;
        }
    }

    /// Whether time runs.
    pub const fn is_playing(&self) -> bool {
        self.playing
    }

    /// The wanted speed, in virtual seconds per real second.
    pub const fn speed(&self) -> f64 {
        self.speed
    }

    /// The speed that was reached lately: less than wanted where there is too much to do. Zero where time stands, and
    /// until it is known.
    pub fn reached(&self) -> f64 {
        if self.playing { self.reached } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(pace: &mut Pace, real_ms: &[f64]) -> i64 {
        let mut now = Time::EPOCH;
        for ms in real_ms {
            if let Some(target) = pace.target(now, *ms) {
                now = target;
            }
            pace.advanced(now, *ms, true);
        }
        now.0
    }

    #[test]
    fn virtual_time_runs_at_its_speed() {
        for (speed, expected) in [(1.0, 100_000), (60.0, 6_000_000), (10_000.0, 1_000_000_000), (0.5, 50_000)] {
            let mut pace = Pace::default();
            pace.set_speed(speed, 0.0);
            assert_eq!(ran(&mut pace, &[16.0, 33.0, 50.0, 100.0]), expected, "{speed}");
        }
    }

    #[test]
    fn speeds_beyond_the_limits_are_cut_and_nonsense_is_ignored() {
        let mut pace = Pace::default();
        for (wanted, kept) in [(1e9, *SPEEDS.end()), (-3.0, 0.01), (5.0, 5.0), (f64::NAN, 5.0), (f64::INFINITY, 5.0)] {
            pace.set_speed(wanted, 0.0);
            assert!((pace.speed() - kept).abs() < 1e-9, "{wanted}");
        }
    }

    #[test]
    fn the_reached_speed_is_that_of_the_present_order_however_much_is_asked_meanwhile() {
        let mut pace = Pace::default();
        let mut now = Time::EPOCH;
        let mut reached = |pace: &mut Pace, from: u32, to: u32| {
            for ms in (from..=to).step_by(50) {
                pace.forget(f64::from(ms) - 1.0);
                now = pace.target(now, f64::from(ms)).unwrap();
                pace.advanced(now, f64::from(ms), true);
            }
            pace.reached()
        };
        pace.set_speed(100.0, 0.0);
        let slowed = reached(&mut pace, 0, 1_500);
        assert!((slowed - 2.0).abs() < 0.1, "a millisecond in fifty counts, {slowed}");
        pace.set_speed(10.0, 1_500.0);
        assert!(reached(&mut pace, 1_500, 1_900).abs() < 1e-9, "not known yet");
    }

    #[test]
    fn time_stands_while_it_is_held() {
        let mut pace = Pace::default();
        pace.play(false, 0.0);
        assert_eq!(ran(&mut pace, &[16.0, 33.0]), 0);
        pace.play(true, 100.0);
        assert_eq!(ran(&mut pace, &[110.0]), 10_000, "what passed meanwhile is not made up for");
    }

    #[test]
    fn a_long_sleep_is_not_made_up_for() {
        let mut pace = Pace::default();
        pace.forget(0.0);
        assert_eq!(ran(&mut pace, &[3_600_000.0]), 250_000);
    }
}
