//! Counting: what passed, what failed, what was left out.

use std::fmt;
use std::ops::AddAssign;

/// Tests and other steps, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Tally {
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1, skipped: 0 };
    pub(crate) const SKIPPED: Self = Self { passed: 0, failed: 0, skipped: 1 };

    /// Adds up the `test result:` lines that Rust's test runner printed; one per test binary.
    ///
    /// `success` is whether the run as a whole succeeded. A run that failed without a failed test (it did not compile, a
    /// binary crashed) counts as one failure, and so does one that succeeded without running anything: that is a
    /// mistake in how it was called, not a success.
    pub(crate) fn of_test_run(lines: &[String], success: bool) -> Self {
        let mut tally = Self::default();
        for line in lines {
            tally += Self::of_result_line(line).unwrap_or_default();
        }
        let ran = tally.passed + tally.failed;
        if (!success && tally.failed == 0) || ran == 0 {
            tally += Self::FAILED;
        }
        tally
    }

    /// The same of suites that were asked for by name: each must have run a test. One that is empty, or did not get to
    /// its end, counts as a failure.
    pub(crate) fn of_suites(lines: &[String], success: bool, suites: usize) -> Self {
        let mut tally = Self::of_test_run(lines, success);
        let ran = lines.iter().filter_map(|line| Self::of_result_line(line)).filter(|one| one.passed + one.failed > 0);
        let missing = suites.saturating_sub(ran.count());
        if missing > 0 && tally.failed == 0 {
            tally.failed += missing;
        }
        tally
    }

    /// Reads "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s".
    fn of_result_line(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |word: &str| {
            let number = counts.split(';').find_map(|part| part.trim().strip_suffix(word))?;
            number.trim().parse::<usize>().ok()
        };
        Some(Self { passed: count("passed")?, failed: count("failed")?, skipped: count("ignored")? })
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// The summary line: "12 passed, 0 failed", and ", 1 skipped" where something was left out.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 { write!(f, ", {} skipped", self.skipped) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    fn of(text: &str, success: bool) -> String {
        let lines = text.lines().map(str::to_owned).collect::<Vec<_>>();
        Tally::of_test_run(&lines, success).to_string()
    }

    #[test]
    fn results_of_all_test_binaries_are_added_up() {
        let printed = "running 2 tests\ntest a ... ok\n\
            test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            test result: FAILED. 40 passed; 1 failed; 3 ignored; 0 measured; 7 filtered out; finished in 1.20s\n";
        assert_eq!(of(printed, false), "42 passed, 1 failed, 3 skipped");
    }

    #[test]
    fn a_test_that_prints_something_alike_is_not_counted() {
        assert_eq!(
            of("the test result: ok. 9 passed\ntest result: ok. 1 passed; 0 failed; 0 ignored", true),
            "1 passed, 0 failed"
        );
    }

    #[test]
    fn a_run_that_breaks_off_counts_as_a_failure() {
        assert_eq!(of("error[E0425]: cannot find value", false), "0 passed, 1 failed");
        assert_eq!(
            of("test result: ok. 5 passed; 0 failed; 0 ignored;\nerror: signal: 9", false),
            "5 passed, 1 failed"
        );
    }

    #[test]
    fn a_suite_without_a_test_counts_as_a_failure_whatever_the_others_did() {
        let printed = "test result: ok. 3 passed; 0 failed; 0 ignored\ntest result: ok. 0 passed; 0 failed; 0 ignored";
        let lines = printed.lines().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(Tally::of_suites(&lines, true, 1).to_string(), "3 passed, 0 failed");
        assert_eq!(Tally::of_suites(&lines, true, 2).to_string(), "3 passed, 1 failed");
    }

    #[test]
    fn a_run_without_any_test_counts_as_a_failure() {
        assert_eq!(
            of("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 4 filtered out;", true),
            "0 passed, 1 failed"
        );
    }
}
