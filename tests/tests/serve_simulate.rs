//! A simulated cluster behind the API, from outside: time that stands, runs and is stepped, faults, and the same state
//! from the same requests.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::server::{Directory, Server, run};
use kubarium_tests::wait::{condition, eventually};
use serde_json::{Value, json};
use std::thread;

const GROUP: &str = "/apis/kubarium.io/v1";
const CLOCK: &str = "/apis/kubarium.io/v1/clock";
const STEP: &str = "/apis/kubarium.io/v1/clock/step";
const INTERVENTIONS: &str = "/apis/kubarium.io/v1/interventions";
const CONTROLLERS: &str = "/api/v1/namespaces/default/replicationcontrollers";
const PODS: &str = "/api/v1/namespaces/default/pods";

const SCENARIO: &str = "
apiVersion: kubarium.io/v1
kind: Scenario
seed: 7
nodes:
- {name: node, count: 3}
";

/// A server with three empty nodes.
fn serve(directory: &Directory, arguments: &[&str]) -> Server {
    let scenario = directory.join("scenario.yaml");
    std::fs::write(&scenario, SCENARIO).unwrap();
    Server::simulate(directory.path(), scenario.to_str().unwrap(), arguments).unwrap()
}

fn web(replicas: u32) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"app": "web"}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "nginx"}]}}},
    })
}

fn now(server: &Server) -> String {
    server.get(CLOCK)["status"]["now"].as_str().unwrap().to_owned()
}

fn step(server: &Server, duration: &str) -> String {
    let (status, clock) = server.send("POST", STEP, &json!({ "duration": duration }));
    assert_eq!(status, 201, "{clock}");
    clock["status"]["now"].as_str().unwrap().to_owned()
}

fn pace(server: &Server, spec: &Value) -> (u16, Value) {
    let body = json!({ "spec": spec }).to_string();
    let headers = [("content-type", "application/merge-patch+json")];
    let (status, text) = server.ask("PATCH", CLOCK, &headers, body.as_bytes());
    (status, serde_json::from_str(&text).unwrap())
}

fn act(server: &Server, action: &str) -> (u16, Value) {
    server.send("POST", INTERVENTIONS, &json!({ "action": action }))
}

/// For each pod its node and its phase, in order.
fn pods(server: &Server) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = server.get(PODS);
    let items = list["items"].as_array().unwrap();
    items.iter().map(|pod| (text(&pod["spec"]["nodeName"]), text(&pod["status"]["phase"]))).collect()
}

