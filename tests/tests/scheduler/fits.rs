//! How many more of a pod there could be: that many get a node when they are really made, and one more does not.

use crate::fixture::{Fixture, cpu, node, pod, requests};
use kubarium_core::Input;
use kubarium_core::api::Kind;
use kubarium_core::apiserver::{Answer, Method, Request};
use serde_json::{Value, json};

fn controller(replicas: u32, spec: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"app": "web"},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": spec}}})
}

fn fit(fixture: &mut Fixture, path: &str) -> Value {
    let (status, answer) = fixture.get(&format!("/apis/kubarium.io/v1/namespaces/default/{path}"));
    assert_eq!((status, &answer["kind"]), (200, &json!("Fit")), "{answer}");
    answer
}

/// Scales, lets time pass, and counts the replicas with a node and all there are.
fn scaled(fixture: &Fixture, replicas: u64) -> (usize, usize) {
    let mut copy = Fixture { cluster: fixture.cluster.clone(), now: fixture.now };
    let patch = json!({"spec": {"replicas": replicas}});
    copy.ask(Method::Patch, "namespaces/default/replicationcontrollers/web", &patch);
    copy.pass(30);
    let pods = copy.cluster.store().list(Kind::Pod, Some("default"));
    let names: Vec<_> = pods.filter(|o| o.meta.controller().is_some()).map(|o| o.meta.name.clone()).collect();
    (names.iter().filter(|name| copy.place(name) != "-").count(), names.len())
}

#[test]
fn so_many_replicas_fit_and_one_more_does_not() {
    let zone = |name: &str, zone: &str| node(name, json!({"metadata": {"labels": {"zone": zone}}}));
    let spread = json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "web"}}}],
        "containers": [{"name": "c", "image": "i"}]});
    let apart = json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}]}},
        "containers": [{"name": "c", "image": "i"}]});
    let port = json!({"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80, "hostPort": 80}]}]});
    let few = json!({"status": {"allocatable": {"pods": "3"}}});
    for (nodes, spec, more, refusal) in [
        (vec![node("a", json!({})), node("b", json!({}))], requests(json!({"cpu": "1500m"})), 3, "2 Insufficient cpu"),
        (vec![node("a", few.clone()), node("b", few)], requests(json!({"cpu": "100m"})), 5, "2 Too many pods"),
        // Three zones, of which one has room for one pod only: the others are one ahead at most.
        (
            vec![zone("a", "x"), zone("b", "y"), {
                let mut small = zone("c", "z");
                small["status"]["allocatable"]["pods"] = json!("1");
                small
            }],
            spread,
            4,
            "2 node(s) didn't match pod topology spread constraints",
        ),
        (vec![zone("a", "x"), zone("b", "y")], apart, 1, "2 node(s) didn't match pod anti-affinity rules"),
        (vec![zone("a", "x"), zone("b", "y")], port, 1, "2 node(s) didn't have free ports"),
    ] {
        let mut fixture = Fixture::new(&nodes);
        fixture.ask(Method::Post, "namespaces/default/replicationcontrollers", &controller(1, &spec));
        let answer = fit(&mut fixture, "replicationcontrollers/web/fit");
        assert_eq!((&answer["fits"], &answer["replicas"]), (&json!(more), &json!(1)), "{answer:#}");
        let message = answer["refusal"]["message"].as_str().unwrap();
        assert!(message.contains(refusal), "{message}");
        let sum: u64 = answer["nodes"].as_array().unwrap().iter().map(|n| n["pods"].as_u64().unwrap()).sum();
        assert_eq!(sum, more);
        assert_eq!(scaled(&fixture, 1 + more), (1 + more as usize, 1 + more as usize));
        assert_eq!(scaled(&fixture, 2 + more), (1 + more as usize, 2 + more as usize));
    }
}

#[test]
fn a_quota_refuses_the_next_one_before_any_node_does() {
    let mut fixture = Fixture::new(&[node("a", json!({}))]);
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "3"}}});
    fixture.ask(Method::Post, "namespaces/default/resourcequotas", &quota);
    fixture.ask(
        Method::Post,
        "namespaces/default/replicationcontrollers",
        &controller(1, &requests(json!({"cpu": "1"}))),
    );
    let answer = fit(&mut fixture, "replicationcontrollers/web/fit");
    assert_eq!(answer["fits"], 2, "{answer:#}");
    assert!(answer["refusal"]["message"].as_str().unwrap().contains("exceeded quota: few"), "{answer:#}");
    assert_eq!(scaled(&fixture, 4), (3, 3));
}

