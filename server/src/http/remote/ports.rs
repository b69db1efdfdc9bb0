//! Passes bytes between a client and the ports of a pod. Each connection that the client has is one to the pod.

use super::Place;
use super::channels::{Carrier, Form};
use super::client::Sink;
use super::streams::dropped;
use crate::docker::Connection as Pod;
use crate::http::watch::stopped;
use crate::spdy::{Connection, Stream};
use axum::extract::ws::WebSocket;
use bytes::Bytes;
use kubarium_core::apiserver::PortForwardQuery;
use std::collections::HashMap;
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What is spoken over SPDY.
pub(super) const VERSION: &str = "portforward.k8s.io";

/// How long the second stream of a connection may take to come after the first.
const PAIR_TIMEOUT: Duration = Duration::from_secs(30);

/// How many of these wait at once.
const PAIRS_MAX: usize = 256;

/// How many pieces wait for a pod, from a WebSocket's channel.
const PIECES_MAX: usize = 16;

/// How many ports a WebSocket has channels for.
const PORTS_MAX: usize = 32;

/// A connection that the client has, of which one stream has come.
struct Half {
    data: Option<Stream>,
    error: Option<Stream>,
    since: Instant,
}

/// Serves a client that opens two streams for each connection: one carries it, the other says what went wrong.
pub(super) async fn over_spdy(place: &Place, query: &PortForwardQuery, mut connection: Connection) {
    let gone = connection.gone();
    let mut halves: HashMap<(String, String), Half> = HashMap::new();
    // They end with the client's connection.
    let mut pairs = JoinSet::new();
    loop {
        let stream = tokio::select! {
            stream = connection.accept() => stream,
            _ = pairs.join_next(), if !pairs.is_empty() => continue,
            () = gone.cancelled() => None,
            () = stopped(place.stopping.clone()) => None,
        };
        let Some(stream) = stream else { break };
        let port = stream.headers.get("port").to_owned();
        let key = (port.clone(), stream.headers.get("requestid").to_owned());
        halves.retain(|_, half| half.since.elapsed() < PAIR_TIMEOUT);
        if halves.len() >= PAIRS_MAX && !halves.contains_key(&key) {
            continue;
        }
        let half = halves.entry(key.clone()).or_insert_with(|| Half { data: None, error: None, since: Instant::now() });
        match stream.headers.get("streamtype") {
            "data" => half.data = Some(stream),
            "error" => half.error = Some(stream),
            _ => continue,
        }
        let whole = half.data.is_some() && half.error.is_some();
        if let Some(Half { data: Some(data), error: Some(error), .. }) = whole.then(|| halves.remove(&key)).flatten() {
            let (place, query) = (place.clone(), query.clone());
            pairs.spawn(async move { pair(&place, &query, &port, data, error).await });
        }
    }
    drop(halves);
    pairs.shutdown().await;
    connection.end().await;
}

async fn pair(place: &Place, query: &PortForwardQuery, port: &str, data: Stream, error: Stream) {
    let Stream { incoming, mut reset, outgoing, .. } = data;
    let to_client = Sink::Stream(outgoing);
    let passed = async {
        let number = port.parse().map_err(|_| format!("{port:?} is not a port"))?;
        let pod = connect(place, query, number).await?;
        pass(pod, incoming, &to_client).await.map_err(|e| e.to_string())
    };
    let passed = tokio::select! {
        passed = passed => passed,
        () = dropped(&mut reset) => return,
    };
    let error = Sink::Stream(error.outgoing);
    if let Err(why) = passed {
        // A client that is gone need not be told.
        let _ = error.send(Bytes::from(failure(query, port, &why))).await;
        let _ = to_client.finish().await;
    }
    let _ = error.finish().await;
}

/// Serves a client that names its ports beforehand: each has two channels of the WebSocket, and one connection.
pub(super) async fn over_channels(place: &Place, query: &PortForwardQuery, socket: WebSocket, form: Form) {
    let ports: Vec<u16> = query.ports.iter().copied().take(PORTS_MAX).collect();
    let (to_pods, from_client): (Vec<_>, Vec<_>) = ports.iter().map(|_| mpsc::channel(PIECES_MAX)).unzip();
    let channels = to_pods.into_iter().flat_map(|sender| [Some(sender), None]).collect();
    let carrier = Carrier::serve(socket, form, channels);
    let mut open = JoinSet::new();
    for (index, (port, incoming)) in ports.iter().copied().zip(from_client).enumerate() {
        let [data, error] = [0, 1].map(|n| Sink::Channel(carrier.channel((index * 2) as u8 + n)));
        let (place, query) = (place.clone(), query.clone());
        open.spawn(async move {
            // Each channel begins with the port it is for.
            for sink in [&data, &error] {
                let _ = sink.send(Bytes::copy_from_slice(&port.to_le_bytes())).await;
            }
            let passed =
                async { pass(connect(&place, &query, port).await?, incoming, &data).await.map_err(|e| e.to_string()) };
            if let Err(why) = passed.await {
                let _ = error.send(Bytes::from(failure(&query, &port.to_string(), &why))).await;
            }
        });
    }
    let gone = carrier.gone();
    tokio::select! {
        () = async { while open.join_next().await.is_some() {} } => {}
        () = gone.cancelled() => {}
        () = stopped(place.stopping.clone()) => {}
    }
    open.shutdown().await;
    carrier.end().await;
}

fn failure(query: &PortForwardQuery, port: &str, why: &str) -> String {
    format!("error forwarding port {port} to pod {}, uid {}: {why}", query.pod.name, query.pod.uid)
}

async fn connect(place: &Place, query: &PortForwardQuery, port: u16) -> Result<Pod, String> {
    place.hosts.dial(&query.node, &query.pod, port).await
}

/// Passes bytes both ways until the pod has nothing more to say. It may still listen then, but would not be answered.
async fn pass(pod: Pod, mut from_client: mpsc::Receiver<Bytes>, to_client: &Sink) -> io::Result<()> {
    let Pod { mut output, mut input, first } = pod;
    let to_pod = async {
        while let Some(bytes) = from_client.recv().await {
            input.write_all(&bytes).await?;
            input.flush().await?;
        }
        input.shutdown().await
    };
    let from_pod = async {
        // Of a client that is gone nothing more is to be said.
        if !first.is_empty() && to_client.send(first).await.is_err() {
            return Ok(());
        }
        while let Some((_, bytes)) = output.next().await? {
            if to_client.send(bytes).await.is_err() {
                return Ok(());
            }
        }
        let _ = to_client.finish().await;
        Ok(())
    };
    let mut from_pod = std::pin::pin!(from_pod);
    tokio::select! {
        ended = &mut from_pod => ended,
        // Where it cannot be told any more, it has ended, and what it said last still comes.
        _ = to_pod => from_pod.await,
    }
}
