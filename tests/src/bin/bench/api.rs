//! What the API can do, over HTTP on loopback: client and server share the machine. Every figure is printed beside its
//! aim, and beside what the real one did.

use super::connection::{Connection, keep_busy, request};
use super::millis;
use kubarium_tests::server::{Directory, Server};
use kubarium_tests::workload;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// How many clients ask side by side.
const CLIENTS: usize = 32;

/// How long a rate is measured.
const SPAN: Duration = Duration::from_secs(5);

/// How often a list is asked for, and something written to what many watch.
const ROUNDS: usize = 20;

const WATCHES: usize = 1_000;
const NODES: usize = 5_000;
const PODS: usize = 10_000;
const CREATES_PER_SECOND: u32 = 1_000;

/// How long nodes may take until they are taken for ready.
const SETTLED_MAX: Duration = Duration::from_mins(1);

/// Nodes without machines stay ready for as long as they are measured.
const HOLLOW: [&str; 4] = ["--log-level", "error", "--node-grace-seconds", "86400"];

/// What is wanted, and what kube-apiserver 1.36 with etcd did on a machine with two cores as well; the latter's creates to
/// bound with kube-scheduler, and 2,000 pods on 500 nodes.
struct Figure {
    name: &'static str,
    aim: &'static str,
    anchor: &'static str,
}

const GETS: Figure = Figure { name: "GETs of a pod a second", aim: "30,000", anchor: "3,160" };
const CREATES: Figure = Figure { name: "durable creates a second, 32 clients", aim: "5,000", anchor: "389" };
const LIST_2K: Figure = Figure { name: "list of 2,000 pods", aim: "", anchor: "51 ms" };
const LIST_10K: Figure = Figure { name: "list of 10,000 pods", aim: "40 ms", anchor: "234 ms" };
const FAN_OUT: Figure = Figure { name: "one write to 1,000 watches, the last", aim: "100 ms", anchor: "" };
const BOUND_P50: Figure = Figure { name: "create to bound, 1,000/s, 5,000 nodes, p50", aim: "", anchor: "245 ms" };
const BOUND_P99: Figure = Figure { name: "create to bound, 1,000/s, 5,000 nodes, p99", aim: "20 ms", anchor: "" };
const IDLE: Figure = Figure { name: "memory, idle", aim: "30 MB", anchor: "450 MB" };
const LOADED: Figure = Figure { name: "memory, 5,000 nodes and 10,000 pods", aim: "100 MB", anchor: "1,280 MB" };

impl Figure {
    fn print(&self, here: &str) {
        row(self.name, here, self.aim, self.anchor);
    }

    fn time(&self, took: Duration) {
        self.print(&format!("{:.1} ms", millis(took)));
    }
}

fn row(name: &str, here: &str, aim: &str, anchor: &str) {
    println!("{name:44} {here:>10} {aim:>10} {anchor:>10}");
}

/// Measures all of it.
pub(crate) fn measure() -> Result<(), String> {
    row("", "here", "aim", "kube 1.36");
    requests()?;
    placing()
}

fn requests() -> Result<(), String> {
    let data = Directory::new().map_err(|e| e.to_string())?;
    let server = Server::start(data.path(), &HOLLOW)?;
    IDLE.print(&memory(&server)?);
    let mut clients = open(&server, CLIENTS)?;

    clients[0].ask(&create("pods", "default", &pod("p", "nobody")))?;
    let bare = rate(&mut clients, || request("GET", "/livez", ""))?;
    let gets = rate(&mut clients, || request("GET", "/api/v1/namespaces/default/pods/p", ""))?;
    GETS.print(&whole(gets));
    row("    a bare answer, by the same server", &whole(bare), "", "");

    let mut number = 0;
    let creates = rate(&mut clients, || {
        number += 1;
        create("pods", "default", &pod(&format!("p-{number}"), "nobody"))
    })?;
    CREATES.print(&whole(creates));
    row("    flushes of the same disk, one by one", &whole(flushes(data.path())?), "", "");

    for (figure, namespace, count) in [(&LIST_2K, "two", 2_000), (&LIST_10K, "ten", 10_000)] {
        clients[0].ask(&create("namespaces", "", &json!({"metadata": {"name": namespace}})))?;
        let mut names = (0..count).map(|n| create("pods", namespace, &pod(&format!("p-{n}"), "nobody")));
        keep_busy(&mut clients, || names.next())?;
        let list = request("GET", &format!("/api/v1/namespaces/{namespace}/pods"), "");
        figure.time(middle(|| clients[0].ask(&list).map(|_| ()))?);
    }
    fan_out(&server, &mut clients[0])
}

/// How long it takes until the last of many watches has told of a change.
fn fan_out(server: &Server, client: &mut Connection) -> Result<(), String> {
    let mut watches = open(server, WATCHES)?;
    let list = client.ask(&request("GET", "/api/v1/configmaps", ""))?;
    let list: Value = serde_json::from_slice(list).map_err(|e| e.to_string())?;
    let since = list["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    for watch in &mut watches {
        watch.watch(&format!("/api/v1/namespaces/default/configmaps?watch=true&resourceVersion={since}"))?;
    }
    let mut number = 0;
    let took = middle(|| {
        number += 1;
        let map = json!({"metadata": {"name": format!("told-{number}")}, "data": {"key": "value"}});
        client.ask(&create("configmaps", "default", &map))?;
        watches.iter_mut().try_for_each(|watch| watch.event().map(|_| ()))
    })?;
    FAN_OUT.time(took);
    Ok(())
}

