//! Many clients at once, over HTTP, held against a model that fits on a page: a set of named counters.
//!
//! Whatever the clients do to each other, every change that was confirmed happened once, no update was lost, and everybody
//! who watches sees the same changes in the same order, however often the connection ends.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::server::{Directory, Server};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::thread;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const CLIENTS: u64 = 6;
const WATCHERS: u64 = 3;
const REQUESTS: u64 = 60;
const NAMES: u64 = 5;
/// The last object to be made: who watches has seen everything when this comes.
const LAST: &str = "z-last";

/// A change of a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    kind: &'static str,
    name: String,
    uid: String,
    count: i64,
}

/// The numbers of a generator with that seed: a linear congruence, enough to mix requests.
fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn count(object: &Value) -> i64 {
    text(object, "/data/count").parse().unwrap()
}

/// The resource version of an object, and the change that led to it.
fn change(kind: &'static str, object: &Value) -> (u64, Change) {
    let revision = text(object, "/metadata/resourceVersion").parse().unwrap();
    let of = |pointer: &str| text(object, pointer).to_owned();
    (revision, Change { kind, name: of("/metadata/name"), uid: of("/metadata/uid"), count: count(object) })
}

fn patch(server: &Server, path: &str, kind: &str, body: &Value) -> (u16, Value) {
    let kind = format!("application/{kind}-patch+json");
    let (code, text) = server.ask("PATCH", path, &[("content-type", &kind)], body.to_string().as_bytes());
    (code, serde_json::from_str(&text).unwrap())
}

/// What one client did and was told that it is done.
fn client(server: &Server, seed: u64) -> Vec<(u64, Change)> {
    let mut next = numbers(seed);
    let mut done = Vec::new();
    for request in 0..REQUESTS {
        let name = format!("c{}", next(NAMES));
        let path = format!("{MAPS}/{name}");
        let seen = server.get(&path);
        let version = text(&seen, "/metadata/resourceVersion");
        let here = seen["kind"] == "ConfigMap";
        let (kind, (code, answer), may) = match next(6) {
            0 | 1 => {
                let body = json!({"metadata": {"name": name}, "data": {"count": "0"}});
                ("ADDED", server.send("POST", MAPS, &body), [409, 0])
            }
            // Three ways to count on without losing what others count: the version, a test, a condition on the version.
            2 if here => {
                let mut body = seen.clone();
                body["data"]["count"] = (count(&seen) + 1).to_string().into();
                ("MODIFIED", server.send("PUT", &path, &body), [409, 404])
            }
            3 if here => {
                let (now, then) = (count(&seen).to_string(), (count(&seen) + 1).to_string());
                let body = json!([{"op": "test", "path": "/data/count", "value": now},
                    {"op": "replace", "path": "/data/count", "value": then}]);
                ("MODIFIED", patch(server, &path, "json", &body), [422, 404])
            }
            4 if here => {
                let then = (count(&seen) + 1).to_string();
                let body = json!({"metadata": {"resourceVersion": version}, "data": {"count": then}});
                ("MODIFIED", patch(server, &path, "merge", &body), [409, 404])
            }
            5 if here => {
                let body = json!({"kind": "DeleteOptions", "apiVersion": "v1",
                    "preconditions": {"resourceVersion": version}});
                ("DELETED", server.send("DELETE", &path, &body), [409, 404])
            }
            _ => continue,
        };
        match code {
            // A deletion says what it deleted, not when.
            200 if kind == "DELETED" => done.push((0, change(kind, &seen).1)),
            200 | 201 => done.push(change(kind, &answer)),
            _ => assert!(may.contains(&code), "client {seed}, request {request}: {code} {answer}"),
        }
    }
    done
}

