//! Replication controllers, seen from outside: how many pods there are, whose they are, and which go first.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::Api;
use kubarium_core::api::Kind;
use kubarium_core::apiserver::Method;
use kubarium_core::{Config, Span};
use kubarium_tests::property;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

#[test]
fn missing_pods_are_created_alike() {
    let mut api = Api::new(Config::default());
    api.replicas("r", 700, &json!({}));
    let pods = api.list(Kind::Pod);
    assert_eq!(pods.len(), 700);
    let first = pods[0].pod().unwrap();
    for pod in &pods {
        assert!(pod.meta.name.starts_with("r-") && pod.meta.name.len() == 7, "{}", pod.meta.name);
        assert!(Arc::ptr_eq(&pod.pod().unwrap().spec, &first.spec), "replicas share their spec");
        assert!(Arc::ptr_eq(&pod.meta.labels, &pods[0].meta.labels), "replicas share their labels");
    }
    let rc = api.get(Kind::ReplicationController, "r");
    assert_eq!(rc["status"]["replicas"], 700);
    assert_eq!(rc["status"]["observedGeneration"], rc["metadata"]["generation"]);
    assert_eq!(api.events("SuccessfulCreate"), 700);
}

#[test]
fn a_restored_cluster_goes_on_where_it_was() {
    let mut api = Api::new(Config::default());
    api.replicas("r", 5, &json!({}));
    let objects: Vec<_> = Kind::ALL.into_iter().flat_map(|k| api.list(k)).collect();
    let revision = api.cluster.store().revision();
    let mut restored = kubarium_core::Cluster::restore(Config::default(), api.now, revision, objects);
    restored.handle(api.now, kubarium_core::Input::Wake);
    assert_eq!(restored.store().count(Kind::Pod), 5);
    assert_eq!(restored.store().revision(), revision, "nothing had to be done");
}

#[test]
fn a_template_that_cannot_be_is_reported_and_retried() {
    // Validation lets nobody create such a controller, but the settings may have become stricter.
    let mut api = Api::new(Config { allow_privileged: true, ..Config::default() });
    let template = json!({"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [
        {"name": "c", "image": "i:1", "securityContext": {"privileged": true}}]}});
    let rc =
        json!({"metadata": {"name": "r"}, "spec": {"replicas": 2, "selector": {"app": "a"}, "template": template}});
    api.must(Method::Post, "namespaces/default/replicationcontrollers", &rc);
    let objects: Vec<_> = Kind::ALL.into_iter().flat_map(|k| api.list(k)).collect();
    let revision = api.cluster.store().revision();
    api.cluster = kubarium_core::Cluster::restore(Config::default(), api.now, revision, objects);
    assert_eq!(api.live().len(), 2);
    for pod in api.live() {
        api.must(Method::Delete, &format!("namespaces/default/pods/{pod}"), &json!({"gracePeriodSeconds": 0}));
    }
    api.pass(Span::from_secs(5));
    assert_eq!(api.live().len(), 0);
    let condition = &api.get(Kind::ReplicationController, "r")["status"]["conditions"][0];
    assert_eq!((&condition["type"], &condition["reason"]), (&json!("ReplicaFailure"), &json!("FailedCreate")));
    assert!(condition["message"].as_str().unwrap().contains("privileged"), "{condition}");
    assert!(api.events("FailedCreate") > 1, "it tries again");
}

#[test]
fn a_pod_is_let_go_and_taken_back_by_its_labels() {
    let mut api = Api::new(Config::default());
    api.replicas("r", 2, &json!({}));
    let pod = api.live()[0].clone();
    let path = format!("namespaces/default/pods/{pod}");
    api.must(Method::Patch, &path, &json!({"metadata": {"labels": {"app": "other"}}}));
    assert_eq!(api.get(Kind::Pod, &pod)["metadata"]["ownerReferences"], Value::Null, "orphaned");
    assert_eq!(api.live().len(), 3, "and replaced");
    api.must(Method::Patch, &path, &json!({"metadata": {"labels": {"app": "a"}}}));
    assert_eq!(api.live().len(), 2, "adopted, and one was too many");
}

/// One pod: name, node, phase, seconds it has been ready, restarts, deletion cost.
type Row = (&'static str, &'static str, &'static str, Option<i64>, u32, Option<&'static str>);

