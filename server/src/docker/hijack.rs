//! A call to an engine whose connection becomes the two-way stream of a process.
//!
//! The client library reads such streams by guessing from a byte whether they are framed, which the output of a
//! terminal can mislead; and it holds a frame until it is whole. Here it is known, and pieces go on as they come.

use super::engine::{CALL_TIMEOUT, Engine, EngineError, limited};
use crate::config::Endpoint;
use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadHalf, WriteHalf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// How much of the engine's refusal is read.
const REFUSAL_BYTES_MAX: usize = 16 << 10;

/// How much is read at once.
const PIECE_BYTES_MAX: usize = 16 << 10;

/// What a process is told.
pub type Input = WriteHalf<TokioIo<Upgraded>>;

/// Anything bytes go through.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// Which of its two outputs a process wrote to. A terminal is both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Its output.
    Stdout,
    /// Its errors.
    Stderr,
}

/// What a process writes.
#[derive(Debug)]
pub struct Output {
    io: ReadHalf<TokioIo<Upgraded>>,
    bytes: BytesMut,
    frames: Frames,
}

impl Output {
    /// The next piece; none where the process has closed its outputs. May be cancelled without loss.
    pub async fn next(&mut self) -> io::Result<Option<(Source, Bytes)>> {
        loop {
            if let Some(piece) = self.frames.next(&mut self.bytes) {
                return Ok(Some(piece));
            }
            self.bytes.reserve(PIECE_BYTES_MAX);
            if self.io.read_buf(&mut self.bytes).await? == 0 {
                return Ok(None);
            }
        }
    }
}

/// Where in the stream the reading is.
#[derive(Debug, PartialEq, Eq)]
enum Frames {
    /// There are none: it is a terminal.
    Terminal,
    /// In a frame, so many bytes before its end.
    Within(Source, usize),
}

impl Frames {
    fn next(&mut self, bytes: &mut BytesMut) -> Option<(Source, Bytes)> {
        loop {
            match self {
                Self::Terminal => {
                    return (!bytes.is_empty()).then(|| (Source::Stdout, bytes.split().freeze()));
                }
                Self::Within(_, 0) => {
                    // One byte for the source, three of nothing, four for the length.
                    let mut head = bytes.first_chunk::<8>()?.as_slice();
                    let source = if head.get_u8() == 2 { Source::Stderr } else { Source::Stdout };
                    head.advance(3);
                    *self = Self::Within(source, head.get_u32() as usize);
                    bytes.advance(8);
                }
                Self::Within(source, left) => {
                    if bytes.is_empty() {
                        return None;
                    }
                    let piece = bytes.split_to(bytes.len().min(*left)).freeze();
                    *left -= piece.len();
                    return Some((*source, piece));
                }
            }
        }
    }
}

/// Makes the call. The path has no version; the body is JSON, or empty.
pub(super) async fn call(
    engine: &Engine,
    path: &str,
    body: Bytes,
    terminal: bool,
) -> Result<(Output, Input), EngineError> {
    let upgraded = limited(CALL_TIMEOUT, upgrade(engine, path, body)).await?;
    let (io, input) = tokio::io::split(TokioIo::new(upgraded));
    let frames = if terminal { Frames::Terminal } else { Frames::Within(Source::Stdout, 0) };
    Ok((Output { io, bytes: BytesMut::new(), frames }, input))
}

async fn upgrade(engine: &Engine, path: &str, body: Bytes) -> Result<Upgraded, EngineError> {
    let failed = |e: &dyn std::fmt::Display| EngineError { status: None, message: e.to_string() };
    let wire = connect(&engine.endpoint).await.map_err(|e| failed(&e))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(wire)).await.map_err(|e| failed(&e))?;
    tokio::spawn(connection.with_upgrades());
    let request = Request::post(format!("/v{}{path}", engine.docker.client_version()))
        .header(HOST, "docker")
        .header(CONTENT_TYPE, "application/json")
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "tcp")
        .body(Full::new(body))
        .map_err(|e| failed(&e))?;
    let response = sender.send_request(request).await.map_err(|e| failed(&e))?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return hyper::upgrade::on(response).await.map_err(|e| failed(&e));
    }
    let status = Some(response.status().as_u16());
    let said = Limited::new(response.into_body(), REFUSAL_BYTES_MAX).collect().await.map_err(|e| failed(&e))?;
    let said = String::from_utf8_lossy(&said.to_bytes()).into_owned();
    let message = serde_json::from_str::<serde_json::Value>(&said).ok();
    let message = message.and_then(|value| value["message"].as_str().map(str::to_owned)).unwrap_or(said);
    Err(EngineError { status, message })
}

async fn connect(endpoint: &Endpoint) -> io::Result<Box<dyn Wire>> {
    Ok(match endpoint {
        Endpoint::Unix { path } => Box::new(UnixStream::connect(path).await?),
        Endpoint::Tcp { host, port, tls, .. } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            // What is typed goes at once.
            stream.set_nodelay(true)?;
            match tls {
                None => Box::new(stream),
                Some(files) => {
                    let config = files.client().map_err(io::Error::other)?;
                    let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
                    Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that comes of bytes in pieces of that size: per source, joined.
    fn read(bytes: &[u8], size: usize, mut frames: Frames) -> (Vec<u8>, Vec<u8>) {
        let (mut out, mut errors, mut buffer) = (Vec::new(), Vec::new(), BytesMut::new());
        for piece in bytes.chunks(size) {
            buffer.extend_from_slice(piece);
            while let Some((source, piece)) = frames.next(&mut buffer) {
                if source == Source::Stdout { &mut out } else { &mut errors }.extend_from_slice(&piece);
            }
        }
        (out, errors)
    }

    #[test]
    fn frames_are_read_however_they_are_cut() {
        let mut stream = vec![1, 0, 0, 0, 0, 0, 0, 3];
        stream.extend(b"abc\x02\0\0\0\0\0\0\x02no\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x01d");
        for size in 1..=stream.len() {
            let (out, errors) = read(&stream, size, Frames::Within(Source::Stdout, 0));
            assert_eq!((out.as_slice(), errors.as_slice()), (b"abcd".as_slice(), b"no".as_slice()), "{size}");
        }
    }

    #[test]
    fn a_terminal_may_write_what_looks_like_a_frame() {
        let (out, _) = read(b"\x01\0\0\0\xff\xff\xff\xffx", 4, Frames::Terminal);
        assert_eq!(out, b"\x01\0\0\0\xff\xff\xff\xffx");
    }
}
