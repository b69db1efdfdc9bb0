//! Channels of a WebSocket: the first byte of each message says which one it belongs to.

use super::client::{Client, Sink};
use super::{MESSAGE_BYTES_MAX, form};
use crate::http::problem;
use crate::spdy::Gone;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use kubarium_core::api::Reason;
use kubarium_core::apiserver::ExecQuery;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

/// How many messages wait in each direction, and in each channel until somebody takes them.
const MESSAGES_MAX: usize = 16;

/// How many bytes a message of ours carries at most.
const PIECE_BYTES_MAX: usize = 32 << 10;

/// How often the client is asked whether it is there: where it vanished, the system finds out.
const PING_PERIOD: Duration = Duration::from_secs(30);

/// How long a connection lasts on which the client does not even answer that.
const IDLE_TIMEOUT: Duration = Duration::from_hours(4);

/// How long the client may take to see that the connection ends.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// The channels of a process: its input is the first, 0.
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;

/// In the newest protocol: a channel, named in the message, has ended.
const CLOSE: u8 = 255;

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// How a process ended is told as a `Status`.
    pub(super) json: bool,
    /// The client can say that a channel has ended.
    pub(super) closes: bool,
    /// As text: the channel as a digit, then base64.
    pub(super) base64: bool,
}

/// What can be spoken with a process, best first; the last where the client names nothing.
pub(super) const COMMAND_FORMS: [(&str, Form); 5] = [
    ("v5.channel.k8s.io", form(5, false)),
    ("v4.channel.k8s.io", form(4, false)),
    ("v4.base64.channel.k8s.io", form(4, true)),
    ("base64.channel.k8s.io", form(1, true)),
    ("channel.k8s.io", form(1, false)),
];

/// What can be spoken with ports.
pub(super) const PORT_FORMS: [(&str, Form); 2] =
    [("v4.base64.channel.k8s.io", form(4, true)), ("v4.channel.k8s.io", form(4, false))];