#[test]
fn victims_go_in_upstreams_order() {
    let ready = |name, since| -> Row { (name, "n1", "Running", Some(since), 0, None) };
    // Each table: two pods, of which the first must go when one is too many.
    let tables: [(&str, [Row; 2]); 7] = [
        ("one without node", [("a", "", "Pending", None, 0, Some("5")), ("b", "n1", "Pending", None, 0, Some("-5"))]),
        ("pending before running", [("a", "n1", "Pending", None, 0, Some("5")), ("b", "n1", "Running", None, 9, None)]),
        ("unknown before running", [("a", "n1", "Unknown", None, 0, None), ("b", "n1", "Running", None, 9, None)]),
        (
            "not ready before cheaper",
            [("a", "n1", "Running", None, 0, Some("5")), ("b", "n1", "Running", Some(1), 0, None)],
        ),
        ("cheaper before newer", [("a", "n1", "Running", Some(9000), 0, Some("-1")), ready("b", 1)]),
        ("ready for a shorter time", [ready("a", 10), ("b", "n1", "Running", Some(9000), 9, None)]),
        ("more restarts", [("a", "n1", "Running", Some(60), 3, None), ("b", "n1", "Running", Some(60), 1, None)]),
    ];
    for (case, rows) in tables {
        for swapped in [false, true] {
            let mut api = Api::new(Config::default());
            let mut rows = rows;
            if swapped {
                rows.reverse();
            }
            for (name, node, phase, since, restarts, cost) in rows {
                api.pod(name, &json!({"app": "a"}), node);
                api.report(name, phase, since, restarts);
                let cost = json!({"metadata": {"annotations": {"controller.kubernetes.io/pod-deletion-cost": cost}}});
                api.must(Method::Patch, &format!("namespaces/default/pods/{name}"), &cost);
            }
            api.replicas("r", 1, &json!({}));
            assert_eq!(api.live(), ["b"], "{case} (swapped: {swapped})");
        }
    }
}

/// Something that happens to a set of pods.
#[derive(Clone, Debug)]
enum Happening {
    Scale(usize),
    Relabel(usize, bool),
    Delete(usize),
    Stray,
    Report(usize, u8),
    Orphan(usize),
    Pass(i64),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        (0..9usize).prop_map(Happening::Scale),
        (any::<usize>(), any::<bool>()).prop_map(|(i, to)| Happening::Relabel(i, to)),
        any::<usize>().prop_map(Happening::Delete),
        Just(Happening::Stray),
        (any::<usize>(), 0..4u8).prop_map(|(i, how)| Happening::Report(i, how)),
        any::<usize>().prop_map(Happening::Orphan),
        (1..40i64).prop_map(Happening::Pass),
    ]
}

