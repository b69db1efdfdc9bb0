//! How a command ends that could not do its work: one line for the person, one code for the shell.

use std::fmt;

/// Why a command ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Exit code: 2 where something given was wrong, 1 where something happened on the way.
    pub code: u8,
    /// One line that says what is wrong and what to do.
    pub message: String,
}

impl Failure {
    /// Something that was given is wrong: a flag, a field of the configuration, a file.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// Something went wrong on the way.
    pub fn running(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
