//! The server from outside: the API over HTTP, what survives a kill, who may ask, and what it says to bad input.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::server::{Directory, Server, run};
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;

const PODS: &str = "/api/v1/namespaces/default/pods";

fn pod(name: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
           "spec": {"containers": [{"name": "c", "image": "busybox:1"}]}})
}

fn names(server: &Server) -> BTreeSet<String> {
    let list = server.get(PODS);
    list["items"].as_array().unwrap().iter().map(|p| p["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_api_is_served_over_http_and_what_was_done_is_there_after_a_restart() {
    let data = Directory::new().unwrap();
    let server = Server::start(data.path(), &[]).unwrap();
    for path in ["/healthz", "/livez", "/readyz", "/version", "/api", "/apis", "/metrics"] {
        assert_eq!(server.status("GET", path, &[]), 200, "{path}");
    }
    assert_eq!(server.send("POST", PODS, &pod("a")).0, 201);
    let (status, again) = server.send("POST", PODS, &pod("a"));
    assert_eq!((status, again["reason"].as_str()), (409, Some("AlreadyExists")));
    assert_eq!(server.send("POST", PODS, &pod("b")).0, 201);
    assert_eq!(server.status("DELETE", &format!("{PODS}/b"), &[]), 200);
    assert_eq!(server.status("GET", "/api/v1/nothing", &[]), 404);
    assert_eq!(server.status("OPTIONS", PODS, &[]), 405);
    let before = server.get(&format!("{PODS}/a"));
    assert_eq!(server.terminate(), Some(0), "an asked-for end is a good one");

    let server = Server::start(data.path(), &[]).unwrap();
    assert_eq!(names(&server), ["a".to_owned()].into());
    let after = server.get(&format!("{PODS}/a"));
    assert_eq!(before["metadata"]["uid"], after["metadata"]["uid"]);
    assert_eq!(before["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"]);
}

#[test]
fn a_watch_tells_of_changes_as_they_come_and_of_a_revision_that_is_gone() {
    let data = Directory::new().unwrap();
    let server = Server::start(data.path(), &[]).unwrap();
    let from = server.get(PODS)["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let path = format!("{PODS}?watch=1&resourceVersion={from}&timeoutSeconds=30");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(server.send("POST", PODS, &pod("seen")).0, 201);
    let event = BufReader::new(stream)
        .lines()
        .map_while(Result::ok)
        .find_map(|line| serde_json::from_str::<serde_json::Value>(&line).ok().filter(serde_json::Value::is_object))
        .unwrap();
    assert_eq!((event["type"].as_str(), event["object"]["metadata"]["name"].as_str()), (Some("ADDED"), Some("seen")));

    // The log of changes does not outlive a restart, so an old revision is gone then, and the client starts over.
    drop(server);
    let server = Server::start(data.path(), &[]).unwrap();
    let gone = server.ask("GET", &format!("{PODS}?watch=1&resourceVersion=1"), &[], b"").1;
    assert!(gone.contains("410"), "{gone}");
    let ended = server.ask("GET", &format!("{PODS}?watch=1&timeoutSeconds=1"), &[], b"");
    assert_eq!(ended.0, 200, "a watch ends by itself at its timeout");
}

/// Writers create pods while the server is killed; whatever was acknowledged is there afterwards, and nothing twice.
#[test]
fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    const ROUNDS: usize = 5;
    const WRITERS: usize = 4;
    let data = Directory::new().unwrap();
    let acknowledged = Mutex::new(BTreeSet::new());
    for round in 0..ROUNDS {
        let server = Server::start(data.path(), &[]).unwrap();
        let here = names(&server);
        assert!(acknowledged.lock().unwrap().is_subset(&here), "round {round} lost acknowledged pods");
        let enough = 8 * (round + 1);
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    let (server, acknowledged) = (&server, &acknowledged);
                    scope.spawn(move || {
                        for number in 0.. {
                            let name = format!("r{round}-w{writer}-{number}");
                            if server.send("POST", PODS, &pod(&name)).0 != 201 {
                                return number;
                            }
                            acknowledged.lock().unwrap().insert(name);
                        }
                        0
                    })
                })
                .collect();
            while acknowledged.lock().unwrap().len() < enough * WRITERS {
                std::thread::yield_now();
            }
            server.kill_in_place();
            let written: usize = writers.into_iter().map(|w| w.join().unwrap()).sum();
            assert!(written > 0, "the server was killed while it worked");
        });
    }
    let server = Server::start(data.path(), &[]).unwrap();
    assert!(acknowledged.lock().unwrap().is_subset(&names(&server)));
}

