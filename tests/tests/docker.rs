//! Pods on real Docker hosts: they run and serve, and come through everything that happens to machines.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::hosts::Hosts;
use kubarium_tests::server::{Directory, Server};
use kubarium_tests::wait::{condition, eventually};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

const PODS: &str = "/api/v1/namespaces/default/pods";
const CONTROLLERS: &str = "/api/v1/namespaces/default/replicationcontrollers";
const SERVICES: &str = "/api/v1/namespaces/default/services";
const LABEL: &str = "io.kubarium.container=web";

fn start(hosts: &Hosts, data: &Directory) -> Server {
    let endpoints: Vec<String> =
        hosts.iter().enumerate().map(|(i, host)| format!("host-{i}={}", host.endpoint())).collect();
    let mut arguments = vec!["--heartbeat-seconds", "1", "--node-grace-seconds", "5", "--toleration-seconds", "2"];
    for endpoint in &endpoints {
        arguments.extend(["--docker", endpoint]);
    }
    Server::start(data.path(), &arguments).unwrap()
}

/// A controller of web servers that answer with their pod's name.
fn web(replicas: u32) -> Value {
    let script = "mkdir -p /tmp/w; echo $NAME > /tmp/w/index.html; echo serving; exec httpd -f -p 8080 -h /tmp/w";
    json!({
        "apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"app": "web"}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"terminationGracePeriodSeconds": 1, "containers": [{
                "name": "web", "image": "busybox:1", "command": ["sh", "-c", script],
                "env": [{"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                "ports": [{"name": "http", "containerPort": 8080}],
                "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 5},
                "resources": {"requests": {"cpu": "10m"}},
            }]},
        }},
    })
}

fn service(port: u16) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
           "spec": {"type": "NodePort", "selector": {"app": "web"},
                    "ports": [{"port": 80, "targetPort": "http", "nodePort": port}]}})
}

fn ready(server: &Server) -> Vec<Value> {
    let pods = server.get(PODS)["items"].as_array().cloned().unwrap_or_default();
    let is_ready =
        |pod: &Value| condition(pod, "Ready")["status"] == "True" && pod["metadata"]["deletionTimestamp"].is_null();
    pods.into_iter().filter(is_ready).collect()
}

fn wait_ready(server: &Server, count: usize) {
    eventually(&format!("{count} pods are ready"), || {
        let ready = ready(server);
        let pods = server.get(PODS);
        let all = pods["items"].as_array().map_or(0, Vec::len);
        (ready.len() == count && all == count, server.get(PODS)["items"].to_string())
    });
}

fn wait_nodes(server: &Server, expected: &[(&str, &str)]) {
    eventually(&format!("nodes are {expected:?}"), || {
        let nodes = server.get("/api/v1/nodes");
        let seen: Vec<(String, String)> = nodes["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|node| {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                (text(&node["metadata"]["name"]), text(&condition(node, "Ready")["status"]))
            })
            .collect();
        (seen.iter().map(|(n, r)| (n.as_str(), r.as_str())).eq(expected.iter().copied()), seen)
    });
}

/// One request on a connection of its own; the body, where an answer came.
fn fetch(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text.split_once("\r\n\r\n")?.1.trim().to_owned())
}

fn scale(server: &Server, replicas: u32) {
    let mut controller = server.get(&format!("{CONTROLLERS}/web/scale"));
    controller["spec"]["replicas"] = replicas.into();
    assert_eq!(server.send("PUT", &format!("{CONTROLLERS}/web/scale"), &controller).0, 200);
}

fn running(hosts: &Hosts) -> Vec<BTreeSet<String>> {
    hosts.iter().map(|host| host.running(LABEL).unwrap().into_iter().collect()).collect()
}

