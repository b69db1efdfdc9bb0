//! What went wrong, and what to do about it.

use std::fmt;

/// A failure as the user reads it: what happened and, where one is known, the command or change that mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    what: String,
    remedy: Option<String>,
}

pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: None }
    }

    /// Names the way out. Shown on lines of its own, so it may hold commands to copy.
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        let Some(remedy) = &self.remedy else {
            return Ok(());
        };
        write!(f, "\nTo mend it:")?;
        remedy.lines().try_for_each(|line| write!(f, "\n  {line}"))
    }
}
