//! The table of what people type (`data/kubectl-commands.yaml`), run with the real kubectl in front of a live cluster and
//! of a simulated one, with today's kubectl and the next. Prints how many rows pass; that number only rises.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::manifest;
use kubarium_tests::hosts::Hosts;
use kubarium_tests::kubectl::Kubectl;
use kubarium_tests::report::report;
use kubarium_tests::server::{Directory, Server};
use regex::Regex;
use serde_json::Value;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// How many rows must pass on a live cluster, and on a simulated one.
const FLOOR: (usize, usize) = (122, 115);

/// How long a row is tried that has to wait for something.
const PATIENCE: Duration = Duration::from_secs(30);

const SCENARIO: &str = "
apiVersion: kubarium.io/v1
kind: Scenario
nodes:
- {name: node, count: 3}
";

/// The files that the commands name.
const FILES: [(&str, &str); 11] = [
    ("web.yaml", WEB),
    ("pod.yaml", POD),
    ("sized.yaml", SIZED),
    ("wrong.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: wrong}\nspec: {containers: [{name: c, image: ''}]}\n"),
    (
        "extra.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: extra}\nspec: {bogus: 1, containers: [{name: c, image: a}]}\n",
    ),
    ("maps/one.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, labels: {set: maps}}\ndata: {k: v}\n"),
    ("maps/two.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two, labels: {set: maps}}\ndata: {k: v}\n"),
    ("apply.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\ndata: {k: v1}\n"),
    ("apply2.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\ndata: {k: v2}\n"),
    ("side.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: side}\ndata: {k: v1}\n"),
    ("side2.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: side}\ndata: {k: v2}\n"),
];

const WEB: &str = "
apiVersion: v1
kind: ReplicationController
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {app: web}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: web, image: 'busybox:1', command: [httpd, -f, -p, '80'], ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
";

const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: lone}
spec:
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: 'busybox:1', command: [sleep, '3600']}]
";

const SIZED: &str = "
apiVersion: v1
kind: Pod
metadata: {name: sized}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: c, image: 'busybox:1', command: [sleep, '3599'], resources: {requests: {cpu: 10m, memory: 16Mi}}}
";

/// A row of the table.
struct Row {
    what: String,
    run: String,
    exit: i32,
    prints: Option<String>,
    shows: Option<Regex>,
    says: Option<Regex>,
    until: bool,
}

/// The rows that make sense in a world.
fn rows(world: &str) -> Vec<Row> {
    let documents = manifest::parse(include_str!("../data/kubectl-commands.yaml")).expect("the table is YAML");
    let table = documents.into_iter().next().expect("the table is there").value;
    let of = |row: &Value| {
        let text = |key: &str| row[key].as_str().map(str::to_owned);
        let pattern = |key: &str| text(key).map(|p| Regex::new(&p).unwrap_or_else(|e| panic!("{row}: {e}")));
        for key in row.as_object().unwrap().keys() {
            assert!(["what", "run", "exit", "prints", "shows", "says", "until", "only"].contains(&&**key), "{row}");
        }
        Row {
            what: text("what").unwrap_or_else(|| panic!("what is it? {row}")),
            run: text("run").unwrap_or_else(|| panic!("nothing to run: {row}")),
            exit: row["exit"].as_i64().unwrap_or_default() as i32,
            prints: text("prints"),
            shows: pattern("shows"),
            says: pattern("says"),
            until: row["until"] == true,
        }
    };
    let rows = table.as_array().expect("the table is a list").iter();
    rows.filter(|row| row["only"].as_str().is_none_or(|only| only == world)).map(of).collect()
}

