//! What the API does with requests, through the front door: a request goes in, an answer comes out.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::api::{Kind, Object};
use kubarium_core::apiserver::{Alike, Answer, Creation, Method, Request, Response, WatchBatch, WatchQuery};
use kubarium_core::{Cluster, Config, Input, Span, Time};
use serde_json::{Value, json};
use std::sync::Arc;

struct Api {
    cluster: Cluster,
    now: Time,
}

impl Api {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let now = Time(1_790_000_000_000_000);
        Self { cluster: Cluster::new(config, now), now }
    }

    fn answer(&mut self, request: Request) -> Answer {
        self.now = self.now + Span::from_millis(10);
        self.cluster.handle(self.now, Input::Request(request)).answer.expect("every request is answered")
    }

    fn response(&mut self, request: Request) -> Response {
        match self.answer(request) {
            Answer::Done(response) => response,
            other => panic!("not a finished answer: {other:?}"),
        }
    }

    fn json(&mut self, request: Request) -> (u16, Value) {
        let response = self.response(request);
        (response.status, serde_json::from_str(&response.body).expect("answers are JSON"))
    }

    fn get(&mut self, path: &str) -> (u16, Value) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut request = Request::get(path);
        query.clone_into(&mut request.query);
        self.json(request)
    }

    fn post(&mut self, path: &str, body: &Value) -> (u16, Value) {
        self.json(Request::new(Method::Post, path).with_json(body))
    }

    fn patch(&mut self, path: &str, kind: &str, body: &str) -> (u16, Value) {
        let mut request = Request::new(Method::Patch, path);
        request.content_type = format!("application/{kind}-patch+json");
        body.clone_into(&mut request.body);
        self.json(request)
    }

    fn watch(&mut self, path: &str) -> Box<WatchQuery> {
        let (path, query) = path.split_once('?').unwrap();
        let mut request = Request::get(path);
        query.clone_into(&mut request.query);
        match self.answer(request) {
            Answer::Watch(query) => query,
            other => panic!("not a watch: {other:?}"),
        }
    }

    fn pod(&mut self, name: &str, labels: &Value) {
        let (status, answer) = self.post(PODS, &pod(name, labels));
        assert_eq!(status, 201, "{answer}");
    }
}

const PODS: &str = "/api/v1/namespaces/default/pods";

fn pod(name: &str, labels: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
        "spec": {"schedulerName": "none", "containers": [{"name": "c", "image": "i"}]},
    })
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|i| i["metadata"]["name"].as_str().unwrap()).collect()
}

/// `ADDED a`, `MODIFIED b` and so on.
fn told(batch: &WatchBatch) -> Vec<String> {
    let tell = |e: &Value| {
        let name = e["object"]["metadata"]["name"].as_str().unwrap_or("-");
        format!("{} {name}", e["type"].as_str().unwrap())
    };
    batch.events.iter().map(tell).collect()
}

#[test]
fn pages_of_a_list_show_it_as_it_was_when_it_began() {
    let mut api = Api::new();
    for name in ["a", "b", "c", "d", "e"] {
        api.pod(name, &json!({}));
    }
    let (_, first) = api.get(&format!("{PODS}?limit=2"));
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    // What happens between the pages is not in them.
    api.json(Request::new(Method::Delete, format!("{PODS}/c")));
    api.pod("cc", &json!({}));
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (_, second) = api.get(&format!("{PODS}?limit=2&continue={token}"));
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let token = second["metadata"]["continue"].as_str().unwrap();
    let (_, third) = api.get(&format!("{PODS}?limit=2&continue={token}"));
    assert_eq!(names(&third), ["e"]);
    assert_eq!(third["metadata"].get("continue"), None);
    assert_eq!(names(&api.get(PODS).1), ["a", "b", "cc", "d", "e"]);
}

