//! Connections to the ports of pods, through the engine: a program of ours in the pod's sandbox makes them.

use super::dial_program::argument;
use super::engine::{CALL_TIMEOUT, Engine, limited};
use super::hijack::{Input, Output, Source};
use super::own_image::DIAL;
use super::process::{Control, End, Process};
use super::{names, process};
use bytes::{Buf as _, Bytes};
use kubarium_core::runtime::PodRef;

/// A connection to a port of a pod.
#[derive(Debug)]
pub struct Connection {
    /// What comes from there.
    pub output: Output,
    /// What goes there.
    pub input: Input,
    /// What came with the news that it stands.
    pub first: Bytes,
}

/// Connects. The error is a sentence.
pub(super) async fn dial(engine: &Engine, pod: &PodRef, port: u16) -> Result<Connection, String> {
    let words = [DIAL.to_owned(), argument(port)];
    let Process { mut output, input, control } =
        process::exec(engine, &names::sandbox(pod), &words, true, false).await.map_err(|error| {
            if error.is_missing() || error.is_conflict() { "the pod does not run".to_owned() } else { error.message }
        })?;
    // A zero says that it stands.
    let begun = limited(CALL_TIMEOUT, async { output.next().await.map_err(bollard::errors::Error::from) });
    match begun.await.map_err(|error| error.message)? {
        Some((Source::Stdout, mut first)) if first.first() == Some(&0) => {
            first.advance(1);
            Ok(Connection { output, input, first })
        }
        _ => Err(failure(&control, port).await),
    }
}

/// Why no connection was made.
async fn failure(control: &Control, port: u16) -> String {
    let why = match control.end().await {
        // It ends with the number of the error.
        Ok(End::Code(number @ 1..=4_095)) => {
            let error = std::io::Error::from_raw_os_error(number as i32).to_string();
            error.split(" (os error").next().unwrap_or_default().to_lowercase()
        }
        Ok(_) => "the program that connects did not begin".to_owned(),
        Err(why) => why,
    };
    format!("failed to connect to localhost:{port} inside the pod: dial tcp4 127.0.0.1:{port}: connect: {why}")
}
