//! Pods that make room for more important ones: who goes, who stays, and what is said of it.

use crate::fixture::{Fixture, merge, node, pod, requests};
use kubarium_core::apiserver::Method;
use kubarium_core::scheduler::Preemption;
use serde_json::{Value, json};

/// A pod of a priority that asks for cpus and goes at once when told to.
fn of(name: &str, priority: i32, cpu: &str, over: Value) -> Value {
    let mut spec = requests(json!({"cpu": cpu}));
    merge(&mut spec, &json!({"priority": priority, "terminationGracePeriodSeconds": 0}));
    merge(&mut spec, &over);
    pod(name, spec)
}

fn on(name: &str, priority: i32, cpu: &str, node: &str) -> Value {
    of(name, priority, cpu, json!({"nodeName": node}))
}

/// The pods there are once some seconds have passed, each with its node.
fn places(objects: &[Value]) -> String {
    let mut fixture = Fixture::new(objects);
    fixture.pass(30);
    fixture.places()
}

fn two() -> [Value; 2] {
    [node("a", json!({})), node("b", json!({}))]
}

#[test]
fn less_important_pods_make_room() {
    let rows: [(&str, Vec<Value>, &str); 8] = [
        (
            "one goes, and the other takes its place",
            vec![on("low", 0, "4", "a"), on("top", 9, "4", "b")],
            "new:a top:b",
        ),
        ("none of the same priority goes", vec![on("low", 5, "4", "a"), on("top", 9, "4", "b")], "low:a new:- top:b"),
        (
            "the node whose pods are less important is taken",
            vec![on("one", 1, "4", "a"), on("two", 0, "4", "b")],
            "new:b one:a",
        ),
        (
            "then the one where fewer go",
            vec![on("a1", 0, "2", "a"), on("a2", 0, "2", "a"), on("b1", 0, "4", "b")],
            "a1:a a2:a new:b",
        ),
        (
            "who can stay beside it stays",
            vec![on("a1", 0, "1", "a"), on("a2", 1, "1", "a"), on("a3", 2, "2", "a"), on("top", 9, "4", "b")],
            "a3:a new:a top:b",
        ),
        (
            "the more important ones first",
            vec![on("a1", 3, "2", "a"), on("a2", 1, "2", "a"), on("top", 9, "4", "b")],
            "a1:a new:a top:b",
        ),
        ("where none must go none does", vec![on("low", 0, "2", "a"), on("top", 9, "4", "b")], "low:a new:a top:b"),
        (
            "removing pods does not help where the node is too small",
            vec![on("low", 0, "4", "a"), of("huge", 7, "5", json!({}))],
            "huge:- low:a new:b",
        ),
    ];
    for (sentence, pods, expected) in rows {
        let objects: Vec<_> = two().into_iter().chain(pods).chain([of("new", 5, "2", json!({}))]).collect();
        assert_eq!(places(&objects), expected, "{sentence}");
    }
}

#[test]
fn who_makes_room_is_not_there_for_those_who_are_next_in_line() {
    // Both wait, and are tried in one go once the node may be used.
    for (grace, place) in [(0, "-"), (30, "a")] {
        let mut red = on("red", 0, "4", "a");
        merge(
            &mut red,
            &json!({"metadata": {"labels": {"color": "red"}}, "spec": {"terminationGracePeriodSeconds": grace}}),
        );
        let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"color": "red"}}});
        let near = json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}});
        let closed = node("a", json!({"spec": {"unschedulable": true}}));
        let mut fixture = Fixture::new(&[closed, red, of("new", 5, "4", json!({})), of("near", 0, "0", near)]);
        assert_eq!(fixture.places(), "near:- new:- red:a");
        fixture.ask(Method::Patch, "nodes/a", &json!({"spec": {"unschedulable": null}}));
        fixture.pass(10);
        assert_eq!(fixture.place("near"), place, "whom it wants near has {grace} seconds to go");
        assert!(fixture.events("red", "Preempted") > 0, "the node may be used, so others may make room on it");
    }
}