#[test]
fn a_list_can_be_had_as_it_was_at_a_revision() {
    let mut api = Api::new();
    api.pod("a", &json!({}));
    let version = api.get(PODS).1["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    api.pod("b", &json!({}));
    let exact = format!("{PODS}?resourceVersion={version}&resourceVersionMatch=Exact");
    assert_eq!(names(&api.get(&exact).1), ["a"]);
    let (status, future) = api.get(&format!("{PODS}?resourceVersion=999999"));
    assert_eq!((status, future["reason"].as_str()), (504, Some("Timeout")));
}

#[test]
fn a_watch_tells_what_enters_and_leaves_its_selection() {
    let mut api = Api::new();
    api.pod("old", &json!({"app": "web"}));
    let query = api.watch(&format!("{PODS}?watch=true&labelSelector=app%3Dweb"));
    let begin = api.cluster.watch(&query, None).unwrap();
    assert_eq!(told(&begin), ["ADDED old"]);
    api.pod("in", &json!({"app": "web"}));
    api.pod("out", &json!({"app": "db"}));
    api.patch(&format!("{PODS}/in"), "merge", r#"{"metadata":{"labels":{"x":"1"}}}"#);
    api.patch(&format!("{PODS}/old"), "merge", r#"{"metadata":{"labels":{"app":"db"}}}"#);
    api.patch(&format!("{PODS}/out"), "merge", r#"{"metadata":{"labels":{"app":"web"}}}"#);
    api.json(Request::new(Method::Delete, format!("{PODS}/in")));
    let next = api.cluster.watch(&query, Some(begin.next)).unwrap();
    assert_eq!(told(&next), ["ADDED in", "MODIFIED in", "DELETED old", "ADDED out", "DELETED in"]);
    assert_eq!(next.next, api.cluster.store().revision());
    assert_eq!(api.cluster.watch(&query, Some(next.next)).unwrap().events, Vec::<Value>::new());
}

#[test]
fn a_watch_says_where_its_initial_events_end() {
    let mut api = Api::new();
    api.pod("a", &json!({}));
    let asked = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let query = api.watch(&format!("{PODS}?{asked}"));
    let batch = api.cluster.watch(&query, None).unwrap();
    assert_eq!(told(&batch), ["ADDED a", "BOOKMARK -"]);
    assert_eq!(batch.events[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
}

#[test]
fn a_watch_from_what_is_no_longer_known_ends_with_expired() {
    let mut api = Api::new();
    // After a restart nothing is known of what was before.
    api.cluster = Cluster::restore(Config::default(), api.now, 1_000, Vec::new());
    let query = api.watch(&format!("{PODS}?watch=1&resourceVersion=5"));
    assert_eq!(query.since, 5);
    let error = api.cluster.watch(&query, None).unwrap_err();
    assert_eq!((error.code, error.to_status()["reason"].clone()), (410, json!("Expired")));
    let now = api.cluster.store().revision();
    let query = api.watch(&format!("{PODS}?watch=1&resourceVersion={now}"));
    assert_eq!(api.cluster.watch(&query, None).unwrap(), WatchBatch { events: Vec::new(), next: now });
}

#[test]
fn a_rehearsal_answers_as_if_and_changes_nothing() {
    let mut api = Api::new();
    api.pod("a", &json!({}));
    let before = api.cluster.store().revision();
    let service = json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}});
    let mut request = Request::new(Method::Post, "/api/v1/namespaces/default/services").with_json(&service);
    request.query = "dryRun=All".to_owned();
    let (status, shown) = api.json(request.clone());
    assert_eq!(status, 201, "{shown}");
    let ip = shown["spec"]["clusterIP"].clone();
    let mut delete = Request::new(Method::Delete, format!("{PODS}/a"));
    delete.query = "dryRun=All".to_owned();
    assert_eq!(api.json(delete).0, 200);
    assert_eq!(api.cluster.store().revision(), before);
    // Its address was not taken.
    request.query = String::new();
    assert_eq!(api.json(request).1["spec"]["clusterIP"], ip);
}

#[test]
fn bodies_may_be_yaml_and_mistakes_are_named() {
    let mut api = Api::new();
    let mut request = Request::new(Method::Post, PODS);
    request.content_type = "application/yaml".to_owned();
    request.body = "metadata: {name: a}\nspec:\n  containers:\n  - {name: c, image: i, imag: j}\n".to_owned();
    let response = api.response(request.clone());
    assert_eq!(response.status, 201, "{}", response.body);
    assert_eq!(response.warnings, ["unknown field \"spec.containers[0].imag\""]);
    request.query = "fieldValidation=Strict".to_owned();
    let (status, error) = api.json(request.clone());
    let said = "Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: \
                unknown field \"spec.containers[0].imag\"";
    assert_eq!((status, error["message"].as_str().unwrap()), (400, said));
    request.body = "a".repeat(3 * 1024 * 1024 + 1);
    assert_eq!(api.json(request).0, 413);
}

#[test]
fn pods_get_of_their_host_what_is_allowed() {
    let safe = Config::default();
    let host = Config { allow_host: true, ..Config::default() };
    let all = Config { allow_privileged: true, ..Config::default() };
    let container = json!({"name": "c", "image": "i"});
    for (field, spec, allowed) in [
        (
            "spec.containers[0].securityContext.privileged",
            json!({"containers": [{"name": "c", "image": "i", "securityContext": {"privileged": true}}]}),
            [false, false, true],
        ),
        ("spec.hostNetwork", json!({"hostNetwork": true, "containers": [container]}), [false, true, true]),
        (
            "spec.volumes[0].hostPath",
            json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}], "containers": [container]}),
            [false, true, true],
        ),
    ] {
        for (config, allowed) in [&safe, &host, &all].into_iter().zip(allowed) {
            let mut api = Api::with(config.clone());
            let (status, said) = api.post(PODS, &json!({"metadata": {"name": "p"}, "spec": spec}));
            let expected = if allowed { 201 } else { 422 };
            assert_eq!(status, expected, "{field} {config:?}: {said}");
            let refused = json!({"field": field, "reason": "FieldValueForbidden",
                "message": "Forbidden: disallowed by cluster policy"});
            assert_eq!(said["details"]["causes"].get(0), (!allowed).then_some(&refused));
        }
    }
}

