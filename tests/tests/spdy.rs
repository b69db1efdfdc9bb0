//! SPDY/3.1 as clients of Kubernetes speak it: frames, however they are cut, and a connection with its streams.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use bytes::{Bytes, BytesMut};
use kubarium::spdy::frame::{CONTROL_BYTES_MAX, Decoder, Frame, FrameError};
use kubarium::spdy::headers::{Deflater, HEADER_BYTES_MAX, Headers, Inflater};
use kubarium::spdy::{Connection, Stream};
use kubarium_tests::property;
use proptest::prelude::*;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

fn frames() -> impl Strategy<Value = Frame> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from);
    let id = || 1..0x8000_0000_u32;
    prop_oneof![
        (id(), bytes(), any::<bool>()).prop_map(|(id, headers, fin)| Frame::SynStream { id, headers, fin }),
        (id(), bytes(), any::<bool>()).prop_map(|(id, headers, fin)| Frame::SynReply { id, headers, fin }),
        (id(), any::<u32>()).prop_map(|(id, status)| Frame::RstStream { id, status }),
        Just(Frame::Settings),
        any::<u32>().prop_map(|id| Frame::Ping { id }),
        (id(), any::<u32>()).prop_map(|(last_good_id, status)| Frame::GoAway { last_good_id, status }),
        (id(), bytes(), any::<bool>()).prop_map(|(id, headers, fin)| Frame::Headers { id, headers, fin }),
        (id(), id()).prop_map(|(id, delta)| Frame::WindowUpdate { id, delta }),
        (id(), bytes(), any::<bool>()).prop_map(|(id, bytes, fin)| Frame::Data { id, bytes, fin }),
    ]
}

/// Reads bytes that come in pieces, and joins the pieces of each frame of data.
fn read(pieces: &[&[u8]]) -> Result<Vec<Frame>, FrameError> {
    let (mut decoder, mut buffer, mut read) = (Decoder::default(), BytesMut::new(), Vec::<Frame>::new());
    let mut whole = true;
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some(frame) = decoder.next(&mut buffer)? {
            let unfinished = decoder.is_within_data();
            match (read.last_mut(), frame) {
                (Some(Frame::Data { bytes, fin, .. }), Frame::Data { bytes: more, fin: last, .. }) if !whole => {
                    *bytes = [bytes.as_ref(), more.as_ref()].concat().into();
                    *fin = last;
                }
                (_, frame) => read.push(frame),
            }
            whole = !unfinished;
        }
    }
    Ok(read)
}

proptest! {
    #![proptest_config(property::cases(256))]

    #[test]
    fn every_frame_is_read_back_however_it_is_cut(
        written in proptest::collection::vec(frames(), 1..6),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..8),
    ) {
        let mut bytes = BytesMut::new();
        for frame in &written {
            frame.write(&mut bytes);
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
        prop_assert_eq!(read(&pieces).unwrap(), written);
    }

    #[test]
    fn nonsense_is_refused_or_read_but_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = read(&[&bytes]);
        let _ = Inflater::default().read(&bytes);
    }

    #[test]
    fn what_is_changed_on_the_way_is_never_a_panic(
        frame in frames(), at in any::<proptest::sample::Index>(), to in any::<u8>(),
    ) {
        let mut bytes = BytesMut::new();
        frame.write(&mut bytes);
        let at = at.index(bytes.len());
        bytes[at] = to;
        let _ = read(&[&bytes]);
    }

    #[test]
    fn headers_of_many_streams_are_read_back(
        blocks in proptest::collection::vec(proptest::collection::vec(("[a-z-]{1,20}", ".{0,60}"), 0..6), 1..8),
    ) {
        let (mut deflater, mut inflater) = (Deflater::default(), Inflater::default());
        for block in blocks {
            let headers = Headers(block);
            let written = deflater.write(&headers).unwrap();
            prop_assert_eq!(inflater.read(&written).unwrap(), headers);
        }
    }
}

#[test]
fn limits_hold() {
    // Eight bytes that promise a frame of control of 16 MB.
    let long = [0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff];
    assert_eq!(read(&[&long]), Err(FrameError::TooLong(0x00ff_ffff)), "more than {CONTROL_BYTES_MAX}");
    assert_eq!(read(&[&[0x80, 2, 0, 1, 0, 0, 0, 0]]), Err(FrameError::Version(2)));
    assert_eq!(read(&[&[0x80, 3, 0, 1, 0, 0, 0, 2, 0, 0]]), Err(FrameError::TooShort));
    assert_eq!(read(&[&[0; 8]]), Err(FrameError::NoStream));
    // A frame of a type that nobody knows is passed over.
    assert_eq!(read(&[&[0x80, 3, 0, 99, 0, 0, 0, 1, 7]]), Ok(vec![]));

    // A few bytes that become very many.
    let large = Headers(vec![("a".to_owned(), "a".repeat(HEADER_BYTES_MAX + 1))]);
    let block = Deflater::default().write(&large).unwrap();
    assert!(block.len() < 1_000, "{}", block.len());
    assert!(Inflater::default().read(&block).is_err());
}

