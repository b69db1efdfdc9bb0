//! What must hold whatever the cluster: under pods that come and go, nodes that change, and any order of both.

use crate::fixture::{Fixture, merge, node, pod, requests};
use kubarium_core::api::{Body, Kind, Quantity};
use kubarium_core::apiserver::Method;
use kubarium_core::scheduler::Setting;
use kubarium_tests::property;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Something that happens to a cluster.
#[derive(Clone, Debug)]
enum Step {
    /// A pod comes that asks for tenths of a cpu and quarters of a GiB, perhaps for a disk, perhaps with a toleration,
    /// perhaps with a host port.
    Come { cpu: u32, memory: u32, ssd: bool, tolerant: bool, port: bool },
    /// One of the pods goes.
    Go(usize),
    /// A node is cordoned, or no longer.
    Cordon(usize, bool),
    /// A node's taint comes or goes.
    Taint(usize, bool),
    /// A node gets another kind of disk.
    Disk(usize, bool),
    /// A node changes to so many cpus.
    Cpu(usize, u32),
    /// Time passes.
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..30u32, 0..20u32, any::<bool>(), any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(cpu, memory, ssd, tolerant, port)| Step::Come { cpu, memory, ssd, tolerant, port }),
        2 => (0..40usize).prop_map(Step::Go),
        1 => (0..6usize, any::<bool>()).prop_map(|(n, on)| Step::Cordon(n, on)),
        1 => (0..6usize, any::<bool>()).prop_map(|(n, on)| Step::Taint(n, on)),
        1 => (0..6usize, any::<bool>()).prop_map(|(n, on)| Step::Disk(n, on)),
        1 => (0..6usize, 1..8u32).prop_map(|(n, cpu)| Step::Cpu(n, cpu)),
        2 => (1..30i64).prop_map(Step::Pass),
    ]
}

fn new_pod(at: usize, step: &Step, scheduler: &str) -> Value {
    let Step::Come { cpu, memory, ssd, tolerant, port } = step else { panic!("no pod comes") };
    let mut spec = requests(json!({"cpu": format!("{}m", cpu * 100), "memory": format!("{}Mi", memory * 256)}));
    spec["schedulerName"] = json!(scheduler);
    if *ssd {
        merge(&mut spec, &json!({"nodeSelector": {"disk": "ssd"}}));
    }
    if *tolerant {
        merge(&mut spec, &json!({"tolerations": [{"key": "k", "operator": "Exists"}]}));
    }
    if *port {
        spec["containers"][0]["ports"] = json!([{"containerPort": 80, "hostPort": 80}]);
    }
    pod(&format!("p{at:02}"), spec)
}

/// Does the steps, and calls `see` after each.
fn run(steps: &[Step], scheduler: &str, mut see: impl FnMut(&Fixture)) -> Fixture {
    let nodes: Vec<_> =
        (0..6).map(|n| node(&format!("n{n}"), json!({"metadata": {"labels": {"disk": "hdd"}}}))).collect();
    let mut fixture = Fixture::new(&nodes);
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Come { .. } => fixture.create(&new_pod(at, step, scheduler)),
            Step::Go(n) => {
                let names: Vec<_> =
                    fixture.cluster.store().list(Kind::Pod, None).map(|o| o.meta.name.clone()).collect();
                if !names.is_empty() {
                    fixture.delete_pod(&names[n % names.len()]);
                }
            }
            Step::Cordon(n, on) => {
                fixture.ask(Method::Patch, &format!("nodes/n{n}"), &json!({"spec": {"unschedulable": on}}));
            }
            Step::Taint(n, on) => {
                let taints = if *on { json!([{"key": "k", "effect": "NoSchedule"}]) } else { Value::Null };
                fixture.ask(Method::Patch, &format!("nodes/n{n}"), &json!({"spec": {"taints": taints}}));
            }
            Step::Disk(n, ssd) => {
                let disk = if *ssd { "ssd" } else { "hdd" };
                fixture.ask(Method::Patch, &format!("nodes/n{n}"), &json!({"metadata": {"labels": {"disk": disk}}}));
            }
            Step::Cpu(n, cpu) => {
                let status = json!({"status": {"allocatable": {"cpu": cpu.to_string()}}});
                fixture.ask(Method::Patch, &format!("nodes/n{n}/status"), &status);
            }
            Step::Pass(seconds) => fixture.pass(*seconds),
        }
        see(&fixture);
    }
    fixture
}

/// Thousandths of a cpu, bytes, and whether the host port is wanted, read from the pod as plainly as can be.
fn wants(spec: &k8s_openapi::api::core::v1::PodSpec) -> (i64, i64, bool) {
    let asked = |name| {
        let list = spec.containers[0].resources.as_ref().and_then(|r| r.requests.as_ref()).unwrap();
        Quantity::parse(&list[name].0).unwrap()
    };
    (asked("cpu").milli(), asked("memory").value(), spec.containers[0].ports.is_some())
}