/// Everything that happened after a version, seen over connections that end again and again.
fn watcher(server: &Server, seed: u64, mut version: String) -> Vec<(u64, Change)> {
    let mut next = numbers(seed);
    let mut seen = Vec::new();
    loop {
        let path = format!("{MAPS}?watch=1&timeoutSeconds={}&resourceVersion={version}", 1 + next(2));
        let (code, stream) = server.ask("GET", &path, &[], b"");
        assert_eq!(code, 200, "{stream}");
        // Some of what came is lost with the connection.
        let events: Vec<&str> = stream.lines().collect();
        let kept = if next(2) == 0 { events.len() } else { next(events.len() as u64 + 1) as usize };
        for event in &events[..kept] {
            let event: Value = serde_json::from_str(event).unwrap();
            let object = &event["object"];
            text(object, "/metadata/resourceVersion").clone_into(&mut version);
            if text(object, "/metadata/name") == LAST {
                return seen;
            }
            let kinds = ["ADDED", "MODIFIED", "DELETED"];
            let kind = kinds.into_iter().find(|kind| event["type"] == *kind).expect("an event of an object");
            seen.push(change(kind, object));
        }
    }
}

#[test]
fn no_change_is_lost_or_seen_twice_however_many_clients_write_and_watch() {
    let directory = Directory::new().unwrap();
    let server = Server::start(directory.path(), &[]).unwrap();
    let start = text(&server.get(MAPS), "/metadata/resourceVersion").to_owned();

    let (done, seen) = thread::scope(|scope| {
        let (server, start) = (&server, &start);
        let watchers: Vec<_> =
            (0..WATCHERS).map(|seed| scope.spawn(move || watcher(server, 100 + seed, start.clone()))).collect();
        let clients: Vec<_> = (0..CLIENTS).map(|seed| scope.spawn(move || client(server, seed))).collect();
        let done: Vec<_> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        let last = json!({"metadata": {"name": LAST}, "data": {"count": "0"}});
        assert_eq!(server.send("POST", MAPS, &last).0, 201);
        (done, watchers.into_iter().map(|watcher| watcher.join().unwrap()).collect::<Vec<_>>())
    });

    // Everybody saw the same, in the order in which it happened.
    let [first, others @ ..] = seen.as_slice() else { panic!("nobody watched") };
    for other in others {
        assert_eq!(other, first);
    }
    assert!(first.windows(2).all(|pair| pair[0].0 < pair[1].0), "{first:?}");

    // What was seen is what was confirmed: each change once, and nothing else.
    let of = |changes: &[(u64, Change)]| {
        let at = |(revision, change): &(u64, Change)| {
            let revision = if change.kind == "DELETED" { 0 } else { *revision };
            (revision, change.kind, change.name.clone(), change.uid.clone(), change.count)
        };
        let mut all: Vec<_> = changes.iter().map(at).collect();
        all.sort();
        all
    };
    assert_eq!(of(first), of(&done));
    assert!(done.len() as u64 > CLIENTS * REQUESTS / 4, "too little happened: {}", done.len());

    // Each counter lives as the model says: it begins at nothing, goes up one by one, and ends.
    let mut model: BTreeMap<String, Change> = BTreeMap::new();
    for (_, change) in first {
        let before = match change.kind {
            "DELETED" => model.remove(&change.name),
            _ => model.insert(change.name.clone(), change.clone()),
        };
        match (change.kind, before) {
            ("ADDED", None) => assert_eq!(change.count, 0),
            ("MODIFIED", Some(before)) => assert_eq!((&change.uid, change.count), (&before.uid, before.count + 1)),
            ("DELETED", Some(before)) => assert_eq!((&change.uid, change.count), (&before.uid, before.count)),
            (_, before) => panic!("{change:?} after {before:?}"),
        }
    }
    let list = server.get(MAPS);
    let left: BTreeMap<String, i64> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| (text(object, "/metadata/name").to_owned(), count(object)))
        .filter(|(name, _)| name != LAST)
        .collect();
    assert_eq!(left, model.into_iter().map(|(name, change)| (name, change.count)).collect::<BTreeMap<_, _>>());
}
