//! The commands that ask a scheduler why, and what would be if, as people and programs call them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::server::{Directory, Server, run};
use serde_json::Value;

/// Three small nodes, a large one that is kept for others, and a cordoned one.
const CLUSTER: &str = "\
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {allocatable: {cpu: 2, memory: 4Gi, pods: 10}}
---
apiVersion: v1
kind: Node
metadata: {name: n2}
status: {allocatable: {cpu: 2, memory: 4Gi, pods: 10}}
---
apiVersion: v1
kind: Node
metadata: {name: n3}
status: {allocatable: {cpu: 1, memory: 4Gi, pods: 10}}
---
apiVersion: v1
kind: Node
metadata: {name: kept}
spec: {taints: [{key: dedicated, value: db, effect: NoSchedule}]}
status: {allocatable: {cpu: 8, memory: 16Gi, pods: 10}}
---
apiVersion: v1
kind: Node
metadata: {name: closed}
spec: {unschedulable: true}
status: {allocatable: {cpu: 4, memory: 8Gi, pods: 10}}
---
apiVersion: v1
kind: ReplicationController
metadata: {name: web}
spec:
  replicas: 2
  selector: {app: web}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: i, resources: {requests: {cpu: 1}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: large}
spec: {containers: [{name: c, image: i, resources: {requests: {cpu: 3}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: small}
spec: {containers: [{name: c, image: i, resources: {requests: {cpu: 100m}}}]}
";

/// Runs the program; what it printed, or its exit code and what it complained of.
fn kubarium(arguments: &[&str]) -> Result<String, (i32, String)> {
    let output = run(arguments).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    if output.status.success() {
        assert_eq!(said, "");
        return Ok(String::from_utf8(output.stdout).unwrap());
    }
    Err((output.status.code().unwrap(), said))
}

fn scenario() -> (Directory, String) {
    let directory = Directory::new().unwrap();
    let path = directory.join("cluster.yaml");
    std::fs::write(&path, CLUSTER).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (directory, path)
}

#[test]
fn explain_groups_nodes_that_say_the_same_and_can_list_each() {
    let (_directory, file) = scenario();
    let explain =
        |more: &[&str]| kubarium(&[&["explain", "pod", "large", "--scenario", &file], more].concat()).unwrap();
    let text = explain(&[]);
    for line in [
        "pod default/large is pending\n",
        "\n3 nodes refuse: NodeResourcesFit: Insufficient cpu\n  most is left on ",
        "\n1 node refuses: TaintToleration: node(s) had untolerated taint(s)\n  dedicated=db:NoSchedule on 1\n",
        "\n1 node refuses: NodeUnschedulable: node(s) were unschedulable\n",
    ] {
        assert!(text.contains(line), "{line:?} is not in {text}");
    }
    let text = explain(&["--all"]);
    for line in [
        "\n5 nodes refuse now:\n",
        "\n  closed  NodeUnschedulable: node(s) were unschedulable\n",
        "\n  kept  TaintToleration: node(s) had untolerated taint(s) (dedicated=db:NoSchedule)\n",
        "\n  n3  NodeResourcesFit: Insufficient cpu (needs 3 cpu, ",
    ] {
        assert!(text.contains(line), "{line:?} is not in {text}");
    }
    let text = explain(&["--node", "kept"]);
    assert!(
        text.ends_with("\n\n  kept  TaintToleration: node(s) had untolerated taint(s) (dedicated=db:NoSchedule)\n"),
        "{text}"
    );
    let document: Value = serde_json::from_str(&explain(&["--json"])).unwrap();
    assert_eq!((document["kind"].as_str(), document["nodes"].as_array().unwrap().len()), (Some("Explanation"), 5));
}

#[test]
fn explain_says_of_a_placed_pod_where_it_is_and_what_each_plugin_gave() {
    let (_directory, file) = scenario();
    let text = kubarium(&["explain", "pod", "small", "--scenario", &file]).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    let node = first.strip_prefix("pod default/small is on ").and_then(|r| r.split(',').next()).unwrap();
    assert!(["n1", "n2", "n3"].contains(&node), "{text}");
    assert!(rest.starts_with("3 of 5 nodes would have done\nscore "), "{text}");
    assert!(text.contains("\n3 nodes would do now:\n  NODE  SCORE  NodeResourcesFit "), "{text}");
}

#[test]
fn explain_tells_the_smallest_changes_that_would_place_a_pending_pod() {
    let (_directory, file) = scenario();
    let text = kubarium(&["explain", "pod", "large", "--scenario", &file]).unwrap();
    let (_, told) = text.split_once("\nany of these would place it, the smallest first:\n").unwrap();
    let lines: Vec<String> = told.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        lines,
        [
            "uncordon closed -> closed",
            "tolerate the taint dedicated=db:NoSchedule -> kept",
            "ask for 1 cpu instead of 3 -> n2",
            "ask for 900m cpu instead of 3 -> n2",
            "remove the taint dedicated=db:NoSchedule from kept -> kept",
            "add a node like closed -> closed-more-1",
        ],
        "{text}"
    );
}

#[test]
fn fit_says_how_many_more_there_could_be_and_what_refuses_the_next() {
    let (directory, file) = scenario();
    let fit = |more: &[&str]| kubarium(&[&["fit", "--scenario", &file], more].concat()).unwrap();
    let text = fit(&["rc", "web"]);
    assert!(
        text.starts_with("2 more replicas of web fit, beside the 2 there are\nthe next one is refused: 0/5 nodes"),
        "{text}"
    );
    assert!(text.contains("\n\n  NODE  MORE\n"), "{text}");
    assert!(fit(&["pod", "small"]).contains(" more pods like small fit\nthe next one is refused: 0/5 nodes"));
    let pod = directory.join("pod.yaml");
    std::fs::write(&pod, "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: i}]}}")
        .unwrap();
    let text = fit(&["-f", pod.to_str().unwrap(), "--limit", "7"]);
    assert!(
        text.starts_with("7 more pods like p fit\nthe search ended at 7: there may be room for more (--limit)\n"),
        "{text}"
    );
}

#[test]
fn survive_names_the_nodes_whose_loss_leaves_pods_without_a_home() {
    let (_directory, file) = scenario();
    let survive = |more: &[&str]| kubarium(&[&["survive", "--scenario", &file], more].concat()).unwrap();
    let text = survive(&[]);
    assert!(text.starts_with("the loss of any one node is survived: all 5 were tried\n"), "{text}");
    assert!(text.contains("\n1 pod is kept by no controller and goes with its node\n  default/small  "), "{text}");
    let text = survive(&["--nodes", "2"]);
    assert!(text.contains("any two nodes is "), "{text}");
    assert!(text.contains(": 10 pairs\n"), "{text}");
    let document: Value = serde_json::from_str(&survive(&["--json"])).unwrap();
    assert_eq!((&document["kind"], &document["survives"]), (&"Survival".into(), &true.into()));
}

#[test]
fn a_server_is_asked_the_same() {
    let (directory, file) = scenario();
    let server = Server::simulate(directory.path(), &file, &[]).unwrap();
    let text = kubarium(&["explain", "pod", "large", "--server", &server.url]).unwrap();
    assert!(text.contains("\n3 nodes refuse: NodeResourcesFit: Insufficient cpu\n"), "{text}");
    assert!(text.contains("\n  uncordon closed "), "{text}");
    let text = kubarium(&["fit", "rc", "web", "--server", &server.url]).unwrap();
    assert!(text.starts_with("2 more replicas of web fit, beside the 2 there are\n"), "{text}");
    let text = kubarium(&["survive", "--nodes", "2", "--server", &server.url]).unwrap();
    assert!(text.starts_with("the loss of any one node is survived: all 5 were tried\n"), "{text}");
}

#[test]
fn what_cannot_be_asked_is_said_in_a_line() {
    let (_directory, file) = scenario();
    let on = ["--scenario", file.as_str()];
    for (arguments, code, said) in [
        (vec!["explain", "pod", "nobody", on[0], on[1]], 1, "the cluster answers 404: pods \"nobody\" not found"),
        (vec!["explain", "pod", "large", "--namespace", "x", on[0], on[1]], 1, "pods \"large\" not found"),
        (vec!["explain", "pod", "a/b"], 2, "NAME: `a/b` is no name: letters, digits, `-` and `.` make one"),
        (vec!["explain", "node", "n1"], 2, "invalid value 'node' for '<KIND>'"),
        (vec!["explain", "pod", "large", "--node", "n9", on[0], on[1]], 2, "--node: there is no node \"n9\""),
        (vec!["fit", "rc", "nobody", on[0], on[1]], 1, "replicationcontrollers \"nobody\" not found"),
        (vec!["fit", "rc", "web", "--limit", "0", on[0], on[1]], 2, "invalid value '0' for '--limit <N>'"),
        (vec!["fit", "rc", "web", "--limit", "1000001"], 2, "1000001 is not in 1..=1000000"),
        (vec!["fit", "-f", "/nowhere.yaml", on[0], on[1]], 2, "--file: /nowhere.yaml: No such file"),
        (vec!["fit"], 2, "required"),
        (vec!["survive", "--nodes", "3"], 2, "3 is not in 1..=2"),
        (vec!["survive", "--nodes", "0", on[0], on[1]], 2, "0 is not in 1..=2"),
        (vec!["survive", "--nodes", "2", "--tries", "0"], 2, "invalid value '0' for '--tries <N>'"),
        (vec!["explain", "pod", "large", "--after", "1s"], 2, "--scenario"),
        (vec!["explain", "pod", "p", "--scenario", "nothing"], 2, "nothing: no such file, nor a scenario of that name"),
    ] {
        let (seen, message) = kubarium(&arguments).unwrap_err();
        assert!(
            seen == code && message.contains(said) && message.lines().count() == 1,
            "{arguments:?}: {seen} {message}"
        );
    }
}