#[test]
fn while_time_stands_pods_are_placed_and_a_step_lets_them_run() {
    let directory = Directory::new().unwrap();
    let server = serve(&directory, &["--paused"]);
    assert_eq!(now(&server), "2026-01-01T00:00:00Z");
    assert_eq!(server.send("POST", CONTROLLERS, &web(6)).0, 201);

    let placed = pods(&server);
    assert_eq!(placed.len(), 6, "controllers work at once");
    assert!(placed.iter().all(|(node, phase)| node.starts_with("node-") && phase == "Pending"), "{placed:?}");
    assert_eq!(now(&server), "2026-01-01T00:00:00Z", "time stands");

    assert_eq!(step(&server, "1m30s"), "2026-01-01T00:01:30Z");
    assert!(pods(&server).iter().all(|(_, phase)| phase == "Running"), "{:?}", pods(&server));
    assert_eq!(now(&server), "2026-01-01T00:01:30Z", "and stands again");
    let table = server.ask("GET", PODS, &[("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")], b"").1;
    assert_eq!(serde_json::from_str::<Value>(&table).unwrap()["rows"][0]["cells"][4], "90s", "ages are virtual");

    let (status, clock) = server.send("POST", STEP, &json!({ "until": "2026-01-01T01:00:00Z" }));
    assert_eq!((status, clock["status"]["now"].as_str()), (201, Some("2026-01-01T01:00:00Z")));
    let (_, clock) = server.send("POST", STEP, &json!({ "until": "2026-01-01T00:30:00Z" }));
    assert_eq!(clock["status"]["now"], "2026-01-01T01:00:00Z", "what is past is reached");

    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_step_without_a_goal_ends_at_the_next_change() {
    let directory = Directory::new().unwrap();
    let server = serve(&directory, &["--paused"]);
    assert_eq!(server.send("POST", CONTROLLERS, &web(1)).0, 201);
    let mut seen = vec![pods(&server)[0].1.clone()];
    let mut revision = server.get(&format!("{GROUP}/info"))["revision"].as_u64().unwrap();
    while seen.last().unwrap() != "Running" {
        assert_eq!(server.ask("POST", STEP, &[], b"").0, 201);
        let next = server.get(&format!("{GROUP}/info"))["revision"].as_u64().unwrap();
        assert!(next > revision, "something changed");
        revision = next;
        seen.push(pods(&server)[0].1.clone());
    }
    assert!(seen.len() > 2, "step by step: {seen:?}");
}

#[test]
fn time_runs_at_the_speed_it_is_given_until_it_is_held() {
    let directory = Directory::new().unwrap();
    let server = serve(&directory, &["--speed", "1000000"]);
    assert_eq!(server.send("POST", CONTROLLERS, &web(6)).0, 201);
    eventually("hours pass", || (now(&server).as_str() > "2026-01-01T03", now(&server)));
    assert!(pods(&server).iter().all(|(_, phase)| phase == "Running"));
    let (status, held) = pace(&server, &json!({ "paused": true, "speed": 2.5 }));
    assert_eq!(status, 200);
    assert_eq!((&held["spec"], &held["status"]["reachedSpeed"]), (&json!({"paused": true, "speed": 2.5}), &json!(0)));
    assert_eq!(server.get(CLOCK), held, "it stands");
    pace(&server, &json!({ "paused": false, "speed": 1000 }));
    eventually("it runs again", || (server.get(CLOCK)["status"]["now"] != held["status"]["now"], ()));
}

#[test]
fn a_node_that_fails_is_healed_around_and_comes_back() {
    let directory = Directory::new().unwrap();
    let server = serve(&directory, &["--paused"]);
    server.send("POST", CONTROLLERS, &web(6));
    step(&server, "1m");
    let ready = |node: &str| condition(&server.get(&format!("/api/v1/nodes/{node}")), "Ready")["status"].clone();
    let faults = || {
        let machines = server.get(&format!("{GROUP}/machines"));
        machines["items"].as_array().unwrap().iter().map(|m| m["status"]["faults"].clone()).collect::<Vec<_>>()
    };
    for (fail, heal, word) in [("failNode", "restoreNode", "Off"), ("partitionNode", "healNode", "Partitioned")] {
        let (status, done) = act(&server, &format!("{fail} node-2"));
        assert_eq!((status, &done["spec"]["action"]), (201, &json!(format!("{fail} node-2"))));
        assert_eq!(ready("node-2"), "True", "nobody has noticed");
        assert_eq!(faults(), [json!([]), json!([word]), json!([])]);
        step(&server, "1m");
        assert_eq!(ready("node-2"), "Unknown", "{fail}");
        step(&server, "10m");
        let elsewhere = pods(&server).iter().filter(|(node, phase)| node != "node-2" && phase == "Running").count();
        assert_eq!(elsewhere, 6, "{fail}: {:?}", pods(&server));
        assert_eq!(act(&server, &format!("{heal} node-2")).0, 201);
        step(&server, "2m");
        assert_eq!(ready("node-2"), "True", "{heal}");
        assert_eq!(pods(&server).len(), 6, "{heal}");
    }
    for (action, code, says) in [
        ("failNode nobody", 404, "there is no machine"),
        ("crash pod/nobody", 404, "there is no pod/nobody"),
        ("failNode", 422, "spec.action: failNode needs a node"),
        ("explode node-1", 422, "spec.action: unknown action"),
        ("removeNode node-3", 201, ""),
        ("removeNode node-3", 404, "there is no machine"),
    ] {
        let (status, answer) = act(&server, action);
        assert_eq!(status, code, "{action}: {answer}");
        assert!(answer["message"].as_str().unwrap_or_default().contains(says), "{action}: {answer}");
    }
}

/// What is done, with `between` called where nothing is.
fn play(server: &Server, seconds: u32, between: impl Fn(&Server)) -> String {
    let pass = |minutes: u32| {
        (0..minutes * 60 / seconds).for_each(|_| {
            step(server, &format!("{seconds}s"));
            between(server);
        });
    };
    server.send("POST", CONTROLLERS, &web(20));
    between(server);
    pass(2);
    act(server, "failNode node-1");
    pass(8);
    server.send("PUT", &format!("{CONTROLLERS}/web"), &web(11));
    act(server, "restoreNode node-1");
    pass(3);
    server.get(&format!("{GROUP}/info?stateHash=true"))["stateHash"].as_str().unwrap().to_owned()
}

#[test]
fn the_same_requests_at_the_same_instants_lead_to_the_same_state() {
    let directory = Directory::new().unwrap();
    let hash =
        |arguments: &[&str], seconds, between: &dyn Fn(&Server)| play(&serve(&directory, arguments), seconds, between);
    let first = hash(&["--paused"], 60, &|_| {});
    let asked = |server: &Server| {
        server.get(PODS);
        server.status("GET", "/readyz", &[]);
        server.get("/api/v1/events");
        pace(server, &json!({ "speed": 3 }));
    };
    assert_eq!(hash(&["--paused"], 20, &asked), first, "in small steps, with readers between them");
    assert_ne!(hash(&["--paused", "--seed", "8"], 60, &|_| {}), first, "another seed is another cluster");
}

#[test]
fn a_step_ends_when_the_clock_is_held_or_nobody_waits_any_more() {
    let directory = Directory::new().unwrap();
    let server = serve(&directory, &["--paused"]);
    let moves = || {
        let before = now(&server);
        thread::sleep(std::time::Duration::from_millis(50));
        now(&server) != before
    };
    thread::scope(|scope| {
        let long = scope.spawn(|| server.send("POST", STEP, &json!({ "duration": "876000h" })));
        eventually("time passes", || (moves(), ()));
        assert_eq!(server.send("POST", CONTROLLERS, &web(1)).0, 201, "requests are answered meanwhile");
        assert_eq!(pace(&server, &json!({ "paused": true })).0, 200);
        let (status, answer) = long.join().unwrap();
        assert_eq!((status, &answer["reason"]), (409, &json!("Conflict")));
        assert!(answer["message"].as_str().unwrap().contains("the clock was held at "), "{answer}");
    });
    assert!(!moves());

    let address = server.url.strip_prefix("http://").unwrap();
    let mut hasty = std::net::TcpStream::connect(address).unwrap();
    let body = r#"{"duration": "876000h"}"#;
    let request = format!("POST {STEP} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    std::io::Write::write_all(&mut hasty, request.as_bytes()).unwrap();
    eventually("time passes", || (moves(), ()));
    drop(hasty);
    eventually("time stands", || (!moves(), ()));
}

#[test]
fn a_simulated_container_has_a_log_and_whoever_follows_it_sees_its_end() {
    let directory = Directory::new().unwrap();
    let server = serve(&directory, &["--paused"]);
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "nginx"}]},
    });
    assert_eq!(server.send("POST", PODS, &pod).0, 201);
    let log = |query: &str| server.ask("GET", &format!("{PODS}/web/log{query}"), &[], b"");
    assert_eq!(log("").0, 400, "it waits to start");
    step(&server, "1m");
    assert_eq!(log(""), (200, "main started\n".to_owned()));
    assert_eq!(log("?sinceSeconds=1"), (200, String::new()), "of virtual time");
    assert_eq!(log("?limitBytes=4"), (200, "main".to_owned()));
    assert!(log("?timestamps=true").1.starts_with("2026-01-01T00:00:"));
    thread::scope(|scope| {
        let followed = scope.spawn(|| log("?follow=true"));
        assert_eq!(act(&server, "crash pod/web exit=3").0, 201);
        step(&server, "10s");
        assert_eq!(followed.join().unwrap(), (200, "main started\nmain ended with code 3\n".to_owned()));
    });
}

