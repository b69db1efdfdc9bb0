//! Docker hosts that never answered, or answer nonsense: each is seen as a node that says why, none is hammered, and
//! none harms the server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::server::{Directory, Server};
use kubarium_tests::wait::{condition, eventually};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What an endpoint does with a connection.
type Manner = fn(TcpStream);

/// An endpoint that is no Docker engine. It listens as long as the test lives.
struct Impostor {
    address: SocketAddr,
    /// When it was asked.
    asked: Arc<Mutex<Vec<Instant>>>,
}

impl Impostor {
    fn new(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let note = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                note.lock().unwrap().push(Instant::now());
                std::thread::spawn(move || manner(stream));
            }
        });
        Self { address, asked }
    }
}

/// Reads a request's head, then says something.
fn say(mut stream: TcpStream, text: &[u8]) {
    let mut seen: Vec<u8> = Vec::new();
    let mut part = [0; 1024];
    while !seen.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(n) if n > 0 => seen.extend(&part[..n]),
            _ => return,
        }
    }
    // The other side may be gone.
    let _ = stream.write_all(text);
}

fn http(stream: TcpStream, status: &str, kind: &str, body: &str) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
    say(stream, (head + body).as_bytes());
}

const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>It works</title></head>\n<body>Welcome</body></html>\n";

