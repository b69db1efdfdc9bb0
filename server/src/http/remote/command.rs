//! Lets a client talk with a process.

use super::Place;
use super::client::{Client, Sink};
use super::status::Outcome;
use crate::docker::{Control, End, Input, Output, Process, Source};
use crate::http::watch::stopped;
use crate::spdy::Gone;
use bytes::{Bytes, BytesMut};
use kubarium_core::apiserver::ExecQuery;
use serde::Deserialize;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How an engine begins to say that it could not begin a command: it does so in the place of the command's output.
const NOT_BEGUN: &[u8] = b"OCI runtime exec failed: ";

/// How much of that is kept.
const NOT_BEGUN_BYTES_MAX: usize = 8 << 10;

/// What says to a terminal that nothing more comes: unlike other inputs, it cannot be closed.
const END_OF_INPUT: &[u8] = &[4];

/// How long a process may take to hear that its client is gone.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the size of a terminal is at most, as JSON.
const SIZE_BYTES_MAX: usize = 1 << 10;

/// Why nobody can talk to a process of that container; none where somebody can.
pub(super) fn refusal(query: &ExecQuery) -> Option<String> {
    query.attempt.is_none().then(|| format!("container not found (\"{}\")", query.container))
}

/// Says so over the connection.
pub(super) async fn refuse(client: Client, why: &str) {
    Outcome::Failed(format!("unable to upgrade connection: {why}")).tell(&client).await;
}

/// Begins, lets them talk until either is gone, and tells the client how it ended. A process whose client is gone is
/// left alone, its input closed, as in Kubernetes.
pub(super) async fn run(place: &Place, query: &ExecQuery, mut client: Client) {
    let doing = if query.command.is_some() { "executing command in" } else { "attaching to" };
    let outcome = match place.hosts.process(query).await {
        Err(why) => Outcome::Failed(format!("error {doing} container: {why}")),
        Ok(process) => {
            let talk = talk(process, query, &mut client);
            tokio::select! {
                said = talk => match said {
                    Ok(outcome) => outcome,
                    Err(Gone) => return,
                },
                () = stopped(place.stopping.clone()) => Outcome::Failed("the server is shutting down".to_owned()),
            }
        }
    };
    outcome.tell(&client).await;
}

async fn talk(process: Process, query: &ExecQuery, client: &mut Client) -> Result<Outcome, Gone> {
    let Process { mut output, input, control } = process;
    // They end with this talk.
    let mut helpers = JoinSet::new();
    if let Some(stdin) = client.stdin.take() {
        // What a container goes on with when somebody who was attached leaves is not for that one to end.
        let farewell = if query.terminal && query.command.is_some() { END_OF_INPUT } else { &[] };
        helpers.spawn(tell(stdin, input, farewell));
    }
    if let Some(sizes) = client.resizes.take() {
        helpers.spawn(resize(sizes, control.clone()));
    }
    let outcome = listen(&mut output, &control, client).await;
    if outcome == Err(Gone) {
        // What it said last is still told, and that it has nothing more to say.
        let told = async { while helpers.join_next().await.is_some() {} };
        let _ = timeout(FAREWELL_TIMEOUT, told).await;
    }
    outcome
}

/// Passes on what a process writes, until it has ended.
async fn listen(output: &mut Output, control: &Control, client: &Client) -> Result<Outcome, Gone> {
    let mut not_begun = NotBegun::default();
    loop {
        let piece = tokio::select! {
            piece = output.next() => piece,
            () = client.gone.cancelled() => return Err(Gone),
        };
        let (source, bytes) = match piece {
            Ok(Some((Source::Stdout, bytes))) => (Source::Stdout, not_begun.hold(bytes)),
            Ok(Some(errors)) => errors,
            Ok(None) => break,
            Err(error) => return Ok(Outcome::Failed(format!("the connection to the engine was lost: {error}"))),
        };
        let to = if source == Source::Stdout { &client.stdout } else { &client.stderr };
        pass(to.as_ref(), bytes).await?;
    }
    let outcome = match control.end().await {
        Ok(End::NeverBegan) if !not_begun.held.is_empty() => {
            let why = String::from_utf8_lossy(&not_begun.held).trim_end().to_owned();
            return Ok(Outcome::Failed(format!("error executing command in container: {why}")));
        }
        Ok(End::Code(code)) if code != 0 => Outcome::ExitCode(code),
        Ok(End::NeverBegan) => Outcome::Failed("error executing command in container: it did not begin".to_owned()),
        Ok(End::Code(_) | End::Unknown) => Outcome::Success,
        Err(why) => Outcome::Failed(format!("how the command ended is not known: {why}")),
    };
    pass(client.stdout.as_ref(), not_begun.held.freeze()).await?;
    Ok(outcome)
}