proptest! {
    #![proptest_config(property::cases(200))]

    #[test]
    fn replicas_endpoints_and_routes_always_converge(happenings in prop::collection::vec(happening(), 1..30)) {
        let mut api = Api::new(Config::default());
        api.node("n1");
        api.replicas("r", 3, &json!({}));
        api.must(Method::Post, "namespaces/default/services",
            &json!({"metadata": {"name": "s"}, "spec": {"selector": {"app": "a"}, "ports": [{"port": 80}]}}));
        let mut wanted = 3;
        for (step, happening) in happenings.into_iter().enumerate() {
            let live = api.live();
            let pick = |i: usize| (!live.is_empty()).then(|| live[i % live.len()].clone());
            let pod = |name: &str| format!("namespaces/default/pods/{name}");
            match happening {
                Happening::Scale(n) => {
                    wanted = n;
                    api.must(Method::Patch, "namespaces/default/replicationcontrollers/r", &json!({"spec": {"replicas": n}}));
                }
                Happening::Relabel(i, to) => if let Some(name) = pick(i) {
                    let label = if to { "a" } else { "b" };
                    api.must(Method::Patch, &pod(&name), &json!({"metadata": {"labels": {"app": label}}}));
                },
                Happening::Delete(i) => if let Some(name) = pick(i) {
                    api.must(Method::Delete, &pod(&name), &json!({}));
                },
                Happening::Stray => api.pod(&format!("stray-{step}"), &json!({"app": "a"}), "n1"),
                Happening::Report(i, how) => if let Some(name) = pick(i) {
                    let (phase, since) =
                        [("Running", Some(3)), ("Running", None), ("Failed", None), ("Pending", None)][how as usize];
                    api.report(&name, phase, since, 0);
                },
                Happening::Orphan(i) => if let Some(name) = pick(i) {
                    api.must(Method::Patch, &pod(&name), &json!({"metadata": {"ownerReferences": null}}));
                },
                Happening::Pass(seconds) => api.pass(Span::from_secs(seconds)),
            }
            let pods = api.list(Kind::Pod);
            let active = pods.iter().filter(|o| {
                o.meta.deletion.is_none() && !o.pod().unwrap().status.phase.is_finished()
                    && o.meta.labels.get("app").map(String::as_str) == Some("a")
            });
            prop_assert_eq!(active.clone().count(), wanted, "active pods that match");
            prop_assert!(active.clone().all(|o| o.meta.controller().is_some_and(|c| c.name == "r")), "all adopted");
            let status = api.get(Kind::ReplicationController, "r")["status"].clone();
            let ready = active.filter(|o| o.pod().unwrap().status.is_ready()).count();
            prop_assert_eq!(&status["replicas"], wanted);
            prop_assert_eq!(status["readyReplicas"].as_u64().unwrap_or_default() as usize, ready);
            let serving: Vec<String> = pods.iter().filter(|o| {
                let pod = o.pod().unwrap();
                o.meta.labels.get("app").map(String::as_str) == Some("a") && pod.status.is_ready()
                    && o.meta.deletion.is_none() && pod.status.pod_ip.is_some() && !pod.status.phase.is_finished()
            }).map(|o| o.meta.name.to_string()).collect();
            let subsets = api.get(Kind::Endpoints, "s")["subsets"].clone();
            let mut addresses: Vec<String> = subsets.as_array().into_iter().flatten()
                .flat_map(|s| s["addresses"].as_array().cloned().unwrap_or_default())
                .map(|a| a["targetRef"]["name"].as_str().unwrap().to_owned()).collect();
            addresses.sort();
            prop_assert_eq!(&addresses, &serving, "endpoints are the ready pods that match");
            let (_, route) = api.cluster.router().iter().next().unwrap();
            let routed: Vec<String> = route.backends.iter().filter_map(|b| b.pod.as_ref()).map(|p| p.name.to_string()).collect();
            prop_assert_eq!(&routed, &serving, "routes are the endpoints");
        }
    }

    #[test]
    fn no_address_or_node_port_is_given_twice(happenings in prop::collection::vec((0..6usize, any::<bool>()), 1..60)) {
        let mut api = Api::new(Config { service_prefix: 29, node_ports: (30_000, 30_002), ..Config::default() });
        for (i, create) in happenings {
            if create {
                let service = json!({"metadata": {"name": format!("s{i}")},
                    "spec": {"type": "NodePort", "selector": {"app": "a"}, "ports": [{"port": 80}]}});
                // There is room for three; more are refused, as are names that are taken.
                api.request(Method::Post, "namespaces/default/services", &service);
            } else {
                api.request(Method::Delete, &format!("namespaces/default/services/s{i}"), &json!({}));
            }
            let services = api.list(Kind::Service);
            let unique = |values: Vec<String>| {
                let all = values.len();
                all == values.into_iter().collect::<std::collections::BTreeSet<_>>().len()
            };
            let specs = || services.iter().map(|o| o.service().unwrap());
            prop_assert!(unique(specs().filter_map(|s| s.cluster_ip.clone()).collect()));
            prop_assert!(unique(specs().map(|s| s.ports.as_ref().unwrap()[0].node_port.unwrap().to_string()).collect()));
        }
        // What was given back can be given again: all that is there goes, and three fit once more.
        for i in 0..6 {
            api.request(Method::Delete, &format!("namespaces/default/services/s{i}"), &json!({}));
        }
        for i in 0..3 {
            let service = json!({"metadata": {"name": format!("t{i}")},
                "spec": {"type": "NodePort", "ports": [{"port": 80}]}});
            api.must(Method::Post, "namespaces/default/services", &service);
        }
    }
}
