//! The real kubectl inside the pods of a live cluster: exec, attach, cp, port-forward and logs. Old ones speak SPDY, newer
//! ones WebSocket; each that is there is asked for all of it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::hosts::Hosts;
use kubarium_tests::kubectl::Kubectl;
use kubarium_tests::server::{Directory, Server};
use kubarium_tests::wait::eventually;
use serde_json::json;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::{HandshakeError, Message};

const PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: all}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: busybox:1
    command:
    - sh
    - -c
    - echo one; echo two; echo served > /tmp/index.html; httpd -p 127.0.0.1:8090 -h /tmp; exec httpd -f -p 80 -h /tmp
---
apiVersion: v1
kind: Pod
metadata: {name: two, labels: {app: all}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: a, image: 'busybox:1', command: [sh, -c, 'echo from a; sleep 10000']}
  - {name: b, image: 'busybox:1', command: [sh, -c, 'echo from b; sleep 10000']}
---
apiVersion: v1
kind: Pod
metadata: {name: again}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: c, image: 'busybox:1', command: [sh, -c, 'echo ended; exit 1']}
---
apiVersion: v1
kind: Pod
metadata: {name: stuck}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: 'nowhere.invalid/none:1', imagePullPolicy: Never}]
---
apiVersion: v1
kind: Pod
metadata: {name: done}
spec:
  restartPolicy: Never
  containers: [{name: c, image: 'busybox:1', command: ['true']}]
";

/// What a command did: its exit code, and what it wrote.
#[derive(Debug, PartialEq, Eq)]
struct Done {
    code: Option<i32>,
    out: Vec<u8>,
    errors: String,
}

/// Runs a command with something to read.
fn run(command: &mut Command, input: &[u8]) -> Done {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // One that does not read may be gone already.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    Done { code: output.status.code(), out: output.stdout, errors }
}

fn exec(kubectl: &Kubectl, arguments: &[&str], input: &[u8]) -> Done {
    run(kubectl.command().arg("exec").args(arguments), input)
}

/// Killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn every_kubectl_gets_into_pods() {
    let mut hosts = Hosts::start(1).unwrap();
    let directory = Directory::new().unwrap();
    let endpoint = format!("host-a={}", hosts.host(0).endpoint());
    let server = Server::start(directory.path(), &["--docker", &endpoint]).unwrap();
    let every = Kubectl::every(&server, &directory).unwrap();
    let usual = &every[0].1;
    usual.reads("create -f -", PODS).unwrap();
    usual.until("the pods run", "get pods --no-headers", |said| {
        let all = ["done    0/1   Completed", "two     2/2   Running", "web     1/1   Running", "ErrImageNeverPull"];
        all.iter().all(|part| said.contains(part))
    });
    usual.until(
        "a pod ended twice",
        "get pod again --no-headers -o jsonpath={.status.containerStatuses[0].restartCount}",
        |n| n.parse::<u32>().is_ok_and(|n| n > 0),
    );
    for (name, kubectl) in &every {
        println!("kubectl: {name}");
        commands(kubectl);
        refusals(kubectl, *name == "old");
        terminal(kubectl);
        attach(kubectl, name);
        copies(kubectl, &directory);
        ports(kubectl);
        logs(kubectl);
        unread(kubectl, &server);
    }
    terminals_end_with_their_client(usual);
    closed_connections(&server);
    other_clients(&server);
}

#[test]
fn every_kubectl_gets_into_pods_over_tls() {
    let mut hosts = Hosts::start(1).unwrap();
    let directory = Directory::new().unwrap();
    let endpoint = format!("host-a={}", hosts.host(0).endpoint());
    let data = directory.path().to_str().unwrap();
    assert!(kubarium_tests::server::run(&["token", "--data-dir", data, "--role", "edit"]).unwrap().status.success());
    let server = Server::start(directory.path(), &["--docker", &endpoint, "--tls"]).unwrap();
    let told = ["--server", &server.url, "--data-dir", data, "--role", "edit"];
    let every = Kubectl::told(&directory, "kubeconfig", &told).unwrap().and_others();
    every[0].1.reads("create -f -", PODS).unwrap();
    every[0].1.until("the pods run", "get pods --no-headers", |said| {
        ["two     2/2   Running", "web     1/1   Running"].iter().all(|part| said.contains(part))
    });
    for (name, kubectl) in &every {
        println!("kubectl: {name}");
        commands(kubectl);
        terminal(kubectl);
        copies(kubectl, &directory);
        ports(kubectl);
    }
}

