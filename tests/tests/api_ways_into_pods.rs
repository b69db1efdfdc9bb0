//! Exec, attach, port-forward and logs, as far as the API decides: whose they are, what is refused and in which words.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::apiserver::{Answer, Method, Request};
use kubarium_core::{Cluster, Config, Input, Time};
use serde_json::{Value, json};

const PODS: &str = "/api/v1/namespaces/default/pods";

/// A cluster with a pod that runs (`run`: containers `a`, with a terminal, and `b`, which waits; init container `i`), one
/// that has a node and nothing else (`placed`) and one that has none (`new`), both with one container.
struct Api(Cluster);

impl Api {
    fn new() -> Self {
        let mut api = Self(Cluster::new(Config::default(), Time(1_800_000_000_000_000)));
        for (name, node, containers) in [
            ("run", "n", json!([{"name": "a", "image": "i", "tty": true}, {"name": "b", "image": "i"}])),
            ("placed", "n", json!([{"name": "a", "image": "i"}])),
            ("new", "", json!([{"name": "a", "image": "i"}])),
        ] {
            let mut spec = json!({"schedulerName": "none", "containers": containers});
            if !node.is_empty() {
                spec["nodeName"] = node.into();
            }
            if name == "run" {
                spec["initContainers"] = json!([{"name": "i", "image": "i"}]);
            }
            api.must(Method::Post, PODS, &json!({"metadata": {"name": name}, "spec": spec}));
        }
        let status = |name: &str, state: Value, restarts: u32| json!({"name": name, "image": "i", "imageID": "", "ready": false, "restartCount": restarts, "state": state});
        let running = status("a", json!({"running": {"startedAt": "2027-01-15T00:00:00Z"}}), 2);
        let waiting = status("b", json!({"waiting": {"reason": "ErrImagePull"}}), 0);
        let body =
            json!({"status": {"phase": "Running", "podIP": "10.1.2.3", "containerStatuses": [running, waiting]}});
        api.must(Method::Patch, &format!("{PODS}/run/status"), &body);
        api
    }

    fn answer(&mut self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut request = Request::new(method, path);
        if let Some(body) = body {
            request = request.with_json(body);
        }
        if method == Method::Patch {
            "application/merge-patch+json".clone_into(&mut request.content_type);
        }
        query.clone_into(&mut request.query);
        self.0.handle(Time(1_800_000_001_000_000), Input::Request(request)).answer.unwrap()
    }

    fn must(&mut self, method: Method, path: &str, body: &Value) {
        match self.answer(method, path, Some(body)) {
            Answer::Done(response) if response.status < 300 => {}
            other => panic!("{path}: {other:?}"),
        }
    }

    /// What comes of asking for a part of a pod, on one line.
    fn ask(&mut self, method: Method, path: &str) -> String {
        match self.answer(method, &format!("{PODS}/{path}"), None) {
            Answer::Done(response) => {
                let body: Value = serde_json::from_str(&response.body).unwrap_or_default();
                let words = [&body["reason"], &body["message"]].map(|w| w.as_str().unwrap_or_default().to_owned());
                format!("{} {}", response.status, words.join(" ")).trim_end().to_owned()
            }
            Answer::Exec(q) => {
                let flags =
                    [(q.stdin, "in"), (q.stdout, "out"), (q.stderr, "err"), (q.tty, "tty"), (q.terminal, "terminal")];
                let flags: Vec<_> = flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect();
                let (attempt, flags) = (q.attempt.map_or_else(|| "-".to_owned(), |n| n.to_string()), flags.join(" "));
                format!(
                    "{}/{}/{} #{attempt} {:?} {flags}",
                    q.node,
                    q.pod.name,
                    q.container,
                    q.command.unwrap_or_default()
                )
            }
            Answer::PortForward(q) => format!("{}/{} {:?}", q.node, q.pod.name, q.ports),
            Answer::Logs(q) => {
                let numbers = (q.tail_lines, q.limit_bytes, q.since.map(|t| t.to_string()));
                format!("{}/{}/{} #{} {numbers:?}", q.node, q.pod.name, q.container, q.attempt)
            }
            other => panic!("{path}: {other:?}"),
        }
    }
}

