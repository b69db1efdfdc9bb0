//! The output of a container, streamed from its Docker host or from its simulated machine.

use super::watch::stopped;
use super::{App, problem};
use crate::docker::LogStream;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use kubarium_core::api::Reason;
use kubarium_core::apiserver::LogQuery;
use tokio::sync::mpsc;

/// Streams what a container wrote.
pub(super) async fn stream(app: &App, query: LogQuery) -> Response {
    let output = match &app.hosts {
        Some(hosts) => hosts.logs(&query).await,
        None => simulated(app, &query).await,
    };
    match output {
        Ok(output) => {
            let mut response = Response::new(Body::from_stream(output));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            response
        }
        Err(why) => problem::status(
            503,
            Reason::ServiceUnavailable,
            format!("the logs of container {} of pod {} cannot be had: {why}", query.container, query.pod.name),
        ),
    }
}

/// What a simulated container has written and, for who follows, what it goes on to write while it runs.
async fn simulated(app: &App, query: &LogQuery) -> Result<LogStream, String> {
    let output = app.driver.output(query).await;
    let output = output.ok_or_else(|| format!("node {} cannot be reached", query.node))?;
    let (lines, mut inbox) = mpsc::channel(1);
    let mut follow = Follow { told: output.lines.len(), left: query.limit_bytes, lines };
    let first = output.shown(query);
    let (app, query) = (app.clone(), query.clone());
    tokio::spawn(async move {
        if follow.send(first).await && query.follow && output.runs {
            tokio::select! {
                () = follow.run(&app, &query) => {}
                () = stopped(app.stopping.clone()) => {}
            }
        }
    });
    Ok(Box::pin(stream::poll_fn(move |cx| inbox.poll_recv(cx).map(|text| text.map(Ok)))))
}

/// Somebody who reads what a simulated container writes.
struct Follow {
    /// How many lines were told.
    told: usize,
    /// How many bytes are still wanted; all where none.
    left: Option<u64>,
    lines: mpsc::Sender<Bytes>,
}

impl Follow {
    /// Tells every new line until the container writes no more.
    async fn run(&mut self, app: &App, query: &LogQuery) {
        let mut revisions = app.driver.revisions();
        loop {
            let closed = self.lines.clone();
            tokio::select! {
                changed = revisions.changed() => if changed.is_err() { return },
                () = closed.closed() => return,
            }
            let Some(output) = app.driver.output(query).await else { return };
            let text = output.after(self.told, query);
            self.told = output.lines.len();
            if !self.send(text).await || !output.runs {
                return;
            }
        }
    }

    /// Returns whether more is wanted.
    async fn send(&mut self, mut text: String) -> bool {
        if let Some(left) = &mut self.left {
            text.truncate(text.floor_char_boundary(usize::try_from(*left).unwrap_or(usize::MAX)));
            *left -= text.len() as u64;
        }
        let sent = text.is_empty() || self.lines.send(text.into()).await.is_ok();
        sent && self.left != Some(0)
    }
}
