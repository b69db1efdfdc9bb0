//! Other people's client libraries in front of a served simulation, over TLS and with an editor's token: the programs in
//! `clients` go through what programs do with a cluster, and say what they saw.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::clients::{node, program, python, report};
use kubarium_tests::server::{Directory, Server, run};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const SCENARIO: &str = "
apiVersion: kubarium.io/v1
kind: Scenario
nodes:
- {name: node, count: 3}
";

/// Lets a program have a cluster, and returns what it says.
fn seen(program: impl FnOnce(&Directory) -> Command) -> Value {
    let directory = Directory::new().unwrap();
    let data = directory.path().to_str().unwrap();
    let scenario = directory.join("scenario.yaml");
    std::fs::write(&scenario, SCENARIO).unwrap();
    assert!(run(&["token", "--data-dir", data, "--role", "edit"]).unwrap().status.success());
    let arguments = ["--speed", "10", "--tls", "--data-dir", data];
    let server = Server::simulate(directory.path(), scenario.to_str().unwrap(), &arguments).unwrap();
    report(&server, &directory, program(&directory))
}

/// What every client sees.
fn expected(manager: &str) -> Value {
    json!({
        "version": "1",
        "nodes": 3,
        "settings": {"a": "3", "b": "2"},
        "again": [409, "AlreadyExists"],
        "stale": [409, "Conflict"],
        "missing": [404, "NotFound"],
        "invalid": [422, "Invalid"],
        "forbidden": [403, "Forbidden"],
        "applied": [manager],
        "conflict": [409, "Conflict"],
        "scale": 3,
        "pages": [2, 1, 1],
        "selected": 3,
        "logs": "page started\n",
        "followed": "page started",
        // Three, and the one that came for the one that was evicted.
        "pods": 4,
        "ordered": true,
        "left": 0,
    })
}

#[test]
fn python_lists_watches_creates_patches_scales_applies_evicts_and_deletes() {
    assert_eq!(seen(|_| python("client.py")), expected("python"));
}

#[test]
fn node_lists_watches_creates_patches_scales_applies_evicts_and_deletes() {
    assert_eq!(seen(|directory| node("client.mjs", directory).unwrap()), expected("node"));
}

#[test]
fn kube_rs_does_the_same_and_its_controller_keeps_a_config_map_for_each_service() {
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kube-client");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--manifest-path"]).arg(program("rust/Cargo.toml"));
    assert!(cargo.arg("--target-dir").arg(&built).status().unwrap().success());
    let seen = seen(|_| Command::new(built.join("debug/kube-client")));
    let mut expected = expected("kube-rs");
    let controlled = json!({
        "taken": {"k": "w"},
        "kept": ["early", "late"],
        "reconciled": true,
        "ownerless": 0,
    });
    expected.as_object_mut().unwrap().extend(controlled.as_object().unwrap().clone());
    assert_eq!(seen, expected);
}
