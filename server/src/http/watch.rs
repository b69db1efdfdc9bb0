//! Watches, as long as the client listens and keeps up: over HTTP one JSON object per line, over a WebSocket one per
//! message. A browser opens only six connections for requests, and its pages watch more kinds than that.

use super::App;
use axum::body::Body;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use kubarium_core::api::ApiError;
use kubarium_core::apiserver::WatchQuery;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::{mpsc, watch as signal};
use tokio::time::{Instant, interval_at, timeout};

/// How many batches of events wait for a slow client.
const BATCHES_MAX: usize = 64;

/// How many events are written out at once: the first is on its way before the last is written.
const LINES_AT_ONCE_MAX: usize = 64;

/// How long a client may leave a full buffer unread before it is dropped.
const SLOW_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a bookmark is sent to those who want them.
const BOOKMARK_PERIOD: Duration = Duration::from_mins(1);

/// How long a watch lasts that names no time of its own, as in Kubernetes between 30 and 60 minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(45);

/// What a page must name beside the protocol that carries its token, as for Kubernetes.
const PROTOCOL: &str = "base64.binary.k8s.io";

/// Longest message a client may send: it has nothing to say.
const SAID_BYTES_MAX: usize = 1 << 10;

/// Answers with a stream of events.
pub(super) fn answer(app: &App, query: WatchQuery, socket: Option<WebSocketUpgrade>) -> Response {
    let (lines, mut inbox) = mpsc::channel::<Bytes>(BATCHES_MAX);
    tokio::spawn(run(app.clone(), query, lines));
    if let Some(socket) = socket {
        let socket = socket.protocols([PROTOCOL]).max_message_size(SAID_BYTES_MAX);
        return socket.on_upgrade(move |socket| pass_on(socket, inbox));
    }
    let body = stream::poll_fn(move |cx| inbox.poll_recv(cx).map(|line| line.map(Ok::<_, Infallible>)));
    let mut response = Response::new(Body::from_stream(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

/// Sends each line as a message, until the watch ends or the client goes.
async fn pass_on(mut socket: WebSocket, mut inbox: mpsc::Receiver<Bytes>) {
    loop {
        tokio::select! {
            batch = inbox.recv() => {
                let Some(batch) = batch else { break };
                for line in String::from_utf8_lossy(&batch).lines() {
                    if !matches!(timeout(SLOW_TIMEOUT, socket.send(Message::Text(line.into()))).await, Ok(Ok(()))) {
                        return;
                    }
                }
            }
            // That it closes is all it can say.
            said = socket.recv() => if !matches!(said, Some(Ok(_))) { return },
        }
    }
    // It may have gone meanwhile.
    let _ = timeout(SLOW_TIMEOUT, socket.send(Message::Close(None))).await;
}

/// Why a watch ended.
enum End {
    Done,
    Slow,
}

async fn run(app: App, query: WatchQuery, lines: mpsc::Sender<Bytes>) {
    app.metrics.watch_opened();
    let lasts = query.timeout_seconds.map_or(DEFAULT_TIMEOUT, |s| Duration::from_secs(u64::from(s)));
    let end = tokio::select! {
        end = follow(&app, &query, &lines) => end,
        () = lines.closed() => End::Done,
        () = stopped(app.stopping.clone()) => End::Done,
        () = tokio::time::sleep(lasts) => End::Done,
    };
    app.metrics.watch_closed(matches!(end, End::Slow));
}

async fn follow(app: &App, query: &WatchQuery, lines: &mpsc::Sender<Bytes>) -> End {
    let mut revisions = app.driver.revisions();
    let mut from = None;
    let mut told = None;
    let mut bookmarks = interval_at(Instant::now() + BOOKMARK_PERIOD, BOOKMARK_PERIOD);
    loop {
        let current = *revisions.borrow_and_update();
        let batch = app.driver.read(|cluster| cluster.look_watch(query, from)).await;
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                let _ = send(lines, error_event(&error)).await;
                return End::Done;
            }
        };
        let next = batch.next();
        from = Some(next);
        if !batch.is_empty() {
            told = from;
            let mut events = batch.lines().peekable();
            while events.peek().is_some() {
                let text: String =
                    events.by_ref().take(LINES_AT_ONCE_MAX).flat_map(|line| [line, "\n".into()]).collect();
                if !send(lines, text).await {
                    return End::Slow;
                }
            }
        }
        if next < current {
            continue;
        }
        loop {
            tokio::select! {
                changed = revisions.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return End::Done,
                },
                _ = bookmarks.tick(), if query.bookmarks => {
                    let Some(bookmark) = from.and_then(|revision| query.bookmark(revision)) else { continue };
                    if told != from {
                        told = from;
                        if !send(lines, format!("{bookmark}\n")).await {
                            return End::Slow;
                        }
                    }
                }
            }
        }
    }
}

/// Returns when the server is on its way out.
pub(super) async fn stopped(mut stopping: signal::Receiver<bool>) {
    // An error means that it is gone already.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Hands text to the client; false where it did not read for too long.
async fn send(lines: &mpsc::Sender<Bytes>, text: impl Into<Bytes>) -> bool {
    matches!(timeout(SLOW_TIMEOUT, lines.send(text.into())).await, Ok(Ok(())))
}

fn error_event(error: &ApiError) -> String {
    format!("{}\n", serde_json::json!({ "type": "ERROR", "object": error.to_status() }))
}
