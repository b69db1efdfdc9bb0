//! How much agrees: counted per group, with the first difference of each case.

use super::Case;
use super::difference::first_difference;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;

/// Cases that agree, of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Those whose codes, and of errors reasons and the fields they are about, are equal. Of command lines: whose exit
    /// codes are.
    pub decisive: usize,
    /// Those whose whole bodies, or outputs, are equal.
    pub whole: usize,
    /// All of them.
    pub of: usize,
}

/// What a replay found.
#[derive(Clone, Debug, Default)]
pub struct Agreement {
    groups: BTreeMap<String, Share>,
    differences: Vec<String>,
    ignored: Vec<String>,
}

impl Agreement {
    /// Nothing counted yet, and fields of these names not to be compared, wherever they stand.
    pub fn ignoring(fields: &[String]) -> Self {
        Self { ignored: fields.to_vec(), ..Self::default() }
    }

    fn without_ignored(&self, value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let kept = map.iter().filter(|(key, _)| !self.ignored.contains(key));
                kept.map(|(key, value)| (key.clone(), self.without_ignored(value))).collect()
            }
            Value::Array(items) => items.iter().map(|value| self.without_ignored(value)).collect(),
            other => other.clone(),
        }
    }

    /// Counts a case whose answers were `got`. A replay that broke off has fewer answers than the case has steps.
    pub(super) fn count(&mut self, case: &Case, got: &[Value], decisive: fn(&Value) -> Value) {
        let loosely = |answers: &[Value]| answers.iter().map(decisive).collect::<Vec<_>>().into();
        let loose = first_difference(&loosely(&case.answers), &loosely(got), "");
        let whole =
            first_difference(&self.without_ignored(&json!(case.answers)), &self.without_ignored(&json!(got)), "");
        let share = self.groups.entry(case.group.clone()).or_default();
        share.of += 1;
        share.decisive += usize::from(loose.is_none());
        share.whole += usize::from(whole.is_none());
        if let Some(whole) = whole {
            let mark = if loose.is_some() { "DECISIVE" } else { "BODY" };
            self.differences.push(format!("{mark} {} {}: {}", case.group, case.name, loose.unwrap_or(whole)));
        }
    }

    /// All groups together.
    pub fn total(&self) -> Share {
        self.groups.values().fold(Share::default(), |all, one| Share {
            decisive: all.decisive + one.decisive,
            whole: all.whole + one.whole,
            of: all.of + one.of,
        })
    }

    /// The first difference of each case that has one.
    pub fn differences(&self) -> &[String] {
        &self.differences
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = ("in all".to_owned(), self.total());
        writeln!(f, "{:<18} {:>6} {:>9} {:>6}", "group", "cases", "decisive", "whole")?;
        for (group, share) in self.groups.iter().chain([(&total.0, &total.1)]) {
            writeln!(f, "{group:<18} {:>6} {:>9} {:>6}", share.of, share.decisive, share.whole)?;
        }
        let percent = |n: usize| 100.0 * n as f64 / total.1.of.max(1) as f64;
        write!(f, "{:<25} {:>7.1} % {:>4.1} %", "", percent(total.1.decisive), percent(total.1.whole))
    }
}
