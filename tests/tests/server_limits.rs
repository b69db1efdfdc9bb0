//! What a client cannot do to the server: ask too often, send too much, ask from another site's page, or leave things
//! behind by going away.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::server::{Directory, Server};
use kubarium_tests::wait::eventually;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

const PODS: &str = "/api/v1/namespaces/default/pods";

fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap()
}

/// Sends a head with these lines after the first, and returns the whole answer, its head in small letters.
fn exchange(server: &Server, method: &str, path: &str, headers: &[&str]) -> String {
    let mut stream = connect(server);
    let head = [&["Host: localhost", "Connection: close"], headers].concat().join("\r\n");
    write!(stream, "{method} {path} HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.to_ascii_lowercase()
}

#[test]
fn who_asks_too_often_is_told_when_to_come_again() {
    let data = Directory::new().unwrap();
    let server = Server::start(data.path(), &["--client-requests-per-second", "1"]).unwrap();
    let refusal =
        (0..100).map(|_| exchange(&server, "GET", PODS, &[])).find(|answer| !answer.starts_with("http/1.1 200 "));
    let refusal = refusal.expect("a hundred requests at once are more than one a second");
    for part in ["http/1.1 429 ", "\r\nretry-after: 1\r\n", "\"reason\":\"toomanyrequests\""] {
        assert!(refusal.contains(part), "{part} is not in {refusal}");
    }
    for path in ["/healthz", "/livez", "/readyz", &format!("{PODS}?watch=true&timeoutSeconds=0")] {
        for _ in 0..5 {
            assert_eq!(server.status("GET", path, &[]), 200, "{path} is not counted");
        }
    }
    eventually("the client is served again", || {
        let answer = exchange(&server, "GET", PODS, &[]);
        (answer.starts_with("http/1.1 200 "), answer)
    });
}

#[test]
fn on_loopback_nobody_asks_too_often() {
    let data = Directory::new().unwrap();
    let server = Server::start(data.path(), &[]).unwrap();
    for _ in 0..200 {
        assert_eq!(server.status("GET", "/api/v1/namespaces/default", &[]), 200);
    }
}

#[test]
fn what_is_larger_than_the_api_takes_is_refused() {
    let data = Directory::new().unwrap();
    let server = Server::start(data.path(), &[]).unwrap();
    let map = |bytes: usize| {
        let text = "x".repeat(bytes);
        serde_json::json!({"metadata": {"name": "large"}, "data": {"text": text}})
    };
    let (status, answer) = server.send("POST", "/api/v1/namespaces/default/configmaps", &map(4 << 20));
    assert_eq!((status, answer["reason"].as_str()), (413, Some("RequestEntityTooLarge")));
    assert_eq!(server.send("POST", "/api/v1/namespaces/default/configmaps", &map(1 << 10)).0, 201);
}

#[test]
fn no_answer_lets_the_page_of_another_site_in() {
    let data = Directory::new().unwrap();
    let server = Server::start(data.path(), &[]).unwrap();
    let preflight = ["Origin: https://elsewhere.example", "Access-Control-Request-Method: POST"];
    let own = ["Origin: http://localhost"];
    for (method, headers, status) in
        [("OPTIONS", &preflight[..], 403), ("GET", &preflight[..1], 403), ("GET", &own[..], 200), ("GET", &[][..], 200)]
    {
        let answer = exchange(&server, method, PODS, headers);
        assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{method} {headers:?}: {answer}");
        assert!(!answer.contains("access-control-"), "{method} {headers:?}: {answer}");
    }
}

/// Open watches, as the server counts them.
fn watches(server: &Server) -> usize {
    let metrics = server.ask("GET", "/metrics", &[], b"").1;
    metrics.lines().find_map(|line| line.strip_prefix("kubarium_watches ")?.parse().ok()).unwrap()
}

#[test]
fn clients_that_go_away_leave_nothing_behind() {
    const ROUNDS: usize = 6;
    const AT_ONCE: usize = 399;
    /// A watch, a watch as a page opens it, and a body that never comes.
    const WAYS: [&str; 3] = [
        "GET /api/v1/pods?watch=true HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /api/v1/pods?watch=true HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: base64.binary.k8s.io\r\n\r\n",
        "POST /api/v1/namespaces HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
    ];
    const GROWTH_BYTES_MAX: u64 = 32 << 20;
    let data = Directory::new().unwrap();
    let server = Server::start(data.path(), &[]).unwrap();
    let at_first = server.open_files().unwrap();
    let mut warm = None;
    for round in 0..ROUNDS {
        let mut clients: Vec<TcpStream> = (0..AT_ONCE).map(|_| connect(&server)).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            client.write_all(WAYS[number % WAYS.len()].as_bytes()).unwrap();
        }
        let opened = AT_ONCE / WAYS.len() * 2;
        eventually("all watches are open", || (watches(&server) == opened, watches(&server)));
        assert!(server.open_files().unwrap() >= at_first + opened);
        for client in clients {
            // Half of them say goodbye.
            if client.local_addr().unwrap().port() % 2 == 0 {
                let _ = client.shutdown(Shutdown::Both);
            }
        }
        eventually("no watch is left", || (watches(&server) == 0, watches(&server)));
        let files = || server.open_files().unwrap();
        eventually("no connection is left", || (files() <= at_first, (files(), at_first)));
        let memory = server.memory_bytes().unwrap();
        let warm = *warm.get_or_insert(memory);
        assert!(memory < warm + GROWTH_BYTES_MAX, "{memory} bytes in round {round}, {warm} after the first");
    }
}