#[test]
fn a_json_patch_fills_neither_the_memory_nor_the_stack() {
    let mut api = Api::new();
    api.pod("a", &json!({}));
    let path = format!("{PODS}/a");
    let long = json!({"op": "add", "path": "/metadata/annotations", "value": {"a": "x".repeat(100_000)}});
    let copy =
        |n| json!({"op": "copy", "from": "/metadata/annotations/a", "path": format!("/metadata/annotations/{n}")});
    let copies: Vec<Value> = std::iter::once(long).chain((0..60).map(copy)).collect();
    assert_eq!(api.patch(&path, "json", &Value::from(copies).to_string()).0, 413);
    let labels = json!({"op": "add", "path": "/metadata/labels", "value": {"a": "b"}});
    let nest = json!({"op": "copy", "from": "/metadata/labels", "path": "/metadata/labels/a"});
    let nested: Vec<Value> = std::iter::once(labels).chain(vec![nest; 9_999]).collect();
    let nested = Value::from(nested).to_string();
    assert_eq!(api.patch(&path, "json", &nested).0, 422);
}

#[test]
fn a_service_without_ready_pods_cannot_be_reached_through_the_api() {
    let mut api = Api::new();
    let service = json!({"metadata": {"name": "s"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}});
    api.post("/api/v1/namespaces/default/services", &service);
    for path in ["/api/v1/namespaces/default/services/s/proxy/x", "/api/v1/proxy/namespaces/default/services/s:80/x"] {
        let (status, error) = api.get(path);
        assert_eq!((status, error["reason"].as_str()), (503, Some("ServiceUnavailable")), "{error}");
    }
    assert_eq!(api.get("/api/v1/namespaces/default/services/none/proxy/").0, 404);
}

#[test]
fn a_request_to_a_service_goes_to_a_ready_pod() {
    let mut api = Api::new();
    let service = json!({
        "metadata": {"name": "s"},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    });
    api.post("/api/v1/namespaces/default/services", &service);
    api.pod("p", &json!({"app": "web"}));
    let binding = json!({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}});
    assert_eq!(api.post(&format!("{PODS}/p/binding"), &binding).0, 201);
    let status = r#"{"status":{"phase":"Running","podIP":"10.1.2.3","conditions":[{"type":"Ready","status":"True"}]}}"#;
    assert_eq!(api.patch(&format!("{PODS}/p/status"), "strategic-merge", status).0, 200);
    for path in [
        "/api/v1/namespaces/default/services/s/proxy/a%20b/c",
        "/api/v1/namespaces/default/services/http:s:http/proxy/a%20b/c",
        "/api/v1/proxy/namespaces/default/services/s:80/a%20b/c",
        "/api/v1/namespaces/default/pods/p:8080/proxy/a%20b/c",
    ] {
        let mut request = Request::get(path);
        request.query = "q=1".to_owned();
        let Answer::Proxy(target) = api.answer(request) else { panic!("{path} is not passed on") };
        let seen = (
            target.node.as_deref().unwrap_or_default(),
            target.ip.as_str(),
            target.port,
            target.https,
            target.path.as_str(),
        );
        assert_eq!(seen, ("n", "10.1.2.3", 8080, false, "/a%20b/c?q=1"), "{path}");
    }
    let slices =
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name%3Ds";
    let (_, slices) = api.get(slices);
    assert_eq!(slices["items"][0]["endpoints"][0]["addresses"], json!(["10.1.2.3"]));
}

