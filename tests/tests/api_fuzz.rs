//! Requests nobody would send: whatever comes, the API answers, its revision never goes back, and what it refuses
//! leaves nothing behind.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::api::Kind;
use kubarium_core::apiserver::{Answer, Method, Request};
use kubarium_core::network::Addresses;
use kubarium_core::{Cluster, Config, Input, Span, Time};
use kubarium_tests::property;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

const START: Time = Time(1_790_000_000_000_000);

/// Parts of paths, likely and unlikely ones.
const SEGMENTS: [&str; 42] = [
    "api",
    "apis",
    "v1",
    "namespaces",
    "default",
    "kube-system",
    "pods",
    "services",
    "nodes",
    "endpoints",
    "events",
    "replicationcontrollers",
    "bindings",
    "watch",
    "proxy",
    "p",
    "web",
    "http:web:80",
    "status",
    "scale",
    "binding",
    "eviction",
    "log",
    "finalize",
    "..",
    ".",
    "",
    "%2F",
    "%",
    "%zz",
    "a b",
    "\u{1F41F}",
    "openapi",
    "version",
    "policy",
    "coordination.k8s.io",
    "poddisruptionbudgets",
    "configmaps",
    "secrets",
    "resourcequotas",
    "exec",
    "portforward",
];

const QUERIES: [&str; 31] = [
    "watch=true",
    "watch",
    "limit=1",
    "limit=-1",
    "limit=99999999999999999999",
    "continue=e30",
    "continue=%00",
    "resourceVersion=1",
    "resourceVersion=18446744073709551615",
    "resourceVersion=x",
    "resourceVersionMatch=Exact",
    "sendInitialEvents=true",
    "labelSelector=a%3Db",
    "labelSelector=a%20in%20(",
    "labelSelector=!!",
    "fieldSelector=spec.nodeName%3Dn",
    "fieldSelector=%5C",
    "dryRun=All",
    "dryRun=No",
    "fieldValidation=Strict",
    "pretty=true",
    "gracePeriodSeconds=-9223372036854775808",
    "gracePeriodSeconds=9223372036854775807",
    "propagationPolicy=Foreground",
    "container=x&tailLines=-1",
    "timeoutSeconds=-5&fieldManager=%00",
    "fieldManager=a",
    "fieldManager=b&force=true",
    "force=maybe",
    "command=sh&command=-c&stdout=1",
    "fieldValidation=Warn",
];

const TYPES: [&str; 9] = [
    "",
    "application/json",
    "application/yaml",
    "text/plain",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    ";;",
];

const ACCEPTS: [&str; 6] = [
    "",
    "application/json",
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    "text/html",
    ";q=,,",
];

fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]},
    })
}

fn controller() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "web"},
        "spec": {"replicas": 2, "selector": {"a": "b"}, "template": {
            "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]},
        }},
    })
}

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"type": "NodePort", "selector": {"a": "b"}, "ports": [{"port": 80}]},
    })
}

