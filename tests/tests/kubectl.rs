//! The real kubectl against a live cluster: what people do first with it works, without `--validate=false`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::hosts::Hosts;
use kubarium_tests::kubectl::{Kubectl, head};
use kubarium_tests::server::{Directory, Server};
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

#[test]
fn kubectl_creates_gets_describes_scales_reads_logs_and_deletes() {
    let mut hosts = Hosts::start(1).expect("a Docker host");
    let directory = Directory::new().unwrap();
    let endpoint = format!("host-a={}", hosts.host(0).endpoint());
    let server = Server::start(directory.path(), &["--docker", &endpoint]).unwrap();
    let manifest = directory.join("web.yaml");
    std::fs::write(&manifest, MANIFEST).unwrap();
    let manifest = manifest.display();
    let kubectl = Kubectl::of(&server, &directory).unwrap();

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

    // One more keeps a cpu busy; the others serve nobody and use next to nothing.
    kubectl.says("run busy --image=busybox:1 --restart=Never --command -- busybox md5sum /dev/zero");
    let top = |said: &str| -> Vec<(String, u64)> {
        let row = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            Some(((*words.first()?).to_owned(), words.get(1)?.trim_end_matches('m').parse().ok()?))
        };
        said.lines().filter_map(row).collect()
    };
    kubectl.until("the busy pod is seen", "top pods --no-headers", |said| {
        let seen = top(said);
        let (busy, idle): (Vec<_>, Vec<_>) = seen.into_iter().partition(|(name, _)| name == "busy");
        idle.len() == 3 && idle.iter().all(|(_, milli)| *milli < 100) && busy.iter().any(|(_, milli)| *milli > 100)
    });
    assert_eq!(head(&kubectl.says("top pods")), ["NAME", "CPU(cores)", "MEMORY(bytes)"]);
    assert_eq!(head(&kubectl.says("top pods --containers")), ["POD", "NAME", "CPU(cores)", "MEMORY(bytes)"]);
    assert_eq!(kubectl.says("top pods -l app=other"), "");
    let nodes = kubectl.says("top nodes");
    assert_eq!(head(&nodes), ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"]);
    assert!(nodes.contains("host-a"), "{nodes}");
    kubectl.says("delete pod busy --grace-period=1");

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
