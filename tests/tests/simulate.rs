//! `kubarium simulate` as people and programs call it: the real binary, its reports, and what it says to bad input.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::Span;
use kubarium_core::recording::state_hash;
use kubarium_core::sim::{Scenario, World};
use kubarium_tests::server::{Directory, run};
use serde_json::Value;
use std::path::{Path, PathBuf};

const NODES: &str = "\
apiVersion: v1
kind: Node
metadata: {name: small}
status: {capacity: {cpu: 2, memory: 4Gi, pods: 10}, allocatable: {cpu: 2, memory: 4Gi, pods: 10}}
---
apiVersion: v1
kind: Node
metadata: {name: large, labels: {disk: ssd}}
status: {capacity: {cpu: 8, memory: 16Gi, pods: 10}, allocatable: {cpu: 8, memory: 16Gi, pods: 10}}
";

const WORK: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: on-ssd, namespace: shop}
spec: {nodeSelector: {disk: ssd}, containers: [{name: c, image: i, resources: {requests: {cpu: 1}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: too-large}
spec: {containers: [{name: c, image: i, resources: {requests: {cpu: 64}}}]}
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ReplicationController
  metadata: {name: web}
  spec:
    replicas: 3
    selector: {app: web}
    template:
      metadata: {labels: {app: web}}
      spec: {containers: [{name: c, image: i, resources: {requests: {cpu: 500m}}}]}
- apiVersion: v1
  kind: Service
  metadata: {name: web}
  spec: {selector: {app: web}, ports: [{port: 80}]}
";

/// Simulates; returns what was written, or the exit code and what was complained of.
fn simulate(arguments: &[&str]) -> Result<String, (Option<i32>, String)> {
    let output = run(&[&["simulate"], arguments].concat()).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    if output.status.success() {
        assert_eq!(said, "", "nothing is complained of");
        return Ok(String::from_utf8(output.stdout).unwrap());
    }
    assert!(output.stdout.is_empty(), "a failed run reports nothing");
    Err((output.status.code(), said))
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&simulate(&[arguments, &["--output", "json"]].concat()).unwrap()).unwrap()
}

/// Writes files into a directory of their own; returns it and their paths.
fn files<const N: usize>(texts: [(&str, &str); N]) -> (Directory, [String; N]) {
    let directory = Directory::new().unwrap();
    let paths = texts.map(|(name, text)| {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    });
    (directory, paths)
}

fn shipped() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/scenarios");
    let mut all: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    assert!(all.len() >= 6, "{all:?}");
    all
}

#[test]
fn every_shipped_scenario_runs_and_the_same_seed_gives_the_same_end() {
    for path in shipped() {
        let file = path.to_str().unwrap();
        let report = json(&[file, "--duration", "3m"]);
        assert_eq!(report["virtual_seconds"], 180.0, "{file}");
        for field in ["nodes", "pods", "bound", "pending", "events", "wall_ms"] {
            assert!(report[field].is_u64(), "{file}: {field} in {report}");
        }
        assert!(report["nodes"].as_u64() > Some(0) && report["events"].as_u64() > Some(0), "{file}");
        let (pods, bound) = (report["pods"].as_u64().unwrap(), report["bound"].as_u64().unwrap());
        assert_eq!(pods, bound + report["pending"].as_u64().unwrap(), "{file}");
        let hash = report["state_hash"].as_str().unwrap();
        assert!(hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{file}: {hash}");
        assert_eq!(json(&[file, "--duration", "3m"])["state_hash"], hash, "{file}: the same again");
        let other = json(&[file, "--duration", "3m", "--seed", "987654321"]);
        assert_ne!(other["state_hash"], hash, "{file}: another seed");
        assert!(report["placements"].is_null(), "placements are told to those who ask");
        let mut world = World::new(&Scenario::parse(&std::fs::read_to_string(&path).unwrap()).unwrap());
        let until = world.now() + Span::from_secs(180);
        while !world.advance(until, 10_000).reached {}
        assert_eq!(format!("{:016x}", state_hash(world.cluster())), hash, "{file}: as the core makes it");
        // By its name, from anywhere.
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert_eq!(json(&[name, "--duration", "3m"])["state_hash"], hash, "{name}");
    }
}

#[test]
fn manifests_are_placed_and_what_is_pending_says_why() {
    let (_directory, [nodes, work]) = files([("nodes.yaml", NODES), ("work.yaml", WORK)]);
    let report = json(&[&nodes, &work, "--placements"]);
    assert_eq!(
        (&report["nodes"], &report["pods"], &report["bound"], &report["pending"]),
        (&2.into(), &5.into(), &4.into(), &1.into())
    );
    assert_eq!(report["placements"]["shop/on-ssd"], "large");
    assert_eq!(report["placements"].as_object().unwrap().len(), 4);
    let why = report["pending_reasons"]["default/too-large"].as_str().unwrap();
    assert!(why.contains("0/2 nodes are available: 2 Insufficient cpu"), "{why}");
    let used: i64 = report["utilisation"].as_array().unwrap().iter().map(|n| n["cpu_milli"].as_i64().unwrap()).sum();
    assert_eq!(used, 1_000 + 3 * 500);

    let text = simulate(&[&nodes, &work, "--placements"]).unwrap();
    for line in
        ["2 nodes, 5 pods, 4 placed, 1 pending.", "PENDING, AND WHY", "default/too-large", "TIMELINE", "State hash "]
    {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(text.lines().any(|l| l.starts_with("shop/on-ssd ") && l.ends_with(" large")), "{text}");
    assert!(!simulate(&[&nodes, &work]).unwrap().contains("shop/on-ssd "), "placements are told to those who ask");

    // JSON is YAML, too; a controller's pods count however long it runs.
    let as_json = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "j"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}"#;
    let (_directory, [pod]) = files([("pod.json", as_json)]);
    assert_eq!(json(&[&nodes, &work, &pod, "--duration", "1h"])["bound"], 5);
}

#[test]
fn a_node_removed_in_a_timeline_takes_its_pods_along_and_they_are_replaced() {
    let scenario = "\
apiVersion: kubarium.io/v1
kind: Scenario
seed: 1
nodes:
- {name: node, count: 2, capacity: {cpu: 4, memory: 8Gi}}
manifests:
- apiVersion: v1
  kind: ReplicationController
  metadata: {name: web}
  spec:
    replicas: 6
    selector: {app: web}
    template:
      metadata: {labels: {app: web}}
      spec: {containers: [{name: c, image: i}]}
timeline:
- {at: 60s, do: removeNode node-2}
";
    let (_directory, [file]) = files([("removed.yaml", scenario)]);
    let before = json(&[&file, "--duration", "50s", "--placements"]);
    let on =
        |report: &Value, node: &str| report["placements"].as_object().unwrap().values().filter(|n| **n == node).count();
    assert_eq!((on(&before, "node-1"), on(&before, "node-2"), &before["nodes"]), (3, 3, &2.into()), "{before}");
    let after = json(&[&file, "--duration", "5m", "--placements"]);
    assert_eq!((on(&after, "node-1"), on(&after, "node-2"), &after["nodes"]), (6, 0, &1.into()), "{after}");
    assert_eq!(after["phases"], serde_json::json!({"Running": 6}));
}

#[test]
fn a_scenario_is_found_wherever_it_stands_and_however_its_kind_is_written() {
    let manifests = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: i}]}\n";
    let scenario = "apiVersion: kubarium.io/v1\nkind: Scenario\nnodes:\n- {name: node, count: 2}\n";
    let escaped = scenario.replace("Scenario", "\"Sc\\u0065nario\"");
    let (_directory, [pods, plain, escaped]) =
        files([("pods.yaml", manifests), ("plain.yaml", scenario), ("escaped.yaml", &escaped)]);
    let end = |files: &[&str]| {
        let report = json(files);
        (report["nodes"].clone(), report["bound"].clone(), report["events"].clone(), report["state_hash"].clone())
    };
    let expected = end(&[&plain, &pods]);
    assert_eq!((&expected.0, &expected.1), (&2.into(), &1.into()));
    for files in [[&*pods, &*plain], [&*pods, &*escaped], [&*escaped, &*pods]] {
        assert_eq!(end(&files), expected, "{files:?}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_in_one_line_with_line_and_field() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n  - name: c\n    image: i\n";
    let edited = |from: &str, to: &str| pod.replace(from, to);
    let scenario = "apiVersion: kubarium.io/v1\nkind: Scenario\nnodes:\n- {name: node, count: 2}\n";
    let mut wrong = Vec::new();
    for (case, text, says) in [
        ("no YAML", "a: {b: 1\nc: 2\n".to_owned(), "line 2, column 2: while parsing a flow mapping"),
        ("a tab", "a:\n\t- b\n".to_owned(), "line 2, column 2: tabs disallowed"),
        ("nothing", String::new(), "there is nothing in it"),
        ("a list", "- 1\n- 2\n".to_owned(), "line 1: a manifest must be a map"),
        ("a key twice", edited("kind: Pod", "kind: Pod\nkind: Pod"), "line 3, column 1: key \"kind\" is there twice"),
        ("an endless alias", "a: &a [*a]\n".to_owned(), "line 1, column 8: an alias of a value that is not complete"),
        ("too deep", "[".repeat(10_000), "line 1, column "),
        ("no kind", "metadata: {name: a}\n".to_owned(), "line 1, column 1: apiVersion: apiVersion is missing"),
        ("an unknown kind", edited("kind: Pod", "kind: Pood"), "line 2, column 1: kind: no kind Pood in version v1"),
        ("a wrong version", edited("apiVersion: v1", "apiVersion: v9"), "line 2, column 1: kind: no kind Pod in version v9"),
        ("an unknown field", edited("image: i", "imagine: i"), "line 8, column 5: spec.containers[0].imagine: unknown field"),
        ("an unknown field on top", format!("{pod}sepc: {{}}\n"), "line 9, column 1: sepc: unknown field"),
        ("a wrong type", edited("image: i", "image: 5"), "line 8, column 5: spec.containers[0].image: cannot be a number; a string is expected"),
        ("a wrong name", edited("name: a", "name: A_b"), "line 4, column 3: metadata.name: Invalid value: \"A_b\""),
        ("a missing field", edited("    image: i\n", ""), "line 7, column 5: spec.containers[0].image: Required value"),
        ("a word that YAML takes for a boolean", edited("name: a", "name: no"), "line 4, column 3: metadata.name: cannot be a bool; a string is expected; put it in quotes"),
        ("a second document", format!("{pod}---\n{}", edited("name: a", "name: A_b")), "line 13, column 3: metadata.name: "),
        ("in a list", format!("apiVersion: v1\nkind: List\nitems:\n- {}", edited("name: a", "name: A_b").replace('\n', "\n  ")), "line 7, column 5: metadata.name: "),
        ("the same name again", format!("{pod}---\n{pod}"), "pods \"a\" already exists"),
        ("a bad quantity", format!("{pod}    resources: {{requests: {{cpu: lots}}}}\n"), "line 9, column 28: spec.containers[0].resources.requests.cpu: "),
        ("negative replicas", "apiVersion: v1\nkind: ReplicationController\nmetadata: {name: a}\nspec:\n  replicas: -1\n  selector: {a: b}\n  template:\n    metadata: {labels: {a: b}}\n    spec: {containers: [{name: c, image: i}]}\n".to_owned(), "line 5, column 3: spec.replicas: Invalid value: -1"),
        ("a scenario's unknown field", format!("{scenario}noodles: []\n"), "line 5, column 1: noodles: "),
        ("a scenario's wrong number", scenario.replace("count: 2", "count: -2"), "line 4, column "),
        ("a scenario's wrong action", format!("{scenario}timeline:\n- {{at: 5s, do: explode node-1}}\n"), "line 6, column "),
        ("a scenario's wrong time", format!("{scenario}timeline:\n- {{at: soon, do: failNode node-1}}\n"), "line 6, column "),
        ("a scenario's wrong manifest", format!("{scenario}manifests:\n- apiVersion: v1\n  kind: Pod\n  metadata: {{name: A_}}\n  spec: {{containers: [{{name: c, image: i}}]}}\n"), "A_"),
        ("a refused manifest far above what is no YAML", format!("{}{}---\na: [\n", edited("name: a", "name: A_b"), format!("---\n{pod}").repeat(100)), "line 911, column 1: while parsing"),
        ("a refused manifest above another", format!("{}---\n{}", edited("name: a", "name: A_b"), edited("image: i", "image: 5")), "line 4, column 3: metadata.name: "),
        ("two scenarios", format!("{scenario}---\n{scenario}"), "only one scenario at a time"),
    ] {
        let (_directory, [file]) = files([("input.yaml", &text)]);
        let (code, said) = simulate(&[&file]).expect_err(case);
        assert_eq!(code, Some(2), "{case}: {said}");
        if said.lines().count() != 1 || !said.starts_with(&format!("kubarium: {file}: ")) || !said.contains(says) {
            wrong.push(format!("{case}: {said:?} does not say {says:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What is wrong with files is said in their order, and before what is wrong with what they say.
    let (_directory, [refused, broken, settings]) = files([
        ("refused.yaml", &edited("name: a", "name: A_b")),
        ("broken.yaml", "a: [\n"),
        ("settings.yaml", "kind: no\n"),
    ]);
    for (arguments, says) in [
        (vec![&*refused, &*broken], "broken.yaml: line 2"),
        (vec![&*broken, "/no/such/file.yaml"], "broken.yaml: line 2"),
        (vec![&*refused, "/no/such/file.yaml"], "/no/such/file.yaml: no such file"),
        (vec![&*refused, "--scheduler-config", &*settings], "settings.yaml"),
        (vec![&*broken, "--scheduler-config", &*settings], "broken.yaml: line 2"),
    ] {
        let (code, said) = simulate(&arguments).unwrap_err();
        assert!(code == Some(2) && said.lines().count() == 1 && said.contains(says), "{arguments:?}: {said}");
    }
    let (directory, [binary]) = files([("binary.yaml", "")]);
    std::fs::write(&binary, [0xff, 0xfe, 0x00]).unwrap();
    for (arguments, says) in [
        (vec!["/no/such/file.yaml"], "/no/such/file.yaml: no such file, nor a scenario of that name; there are demo, "),
        (vec![directory.path().to_str().unwrap()], "Is a directory"),
        (vec![binary.as_str()], "valid UTF-8"),
        (vec!["demo", "--seed", "x"], "--seed"),
        (vec!["demo", "--duration", "5"], "must be a duration such as 90s, 5m or 2h"),
        (vec!["demo", "--output", "pdf"], "possible values: text, json, html"),
        (vec!["demo", "--loud"], "--loud"),
        (vec![], "<FILE>"),
    ] {
        let (code, said) = simulate(&arguments).unwrap_err();
        assert!(code == Some(2) && said.lines().count() == 1 && said.contains(says), "{arguments:?}: {said}");
    }
}

#[test]
fn the_page_needs_nothing_else_and_shows_what_happened() {
    let (_directory, [nodes, work]) = files([
        ("nodes.yaml", NODES),
        (
            "work.yaml",
            &WORK
                .replace("name: too-large", "name: too-large, labels: {a: <b>&}")
                .replace("labels: {a: <b>&}", "labels: {a: b}"),
        ),
    ]);
    let page = simulate(&[&nodes, &work, "--output", "html"]).unwrap();
    let without_namespace = page.replace("http://www.w3.org/2000/svg", "");
    for outside in ["http:", "https:", "//", "<script", "<link", "<iframe", "@import", "url("] {
        assert!(!without_namespace.contains(outside), "{outside} in the page");
    }
    for inside in
        ["<!doctype html>", "<html lang=\"en\">", "<svg ", "default/too-large", "Insufficient cpu", "large", "</html>"]
    {
        assert!(page.contains(inside), "{inside} in {page}");
    }
    // What files say is text, not markup.
    let scenario = "apiVersion: kubarium.io/v1\nkind: Scenario\ntitle: {en: '<script>alert(1)</script>'}\nnodes: [{name: node, count: 1}]\n";
    let (_directory, [file]) = files([("evil.yaml", scenario)]);
    let page = simulate(&[&file, "--duration", "10s", "--output", "html"]).unwrap();
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"), "{page}");
}
