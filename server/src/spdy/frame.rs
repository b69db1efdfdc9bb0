//! Frames of SPDY/3.1, without IO: bytes come in pieces of any size, and frames go out.
//!
//! The data of a stream is handed on as it comes, so that a long frame takes no more room than a short one.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use std::fmt;

/// How long a frame may be that is not data, without its head.
pub const CONTROL_BYTES_MAX: usize = 64 << 10;

/// The version of frames that speak of control.
const VERSION: u16 = 3;

/// Length of the head of a frame.
const HEAD_BYTES: usize = 8;

/// The sender has nothing more to say in this stream.
const FLAG_FIN: u8 = 1;

/// A stream's id, and a frame's length, are smaller than this.
const ID_MASK: u32 = 0x7fff_ffff;
const LENGTH_MASK: u32 = 0x00ff_ffff;

/// A frame. Headers are still compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are named as in the protocol")]
pub enum Frame {
    /// Somebody opens a stream.
    SynStream { id: u32, headers: Bytes, fin: bool },
    /// The other end takes it.
    SynReply { id: u32, headers: Bytes, fin: bool },
    /// A stream ends at once, both ways.
    RstStream { id: u32, status: u32 },
    /// How the other end would like it; nothing of it matters here.
    Settings,
    /// Is somebody there?
    Ping { id: u32 },
    /// The other end takes no more streams.
    GoAway { last_good_id: u32, status: u32 },
    /// More headers of a stream.
    Headers { id: u32, headers: Bytes, fin: bool },
    /// The other end has read so many bytes of a stream.
    WindowUpdate { id: u32, delta: u32 },
    /// What a stream carries. Where a frame of data comes in pieces, each is one of these.
    Data { id: u32, bytes: Bytes, fin: bool },
}

/// What is wrong with bytes that should be frames. The connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// Not version 3.
    Version(u16),
    /// Longer than a frame of control may be.
    TooLong(usize),
    /// Shorter than a frame of its type is.
    TooShort,
    /// Data of no stream.
    NoStream,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "a frame is of SPDY version {version}, not {VERSION}"),
            Self::TooLong(bytes) => write!(f, "a frame of control has {bytes} bytes, more than {CONTROL_BYTES_MAX}"),
            Self::TooShort => f.write_str("a frame of control is cut off"),
            Self::NoStream => f.write_str("a frame belongs to no stream"),
        }
    }
}

impl std::error::Error for FrameError {}

/// Reads frames.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The frame of data whose rest is still to come: stream, bytes, whether it is the last.
    data: Option<(u32, usize, bool)>,
}

impl Decoder {
    /// Whether more of the last frame is to come, which is one of data.
    pub const fn is_within_data(&self) -> bool {
        self.data.is_some()
    }

    /// Takes the next frame out of what came; none where more must come first.
    pub fn next(&mut self, bytes: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        loop {
            if let Some((id, left, fin)) = self.data {
                let here = left.min(bytes.len());
                if here == 0 && left > 0 {
                    return Ok(None);
                }
                let whole = here == left;
                self.data = (!whole).then_some((id, left - here, fin));
                return Ok(Some(Frame::Data { id, bytes: bytes.split_to(here).freeze(), fin: fin && whole }));
            }
            let Some(head) = bytes.first_chunk::<HEAD_BYTES>() else { return Ok(None) };
            let mut head = head.as_slice();
            let word = head.get_u32();
            let tail = head.get_u32();
            let (flags, length) = ((tail >> 24) as u8, (tail & LENGTH_MASK) as usize);
            let fin = flags & FLAG_FIN != 0;
            if word & !ID_MASK == 0 {
                if word == 0 {
                    return Err(FrameError::NoStream);
                }
                bytes.advance(HEAD_BYTES);
                self.data = Some((word, length, fin));
                continue;
            }
            let version = (word >> 16) as u16 & 0x7fff;
            if version != VERSION {
                return Err(FrameError::Version(version));
            }
            if length > CONTROL_BYTES_MAX {
                return Err(FrameError::TooLong(length));
            }
            if bytes.len() < HEAD_BYTES + length {
                bytes.reserve(HEAD_BYTES + length - bytes.len());
                return Ok(None);
            }
            bytes.advance(HEAD_BYTES);
            if let Some(frame) = control(word as u16, fin, bytes.split_to(length).freeze())? {
                return Ok(Some(frame));
            }
        }
    }
}

/// Reads what follows the head of a frame of control; none where nobody knows its type.
fn control(of: u16, fin: bool, mut body: Bytes) -> Result<Option<Frame>, FrameError> {
    let mut word = || body.try_get_u32().map_err(|_| FrameError::TooShort);
    Ok(Some(match of {
        1 => {
            let id = word()? & ID_MASK;
            // The stream it belongs to, its priority and its slot.
            let _ = (word()?, body.try_get_u16().map_err(|_| FrameError::TooShort)?);
            Frame::SynStream { id, headers: body, fin }
        }
        2 => Frame::SynReply { id: word()? & ID_MASK, headers: body, fin },
        3 => Frame::RstStream { id: word()? & ID_MASK, status: word()? },
        4 => Frame::Settings,
        6 => Frame::Ping { id: word()? },
        7 => Frame::GoAway { last_good_id: word()? & ID_MASK, status: word()? },
        8 => Frame::Headers { id: word()? & ID_MASK, headers: body, fin },
        9 => Frame::WindowUpdate { id: word()? & ID_MASK, delta: word()? & ID_MASK },
        _ => return Ok(None),
    }))
}

impl Frame {
    /// Writes the frame. Data and headers are at most [`LENGTH_MASK`](Self) bytes; the rest would be cut off.
    pub fn write(&self, out: &mut BytesMut) {
        let (of, fin, words, rest): (u16, bool, &[u32], &[u8]) = match self {
            Self::Data { id, bytes, fin } => {
                out.put_u32(id & ID_MASK);
                out.put_u32(u32::from(*fin) << 24 | bytes.len() as u32 & LENGTH_MASK);
                out.put_slice(bytes);
                return;
            }
            Self::SynStream { id, headers, fin } => {
                let length = headers.len() as u32 + 10;
                head(out, 1, *fin, length);
                out.put_u32(id & ID_MASK);
                out.put_u32(0);
                out.put_u16(0);
                out.put_slice(headers);
                return;
            }
            Self::SynReply { id, headers, fin } => (2, *fin, &[*id], headers),
            Self::RstStream { id, status } => (3, false, &[*id, *status], &[]),
            Self::Settings => (4, false, &[0], &[]),
            Self::Ping { id } => (6, false, &[*id], &[]),
            Self::GoAway { last_good_id, status } => (7, false, &[*last_good_id, *status], &[]),
            Self::Headers { id, headers, fin } => (8, *fin, &[*id], headers),
            Self::WindowUpdate { id, delta } => (9, false, &[*id, *delta], &[]),
        };
        head(out, of, fin, (words.len() * 4 + rest.len()) as u32);
        for word in words {
            out.put_u32(*word);
        }
        out.put_slice(rest);
    }
}

fn head(out: &mut BytesMut, of: u16, fin: bool, length: u32) {
    out.put_u16(0x8000 | VERSION);
    out.put_u16(of);
    out.put_u32(u32::from(fin) << 24 | length & LENGTH_MASK);
}