#[test]
fn of_equal_pods_the_one_that_ran_for_less_goes() {
    let started = |name: &str, at: &str| {
        let mut pod = on(name, 0, "2", "a");
        merge(&mut pod, &json!({"status": {"phase": "Running", "startTime": at}}));
        pod
    };
    let (early, late) = ("2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z");
    let rows = [
        ("the later one", started("one", late), started("two", early), "one"),
        ("the one that came last, where both started at once", started("one", early), started("two", early), "two"),
        ("the one that came first, where none has started", on("one", 0, "2", "a"), on("two", 0, "2", "a"), "one"),
        ("the one that has not started before the one that has", started("one", late), on("two", 0, "2", "a"), "two"),
    ];
    for (sentence, one, two, goes) in rows {
        let objects = [node("a", json!({})), one, two, of("new", 5, "2", json!({"schedulerName": "nobody"}))];
        let explained = Fixture::new(&objects).explain("new");
        let victims: Vec<_> =
            explained.preemption.iter().flat_map(|p| &p.victims).map(|(_, name)| name.as_str()).collect();
        assert_eq!(victims, [goes], "{sentence}");
    }
}

#[test]
fn what_keeps_a_pod_from_every_node_is_said_as_upstream_says_it() {
    let claim = json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]});
    let named = |name: &str| json!({"key": "metadata.name", "operator": "In", "values": [name]});
    let torn = json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
        {"nodeSelectorTerms": [{"matchFields": [named("a"), named("b")]}]}}}});
    for (spec, said) in [(claim, "persistentvolumeclaim \"c\" not found"), (torn, "pod affinity terms conflict")] {
        let fixture = Fixture::new(&[node("a", json!({})), on("low", 0, "1", "a"), of("new", 5, "1", spec)]);
        let message = format!("0/1 nodes are available: {said}. not found");
        assert_eq!(fixture.decision("new").message().unwrap(), message);
    }
}

#[test]
fn a_pod_that_never_preempts_waits() {
    let patient = of("new", 5, "4", json!({"preemptionPolicy": "Never"}));
    let fixture = Fixture::new(&[node("a", json!({})), on("low", 0, "4", "a"), patient]);
    assert_eq!(fixture.places(), "low:a new:-");
    assert_eq!(
        fixture.decision("new").message().unwrap(),
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, \
         preemption: not eligible due to preemptionPolicy=Never."
    );
}

