//! One client's connection: the streams it opens, what comes in them and what goes back.

use super::frame::{Decoder, Frame};
use super::headers::{Deflater, Headers, Inflater};
use bytes::{Bytes, BytesMut};
use std::collections::HashMap;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// How many streams a client has open at once.
const STREAMS_MAX: usize = 1_024;

/// How many bytes are read at once, and how many a frame of ours carries at most.
const PIECE_BYTES_MAX: usize = 16 << 10;

/// How many pieces wait in each stream until somebody takes them; then the client waits too.
const PIECES_MAX: usize = 32;

/// How many frames wait to be sent.
const FRAMES_MAX: usize = 16;

/// How often the client is asked whether it is there: where it vanished, the system finds out.
const PING_PERIOD: Duration = Duration::from_secs(30);

/// How long a connection lasts on which the client does not even answer that.
const IDLE_TIMEOUT: Duration = Duration::from_hours(4);

/// How long the client may take to see that the connection ends.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a stream is refused.
const PROTOCOL_ERROR: u32 = 1;
const REFUSED_STREAM: u32 = 3;

/// The connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// A connection with its streams. Dropping it ends the connection; so does [`Connection::end`], once all is sent.
#[derive(Debug)]
pub struct Connection {
    streams: mpsc::Receiver<Stream>,
    frames: mpsc::Sender<Frame>,
    gone: CancellationToken,
    done: CancellationToken,
}

/// A stream that the client opened.
#[derive(Debug)]
pub struct Stream {
    /// What the client said of it.
    pub headers: Headers,
    /// What comes in it; ends where the client has nothing more to say, or is gone.
    pub incoming: mpsc::Receiver<Bytes>,
    /// Comes where the client wants no more of it, neither way.
    pub reset: oneshot::Receiver<()>,
    /// What goes back.
    pub outgoing: Outgoing,
}

/// The way back in a stream.
#[derive(Clone, Debug)]
pub struct Outgoing {
    id: u32,
    frames: mpsc::Sender<Frame>,
}

impl Outgoing {
    /// Sends bytes; waits while the client does not read.
    pub async fn send(&self, mut bytes: Bytes) -> Result<(), Gone> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE_BYTES_MAX));
            self.put(Frame::Data { id: self.id, bytes: piece, fin: false }).await?;
        }
        Ok(())
    }

    /// Says that nothing more comes.
    pub async fn finish(&self) -> Result<(), Gone> {
        self.put(Frame::Data { id: self.id, bytes: Bytes::new(), fin: true }).await
    }

    async fn put(&self, frame: Frame) -> Result<(), Gone> {
        self.frames.send(frame).await.map_err(|_| Gone)
    }
}

impl Connection {
    /// Serves a client on a connection of bytes.
    pub fn serve<I>(io: I) -> Self
    where
        I: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (reading, writing) = tokio::io::split(io);
        let (opened, streams) = mpsc::channel(1);
        let (frames, outbox) = mpsc::channel(FRAMES_MAX);
        let (gone, done) = (CancellationToken::new(), CancellationToken::new());
        let reader = Reader {
            opened,
            frames: frames.downgrade(),
            streams: HashMap::new(),
            last_id: 0,
            inflater: Inflater::default(),
        };
        tokio::spawn({
            let (gone, done) = (gone.clone(), done.clone());
            async move {
                // What is read after the end of all streams only waits for the client to end too.
                let _end = gone.clone().drop_guard();
                tokio::select! {
                    ended = reader.run(reading) => if let Err(error) = ended {
                        debug!(%error, "a SPDY connection ended");
                    },
                    () = ended(&done) => {}
                    () = gone.cancelled() => {}
                }
            }
        });
        tokio::spawn({
            let (gone, done) = (gone.clone(), done.clone());
            async move {
                let _end = done.drop_guard();
                tokio::select! {
                    ended = write(outbox, writing) => if let Err(error) = ended {
                        debug!(%error, "a SPDY connection cannot be written to");
                        gone.cancel();
                    },
                    () = gone.cancelled() => {}
                }
            }
        });
        Self { streams, frames, gone, done }
    }

    /// The next stream that the client opens; none where it opens no more.
    pub async fn accept(&mut self) -> Option<Stream> {
        self.streams.recv().await
    }

    /// Turns true when the client is gone.
    pub fn gone(&self) -> CancellationToken {
        self.gone.clone()
    }

    /// Ends the connection after what was sent. All ways back must have been dropped.
    pub async fn end(self) {
        let Self { frames, gone, done, .. } = self;
        drop(frames);
        // The writer ends when all is sent, and the reader when the client has seen it.
        tokio::select! {
            () = done.cancelled() => {}
            () = gone.cancelled() => {}
        }
    }
}

/// Returns some time after the writer has ended.
async fn ended(done: &CancellationToken) {
    done.cancelled().await;
    tokio::time::sleep(END_TIMEOUT).await;
}

