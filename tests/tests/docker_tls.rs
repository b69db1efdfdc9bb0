//! An engine that speaks TLS and wants to know who asks: with the right files it is a node, with wrong ones the node
//! says which side was refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::certificates::Authority;
use kubarium_tests::hosts::Hosts;
use kubarium_tests::server::{Directory, Server};
use kubarium_tests::wait::{condition, eventually};
use serde_json::json;

#[test]
fn an_engine_is_reached_over_tls_by_those_who_have_the_right_files() {
    let data = Directory::new().unwrap();
    let mut hosts = Hosts::start(1).unwrap();
    let address = hosts.host(0).address.clone();
    let (ours, theirs) = (Authority::new().unwrap(), Authority::new().unwrap());
    let engine = ours.issue(&data.join("engine"), &address).unwrap();
    hosts.host(0).stop_engine().unwrap();
    hosts.host(0).secure(&engine.ca, &engine.cert, &engine.key);
    hosts.host(0).start_engine().unwrap();

    let right = ours.issue(&data.join("right"), "kubarium").unwrap();
    let stranger = theirs.issue(&data.join("stranger"), "kubarium").unwrap();
    let mut deceived = ours.issue(&data.join("deceived"), "kubarium").unwrap();
    deceived.ca.clone_from(&stranger.ca);
    let mut unknown = stranger;
    unknown.ca.clone_from(&right.ca);

    let endpoint = hosts.host(0).endpoint();
    let arguments = [
        format!("right={endpoint}?{}", right.options()),
        format!("deceived={endpoint}?{}", deceived.options()),
        format!("unknown={endpoint}?{}", unknown.options()),
        format!("plain={endpoint}"),
    ];
    let arguments: Vec<&str> = arguments.iter().flat_map(|a| ["--docker", a.as_str()]).collect();
    let server = Server::start(data.path(), &arguments).unwrap();
    for (node, status, says) in [
        ("right", "True", "kubelet is posting ready status"),
        ("deceived", "Unknown", "invalid peer certificate: UnknownIssuer (tcp://"),
        ("unknown", "Unknown", "received fatal alert"),
        ("plain", "Unknown", "Client sent an HTTP request to an HTTPS server"),
    ] {
        eventually(&format!("{node} is {status}: {says}"), || {
            let object = server.get(&format!("/api/v1/nodes/{node}"));
            let ready = condition(&object, "Ready");
            (ready["status"] == status && ready["message"].as_str().unwrap_or_default().contains(says), object)
        });
    }
    // What needs a long stream works, too: events of a container's end, and its log.
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"restartPolicy": "Never", "containers": [
            {"name": "c", "image": "busybox:1", "command": ["sh", "-c", "echo over TLS"]}]}});
    assert_eq!(server.send("POST", pods, &pod).0, 201);
    eventually("the pod ran to its end", || {
        let pod = server.get(&format!("{pods}/p"));
        (pod["status"]["phase"] == "Succeeded", pod)
    });
    assert_eq!(server.ask("GET", &format!("{pods}/p/log"), &[], b""), (200, "over TLS\n".to_owned()));
}