fn commands(kubectl: &Kubectl) {
    let done = exec(kubectl, &["web", "--", "sh", "-c", "echo out; echo errors >&2; exit 7"], b"");
    assert_eq!((done.code, done.out.as_slice()), (Some(7), b"out\n".as_slice()));
    assert_eq!(done.errors, "errors\ncommand terminated with exit code 7");

    // Much of it, of any bytes, there and back; the end of the input is its end.
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let done = exec(kubectl, &["-i", "web", "--", "cat"], &bytes);
    assert!(done.code == Some(0) && done.out == bytes, "{} bytes came back: {}", done.out.len(), done.errors);
    // What does not read its input ends all the same.
    let done = exec(kubectl, &["-i", "web", "--", "echo", "said"], &bytes);
    assert_eq!((done.code, done.out.as_slice()), (Some(0), b"said\n".as_slice()), "{}", done.errors);

    assert_eq!(exec(kubectl, &["two", "-c", "b", "--", "echo", "in b"], b"").out, b"in b\n");
}

fn refusals(kubectl: &Kubectl, old: bool) {
    for (pod, words, said) in [
        ("web", "nothing-of-that-name", "error executing command in container"),
        ("done", "true", "cannot exec into a container in a completed pod; current phase is Succeeded"),
        ("stuck", "true", "unable to upgrade connection: container not found (\"c\")"),
        ("nobody", "true", "Error from server (NotFound): pods \"nobody\" not found"),
    ] {
        let done = exec(kubectl, &[pod, "--", words], b"");
        assert!(done.code == Some(1) && done.out.is_empty() && done.errors.contains(said), "{pod}: {done:?}");
    }
    let done = exec(kubectl, &["two", "-c", "c", "--", "true"], b"");
    assert!(done.code == Some(1) && done.errors.contains("container c is not valid for pod two"), "{done:?}");
    // As with Kubernetes, the newer protocol says it over itself.
    let done = exec(kubectl, &["stuck", "--", "true"], b"");
    assert_eq!(done.errors.contains("Internal error occurred"), !old, "{done:?}");
}

/// A terminal is as large as the client's, has one output, and hands on any byte.
fn terminal(kubectl: &Kubectl) {
    let line = format!("stty rows 31 cols 97; {} exec -it web -- sh", kubectl.shell());
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // The size comes after the shell has begun.
    let until = "until busybox stty size | busybox grep -q '31 97'; do sleep 0.1; done; echo large$((1 + 1))\n";
    stdin.write_all(until.as_bytes()).unwrap();
    stdin.write_all(b"printf '\\001\\000\\000\\377\\377\\377\\377:%s:' any$((1 + 1)); exit 3\n").unwrap();
    let mut seen = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut seen).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    drop(stdin);
    let text = String::from_utf8_lossy(&seen);
    assert!(text.contains("large2"), "{text}");
    assert!(seen.windows(13).any(|part| part == b"\x01\0\0\xff\xff\xff\xff:any2:"), "{seen:?}");
}

/// Whoever is attached to a container that reads once sees it end.
fn attach(kubectl: &Kubectl, name: &str) {
    let pod = format!(
        "{{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {{\"name\": \"reads-{name}\"}},
          \"spec\": {{\"restartPolicy\": \"Never\", \"containers\": [{{\"name\": \"c\", \"image\": \"busybox:1\",
          \"command\": [\"sh\", \"-c\", \"while read line; do echo got $line; done; echo read all\"],
          \"stdin\": true, \"stdinOnce\": true}}]}}}}"
    );
    kubectl.reads("create -f -", &pod).unwrap();
    kubectl.until("it runs", &format!("get pod reads-{name} --no-headers"), |said| said.contains("Running"));
    let done = run(kubectl.command().args(["attach", "-i", &format!("reads-{name}")]), b"a\nb\n");
    assert_eq!(String::from_utf8_lossy(&done.out), "got a\ngot b\nread all\n", "{}", done.errors);
    assert_eq!(done.code, Some(0), "{}", done.errors);
}