/// What is left on a node: thousandths of a cpu, bytes, pods, and whether the host port is free.
fn left(fixture: &Fixture, node: &str) -> (i64, i64, i64, bool) {
    let object = fixture.cluster.store().get(Kind::Node, "", node).unwrap();
    let Body::Node { status, .. } = &object.body else { panic!("no node") };
    let have = |name: &str| Quantity::parse(&status.allocatable.as_ref().unwrap()[name].0).unwrap();
    let mut left = (have("cpu").milli(), have("memory").value(), have("pods").value(), true);
    for object in fixture.cluster.store().list(Kind::Pod, None) {
        let pod = object.pod().unwrap();
        if pod.node_name() == Some(node) && !pod.status.phase.is_finished() {
            let (cpu, memory, port) = wants(&pod.spec);
            left = (left.0 - cpu, left.1 - memory, left.2 - 1, left.3 && !port);
        }
    }
    left
}

/// Whether a node would take a pod, by the rules of this file's pods and nodes alone.
fn would_fit(fixture: &Fixture, name: &str, node: &str) -> bool {
    let pod = fixture.pod(name).pod().unwrap();
    let object = fixture.cluster.store().get(Kind::Node, "", node).unwrap();
    let Body::Node { spec, .. } = &object.body else { panic!("no node") };
    let (cpu, memory, port) = wants(&pod.spec);
    let left = left(fixture, node);
    let tolerant = pod.spec.tolerations.iter().flatten().any(|t| t.key.as_deref() == Some("k"));
    let taints = spec.taints.iter().flatten();
    let forbidden = taints.filter(|t| t.effect != "PreferNoSchedule").any(|t| t.key != "k" || !tolerant);
    let ssd = pod.spec.node_selector.is_none() || object.meta.labels.get("disk").is_some_and(|d| d == "ssd");
    !forbidden
        && spec.unschedulable != Some(true)
        && ssd
        && (cpu == 0 || cpu <= left.0)
        && (memory == 0 || memory <= left.1)
        && left.2 >= 1
        && (!port || left.3)
}

fn pending(fixture: &Fixture) -> Vec<String> {
    let pods = fixture.cluster.store().list(Kind::Pod, None);
    pods.filter(|o| o.pod().unwrap().node.is_none()).map(|o| o.meta.name.to_string()).collect()
}

proptest! {
    #![proptest_config(property::cases(48))]

    #[test]
    fn no_node_gets_more_than_it_has(
        steps in prop::collection::vec(step(), 1..40),
        scheduler in prop::sample::select(vec!["default-scheduler", "round-robin"]),
    ) {
        // A node that shrinks keeps its pods: those steps are another matter.
        let steps: Vec<_> = steps.into_iter().filter(|s| !matches!(s, Step::Cpu(..))).collect();
        run(&steps, scheduler, |fixture| {
            for n in 0..6 {
                let (cpu, memory, pods, _) = left(fixture, &format!("n{n}"));
                assert!(cpu >= 0 && memory >= 0 && pods >= 0, "n{n}: {cpu} {memory} {pods}");
            }
        });
    }

    #[test]
    fn no_pod_waits_for_long_although_a_node_would_take_it(
        steps in prop::collection::vec(step(), 1..40),
        scheduler in prop::sample::select(vec!["default-scheduler", "round-robin"]),
    ) {
        let mut fixture = run(&steps, scheduler, |_| {});
        // Longer than any back-off, shorter than the safety net.
        fixture.pass(15);
        for pod in pending(&fixture) {
            for n in 0..6 {
                prop_assert!(!would_fit(&fixture, &pod, &format!("n{n}")), "{pod} would fit on n{n}");
            }
        }
    }

    #[test]
    fn remembering_changes_no_decision(steps in prop::collection::vec(step(), 1..40)) {
        let trace = |scheduler| {
            let mut seen = Vec::new();
            run(&steps, scheduler, |fixture| {
                let pods = fixture.cluster.store().list(Kind::Pod, None);
                let decisions = pods.map(|o| {
                    let decision = fixture.cluster.schedulers().decision(o.meta.uid, fixture.cluster.store()).unwrap();
                    let Setting { nodes, feasible, scores, .. } = (*decision.setting).clone();
                    let found = (nodes, feasible, scores, decision.chosen.clone());
                    (o.meta.name.clone(), found, decision.refusals().to_vec())
                });
                seen.push(decisions.collect::<Vec<_>>());
            });
            seen
        };
        let (fast, reference) = (trace("default-scheduler"), trace("full-scan"));
        for (at, (fast, reference)) in fast.iter().zip(&reference).enumerate() {
            prop_assert_eq!(fast, reference, "after step {}", at);
        }
    }

    #[test]
    fn the_same_steps_lead_to_the_same_places(steps in prop::collection::vec(step(), 1..25)) {
        let places = || run(&steps, "default-scheduler", |_| {}).places();
        prop_assert_eq!(places(), places());
    }
}
