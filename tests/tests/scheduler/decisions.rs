//! What a decision leaves behind, who may decide, and how ties are broken.

use crate::fixture::{Fixture, cpu, node, pod, requests};
use kubarium_core::Config;
use kubarium_core::api::{ConditionKind, ConditionStatus, Kind};
use kubarium_core::scheduler::QueueLengths;
use serde_json::{Value, json};

fn nodes(names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| node(name, json!({}))).collect()
}

fn with(mut objects: Vec<Value>, more: impl IntoIterator<Item = Value>) -> Vec<Value> {
    objects.extend(more);
    objects
}

#[test]
fn a_bound_pod_has_its_condition_event_and_decision() {
    let small = node("small", json!({"status": {"allocatable": {"cpu": "500m"}}}));
    let used = pod("used", json!({"nodeName": "b", "containers": requests(json!({"cpu": "2"}))["containers"]}));
    let fixture = Fixture::new(&with(nodes(&["a", "b"]), [small, used, cpu("p", "1")]));
    assert_eq!(fixture.place("p"), "a");
    let status = &fixture.pod("p").pod().unwrap().status;
    let condition = status.condition(&ConditionKind::PodScheduled).unwrap();
    assert_eq!((condition.status, &condition.reason), (ConditionStatus::True, &None));
    assert_eq!(fixture.events("p", "Scheduled"), 1);
    let decision = fixture.decision("p");
    let chosen = decision.chosen.as_ref().unwrap();
    assert_eq!(
        (decision.setting.scheduler.as_str(), decision.setting.nodes, decision.setting.feasible),
        ("default-scheduler", 3, 2)
    );
    let scores: Vec<_> = decision.setting.scores.iter().map(|s| (s.plugin, s.weighted)).collect();
    let expected = [
        ("NodeResourcesFit", 86),
        ("NodeResourcesBalancedAllocation", 68),
        ("TaintToleration", 300),
        ("ImageLocality", 0),
    ];
    assert_eq!(scores, expected);
    let (second, margin) = chosen.runner_up.clone().unwrap();
    let explained = fixture.stand("p", "b").total().unwrap();
    assert_eq!((second.as_str(), margin), ("b", 86 + 68 + 300 - explained));
    let refused: Vec<_> = decision.refusals().iter().map(|r| (r.plugin, r.reasons[0].to_string(), r.nodes)).collect();
    assert_eq!(refused, [("NodeResourcesFit", "Insufficient cpu".to_owned(), 1)]);
}

