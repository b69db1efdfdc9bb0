//! The dashboard's console beside the real kubectl, in front of one cluster: what both print is the same, but for ages.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::Time;
use kubarium_core::apiserver::{Request, Response};
use kubarium_kubectl::{Host, Pending, Session, Stream};
use kubarium_tests::kubectl::Kubectl;
use kubarium_tests::server::{Directory, Server};
use regex::{Captures, Regex};
use std::cell::RefCell;
use std::future::{Future, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

const SCENARIO: &str = "
apiVersion: kubarium.io/v1
kind: Scenario
nodes:
- {name: node, count: 2}
";

/// What is looked at.
const OBJECTS: &str = include_str!("../data/console-objects.yaml");

/// What is typed; what changes the cluster is tried without changing it.
const LINES: &[&str] = &[
    "get all",
    "get all -A",
    "get nodes -o wide",
    "get pods -o wide --show-labels",
    "get pods -L app,tier",
    "get cm,secret,sa,quota,limits,pdb -o name",
    "get cm settings -o json",
    "get cm settings -o yaml",
    "get pod both -o yaml",
    "get svc web -o yaml",
    "get rc/web svc/web",
    "get cm nothing -o yaml",
    "get pods -o yaml -l app=nothing",
    "get pods -o name -l app=nothing",
    "get pods -l app=nothing",
    "get pods --sort-by=.metadata.name",
    "get pods --sort-by={.spec.nodeName} -o name",
    "get pods --no-headers -l app=both",
    "get pods -o custom-columns=N:.metadata.name,L:.metadata.labels,C:.spec.containers[*].name,X:.nope",
    "get pods both -o jsonpath={.spec.containers[*].name}",
    "get pods -o jsonpath-as-json={.items[*].metadata.name}",
    "get pods both -o jsonpath={.spec.containers[?(@.name==\"second\")].image}",
    "get ns --show-kind",
    "get pc",
    "get pods,svc -A",
    "top node",
    "top node --sort-by=memory --no-headers",
    "top pod",
    "top pod both --containers",
    "top pods -A -l app=web --sort-by=cpu",
    "top pods -A --containers --sum",
    "top pod both --sum",
    "top pod both -l app=both",
    "top pod both another",
    "top pods --sort-by=name",
    "top node node-1 --show-capacity",
    "top node nothing",
    "top node -l nothing=here",
    "top pod nothing",
    "get nothing",
    "get pods a/b/c",
    "get pods --bogus",
    "get -x",
    "describe pod both",
    "describe pod wrong",
    "describe pods -l app=web",
    "describe rc web",
    "describe svc web",
    "describe svc door",
    "describe svc",
    "describe ep web",
    "describe nodes",
    "describe node node-1",
    "describe ns default",
    "describe ns small",
    "describe cm settings",
    "describe secret hush",
    "describe sa default",
    "describe quota few -n small",
    "describe limits bounds -n small",
    "describe pdb keep",
    "describe pc high",
    "describe lease node-1 -n kube-node-lease",
    "describe pod nobody",
    "describe po bo",
    "create ns x --dry-run=client -o yaml",
    "create cm x --from-literal=a=1 --from-literal=b=yes --dry-run=client -o yaml",
    "create secret generic x --from-literal=a=1 --dry-run=client -o yaml",
    "create service clusterip x --tcp=80:8080 --dry-run=client -o yaml",
    "create service nodeport x --tcp=80 --node-port=30100 --dry-run=client -o yaml",
    "create service externalname x --external-name=a.example --dry-run=client -o yaml",
    "create sa x --dry-run=client -o yaml",
    "create quota x --hard=pods=3,cpu=1500m --dry-run=client -o yaml",
    "create pdb x --selector=app=web --min-available=1 --dry-run=server -o name",
    "create pc x --value=5 --dry-run=server",
    "create cm settings --from-literal=a=1",
    "run x --image=nginx --dry-run=client -o yaml --env=A=1 --port=80 --labels=a=b -- one two",
    "run x --image=nginx --dry-run=server",
    "expose rc web --port=80 --dry-run=client -o yaml --name=y",
    "expose pod both --dry-run=server --name=y",
    "scale rc web --replicas=5 --dry-run=server",
    "scale rc web --replicas=3 --current-replicas=9",
    "scale rc web",
    "scale pod both --replicas=2",
    "label pod both tier=be",
    "label pod both new=1 --dry-run=server",
    "label pod both nothing-",
    "label pod both --list",
    "label pod both",
    "annotate pod both a=b --dry-run=client",
    "set image rc/web web=nginx:9 --dry-run=server",
    "set image rc/web nope=nginx:9",
    "patch cm settings -p {\"data\":{\"a\":\"x\"}} --dry-run=server",
    "patch cm settings --type=merge -p {\"data\":{\"a\":null}} --dry-run=server -o yaml",
    "patch cm settings --type=odd -p {}",
    "patch cm settings",
    "delete cm settings --dry-run=server",
    "delete pods --all --dry-run=client",
    "delete pod nobody",
    "cordon node-1 --dry-run=server",
    "taint node node-1 a=b:NoSchedule --dry-run=client",
    "drain node-1 --dry-run=client",
    "drain node-1 --force --delete-emptydir-data --dry-run=client",
    "wait pod both --for=condition=Ready --timeout=0s",
    "wait pod wrong --for=condition=Ready --timeout=0s",
    "wait pod nobody --for=delete",
    "wait pod both",
    "logs both",
    "logs both -c second",
    "logs both -c third",
    "logs nobody",
    "logs",
    "events --types=Warning",
    "api-resources",
    "api-resources -o wide --api-group=policy",
    "api-versions",
    "auth can-i get pods",
    "auth can-i get pods/log",
    "auth whoami",
    "explain pod.spec.containers.ports",
    "explain pdb",
    "explain cm.nope",
];

/// The console's end of a server.
struct Wire<'a> {
    server: &'a Server,
    out: RefCell<String>,
    err: RefCell<String>,
}