/// One of every other kind that lives in a namespace, and of two that do not.
fn others() -> Vec<Value> {
    let of = |api_version: &str, kind: &str, name: &str, body: Value| {
        let mut document = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
        for (field, value) in body.as_object().unwrap() {
            document[field] = value.clone();
        }
        document
    };
    let limits = json!([{"type": "Container", "default": {"cpu": "1"}, "max": {"cpu": "2"}, "min": {"memory": "1Mi"}}]);
    vec![
        of("v1", "ConfigMap", "m", json!({"data": {"a": "b"}, "binaryData": {"c": "AA=="}, "immutable": false})),
        of("v1", "Secret", "s", json!({"type": "Opaque", "data": {"a": "YQ=="}, "stringData": {"b": "c"}})),
        of("v1", "ServiceAccount", "default", json!({"secrets": [{"name": "s"}]})),
        of(
            "v1",
            "ResourceQuota",
            "q",
            json!({"spec": {"hard": {"pods": "2", "services.nodeports": "1", "count/configmaps": "3"}}}),
        ),
        of("v1", "LimitRange", "l", json!({"spec": {"limits": limits}})),
        of(
            "v1",
            "Endpoints",
            "web",
            json!({"subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}]}),
        ),
        of(
            "policy/v1",
            "PodDisruptionBudget",
            "b",
            json!({"spec": {"minAvailable": "50%", "selector": {"matchLabels": {"a": "b"}}}}),
        ),
        of(
            "coordination.k8s.io/v1",
            "Lease",
            "e",
            json!({"spec": {"holderIdentity": "x", "leaseDurationSeconds": 15}}),
        ),
        of("scheduling.k8s.io/v1", "PriorityClass", "high", json!({"value": 1000, "globalDefault": true})),
        of(
            "v1",
            "Node",
            "n",
            json!({"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}, "status": {"capacity": {"cpu": "4"}}}),
        ),
    ]
}

/// Keys that mean something somewhere.
const KEYS: [&str; 31] = [
    "metadata",
    "name",
    "namespace",
    "labels",
    "spec",
    "status",
    "containers",
    "image",
    "ports",
    "port",
    "nodePort",
    "clusterIP",
    "type",
    "replicas",
    "selector",
    "template",
    "finalizers",
    "resourceVersion",
    "uid",
    "$patch",
    "$retainKeys",
    "$setElementOrder/containers",
    "$deleteFromPrimitiveList/finalizers",
    "taints",
    "subsets",
    "addresses",
    "ip",
    "op",
    "path",
    "value",
    "from",
];

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(vec![
            "",
            "p",
            "a",
            "replace",
            "delete",
            "merge",
            "add",
            "copy",
            "/spec/containers/0",
            "10.96.0.9",
            "NodePort",
            "LoadBalancer",
            "ExternalName",
            "None",
            "1e999"
        ])
        .prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ]
}

fn document() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(select(KEYS.to_vec()), inner, 0..6)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Value>()),
        ]
    })
}

fn sample() -> impl Strategy<Value = Value> {
    prop_oneof![Just(pod()), Just(controller()), Just(service()), select(others())]
}

/// A document with something of another put in at a random place.
fn grafted() -> impl Strategy<Value = Value> {
    (sample(), document(), any::<prop::sample::Index>()).prop_map(|(mut base, graft, place)| {
        let mut pointers = Vec::new();
        paths(&base, String::new(), &mut pointers);
        if let Some(slot) = base.pointer_mut(&pointers[place.index(pointers.len())]) {
            *slot = graft;
        }
        base
    })
}

fn paths(value: &Value, at: String, all: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| paths(v, format!("{at}/{k}"), all)),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, v)| paths(v, format!("{at}/{i}"), all)),
        _ => {}
    }
    all.push(at);
}

fn body() -> impl Strategy<Value = String> {
    prop_oneof![
        grafted().prop_map(|v| v.to_string()),
        sample().prop_map(|v| v.to_string()),
        document().prop_map(|v| v.to_string()),
        prop::collection::vec(document(), 0..4).prop_map(|v| Value::from(v).to_string()),
        Just(String::new()),
        ".{0,60}",
        Just("[".repeat(5_000)),
        Just("- ".repeat(3_000)),
        Just("&a [*a, *a]".to_owned()),
    ]
}

