//! What the rules of a namespace do to what comes into it: quotas, limit ranges, priority classes, budgets.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::Api;
use kubarium_core::api::Kind;
use kubarium_core::apiserver::Method;
use kubarium_core::{Config, Span};
use kubarium_tests::property;
use proptest::prelude::*;
use serde_json::{Value, json};

const PODS: &str = "namespaces/default/pods";
const BUDGETS: &str = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";

fn api_with(kind: &str, spec: &Value) -> Api {
    let mut api = Api::new(Config::default());
    let body = json!({"metadata": {"name": "rule"}, "spec": spec});
    api.must(Method::Post, &format!("namespaces/default/{kind}"), &body);
    api
}

fn pod(name: &str, resources: &Value) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [
        {"name": "c", "image": "i:1", "resources": resources}]}})
}

fn used(api: &Api) -> Value {
    api.get(Kind::ResourceQuota, "rule")["status"]["used"].clone()
}

#[test]
fn a_quota_counts_what_is_there_and_refuses_what_is_too_much() {
    let asks = |cpu: &str| json!({"requests": {"cpu": cpu}, "limits": {"cpu": "2"}});
    for (hard, given, more, refused, counted) in [
        (
            json!({"pods": "2"}),
            vec![json!({}), json!({})],
            json!({}),
            "requested: pods=1, used: pods=2, limited: pods=2",
            json!({"pods": "2"}),
        ),
        (
            json!({"cpu": "1", "limits.cpu": "10"}),
            vec![asks("600m")],
            asks("500m"),
            "requested: cpu=500m, used: cpu=600m, limited: cpu=1",
            json!({"cpu": "600m", "limits.cpu": "2"}),
        ),
        (
            json!({"requests.cpu": "1"}),
            vec![asks("1")],
            json!({}),
            "must specify requests.cpu for: c",
            json!({"requests.cpu": "1"}),
        ),
        (
            json!({"requests.memory": "1Gi"}),
            vec![json!({"requests": {"memory": "512Mi"}})],
            json!({"requests": {"memory": "513Mi"}}),
            "requested: requests.memory=513Mi, used: requests.memory=512Mi, limited: requests.memory=1Gi",
            json!({"requests.memory": "512Mi"}),
        ),
        (json!({"count/pods": "1"}), vec![json!({})], json!({}), "requested: count/pods=1", json!({"count/pods": "1"})),
    ] {
        let mut api = api_with("resourcequotas", &json!({ "hard": hard }));
        for (index, resources) in given.iter().enumerate() {
            api.must(Method::Post, PODS, &pod(&format!("p{index}"), resources));
        }
        let (code, error) = api.request(Method::Post, PODS, &pod("more", &more));
        assert_eq!((code, &error["reason"]), (403, &json!("Forbidden")), "{hard}");
        assert!(error["message"].as_str().unwrap().contains(refused), "{hard}: {error}");
        assert_eq!(used(&api), counted, "{hard}");
        // Room comes back when somebody goes.
        api.must(Method::Delete, &format!("{PODS}/p0"), &json!({"gracePeriodSeconds": 0}));
        api.must(Method::Post, PODS, &pod("more", given.last().unwrap()));
        assert_eq!(used(&api), counted, "{hard}");
    }
}

#[test]
fn a_quota_counts_objects_of_every_kind() {
    let hard = json!({"configmaps": "1", "count/leases.coordination.k8s.io": "1", "services.nodeports": "1"});
    let mut api = api_with("resourcequotas", &json!({ "hard": hard }));
    let named = |name: &str| json!({"metadata": {"name": name}});
    let service =
        |name: &str| json!({"metadata": {"name": name}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}});
    for (path, first, second) in [
        ("namespaces/default/configmaps", named("a"), named("b")),
        ("/apis/coordination.k8s.io/v1/namespaces/default/leases", named("a"), named("b")),
        ("namespaces/default/services", service("a"), service("b")),
    ] {
        api.must(Method::Post, path, &first);
        let (code, error) = api.request(Method::Post, path, &second);
        assert_eq!(code, 403, "{path}: {error}");
    }
    assert_eq!(
        used(&api),
        json!({"configmaps": "1", "count/leases.coordination.k8s.io": "1", "services.nodeports": "1"})
    );
}