#[test]
fn every_field_of_the_schema_is_one_the_types_know() {
    // OpenAPI is made from the schema; here it is held against the types that read and write objects.
    let mut api = Api::new();
    let (_, document) = api.get("/openapi/v3/api/v1");
    let schemas = &document["components"]["schemas"];
    for kind in kubarium_core::api::Kind::ALL {
        let name = format!("io.k8s.api.core.v1.{}", kind.info().kind);
        let mut full = example(schemas, &schemas[&name], 0);
        full["apiVersion"] = kind.api_version().into();
        full["kind"] = kind.info().kind.into();
        let read = kubarium_core::api::Object::from_value(kind, &full);
        let written = read.expect("an object with every field is read").to_value();
        let mut lost = Vec::new();
        missing(&full, &written, kind.info().kind, &mut lost);
        // A container is in one state at a time.
        lost.retain(|path| !path.contains(".state.") && !path.contains(".lastState."));
        assert_eq!(lost, Vec::<String>::new());
    }
}

/// A document with every field of a schema, to a depth at which even recursive ones end.
fn example(schemas: &Value, schema: &Value, depth: usize) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return example(schemas, &schemas[reference.rsplit('/').next().unwrap()], depth);
    }
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("integer"), _) => json!(7),
        (Some("number"), _) => json!(7.5),
        (Some("boolean"), _) => json!(true),
        (Some("array"), _) => json!([example(schemas, &schema["items"], depth + 1)]),
        (_, Some("date-time")) => json!("2026-11-21T10:00:00Z"),
        (_, Some("byte")) => json!("AAAA"),
        (Some("string"), _) => json!("7"),
        _ if schema.get("additionalProperties").is_some() => {
            json!({"k": example(schemas, &schema["additionalProperties"], depth + 1)})
        }
        _ if depth > 14 => json!({}),
        _ => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            properties.map(|(name, schema)| (name.clone(), example(schemas, schema, depth + 1))).collect()
        }
    }
}

fn missing(full: &Value, written: &Value, at: &str, lost: &mut Vec<String>) {
    match (full, written) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                match b.get(key) {
                    Some(other) => missing(value, other, &format!("{at}.{key}"), lost),
                    None => lost.push(format!("{at}.{key}")),
                }
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            a.iter().zip(b).for_each(|(x, y)| missing(x, y, &format!("{at}[]"), lost));
        }
        _ => {}
    }
}

#[test]
fn a_client_that_wants_no_document_gets_none_and_a_refusal_all_the_same() {
    let mut api = Api::new();
    let pod = |name: &str| json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let mut post = |body: &Value| {
        let mut request = Request::new(Method::Post, "/api/v1/namespaces/default/pods").with_json(body);
        request.brief = true;
        api.response(request)
    };
    let granted = post(&pod("a"));
    assert_eq!((granted.status, granted.body.as_str()), (201, ""));
    let refused = post(&pod("a"));
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("already exists"), "{}", refused.body);
}