fn path() -> impl Strategy<Value = String> {
    let likely = select(vec![
        "/api/v1/namespaces/default/pods",
        "/api/v1/namespaces/default/pods/p",
        "/api/v1/namespaces/default/pods/p/status",
        "/api/v1/namespaces/default/pods/p/binding",
        "/api/v1/namespaces/default/pods/p/eviction",
        "/api/v1/namespaces/default/pods/p/log",
        "/api/v1/namespaces/default/services",
        "/api/v1/namespaces/default/services/web",
        "/api/v1/namespaces/default/services/web:80/proxy/x",
        "/api/v1/namespaces/default/replicationcontrollers",
        "/api/v1/namespaces/default/replicationcontrollers/web",
        "/api/v1/namespaces/default/replicationcontrollers/web/scale",
        "/api/v1/namespaces/default/endpoints/web",
        "/api/v1/namespaces/default",
        "/api/v1/nodes",
        "/api/v1/nodes/n",
        "/api/v1/namespaces/default/pods/p/exec",
        "/api/v1/namespaces/default/configmaps",
        "/api/v1/namespaces/default/configmaps/m",
        "/api/v1/namespaces/default/secrets",
        "/api/v1/namespaces/default/secrets/s",
        "/api/v1/namespaces/default/serviceaccounts/default",
        "/api/v1/namespaces/default/resourcequotas",
        "/api/v1/namespaces/default/resourcequotas/q/status",
        "/api/v1/namespaces/default/limitranges",
        "/api/v1/namespaces/default/limitranges/l",
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets/b",
        "/apis/coordination.k8s.io/v1/namespaces/default/leases",
        "/apis/coordination.k8s.io/v1/namespaces/default/leases/e",
        "/apis/scheduling.k8s.io/v1/priorityclasses",
        "/apis/scheduling.k8s.io/v1/priorityclasses/high",
        "/apis/metrics.k8s.io/v1beta1/nodes",
        "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/p",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    ]);
    prop_oneof![
        4 => likely.prop_map(str::to_owned),
        1 => prop::collection::vec(select(SEGMENTS.to_vec()), 0..8).prop_map(|parts| format!("/{}", parts.join("/"))),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let method = select(vec![Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete]);
    let query = prop::collection::vec(select(QUERIES.to_vec()), 0..3).prop_map(|parts| parts.join("&"));
    (method, path(), query, select(ACCEPTS.to_vec()), select(TYPES.to_vec()), body()).prop_map(
        |(method, path, query, accept, content_type, body)| {
            let mut request = Request::new(method, path);
            request.query = query;
            accept.clone_into(&mut request.accept);
            content_type.clone_into(&mut request.content_type);
            request.body = body;
            request
        },
    )
}

/// Everything there is, as text.
fn snapshot(cluster: &Cluster) -> Vec<String> {
    let all = Kind::ALL.into_iter().flat_map(|kind| cluster.store().list(kind, None));
    all.map(|object| object.to_value().to_string()).collect()
}

proptest! {
    #![proptest_config(property::cases(256))]

    #[test]
    fn whatever_is_asked_is_answered_and_nothing_is_half_done(requests in prop::collection::vec(request(), 1..24)) {
        let config = Config { allow_privileged: true, ..Config::default() };
        let mut cluster = Cluster::new(config.clone(), START);
        let mut now = START;
        for request in requests {
            now = now + Span::from_millis(500);
            cluster.handle(now, Input::Wake);
            let before = cluster.store().revision();
            let objects = snapshot(&cluster);
            let answer = cluster.handle(now, Input::Request(request.clone())).answer;
            prop_assert!(cluster.store().revision() >= before);
            match answer {
                // What is no path of the API at all is answered in plain words, as upstream does.
                Some(Answer::Done(response)) if response.body == "404 page not found\n" => {
                    prop_assert_eq!(response.status, 404, "{:?}", request);
                    prop_assert_eq!(snapshot(&cluster), objects, "not there, but something changed: {:?}", request);
                }
                Some(Answer::Done(response)) => {
                    let value: Value = serde_json::from_str(&response.body).expect("every answer is JSON");
                    if response.status >= 400 {
                        prop_assert_eq!(value["kind"].as_str(), Some("Status"), "{:?}", request);
                        prop_assert_eq!(value["code"].as_u64(), Some(u64::from(response.status)));
                        prop_assert_eq!(snapshot(&cluster), objects, "refused, but something changed: {:?}", request);
                    }
                }
                Some(Answer::Watch(query)) => {
                    let batch = cluster.watch(&query, None);
                    prop_assert!(batch.is_ok_and(|b| b.next <= cluster.store().revision()));
                }
                Some(Answer::Logs(_) | Answer::Exec(_) | Answer::PortForward(_) | Answer::Proxy(_) | Answer::Usage(_)) => {}
                None => prop_assert!(false, "no answer to {:?}", request),
            }
            // What is given out is what services have, no more and no less.
            let mut had = Addresses::default();
            for service in cluster.store().list(Kind::Service, None) {
                had.keep_service(service.service().unwrap(), &config);
            }
            prop_assert_eq!(cluster.addresses(), &had, "{:?}", request);
            // What is stored can be read back, and is the same when read again.
            for kind in Kind::ALL {
                for object in cluster.store().list(kind, None) {
                    let value = object.to_value();
                    let again = kubarium_core::api::Object::from_value(kind, &value);
                    prop_assert_eq!(again.expect("stored objects fit their schema").to_value(), value);
                }
            }
        }
    }
}