#[test]
fn controllers_are_held_to_quotas_and_go_on_when_there_is_room() {
    let mut api = api_with("resourcequotas", &json!({"hard": {"pods": "2"}}));
    api.replicas("r", 3, &json!({}));
    assert_eq!(api.live().len(), 2);
    assert!(api.events("FailedCreate") > 0);
    // After ten minutes in vain it is tried every few minutes only, but where there is room, at once.
    let rule = "namespaces/default/resourcequotas/rule";
    api.pass(Span::from_secs(600));
    api.must(Method::Patch, rule, &json!({"spec": {"hard": {"pods": "3"}}}));
    api.pass(Span::from_secs(1));
    assert_eq!(api.live().len(), 3, "there may be more");
    assert_eq!(used(&api), json!({"pods": "3"}));
    api.replicas("s", 1, &json!({}));
    api.pass(Span::from_secs(600));
    assert_eq!(api.live().len(), 3);
    api.must(Method::Patch, "namespaces/default/replicationcontrollers/r", &json!({"spec": {"replicas": 2}}));
    api.pass(Span::from_secs(60));
    assert_eq!(api.live().len(), 3, "another one has gone");
    api.must(Method::Patch, "namespaces/default/replicationcontrollers/s", &json!({"spec": {"replicas": 3}}));
    api.pass(Span::from_secs(600));
    assert_eq!(api.live().len(), 3);
    api.must(Method::Delete, rule, &json!({}));
    api.pass(Span::from_secs(1));
    assert_eq!(api.live().len(), 5, "there is no quota any more");
}

proptest! {
    #![proptest_config(property::cases(24))]

    /// Whatever comes and goes, a quota's status says what is there.
    #[test]
    fn what_a_quota_counts_is_what_is_there(steps in prop::collection::vec((0u8..4, 0usize..6), 1..40)) {
        let mut api = api_with("resourcequotas", &json!({"hard": {"pods": "4", "requests.cpu": "2", "configmaps": "3"}}));
        for (what, which) in steps {
            let name = format!("x{which}");
            match what {
                0 => _ = api.request(Method::Post, PODS, &pod(&name, &json!({"requests": {"cpu": "300m"}}))),
                1 => _ = api.request(Method::Delete, &format!("{PODS}/{name}"), &json!({"gracePeriodSeconds": 0})),
                2 => _ = api.request(Method::Post, "namespaces/default/configmaps", &json!({"metadata": {"name": name}})),
                _ => _ = api.request(Method::Delete, &format!("namespaces/default/configmaps/{name}"), &json!({})),
            }
            let pods = api.list(Kind::Pod).len();
            let cpu = match pods * 300 {
                0 => "0".to_owned(),
                milli => format!("{milli}m"),
            };
            let expected = json!({"pods": pods.to_string(), "requests.cpu": cpu,
                "configmaps": api.list(Kind::ConfigMap).len().to_string()});
            prop_assert_eq!(used(&api), expected);
        }
    }
}