#[test]
fn of_a_bare_pod_copies_are_made_and_of_a_replica_replicas() {
    let mut fixture = Fixture::new(&[node("a", json!({}))]);
    fixture.create(&cpu("p", "1"));
    let answer = fit(&mut fixture, "pods/p/fit");
    assert_eq!((&answer["fits"], &answer["replicas"]), (&json!(3), &Value::Null));
    fixture.ask(
        Method::Post,
        "namespaces/default/replicationcontrollers",
        &controller(1, &requests(json!({"cpu": "1"}))),
    );
    let replica = fixture.cluster.store().list(Kind::Pod, None).find(|o| o.meta.controller().is_some()).unwrap();
    let path = format!("pods/{}/fit", replica.meta.name);
    let answer = fit(&mut fixture, &path);
    assert_eq!((&answer["metadata"]["name"], &answer["fits"]), (&json!("web"), &json!(2)));
}

#[test]
fn those_who_would_be_evicted_for_the_next_one_stay() {
    let mut low = requests(json!({"cpu": "2"}));
    low["nodeName"] = json!("a");
    let mut high = requests(json!({"cpu": "1"}));
    high["priorityClassName"] = json!("high");
    let class = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 10});
    let mut fixture = Fixture::new(&[node("a", json!({})), pod("low", low), class]);
    fixture.ask(Method::Post, "namespaces/default/replicationcontrollers", &controller(1, &high));
    let answer = fit(&mut fixture, "replicationcontrollers/web/fit");
    assert_eq!((&answer["fits"], &answer["refusal"]["makesRoomOn"]), (&json!(1), &json!("a")), "{answer:#}");
}

#[test]
fn of_a_manifest_it_is_said_before_it_is_created() {
    let mut fixture = Fixture::new(&[node("a", json!({}))]);
    let mut post = |text: &str| {
        let mut request = Request::new(Method::Post, "/apis/kubarium.io/v1/namespaces/default/fits");
        text.clone_into(&mut request.body);
        match fixture.cluster.handle(fixture.now, Input::Request(request)).answer {
            Some(Answer::Done(done)) => (done.status, serde_json::from_str::<Value>(&done.body).unwrap()),
            other => panic!("{other:?}"),
        }
    };
    let web = controller(7, &requests(json!({"cpu": "2"})));
    let pod = "kind: Pod\napiVersion: v1\nmetadata: {generateName: p-}\nspec:\n  containers:\n  - {name: c, image: i, \
               resources: {requests: {cpu: 500m}}}\n";
    for (text, fits) in [(web.to_string(), 2), (pod.to_owned(), 8), (cpu("p", "9").to_string(), 0)] {
        let (status, answer) = post(&text);
        assert_eq!((status, &answer["fits"]), (200, &json!(fits)), "{text}: {answer}");
    }
    for (text, said) in [
        ("", "one manifest is wanted: a Pod or a ReplicationController"),
        ("kind: Pod\n---\nkind: Pod\n", "one manifest is wanted: a Pod or a ReplicationController"),
        ("kind: [", "the manifest cannot be read: "),
        (
            "kind: Service\n",
            "kind: Unsupported value: \"Service\": of a Pod and of a ReplicationController it can be said",
        ),
        ("kind: Pod\napiVersion: v1\nmetadata: {name: p}\nspec: {}\n", "spec.containers: Required value"),
    ] {
        let (status, answer) = post(text);
        assert!(status == 400 && answer["message"].as_str().unwrap().contains(said), "{text:?}: {answer}");
    }
}

#[test]
fn a_limit_ends_the_search_and_says_so() {
    let mut fixture = Fixture::new(&[node("a", json!({}))]);
    fixture.ask(
        Method::Post,
        "namespaces/default/replicationcontrollers",
        &controller(1, &requests(json!({"cpu": "1m"}))),
    );
    let path = "/apis/kubarium.io/v1/namespaces/default/replicationcontrollers/web/fit";
    let ask = |query: &str| {
        let request = Request { query: query.to_owned(), ..Request::get(path) };
        match fixture.cluster.clone().handle(fixture.now, Input::Request(request)).answer {
            Some(Answer::Done(done)) => serde_json::from_str::<Value>(&done.body).unwrap(),
            other => panic!("{other:?}"),
        }
    };
    let answer = ask("limit=5");
    assert_eq!((&answer["fits"], &answer["limit"], &answer["refusal"]), (&json!(5), &json!(5), &Value::Null));
    for query in ["limit=0", "limit=-1", "limit=1000001", "limit=many", "limit=99999999999999999999"] {
        let answer = ask(query);
        let said = answer["message"].as_str().unwrap();
        assert!(said.ends_with("must be a whole number from 1 to 1000000"), "{query}: {said}");
        assert_eq!(answer["code"], 400);
    }
    assert_eq!(fixture.get("/apis/kubarium.io/v1/namespaces/default/replicationcontrollers/nobody/fit").0, 404);
    assert_eq!(fixture.get("/apis/kubarium.io/v1/namespaces/default/fits").0, 405);
}