async fn pass(to: Option<&Sink>, bytes: Bytes) -> Result<(), Gone> {
    match to {
        Some(sink) if !bytes.is_empty() => sink.send(bytes).await,
        _ => Ok(()),
    }
}

/// Keeps back output that looks as if the command did not begin, until it is known.
#[derive(Debug, Default)]
struct NotBegun {
    held: BytesMut,
    over: bool,
}

impl NotBegun {
    /// What may be passed on.
    fn hold(&mut self, bytes: Bytes) -> Bytes {
        if self.over {
            return bytes;
        }
        self.held.extend_from_slice(&bytes);
        let length = self.held.len().min(NOT_BEGUN.len());
        if self.held.get(..length) == NOT_BEGUN.get(..length) && self.held.len() <= NOT_BEGUN_BYTES_MAX {
            return Bytes::new();
        }
        self.over = true;
        self.held.split().freeze()
    }
}

/// Tells the process what the client says, and when it has nothing more to say.
async fn tell(mut said: mpsc::Receiver<Bytes>, mut input: Input, farewell: &'static [u8]) {
    while let Some(bytes) = said.recv().await {
        if input.write_all(&bytes).await.is_err() || input.flush().await.is_err() {
            break;
        }
    }
    // The process may have ended.
    let _ = input.write_all(farewell).await;
    let _ = input.shutdown().await;
    // It listens no more. What the client still says is taken, so that what it says else is heard.
    while said.recv().await.is_some() {}
}

/// The size of a terminal, in characters.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "PascalCase")]
struct Size {
    #[serde(default)]
    width: u16,
    #[serde(default)]
    height: u16,
}

async fn resize(mut said: mpsc::Receiver<Bytes>, control: Control) {
    let mut text = BytesMut::new();
    while let Some(bytes) = said.recv().await {
        text.extend_from_slice(&bytes);
        // Only the last of them matters.
        if let Some(Size { width, height }) = sizes(&mut text).pop().filter(|s| s.width > 0 && s.height > 0) {
            control.resize(width, height).await;
        }
    }
}

/// Takes whole sizes out of what was said.
fn sizes(text: &mut BytesMut) -> Vec<Size> {
    let mut found = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(text).into_iter();
    let broken = loop {
        match reader.next() {
            Some(Ok(size)) => found.push(size),
            Some(Err(error)) => break !error.is_eof(),
            None => break false,
        }
    };
    let read = reader.byte_offset();
    if broken || text.len() - read.min(text.len()) > SIZE_BYTES_MAX {
        text.clear();
    } else {
        bytes::Buf::advance(text, read.min(text.len()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_however_they_are_cut() {
        let said = b"{\"Width\":80,\"Height\":24}\n{\"Width\":81,\"Height\":25}\n";
        for cut in 0..said.len() {
            let mut text = BytesMut::from(&said[..cut]);
            let mut found = sizes(&mut text);
            text.extend_from_slice(&said[cut..]);
            found.extend(sizes(&mut text));
            assert_eq!(found, [Size { width: 80, height: 24 }, Size { width: 81, height: 25 }], "{cut}");
        }
        let mut nonsense = BytesMut::from("no size".as_bytes());
        assert_eq!((sizes(&mut nonsense), nonsense.len()), (vec![], 0));
    }

    #[test]
    fn output_that_only_begins_like_a_refusal_is_passed_on() {
        let mut not_begun = NotBegun::default();
        assert_eq!(not_begun.hold(Bytes::from_static(b"OCI ")), "");
        assert_eq!(not_begun.hold(Bytes::from_static(b"is an initiative")), "OCI is an initiative");
        assert_eq!(not_begun.hold(Bytes::from_static(b"OCI runtime exec failed: ")), "OCI runtime exec failed: ");
    }
}