#[test]
fn a_pending_pod_says_why_in_upstreams_words() {
    let rows = [
        (vec![], "no nodes available to schedule pods"),
        (
            with(
                nodes(&["a", "b"]),
                [
                    node("c", json!({"spec": {"unschedulable": true}})),
                    node("d", json!({"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}})),
                    node("e", json!({"status": {"allocatable": {"cpu": "8", "pods": "0"}}})),
                ],
            ),
            "0/5 nodes are available: 1 Too many pods, 1 node(s) had untolerated taint(s), \
             1 node(s) were unschedulable, 2 Insufficient cpu. no new claims to deallocate, preemption: 0/5 nodes are \
             available: 1 No preemption victims found for incoming pod, 4 Preemption is not helpful for scheduling.",
        ),
    ];
    for (objects, message) in rows {
        let fixture = Fixture::new(&with(objects, [cpu("p", "5")]));
        let condition = fixture.pod("p").pod().unwrap().status.condition(&ConditionKind::PodScheduled).unwrap();
        assert_eq!(condition.status, ConditionStatus::False);
        assert_eq!(condition.reason.as_deref(), Some("Unschedulable"));
        assert_eq!(condition.message.as_deref(), Some(message));
        assert_eq!(fixture.decision("p").message().as_deref(), Some(message));
        assert_eq!(fixture.events("p", "FailedScheduling"), 1);
    }
}

#[test]
fn a_condition_is_not_written_again_when_nothing_is_new() {
    let mut fixture = Fixture::new(&with(nodes(&["a"]), [cpu("p", "5")]));
    let before = fixture.pod("p").meta.resource_version;
    fixture.pass(3_000);
    assert_eq!(fixture.pod("p").meta.resource_version, before);
    assert_eq!(fixture.events("p", "FailedScheduling"), 1);
}

#[test]
fn a_pod_that_names_an_unknown_scheduler_is_left_alone() {
    let waiting = pod("p", json!({"schedulerName": "somebody-else"}));
    let fixture = Fixture::new(&with(nodes(&["a"]), [waiting]));
    assert_eq!(fixture.place("p"), "-");
    assert!(fixture.pod("p").pod().unwrap().status.conditions.is_empty());
    assert_eq!(fixture.cluster.schedulers().queue_lengths(), QueueLengths::default());
}

#[test]
fn what_was_decided_on_a_pod_that_went_is_not_said_of_one_that_comes_after_it() {
    let mut fixture = Fixture::new(&with(nodes(&["a"]), [cpu("large", "5"), cpu("small", "1")]));
    let known = |fixture: &Fixture, name: &str| {
        let (schedulers, store) = (fixture.cluster.schedulers(), fixture.cluster.store());
        let uid = fixture.pod(name).meta.uid;
        (schedulers.decision(uid, store).is_some(), schedulers.wait(uid, store).is_some())
    };
    assert_eq!([known(&fixture, "large"), known(&fixture, "small")], [(true, true), (true, false)]);
    for (gone, next) in [("large", "late"), ("small", "later")] {
        fixture.delete_pod(gone);
        // Nobody decides on it.
        fixture.create(&pod(next, json!({"schedulerName": "somebody-else"})));
        assert_eq!(known(&fixture, next), (false, false), "{next}");
    }
    assert_eq!(fixture.cluster.schedulers().queue_lengths(), QueueLengths::default());
}

#[test]
fn round_robin_takes_turns_among_the_nodes_that_will_do() {
    let turn = |name: &str, cpu: &str| {
        let mut spec = requests(json!({"cpu": cpu}));
        spec["schedulerName"] = json!("round-robin");
        pod(name, spec)
    };
    let tainted = node("b", json!({"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}}));
    let pods = ["1", "2", "3", "4", "5", "6", "7"].map(|n| turn(n, if n == "7" { "4" } else { "1" }));
    let fixture = Fixture::new(&with(nodes(&["a", "c", "d"]), pods.into_iter().chain([tainted])));
    assert_eq!(fixture.places(), "1:a 2:c 3:d 4:a 5:c 6:d 7:-", "in turn, never onto a taint, never too many");
    assert_eq!(fixture.events("1", "Scheduled"), 1);
    let message = fixture.decision("7").message().unwrap();
    assert!(message.starts_with("0/4 nodes are available: 1 node(s) had untolerated taint(s), 3 Insufficient cpu."));
}

#[test]
fn a_seed_decides_among_equals_and_nothing_else() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let place = |seed, more: Option<Value>| {
        let fixture = Fixture::seeded(seed, &with(nodes(&names), more.into_iter().chain([cpu("p", "1")])));
        fixture.place("p").to_owned()
    };
    let chosen: Vec<_> = (0..20).map(|seed| place(seed, None)).collect();
    let again: Vec<_> = (0..20).map(|seed| place(seed, None)).collect();
    assert_eq!(chosen, again, "the same seed chooses the same");
    assert!(chosen.iter().any(|place| *place != chosen[0]), "another seed chooses another");
    for seed in 0..20 {
        let large = node("large", json!({"status": {"allocatable": {"cpu": "64", "memory": "128Gi"}}}));
        assert_eq!(place(seed, Some(large)), "large", "whatever the seed, the best is chosen");
    }
}

#[test]
fn pods_on_a_name_without_a_node_count_once_there_is_one() {
    let early = pod("early", json!({"nodeName": "n", "containers": requests(json!({"cpu": "3"}))["containers"]}));
    let mut fixture = Fixture::new(&[early]);
    fixture.create(&node("n", json!({})));
    fixture.create(&pod(
        "p",
        json!({"schedulerName": "nobody", "containers": requests(json!({"cpu": "2"}))["containers"]}),
    ));
    let stand = fixture.stand("p", "n");
    assert_eq!(stand.total(), None, "{stand:?}");
}

#[test]
fn a_placed_pod_is_explained_as_if_it_were_yet_to_be_placed() {
    let fixture = Fixture::new(&with(nodes(&["n"]), [cpu("p", "3")]));
    assert_eq!(fixture.place("p"), "n");
    assert_eq!(fixture.verdict("p", "n"), "fits", "it does not stand in its own way");
}

#[test]
fn of_a_burst_only_as_many_events_are_written_as_are_kept() {
    let config = Config { events_max: 10, ..Config::default() };
    let roomy = node("n", json!({"status": {"allocatable": {"pods": "110"}}}));
    let pods = (0..100).map(|number| pod(&format!("p{number:02}"), json!({})));
    let mut fixture = Fixture::with(config, &with(vec![roomy], pods));
    let told = |fixture: &Fixture| -> Vec<String> {
        (0..100).map(|number| format!("p{number:02}")).filter(|pod| fixture.events(pod, "Scheduled") > 0).collect()
    };
    let latest: Vec<String> = (90..100).map(|number| format!("p{number}")).collect();
    assert_eq!(told(&fixture), latest);
    let changes = |fixture: &Fixture| {
        let store = fixture.cluster.store();
        store.changes_since(store.compacted()).unwrap().filter(|change| change.kind == Kind::Event).count()
    };
    assert_eq!(changes(&fixture), 10, "what is superseded at once is never written");
    // Each that comes now takes the place of the oldest.
    fixture.create(&pod("later", json!({})));
    assert_eq!(told(&fixture), latest[1..]);
    assert_eq!(fixture.events("later", "Scheduled"), 1);
    assert_eq!(changes(&fixture), 12);
}
