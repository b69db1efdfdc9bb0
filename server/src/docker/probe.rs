//! Probes: whether a container answers over http, over tcp, or to a command of its own.

use super::engine::{Engine, EngineError, limited};
use super::{names, unverified};
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::header::{HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1 as k8s;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kubarium_core::api::Name;
use kubarium_core::runtime::PodRef;
use std::time::Duration;
use tokio::net::TcpStream;

/// How much of a failed command's output is kept.
const OUTPUT_BYTES_MAX: usize = 1_024;

/// Runs a probe once. Nothing where it passed, else what went wrong.
pub(super) async fn run(
    engine: &Engine,
    pod: &PodRef,
    container: &Name,
    probe: &k8s::Probe,
    pod_ip: Option<&Name>,
) -> Option<String> {
    let _permit = engine.waits.acquire().await;
    let limit = Duration::from_secs(u64::from(probe.timeout_seconds.unwrap_or(1).max(1).unsigned_abs()));
    let address = |port: &IntOrString, host: Option<&String>| {
        let port = number(port)?;
        match host.filter(|h| !h.is_empty()) {
            Some(host) => Ok(format!("{host}:{port}")),
            None => engine.ports.address(pod.uid, pod_ip.map(Name::as_str), port),
        }
    };
    let work = async {
        if let Some(get) = &probe.http_get {
            http(get, &address(&get.port, get.host.as_ref())?).await
        } else if let Some(tcp) = &probe.tcp_socket {
            let address = address(&tcp.port, tcp.host.as_ref())?;
            TcpStream::connect(&address).await.map(|_| ()).map_err(|e| format!("dial tcp {address}: {e}"))
        } else if let Some(exec) = &probe.exec {
            command(engine, pod, container, exec.command.as_deref().unwrap_or_default()).await
        } else if probe.grpc.is_some() {
            Err("grpc probes are not supported".to_owned())
        } else {
            Err("the probe says nothing to do".to_owned())
        }
    };
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(())) => None,
        Ok(Err(why)) => Some(why),
        Err(_) => Some(format!("no answer within {} s", limit.as_secs())),
    }
}

fn number(port: &IntOrString) -> Result<u16, String> {
    let number = match port {
        IntOrString::Int(number) => u16::try_from(*number).ok(),
        IntOrString::String(text) => text.parse().ok(),
    };
    number.filter(|n| *n != 0).ok_or_else(|| "the probe's port is not one of the container's".to_owned())
}

async fn http(get: &k8s::HTTPGetAction, address: &str) -> Result<(), String> {
    let secure = get.scheme.as_deref().is_some_and(|s| s.eq_ignore_ascii_case("https"));
    let path = get.path.as_deref().filter(|p| !p.is_empty()).unwrap_or("/");
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let scheme = if secure { "https" } else { "http" };
    let failed = |e: &dyn std::fmt::Display| format!("Get \"{scheme}://{address}{path}\": {e}");
    let mut request = hyper::Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = path.parse().map_err(|e| failed(&e))?;
    let headers = request.headers_mut();
    headers.insert(hyper::header::USER_AGENT, HeaderValue::from_static("kube-probe/1.36"));
    headers.insert(hyper::header::HOST, HeaderValue::from_str(address).map_err(|e| failed(&e))?);
    for header in get.http_headers.iter().flatten() {
        let name: HeaderName = header.name.parse().map_err(|e| failed(&e))?;
        headers.insert(name, HeaderValue::from_str(&header.value).map_err(|e| failed(&e))?);
    }
    let stream = TcpStream::connect(address).await.map_err(|e| failed(&e))?;
    let code = if secure {
        let asked = request.headers().get(hyper::header::HOST).and_then(|h| h.to_str().ok()).unwrap_or(address);
        let name = asked.rsplit_once(':').map_or(asked, |(name, _)| name).trim_matches(['[', ']']);
        let stream = unverified::connect(stream, name).await.map_err(|e| failed(&e))?;
        status(request, TokioIo::new(stream)).await
    } else {
        status(request, TokioIo::new(stream)).await
    };
    match code.map_err(|e| failed(&e))? {
        200..400 => Ok(()),
        code => Err(format!("HTTP probe failed with statuscode: {code}")),
    }
}

/// Sends a request and returns the answer's status code.
async fn status<S>(request: hyper::Request<Empty<Bytes>>, stream: S) -> Result<u16, hyper::Error>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(stream).await?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await;
    connection.abort();
    answer.map(|answer| answer.status().as_u16())
}

async fn command(engine: &Engine, pod: &PodRef, container: &Name, words: &[String]) -> Result<(), String> {
    let name = running(engine, pod, container).await.map_err(|e| e.message)?;
    let name = name.ok_or("the container does not run")?;
    let config = ExecConfig {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: Some(words.to_vec()),
        ..ExecConfig::default()
    };
    let call = Duration::from_secs(30);
    let exec = limited(call, engine.docker.create_exec(&name, config)).await.map_err(|e| e.message)?;
    let mut output = Vec::new();
    let started = limited(call, engine.docker.start_exec(&exec.id, None)).await.map_err(|e| e.message)?;
    if let StartExecResults::Attached { output: mut stream, .. } = started {
        while let Some(Ok(part)) = stream.next().await {
            let left = OUTPUT_BYTES_MAX.saturating_sub(output.len());
            output.extend(part.as_ref().iter().take(left));
        }
    }
    let ended = limited(call, engine.docker.inspect_exec(&exec.id)).await.map_err(|e| e.message)?;
    match ended.exit_code {
        Some(0) => Ok(()),
        code => {
            let output = String::from_utf8_lossy(&output);
            let output = output.trim();
            Err(if output.is_empty() {
                format!("command ended with exit code {}", code.unwrap_or(-1))
            } else {
                output.to_owned()
            })
        }
    }
}

/// The running attempt of a container.
async fn running(engine: &Engine, pod: &PodRef, container: &Name) -> Result<Option<String>, EngineError> {
    let listed = engine.list(Some(format!("{}={}", names::POD_UID, pod.uid))).await?;
    Ok(listed
        .into_iter()
        .filter(|c| c.state == Some(bollard::models::ContainerSummaryStateEnum::RUNNING))
        .find(|c| c.labels.as_ref().and_then(names::container_of).is_some_and(|(name, _)| name == *container))
        .and_then(|c| c.id))
}