#[test]
fn pods_that_are_written_alike_share_what_comes_of_it() {
    let mut api = Api::new();
    let pod = |name: &str, image: &str| {
        json!({"metadata": {"name": name, "annotations": {"a": "b"}}, "spec": {
            "containers": [{"name": "c", "image": image, "resources": {"requests": {"cpu": "100m"}}}],
            "nodeName": "somewhere",
        }})
    };
    for (name, image, by) in [("a", "one", "x"), ("b", "two", "x"), ("c", "one", "x"), ("d", "one", "y")] {
        let mut request = Request::new(Method::Post, "/api/v1/namespaces/default/pods").with_json(&pod(name, image));
        by.clone_into(&mut request.user_agent);
        let (status, answer) = api.json(request);
        assert_eq!(status, 201, "{answer}");
    }
    let found = |name: &str| api.cluster.store().get(Kind::Pod, "default", name).cloned().unwrap();
    let (a, b, c, d) = (found("a"), found("b"), found("c"), found("d"));
    assert!(Arc::ptr_eq(&a.pod().unwrap().spec, &c.pod().unwrap().spec));
    assert!(Arc::ptr_eq(&a.meta.annotations, &b.meta.annotations));
    assert_eq!(a.pod().unwrap().node, c.pod().unwrap().node);
    let owners = |object: &Object| object.meta.managed.clone().unwrap();
    assert!(Arc::ptr_eq(&owners(&a), &owners(&b)) && Arc::ptr_eq(&owners(&a), &owners(&c)));
    assert_eq!((owners(&a)[0].manager.as_str(), owners(&d)[0].manager.as_str()), ("x", "y"));
    assert_eq!(owners(&a)[0].fields, owners(&d)[0].fields);
    assert_eq!(b.pod().unwrap().spec.containers[0].image.as_deref(), Some("two"));
    assert_eq!(a.pod().unwrap().spec.tolerations, b.pod().unwrap().spec.tolerations);
}

#[test]
fn nodes_that_are_written_alike_are_each_what_they_would_be_alone() {
    let node = |metadata: Value, cpu: &str| json!({"metadata": metadata, "spec": {"unschedulable": true}, "status": {"capacity": {"cpu": cpu, "pods": 9}}});
    let mut api = Api::new();
    for (metadata, cpu, status) in [
        (json!({"name": "a"}), "2", 201),
        (json!({"name": "b", "labels": {"x": "y"}, "annotations": {"z": ""}}), "2000m", 201),
        (json!({"name": "c", "labels": {"x": "y"}, "finalizers": ["e.g/f"]}), "2", 201),
        (json!({"name": "d"}), "3", 201),
        (json!({"name": "e", "annotations": {"scheduler.alpha.kubernetes.io/preferAvoidPods": "no"}}), "2", 422),
        (json!({"name": "A"}), "2", 422),
        (json!({"name": "a"}), "2", 409),
        (json!({"generateName": "f-", "labels": {"x": "y"}}), "3", 201),
    ] {
        let written = node(metadata.clone(), cpu);
        let among = api.post("/api/v1/nodes", &written);
        assert_eq!(among.0, status, "{}", among.1);
        if status == 409 {
            continue;
        }
        let (mut among, mut alone) = (among.1, Api::new().post("/api/v1/nodes", &written).1);
        for answer in [&mut among, &mut alone].into_iter().filter(|_| status == 201) {
            for own in ["uid", "resourceVersion", "creationTimestamp"] {
                answer["metadata"][own] = Value::Null;
            }
            if metadata["generateName"].is_string() {
                answer["metadata"]["name"] = Value::Null;
            }
            answer["metadata"]["managedFields"][0]["time"] = Value::Null;
        }
        assert_eq!(among, alone, "{metadata}");
    }
}

