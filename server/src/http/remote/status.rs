//! How a process ended, in the words clients know.

use super::client::Client;
use bytes::Bytes;
use kubarium_core::api::{ApiError, Reason};
use serde_json::{Value, json};

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Well.
    Success,
    /// With a code that is not zero.
    ExitCode(i64),
    /// Something went wrong on the way: a sentence.
    Failed(String),
}

impl Outcome {
    fn message(&self) -> String {
        match self {
            Self::Success => String::new(),
            Self::ExitCode(code) => {
                format!("command terminated with non-zero exit code: command terminated with exit code {code}")
            }
            Self::Failed(why) => format!("Internal error occurred: {why}"),
        }
    }

    /// As a `Status`.
    fn document(&self) -> Value {
        match self {
            Self::Success => json!({ "metadata": {}, "status": "Success" }),
            Self::ExitCode(code) => json!({
                "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "message": self.message(),
                "details": { "causes": [{ "reason": "ExitCode", "message": code.to_string() }] },
            }),
            Self::Failed(why) => {
                let mut status = ApiError::new(500, Reason::InternalError, self.message()).to_status();
                status["details"] = json!({ "causes": [{ "message": why }] });
                status
            }
        }
    }

    /// Tells the client, and that nothing more comes.
    pub(super) async fn tell(&self, client: &Client) {
        let text = if client.json { self.document().to_string() } else { self.message() };
        // One that is gone need not be told.
        let _ = client.error.send(Bytes::from(text)).await;
        for sink in [&client.stdout, &client.stderr].into_iter().flatten().chain([&client.error]) {
            let _ = sink.finish().await;
        }
    }
}