#[test]
fn exec_and_attach_find_their_container() {
    let mut api = Api::new();
    for (path, expected) in [
        (
            "run/exec?container=a&command=sh&command=-c&command=echo%20a&stdout=true&stderr=1",
            r#"n/run/a #2 ["sh", "-c", "echo a"] out err"#,
        ),
        // A terminal shows output and errors as one.
        (
            "run/exec?container=a&command=sh&stdin=true&stdout=true&stderr=true&tty=true",
            r#"n/run/a #2 ["sh"] in out tty terminal"#,
        ),
        // Whether it runs is for its node to say, which also knows in which words.
        ("run/exec?container=b&command=sh&stdout=1", r#"n/run/b #- ["sh"] out"#),
        ("run/exec?container=i&command=sh&stdout=1", r#"n/run/i #- ["sh"] out"#),
        ("placed/exec?command=sh&stdout=1", r#"n/placed/a #- ["sh"] out"#),
        // Whether there is a terminal was settled when the container was made.
        ("run/attach?container=a&stdin=1&stdout=1&stderr=1", "n/run/a #2 [] in out err terminal"),
        ("run/attach?container=b&stdout=1&tty=1", "n/run/b #- [] out tty"),
        ("nobody/exec?command=sh&stdout=1", "404 NotFound pods \"nobody\" not found"),
        (
            "run/exec?command=sh&stdout=1",
            "400 BadRequest a container name must be specified for pod run, choose one of: [a b] or one of the init containers: [i]",
        ),
        ("run/attach?container=c&stdout=1", "400 BadRequest container c is not valid for pod run"),
        ("new/exec?container=c&command=sh&stdout=1", "400 BadRequest container c is not valid for pod new"),
        ("new/exec?command=sh&stdout=1", "400 BadRequest pod new does not have a host assigned"),
        ("run/exec?container=a&command=sh", "400 BadRequest you must specify at least 1 of stdin, stdout, stderr"),
        ("run/attach?container=a", "400 BadRequest you must specify at least 1 of stdin, stdout, stderr"),
        ("run/exec?container=a&stdout=1", "400 BadRequest you must specify at least one command for the container"),
    ] {
        assert_eq!(api.ask(Method::Get, path), expected, "GET {path}");
        assert_eq!(api.ask(Method::Post, path), expected, "POST {path}");
    }
    for part in ["exec", "attach", "portforward"] {
        let refused = "405 MethodNotAllowed the server does not allow this method on the requested resource";
        assert_eq!(api.ask(Method::Put, &format!("run/{part}")), refused);
        assert_eq!(api.ask(Method::Delete, &format!("run/{part}")), refused);
    }
}

#[test]
fn port_forward_finds_its_pod() {
    let mut api = Api::new();
    for (path, expected) in [
        ("run/portforward", "n/run []"),
        ("run/portforward?ports=80,81&ports=8080", "n/run [80, 81, 8080]"),
        ("placed/portforward", "n/placed []"),
        ("new/portforward", "400 BadRequest pod new does not have a host assigned"),
        ("nobody/portforward", "404 NotFound pods \"nobody\" not found"),
        ("run/portforward?ports=0", "400 BadRequest unable to parse \"0\" as a port"),
        ("run/portforward?ports=http", "400 BadRequest unable to parse \"http\" as a port"),
    ] {
        assert_eq!(api.ask(Method::Get, path), expected, "GET {path}");
        assert_eq!(api.ask(Method::Post, path), expected, "POST {path}");
    }
}

#[test]
fn logs_find_their_container_and_how_much_is_wanted() {
    let mut api = Api::new();
    let refused = |what: &str| format!("422 Invalid PodLogOptions \"run\" is invalid: {what}");
    for (path, expected) in [
        ("run/log?container=a", "n/run/a #2 (None, None, None)".to_owned()),
        ("run/log?container=a&previous=true", "n/run/a #1 (None, None, None)".to_owned()),
        ("run/log?container=a&tailLines=0&limitBytes=10", "n/run/a #2 (Some(0), Some(10), None)".to_owned()),
        ("run/log?container=a&sinceSeconds=61", "n/run/a #2 (None, None, Some(\"2027-01-15T07:59:00Z\"))".to_owned()),
        (
            "run/log?container=a&sinceTime=2027-01-01T01:00:00%2B01:00",
            "n/run/a #2 (None, None, Some(\"2027-01-01T00:00:00Z\"))".to_owned(),
        ),
        // What has no node has written nothing.
        ("new/log", "204".to_owned()),
        ("new/log?container=x", "400 BadRequest container x is not valid for pod new".to_owned()),
        (
            "run/log?container=b",
            "400 BadRequest container \"b\" in pod \"run\" is waiting to start: ErrImagePull".to_owned(),
        ),
        (
            "run/log?container=b&previous=1",
            "400 BadRequest previous terminated container \"b\" in pod \"run\" not found".to_owned(),
        ),
        ("run/log?tailLines=-1", refused("tailLines: Invalid value: -1: must be greater than or equal to 0")),
        ("run/log?limitBytes=0", refused("limitBytes: Invalid value: 0: must be greater than 0")),
        ("run/log?sinceSeconds=0", refused("sinceSeconds: Invalid value: 0: must be greater than 0")),
        (
            "run/log?sinceSeconds=1&sinceTime=2027-01-01T00:00:00Z",
            refused(": Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"),
        ),
        (
            "run/log?sinceTime=noon",
            "400 BadRequest parsing time \"noon\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"noon\" as \"2006\""
                .to_owned(),
        ),
    ] {
        assert_eq!(api.ask(Method::Get, path), expected, "{path}");
    }
}