#[test]
fn a_limit_range_fills_in_and_refuses() {
    let item = json!({"type": "Container", "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "100m"}, "max": {"cpu": "1"}});
    let mut api = api_with("limitranges", &json!({"limits": [item]}));
    let given = api.must(Method::Post, PODS, &pod("a", &json!({})));
    assert_eq!(
        given["spec"]["containers"][0]["resources"],
        json!({"limits": {"cpu": "500m"}, "requests": {"cpu": "100m"}})
    );
    let (code, error) = api.request(Method::Post, PODS, &pod("b", &json!({"limits": {"cpu": "2"}})));
    assert_eq!(code, 403);
    assert_eq!(error["message"], "pods \"b\" is forbidden: maximum cpu usage per Container is 1, but limit is 2");
    // Pods of controllers as well, also of those that were there before the rule changed.
    api.replicas("r", 1, &json!({}));
    let patch = json!({"spec": {"limits": [{"type": "Container", "default": {"cpu": "700m"}, "defaultRequest": {"cpu": "200m"}}]}});
    api.must(Method::Patch, "namespaces/default/limitranges/rule", &patch);
    api.must(Method::Patch, "namespaces/default/replicationcontrollers/r", &json!({"spec": {"replicas": 2}}));
    let mut requests: Vec<Value> = (api.list(Kind::Pod).iter().filter(|p| p.meta.name.starts_with("r-")))
        .map(|p| p.to_value()["spec"]["containers"][0]["resources"]["requests"]["cpu"].clone())
        .collect();
    requests.sort_by_key(Value::to_string);
    assert_eq!(requests, [json!("100m"), json!("200m")]);
}

#[test]
fn a_class_gives_its_priority() {
    let mut api = Api::new(Config::default());
    let classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
    api.must(Method::Post, classes, &json!({"metadata": {"name": "high"}, "value": 1000, "preemptionPolicy": "Never"}));
    api.must(Method::Post, classes, &json!({"metadata": {"name": "usual"}, "value": 7, "globalDefault": true}));
    let (code, error) =
        api.request(Method::Post, classes, &json!({"metadata": {"name": "other"}, "value": 8, "globalDefault": true}));
    assert_eq!((code, &error["reason"]), (403, &json!("Forbidden")), "{error}");
    let with_class = |name: &str, class: &str| {
        let mut pod = pod(name, &json!({}));
        pod["spec"]["priorityClassName"] = class.into();
        pod
    };
    for (body, expected) in [
        (with_class("a", "high"), json!([1000, "high", "Never"])),
        (
            with_class("b", "system-node-critical"),
            json!([2_000_001_000, "system-node-critical", "PreemptLowerPriority"]),
        ),
        (pod("c", &json!({})), json!([7, "usual", "PreemptLowerPriority"])),
    ] {
        let spec = api.must(Method::Post, PODS, &body)["spec"].take();
        assert_eq!(json!([spec["priority"], spec["priorityClassName"], spec["preemptionPolicy"]]), expected);
    }
    let (code, error) = api.request(Method::Post, PODS, &with_class("d", "none"));
    assert_eq!(code, 403);
    assert_eq!(error["message"], "pods \"d\" is forbidden: no PriorityClass with name none was found");
}

fn evict(api: &mut Api, pod: &str) -> (u16, Value) {
    let body = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}});
    api.request(Method::Post, &format!("{PODS}/{pod}/eviction"), &body)
}

#[test]
fn a_budget_lets_so_many_go_at_a_time() {
    let mut api = Api::new(Config::default());
    api.node("n");
    api.replicas("r", 3, &json!({}));
    let pods = api.live();
    for pod in &pods {
        api.report(pod, "Running", Some(60), 0);
    }
    let budget =
        json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "a"}}}});
    api.must(Method::Post, BUDGETS, &budget);
    let status = |api: &Api| api.get(Kind::PodDisruptionBudget, "b")["status"].clone();
    assert_eq!(
        [&status(&api)["currentHealthy"], &status(&api)["disruptionsAllowed"], &status(&api)["expectedPods"]],
        [3, 1, 3]
    );
    assert_eq!(evict(&mut api, &pods[0]).0, 201);
    let (code, error) = evict(&mut api, &pods[1]);
    assert_eq!((code, &error["reason"]), (429, &json!("TooManyRequests")));
    let why = &error["details"]["causes"][0];
    assert_eq!(why["message"], "The disruption budget b needs 2 healthy pods and has 2 currently", "{error}");
    // The replacement makes room for the next.
    api.must(Method::Delete, &format!("{PODS}/{}", pods[0]), &json!({"gracePeriodSeconds": 0}));
    let new = api.live().into_iter().find(|p| !pods.contains(p)).unwrap();
    assert_eq!(evict(&mut api, &pods[1]).0, 429);
    api.report(&new, "Running", Some(60), 0);
    assert_eq!(evict(&mut api, &pods[1]).0, 201);
}

