//! Accepts connections and ends them: limits on how many, how long their heads may take, and a graceful end.

use super::App;
use super::watch::stopped;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tracing::{debug, warn};

/// How many connections are open at most; more wait to be accepted.
const CONNECTIONS_MAX: u32 = 2_048;

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Largest head of a request.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// How long requests may take to finish when the server ends.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves until the app says that the server is on its way out; then lets requests finish.
pub async fn serve(listener: TcpListener, app: App) {
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
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()))
            // Watches of pages are WebSockets.
            .with_upgrades();
        let stopping = stopping.clone();
        tokio::spawn(async move {
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
