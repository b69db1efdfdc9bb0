//! Passes bytes between a client and the ports of a pod. Each connection that the client has is one to the pod.

use super::Place;
use super::channels::{Carrier, Form};
use super::client::Sink;
use super::streams::dropped;
use crate::http::watch::stopped;
use crate::spdy::{Connection, Stream};
use axum::extract::ws::WebSocket;
use bytes::{Bytes, BytesMut};
use kubarium_core::apiserver::PortForwardQuery;
use std::collections::HashMap;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// What is spoken over SPDY.
pub(super) const VERSION: &str = "portforward.k8s.io";

/// How long a pod may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the second stream of a connection may take to come after the first.
const PAIR_TIMEOUT: Duration = Duration::from_secs(30);

/// How many of these wait at once.
const PAIRS_MAX: usize = 256;

/// How many bytes of a pod are read at once.
const PIECE_BYTES_MAX: usize = 32 << 10;

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

async fn connect(place: &Place, query: &PortForwardQuery, port: u16) -> Result<TcpStream, String> {
    let ip = query.ip.as_ref().ok_or("the pod does not run")?;
    let address = place.hosts.address(Some((&query.node, query.pod.uid)), Some(ip), port)?;
    let refused =
        |why: &dyn std::fmt::Display| format!("failed to connect to port {port} of the pod: dial tcp {address}: {why}");
    let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(&address)).await;
    let stream = stream.map_err(|_| refused(&"i/o timeout"))?.map_err(|e| match e.kind() {
        io::ErrorKind::ConnectionRefused => refused(&"connect: connection refused"),
        _ => refused(&e),
    })?;
    // Small messages go at once.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Passes bytes both ways until both ends have said that nothing more comes.
async fn pass(mut pod: TcpStream, mut from_client: mpsc::Receiver<Bytes>, to_client: &Sink) -> io::Result<()> {
    let (mut reading, mut writing) = pod.split();
    let to_pod = async {
        while let Some(bytes) = from_client.recv().await {
            writing.write_all(&bytes).await?;
        }
        writing.shutdown().await
    };
    let from_pod = async {
        let mut bytes = BytesMut::new();
        loop {
            bytes.reserve(PIECE_BYTES_MAX);
            if reading.read_buf(&mut bytes).await? == 0 {
                // A client that is gone need not be told.
                let _ = to_client.finish().await;
                return Ok(());
            }
            if to_client.send(bytes.split().freeze()).await.is_err() {
                return Ok(());
            }
        }
    };
    let mut to_pod = std::pin::pin!(to_pod);
    let mut from_pod = std::pin::pin!(from_pod);
    tokio::select! {
        // A pod that has said all it has to say is done, as upstream has it: it may listen, but nobody will be answered.
        ended = &mut from_pod => ended,
        ended = &mut to_pod => {
            ended?;
            from_pod.await
        }
    }
}
