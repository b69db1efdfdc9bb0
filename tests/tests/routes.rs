//! Services without selector: whoever writes their Endpoints says where requests go.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::apiserver::{Answer, Method, Request};
use kubarium_core::{Cluster, Config, Input, Time};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const NOW: Time = Time(1_790_000_000_000_000);

/// Status and body of an answer.
fn answer(cluster: &mut Cluster, method: Method, path: &str, body: &Value) -> (u16, String) {
    let mut request = Request::new(method, format!("/api/v1/namespaces/default/{path}")).with_json(body);
    if method == Method::Patch {
        "application/merge-patch+json".clone_into(&mut request.content_type);
    }
    let answer = cluster.handle(NOW, Input::Request(request)).answer;
    let Some(Answer::Done(response)) = answer else { panic!("{path}") };
    (response.status, response.body)
}

fn ask(cluster: &mut Cluster, method: Method, path: &str, body: &Value) {
    let (status, body) = answer(cluster, method, path, body);
    assert!(status < 300, "{path}: {body}");
}

/// Where requests to a service's port go.
fn routed(cluster: &mut Cluster, port: u16) -> BTreeSet<String> {
    let chosen = (0..64).filter_map(|_| cluster.route("default", "outside", port, "10.0.0.1"));
    chosen
        .map(|b| format!("{}:{}{}", b.ip, b.port, b.pod.map(|p| format!(" {}", p.name)).unwrap_or_default()))
        .collect()
}