#[test]
fn what_there_is_beside_kubernetes_is_discovered_in_both_forms() {
    let directory = Directory::new().unwrap();
    let simulated = serve(&directory, &[]);
    let live = Server::start(directory.path(), &[]).unwrap();
    let why =
        ["pods/explanation", "pods/remedies", "pods/fit", "replicationcontrollers/fit", "fits", "survival", "clock"];
    for (server, own) in
        [(&simulated, ["clock/step", "interventions", "machines"].as_slice()), (&live, ["dockerhosts"].as_slice())]
    {
        let expected = [&why, own].concat();
        let listed = server.get(GROUP);
        let names: Vec<&str> =
            listed["resources"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected);

        let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
        let (_, text) = server.ask("GET", "/apis", &[("accept", accept)], b"");
        let groups: Value = serde_json::from_str(&text).unwrap();
        let ours = groups["items"].as_array().unwrap().iter().find(|g| g["metadata"]["name"] == "kubarium.io").unwrap();
        let resources = ours["versions"][0]["resources"].as_array().unwrap().iter();
        let names = resources.flat_map(|resource| {
            let name = resource["resource"].as_str().unwrap();
            let parts = resource["subresources"].as_array().into_iter().flatten();
            // Of these there are only parts here.
            let whole = (!["pods", "replicationcontrollers"].contains(&name)).then(|| name.to_owned());
            whole.into_iter().chain(parts.map(move |p| format!("{name}/{}", p["subresource"].as_str().unwrap())))
        });
        assert_eq!(names.collect::<Vec<_>>(), expected);
    }
    assert_eq!(simulated.get(&format!("{GROUP}/info"))["live"], false);
    assert_eq!(live.get(&format!("{GROUP}/info"))["live"], true);
    assert_eq!(simulated.status("GET", &format!("{GROUP}/dockerhosts"), &[]), 404);
}