impl Host for Wire<'_> {
    fn request(&self, request: Request) -> Pending<'_, Result<Response, String>> {
        let path = format!("{}?{}", request.path, request.query);
        let mut headers = vec![("accept", request.accept.as_str()), ("content-type", request.content_type.as_str())];
        headers.retain(|(_, value)| !value.is_empty());
        let (status, body) =
            self.server.ask(request.method.as_str(), path.trim_end_matches('?'), &headers, request.body.as_bytes());
        Box::pin(ready(Ok(Response { status, content_type: String::new(), warnings: Vec::new(), body })))
    }

    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Time(since.as_micros() as i64)
    }

    fn sleep(&self, milliseconds: u32) -> Pending<'_, ()> {
        std::thread::sleep(Duration::from_millis(milliseconds.into()));
        Box::pin(ready(()))
    }

    fn print(&self, stream: Stream, text: &str) {
        match stream {
            Stream::Out => self.out.borrow_mut().push_str(text),
            Stream::Err => self.err.borrow_mut().push_str(text),
        }
    }

    fn read(&self, _name: &str) -> Pending<'_, Option<String>> {
        Box::pin(ready(None))
    }

    fn edit(&self, _text: String) -> Pending<'_, Option<String>> {
        Box::pin(ready(None))
    }

    fn server(&self) -> String {
        self.server.url.clone()
    }
}

fn finish<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
}

/// Without ages, and the columns that they move; without warnings, which come in headers.
fn normal(text: &str) -> String {
    let age = Regex::new(r"<invalid>|\b(\d+[smhdy])+\b").unwrap();
    let gaps = Regex::new(r"(?m) {2,}|[ \t]+$").unwrap();
    let text: String = text.lines().filter(|line| !line.starts_with("Warning: v1 ")).flat_map(|l| [l, "\n"]).collect();
    // Builds of one version differ in how they say that a flag is wrong: some log it.
    let logged = Regex::new(r#"(?m)^[EWI]\d{4} [\d:.]+ +\d+ run\.go:\d+\] "command failed" err="(.*)"$"#).unwrap();
    let said = logged.replace_all(&text, |found: &Captures<'_>| format!("error: {}", found[1].replace("\\\"", "\"")));
    let other = Regex::new(r"(?m)^[EWI]\d{4} [\d:.]+ +\d+ ").unwrap();
    let said = Regex::new(r"(?m)^Error: ").unwrap().replace_all(&said, "error: ").into_owned();
    let masked = other.replace_all(&said, "<klog> ");
    gaps.replace_all(&age.replace_all(&masked, "<age>"), "  ").trim_end().to_owned()
}

#[test]
fn the_console_prints_what_the_real_kubectl_prints() {
    let directory = Directory::new().unwrap();
    let scenario = directory.join("scenario.yaml");
    std::fs::write(&scenario, SCENARIO).unwrap();
    let server = Server::simulate(directory.path(), scenario.to_str().unwrap(), &[]).unwrap();
    let kubectl = Kubectl::of(&server, &directory).unwrap();
    kubectl.reads("apply -f -", OBJECTS).unwrap();
    kubectl.says("wait --for=condition=Ready pod/both --timeout=30s");
    kubectl.says("wait --for=jsonpath={.status.readyReplicas}=2 rc/web --timeout=30s");
    let clock = server.send("PATCH", "/apis/kubarium.io/v1/clock", &serde_json::json!({"spec": {"paused": true}}));
    assert!(clock.0 < 500, "{clock:?}");

    let (session, mut different) = (Session::default(), Vec::new());
    for line in LINES {
        let wire = Wire { server: &server, out: RefCell::default(), err: RefCell::default() };
        let exit = finish(session.run_line(
            &wire,
            &kubarium_kubectl::words::Line { words: line.split(' ').map(str::to_owned).collect(), input: None },
        ));
        let real = kubectl.command().args(line.split(' ')).output().unwrap();
        // Labels and data are listed in whatever order upstream's map has them.
        let unordered =
            line.ends_with("--list") || ["describe cm", "describe secret"].iter().any(|l| line.starts_with(l));
        let normal = |text: &str| {
            let mut lines: Vec<String> = normal(text).lines().map(str::to_owned).collect();
            if unordered {
                lines.sort_unstable();
            }
            lines.join("\n")
        };
        let text = |bytes: &[u8]| normal(&String::from_utf8_lossy(bytes));
        let expected = (real.status.code(), text(&real.stdout), text(&real.stderr));
        let got = (Some(i32::from(exit)), normal(&wire.out.borrow()), normal(&wire.err.borrow()));
        if expected != got {
            different.push(format!(
                "### {line}\n--- kubectl {:?}\n{}\n{}\n--- console {:?}\n{}\n{}",
                expected.0, expected.1, expected.2, got.0, got.1, got.2
            ));
        }
    }
    assert!(different.is_empty(), "{} of {} differ:\n{}", different.len(), LINES.len(), different.join("\n"));
}