fn copies(kubectl: &Kubectl, directory: &Directory) {
    let (there, back) = (directory.join("there"), directory.join("back"));
    let _ = std::fs::remove_dir_all(&back);
    std::fs::create_dir_all(there.join("below")).unwrap();
    let large: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(there.join("large"), &large).unwrap();
    std::fs::write(there.join("below/small"), "small").unwrap();
    let path = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let done = run(kubectl.command().args(["cp", &path(&there), "web:/tmp/copied"]), b"");
    assert_eq!(done.code, Some(0), "{}", done.errors);
    let done = run(kubectl.command().args(["cp", "web:/tmp/copied", &path(&back)]), b"");
    assert_eq!(done.code, Some(0), "{}", done.errors);
    assert_eq!(std::fs::read(back.join("large")).unwrap(), large);
    assert_eq!(std::fs::read_to_string(back.join("below/small")).unwrap(), "small");
    assert_eq!(exec(kubectl, &["web", "--", "rm", "-r", "/tmp/copied"], b"").code, Some(0));
}

fn fetch(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// Several connections at once go to a port that is open, also to one that the pod neither names nor opens to others; of
/// one that is not open kubectl is told.
fn ports(kubectl: &Kubectl) {
    let forward = |port: u16| {
        let mut command = kubectl.command();
        command.args(["port-forward", "web", &format!(":{port}"), "--address", "127.0.0.1"]);
        let mut child = Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        let mut line = String::new();
        BufReader::new(child.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let local = line.trim_start_matches("Forwarding from 127.0.0.1:").split(' ').next().unwrap_or_default();
        (child, local.parse::<u16>().unwrap_or_else(|_| panic!("{line}")))
    };
    for inside in [80, 8090] {
        let (_open, port) = forward(inside);
        let fetches: Vec<_> = (0..6).map(|_| std::thread::spawn(move || fetch(port).unwrap())).collect();
        for fetched in fetches {
            let answer = fetched.join().unwrap();
            assert!(answer.starts_with("HTTP/1.") && answer.ends_with("served\n"), "{inside}: {answer}");
        }
    }
    let (mut closed, port) = forward(81);
    assert_eq!(fetch(port).unwrap_or_default(), "", "nobody answers");
    let mut said = String::new();
    BufReader::new(closed.0.stderr.as_mut().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains("error forwarding port 81 to pod web") && said.contains("connection refused"), "{said}");
}

fn logs(kubectl: &Kubectl) {
    for (arguments, expected) in [
        ("web", "one\ntwo"),
        ("web --tail=1", "two"),
        ("web --limit-bytes=5", "one\nt"),
        ("web --since=1h", "one\ntwo"),
        ("web --since-time=2099-01-01T00:00:00Z", ""),
        ("web --since-time=2020-01-01T00:00:00Z", "one\ntwo"),
        ("two -c b", "from b"),
        ("again --previous", "ended"),
        ("done", ""),
    ] {
        assert_eq!(kubectl.says(&format!("logs {arguments}")), expected, "logs {arguments}");
    }
    let stamped = kubectl.says("logs web --timestamps --tail=1");
    assert!(stamped.starts_with("20") && stamped.ends_with("Z two"), "{stamped}");
    let said = kubectl.says("logs -l app=all --all-containers --prefix");
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["[pod/two/a] from a", "[pod/two/b] from b", "[pod/web/c] one", "[pod/web/c] two"]);
    let refused = kubectl.tries("logs web --previous").unwrap_err();
    assert!(refused.contains("previous terminated container \"c\" in pod \"web\" not found"), "{refused}");

    let command = &mut kubectl.command();
    let follow = command.args(["logs", "-f", "web", "--tail=1"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut follow = Running(follow);
    let mut lines = BufReader::new(follow.0.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "two");
    // What its first process writes from now on comes too.
    assert_eq!(exec(kubectl, &["web", "--", "sh", "-c", "echo three > /proc/1/fd/1"], b"").code, Some(0));
    assert_eq!(lines.next().unwrap().unwrap(), "three");
    drop(follow);
    kubectl.says("delete pod web --now");
    kubectl.reads("create -f -", PODS.split("---").next().unwrap()).unwrap();
    kubectl.until("it runs again", "get pod web --no-headers", |said| said.contains("1/1"));
}

/// A client that does not read makes the command wait; the server does not keep for it what it does not take.
fn unread(kubectl: &Kubectl, server: &Server) {
    let before = server.memory_bytes().unwrap();
    let mut command = kubectl.command();
    let endless = "echo $$ > /tmp/pid; exec busybox yes 'this goes on and on'";
    command.args(["exec", "web", "--", "sh", "-c", endless]);
    let mut child = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    // It has begun.
    let mut some = [0; 1_000];
    child.0.stdout.as_mut().unwrap().read_exact(&mut some).unwrap();
    let work = || exec(kubectl, &["web", "--", "sh", "-c", "cat /proc/$(cat /tmp/pid)/stat"], b"").out;
    eventually("the command waits", || {
        let first = work();
        std::thread::sleep(Duration::from_millis(300));
        let second = work();
        (first == second && !first.is_empty(), String::from_utf8_lossy(&second).into_owned())
    });
    let grown = server.memory_bytes().unwrap().saturating_sub(before);
    assert!(grown < 16 << 20, "the server keeps {grown} bytes");
    drop(child);
    let end = exec(kubectl, &["web", "--", "sh", "-c", "kill $(cat /tmp/pid)"], b"");
    assert_eq!(end.code, Some(0), "it was left alone: {}", end.errors);
}

/// A shell in a terminal ends when its client is killed.
fn terminals_end_with_their_client(kubectl: &Kubectl) {
    let line = format!("exec {} exec -it two -c a -- sh", kubectl.shell());
    let script = Command::new("script")
        .args(["--quiet", "--command", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut script = Running(script);
    let shells = || {
        let count = "cat /proc/[0-9]*/cmdline | busybox tr '\\0' ' ' | busybox grep -c 'sh $'";
        String::from_utf8_lossy(&exec(kubectl, &["two", "-c", "a", "--", "sh", "-c", count], b"").out).trim().to_owned()
    };
    script.0.stdin.as_mut().unwrap().write_all(b"echo here$((1 + 1))\n").unwrap();
    let mut reader = BufReader::new(script.0.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("here2") {
        line.clear();
        assert_ne!(reader.read_line(&mut line).unwrap(), 0, "the shell ended");
    }
    let with = shells();
    drop(script);
    eventually("the shell has ended", || (shells() != with, (shells(), with.clone())));
}

/// What asks for no upgrade, or for one nobody knows, is told so.
fn closed_connections(server: &Server) {
    let ask = |part: &str, headers: &[(&str, &str)]| {
        server.ask("POST", &format!("/api/v1/namespaces/default/pods/web/{part}"), headers, b"")
    };
    for part in ["exec?command=true&stdout=1", "attach?stdout=1", "portforward"] {
        let (status, answer) = ask(part, &[]);
        assert!(status == 400 && answer.contains("Upgrade request required"), "{answer}");
        let headers =
            [("connection", "Upgrade"), ("upgrade", "SPDY/3.1"), ("x-stream-protocol-version", "v9.channel.k8s.io")];
        let (status, answer) = ask(part, &headers);
        assert!(status == 403 && answer.contains("unable to negotiate protocol"), "{answer}");
    }
}

/// Every message a WebSocket sends until it ends, as text; or the status with which it is refused.
fn messages(server: &Server, path: &str, protocol: &str, said: &[&[u8]]) -> Result<Vec<String>, u16> {
    let authority = server.url.trim_start_matches("http://");
    let mut request = format!("ws://{authority}/api/v1/namespaces/default/pods/{path}").into_client_request().unwrap();
    if !protocol.is_empty() {
        request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
    }
    let stream = TcpStream::connect(authority).unwrap();
    let (mut socket, answer) = tungstenite::client(request, stream).map_err(|error| match error {
        HandshakeError::Failure(tungstenite::Error::Http(answer)) => answer.status().as_u16(),
        other => panic!("{other}"),
    })?;
    assert_eq!(answer.headers().get("sec-websocket-protocol").map_or("", |p| p.to_str().unwrap()), protocol);
    for bytes in said {
        socket.send(Message::binary(bytes.to_vec())).unwrap();
    }
    let mut seen = Vec::new();
    loop {
        match socket.read().unwrap() {
            Message::Text(text) => seen.push(text.to_string()),
            Message::Binary(bytes) => seen.push(bytes.iter().map(|b| char::from(*b)).collect()),
            Message::Close(_) => return Ok(seen),
            _ => {}
        }
    }
}

/// What other clients speak: channels without an end of their own, as text for browsers, ports named beforehand.
fn other_clients(server: &Server) {
    let exec = "web/exec?command=sh&command=-c&command=echo+out;exit+2&stdout=true&stderr=true";
    let sentence = "command terminated with non-zero exit code: command terminated with exit code 2";
    for protocol in ["", "channel.k8s.io"] {
        let seen = messages(server, exec, protocol, &[]).unwrap();
        assert_eq!(seen, ["\u{1}".to_owned(), "\u{1}out\n".to_owned(), format!("\u{3}{sentence}")], "{protocol}");
    }
    for protocol in ["v4.channel.k8s.io", "v5.channel.k8s.io"] {
        let seen = messages(server, exec, protocol, &[]).unwrap();
        assert_eq!(seen[..2], ["\u{1}", "\u{1}out\n"], "{protocol}");
        assert_eq!(
            seen[2].trim_start_matches('\u{3}').parse::<serde_json::Value>().unwrap(),
            json!({"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "message": sentence,
                   "details": {"causes": [{"reason": "ExitCode", "message": "2"}]}}),
        );
    }
    let seen = messages(server, exec, "v4.base64.channel.k8s.io", &[]).unwrap();
    assert!(seen[..2] == ["1", "1b3V0Cg=="] && seen[2].starts_with("3eyJ"), "{seen:?}");
    // A command that reads to the end hears of it where the protocol has a word for that.
    let cat = "web/exec?command=cat&stdin=true&stdout=true";
    let seen = messages(server, cat, "v5.channel.k8s.io", &[b"\x00said", b"\xff\x00"]).unwrap();
    assert_eq!(seen[..2], ["\u{1}", "\u{1}said"]);
    assert!(seen[2].contains("Success"), "{seen:?}");
    assert_eq!(messages(server, exec, "v9.channel.k8s.io", &[]), Err(400));
    assert_eq!(messages(server, "stuck/exec?command=true&stdout=1", "v4.channel.k8s.io", &[]), Err(500));
    let seen = messages(server, "stuck/exec?command=true&stdout=1", "v5.channel.k8s.io", &[]).unwrap();
    assert!(seen[1].contains("unable to upgrade connection: container not found"), "{seen:?}");

    // Each port has a channel for what it carries and one for what goes wrong; both begin with its number.
    let get: &[u8] = b"\x00GET / HTTP/1.0\r\n\r\n";
    let seen = messages(server, "web/portforward?ports=80,81", "v4.channel.k8s.io", &[get]).unwrap();
    for first in ["\u{0}P\u{0}", "\u{1}P\u{0}", "\u{2}Q\u{0}", "\u{3}Q\u{0}"] {
        assert!(seen.iter().any(|message| message == first), "{seen:?}");
    }
    let carried: String = seen.iter().filter_map(|m| m.strip_prefix('\u{0}')).collect();
    assert!(carried.ends_with("served\n"), "{seen:?}");
    assert!(seen.iter().any(|m| m.starts_with('\u{3}') && m.contains("connection refused")), "{seen:?}");
}