/// Sends frames until nobody has any more, then takes leave.
async fn write(mut frames: mpsc::Receiver<Frame>, mut io: impl AsyncWrite + Unpin) -> io::Result<()> {
    let mut deflater = Deflater::default();
    let mut pings = interval(PING_PERIOD);
    pings.tick().await;
    let mut ping = 0_u32;
    let mut out = BytesMut::new();
    loop {
        let frame = tokio::select! {
            frame = frames.recv() => frame,
            _ = pings.tick() => {
                // Those of a server have even numbers.
                ping = ping.wrapping_add(2);
                Some(Frame::Ping { id: ping })
            }
        };
        let last = frame.is_none();
        let frame = match frame.unwrap_or(Frame::GoAway { last_good_id: 0, status: 0 }) {
            Frame::SynReply { id, fin, .. } => {
                let headers = deflater.write(&Headers::default()).map_err(io::Error::other)?;
                Frame::SynReply { id, fin, headers: headers.into() }
            }
            other => other,
        };
        frame.write(&mut out);
        io.write_all(&out).await?;
        out.clear();
        if last {
            return io.shutdown().await;
        }
        if frames.is_empty() {
            io.flush().await?;
        }
    }
}

/// An open stream, seen from the client's side.
struct Open {
    /// None where nothing more comes.
    pieces: Option<mpsc::Sender<Bytes>>,
    reset: oneshot::Sender<()>,
}

/// What is known of the client's side.
struct Reader {
    opened: mpsc::Sender<Stream>,
    /// Weak: the reader has nothing to say of its own once all streams have ended.
    frames: mpsc::WeakSender<Frame>,
    streams: HashMap<u32, Open>,
    last_id: u32,
    inflater: Inflater,
}

impl Reader {
    async fn run(mut self, mut io: impl AsyncRead + Unpin) -> io::Result<()> {
        let mut decoder = Decoder::default();
        let mut bytes = BytesMut::with_capacity(PIECE_BYTES_MAX);
        loop {
            while let Some(frame) = decoder.next(&mut bytes).map_err(io::Error::other)? {
                self.take(frame).await?;
            }
            bytes.reserve(PIECE_BYTES_MAX);
            let read = timeout(IDLE_TIMEOUT, io.read_buf(&mut bytes)).await;
            if read.map_err(|_| io::Error::other("the client says nothing"))?? == 0 {
                return Ok(());
            }
        }
    }

    async fn take(&mut self, frame: Frame) -> io::Result<()> {
        match frame {
            Frame::SynStream { id, headers, fin } => {
                let headers = self.inflater.read(&headers).map_err(io::Error::other)?;
                self.open(id, headers, fin).await;
            }
            Frame::Data { id, bytes, fin } => {
                let Some(stream) = self.streams.get_mut(&id) else { return Ok(()) };
                if let (Some(pieces), false) = (&stream.pieces, bytes.is_empty()) {
                    // Where nobody takes it, it is dropped.
                    let _ = pieces.send(bytes).await;
                }
                if fin {
                    stream.pieces = None;
                }
            }
            Frame::RstStream { id, .. } => {
                if let Some(stream) = self.streams.remove(&id) {
                    // Nobody may be left to tell.
                    let _ = stream.reset.send(());
                }
            }
            // Those that the client began have odd numbers.
            Frame::Ping { id } if !id.is_multiple_of(2) => self.say(Frame::Ping { id }).await,
            Frame::Headers { id, headers, fin } => {
                // Of no use, but what comes later is compressed after it.
                self.inflater.read(&headers).map_err(io::Error::other)?;
                if let (true, Some(stream)) = (fin, self.streams.get_mut(&id)) {
                    stream.pieces = None;
                }
            }
            Frame::SynReply { headers, .. } => {
                self.inflater.read(&headers).map_err(io::Error::other)?;
            }
            // It goes on with the streams there are, and ends the connection itself.
            Frame::GoAway { .. } | Frame::Ping { .. } | Frame::Settings | Frame::WindowUpdate { .. } => {}
        }
        Ok(())
    }

    async fn open(&mut self, id: u32, headers: Headers, fin: bool) {
        if id.is_multiple_of(2) || id <= self.last_id {
            return self.say(Frame::RstStream { id, status: PROTOCOL_ERROR }).await;
        }
        self.last_id = id;
        let Some(frames) = self.frames.upgrade() else { return };
        if self.streams.len() >= STREAMS_MAX {
            // Those that this side is done with.
            self.streams.retain(|_, stream| !stream.reset.is_closed());
        }
        if self.streams.len() >= STREAMS_MAX {
            return self.say(Frame::RstStream { id, status: REFUSED_STREAM }).await;
        }
        let (pieces, incoming) = mpsc::channel(PIECES_MAX);
        let (reset, resets) = oneshot::channel();
        self.say(Frame::SynReply { id, headers: Bytes::new(), fin: false }).await;
        let stream = Stream { headers, incoming, reset: resets, outgoing: Outgoing { id, frames } };
        if self.opened.send(stream).await.is_ok() {
            self.streams.insert(id, Open { pieces: (!fin).then_some(pieces), reset });
        }
    }

    async fn say(&self, frame: Frame) {
        if let Some(frames) = self.frames.upgrade() {
            // Where nothing can be sent, the connection is at its end.
            let _ = frames.send(frame).await;
        }
    }
}