#[test]
fn a_data_file_that_is_damaged_or_not_ours_is_refused_and_left_as_it_is() {
    let data = Directory::new().unwrap();
    let file = data.join("kubarium.redb");
    let server = Server::start(data.path(), &[]).unwrap();
    for number in 0..20 {
        assert_eq!(server.send("POST", PODS, &pod(&format!("p{number}"))).0, 201);
    }
    assert_eq!(server.terminate(), Some(0));
    let good = std::fs::read(&file).unwrap();
    let spoilt = |at: usize, count: usize| {
        let mut bytes = good.clone();
        let end = bytes.len().min(at + count);
        bytes[at..end].fill(0xa5);
        bytes
    };
    let pod_at = good.windows(4).position(|w| w == b"Pod/").expect("objects are in the file");
    for (case, bytes, says) in [
        ("a text", b"not a database at all, but long enough to be one".to_vec(), "is not a data file of kubarium"),
        ("cut off", good[..good.len() / 2].to_vec(), "is damaged"),
        ("only its beginning", good[..9].to_vec(), "is damaged"),
        ("a spoilt header", spoilt(9, 300), "is damaged"),
        ("a spoilt object", spoilt(pod_at, 64), "is damaged"),
    ] {
        std::fs::write(&file, &bytes).unwrap();
        let arguments =
            ["serve", "--no-docker", "--listen", "127.0.0.1:0", "--data-dir", data.path().to_str().unwrap()];
        let output = run(&arguments).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().last().unwrap_or_default();
        assert_eq!(output.status.code(), Some(2), "{case}: {said}");
        assert!(last.contains(says) && last.contains(file.to_str().unwrap()), "{case}: {said}");
        assert!(std::fs::read(&file).unwrap() == bytes, "{case}: the file was changed");
    }
    std::fs::write(&file, &good).unwrap();
    assert_eq!(names(&Server::start(data.path(), &[]).unwrap()).len(), 20, "the good file still works");
}

#[test]
fn two_servers_do_not_share_a_data_directory() {
    let data = Directory::new().unwrap();
    let _first = Server::start(data.path(), &[]).unwrap();
    let refused = Server::start(data.path(), &[]).unwrap_err();
    assert!(refused.contains("is in use by another kubarium"), "{refused}");
}

#[test]
fn only_pages_and_names_of_its_own_may_ask() {
    let data = Directory::new().unwrap();
    let server = Server::start(data.path(), &["--allowed-host", "cluster.example"]).unwrap();
    let own = server.url.strip_prefix("http://").unwrap().to_owned();
    let port = own.rsplit(':').next().unwrap().to_owned();
    let localhost = format!("localhost:{port}");
    let (origin, localhost_origin) = (format!("http://{own}"), format!("http://{localhost}"));
    for (headers, expected) in [
        (vec![("host", own.as_str())], 200),
        (vec![("host", localhost.as_str())], 200),
        (vec![("host", "cluster.example:8080")], 200),
        (vec![("host", "192.0.2.7")], 200),
        (vec![("host", "evil.example")], 403),
        (vec![("host", "localhost.evil.example")], 403),
        (vec![("host", own.as_str()), ("origin", origin.as_str())], 200),
        (vec![("host", localhost.as_str()), ("origin", localhost_origin.as_str())], 200),
        (vec![("host", own.as_str()), ("origin", "http://evil.example")], 403),
        (vec![("host", own.as_str()), ("origin", "http://127.0.0.1:1")], 403),
        (vec![("host", own.as_str()), ("origin", "null")], 403),
        (vec![("host", own.as_str()), ("sec-fetch-site", "cross-site")], 403),
        (vec![("host", own.as_str()), ("sec-fetch-site", "same-origin")], 200),
    ] {
        assert_eq!(server.status("GET", PODS, &headers), expected, "{headers:?}");
    }
}