/// Chooses what is spoken.
pub(super) fn choose(
    socket: WebSocketUpgrade,
    forms: &[(&'static str, Form)],
) -> Result<(WebSocketUpgrade, Form), Box<Response>> {
    let offers = socket
        .requested_protocols()
        .any(|offered| offered.to_str().is_ok_and(|offered| !offered.starts_with("base64url.bearer.authorization.")));
    let socket = socket.protocols(forms.iter().map(|(name, _)| *name)).max_message_size(MESSAGE_BYTES_MAX);
    let chosen = socket.selected_protocol().and_then(|p| p.to_str().ok());
    let form = match chosen {
        Some(chosen) => forms.iter().find(|(name, _)| *name == chosen),
        None if !offers => forms.last(),
        None => None,
    };
    if let Some((_, form)) = form {
        return Ok((socket, *form));
    }
    let known: Vec<&str> = forms.iter().map(|(name, _)| *name).collect();
    let why = format!("unable to upgrade: none of the WebSocket protocols is one of {}", known.join(", "));
    Err(Box::new(problem::status(400, Reason::BadRequest, why)))
}

/// A way to the client.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    number: u8,
    messages: mpsc::Sender<(u8, Bytes)>,
}

impl Channel {
    /// Sends bytes; waits while the client does not read.
    pub(super) async fn send(&self, mut bytes: Bytes) -> Result<(), Gone> {
        loop {
            let piece = bytes.split_to(bytes.len().min(PIECE_BYTES_MAX));
            self.messages.send((self.number, piece)).await.map_err(|_| Gone)?;
            if bytes.is_empty() {
                return Ok(());
            }
        }
    }
}

/// A WebSocket with its channels.
#[derive(Debug)]
pub(super) struct Carrier {
    messages: mpsc::Sender<(u8, Bytes)>,
    gone: CancellationToken,
    done: CancellationToken,
}

impl Carrier {
    /// Serves a client that may write to the channels `from_client`, from 0 on; what is none is not taken.
    pub(super) fn serve(socket: WebSocket, form: Form, from_client: Vec<Option<mpsc::Sender<Bytes>>>) -> Self {
        let (writing, reading) = socket.split();
        let (messages, outbox) = mpsc::channel(MESSAGES_MAX);
        let (gone, done) = (CancellationToken::new(), CancellationToken::new());
        tokio::spawn({
            let (gone, done) = (gone.clone(), done.clone());
            async move {
                let _end = gone.clone().drop_guard();
                let ended = async {
                    done.cancelled().await;
                    tokio::time::sleep(END_TIMEOUT).await;
                };
                tokio::select! {
                    () = read(reading, form, from_client) => {}
                    () = ended => {}
                    () = gone.cancelled() => {}
                }
            }
        });
        tokio::spawn({
            let (gone, done) = (gone.clone(), done.clone());
            async move {
                let _end = done.drop_guard();
                tokio::select! {
                    written = write(outbox, writing, form) => if written.is_err() {
                        gone.cancel();
                    },
                    () = gone.cancelled() => {}
                }
            }
        });
        Self { messages, gone, done }
    }

    /// The way to a channel.
    pub(super) fn channel(&self, number: u8) -> Channel {
        Channel { number, messages: self.messages.clone() }
    }

    /// Turns true when the client is gone.
    pub(super) fn gone(&self) -> CancellationToken {
        self.gone.clone()
    }

    /// Ends the connection after what was sent. All channels must have been dropped.
    pub(super) async fn end(self) {
        let Self { messages, gone, done } = self;
        drop(messages);
        tokio::select! {
            () = done.cancelled() => {}
            () = gone.cancelled() => {}
        }
    }
}

/// A client that wants to talk with a process.
pub(super) fn client(socket: WebSocket, form: Form, query: &ExecQuery) -> (Client, Carrier) {
    let channel = |wanted: bool| wanted.then(|| mpsc::channel(MESSAGES_MAX)).unzip();
    let (to_stdin, stdin) = channel(query.stdin);
    let (to_resizes, resizes) = channel(query.tty);
    // By number: the input is 0, the size of the terminal 4.
    let carrier = Carrier::serve(socket, form, vec![to_stdin, None, None, None, to_resizes]);
    let sink = |number| Sink::Channel(carrier.channel(number));
    let client = Client {
        stdin,
        resizes,
        stdout: query.stdout.then(|| sink(STDOUT)),
        stderr: query.stderr.then(|| sink(STDERR)),
        error: sink(ERROR),
        json: form.json,
        gone: carrier.gone(),
    };
    // A first message says that the connection stands.
    let first = [&client.stdout, &client.stderr].into_iter().flatten().next().unwrap_or(&client.error);
    if let Sink::Channel(Channel { number, messages }) = first {
        // Nothing else waits to be sent yet.
        let _ = messages.try_send((*number, Bytes::new()));
    }
    (client, carrier)
}

/// Hands on what the client says, until it has nothing more to say.
async fn read(mut socket: SplitStream<WebSocket>, form: Form, mut channels: Vec<Option<mpsc::Sender<Bytes>>>) {
    while let Ok(Some(Ok(message))) = timeout(IDLE_TIMEOUT, socket.next()).await {
        let (channel, bytes) = match message {
            Message::Binary(mut bytes) if !bytes.is_empty() => (bytes.split_to(1)[0], bytes),
            Message::Text(text) if form.base64 => match from_text(text.as_str()) {
                Some(said) => said,
                None => return,
            },
            Message::Text(text) => {
                let mut bytes = Bytes::from(text);
                if bytes.is_empty() {
                    continue;
                }
                (bytes.split_to(1)[0], bytes)
            }
            Message::Close(_) => return,
            _ => continue,
        };
        match (channel, bytes.first()) {
            (CLOSE, Some(ended)) if form.closes => {
                if let Some(channel) = channels.get_mut(usize::from(*ended)) {
                    *channel = None;
                }
            }
            (_, None) => {}
            _ => {
                if let Some(Some(to)) = channels.get(usize::from(channel)) {
                    // Where nobody takes it, it is dropped.
                    let _ = to.send(bytes).await;
                }
            }
        }
    }
}

fn from_text(text: &str) -> Option<(u8, Bytes)> {
    let (channel, rest) = text.split_at_checked(1)?;
    Some((channel.parse().ok()?, STANDARD.decode(rest.trim_end()).ok()?.into()))
}

fn to_message(form: Form, channel: u8, bytes: &[u8]) -> Message {
    if form.base64 {
        return Message::Text(format!("{channel}{}", STANDARD.encode(bytes)).into());
    }
    let mut message = BytesMut::with_capacity(1 + bytes.len());
    message.put_u8(channel);
    message.put_slice(bytes);
    Message::Binary(message.freeze())
}

/// Sends messages until nobody has any more, then takes leave.
async fn write(
    mut messages: mpsc::Receiver<(u8, Bytes)>,
    mut socket: SplitSink<WebSocket, Message>,
    form: Form,
) -> Result<(), axum::Error> {
    let mut pings = interval(PING_PERIOD);
    pings.tick().await;
    loop {
        tokio::select! {
            message = messages.recv() => {
                let Some((channel, bytes)) = message else {
                    // A client takes an end without a word for a mishap.
                    let farewell = CloseFrame { code: close_code::NORMAL, reason: Utf8Bytes::default() };
                    return socket.send(Message::Close(Some(farewell))).await;
                };
                socket.send(to_message(form, channel, &bytes)).await?;
            }
            _ = pings.tick() => socket.send(Message::Ping(Bytes::new())).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_as_text_is_a_digit_and_base64() {
        let form = form(4, true);
        assert_eq!(to_message(form, 1, b"hello"), Message::Text("1aGVsbG8=".into()));
        assert_eq!(from_text("0aGVsbG8="), Some((0, Bytes::from_static(b"hello"))));
        for wrong in ["", "x", "é", "0&&&"] {
            assert_eq!(from_text(wrong), None, "{wrong}");
        }
    }
}
