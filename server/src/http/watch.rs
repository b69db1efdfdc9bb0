//! Watches over HTTP: one JSON object per line, as long as the client listens and keeps up.

use super::App;
use axum::body::Body;
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

/// How long a client may leave a full buffer unread before it is dropped.
const SLOW_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a bookmark is sent to those who want them.
const BOOKMARK_PERIOD: Duration = Duration::from_mins(1);

/// How long a watch lasts that names no time of its own, as in Kubernetes between 30 and 60 minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(45);

/// Answers with a stream of events.
pub(super) fn stream(app: &App, query: WatchQuery) -> Response {
    let (lines, inbox) = mpsc::channel::<Bytes>(BATCHES_MAX);
    tokio::spawn(run(app.clone(), query, lines));
    let body =
        stream::unfold(
            inbox,
            |mut inbox| async move { inbox.recv().await.map(|line| (Ok::<_, Infallible>(line), inbox)) },
        );
    let mut response = Response::new(Body::from_stream(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
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
        let batch = app.driver.read(|cluster| cluster.watch(query, from)).await;
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                let _ = send(lines, error_event(&error)).await;
                return End::Done;
            }
        };
        from = Some(batch.next);
        if !batch.events.is_empty() {
            told = Some(batch.next);
            let mut text = String::new();
            for event in &batch.events {
                text += &event.to_string();
                text.push('\n');
            }
            if !send(lines, text).await {
                return End::Slow;
            }
        }
        if batch.next < current {
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
async fn stopped(mut stopping: signal::Receiver<bool>) {
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
