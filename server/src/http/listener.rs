//! Accepts connections and ends them: limits on how many, how long their heads may take, TLS where it is spoken, and a
//! graceful end.

use super::App;
use super::watch::stopped;
use crate::tls;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tracing::{debug, warn};

/// How many connections are open at most; more wait to be accepted.
const CONNECTIONS_MAX: u32 = 2_048;

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Largest head of a request.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// How long requests may take to finish when the server ends.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// What each message of a TLS handshake begins with, and no HTTP request.
const HANDSHAKE: u8 = 0x16;

/// What a client is told that speaks plain HTTP where TLS is spoken.
const PLAIN_HTTP: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n\
    This server speaks TLS: use https instead of http.\n";

/// How long such a client may take to leave.
const LINGER: Duration = Duration::from_secs(1);

/// A connection whose bytes are those of HTTP.
type Plain = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Serves until the app says that the server is on its way out; then lets requests finish.
pub async fn serve(listener: TcpListener, tls: Option<tls::Current>, app: App) {
    let mut stopping = app.stopping.clone();
    let router = super::router(app);
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX as usize));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: what is open must end first.
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Without it, each small watch event would wait for the last one's acknowledgement.
        let _ = stream.set_nodelay(true);
        let acceptor = tls.as_ref().map(|tls| TlsAcceptor::from(Arc::clone(&tls.borrow())));
        let service = TowerToHyperService::new(router.clone());
        let stopping = stopping.clone();
        tokio::spawn(async move {
            let stream = match plain(stream, acceptor).await {
                Ok(stream) => stream,
                Err(error) => {
                    debug!(%error, "no connection came about");
                    return;
                }
            };
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .max_buf_size(HEAD_BYTES_MAX)
                .serve_connection(TokioIo::new(stream), service)
                // Watches of pages are WebSockets.
                .with_upgrades();
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stopped(stopping) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                debug!(%error, "connection ended");
            }
            drop(permit);
        });
    }
    drop(listener);
    // All permits are free once all connections have ended.
    if tokio::time::timeout(END_TIMEOUT, permits.acquire_many(CONNECTIONS_MAX)).await.is_err() {
        debug!("some connections were cut off");
    }
}

/// Answers who speaks plain HTTP, and takes what they still send: closed on them, they would not see the answer.
async fn tell_plain(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(PLAIN_HTTP).await?;
    stream.shutdown().await?;
    let (mut rest, mut nowhere) = (stream.take(HEAD_BYTES_MAX as u64), tokio::io::sink());
    // Whoever has not left by then has had the time to read.
    let _ = tokio::time::timeout(LINGER, tokio::io::copy(&mut rest, &mut nowhere)).await;
    Ok(())
}

/// Shakes hands where TLS is spoken.
async fn plain(mut stream: TcpStream, acceptor: Option<TlsAcceptor>) -> io::Result<Plain> {
    let Some(acceptor) = acceptor else { return Ok(Either::Left(stream)) };
    let hands = async {
        let mut first = [0];
        if stream.peek(&mut first).await? > 0 && first[0] != HANDSHAKE {
            tell_plain(&mut stream).await?;
            return Err(io::Error::other("the client speaks no TLS"));
        }
        acceptor.accept(stream).await.map(|stream| Either::Right(Box::new(stream)))
    };
    tokio::time::timeout(HEAD_TIMEOUT, hands).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
