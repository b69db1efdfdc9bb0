//! What a container wrote, as a stream of bytes.

use super::engine::{CALL_TIMEOUT, Engine, limited};
use super::names;
use bollard::query_parameters::LogsOptionsBuilder;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use kubarium_core::apiserver::LogQuery;
use std::pin::Pin;

/// A container's output.
pub type LogStream = Pin<Box<dyn Stream<Item = Result<Bytes, std::io::Error>> + Send>>;

/// Begins to read. The error is a sentence.
pub(super) async fn stream(engine: &Engine, query: &LogQuery) -> Result<LogStream, String> {
    let name = names::container(&query.pod, &query.container, query.attempt);
    limited(CALL_TIMEOUT, engine.docker.inspect_container(&name, None))
        .await
        .map_err(|e| if e.is_missing() { "the container is not on its host any more".to_owned() } else { e.message })?;
    let mut options =
        LogsOptionsBuilder::new().follow(query.follow).stdout(true).stderr(true).timestamps(query.timestamps);
    if let Some(lines) = query.tail_lines {
        options = options.tail(&lines.to_string());
    }
    if let Some(since) = query.since {
        options = options.since(i32::try_from(since.as_secs().max(0)).unwrap_or(i32::MAX));
    }
    let engine = engine.clone();
    let output = engine.docker.logs(&name, Some(options.build()));
    // The connection lives as long as the stream.
    let output = output.map(move |part| {
        let _held = &engine;
        part.map(bollard::container::LogOutput::into_bytes).map_err(std::io::Error::other)
    });
    let Some(limit) = query.limit_bytes else { return Ok(Box::pin(output)) };
    let limited = output.scan(limit, |left, part| {
        let part = part.map(|bytes| {
            let take = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= take as u64;
            bytes.slice(..take)
        });
        std::future::ready(if part.as_ref().is_ok_and(Bytes::is_empty) { None } else { Some(part) })
    });
    Ok(Box::pin(limited))
}
