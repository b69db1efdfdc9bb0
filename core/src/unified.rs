//! What differs between two texts, line by line, as `diff -u` writes it.

use std::fmt::Write as _;

/// How many lines that are alike stand around those that differ.
const CONTEXT: usize = 3;
/// Above this many pairs of lines that may have to do with each other, all of them count as changed.
const PAIRS_MAX: usize = 4_000_000;

/// The hunks, without the names of files; empty where the texts are alike.
pub fn unified(before: &str, after: &str) -> String {
    let (before, after) = (before.lines().collect::<Vec<_>>(), after.lines().collect::<Vec<_>>());
    let lines = edits(&before, &after);
    let changed: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].0 != ' ').collect();
    let mut text = String::new();
    let mut rest = changed.as_slice();
    while let Some(first) = rest.first() {
        let apart = rest.windows(2).position(|pair| pair[1] - pair[0] > 2 * CONTEXT + 1);
        let (hunk, later) = rest.split_at(apart.map_or(rest.len(), |at| at + 1));
        rest = later;
        let begin = first.saturating_sub(CONTEXT);
        let end = hunk.last().map_or(begin, |last| (last + 1 + CONTEXT).min(lines.len()));
        let count = |part: &[(char, &str)], other: char| part.iter().filter(|(sign, _)| *sign != other).count();
        let range = |other: char| {
            let (skipped, here) = (count(&lines[..begin], other), count(&lines[begin..end], other));
            match here {
                0 => format!("{skipped},0"),
                1 => (skipped + 1).to_string(),
                _ => format!("{},{here}", skipped + 1),
            }
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "@@ -{} +{} @@", range('+'), range('-'));
        for (sign, line) in &lines[begin..end] {
            let _ = writeln!(text, "{sign}{line}");
        }
    }
    text
}

/// All lines of both texts, each with what becomes of it: ` ` stays, `-` goes, `+` comes.
fn edits<'a>(before: &[&'a str], after: &[&'a str]) -> Vec<(char, &'a str)> {
    let alike = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let head = before.iter().zip(after).take_while(alike).count();
    let tail = before[head..].iter().rev().zip(after[head..].iter().rev()).take_while(alike).count();
    let (old, new) = (&before[head..before.len() - tail], &after[head..after.len() - tail]);
    let width = new.len() + 1;
    // How many lines are common to what follows each pair of places.
    let mut common = vec![0_u32; if old.len() * new.len() > PAIRS_MAX { 0 } else { (old.len() + 1) * width }];
    if !common.is_empty() {
        for i in (0..old.len()).rev() {
            for j in (0..new.len()).rev() {
                common[i * width + j] = if old[i] == new[j] {
                    common[(i + 1) * width + j + 1] + 1
                } else {
                    common[(i + 1) * width + j].max(common[i * width + j + 1])
                };
            }
        }
    }
    let common = |i: usize, j: usize| common.get(i * width + j).copied().unwrap_or_default();
    let mut lines: Vec<(char, &str)> = before[..head].iter().map(|line| (' ', *line)).collect();
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        let line = if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
            (' ', old[i - 1])
        } else if i < old.len() && (j == new.len() || common(i + 1, j) >= common(i, j + 1)) {
            i += 1;
            ('-', old[i - 1])
        } else {
            j += 1;
            ('+', new[j - 1])
        };
        lines.push(line);
    }
    lines.extend(before[before.len() - tail..].iter().map(|line| (' ', *line)));
    lines
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn hunks_are_those_of_diff() {
        for (before, after, hunks) in [
            ("a\nb\n", "a\nb\n", ""),
            ("", "a\n", "@@ -0,0 +1 @@\n+a\n"),
            ("a\n", "", "@@ -1 +0,0 @@\n-a\n"),
            (
                "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
                "1\n2\n3\n4\nx\n6\n7\n8\n9\n",
                "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n",
            ),
            (
                "a\n1\n2\n3\n4\n5\n6\nb\n",
                "A\n1\n2\n3\n4\n5\n6\nB\n",
                "@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n",
            ),
            (
                "a\n1\n2\n3\n4\n5\n6\n7\nb\n",
                "1\n2\n3\n4\n5\n6\n7\nb\nc\n",
                "@@ -1,4 +1,3 @@\n-a\n 1\n 2\n 3\n@@ -7,3 +6,4 @@\n 6\n 7\n b\n+c\n",
            ),
        ] {
            assert_eq!(unified(before, after), hunks, "{before:?} {after:?}");
        }
    }
}