#[test]
fn off_loopback_a_token_is_needed() {
    let data = Directory::new().unwrap();
    let directory = data.path().to_str().unwrap();
    let server = Server::start(data.path(), &["--listen", "0.0.0.0:0", "--no-tls"]).unwrap();
    let token = String::from_utf8(run(&["token", "--data-dir", directory]).unwrap().stdout).unwrap();
    let token = token.trim();
    assert_eq!(token.len(), 64);
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(data.join("token")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let (right, wrong, basic) = (format!("Bearer {token}"), format!("Bearer {token}x"), format!("Basic {token}"));
    for (path, header, expected) in [
        (PODS, None, 403),
        (PODS, Some(&wrong), 401),
        (PODS, Some(&basic), 403),
        (PODS, Some(&right), 200),
        ("/version", None, 200),
        ("/metrics", None, 401),
        ("/apis/kubarium.io/v1/dockerhosts", None, 401),
        ("/healthz", None, 200),
        ("/readyz", None, 200),
    ] {
        let headers: Vec<_> = header.iter().map(|value| ("authorization", value.as_str())).collect();
        assert_eq!(server.status("GET", path, &headers), expected, "{path} {header:?}");
    }
    let config = run(&["kubeconfig", "--server", "http://192.0.2.1:8080", "--data-dir", directory]).unwrap();
    assert!(String::from_utf8_lossy(&config.stdout).contains(token), "the kubeconfig has the token");
    let log = std::fs::read_to_string(data.join("server.log")).unwrap();
    assert!(!log.contains(token), "the token is not in the log");
}

#[test]
fn a_wrong_setting_is_named_in_one_line_with_exit_code_2() {
    let data = Directory::new().unwrap();
    let file = |name: &str, text: &str| {
        let path = data.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (unknown, broken) = (file("a.yaml", "listen: 127.0.0.1:1\nlisen: x\n"), file("b.yaml", "docker: [{name: a"));
    let listen = file("c.yaml", "listen: nowhere\n");
    let twice = file("d.yaml", "seed: 1\nseed: 2\n");
    let short = file("token", "short\n");
    let occupied = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let occupied = occupied.local_addr().unwrap().to_string();
    for (arguments, says) in [
        (vec!["--listen", "here"], "--listen: `here`"),
        (vec!["--listen", &occupied, "--no-docker"], "--listen: cannot listen on"),
        (vec!["--docker", "a"], "--docker: `a` is not NAME=ENDPOINT"),
        (vec!["--docker", "a=ftp://b"], "--docker: a: `ftp://b`"),
        (vec!["--docker", "A_=unix:///x"], "cannot name a node"),
        (vec!["--docker", "a=tcp://b:1?ca=/no&cert=/no&key=/no"], "ca=/no"),
        (vec!["--docker", "a=unix:///x", "--docker", "a=unix:///y"], "given twice"),
        (vec!["--config", "/no/such/file"], "--config: cannot read /no/such/file"),
        (vec!["--config", &unknown], "unknown field `lisen`"),
        (vec!["--config", &broken], "b.yaml"),
        (vec!["--config", &twice], "d.yaml: error: line 2 column 1: duplicate mapping key: seed"),
        (vec!["--config", &listen], "--listen (`listen` in the configuration file)"),
        (vec!["--token-file", "/no/token"], "/no/token"),
        (vec!["--token-file", &short], "at least 16"),
        (vec!["--log-level", "loud"], "--log-level: `loud`"),
        (vec!["--log-format", "xml"], "--log-format"),
        (vec!["--node-ports", "9-1"], "--node-ports: `9-1`"),
        (vec!["--service-network", "10.0.0.0"], "--service-network"),
        (vec!["--heartbeat-seconds", "0"], "--heartbeat-seconds"),
        (vec!["--node-grace-seconds", "5"], "--node-grace-seconds"),
        (vec!["--node-port-address", "x"], "--node-port-address"),
        (vec!["--allowed-host", "a b"], "--allowed-host"),
        (vec!["--data-dir", "/dev/null"], "--data-dir"),
        (vec!["--no-such-flag"], "--no-such-flag"),
    ] {
        let mut all = vec!["serve"];
        all.extend(&arguments);
        let own = data.join("data");
        if !arguments.contains(&"--data-dir") {
            all.extend(["--data-dir", own.to_str().unwrap()]);
        }
        let output = run(&all).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        let errors: Vec<_> = said.lines().filter(|line| line.starts_with("kubarium: ")).collect();
        assert!(errors.len() == 1 && errors[0].contains(says), "{arguments:?}: {said}");
    }
}

#[test]
fn bad_bodies_are_refused_and_change_nothing() {
    let data = Directory::new().unwrap();
    let server = Server::start(data.path(), &[]).unwrap();
    let json = [("content-type", "application/json")];
    let huge = vec![b' '; (3 << 20) + 1];
    for (case, body, expected) in [
        ("not JSON", b"{".as_slice(), 400),
        ("not UTF-8", b"{\"kind\": \"\xff\"}".as_slice(), 400),
        ("too large", huge.as_slice(), 413),
        ("another kind", br#"{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a"}}"#.as_slice(), 400),
    ] {
        let (status, text) = server.ask("POST", PODS, &json, body);
        assert_eq!(status, expected, "{case}: {text}");
        assert!(text.contains("\"Status\""), "{case}: {text}");
    }
    assert_eq!(names(&server), BTreeSet::new());
}

#[test]
fn docker_hosts_are_added_and_removed_while_it_runs_and_kept() {
    const HOSTS: &str = "/apis/kubarium.io/v1/dockerhosts";
    let data = Directory::new().unwrap();
    let server = Server::start(data.path(), &["--docker", "fixed=unix:///no/such.sock"]).unwrap();
    let host = |name: &str, endpoint: &str| json!({"metadata": {"name": name}, "spec": {"endpoint": endpoint}});
    for (body, expected) in [
        (host("added", "tcp://127.0.0.1:9"), 201),
        (host("added", "tcp://127.0.0.1:9"), 409),
        (host("Bad_", "tcp://127.0.0.1:9"), 422),
        (host("b", "carrier-pigeon"), 422),
        (json!({"spec": {"endpoint": "tcp://127.0.0.1:9"}}), 422),
        (json!({"metadata": {"name": "b"}}), 422),
        (json!("added"), 400),
    ] {
        assert_eq!(server.send("POST", HOSTS, &body).0, expected, "{body}");
    }
    assert_eq!(server.status("DELETE", &format!("{HOSTS}/fixed"), &[]), 403, "it comes from the flags");
    drop(server);
    let server = Server::start(data.path(), &[]).unwrap();
    let resources = server.get("/apis/kubarium.io/v1");
    let listed: Vec<_> = resources["resources"].as_array().unwrap().iter().map(|r| r["name"].clone()).collect();
    let of_all = ["pods/explanation", "pods/remedies", "pods/fit", "replicationcontrollers/fit", "fits", "survival"];
    assert_eq!(listed[..6], of_all);
    assert_eq!(listed[6..], ["clock", "dockerhosts"]);
    let kept = server.get(&format!("{HOSTS}/added"));
    assert_eq!(kept["spec"]["endpoint"], "tcp://127.0.0.1:9");
    assert_eq!(kept["status"]["connected"], false);
    assert_eq!(server.status("DELETE", &format!("{HOSTS}/added"), &[]), 200);
    assert_eq!(server.status("GET", &format!("{HOSTS}/added"), &[]), 404);
}

#[test]
fn a_token_is_of_a_user_with_a_role() {
    let data = Directory::new().unwrap();
    let directory = data.path().to_str().unwrap();
    let make = |arguments: &[&str]| {
        let arguments: Vec<&str> = ["token", "--data-dir", directory].iter().chain(arguments).copied().collect();
        String::from_utf8(run(&arguments).unwrap().stdout).unwrap().trim().to_owned()
    };
    let tokens = [
        ("admin", make(&[])),
        ("edit", make(&["--role", "edit"])),
        ("view", make(&["--role", "view"])),
        ("ann", make(&["--role", "view", "--name", "ann"])),
    ];
    assert_eq!(make(&["--role", "view", "--name", "ann"]), tokens[3].1, "a token is made once");
    let file = data.join("token");
    let server = Server::start(data.path(), &["--token-file", file.to_str().unwrap()]).unwrap();
    let review = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let secrets = "/api/v1/namespaces/default/secrets";
    let json = ("content-type", "application/json");
    for (user, bearer) in &tokens {
        let bearer = format!("Bearer {bearer}");
        let headers = [("authorization", bearer.as_str()), json];
        let (status, body) = server.ask("POST", review, &headers, b"{}");
        assert_eq!(status, 201, "{user}: {body}");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["status"]["userInfo"]["username"], *user);
        let (reads, admin) = (!matches!(*user, "view" | "ann"), *user == "admin");
        for (method, path, allowed) in [
            ("GET", PODS, true),
            ("GET", secrets, reads),
            ("POST", secrets, reads),
            ("POST", "/api/v1/namespaces", admin),
            ("GET", "/apis/kubarium.io/v1/dockerhosts", true),
            ("POST", "/apis/kubarium.io/v1/dockerhosts", admin),
        ] {
            let (status, body) = server.ask(method, path, &headers, b"{}");
            assert_eq!(status != 403, allowed, "{user}: {method} {path}: {status} {body}");
        }
        let mut headers = headers.to_vec();
        headers.push(("impersonate-user", "bob"));
        let (status, body) = server.ask("GET", PODS, &headers, b"");
        assert_eq!(status, 403);
        let said = if admin { "User \\\"bob\\\" cannot list" } else { "cannot impersonate resource" };
        assert!(body.contains(said), "{user}: {body}");
        headers.push(("impersonate-group", "kubarium:view"));
        assert_eq!(server.status("GET", PODS, &headers), if admin { 200 } else { 403 });
    }
}
