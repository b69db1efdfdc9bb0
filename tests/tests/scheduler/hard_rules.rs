//! What must hold under churn, held against rules that are written down once more beside these tests.

use crate::churn::{NODES, Step, cluster, decisions, new_pod, step, take};
use crate::fixture::{Fixture, cpu as cpu_pod, merge, node};
use crate::rules::{Picture, priority};
use kubarium_core::api::{Kind, Object};
use kubarium_core::apiserver::Method;
use kubarium_core::recording::state_hash;
use kubarium_core::scheduler::Stand;
use kubarium_tests::property;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::sync::Arc;

/// Lets steps happen to a cluster, and calls `see` after each.
fn run(steps: &[Step], scheduler: &str, mut see: impl FnMut(&mut Fixture, usize)) -> Fixture {
    let mut fixture = cluster(0..NODES);
    for (at, step) in steps.iter().enumerate() {
        take(&mut fixture, at, step, scheduler);
        see(&mut fixture, at);
    }
    fixture
}

/// Applies all that changed since a revision; for every pod that was bound, what was wrong with that then.
fn bindings(fixture: &Fixture, picture: &mut Picture, since: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    for change in fixture.cluster.store().changes_since(since).unwrap() {
        let node = |object: &Option<Arc<Object>>| object.as_ref().and_then(|o| o.pod()?.node.clone());
        if let (Some(pod), None, Some(node)) = (&change.before, node(&change.before), node(&change.after))
            && let Some(why) = picture.refuses(pod, &node)
        {
            wrong.push(format!("{} on {node}: {why}", pod.meta.name));
        }
        picture.apply(change);
    }
    wrong
}

/// The pods that wait, each with a node that would take it by the rules.
fn waiting_in_vain(fixture: &Fixture) -> Vec<String> {
    let picture = Picture::of(fixture);
    let waits = |pod: &&Arc<Object>| pod.pod().unwrap().node.is_none() && pod.meta.deletion.is_none();
    let would = |pod: &Arc<Object>| {
        let node = picture.nodes.keys().find(|node| picture.refuses(pod, node).is_none())?;
        Some(format!("{} on {node}", pod.meta.name))
    };
    picture.pods.values().filter(waits).filter_map(would).collect()
}

proptest! {
    #![proptest_config(property::cases(64))]

    #[test]
    fn no_rule_is_broken_when_a_pod_is_bound_and_no_pod_waits_that_could_be(
        steps in prop::collection::vec(step(), 1..60),
        scheduler in prop::sample::select(vec!["default-scheduler", "full-scan", "round-robin"]),
    ) {
        let fixture = cluster(0..NODES);
        let (mut picture, mut since) = (Picture::of(&fixture), fixture.cluster.store().revision());
        let mut fixture = run(&steps, scheduler, |fixture, at| {
            let wrong = bindings(fixture, &mut picture, since);
            assert!(wrong.is_empty(), "in step {at}, {:?}: {wrong:?}", steps[at]);
            since = fixture.cluster.store().revision();
        });
        // Shorter than the safety net.
        for _ in 0..20 {
            fixture.pass(10);
            let lengths = fixture.cluster.schedulers().queue_lengths();
            if lengths.active + lengths.backing_off == 0 {
                break;
            }
        }
        prop_assert_eq!(bindings(&fixture, &mut picture, since), Vec::<String>::new());
        prop_assert_eq!(waiting_in_vain(&fixture), Vec::<String>::new());
    }
}

fn class(name: &str, value: i32, policy: &str) -> Value {
    json!({"kind": "PriorityClass", "metadata": {"name": name}, "value": value, "preemptionPolicy": policy})
}

fn of_class(name: &str, class: &str, cpu: &str) -> Value {
    let mut pod = cpu_pod(name, cpu);
    merge(&mut pod, &json!({"spec": {"priorityClassName": class, "terminationGracePeriodSeconds": 0}}));
    pod
}

proptest! {
    #![proptest_config(property::cases(32))]

    /// However many come meanwhile: nobody waits for more than those before it.
    #[test]
    fn a_place_that_comes_free_goes_to_the_most_important_and_then_to_who_waited_longest(
        rounds in prop::collection::vec(prop::collection::vec((0..2i32, 1..12i64), 0..4), 1..20),
    ) {
        let classes = [class("c0", 0, "Never"), class("c1", 1, "Never")];
        let mut fixture = Fixture::new(&[vec![node("n", json!({}))], classes.to_vec()].concat());
        fixture.create(&of_class("first", "c1", "4"));
        let (mut there, mut waiting) = ("first".to_owned(), Vec::new());
        for (round, arrivals) in rounds.iter().enumerate() {
            for (at, (priority, seconds)) in arrivals.iter().enumerate() {
                let name = format!("p{round:02}-{at}");
                fixture.create(&of_class(&name, &format!("c{priority}"), "4"));
                waiting.push((Reverse(*priority), name));
                fixture.pass(*seconds);
            }
            // Nobody backs off for longer.
            fixture.pass(10);
            fixture.delete_pod(&there);
            // Of the same priority they stay in the order in which they came.
            waiting.sort_by_key(|(priority, _)| *priority);
            if waiting.is_empty() {
                break;
            }
            there = waiting.remove(0).1;
            prop_assert_eq!(fixture.place(&there), "n", "round {} of {}", round, fixture.places());
        }
    }

    /// Low ones that come and go without end take no place from one that is more important, however large it is.
    #[test]
    fn who_is_more_important_is_not_starved(goes in prop::collection::vec(0..100usize, 60)) {
        let classes = [class("low", 0, "PreemptLowerPriority"), class("high", 1, "PreemptLowerPriority")];
        let nodes = ["a", "b"].map(|name| node(name, json!({})));
        let mut fixture = Fixture::new(&[nodes.to_vec(), classes.to_vec()].concat());
        let mut lows: Vec<String> = Vec::new();
        let mut placed = None;
        for (second, goes) in goes.iter().enumerate() {
            let name = format!("low{second:02}");
            fixture.create(&of_class(&name, "low", "500m"));
            lows.push(name);
            if second == 30 {
                fixture.create(&of_class("high", "high", "4"));
            }
            fixture.pass(1);
            lows.retain(|name| fixture.cluster.store().get(Kind::Pod, "default", name).is_some());
            if lows.len() > 20 {
                fixture.delete_pod(&lows.remove(goes % 20));
            }
            if second >= 30 && placed.is_none() && fixture.place("high") != "-" {
                placed = Some(second);
            }
        }
        prop_assert!(placed.is_some_and(|second| second < 42), "no later than after one back-off: {placed:?}");
    }
}