/// What endpoints may be, and what their nodes then say.
const MANNERS: [(&str, Manner, &str); 10] = [
    ("page", |s| http(s, "200 OK", "text/html", PAGE), "the answer is not a Docker engine's"),
    ("missing", |s| http(s, "404 Not Found", "text/html", PAGE), "HTTP status 404: <!DOCTYPE html> <html>"),
    ("list", |s| http(s, "200 OK", "application/json", "[1, 2]"), "the answer is not a Docker engine's"),
    (
        "nothing",
        |s| http(s, "200 OK", "application/json", "{}"),
        "the answer is not a Docker engine's: it names no version",
    ),
    (
        "version",
        |s| http(s, "200 OK", "application/json", r#"{"ApiVersion": "1.41", "NCPU": -1}"#),
        "the answer is not a Docker engine's: it names no processors",
    ),
    ("long", |s| http(s, "500 Oops", "text/plain", &"nonsense ".repeat(10_000)), "HTTP status 500: nonsense nonsense"),
    ("ssh", |mut s| _ = s.write_all(b"SSH-2.0-OpenSSH_9.2\r\n"), "the answer is not a Docker engine's"),
    ("hangup", drop, "the connection ended before an answer"),
    (
        "cut",
        |s| say(s, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Api"),
        "end of file before message length reached",
    ),
    (
        "silent",
        |mut s| {
            // Takes everything, says nothing.
            let _ = s.read_to_end(&mut Vec::new());
        },
        "no answer within 10 s",
    ),
];

/// Waits until a node's Ready condition is so, with that text in its message; returns the condition.
fn wait_ready(server: &Server, node: &str, status: &str, text: &str) -> Value {
    let mut ready = Value::Null;
    eventually(&format!("{node} is {status}: {text}"), || {
        let object = server.get(&format!("/api/v1/nodes/{node}"));
        ready = condition(&object, "Ready");
        (ready["status"] == status && ready["message"].as_str().unwrap_or_default().contains(text), object)
    });
    ready
}

fn events_of(server: &Server, node: &str) -> Vec<Value> {
    let path = format!("/api/v1/events?fieldSelector=involvedObject.name%3D{node},reason%3DHostUnreachable");
    server.get(&path)["items"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_host_that_never_answered_is_a_node_that_says_why() {
    let data = Directory::new().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let socket = data.join("docker.sock");
    let (refused, absent) = (format!("refused=tcp://{free}"), format!("absent=unix://{}", socket.display()));
    let server = Server::start(
        data.path(),
        &["--docker", &refused, "--docker", &absent, "--docker", "nameless=tcp://no-such-host.invalid:2375"],
    )
    .unwrap();
    for (node, message) in [
        ("refused", format!("connection refused (tcp://{free})")),
        ("absent", format!("there is no such socket (unix://{})", socket.display())),
        ("nameless", " (tcp://no-such-host.invalid:2375)".to_owned()),
    ] {
        let ready = wait_ready(&server, node, "Unknown", &message);
        assert_eq!(ready["reason"], "HostUnreachable");
        let events = events_of(&server, node);
        let told = |e: &Value| e["type"] == "Warning" && e["message"] == ready["message"];
        assert!(events.len() == 1 && told(&events[0]), "{events:?}");
        let host = server.get(&format!("/apis/kubarium.io/v1/dockerhosts/{node}"));
        assert_eq!(host["status"]["message"], ready["message"]);
    }
    // Nothing is placed there, and why is said.
    let pod = serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
                                 "spec": {"containers": [{"name": "c", "image": "i"}]}});
    assert_eq!(server.send("POST", "/api/v1/namespaces/default/pods", &pod).0, 201);
    let pod = server.get("/api/v1/namespaces/default/pods/p");
    assert_eq!(pod["spec"]["nodeName"], Value::Null);
    assert!(pod["status"]["conditions"].to_string().contains("0/3 nodes are available"), "{pod}");
    // A node that is deleted while its host is still wanted comes back.
    assert_eq!(server.status("DELETE", "/api/v1/nodes/refused", &[]), 200);
    wait_ready(&server, "refused", "Unknown", "connection refused");
}

#[test]
fn a_host_that_was_added_and_never_answered_goes_when_it_is_removed() {
    const HOSTS: &str = "/apis/kubarium.io/v1/dockerhosts";
    let data = Directory::new().unwrap();
    let server = Server::start(data.path(), &[]).unwrap();
    let host = serde_json::json!({"name": "typo", "endpoint": "tcp://127.0.0.1:9"});
    assert_eq!(server.send("POST", HOSTS, &host).0, 201);
    wait_ready(&server, "typo", "Unknown", "connection refused (tcp://127.0.0.1:9)");
    assert_eq!(server.status("DELETE", &format!("{HOSTS}/typo"), &[]), 200);
    assert_eq!(server.status("GET", "/api/v1/nodes/typo", &[]), 404);
}

#[test]
fn nonsense_is_named_on_the_node_and_asked_for_ever_less_often() {
    let data = Directory::new().unwrap();
    let impostors = MANNERS.map(|(name, manner, _)| (name, Impostor::new(manner)));
    let endpoints = impostors.each_ref().map(|(name, impostor)| format!("{name}=tcp://{}", impostor.address));
    let arguments: Vec<&str> = endpoints.iter().flat_map(|e| ["--docker", e.as_str()]).collect();
    let server = Server::start(data.path(), &arguments).unwrap();
    for (name, _, says) in MANNERS {
        let ready = wait_ready(&server, name, "Unknown", says);
        let message = ready["message"].as_str().unwrap();
        assert!(message.chars().count() < 300 && !message.contains('\n'), "{name}: {message}");
        assert!(message.contains("(tcp://127.0.0.1:"), "{name}: {message}");
    }
    // Tries come in pairs at most (one asks for the version, one for the rest), and pauses double from half a second
    // on. Each is a lower bound: a slow machine only lengthens it.
    for (name, impostor) in &impostors {
        let mut tries: Vec<Instant> = Vec::new();
        eventually(&format!("{name} is tried again and again"), || {
            tries.clear();
            for at in impostor.asked.lock().unwrap().iter() {
                if tries.last().is_none_or(|last| *at - *last > Duration::from_millis(250)) {
                    tries.push(*at);
                }
            }
            (tries.len() >= if *name == "silent" { 2 } else { 4 }, tries.len())
        });
        for (gap, least) in tries.windows(2).map(|w| w[1] - w[0]).zip([450, 900, 1_800]) {
            assert!(gap >= Duration::from_millis(least), "{name}: {gap:?} is less than {least} ms");
        }
    }
    assert_eq!(server.status("GET", "/readyz", &[]), 200);
    assert_eq!(server.terminate(), Some(0));
}
