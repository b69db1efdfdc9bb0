//! SPDY inside a WebSocket: its messages are the bytes of the connection, however they are cut.

use super::{MESSAGE_BYTES_MAX, ports};
use crate::http::problem;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt as _, StreamExt as _};
use kubarium_core::api::Reason;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

/// What a client asks for that wants it.
const PREFIX: &str = "SPDY/3.1+";

/// How many bytes wait in each direction.
const BUFFER_BYTES: usize = 64 << 10;

/// Whether the client wants that.
pub(super) fn wanted(socket: &WebSocketUpgrade) -> bool {
    socket.requested_protocols().any(|offered| offered.to_str().is_ok_and(|offered| offered.starts_with(PREFIX)))
}

/// Takes it, where it is for ports.
pub(super) fn accept(socket: WebSocketUpgrade) -> Result<WebSocketUpgrade, Box<Response>> {
    let protocol = format!("{PREFIX}{}", ports::VERSION);
    let socket = socket.protocols([protocol.clone()]).max_message_size(MESSAGE_BYTES_MAX);
    if socket.selected_protocol().is_some() {
        return Ok(socket);
    }
    let why = format!("unable to upgrade: the only protocol that can be tunneled is {protocol}");
    Err(Box::new(problem::status(400, Reason::BadRequest, why)))
}

/// The bytes. They end with the WebSocket, and it with them.
pub(super) fn bytes(socket: WebSocket) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(BUFFER_BYTES);
    let (mut from_us, mut to_us) = tokio::io::split(theirs);
    let (mut writing, mut reading) = socket.split();
    tokio::spawn(async move {
        while let Some(Ok(message)) = reading.next().await {
            let bytes = match message {
                Message::Binary(bytes) => bytes,
                Message::Text(text) => Bytes::from(text),
                Message::Close(_) => break,
                Message::Ping(_) | Message::Pong(_) => continue,
            };
            if to_us.write_all(&bytes).await.is_err() {
                return;
            }
        }
        // The other end may be gone already.
        let _ = to_us.shutdown().await;
    });
    tokio::spawn(async move {
        let mut bytes = BytesMut::new();
        loop {
            bytes.reserve(BUFFER_BYTES);
            let message = match from_us.read_buf(&mut bytes).await {
                Ok(read) if read > 0 => Message::Binary(bytes.split().freeze()),
                _ => Message::Close(Some(CloseFrame { code: close_code::NORMAL, reason: Utf8Bytes::default() })),
            };
            let last = matches!(message, Message::Close(_));
            if writing.send(message).await.is_err() || last {
                return;
            }
        }
    });
    ours
}
