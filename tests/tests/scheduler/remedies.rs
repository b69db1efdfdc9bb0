//! The smallest changes that place a pending pod: each one that is told is then really made, and the pod is placed.

use crate::fixture::{Fixture, cpu, node, pod, requests};
use kubarium_core::Input;
use kubarium_core::api::Kind;
use kubarium_core::apiserver::{Answer, Method, Request};
use serde_json::{Value, json};

pub(crate) fn asked(fixture: &mut Fixture, name: &str) -> Value {
    let (status, answer) = fixture.get(&format!("/apis/kubarium.io/v1/namespaces/default/pods/{name}/remedies"));
    assert_eq!((status, &answer["kind"]), (200, &json!("Remedies")), "{answer}");
    answer
}

/// Each remedy as a line: what to do, where the pod goes, and who goes for it.
pub(crate) fn lines(answer: &Value) -> Vec<String> {
    let line = |item: &Value| {
        let evicts: Vec<_> = item["evicts"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let evicts = if evicts.is_empty() { String::new() } else { format!(", not {}", evicts.join(" ")) };
        format!("{} -> {}{evicts}", item["message"].as_str().unwrap(), item["node"].as_str().unwrap())
    };
    answer["items"].as_array().unwrap().iter().map(line).collect()
}

/// Makes a request as it was told.
fn make(fixture: &mut Fixture, request: &Value) {
    let method = match request["method"].as_str().unwrap() {
        "POST" => Method::Post,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        other => panic!("{other}"),
    };
    let mut asked = Request::new(method, request["path"].as_str().unwrap()).with_json(&request["body"]);
    if method == Method::Patch {
        "application/merge-patch+json".clone_into(&mut asked.content_type);
    }
    match fixture.cluster.handle(fixture.now, Input::Request(asked)).answer {
        Some(Answer::Done(done)) if done.status < 300 => {}
        other => panic!("{request}: {other:?}"),
    }
}

/// Makes the changes of each remedy in a copy of the cluster: the pod, or the one in its place, is then on that node.
pub(crate) fn really(fixture: &Fixture, name: &str, answer: &Value) {
    for item in answer["items"].as_array().unwrap() {
        let Some(requests) = item["requests"].as_array() else { continue };
        let mut copy = Fixture { cluster: fixture.cluster.clone(), now: fixture.now };
        for request in requests {
            make(&mut copy, request);
        }
        copy.pass(1);
        // There may be no machine that ends those who make room.
        let evicted = item["evicts"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let deleted = requests.iter().filter(|r| r["method"] == "DELETE").filter_map(|r| r["path"].as_str());
        for leaving in evicted.chain(deleted).filter(|l| !l.ends_with(&format!("/{name}"))) {
            let name = leaving.rsplit('/').next().unwrap();
            if copy.cluster.store().get(Kind::Pod, "default", name).is_some() {
                copy.delete_pod(name);
            }
        }
        copy.pass(30);
        let owner = fixture.pod(name).meta.controller_uid();
        let before = fixture.cluster.store();
        let new = |o: &kubarium_core::api::Object| {
            owner.is_some() && o.meta.controller_uid() == owner && before.pod(o.meta.uid).is_none()
        };
        let pods: Vec<_> = copy.cluster.store().list(Kind::Pod, None).collect();
        let its: Vec<&str> =
            pods.iter().filter(|o| o.meta.name == name || new(o)).map(|o| copy.place(&o.meta.name)).collect();
        assert!(its.contains(&item["node"].as_str().unwrap()), "{item:#}: {its:?}");
    }
}

/// Asks, makes, and holds the lines against those expected.
pub(crate) fn remedies(objects: &[Value], pending: &Value, expected: &[&str]) {
    let mut fixture = Fixture::new(objects);
    fixture.create(pending);
    let name = pending["metadata"]["name"].as_str().unwrap();
    assert_eq!(fixture.place(name), "-");
    let before = kubarium_core::recording::state_hash(&fixture.cluster);
    let answer = asked(&mut fixture, name);
    assert_eq!(kubarium_core::recording::state_hash(&fixture.cluster), before, "nothing is changed by asking");
    assert_eq!(lines(&answer), expected, "{answer:#}");
    really(&fixture, name, &answer);
}

pub(crate) fn on(name: &str, node: &str, cpu: &str) -> Value {
    let mut spec = requests(json!({"cpu": cpu}));
    spec["nodeName"] = json!(node);
    pod(name, spec)
}

pub(crate) fn labelled(mut pod: Value, labels: Value) -> Value {
    pod["metadata"]["labels"] = labels;
    pod
}

#[test]
fn a_node_is_uncordoned_or_another_is_added() {
    remedies(
        &[node("closed", json!({"spec": {"unschedulable": true}}))],
        &cpu("p", "1"),
        &["uncordon closed -> closed", "add a node like closed -> closed-more-1"],
    );
}

#[test]
fn a_taint_is_tolerated_or_goes() {
    let taint = json!([{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]);
    remedies(
        &[node("kept", json!({"spec": {"taints": taint}}))],
        &cpu("p", "1"),
        &[
            "tolerate the taint dedicated=db:NoSchedule -> kept",
            "remove the taint dedicated=db:NoSchedule from kept -> kept",
        ],
    );
}

#[test]
fn room_is_freed_where_least_is_missing_or_less_is_asked_for() {
    let objects = [node("a", json!({})), node("b", json!({})), on("x", "a", "2"), on("y", "b", "1500m")];
    remedies(
        &objects,
        &cpu("p", "3"),
        &[
            "ask for 2500m cpu instead of 3 -> b",
            "ask for 2 cpu instead of 3 -> b",
            "free 500m cpu on b -> b",
            "free 1 cpu on a -> a",
            "give it a new priority class of 1 -> b, not default/y",
            "add a node like a (there are 2 such) -> a-more-1",
        ],
    );
    // What is freed is freed: that much less on that node will do, and less than that will not.
    for (gone, back, place) in [("y", "1", "b"), ("y", "1001m", "-"), ("x", "1", "a"), ("x", "1001m", "-")] {
        let mut fixture = Fixture::new(&objects);
        fixture.create(&cpu("p", "3"));
        let node = fixture.place(gone).to_owned();
        fixture.delete_pod(gone);
        // What was tried a moment ago is left alone for a second: this comes before.
        fixture.create(&on("smaller", &node, back));
        fixture.pass(30);
        assert_eq!(fixture.place("p"), place, "{gone} is {back} now");
    }
}

#[test]
fn a_pod_that_no_node_could_ever_hold_asks_for_less() {
    remedies(
        &[node("a", json!({})), on("x", "a", "1")],
        &pod("p", requests(json!({"cpu": "5", "memory": "1Gi"}))),
        &["ask for 3 cpu instead of 5 -> a"],
    );
}

#[test]
fn a_term_of_its_own_is_relaxed() {
    let ssd = |name: &str, disk: &str| node(name, json!({"metadata": {"labels": {"disk": disk, "zone": "x"}}}));
    let expression = |key: &str, value: &str| json!({"key": key, "operator": "In", "values": [value]});
    let required = |terms: Value| json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}});
    for (spec, expected) in [
        (json!({"nodeSelector": {"disk": "nvme", "zone": "x"}}), vec!["drop the node selector disk=nvme -> n"]),
        (
            json!({"affinity": required(json!([{"matchExpressions": [expression("disk", "nvme"), expression("zone", "x")]}]))}),
            vec!["drop \"disk In nvme\" from the required node affinity -> n", "drop the required node affinity -> n"],
        ),
        (
            json!({"affinity": required(json!([{"matchExpressions": [expression("disk", "nvme")]}]))}),
            vec!["drop the required node affinity -> n"],
        ),
    ] {
        remedies(&[ssd("n", "ssd")], &pod("p", spec), &expected);
    }
}

