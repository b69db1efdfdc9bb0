//! The real kubectl against a live cluster: what people do first with it works, without `--validate=false`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::hosts::Hosts;
use kubarium_tests::server::{Directory, Server, run};
use std::process::Command;
use std::time::{Duration, Instant};

const MANIFEST: &str = "
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
      containers:
      - name: web
        image: busybox:1
        command: [sh, -c, 'echo ready; httpd -f -p 80']
        ports: [{containerPort: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
";

struct Kubectl {
    program: String,
    config: String,
}

impl Kubectl {
    /// What a command line prints; panics with what kubectl said where it fails.
    fn says(&self, arguments: &str) -> String {
        self.tries(arguments).unwrap_or_else(|error| panic!("kubectl {arguments}: {error}"))
    }

    fn tries(&self, arguments: &str) -> Result<String, String> {
        let output = Command::new(&self.program)
            .args(["--kubeconfig", &self.config])
            .args(arguments.split_whitespace())
            .output()
            .map_err(|e| e.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    fn until(&self, what: &str, arguments: &str, holds: impl Fn(&str) -> bool) {
        let start = Instant::now();
        let mut last = String::new();
        while start.elapsed() < Duration::from_mins(2) {
            last = self.tries(arguments).unwrap_or_else(|e| e);
            if holds(&last) {
                return;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        panic!("waited in vain until {what}: kubectl {arguments} says\n{last}");
    }
}

/// The words of a table's first line.
fn head(table: &str) -> Vec<&str> {
    table.lines().next().unwrap_or_default().split_whitespace().collect()
}

#[test]
fn kubectl_creates_gets_describes_scales_reads_logs_and_deletes() {
    let mut hosts = Hosts::start(1).expect("a Docker host");
    let directory = Directory::new().unwrap();
    let endpoint = format!("host-a={}", hosts.host(0).endpoint());
    let server = Server::start(directory.path(), &["--docker", &endpoint]).unwrap();
    let config = directory.join("kubeconfig");
    std::fs::write(&config, run(&["kubeconfig", "--server", &server.url]).unwrap().stdout).unwrap();
    let manifest = directory.join("web.yaml");
    std::fs::write(&manifest, MANIFEST).unwrap();
    let manifest = manifest.display();
    let program = std::env::var("KUBARIUM_KUBECTL").unwrap_or_else(|_| "kubectl".to_owned());
    let kubectl = Kubectl { program, config: config.to_string_lossy().into_owned() };

    kubectl.until("the node is ready", "get nodes --no-headers", |said| said.contains(" Ready "));
    assert_eq!(head(&kubectl.says("get nodes")), ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]);

    let created = kubectl.says(&format!("create -f {manifest}"));
    assert_eq!(created, "replicationcontroller/web created\nservice/web created");
    let again = kubectl.tries(&format!("create -f {manifest}")).unwrap_err();
    assert!(again.contains("replicationcontrollers \"web\" already exists"), "{again}");

    let running =
        |n: usize| move |said: &str| said.lines().filter(|l| l.contains("1/1") && l.contains("Running")).count() == n;
    kubectl.until("two pods run", "get pods --no-headers", running(2));
    assert_eq!(head(&kubectl.says("get pods")), ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]);
    assert_eq!(head(&kubectl.says("get rc")), ["NAME", "DESIRED", "CURRENT", "READY", "AGE"]);
    let services = kubectl.says("get svc");
    assert_eq!(head(&services), ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"]);
    assert!(services.contains("80/TCP"), "{services}");
    assert!(kubectl.says("get pods -o wide -l app=web").contains("host-a"));
    assert_eq!(kubectl.says("get pods -l app=other"), "");
    assert!(kubectl.says("get rc web -o yaml").contains("replicas: 2"));

    assert_eq!(kubectl.says("scale rc web --replicas=3"), "replicationcontroller/web scaled");
    kubectl.until("three pods run", "get pods --no-headers", running(3));
    assert_eq!(hosts.host(0).running("io.kubarium.container=web").unwrap().len(), 3, "three real containers run");

    let pod = kubectl.says("get pods -o name").lines().next().unwrap().to_owned();
    assert_eq!(kubectl.says(&format!("logs {pod}")), "ready");
    let described = kubectl.says(&format!("describe {pod}"));
    for part in ["Node:", "host-a/", "Status:", "Running", "busybox:1", "Scheduled", "Started"] {
        assert!(described.contains(part), "describe lacks {part}:\n{described}");
    }
    assert!(kubectl.says("describe rc web").contains("Pods Status:  3 Running"), "{}", kubectl.says("describe rc web"));
    assert!(kubectl.says("describe node host-a").contains("Allocatable:"));

    let missing = kubectl.tries("get pod nobody").unwrap_err();
    assert_eq!(missing, "Error from server (NotFound): pods \"nobody\" not found");

    kubectl.says(&format!("delete -f {manifest}"));
    kubectl.until("all pods are gone", "get pods --no-headers", str::is_empty);
    let start = Instant::now();
    while !hosts.host(0).docker(&["ps", "-aq"]).unwrap().is_empty() && start.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(hosts.host(0).docker(&["ps", "-aq"]).unwrap(), "", "no container is left");
}