fn set(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn requests_to_a_service_without_selector_go_where_its_endpoints_say() {
    let mut cluster = Cluster::new(Config::default(), NOW);
    cluster.handle(NOW, Input::Wake);
    let service = json!({"metadata": {"name": "outside"}, "spec": {"type": "NodePort", "ports": [
        {"name": "http", "port": 80, "nodePort": 30_080}, {"name": "metrics", "port": 9090}]}});
    ask(&mut cluster, Method::Post, "services", &service);
    assert_eq!(routed(&mut cluster, 80), set(&[]));

    let endpoints = json!({"metadata": {"name": "outside"}, "subsets": [
        {"addresses": [{"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}], "notReadyAddresses": [{"ip": "192.0.2.3"}],
         "ports": [{"name": "http", "port": 8080}]},
        {"addresses": [{"ip": "192.0.2.9"}], "ports": [{"name": "http", "port": 8081}, {"name": "metrics", "port": 9100}]},
    ]});
    ask(&mut cluster, Method::Post, "endpoints", &endpoints);
    assert_eq!(routed(&mut cluster, 80), set(&["192.0.2.1:8080", "192.0.2.2:8080", "192.0.2.9:8081"]));
    assert_eq!(routed(&mut cluster, 9090), set(&["192.0.2.9:9100"]));
    let (_, route) = cluster.router().iter().next().unwrap();
    assert_eq!(route.node_port, Some(30_080));

    // A pod that is named is known as that pod: it may have to be reached another way.
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    ask(&mut cluster, Method::Post, "pods", &pod);
    let named = json!({"metadata": {"name": "outside"}, "subsets": [{
        "addresses": [{"ip": "192.0.2.4", "targetRef": {"kind": "Pod", "namespace": "default", "name": "p"}},
                      {"ip": "192.0.2.5", "targetRef": {"kind": "Pod", "namespace": "default", "name": "gone"}}],
        "ports": [{"name": "http", "port": 8080}]}]});
    ask(&mut cluster, Method::Put, "endpoints/outside", &named);
    assert_eq!(routed(&mut cluster, 80), set(&["192.0.2.4:8080 p", "192.0.2.5:8080"]));
    assert_eq!(routed(&mut cluster, 9090), set(&[]), "no port of that name any more");

    // What a restart of the server restores has the same routes.
    let objects = kubarium_core::api::Kind::ALL.into_iter().flat_map(|kind| cluster.store().list(kind, None)).cloned();
    let mut restored =
        Cluster::restore(Config::default(), NOW, cluster.store().revision(), objects.collect::<Vec<_>>());
    restored.handle(NOW, Input::Wake);
    assert_eq!(routed(&mut restored, 80), set(&["192.0.2.4:8080 p", "192.0.2.5:8080"]));

    // With the Endpoints the routes go, with the service everything.
    ask(&mut cluster, Method::Delete, "endpoints/outside", &json!({}));
    assert_eq!(routed(&mut cluster, 80), set(&[]));
    ask(&mut cluster, Method::Post, "endpoints", &endpoints);
    assert_eq!(routed(&mut cluster, 9090), set(&["192.0.2.9:9100"]));
    ask(&mut cluster, Method::Delete, "services/outside", &json!({}));
    assert_eq!((routed(&mut cluster, 80), cluster.router().iter().count()), (set(&[]), 0));
}

#[test]
fn endpoints_may_be_there_before_their_service_and_a_selector_takes_over() {
    let mut cluster = Cluster::new(Config::default(), NOW);
    cluster.handle(NOW, Input::Wake);
    let endpoints = json!({"metadata": {"name": "outside"}, "subsets": [
        {"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 8080}]}]});
    ask(&mut cluster, Method::Post, "endpoints", &endpoints);
    ask(&mut cluster, Method::Get, "endpoints/outside", &Value::Null);
    let mut service = json!({"metadata": {"name": "outside"}, "spec": {"ports": [{"port": 80}]}});
    ask(&mut cluster, Method::Post, "services", &service);
    assert_eq!(routed(&mut cluster, 80), set(&["192.0.2.1:8080"]));

    service["spec"]["selector"] = json!({"app": "none"});
    ask(&mut cluster, Method::Patch, "services/outside", &service);
    assert_eq!(routed(&mut cluster, 80), set(&[]), "the selector finds no pod");
}

/// The server passes connections on to these addresses: none may be its own, or its link's.
#[test]
fn endpoints_with_addresses_of_the_machine_or_the_link_are_refused() {
    let mut cluster = Cluster::new(Config::default(), NOW);
    cluster.handle(NOW, Input::Wake);
    for (ip, why) in [
        ("127.0.0.1", "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        ("127.8.7.6", "may not be in the loopback range"),
        ("::1", "may not be in the loopback range"),
        ("::ffff:127.0.0.1", "may not be in the loopback range"),
        ("::ffff:7f00:1", "may not be in the loopback range"),
        ("0.0.0.0", "may not be unspecified (0.0.0.0)"),
        ("::", "may not be unspecified (::)"),
        ("::ffff:0.0.0.0", "may not be unspecified"),
        ("169.254.169.254", "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        ("::ffff:169.254.169.254", "may not be in the link-local range"),
        ("febf::1", "may not be in the link-local range"),
        ("224.0.0.1", "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
        ("ff02::1", "may not be in the link-local multicast range"),
        ("localhost", "must be a valid IP address"),
        ("192.0.2.1:80", "must be a valid IP address"),
        ("127.1", "must be a valid IP address"),
        ("", "must be a valid IP address"),
    ] {
        for list in ["addresses", "notReadyAddresses"] {
            let good = json!({"metadata": {"name": "outside"}, "subsets": [
                {"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 8080}]}]});
            let bad =
                json!({"metadata": {"name": "outside"}, "subsets": [{list: [{"ip": ip}], "ports": [{"port": 80}]}]});
            let (status, body) = answer(&mut cluster, Method::Post, "endpoints", &bad);
            assert!(status == 422 && body.contains(why), "{ip}: {status} {body}");
            ask(&mut cluster, Method::Post, "endpoints", &good);
            for method in [Method::Put, Method::Patch] {
                let (status, body) = answer(&mut cluster, method, "endpoints/outside", &bad);
                assert!(status == 422 && body.contains(why), "{ip}: {status} {body}");
            }
            ask(&mut cluster, Method::Delete, "endpoints/outside", &json!({}));
        }
    }
}
