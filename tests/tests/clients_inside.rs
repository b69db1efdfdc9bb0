//! Other people's client libraries inside the pods of a live cluster, over TLS: commands with their input and their end,
//! ports, logs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::clients::{node, python, report};
use kubarium_tests::hosts::Hosts;
use kubarium_tests::server::{Directory, Server, run};
use serde_json::json;

#[test]
fn python_and_node_reach_into_pods() {
    let mut hosts = Hosts::start(1).unwrap();
    let directory = Directory::new().unwrap();
    let data = directory.path().to_str().unwrap();
    assert!(run(&["token", "--data-dir", data, "--role", "edit"]).unwrap().status.success());
    let endpoint = format!("host-a={}", hosts.host(0).endpoint());
    let server = Server::start(directory.path(), &["--docker", &endpoint, "--tls"]).unwrap();
    for program in [python("inside.py"), node("inside.mjs", &directory).unwrap()] {
        let name = format!("{program:?}");
        let seen = report(&server, &directory, program);
        let expected = json!({
            "logs": "first\nsecond\n",
            "tail": "second\n",
            "said": "out\n",
            "errors": "errors\n",
            "code": 7,
            "echoed": "through and through",
            "fetched": "served",
            "refused": 400,
        });
        assert_eq!(seen, expected, "{name}");
    }
}