#[test]
fn what_is_read_ahead_is_answered_and_becomes_what_its_text_does() {
    let pod = |metadata: Value| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {"containers": [{"name": "c", "image": "i"}]}})
    };
    let node = |metadata: Value| json!({"apiVersion": "v1", "kind": "Node", "metadata": metadata});
    let labels = json!({"x": "y"});
    let gated = json!({"schedulingGates": [{"name": "e.g/g"}], "containers": [{"name": "c", "image": "i"}]});
    let managed = json!([{"manager": "m", "operation": "Update", "apiVersion": "v1", "time": "2020-01-01T00:00:00Z",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {"f:labels": {"f:x": {}}}}}]);
    let mirror = json!({"kubernetes.io/config.mirror": "m"});
    let with = |mut document: Value, field: &str, value: Value| {
        document[field] = value;
        document
    };
    let (mut plain, mut ahead, mut before) = (Api::new(), Api::new(), Alike::default());
    for (case, kind, body, status) in [
        ("good", Kind::Pod, pod(json!({"name": "a"})), 201),
        ("alike", Kind::Pod, pod(json!({"name": "b", "labels": labels, "namespace": "default"})), 201),
        ("alike with other labels", Kind::Pod, pod(json!({"name": "c", "labels": {"x": "", "z": "y"}})), 201),
        ("named already", Kind::Pod, pod(json!({"name": "a"})), 409),
        ("of a name that is made up", Kind::Pod, pod(json!({"generateName": "g-", "labels": labels})), 201),
        ("of no name", Kind::Pod, pod(json!({"labels": labels})), 422),
        ("with a finalizer", Kind::Pod, pod(json!({"name": "d", "finalizers": ["e.g/f"]})), 201),
        ("with owners of fields", Kind::Pod, pod(json!({"name": "e", "managedFields": managed})), 201),
        ("with no owners of fields", Kind::Pod, pod(json!({"name": "f", "managedFields": [{}]})), 201),
        ("that says more", Kind::Pod, with(pod(json!({"name": "g"})), "status", json!({"phase": "Running"})), 201),
        ("that says it goes", Kind::Pod, pod(json!({"name": "h", "deletionTimestamp": "2020-01-01T00:00:00Z"})), 201),
        ("that is gated", Kind::Pod, with(pod(json!({"name": "i"})), "spec", gated.clone()), 201),
        ("that is gated as well", Kind::Pod, with(pod(json!({"name": "j"})), "spec", gated), 201),
        ("of a wrong name", Kind::Pod, pod(json!({"name": "A"})), 422),
        ("of a wrong label", Kind::Pod, pod(json!({"name": "k", "labels": {"x": "?"}})), 422),
        ("that no node has", Kind::Pod, pod(json!({"name": "k", "annotations": mirror})), 422),
        ("without a spec", Kind::Pod, with(pod(json!({"name": "k"})), "spec", Value::Null), 422),
        ("of a version", Kind::Pod, pod(json!({"name": "k", "resourceVersion": "3"})), 500),
        ("of another namespace", Kind::Pod, pod(json!({"name": "k", "namespace": "other"})), 400),
        ("of an unknown field", Kind::Pod, pod(json!({"name": "k", "nam": 1})), 400),
        ("of a wrong type", Kind::Pod, pod(json!({"name": 1})), 400),
        ("of another kind than it says", Kind::Pod, node(json!({"name": "k"})), 400),
        ("too long", Kind::Pod, pod(json!({"name": "a".repeat(4 << 20)})), 413),
        ("a node", Kind::Node, node(json!({"name": "a", "labels": labels})), 201),
        ("an alike node", Kind::Node, node(json!({"name": "b", "labels": labels})), 201),
        ("a node in a namespace", Kind::Node, node(json!({"name": "c", "namespace": "other"})), 201),
        ("a node of nothing", Kind::Node, with(node(json!({"name": "d"})), "spec", json!({})), 201),
        ("a pod of nothing", Kind::Pod, with(pod(json!({"name": "k"})), "spec", json!({})), 422),
        ("a wrong node", Kind::Node, node(json!({"name": "C"})), 422),
        (
            "of another kind",
            Kind::Service,
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
                "spec": {"ports": [{"port": 80}]}}),
            201,
        ),
    ] {
        let info = kind.info();
        let (within, namespace) = if info.namespaced { ("/namespaces/default", Some("default")) } else { ("", None) };
        let path = format!("/api/v1{within}/{}", info.plural);
        let mut request = Request::new(Method::Post, path).with_json(&body);
        "fieldValidation=Strict".clone_into(&mut request.query);
        request.brief = true;
        let creation = Box::new(Creation::read(kind, namespace, &request.body, body, &mut before));
        let expected = plain.cluster.handle(plain.now, Input::Request(request)).answer;
        let answer = ahead.cluster.handle(ahead.now, Input::Create(creation)).answer;
        assert!(matches!(&answer, Some(Answer::Done(done)) if done.status == status), "{case}: {answer:?}");
        assert_eq!(answer, expected, "{case}");
        let all = |api: &Api| api.cluster.store().list(kind, None).cloned().collect::<Vec<_>>();
        assert_eq!(all(&ahead), all(&plain), "{case}");
    }
}
