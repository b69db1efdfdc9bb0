//! What a simulated container has written, and how much of it somebody wants to see.

use crate::apiserver::LogQuery;
use crate::time::Time;

/// What a container has written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Its lines, the oldest first, each with its time.
    pub lines: Vec<(Time, String)>,
    /// Whether it runs and may write more.
    pub runs: bool,
}

impl Output {
    /// As much of it as a query asks for.
    pub fn shown(&self, query: &LogQuery) -> String {
        let wanted = self.lines.iter().filter(|(at, _)| query.since.is_none_or(|since| *at >= since));
        let lines: Vec<String> = wanted.map(|line| written(line, query)).collect();
        let most = |n: Option<u64>| n.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
        let skip = lines.len().saturating_sub(most(query.tail_lines));
        let mut text = lines.get(skip..).unwrap_or_default().concat();
        text.truncate(text.floor_char_boundary(most(query.limit_bytes)));
        text
    }

    /// The lines after the first `n`, for somebody who follows.
    pub fn after(&self, n: usize, query: &LogQuery) -> String {
        self.lines.iter().skip(n).map(|line| written(line, query)).collect()
    }
}

fn written((at, line): &(Time, String), query: &LogQuery) -> String {
    if query.timestamps { format!("{at} {line}\n") } else { format!("{line}\n") }
}