#[test]
fn pods_live_on_real_hosts_through_all_that_happens_to_them() {
    const PORT: u16 = 31_845;
    let mut hosts = Hosts::start(2).unwrap();
    let data = Directory::new().unwrap();
    let server = start(&hosts, &data);
    wait_nodes(&server, &[("host-0", "True"), ("host-1", "True")]);

    // They run on both hosts and serve, each in its turn.
    assert_eq!(server.send("POST", CONTROLLERS, &web(4)).0, 201);
    assert_eq!(server.send("POST", SERVICES, &service(PORT)).0, 201);
    wait_ready(&server, 4);
    assert!(running(&hosts).iter().all(|on_host| on_host.len() == 2), "they are spread over both hosts");
    let names: BTreeSet<String> =
        ready(&server).iter().map(|p| p["metadata"]["name"].as_str().unwrap().to_owned()).collect();
    let mut answered = BTreeSet::new();
    eventually("every pod answers through the node port", || {
        answered.extend(fetch(PORT));
        (answered == names, answered.clone())
    });
    let pod = names.first().unwrap();
    assert_eq!(server.ask("GET", &format!("{PODS}/{pod}/log"), &[], b""), (200, "serving\n".to_owned()));
    let proxied = server.ask("GET", &format!("{SERVICES}/web/proxy/"), &[], b"");
    assert!(proxied.0 == 200 && names.contains(proxied.1.trim()), "{proxied:?}");

    // A container killed by hand is started again, in its pod.
    let victim = running(&hosts)[0].first().unwrap().clone();
    hosts.host(0).docker(&["kill", &victim]).unwrap();
    eventually("the killed container was restarted", || {
        let restarts: u64 =
            ready(&server).iter().filter_map(|p| p["status"]["containerStatuses"][0]["restartCount"].as_u64()).sum();
        (restarts == 1 && ready(&server).len() == 4, restarts)
    });

    // A server killed with -9 finds everything again: no container is restarted, none is left over.
    let before = running(&hosts);
    server.kill_in_place();
    drop(server);
    let server = start(&hosts, &data);
    wait_nodes(&server, &[("host-0", "True"), ("host-1", "True")]);
    wait_ready(&server, 4);
    assert_eq!(running(&hosts), before);

    // Scaled while a connection is open, down to pods that include its own host's: no surplus is left.
    scale(&server, 10);
    wait_ready(&server, 10);
    scale(&server, 2);
    wait_ready(&server, 2);
    eventually("the surplus containers are gone", || {
        let running = running(&hosts);
        (running.iter().map(BTreeSet::len).sum::<usize>() == 2, running)
    });

    // A host that is cut off loses its pods to the other; when it is back, its surplus goes.
    scale(&server, 4);
    wait_ready(&server, 4);
    hosts.partition(1).unwrap();
    wait_nodes(&server, &[("host-0", "True"), ("host-1", "Unknown")]);
    eventually("four pods are ready on the host that is left", || {
        let here = ready(&server).iter().filter(|p| p["spec"]["nodeName"] == "host-0").count();
        (here == 4, here)
    });
    assert!((0..8).all(|_| fetch(PORT).is_some()), "every request finds a pod that can be reached");
    hosts.heal(1).unwrap();
    wait_nodes(&server, &[("host-0", "True"), ("host-1", "True")]);
    wait_ready(&server, 4);
    eventually("the surplus on the host that is back is gone", || {
        let running = running(&hosts);
        (running.iter().map(BTreeSet::len).sum::<usize>() == 4, running)
    });

    // An engine that stops takes its containers along; after its start they run again.
    hosts.host(0).stop_engine().unwrap();
    hosts.host(0).start_engine().unwrap();
    wait_nodes(&server, &[("host-0", "True"), ("host-1", "True")]);
    wait_ready(&server, 4);
    eventually("a request is answered", || (fetch(PORT).is_some(), ()));

    // An image that cannot be had says so; one that is on one host only runs there.
    let lone = |name: &str, image: &str, node: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
               "spec": {"nodeName": node, "containers": [
                   {"name": "c", "image": image, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "1000"]}]}})
    };
    hosts.host(1).docker(&["tag", "busybox:1", "registry.invalid/only-here:1"]).unwrap();
    for (name, image, node) in [
        ("bad", "registry.invalid/nothing:1", "host-0"),
        ("absent", "registry.invalid/only-here:1", "host-0"),
        ("present", "registry.invalid/only-here:1", "host-1"),
    ] {
        assert_eq!(server.send("POST", PODS, &lone(name, image, node)).0, 201);
    }
    for (name, expected) in [("bad", "Waiting"), ("absent", "Waiting"), ("present", "Running")] {
        eventually(&format!("{name} is {expected}"), || {
            let state = server.get(&format!("{PODS}/{name}"))["status"]["containerStatuses"][0]["state"].clone();
            let reason = state["waiting"]["reason"].as_str().unwrap_or("Running");
            let holds = match expected {
                "Waiting" => matches!(reason, "ErrImagePull" | "ImagePullBackOff"),
                _ => state["running"].is_object(),
            };
            (holds, state)
        });
    }
}
