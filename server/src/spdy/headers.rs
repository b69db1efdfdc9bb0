//! Headers of a stream: compressed with one state per direction, which all blocks of a connection go through in order.

use super::dictionary::dictionary;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::fmt;

/// How long the headers of a stream may be, decompressed.
pub const HEADER_BYTES_MAX: usize = 32 << 10;

/// By how much the space for decompressed headers grows.
const STEP_BYTES: usize = 1 << 10;

/// What is wrong with headers. The connection cannot go on: what comes later needs what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderError(&'static str);

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for HeaderError {}

/// Names, in lower case, and values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The value of a name, empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = (self.0.len() as u32).to_be_bytes().to_vec();
        for text in self.0.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend((text.len() as u32).to_be_bytes());
            bytes.extend(text.bytes());
        }
        bytes
    }

    fn from_bytes(mut bytes: &[u8]) -> Result<Self, HeaderError> {
        const CUT: HeaderError = HeaderError("the headers of a stream are cut off");
        let number = |bytes: &mut &[u8]| {
            let (number, rest) = bytes.split_first_chunk().ok_or(CUT)?;
            *bytes = rest;
            Ok(u32::from_be_bytes(*number) as usize)
        };
        let text = |bytes: &mut &[u8]| {
            let length = number(bytes)?;
            let (text, rest) = bytes.split_at_checked(length).ok_or(CUT)?;
            *bytes = rest;
            Ok(String::from_utf8_lossy(text).into_owned())
        };
        let (count, rest) = bytes.split_first_chunk().ok_or(CUT)?;
        bytes = rest;
        let mut headers = Vec::new();
        for _ in 0..u32::from_be_bytes(*count) {
            headers.push((text(&mut bytes)?.to_ascii_lowercase(), text(&mut bytes)?));
        }
        Ok(Self(headers))
    }
}

/// Reads the headers of one direction.
#[derive(Debug)]
pub struct Inflater(Decompress);

impl Default for Inflater {
    fn default() -> Self {
        Self(Decompress::new(true))
    }
}

impl Inflater {
    /// Reads a block. Blocks are read in the order in which they came, each once.
    pub fn read(&mut self, block: &[u8]) -> Result<Headers, HeaderError> {
        const BAD: HeaderError = HeaderError("the headers of a stream are not compressed as SPDY does");
        let mut rest = block;
        let mut bytes = Vec::with_capacity(STEP_BYTES);
        loop {
            let before = self.0.total_in();
            let wants_dictionary = match self.0.decompress_vec(rest, &mut bytes, FlushDecompress::Sync) {
                Ok(Status::StreamEnd) => return Err(BAD),
                Ok(_) => false,
                Err(error) if error.needs_dictionary().is_some() => {
                    self.0.set_dictionary(&dictionary()).map_err(|_| BAD)?;
                    true
                }
                Err(_) => return Err(BAD),
            };
            let used = usize::try_from(self.0.total_in() - before).map_err(|_| BAD)?;
            rest = rest.get(used..).ok_or(BAD)?;
            if bytes.len() > HEADER_BYTES_MAX {
                return Err(HeaderError("the headers of a stream are too long"));
            }
            if bytes.len() == bytes.capacity() {
                bytes.reserve(STEP_BYTES);
            } else if rest.is_empty() {
                return Headers::from_bytes(&bytes);
            } else if used == 0 && !wants_dictionary {
                return Err(BAD);
            }
        }
    }
}

/// Writes the headers of one direction.
#[derive(Debug)]
pub struct Deflater {
    state: Compress,
    begun: bool,
}

impl Default for Deflater {
    fn default() -> Self {
        Self { state: Compress::new(Compression::default(), true), begun: false }
    }
}

impl Deflater {
    /// Writes a block. Blocks are sent in the order in which they were written.
    pub fn write(&mut self, headers: &Headers) -> Result<Vec<u8>, HeaderError> {
        const FAILED: HeaderError = HeaderError("headers cannot be compressed");
        if !self.begun {
            self.begun = true;
            self.state.set_dictionary(&dictionary()).map_err(|_| FAILED)?;
        }
        let bytes = headers.to_bytes();
        let mut rest = bytes.as_slice();
        let mut block = Vec::with_capacity(STEP_BYTES);
        loop {
            let before = self.state.total_in();
            self.state.compress_vec(rest, &mut block, FlushCompress::Sync).map_err(|_| FAILED)?;
            let used = usize::try_from(self.state.total_in() - before).map_err(|_| FAILED)?;
            rest = rest.get(used..).ok_or(FAILED)?;
            // Where space is left, nothing waits to be written.
            if rest.is_empty() && block.len() < block.capacity() {
                return Ok(block);
            }
            block.reserve(STEP_BYTES);
        }
    }
}
