//! A client that talks with a process, whatever it speaks.

use super::channels::Channel;
use crate::spdy::{Gone, Outgoing};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A client and what it wants of a process.
#[derive(Debug)]
pub(super) struct Client {
    /// What it says; ends where it has nothing more to say, or is gone.
    pub(super) stdin: Option<mpsc::Receiver<Bytes>>,
    /// How large its terminal is: JSON, one after the other.
    pub(super) resizes: Option<mpsc::Receiver<Bytes>>,
    /// Where the process' output goes.
    pub(super) stdout: Option<Sink>,
    /// Where its errors go.
    pub(super) stderr: Option<Sink>,
    /// Where it is said how it ended.
    pub(super) error: Sink,
    /// Whether that is said as a `Status`; older clients want a sentence.
    pub(super) json: bool,
    /// Turns true when the client is gone.
    pub(super) gone: CancellationToken,
}

/// A way to the client.
#[derive(Clone, Debug)]
pub(super) enum Sink {
    /// A stream of a SPDY connection.
    Stream(Outgoing),
    /// A channel of a WebSocket.
    Channel(Channel),
}

impl Sink {
    /// Sends bytes; waits while the client does not read.
    pub(super) async fn send(&self, bytes: Bytes) -> Result<(), Gone> {
        match self {
            Self::Stream(stream) => stream.send(bytes).await,
            Self::Channel(channel) => channel.send(bytes).await,
        }
    }

    /// Says that nothing more comes.
    pub(super) async fn finish(&self) -> Result<(), Gone> {
        match self {
            Self::Stream(stream) => stream.finish().await,
            // Channels end with their connection.
            Self::Channel(_) => Ok(()),
        }
    }
}
