//! `--scheduler-config`, for `serve` and `simulate`: a good file changes what is decided, a wrong one is named, and the
//! place in it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::server::{Directory, Server, run};
use kubarium_tests::wait::eventually;
use serde_json::{Map, Value, json};

const PACKING: &str = "\
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- pluginConfig:
  - name: NodeResourcesFit
    args:
      apiVersion: kubescheduler.config.k8s.io/v1
      kind: NodeResourcesFitArgs
      scoringStrategy: {type: MostAllocated}
";

/// Ready, with two cpus.
fn node(name: &str) -> Value {
    let room = json!({"cpu": "2", "memory": "4Gi", "pods": "10"});
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        "status": {"capacity": room, "allocatable": room, "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [
        {"name": "c", "image": "i", "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}}}]}})
}

fn write(directory: &Directory, name: &str, text: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Several objects as one file.
fn manifests(directory: &Directory, objects: impl IntoIterator<Item = Value>) -> String {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects.into_iter().collect::<Vec<_>>()});
    write(directory, "manifests.json", &list.to_string())
}

/// Runs to the end; the exit code, what was written, and what was complained of.
fn outcome(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = run(arguments).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn placements(files: &[&str]) -> Map<String, Value> {
    let (code, report, said) = outcome(&[&["simulate", "--output", "json", "--placements"], files].concat());
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let report: Value = serde_json::from_str(&report).unwrap();
    report["placements"].as_object().unwrap().clone()
}

#[test]
fn a_simulation_decides_by_it() {
    let directory = Directory::new().unwrap();
    let file = manifests(&directory, [node("a"), node("b"), pod("one"), pod("two")]);
    let packing = write(&directory, "packing.yaml", PACKING);
    let together = |placements: Map<String, Value>| placements["default/one"] == placements["default/two"];
    assert!(!together(placements(&[&file])), "they are spread by default");
    assert!(together(placements(&[&file, "--scheduler-config", &packing])));
}

#[test]
fn a_server_decides_by_it() {
    let directory = Directory::new().unwrap();
    let packing = write(&directory, "packing.yaml", PACKING);
    let server = Server::start(directory.path(), &["--scheduler-config", &packing]).unwrap();
    for name in ["a", "b"] {
        assert_eq!(server.send("POST", "/api/v1/nodes", &node(name)).0, 201);
    }
    let pods = "/api/v1/namespaces/default/pods";
    let names = ["one", "two", "three"];
    for name in names {
        assert_eq!(server.send("POST", pods, &pod(name)).0, 201);
    }
    eventually("all are on one node", || {
        let places = names.map(|name| server.get(&format!("{pods}/{name}"))["spec"]["nodeName"].clone());
        (places[0].is_string() && places.iter().all(|place| *place == places[0]), places)
    });
}

#[test]
fn what_is_wrong_with_it_is_said_with_file_and_field() {
    let directory = Directory::new().unwrap();
    let manifests = manifests(&directory, [node("a")]);
    let edited = |from: &str, to: &str| {
        assert!(PACKING.contains(from), "{from}");
        PACKING.replace(from, to)
    };
    let strategy = "scoringStrategy: {type: MostAllocated}";
    let score = |plugin: &str| format!("{PACKING}  plugins: {{score: {{enabled: [{plugin}]}}}}\n");
    let rows = [
        ("nothing", String::new(), "must hold one KubeSchedulerConfiguration"),
        ("nothing but a comment", "# later\n".to_owned(), "must hold one KubeSchedulerConfiguration"),
        ("two documents", format!("{PACKING}---\n{PACKING}"), "must hold one KubeSchedulerConfiguration"),
        ("no YAML", "profiles: [\n".to_owned(), "line 2, column 1: "),
        ("a list", "- 1\n".to_owned(), "the configuration: must be an object"),
        (
            "a key twice",
            edited("profiles:", "kind: KubeSchedulerConfiguration\nprofiles:"),
            "key \"kind\" is there twice",
        ),
        (
            "another version",
            edited("k8s.io/v1\nkind: KubeS", "k8s.io/v1beta3\nkind: KubeS"),
            "apiVersion: must be kubescheduler.config.k8s.io/v1, not kubescheduler.config.k8s.io/v1beta3",
        ),
        (
            "another kind",
            edited("kind: KubeS", "kind: S"),
            "kind: must be KubeSchedulerConfiguration, not SchedulerConfiguration",
        ),
        (
            "a plugin that there is not",
            score("{name: Mine}"),
            "profiles[0].plugins.score.enabled[0]: unknown plugin \"Mine\"; known are SchedulingGates, ",
        ),
        (
            "arguments of another plugin",
            edited("kind: NodeResourcesFitArgs", "kind: NodeAffinityArgs"),
            "profiles[0].pluginConfig[0].args.kind: must be NodeResourcesFitArgs, not NodeAffinityArgs",
        ),
        (
            "an argument that there is not",
            edited(strategy, "strategy: {type: MostAllocated}"),
            "profiles[0].pluginConfig[0].args: unknown field \"strategy\"; known are ",
        ),
        (
            "an argument of another type",
            edited(strategy, "scoringStrategy: MostAllocated"),
            "profiles[0].pluginConfig[0].args.scoringStrategy: must be an object",
        ),
        (
            "a weight that overflows",
            score("{name: ImageLocality, weight: 99999999999999999999}"),
            "profiles[0].plugins.score.enabled[0].weight: must be a whole number from 0 to 1000000",
        ),
        (
            "a name twice",
            format!("{PACKING}- schedulerName: default-scheduler\n"),
            "profiles[1].schedulerName: there are two of the name default-scheduler",
        ),
    ];
    let data = directory.path().join("data");
    for (sentence, text, expected) in rows {
        let path = write(&directory, "wrong.yaml", &text);
        let commands: [&[&str]; 2] =
            [&["simulate", &manifests], &["serve", "--no-docker", "--data-dir", data.to_str().unwrap()]];
        for command in commands {
            let (code, written, said) = outcome(&[command, &["--scheduler-config", &path]].concat());
            assert_eq!((code, written.as_str()), (Some(2), ""), "{sentence}, {command:?}: {said}");
            let named = said.contains("--scheduler-config: ") && said.contains(&path) && said.contains(expected);
            assert!(named && said.trim_end().lines().count() == 1, "{sentence}, {command:?}: {said}");
        }
    }
    let missing = directory.join("missing.yaml");
    let (code, _, said) = outcome(&["simulate", &manifests, "--scheduler-config", missing.to_str().unwrap()]);
    assert!(code == Some(2) && said.contains("missing.yaml: No such file"), "{said}");
    let packing = write(&directory, "packing.yaml", PACKING);
    let (code, _, said) = outcome(&["serve", "--simulate", "demo", "--scheduler-config", &packing]);
    assert!(code == Some(2) && said.contains("--scheduler-config"), "a scenario says that itself: {said}");
    assert!(!data.exists(), "nothing was begun");
}

#[test]
fn a_hundred_thousand_labels_are_placed_as_any_and_too_many_in_one_object_are_refused() {
    let directory = Directory::new().unwrap();
    let labelled = |mut object: Value, count: usize| {
        let labels: Map<String, Value> = (0..count).map(|n| (format!("l{n}"), json!(""))).collect();
        object["metadata"]["labels"] = labels.into();
        object
    };
    let nodes = (0..100).map(|n| labelled(node(&format!("n{n}")), 1000));
    let file = manifests(&directory, nodes.chain([pod("plain")]));
    assert_eq!(placements(&[&file]).len(), 1);
    let file = manifests(&directory, [labelled(pod("many"), 300_000)]);
    let (code, _, said) = outcome(&["simulate", &file]);
    assert!(code == Some(2) && said.contains("Request entity too large"), "{code:?} {}", &said[..said.len().min(300)]);
}