impl Row {
    /// Runs it; what is wrong, if anything is.
    fn wrong(&self, shell: &impl Fn(&str) -> Command) -> Option<String> {
        let begun = Instant::now();
        loop {
            let output = shell(&self.run).output().expect("a shell");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
            let (printed, said) = (text(&output.stdout), text(&output.stderr));
            let right = output.status.code() == Some(self.exit)
                && self.prints.as_ref().is_none_or(|prints| *prints == printed)
                && self.shows.as_ref().is_none_or(|shows| shows.is_match(&printed))
                && self.says.as_ref().is_none_or(|says| says.is_match(&said));
            if right {
                return None;
            }
            if !self.until || begun.elapsed() > PATIENCE {
                let code = output.status.code();
                return Some(format!("{}: {}\n  exit {code:?}\n  {printed}\n  {said}", self.what, self.run));
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

/// Runs the table of a world with a kubectl; returns how many rows pass, of how many, and what is wrong with the others.
fn run(world: &str, program: &Path, server: &Server, directory: &Directory) -> (usize, usize, Vec<String>) {
    // Writes the file that tells kubectl of the server.
    Kubectl::of(server, directory).unwrap();
    let place = Directory::new().unwrap();
    std::fs::create_dir(place.join("maps")).unwrap();
    for (name, text) in FILES {
        std::fs::write(place.join(name), text).unwrap();
    }
    std::fs::create_dir(place.join("bin")).unwrap();
    symlink(program, place.join("bin/kubectl")).unwrap();
    let path = format!("{}:{}", place.join("bin").display(), std::env::var("PATH").unwrap_or_default());
    let shell = |line: &str| {
        let mut command = Command::new("timeout");
        command.args(["60", "sh", "-c", line]).current_dir(place.path()).env("PATH", &path);
        command.env("KUBECONFIG", directory.join("kubeconfig")).env("HOME", place.path()).env("TZ", "UTC");
        command
    };
    let rows = rows(world);
    let wrong: Vec<String> = rows.iter().filter_map(|row| row.wrong(&shell)).collect();
    (rows.len() - wrong.len(), rows.len(), wrong)
}

fn program(variable: &str) -> Option<std::path::PathBuf> {
    let found = std::env::var_os(variable)?;
    Some(found.into())
}

/// Where a program on PATH lies.
fn on_path(name: &str) -> std::path::PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|place| place.join(name)).find(|file| file.is_file()).expect("kubectl is there")
}

fn check(world: &str, kubectl: &str, (passed, all, wrong): &(usize, usize, Vec<String>), floor: usize) {
    report(&format!("kubectl {kubectl}, {world} cluster: {passed} of {all} commands do as they must"));
    assert!(*passed >= floor, "{passed} of {all} is below the floor {floor}:\n{}", wrong.join("\n"));
    if std::env::var_os("VERBOSE").is_some() {
        report(&wrong.join("\n"));
    }
}

#[test]
fn what_people_type_works_on_a_live_cluster() {
    let mut hosts = Hosts::start(1).expect("a Docker host");
    let directory = Directory::new().unwrap();
    let endpoint = format!("host-a={}", hosts.host(0).endpoint());
    let server = Server::start(directory.path(), &["--docker", &endpoint]).unwrap();
    Kubectl::of(&server, &directory)
        .unwrap()
        .until("the node is ready", "get nodes --no-headers", |said| said.contains(" Ready "));
    let usual = program("KUBARIUM_KUBECTL").unwrap_or_else(|| on_path("kubectl"));
    check("live", "1.32", &run("live", &usual, &server, &directory), FLOOR.0);
}

#[test]
fn what_people_type_works_on_a_simulated_cluster() {
    let usual = program("KUBARIUM_KUBECTL").unwrap_or_else(|| on_path("kubectl"));
    let new = program("KUBARIUM_KUBECTL_NEW").map(|program| ("1.37", program));
    for (name, program) in [("1.32", usual)].into_iter().chain(new) {
        let directory = Directory::new().unwrap();
        let scenario = directory.join("scenario.yaml");
        std::fs::write(&scenario, SCENARIO).unwrap();
        let server = Server::simulate(directory.path(), scenario.to_str().unwrap(), &[]).unwrap();
        check("simulated", name, &run("simulated", &program, &server, &directory), FLOOR.1);
    }
}
