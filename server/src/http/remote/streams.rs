//! A client that talks with a process over SPDY: each direction is a stream of its own.

use super::client::{Client, Sink};
use crate::spdy::{Connection, Stream};
use kubarium_core::apiserver::ExecQuery;
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// What is spoken over SPDY, best first.
pub(super) const VERSIONS: [&str; 4] =
    ["v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"];

/// From which version on a client says how large its terminal is, and how a process ended is told as a `Status`.
const RESIZES: [&str; 2] = [VERSIONS[0], VERSIONS[1]];
const STATUSES: [&str; 1] = [VERSIONS[0]];

/// Waits for the streams that the client is to open; none where it opens no more, or others.
pub(super) async fn client(connection: &mut Connection, query: &ExecQuery, version: &str) -> Option<Client> {
    let wanted = [
        ("error", true),
        ("stdin", query.stdin),
        ("stdout", query.stdout),
        ("stderr", query.stderr),
        ("resize", query.tty && RESIZES.contains(&version)),
    ];
    let wanted: Vec<&str> = wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| name).collect();
    let mut opened: BTreeMap<String, Stream> = BTreeMap::new();
    while !wanted.iter().all(|name| opened.contains_key(*name)) {
        let stream = connection.accept().await?;
        let name = stream.headers.get("streamtype").to_owned();
        if !wanted.contains(&name.as_str()) || opened.insert(name, stream).is_some() {
            return None;
        }
    }
    let mut take = |name: &str| opened.remove(name);
    let sink = |stream: Stream| Sink::Stream(stream.outgoing);
    Some(Client {
        error: sink(take("error")?),
        stdin: take("stdin").map(|stream| stream.incoming),
        resizes: take("resize").map(|stream| stream.incoming),
        stdout: take("stdout").map(sink),
        stderr: take("stderr").map(sink),
        json: STATUSES.contains(&version),
        gone: connection.gone(),
    })
}

/// Returns when a client wants no more of a stream, or is gone.
pub(super) async fn dropped(reset: &mut oneshot::Receiver<()>) {
    // Either way it is over.
    let _ = reset.await;
}
