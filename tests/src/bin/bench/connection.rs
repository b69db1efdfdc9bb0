//! A client that costs next to nothing: HTTP/1.1 on a connection that stays open, written and read by hand.
//!
//! It shares two cores with the server it measures. It knows what our server sends, and no more of HTTP than that.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_mins(2);

/// How much room there is at least to read into.
const READ_BYTES: usize = 32 << 10;

/// A connection.
pub(super) struct Connection {
    stream: TcpStream,
    /// What was read lies before `filled`; what of it was handed out, before `taken`.
    buffer: Vec<u8>,
    filled: usize,
    taken: usize,
}

/// A request as it is sent.
pub(super) fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

impl Connection {
    /// Opens one to a server such as `http://127.0.0.1:40123`.
    pub(super) fn open(url: &str) -> Result<Self, String> {
        let address = url.trim_start_matches("http://");
        let stream = TcpStream::connect(address).map_err(|e| format!("{address}: {e}"))?;
        let set = stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(ANSWER_MAX)));
        set.map_err(|e| e.to_string())?;
        Ok(Self { stream, buffer: Vec::new(), filled: 0, taken: 0 })
    }

    /// Sends a request.
    pub(super) fn send(&mut self, request: &[u8]) -> Result<(), String> {
        self.stream.write_all(request).map_err(|e| e.to_string())
    }

    /// Waits for the answer; returns its body, or what the server says against the request.
    pub(super) fn answer(&mut self) -> Result<&[u8], String> {
        let (status, length) = self.head()?;
        let length = length.ok_or("an answer of unknown length")?;
        while self.filled - self.taken < length {
            self.fill()?;
        }
        self.taken += length;
        let body = &self.buffer[self.taken - length..self.taken];
        if status < 300 { Ok(body) } else { Err(format!("{status} {}", String::from_utf8_lossy(body))) }
    }

    /// Sends a request and waits for its answer.
    pub(super) fn ask(&mut self, request: &[u8]) -> Result<&[u8], String> {
        self.send(request)?;
        self.answer()
    }

    /// Sends a watch and waits until the server has taken it.
    pub(super) fn watch(&mut self, path: &str) -> Result<(), String> {
        self.send(&request("GET", path, ""))?;
        match self.head()? {
            (200, _) => Ok(()),
            (status, _) => Err(format!("the watch was answered with {status}")),
        }
    }

    /// The next event of a watch, a line of JSON. Each event comes in a piece of its own or among others in one.
    pub(super) fn event(&mut self) -> Result<String, String> {
        loop {
            let unread = &self.buffer[self.taken..self.filled];
            if let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
                let line = String::from_utf8_lossy(&unread[..end]).trim().to_owned();
                self.taken += end + 1;
                // Between them stand the lengths of pieces, in hexadecimal.
                if line.starts_with('{') {
                    return Ok(line);
                }
            } else {
                self.fill()?;
            }
        }
    }

    /// Status and length of an answer.
    fn head(&mut self) -> Result<(u16, Option<usize>), String> {
        let end = loop {
            let unread = &self.buffer[self.taken..self.filled];
            if let Some(end) = unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            self.fill()?;
        };
        let head = String::from_utf8_lossy(&self.buffer[self.taken..self.taken + end]).into_owned();
        self.taken += end + 4;
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or("no status")?;
        let length = lines.find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        Ok((status, length))
    }

    fn fill(&mut self) -> Result<(), String> {
        // Only what is not yet handed out is kept.
        self.buffer.copy_within(self.taken..self.filled, 0);
        self.filled -= self.taken;
        self.taken = 0;
        if self.buffer.len() - self.filled < READ_BYTES {
            self.buffer.resize(2 * self.buffer.len() + READ_BYTES, 0);
        }
        let read = self.stream.read(&mut self.buffer[self.filled..]).map_err(|e| e.to_string())?;
        self.filled += read;
        if read == 0 { Err("the server closed the connection".to_owned()) } else { Ok(()) }
    }
}

/// Keeps every connection busy for as long as `next` has requests: each always has one under way. Returns how many were
/// answered.
pub(super) fn keep_busy(
    connections: &mut [Connection],
    mut next: impl FnMut() -> Option<Vec<u8>>,
) -> Result<usize, String> {
    let (mut under_way, mut answered) = (vec![false; connections.len()], 0);
    loop {
        for (connection, under_way) in connections.iter_mut().zip(&mut under_way) {
            if std::mem::take(under_way) {
                connection.answer()?;
                answered += 1;
            }
            if let Some(request) = next() {
                connection.send(&request)?;
                *under_way = true;
            }
        }
        if under_way.iter().all(|one| !one) {
            return Ok(answered);
        }
    }
}