/// A pod of a scheduler that there is not: it is only asked what would become of it.
fn probe(step: &Step) -> Option<Value> {
    match step {
        Step::Come(pod) => Some(new_pod("probe", pod, "nobody")),
        _ => None,
    }
}

proptest! {
    #![proptest_config(property::cases(64))]

    #[test]
    fn nodes_are_refused_by_the_rules_and_preemption_takes_no_more_than_is_needed(
        steps in prop::collection::vec(step(), 20..60),
    ) {
        let mut fixture = run(&steps, "default-scheduler", |_, _| {});
        for value in steps.iter().filter_map(probe) {
            fixture.create(&value);
            let (picture, pod) = (Picture::of(&fixture), Arc::clone(fixture.pod("probe")));
            let explanation =
                fixture.cluster.schedulers().explain(&pod.key(), fixture.cluster.store()).unwrap();
            for stand in &explanation.nodes {
                let refused = picture.refuses(&pod, &stand.node);
                let feasible = matches!(stand.stand, Stand::Feasible { .. });
                prop_assert_eq!(feasible, refused.is_none(), "{} {:?} {:?}", value, stand, refused);
            }
            if explanation.message.is_some() {
                let all: Vec<_> = picture.nodes.keys().filter_map(|n| Some((n, picture.victims(&pod, n)?))).collect();
                let least = all.iter().map(|(_, victims)| victims.rank()).min();
                let chosen = explanation.preemption.as_ref().map(|plan| {
                    let mut names: Vec<&str> = plan.victims.iter().map(|(_, name)| name.as_str()).collect();
                    names.sort_unstable();
                    (plan.node.as_str(), names)
                });
                prop_assert_eq!(chosen.is_some(), least.is_some(), "{}: {:?} {:?}", value, chosen, all);
                if let Some((node, names)) = chosen {
                    prop_assert!(names.iter().all(|name| priority(&picture.pods[*name]) < priority(&pod)));
                    let (_, victims) = all.iter().find(|(name, _)| *name == node).unwrap();
                    prop_assert_eq!(victims.names(), names.clone(), "{} on {}", value, node);
                    prop_assert_eq!(Some(victims.rank()), least, "{} on {}: {:?}", value, node, all);
                    // Where pods that stay can only be in the way, each of those that go must.
                    let only_in_the_way = value["spec"]["topologySpreadConstraints"].is_null()
                        && value["spec"]["affinity"]["podAffinity"].is_null();
                    prop_assert!(!only_in_the_way || picture.are_needed(&pod, node, &names), "{} {:?}", value, names);
                }
            }
            fixture.delete_pod("probe");
        }
    }
}

/// Something that has nothing to do with where pods go.
fn irrelevant(fixture: &mut Fixture, at: usize, what: usize) {
    let meta = json!({"metadata": {"name": format!("o{at}")}});
    let name = match what {
        0 => "configmaps",
        1 => "secrets",
        2 => "serviceaccounts",
        3 => {
            let node = format!("nodes/n{}/status", at % NODES);
            let beat = json!({"status": {"nodeInfo": {"bootID": at.to_string()}}});
            if fixture.cluster.store().get(Kind::Node, "", &format!("n{}", at % NODES)).is_some() {
                fixture.ask(Method::Patch, &node, &beat);
            }
            return;
        }
        _ => {
            let service = json!({"metadata": {"name": format!("o{at}"), "namespace": "elsewhere"},
                "spec": {"selector": {"color": "red"}, "ports": [{"port": 80}]}});
            return fixture.ask(Method::Post, "namespaces/elsewhere/services", &service);
        }
    };
    fixture.ask(Method::Post, &format!("namespaces/default/{name}"), &meta);
}

proptest! {
    #![proptest_config(property::cases(32))]

    #[test]
    fn the_same_steps_lead_to_the_same_state_and_what_has_nothing_to_do_with_them_to_the_same_decisions(
        steps in prop::collection::vec(step(), 1..50),
        others in prop::collection::vec((0..50usize, 0..5usize), 0..30),
        nodes in Just((0..NODES).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let plain = run(&steps, "default-scheduler", |_, _| {});
        let again = run(&steps, "default-scheduler", |_, _| {});
        prop_assert_eq!(state_hash(&plain.cluster), state_hash(&again.cluster));

        let mut mixed = cluster(nodes.iter().copied());
        mixed.ask(Method::Post, "namespaces", &json!({"metadata": {"name": "elsewhere"}}));
        for (at, step) in steps.iter().enumerate() {
            for (number, (_, what)) in others.iter().enumerate().filter(|(_, (before, _))| *before == at) {
                irrelevant(&mut mixed, number, *what);
            }
            take(&mut mixed, at, step, "default-scheduler");
        }
        prop_assert_eq!(decisions(&mixed), decisions(&plain));
    }
}