#[test]
fn a_term_about_other_pods_is_relaxed_or_a_node_is_added_that_is_far_enough() {
    let selector = json!({"matchLabels": {"app": "a"}});
    let term = json!([{"topologyKey": "kubernetes.io/hostname", "labelSelector": selector}]);
    let required = |kind: &str| json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": term}}});
    let other = labelled(on("other", "n", "1"), json!({"app": "a"}));
    remedies(
        &[node("n", json!({})), other.clone()],
        &pod("p", required("podAntiAffinity")),
        &[
            "drop the required pod anti-affinity over kubernetes.io/hostname -> n",
            "delete pod default/other, near which it must not be over kubernetes.io/hostname -> n",
            "give it a new priority class of 1 -> n, not default/other",
            "add a node like n -> n-more-1",
        ],
    );
    remedies(
        &[node("n", json!({}))],
        &pod("p", required("podAffinity")),
        &["drop the required pod affinity over kubernetes.io/hostname -> n"],
    );
    let spread = json!([{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": selector}]);
    remedies(
        &[node("n", json!({})), node("m", json!({"status": {"allocatable": {"cpu": "0"}}})), other],
        &labelled(
            pod(
                "p",
                json!({"topologySpreadConstraints": spread, "containers": requests(json!({"cpu": "1"}))["containers"]}),
            ),
            json!({"app": "a"}),
        ),
        &[
            "raise maxSkew over kubernetes.io/hostname from 1 to 2 -> n",
            "let it spread unevenly over kubernetes.io/hostname (whenUnsatisfiable: ScheduleAnyway) -> n",
            "give it a new priority class of 1 -> n, not default/other",
            "add a node like n -> n-more-1",
        ],
    );
}

#[test]
fn a_host_port_or_a_gate_is_dropped() {
    let port = |name: &str, over: Value| {
        let mut spec =
            json!({"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80, "hostPort": 8080}]}]});
        spec.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
        pod(name, spec)
    };
    remedies(
        &[node("n", json!({})), port("other", json!({"nodeName": "n"}))],
        &port("p", json!({})),
        &[
            "drop the host port 8080/TCP -> n",
            "give it a new priority class of 1 -> n, not default/other",
            "add a node like n -> n-more-1",
        ],
    );
    remedies(
        &[node("n", json!({}))],
        &pod("p", json!({"schedulingGates": [{"name": "a"}, {"name": "b"}]})),
        &["remove the scheduling gate a, b -> n"],
    );
}

#[test]
fn where_one_change_is_not_enough_several_are_made_together() {
    let taint = json!([{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]);
    let closed = node("n", json!({"spec": {"unschedulable": true, "taints": taint}}));
    remedies(
        &[closed.clone(), on("x", "n", "3")],
        &cpu("p", "2"),
        &["add a node like n, and tolerate the taint dedicated=db:NoSchedule -> n-more-1"],
    );
    // No other node will do.
    let mut fixture = Fixture::new(&[closed, on("x", "n", "3")]);
    let spec = json!({"nodeSelector": {"kubernetes.io/hostname": "n"}, "containers": requests(json!({"cpu": "2"}))["containers"]});
    fixture.create(&pod("p", spec));
    let answer = asked(&mut fixture, "p");
    assert_eq!(
        lines(&answer)[..2],
        [
            "uncordon n, and tolerate the taint dedicated=db:NoSchedule, and ask for 1 cpu instead of 2 -> n",
            "uncordon n, and tolerate the taint dedicated=db:NoSchedule, and free 1 cpu on n -> n",
        ]
    );
    really(&fixture, "p", &answer);
}

#[test]
fn the_replica_of_a_controller_is_another_one_of_a_changed_template() {
    let mut fixture = Fixture::new(&[node("n", json!({}))]);
    let template = json!({"metadata": {"labels": {"app": "web"}},
        "spec": {"nodeSelector": {"disk": "ssd"}, "containers": [{"name": "c", "image": "i"}]}});
    let web = json!({"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "web"},
        "spec": {"replicas": 1, "selector": {"app": "web"}, "template": template}});
    fixture.ask(Method::Post, "namespaces/default/replicationcontrollers", &web);
    let name = fixture.cluster.store().list(Kind::Pod, None).next().unwrap().meta.name.to_string();
    let answer = asked(&mut fixture, &name);
    assert_eq!(lines(&answer), ["drop the node selector disk=ssd -> n", "label n with disk=ssd -> n"]);
    assert_eq!(
        answer["items"][0]["requests"][0],
        json!({"method": "PATCH", "path": "/api/v1/namespaces/default/replicationcontrollers/web",
            "body": {"spec": {"template": {"spec": {"nodeSelector": {"disk": null}}}}}})
    );
    really(&fixture, &name, &answer);
}

#[test]
fn what_has_no_remedy_says_so_and_what_needs_none_is_refused() {
    let mut fixture = Fixture::new(&[]);
    fixture.create(&cpu("p", "1"));
    assert_eq!(asked(&mut fixture, "p")["items"], json!([]));
    fixture.create(&node("n", json!({})));
    fixture.pass(30);
    fixture.create(&pod("foreign", json!({"schedulerName": "another"})));
    for (name, status, message) in [
        ("p", 400, "pod \"p\" is on node \"n\" already: nothing has to change"),
        ("nobody", 404, "pods \"nobody\" not found"),
        ("foreign", 400, "pod \"foreign\" is left to the scheduler \"another\", which is none of this cluster"),
    ] {
        let (code, answer) = fixture.get(&format!("/apis/kubarium.io/v1/namespaces/default/pods/{name}/remedies"));
        assert_eq!((code, answer["message"].as_str()), (status, Some(message)));
    }
}
