//! Why a command did not do what it should, in the words in which kubectl says so.

use crate::go::quoted;
use serde_json::Value;
use std::fmt::Write as _;

/// Why a command failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failure {
    /// A sentence of the command itself.
    Error(String),
    /// A sentence of the command itself about how it was typed: whose help shows how.
    Usage(String, String),
    /// What the API said: a `Status`.
    Status(Value),
    /// Text as it is.
    Plain(String),
    /// Several failures, each in a line of its own.
    Many(Vec<Failure>),
    /// Everything was said before.
    Said,
    /// A failure with an exit code of its own.
    Coded(u8, Box<Failure>),
}

impl Failure {
    /// A sentence of the command itself.
    pub(crate) fn error(text: impl Into<String>) -> Self {
        Self::Error(text.into())
    }

    /// One failure of those; none where there are none.
    pub(crate) fn all(mut failures: Vec<Self>) -> Result<(), Self> {
        match failures.len() {
            0 => Ok(()),
            1 => Err(failures.remove(0)),
            _ => Err(Self::Many(failures)),
        }
    }

    /// The exit code.
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::Coded(code, _) => *code,
            _ => 1,
        }
    }

    /// The reason of what the API said, such as `NotFound`.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Status(status) => status["reason"].as_str().unwrap_or_default(),
            _ => "",
        }
    }

    /// With what was being done when the API said so, and on what.
    pub(crate) fn when(self, doing: &str, source: &str) -> Self {
        match self {
            Self::Status(mut status) => {
                let message = status["message"].as_str().unwrap_or_default();
                status["message"] = format!("error when {doing} {}: {message}", quoted(source)).into();
                Self::Status(status)
            }
            Self::Error(text) => Self::Error(format!("error when {doing} {}: {text}", quoted(source))),
            other => other,
        }
    }

    /// The sentence alone, as it is told within another one.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Error(text) | Self::Usage(_, text) | Self::Plain(text) => text.clone(),
            Self::Status(status) => status["message"].as_str().unwrap_or_default().to_owned(),
            Self::Many(all) => all.iter().map(Self::message).collect::<Vec<_>>().join(", "),
            Self::Said => String::new(),
            Self::Coded(_, failure) => failure.message(),
        }
    }

    /// What is printed, line by line.
    pub(crate) fn lines(&self) -> String {
        match self {
            Self::Error(text) if text.is_empty() => String::new(),
            Self::Error(text) => format!("error: {text}\n"),
            Self::Usage(command, text) => {
                format!("error: {text}\nSee 'kubectl {command} -h' for help and examples\n")
            }
            Self::Status(status) => format!("{}\n", of_status(status)),
            Self::Plain(text) => format!("{text}\n"),
            Self::Many(all) => all.iter().map(Self::lines).collect(),
            Self::Said => String::new(),
            Self::Coded(_, failure) => failure.lines(),
        }
    }
}

fn of_status(status: &Value) -> String {
    let text = |key: &str| status[key].as_str().unwrap_or_default();
    let message = text("message");
    match text("reason") {
        "Invalid" => {
            let details = &status["details"];
            let (kind, name) =
                (details["kind"].as_str().unwrap_or_default(), details["name"].as_str().unwrap_or_default());
            let mut causes: Vec<String> = Vec::new();
            for cause in details["causes"].as_array().into_iter().flatten() {
                let word = |key: &str| cause[key].as_str().unwrap_or_default();
                let cause = format!("{}: {}", word("field"), word("message"));
                if !causes.contains(&cause) {
                    causes.push(cause);
                }
            }
            let mut said = if kind.is_empty() && name.is_empty() {
                "The request is invalid".to_owned()
            } else {
                format!("The {kind} {} is invalid", quoted(name))
            };
            match causes.as_slice() {
                [] if kind.is_empty() && name.is_empty() => said = format!("{said}: {message}"),
                [] => {}
                [one] => said = format!("{said}: {one}"),
                many => {
                    said.push_str(": ");
                    for cause in many {
                        // Writing to a string does not fail.
                        let _ = write!(said, "\n* {cause}");
                    }
                }
            }
            said
        }
        "Unauthorized" => format!("error: You must be logged in to the server ({message})"),
        "" => format!("Error from server: {message}"),
        reason => format!("Error from server ({reason}): {message}"),
    }
}
