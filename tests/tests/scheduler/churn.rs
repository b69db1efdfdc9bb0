//! What the default scheduler remembers from one pod to the next changes none of its decisions: whatever pods say of each
//! other, and whatever else comes, goes and changes meanwhile.

use crate::fixture::{Fixture, merge, node, pod, requests};
use kubarium_core::api::Kind;
use kubarium_core::apiserver::Method;
use kubarium_core::scheduler::Setting;
use kubarium_tests::property;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::ops::Range;

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";
pub(crate) const NODES: usize = 6;

/// What a pod says of others.
#[derive(Clone, Copy, Debug)]
enum Says {
    Nothing,
    Spread {
        key: &'static str,
        skew: i32,
        hard: bool,
    },
    Near {
        key: &'static str,
        hard: bool,
    },
    Apart {
        key: &'static str,
        hard: bool,
    },
    /// As [`Says::Near`], of pods in namespaces that are labelled so.
    NearIn {
        team: bool,
    },
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own")]
pub(crate) struct Pod {
    /// Tenths of one.
    cpu: u32,
    /// So many times 512 MiB.
    memory: u32,
    color: &'static str,
    /// Whom what it says is about.
    about: &'static str,
    says: Says,
    priority: i32,
    prefers_ssd: bool,
    /// Whether it must be where the disk is one.
    wants_ssd: bool,
    tolerant: bool,
    /// Whether it takes a port of its node.
    port: bool,
    /// Whether it takes its time to go.
    slow: bool,
}

/// Something that happens to a cluster.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Come(Pod),
    Go(usize),
    /// A node comes to be in a zone, or in none.
    Zone(usize, Option<&'static str>),
    /// A node has a taint that pods had better avoid, or none.
    Shunned(usize, bool),
    Cordon(usize, bool),
    /// A node has a taint that keeps pods away, or none.
    Shut(usize, bool),
    Disk(usize, &'static str),
    /// A node has an image of so many MiB, or none.
    Image(usize, Option<u32>),
    /// The namespace is of a team, or of none.
    Team(bool),
    /// A service selects pods of a color.
    Serve(&'static str),
    /// The last node goes, or comes back.
    Node(bool),
    /// A pod serves, and so counts for a budget.
    Ready(usize),
    /// So many pods of a color are to be left by who disturbs any, or there is no budget of it.
    Budget(&'static str, Option<u32>),
    Pass(i64),
}

fn color() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["red", "blue"])
}

fn says() -> impl Strategy<Value = Says> {
    let key = || prop::sample::select(vec![ZONE, HOST]);
    prop_oneof![
        3 => Just(Says::Nothing),
        2 => (key(), 1..3, any::<bool>()).prop_map(|(key, skew, hard)| Says::Spread { key, skew, hard }),
        1 => (key(), any::<bool>()).prop_map(|(key, hard)| Says::Near { key, hard }),
        2 => (key(), any::<bool>()).prop_map(|(key, hard)| Says::Apart { key, hard }),
        1 => any::<bool>().prop_map(|team| Says::NearIn { team }),
    ]
}

/// Pods that ask for so many tenths of a cpu, and that often take their time to go.
fn new(cpu: Range<u32>, slow: f64) -> impl Strategy<Value = Pod> {
    let priority = prop_oneof![3 => Just(0), 1 => Just(10), 1 => Just(20)];
    let seldom = || prop::bool::weighted(0.2);
    let rest = (priority, seldom(), seldom(), prop::bool::weighted(0.1), seldom(), prop::bool::weighted(slow));
    ((cpu, 0..12u32), color(), color(), says(), rest).prop_map(|((cpu, memory), color, about, says, rest)| {
        let (priority, prefers_ssd, tolerant, wants_ssd, port, slow) = rest;
        Pod { cpu, memory, color, about, says, priority, prefers_ssd, wants_ssd, tolerant, port, slow }
    })
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let zone = prop::sample::select(vec![None, Some("a"), Some("b"), Some("c")]);
    prop_oneof![
        12 => new(0..20, 0.2).prop_map(Step::Come),
        3 => (0..40usize).prop_map(Step::Go),
        1 => (0..NODES, zone).prop_map(|(n, zone)| Step::Zone(n, zone)),
        1 => (0..NODES, any::<bool>()).prop_map(|(n, on)| Step::Shunned(n, on)),
        1 => (0..NODES, any::<bool>()).prop_map(|(n, on)| Step::Cordon(n, on)),
        1 => (0..NODES, any::<bool>()).prop_map(|(n, on)| Step::Shut(n, on)),
        1 => (0..NODES, prop::sample::select(vec!["ssd", "hdd"])).prop_map(|(n, disk)| Step::Disk(n, disk)),
        1 => (0..NODES, prop::option::of(1..1000u32)).prop_map(|(n, size)| Step::Image(n, size)),
        1 => any::<bool>().prop_map(Step::Team),
        1 => color().prop_map(Step::Serve),
        1 => any::<bool>().prop_map(Step::Node),
        2 => (0..40usize).prop_map(Step::Ready),
        1 => (color(), prop::option::of(0..4u32)).prop_map(|(color, least)| Step::Budget(color, least)),
        1 => (1..30i64).prop_map(Step::Pass),
    ]
}

pub(crate) fn new_pod(name: &str, wanted: &Pod, scheduler: &str) -> Value {
    let mut spec =
        requests(json!({"cpu": format!("{}m", wanted.cpu * 100), "memory": format!("{}Mi", wanted.memory * 512)}));
    let class = format!("worth-{}", wanted.priority);
    let grace = if wanted.slow { 20 } else { 0 };
    let more = json!({"schedulerName": scheduler, "priorityClassName": class, "terminationGracePeriodSeconds": grace});
    merge(&mut spec, &more);
    let selector = json!({"matchLabels": {"color": wanted.about}});
    let term = |key: &str| json!({"labelSelector": selector, "topologyKey": key});
    let mut of_pods = |which: &str, term: Value, hard: bool| {
        let terms = if hard {
            json!({"requiredDuringSchedulingIgnoredDuringExecution": [term]})
        } else {
            json!({"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 10, "podAffinityTerm": term}]})
        };
        merge(&mut spec, &json!({"affinity": {which: terms}}));
    };
    match wanted.says {
        Says::Nothing => {}
        Says::Spread { key, skew, hard } => {
            let when = if hard { "DoNotSchedule" } else { "ScheduleAnyway" };
            spec["topologySpreadConstraints"] = json!([{
                "maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": when, "labelSelector": selector,
            }]);
        }
        Says::Near { key, hard } => of_pods("podAffinity", term(key), hard),
        Says::Apart { key, hard } => of_pods("podAntiAffinity", term(key), hard),
        Says::NearIn { team } => {
            let operator = if team { "Exists" } else { "DoesNotExist" };
            let mut term = term(ZONE);
            term["namespaceSelector"] = json!({"matchExpressions": [{"key": "team", "operator": operator}]});
            of_pods("podAffinity", term, true);
        }
    }
    if wanted.prefers_ssd {
        let term = json!({"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]});
        let preferred = json!([{"weight": 5, "preference": term}]);
        merge(
            &mut spec,
            &json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}}),
        );
    }
    if wanted.wants_ssd {
        spec["nodeSelector"] = json!({"disk": "ssd"});
    }
    if wanted.tolerant {
        spec["tolerations"] = json!([{"key": "shunned", "operator": "Exists"}, {"key": "shut", "operator": "Exists"}]);
    }
    if wanted.port {
        spec["containers"][0]["ports"] = json!([{"containerPort": 80, "hostPort": 80}]);
    }
    let mut pod = pod(name, spec);
    pod["metadata"]["labels"] = json!({"color": wanted.color});
    pod
}

fn new_node(n: usize) -> Value {
    let zone = ["a", "b", "c"][n % 3];
    node(&format!("n{n}"), json!({"metadata": {"labels": {"disk": "hdd", ZONE: zone}}}))
}

/// Lets a step happen. Pods are named by its number.
pub(crate) fn take(fixture: &mut Fixture, at: usize, step: &Step, scheduler: &str) {
    let last = NODES - 1;
    let there = |fixture: &Fixture, n: usize| fixture.cluster.store().get(Kind::Node, "", &format!("n{n}")).is_some();
    let patch = |fixture: &mut Fixture, n: usize, sub: &str, body: Value| {
        if there(fixture, n) {
            fixture.ask(Method::Patch, &format!("nodes/n{n}{sub}"), &body);
        }
    };
    match step {
        Step::Come(pod) => fixture.create(&new_pod(&format!("p{at:02}"), pod, scheduler)),
        Step::Go(n) => {
            let pods = fixture.cluster.store().list(Kind::Pod, None);
            let names: Vec<_> = pods.map(|o| o.meta.name.clone()).collect();
            if !names.is_empty() {
                fixture.delete_pod(&names[n % names.len()]);
            }
        }
        Step::Zone(n, zone) => patch(fixture, *n, "", json!({"metadata": {"labels": {ZONE: zone}}})),
        Step::Shunned(n, on) => {
            let taints = if *on { json!([{"key": "shunned", "effect": "PreferNoSchedule"}]) } else { Value::Null };
            patch(fixture, *n, "", json!({"spec": {"taints": taints}}));
        }
        Step::Cordon(n, on) => patch(fixture, *n, "", json!({"spec": {"unschedulable": on}})),
        Step::Shut(n, on) => {
            let taints = if *on { json!([{"key": "shut", "effect": "NoSchedule"}]) } else { Value::Null };
            patch(fixture, *n, "", json!({"spec": {"taints": taints}}));
        }
        Step::Disk(n, disk) => patch(fixture, *n, "", json!({"metadata": {"labels": {"disk": disk}}})),
        Step::Image(n, size) => {
            let image = |size: &u32| json!({"names": ["i:latest"], "sizeBytes": i64::from(*size) << 20});
            let images: Vec<_> = size.iter().map(image).collect();
            patch(fixture, *n, "/status", json!({"status": {"images": images}}));
        }
        Step::Team(on) => {
            let team = if *on { json!("one") } else { Value::Null };
            fixture.ask(Method::Patch, "namespaces/default", &json!({"metadata": {"labels": {"team": team}}}));
        }
        Step::Serve(color) => {
            fixture.ask(
                Method::Patch,
                "namespaces/default/services/s",
                &json!({"spec": {"selector": {"color": color}}}),
            );
        }
        Step::Node(true) if !there(fixture, last) => fixture.create(&new_node(last)),
        Step::Node(false) if there(fixture, last) => {
            fixture.ask(Method::Delete, &format!("nodes/n{last}"), &json!({}));
        }
        Step::Node(_) => {}
        Step::Ready(n) => {
            let pods = fixture.cluster.store().list(Kind::Pod, None).filter(|o| o.pod().unwrap().node.is_some());
            let names: Vec<_> = pods.map(|o| o.meta.name.clone()).collect();
            if !names.is_empty() {
                let path = format!("namespaces/default/pods/{}/status", names[n % names.len()]);
                let ready = json!([{"type": "Ready", "status": "True"}]);
                fixture.ask(Method::Patch, &path, &json!({"status": {"conditions": ready}}));
            }
        }
        Step::Budget(color, least) => {
            let all = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
            fixture.answer(Method::Delete, &format!("{all}/{color}"), "{}");
            if let Some(least) = least {
                let (status, answer) = fixture.answer(Method::Post, all, &budget(color, *least).to_string());
                assert!(status < 300, "{answer}");
            }
        }
        Step::Pass(seconds) => fixture.pass(*seconds),
    }
}

fn budget(color: &str, least: u32) -> Value {
    json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": color, "namespace": "default"},
        "spec": {"minAvailable": least, "selector": {"matchLabels": {"color": color}}}})
}

/// A cluster to which steps can happen, with nodes that came in this order.
pub(crate) fn cluster(nodes: impl Iterator<Item = usize>) -> Fixture {
    let class = |value: i32| {
        let name = format!("worth-{value}");
        json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": value})
    };
    let objects: Vec<_> = nodes.map(new_node).chain([0, 10, 20].map(class)).chain([budget("red", 1)]).collect();
    let mut fixture = Fixture::new(&objects);
    let service = json!({"metadata": {"name": "s"}, "spec": {"selector": {"color": "green"}, "ports": [{"port": 80}]}});
    fixture.ask(Method::Post, "namespaces/default/services", &service);
    fixture
}

/// Every decision as it stands, with all that is said of it.
pub(crate) fn decisions(fixture: &Fixture) -> Vec<String> {
    let pods = fixture.cluster.store().list(Kind::Pod, None);
    let decision = |o: &std::sync::Arc<kubarium_core::api::Object>| {
        let place = o.pod().unwrap().node.clone();
        let Some(decision) = fixture.cluster.schedulers().decision(o.meta.uid, fixture.cluster.store()) else {
            return String::new();
        };
        let Setting { nodes, feasible, scores, .. } = &*decision.setting;
        let chosen = &decision.chosen;
        let (refusals, preemption) = (decision.refusals(), decision.preemption());
        let found = format!("{place:?} of {feasible} of {nodes}: {chosen:?} {scores:?}");
        format!("{} on {found} {refusals:?} {preemption:?}", o.meta.name)
    };
    pods.map(decision).collect()
}

/// The decisions after each step.
fn course(steps: &[Step], scheduler: &str) -> Vec<Vec<String>> {
    let mut fixture = cluster(0..NODES);
    let all = steps.iter().enumerate().map(|(at, step)| {
        take(&mut fixture, at, step, scheduler);
        decisions(&fixture)
    });
    all.collect()
}

#[track_caller]
fn same_decisions(steps: &[Step]) {
    let (fast, reference) = (course(steps, "default-scheduler"), course(steps, "full-scan"));
    for (at, (fast, reference)) in fast.iter().zip(&reference).enumerate() {
        assert_eq!(fast, reference, "after step {at}: {:?}", steps[at]);
    }
}

proptest! {
    #![proptest_config(property::cases(96))]

    #[test]
    fn remembering_what_is_around_changes_no_decision(steps in prop::collection::vec(step(), 1..60)) {
        same_decisions(&steps);
    }

    /// Nodes are full of pods of a few kinds, and many wait for which others make room.
    #[test]
    fn remembering_who_could_make_room_changes_no_decision(
        kinds in prop::collection::vec(new(8..30, 0.6), 2..6),
        steps in prop::collection::vec(step(), 20..80),
    ) {
        let of_a_kind = |step: Step| match step {
            Step::Come(pod) => Step::Come(kinds[pod.cpu as usize % kinds.len()].clone()),
            other => other,
        };
        same_decisions(&steps.into_iter().map(of_a_kind).collect::<Vec<_>>());
    }
}