/// A client, as far as it takes one.
struct Client {
    io: DuplexStream,
    deflater: Deflater,
    decoder: Decoder,
    bytes: BytesMut,
}

impl Client {
    async fn send(&mut self, frame: &Frame) {
        let mut bytes = BytesMut::new();
        frame.write(&mut bytes);
        self.io.write_all(&bytes).await.unwrap();
    }

    async fn open(&mut self, id: u32, kind: &str) {
        let headers = Headers(vec![("streamtype".to_owned(), kind.to_owned())]);
        let headers = self.deflater.write(&headers).unwrap().into();
        self.send(&Frame::SynStream { id, headers, fin: false }).await;
    }

    /// The next frame; none where the server has ended the connection.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.decoder.next(&mut self.bytes).unwrap() {
                return Some(frame);
            }
            if self.io.read_buf(&mut self.bytes).await.unwrap() == 0 {
                return None;
            }
        }
    }
}

fn connect() -> (Client, Connection) {
    let (ours, theirs) = tokio::io::duplex(4_096);
    let client =
        Client { io: ours, deflater: Deflater::default(), decoder: Decoder::default(), bytes: BytesMut::new() };
    (client, Connection::serve(theirs))
}

async fn opened(client: &mut Client, server: &mut Connection, id: u32, kind: &str) -> Stream {
    client.open(id, kind).await;
    let stream = server.accept().await.unwrap();
    assert_eq!(stream.headers.get("streamtype"), kind);
    assert!(matches!(client.next().await, Some(Frame::SynReply { id: replied, fin: false, .. }) if replied == id));
    stream
}

#[tokio::test]
async fn streams_carry_bytes_both_ways_and_end_one_by_one() {
    let (mut client, mut server) = connect();
    let mut stdin = opened(&mut client, &mut server, 1, "stdin").await;
    let mut other = opened(&mut client, &mut server, 3, "other").await;
    client.send(&Frame::Data { id: 1, bytes: Bytes::from_static(b"hello"), fin: true }).await;
    assert_eq!(stdin.incoming.recv().await.unwrap(), "hello");
    assert_eq!(stdin.incoming.recv().await, None, "the client has nothing more to say");
    stdin.outgoing.send(Bytes::from_static(b"answer")).await.unwrap();
    stdin.outgoing.finish().await.unwrap();
    let data = |bytes: &'static str, fin| Some(Frame::Data { id: 1, bytes: Bytes::from(bytes), fin });
    assert_eq!(client.next().await, data("answer", false));
    assert_eq!(client.next().await, data("", true));

    client.send(&Frame::Ping { id: 7 }).await;
    assert_eq!(client.next().await, Some(Frame::Ping { id: 7 }));
    client.send(&Frame::RstStream { id: 3, status: 5 }).await;
    (&mut other.reset).await.expect("the client wants no more of it");

    drop((stdin, other));
    server.end().await;
    assert!(matches!(client.next().await, Some(Frame::GoAway { .. })));
    assert_eq!(client.next().await, None);
}

#[tokio::test]
async fn a_stream_with_a_number_that_was_used_is_refused() {
    let (mut client, mut server) = connect();
    let _first = opened(&mut client, &mut server, 3, "a").await;
    for wrong in [3, 1, 4] {
        client.open(wrong, "b").await;
        assert!(matches!(client.next().await, Some(Frame::RstStream { id, status: 1 }) if id == wrong), "{wrong}");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_is_noticed() {
    let (mut client, mut server) = connect();
    let mut stream = opened(&mut client, &mut server, 1, "stdin").await;
    let gone = server.gone();
    assert!(!gone.is_cancelled());
    drop(client);
    gone.cancelled().await;
    assert_eq!(stream.incoming.recv().await, None);
    while stream.outgoing.send(Bytes::from_static(b"anybody?")).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// Whoever does not read makes the other end wait: what is on its way is bounded.
#[tokio::test(start_paused = true)]
async fn who_does_not_read_makes_the_other_wait() {
    let (mut client, mut server) = connect();
    let stream = opened(&mut client, &mut server, 1, "stdin").await;
    // To a client that does not read.
    let mut sent = 0_usize;
    let piece = Bytes::from(vec![0; 16 << 10]);
    while tokio::time::timeout(Duration::from_secs(1), stream.outgoing.send(piece.clone())).await.is_ok() {
        sent += piece.len();
        assert!(sent < 1 << 20, "{sent} bytes wait for a client that does not read");
    }
    // From a client that nobody listens to.
    let (mut client, mut server) = connect();
    let mut stream = opened(&mut client, &mut server, 1, "stdin").await;
    let mut bytes = BytesMut::new();
    Frame::Data { id: 1, bytes: piece.clone(), fin: false }.write(&mut bytes);
    let mut said = 0_usize;
    while tokio::time::timeout(Duration::from_secs(1), client.io.write_all(&bytes)).await.is_ok() {
        said += piece.len();
        assert!(said < 2 << 20, "{said} bytes wait for somebody to listen");
    }
    assert!(stream.incoming.recv().await.is_some(), "what was said is not lost");
}