/// Pods come at a fixed rate, whatever becomes of those before.
fn placing() -> Result<(), String> {
    let data = Directory::new().map_err(|e| e.to_string())?;
    let server = Server::start(data.path(), &HOLLOW)?;
    let mut clients = open(&server, CLIENTS)?;
    let mut nodes = workload::nodes(NODES, 1).into_iter().map(|mut node| {
        node["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]);
        create("nodes", "", &node)
    });
    keep_busy(&mut clients, || nodes.next())?;
    settle(&mut clients[0])?;

    let mut watch = Connection::open(&server.url)?;
    watch.watch("/api/v1/namespaces/default/pods?watch=true")?;
    let begun = Instant::now();
    let due = |number: usize| begun + Duration::from_secs(1) * number as u32 / CREATES_PER_SECOND;
    let mut times = std::thread::scope(|scope| {
        let bound = scope.spawn(move || {
            let mut times = Vec::with_capacity(PODS);
            while times.len() < PODS {
                let event = watch.event()?;
                if let Some(number) = newly_bound(&event) {
                    times.push(due(number).elapsed());
                }
            }
            Ok::<_, String>(times)
        });
        for number in 0..PODS {
            let client = &mut clients[number % CLIENTS];
            if number >= CLIENTS {
                client.answer()?;
            }
            std::thread::sleep(due(number).saturating_duration_since(Instant::now()));
            client.send(&create("pods", "default", &pod(&format!("p-{number}"), "default-scheduler")))?;
        }
        bound.join().map_err(|_| "the watcher failed".to_owned())?
    })?;
    times.sort_unstable();
    BOUND_P50.time(times[PODS / 2]);
    BOUND_P99.time(times[PODS * 99 / 100]);
    LOADED.print(&memory(&server)?);
    Ok(())
}

/// Waits until pods may be put on every node: new ones are tainted until they were seen ready.
fn settle(client: &mut Connection) -> Result<(), String> {
    let begun = Instant::now();
    while begun.elapsed() < SETTLED_MAX {
        let nodes = client.ask(&request("GET", "/api/v1/nodes", ""))?;
        if !String::from_utf8_lossy(nodes).contains("node.kubernetes.io/not-ready") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err("the nodes do not become ready".to_owned())
}

/// The number of the pod that an event shows bound, at the first of its changes that does.
fn newly_bound(event: &str) -> Option<usize> {
    let event: Value = serde_json::from_str(event).ok()?;
    let (meta, spec) = (&event["object"]["metadata"], &event["object"]["spec"]);
    spec["nodeName"].as_str()?;
    meta["name"].as_str()?.strip_prefix("p-")?.parse().ok()
}

fn open(server: &Server, count: usize) -> Result<Vec<Connection>, String> {
    (0..count).map(|_| Connection::open(&server.url)).collect()
}

fn create(resource: &str, namespace: &str, object: &Value) -> Vec<u8> {
    let scope = if namespace.is_empty() { String::new() } else { format!("namespaces/{namespace}/") };
    request("POST", &format!("/api/v1/{scope}{resource}"), &object.to_string())
}

fn pod(name: &str, scheduler: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"app": "load"}},
        "spec": {
            "schedulerName": scheduler,
            "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "100m"}}}],
        },
    })
}

/// How many requests a second are answered.
fn rate(clients: &mut [Connection], mut request: impl FnMut() -> Vec<u8>) -> Result<f64, String> {
    let begun = Instant::now();
    let answered = keep_busy(clients, || (begun.elapsed() < SPAN).then(&mut request))?;
    Ok(answered as f64 / begun.elapsed().as_secs_f64())
}

/// How often a second the disk can be made to keep what it was given.
fn flushes(directory: &Path) -> Result<f64, String> {
    let mut file = File::create(directory.join("flushed")).map_err(|e| e.to_string())?;
    let (begun, mut count) = (Instant::now(), 0);
    while begun.elapsed() < SPAN / 5 {
        file.write_all(&[0; 4_096]).and_then(|()| file.sync_data()).map_err(|e| e.to_string())?;
        count += 1;
    }
    Ok(f64::from(count) / begun.elapsed().as_secs_f64())
}

/// The middle one of several times.
fn middle(mut what: impl FnMut() -> Result<(), String>) -> Result<Duration, String> {
    let run = |_| {
        let begun = Instant::now();
        what().map(|()| begun.elapsed())
    };
    let mut times = (0..ROUNDS).map(run).collect::<Result<Vec<_>, _>>()?;
    times.sort_unstable();
    Ok(times[ROUNDS / 2])
}

fn memory(server: &Server) -> Result<String, String> {
    let bytes = server.memory_bytes().ok_or("the system does not say how much memory a process takes")?;
    Ok(format!("{:.0} MB", bytes as f64 / 1e6))
}

fn whole(rate: f64) -> String {
    let (thousands, rest) = (rate as u64 / 1_000, rate as u64 % 1_000);
    if thousands == 0 { rest.to_string() } else { format!("{thousands},{rest:03}") }
}