#[test]
fn a_live_clock_can_be_read_and_not_be_changed() {
    let directory = Directory::new().unwrap();
    let server = Server::start(directory.path(), &[]).unwrap();
    let clock = server.get(CLOCK);
    assert_eq!((&clock["kind"], &clock["spec"]), (&json!("Clock"), &json!({"paused": false, "speed": 1})));
    let refused = [
        pace(&server, &json!({ "paused": true })),
        server.send("POST", STEP, &json!({ "duration": "1s" })),
        act(&server, "failNode node-1"),
    ];
    for (status, answer) in refused {
        assert_eq!((status, &answer["reason"]), (405, &json!("MethodNotAllowed")));
        assert!(answer["message"].as_str().unwrap().starts_with("this cluster is live"), "{answer}");
    }
}

#[test]
fn orders_that_make_no_sense_are_refused_by_name() {
    let directory = Directory::new().unwrap();
    let server = serve(&directory, &["--paused"]);
    for (spec, code, says) in [
        (json!({ "speed": 0 }), 422, "spec.speed: Invalid value: 0"),
        (json!({ "speed": 2_000_000 }), 422, "must be from 0.01 to 1000000"),
        (json!({ "speed": "fast" }), 400, "invalid type"),
        (json!({ "sped": 2 }), 400, "unknown field `sped`"),
    ] {
        let (status, answer) = pace(&server, &spec);
        assert_eq!(status, code, "{spec}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(says), "{spec}: {answer}");
    }
    for (method, path) in [("DELETE", CLOCK), ("GET", STEP), ("POST", "/apis")] {
        let (status, text) = server.ask(method, path, &[], b"");
        assert!(status == 405 && text.contains("\"reason\":\"MethodNotAllowed\""), "{method} {path}: {text}");
    }
    let patch = server.ask("PATCH", CLOCK, &[("content-type", "application/json-patch+json")], b"[]");
    assert_eq!(patch.0, 415, "{}", patch.1);
    for (body, code, says) in [
        (json!({ "duration": "soon" }), 422, "duration: Invalid value: \"soon\""),
        (json!({ "until": "noon" }), 422, "until: Invalid value: \"noon\""),
        (json!({ "duration": "1s", "until": "2026-01-02T00:00:00Z" }), 422, "for a duration or until a time"),
        (json!({ "for": "1s" }), 400, "unknown field `for`"),
        (json!([]), 400, "no ClockStep"),
    ] {
        let (status, answer) = server.send("POST", STEP, &body);
        assert_eq!(status, code, "{body}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(says), "{body}: {answer}");
    }
    assert_eq!(now(&server), "2026-01-01T00:00:00Z");
}

#[test]
fn the_command_line_holds_runs_and_steps_the_clock() {
    let directory = Directory::new().unwrap();
    let server = serve(&directory, &["--paused"]);
    let clock = |arguments: &[&str]| {
        let output = run(&[&["clock", "--server", &server.url], arguments].concat()).unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        (output.status.code(), text(if output.status.success() { &output.stdout } else { &output.stderr }))
    };
    let says = |text: &str| (Some(0), text.to_owned());
    assert_eq!(clock(&[]), says("2026-01-01T00:00:00Z  paused  speed 1"));
    assert_eq!(clock(&["speed", "20"]), says("2026-01-01T00:00:00Z  paused  speed 20"));
    assert_eq!(clock(&["step", "90s"]), says("2026-01-01T00:01:30Z  paused  speed 20"));
    assert_eq!(clock(&["step", "--until", "2026-01-01T00:10:00Z"]), says("2026-01-01T00:10:00Z  paused  speed 20"));
    assert!(clock(&["run"]).1.contains("  running  speed 20, reached "));
    assert!(clock(&["pause"]).1.contains("  paused  speed 20"));
    let (_, json) = clock(&["show", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), server.get(CLOCK));

    let refused = |arguments: &[&str], code, part: &str| {
        let (status, said) = clock(arguments);
        assert!(status == Some(code) && said.starts_with("kubarium: ") && said.contains(part), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    };
    refused(&["step", "soon"], 2, "must be a duration such as 90s, 5m or 2h");
    refused(&["speed", "0"], 1, "spec.speed: Invalid value: 0");
    refused(&["step", "--until", "noon"], 1, "until: Invalid value");
    refused(&["stop"], 2, "unrecognized subcommand");
    drop(server);

    let token = directory.join("token");
    std::fs::write(&token, "0123456789abcdef\n").unwrap();
    let token = token.to_str().unwrap();
    let server = serve(&directory, &["--paused", "--token-file", token]);
    let clock = |arguments: &[&str]| run(&[&["clock", "--server", &server.url], arguments].concat()).unwrap();
    let refused = clock(&["step", "1s"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("a bearer token is needed"), "{refused:?}");
    assert_eq!(clock(&["step", "1s", "--token-file", token]).stdout, b"2026-01-01T00:00:01Z  paused  speed 1\n");

    let nobody = run(&["clock", "--server", "http://127.0.0.1:9"]).unwrap();
    let said = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(nobody.status.code() == Some(1) && said.contains("no server answers at http://127.0.0.1:9"), "{said}");
}

#[test]
fn what_cannot_be_simulated_is_refused_before_anything_is_served() {
    let directory = Directory::new().unwrap();
    let config = directory.join("config.yaml");
    std::fs::write(&config, "simulate: demo\nheartbeatSeconds: 3\n").unwrap();
    let refused = directory.join("refused.yaml");
    std::fs::write(&refused, "apiVersion: v1\nkind: Pod\nmetadata: {name: Web}\nspec: {containers: []}\n").unwrap();
    let (config, refused) = (config.to_str().unwrap(), refused.to_str().unwrap());
    for (arguments, says) in [
        (["--simulate", "nobody"].as_slice(), "nobody: no such file, nor a scenario of that name; there are demo,"),
        (&["--simulate", refused], "metadata.name"),
        (&["--simulate", "demo", "--docker", "a=unix:///x"], "--docker: does not go with --simulate"),
        (&["--simulate", "demo", "--node-ports", "1-2"], "the scenario says this in its `config`"),
        (&["--simulate", "demo", "--speed", "0"], "--speed: 0 is not a speed from 0.01 to 1000000"),
        (&["--simulate", "demo", "--tls", "--data-dir", "/dev/null"], "cannot write the token file /dev/null/token"),
        (&["--config", config], "`heartbeatSeconds` in the configuration file"),
        (&["--paused"], "--paused: a live cluster has the real time"),
        (&["--speed", "2"], "--speed: a live cluster has the real time"),
    ] {
        let output = run(&[&["serve"], arguments].concat()).unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(says), "{arguments:?}: {said}");
    }
}
