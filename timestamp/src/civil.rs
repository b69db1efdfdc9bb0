//! Days and their dates.
//!
//! Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". Eras of 400 years have the same days each,
//! counted from a March, so that a leap day is the last of a year.

const ERA: i64 = 146_097;
/// From the first of March of the year 0 to the Unix epoch.
const EPOCH: i64 = 719_468;

/// A date of the Gregorian calendar, from the year 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: u32,
    /// From 1.
    pub(crate) month: u32,
    /// From 1.
    pub(crate) day: u32,
}

impl Date {
    /// The date of a day, counted from the Unix epoch.
    pub(crate) const fn of(day: i64) -> Self {
        let day = day + EPOCH;
        let (era, of_era) = (day.div_euclid(ERA), day.rem_euclid(ERA) as u32);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * of_year + 2) / 153;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = era * 400 + year_of_era as i64 + (month <= 2) as i64;
        Self { year: year as u32, month, day: of_year - (153 * march_month + 2) / 5 + 1 }
    }

    /// The day of this date, counted from the Unix epoch; none where the calendar has no such date.
    pub(crate) fn to_day(self) -> Option<i64> {
        if !(1..=12).contains(&self.month) {
            return None;
        }
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day.checked_sub(1)?;
        let day = era * ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + i64::from(of_year) - EPOCH;
        // The thirtieth of February would be a day of March.
        (Self::of(day) == self).then_some(day)
    }
}