#[test]
fn a_budget_counts_shares_of_what_controllers_want() {
    for (spec, desired, allowed) in [
        (json!({"maxUnavailable": 1}), 3, 1),
        (json!({"maxUnavailable": "50%"}), 2, 2),
        (json!({"minAvailable": "30%"}), 2, 2),
        (json!({"minAvailable": "100%"}), 4, 0),
        (json!({"minAvailable": 0}), 0, 4),
    ] {
        let mut api = Api::new(Config::default());
        api.node("n");
        api.replicas("r", 4, &json!({}));
        for pod in api.live() {
            api.report(&pod, "Running", Some(60), 0);
        }
        let mut budget = json!({"metadata": {"name": "b"}, "spec": spec});
        budget["spec"]["selector"] = json!({"matchLabels": {"app": "a"}});
        api.must(Method::Post, BUDGETS, &budget);
        let status = api.get(Kind::PodDisruptionBudget, "b")["status"].take();
        assert_eq!([&status["desiredHealthy"], &status["disruptionsAllowed"]], [desired, allowed], "{spec}: {status}");
    }
}

#[test]
fn an_unhealthy_pod_may_go_while_the_others_are_enough() {
    for (policy, others_ready, code) in
        [("IfHealthyBudget", true, 201), ("IfHealthyBudget", false, 429), ("AlwaysAllow", false, 201)]
    {
        let mut api = Api::new(Config::default());
        api.node("n");
        api.replicas("r", 3, &json!({}));
        let pods = api.live();
        for (index, pod) in pods.iter().enumerate() {
            let ready = index > 0 && (others_ready || index > 1);
            api.report(pod, "Running", ready.then_some(60), 0);
        }
        let budget = json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 2,
            "unhealthyPodEvictionPolicy": policy, "selector": {"matchLabels": {"app": "a"}}}});
        api.must(Method::Post, BUDGETS, &budget);
        assert_eq!(evict(&mut api, &pods[0]).0, code, "{policy}, others ready: {others_ready}");
    }
}

#[test]
fn every_namespace_has_its_service_account() {
    let mut api = Api::new(Config::default());
    assert!(!api.get(Kind::ServiceAccount, "default").is_null());
    let first = api.get(Kind::ServiceAccount, "default")["metadata"]["uid"].clone();
    api.must(Method::Delete, "namespaces/default/serviceaccounts/default", &json!({}));
    let second = api.get(Kind::ServiceAccount, "default")["metadata"]["uid"].clone();
    assert!(second.is_string() && first != second, "{first} {second}");
    api.must(Method::Post, "namespaces", &json!({"metadata": {"name": "team"}}));
    assert!(api.cluster.store().get(Kind::ServiceAccount, "team", "default").is_some());
}

#[test]
fn a_service_that_a_quota_refuses_to_change_keeps_what_it_has_and_takes_nothing() {
    let mut api = api_with("resourcequotas", &json!({"hard": {"services.nodeports": "1"}}));
    let services = "namespaces/default/services";
    let port = |name: &str, port: u16, node_port: u16| json!({"name": name, "port": port, "nodePort": node_port});
    let service = |name: &str, kind: &str, ports: Value| json!({"metadata": {"name": name}, "spec": {"type": kind, "ports": ports}});
    api.must(Method::Post, services, &service("a", "NodePort", json!([port("x", 80, 30_001)])));
    // Two other ports in the place of the one are too many.
    let change = json!({"spec": {"ports": [port("y", 81, 30_002), port("z", 82, 30_003)]}});
    let (code, error) = api.request(Method::Patch, &format!("{services}/a"), &change);
    assert_eq!((code, &error["reason"]), (403, &json!("Forbidden")), "{error}");
    assert_eq!(api.get(Kind::Service, "a")["spec"]["ports"][0]["nodePort"], 30_001);
    // Room for more: the port that it kept is taken, those that it did not get are free.
    api.must(Method::Delete, "namespaces/default/resourcequotas/rule", &json!({}));
    let (code, error) = api.request(Method::Post, services, &service("b", "NodePort", json!([port("x", 80, 30_001)])));
    assert_eq!(code, 422, "{error}");
    for (name, node_port) in [("c", 30_002), ("d", 30_003)] {
        api.must(Method::Post, services, &service(name, "NodePort", json!([port("x", 80, node_port)])));
    }
}
