//! What a test has to tell though it passes: a share, a measure.

use std::io::Write as _;

/// Tells it past the test runner, which keeps what passing tests print to itself. `cargo xtask test` shows lines that
/// begin so.
const MARK: &str = "report: ";

/// Tells each line of a text.
pub fn report(text: &str) {
    let lines: Vec<String> = text.lines().map(|line| format!("{MARK}{line}\n")).collect();
    // In one piece, for other tests tell theirs at the same time. That nobody listens is no fault of the test.
    let _ = std::io::stderr().write_all(format!("\n{}", lines.concat()).as_bytes());
}