#[test]
fn a_pod_waits_for_those_that_take_their_time() {
    let slow = of("low", 0, "4", json!({"nodeName": "a", "terminationGracePeriodSeconds": 20}));
    let mut fixture = Fixture::new(&[node("a", json!({})), slow, of("new", 5, "4", json!({}))]);
    let status = &fixture.pod("new").pod().unwrap().status;
    assert_eq!(status.rarer.nominated_node.as_deref(), Some("a"));
    let Some(Preemption::Planned(plan)) = fixture.decision("new").preemption() else { panic!("nobody makes room") };
    assert_eq!((plan.node.as_str(), plan.victims.len()), ("a", 1));
    assert_eq!(fixture.decision("new").message().unwrap(), "0/1 nodes are available: 1 Insufficient cpu.");
    let victim = fixture.pod("low").to_value();
    let target = victim["status"]["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "DisruptionTarget");
    assert_eq!(target.unwrap()["reason"], "PreemptionByScheduler");
    assert_eq!(target.unwrap()["message"], "default-scheduler: preempting to accommodate a higher priority pod");
    assert_eq!(fixture.events("low", "Preempted"), 1);
    // Another that is no more important does not take the place that was made.
    fixture.create(&of("late", 0, "4", json!({"priority": null})));
    fixture.delete_pod("low");
    fixture.pass(30);
    assert_eq!(fixture.places(), "late:- new:a");
}

#[test]
fn a_pod_does_not_wait_for_those_on_a_node_that_is_gone() {
    let slow = of("slow", 0, "4", json!({"nodeName": "a", "terminationGracePeriodSeconds": 20}));
    let objects = two().into_iter().chain([slow, on("quick", 1, "4", "b"), of("new", 5, "4", json!({}))]);
    let mut fixture = Fixture::new(&objects.collect::<Vec<_>>());
    assert_eq!(fixture.pod("new").pod().unwrap().status.rarer.nominated_node.as_deref(), Some("a"));
    fixture.ask(Method::Delete, "nodes/a", &json!({}));
    fixture.pass(5);
    assert_eq!(fixture.place("new"), "b", "{}", fixture.places());
}

#[test]
fn a_node_is_judged_with_those_that_are_to_come_there() {
    let slow = json!({"nodeName": "a", "terminationGracePeriodSeconds": 20});
    let with = |over: Value| {
        let mut all = slow.clone();
        merge(&mut all, &over);
        all
    };
    let port = json!({"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80, "hostPort": 80}]}]});
    let apart = json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"labelSelector": {"matchLabels": {"app": "late"}}, "topologyKey": "kubernetes.io/hostname"}]}}});
    let memory = |cpu: &str, memory: &str| requests(json!({"cpu": cpu, "memory": memory}));
    let mut coming = port.clone();
    merge(&mut coming, &apart);
    let rows = [
        (
            "what they ask for is not there for others, whatever else is missing",
            [of("low", 0, "0", with(memory("3500m", "1Gi"))), of("new", 5, "0", memory("3", "6Gi"))],
            of("late", 0, "0", memory("1", "2Gi")),
            "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.",
        ),
        (
            "whom they keep away is kept away",
            [of("low", 0, "0", with(port)), of("new", 5, "0", coming)],
            of("late", 0, "0", json!({})),
            "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules.",
        ),
    ];
    for (sentence, before, late, message) in rows {
        for scheduler in ["default-scheduler", "full-scan"] {
            let [low, new] = &before;
            let mut fixture = Fixture::new(&[node("a", json!({})), low.clone(), new.clone()]);
            assert_eq!(
                fixture.pod("new").pod().unwrap().status.rarer.nominated_node.as_deref(),
                Some("a"),
                "{sentence}"
            );
            let mut late = late.clone();
            let over = json!({"metadata": {"labels": {"app": "late"}}, "spec": {"schedulerName": scheduler, "priority": null}});
            merge(&mut late, &over);
            fixture.create(&late);
            assert_eq!(fixture.place("late"), "-", "{sentence}, {scheduler}");
            let said = fixture.decision("late").message().unwrap();
            assert!(said.starts_with(message), "{sentence}, {scheduler}: {said}");
        }
    }
}

#[test]
fn what_was_kept_for_a_pod_is_there_for_others_once_it_waits_no_more() {
    let slow = of("slow", 0, "3", json!({"nodeName": "a", "terminationGracePeriodSeconds": 20}));
    for scheduler in ["default-scheduler", "full-scan"] {
        let objects = [node("a", json!({})), slow.clone(), of("new", 5, "4", json!({}))];
        let mut fixture = Fixture::new(&objects);
        assert_eq!(fixture.pod("new").pod().unwrap().status.rarer.nominated_node.as_deref(), Some("a"));
        fixture.create(&of("late", 0, "1", json!({"schedulerName": scheduler, "priority": null})));
        fixture.pass(20);
        assert_eq!(fixture.place("late"), "-", "{scheduler}");
        fixture.delete_pod("new");
        assert_eq!(fixture.place("late"), "a", "{scheduler}: {}", fixture.places());
    }
}

#[test]
fn what_a_budget_protects_goes_last() {
    let labelled = |name: &str, node: &str, app: &str| {
        let mut value = on(name, 0, "4", node);
        merge(&mut value, &json!({"metadata": {"labels": {"app": app}}}));
        value
    };
    let budget = json!({"kind": "PodDisruptionBudget", "metadata": {"name": "b", "namespace": "default"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "kept"}}}});
    let pods = [labelled("kept", "a", "kept"), labelled("free", "b", "free"), of("new", 5, "4", json!({}))];
    let objects: Vec<_> = two().into_iter().chain([budget]).chain(pods).collect();
    assert_eq!(places(&objects), "kept:a new:b", "though neither is more important");
}
