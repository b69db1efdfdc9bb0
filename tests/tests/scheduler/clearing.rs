//! What keeps a pending pod off nodes is cleared away: pods that are in the way, labels that are missing, demands that
//! are more than there is.

use crate::fixture::{Fixture, cpu, merge, node, pod, requests};
use crate::remedies::{asked, labelled, lines, on, really, remedies};
use kubarium_core::Config;
use kubarium_core::api::Kind;
use kubarium_core::apiserver::Method;
use kubarium_core::scheduler::Configuration;
use serde_json::{Value, json};

const HOST: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

/// The affinity that keeps pods of an app off, or near, over a label.
fn affinity(kind: &str, app: &str, key: &str) -> Value {
    let term = json!([{"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}}]);
    json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": term}}})
}

fn spread(key: &str) -> Value {
    json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "a"}}}]})
}

fn of(app: &str, name: &str, spec: Value) -> Value {
    labelled(pod(name, spec), json!({"app": app}))
}

fn at(place: &str, mut spec: Value) -> Value {
    spec["nodeName"] = json!(place);
    spec
}

fn with_labels(name: &str, labels: Value, over: Value) -> Value {
    let mut node = node(name, over);
    merge(&mut node, &json!({"metadata": {"labels": labels}}));
    node
}

fn controller(name: &str, replicas: u32, spec: &Value) -> Value {
    let mut whole = json!({"containers": [{"name": "c", "image": "i"}]});
    merge(&mut whole, spec);
    json!({"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"app": name},
            "template": {"metadata": {"labels": {"app": name}}, "spec": whole}}})
}

/// With a controller whose pods have come to their nodes, then further nodes and a pod that gets none. Replicas are called by their node.
fn beside(nodes: &[Value], later: &[Value], controller: &Value, pending: Option<&Value>, expected: &[&str]) {
    let mut fixture = Fixture::new(nodes);
    fixture.ask(Method::Post, "namespaces/default/replicationcontrollers", controller);
    fixture.pass(10);
    later.iter().chain(pending).for_each(|object| fixture.create(object));
    let pods: Vec<(String, String)> = {
        let all = fixture.cluster.store().list(Kind::Pod, None);
        all.map(|o| (o.meta.name.to_string(), fixture.place(&o.meta.name).to_owned())).collect()
    };
    let (name, _) = pods.iter().find(|(_, place)| place == "-").unwrap();
    let answer = asked(&mut fixture, name);
    let mut seen = lines(&answer);
    for (name, place) in pods.iter().filter(|(name, _)| name.contains('-')) {
        for line in &mut seen {
            *line = line.replace(name, &format!("<on {place}>"));
        }
    }
    assert_eq!(seen, expected, "{answer:#}");
    really(&fixture, name, &answer);
}

#[test]
fn a_pod_that_keeps_others_off_goes() {
    let guard = |name: &str, node: &str, key: &str| pod(name, at(node, affinity("podAntiAffinity", "a", key)));
    remedies(
        &[node("n", json!({})), guard("guard", "n", HOST)],
        &of("a", "p", json!({})),
        &[
            "delete pod default/guard, whose required anti-affinity over kubernetes.io/hostname keeps it off -> n",
            "give it a new priority class of 1 -> n, not default/guard",
            "add a node like n -> n-more-1",
        ],
    );
    // In one zone there are more in the way than a small change removes, in the other two, on the node that is full.
    let zoned = |name: &str, zone: &str, cpu: &str| {
        with_labels(name, json!({ZONE: zone}), json!({"status": {"allocatable": {"cpu": cpu}}}))
    };
    let mut objects = vec![zoned("a1", "a", "4"), zoned("b1", "b", "4"), zoned("b2", "b", "0")];
    objects.extend((0..4).map(|n| guard(&format!("a{n}"), "a1", ZONE)));
    objects.extend([guard("x", "b2", ZONE), of("a", "y", json!({"nodeName": "b2"}))]);
    let mut asks = affinity("podAntiAffinity", "a", ZONE);
    merge(&mut asks, &requests(json!({"cpu": "1"})));
    remedies(
        &objects,
        &of("a", "p", asks),
        &[
            "delete pod default/y, near which it must not be over topology.kubernetes.io/zone, and pod default/x, whose \
             required anti-affinity over topology.kubernetes.io/zone keeps it off -> b1",
            "give it a new priority class of 1 -> a1, not default/a0 default/a1 default/a2 default/a3",
        ],
    );
}

/// Whether it may is the budget's affair as it is for evictions.
#[test]
fn where_a_budget_forbids_that_a_pod_goes_another_one_goes_or_it_is_said() {
    let guard = |name: &str, node: &str| {
        labelled(pod(name, at(node, affinity("podAntiAffinity", "a", HOST))), json!({"app": name}))
    };
    let budget = |least: u32| {
        json!({"kind": "PodDisruptionBudget", "metadata": {"name": "keep", "namespace": "default"},
            "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": "kept"}}}})
    };
    let all = [node("a", json!({})), guard("kept", "a"), node("b", json!({})), guard("loose", "b"), budget(1)];
    let p = of("a", "p", json!({}));
    let add = |nodes: &str| format!("add a node like a{nodes} -> a-more-1");
    remedies(
        &all,
        &p,
        &[
            "delete pod default/loose, whose required anti-affinity over kubernetes.io/hostname keeps it off -> b",
            "give it a new priority class of 1 -> b, not default/loose",
            &add(" (there are 2 such)"),
        ],
    );
    let only = [all[0].clone(), all[1].clone(), budget(1)];
    let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    for (what, least, is_ready, objection) in [
        ("nobody may go", 1, true, ", although the disruption budget default/keep forbids it"),
        ("one that serves nobody is missed, too", 1, false, ", although the disruption budget default/keep forbids it"),
        ("one may go", 0, true, ""),
    ] {
        let mut fixture = Fixture::new(&[only[0].clone(), only[1].clone(), budget(least), p.clone()]);
        if is_ready {
            fixture.ask(Method::Patch, "namespaces/default/pods/kept/status", &ready);
        }
        let answer = asked(&mut fixture, "p");
        assert_eq!(
            lines(&answer),
            [
                format!(
                    "delete pod default/kept, whose required anti-affinity over kubernetes.io/hostname keeps it \
                     off{objection} -> a"
                ),
                format!("give it a new priority class of 1{objection} -> a, not default/kept"),
                add(""),
            ],
            "{what}"
        );
        really(&fixture, "p", &answer);
    }
}

#[test]
fn a_replica_that_keeps_others_off_goes_where_another_one_has_a_place_or_its_controller_lets_them_be() {
    let guard = controller("guard", 1, &affinity("podAntiAffinity", "a", HOST));
    let p = of("a", "p", json!({"nodeSelector": {"disk": "ssd"}}));
    let n = with_labels("n", json!({"disk": "ssd"}), json!({}));
    let let_be = "drop the required pod anti-affinity over kubernetes.io/hostname from replicationcontroller \
                  default/guard, and delete its pod <on n> -> n";
    let (outrank, grow) =
        ("give it a new priority class of 1 -> n, not default/<on n>", "add a node like n -> n-more-1");
    // Whoever is made in its place would wait for it.
    beside(std::slice::from_ref(&n), &[], &guard, Some(&p), &[let_be, outrank, grow]);
    // There is room for it on another node, which is the better one now.
    let elsewhere = ["drop the node selector disk=ssd -> m", let_be];
    let delete =
        "delete pod default/<on n>, whose required anti-affinity over kubernetes.io/hostname keeps it off -> n";
    let with_deletion = [elsewhere.as_slice(), &[delete, outrank, grow]].concat();
    let mut asking = guard;
    merge(&mut asking["spec"]["template"]["spec"], &requests(json!({"cpu": "1"})));
    beside(
        std::slice::from_ref(&n),
        &[with_labels("m", json!({"disk": "hdd"}), json!({}))],
        &asking,
        Some(&p),
        &with_deletion,
    );
    // A quota has room for as many as there are: another one is made when the first is gone.
    let m = with_labels("m", json!({"disk": "hdd"}), json!({}));
    let rule =
        |kind: &str, spec: Value| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "rule"}, "spec": spec});
    beside(
        std::slice::from_ref(&n),
        &[m.clone(), rule("ResourceQuota", json!({"hard": {"pods": "2"}}))],
        &asking,
        Some(&p),
        &with_deletion,
    );
    // Such a one may not be made any more.
    let least = rule("LimitRange", json!({"limits": [{"type": "Container", "min": {"cpu": "2"}}]}));
    let mut large = p.clone();
    merge(&mut large["spec"], &requests(json!({"cpu": "2"})));
    beside(std::slice::from_ref(&n), &[m, least], &asking, Some(&large), &[elsewhere[0], outrank, grow]);
    // There is room, but it would come back.
    let unloved = json!({"spec": {"taints": [{"key": "k", "effect": "PreferNoSchedule"}]}});
    let m = with_labels("m", json!({"disk": "hdd"}), unloved);
    beside(&[n], &[m], &asking, Some(&p), &[elsewhere.as_slice(), &[outrank, grow]].concat());
}

#[test]
fn replicas_that_keep_each_other_off_are_let_be_by_their_own_controller() {
    beside(
        &[node("n", json!({}))],
        &[],
        &controller("a", 2, &affinity("podAntiAffinity", "a", HOST)),
        None,
        &[
            "drop the required pod anti-affinity over kubernetes.io/hostname from replicationcontroller default/a, and \
             delete its pod <on n> -> n",
            "add a node like n -> n-more-1",
        ],
    );
}

#[test]
fn pods_are_spread_as_unevenly_as_the_least_uneven_node_takes() {
    let full = |name: &str, cpu: &str| node(name, json!({"status": {"allocatable": {"cpu": cpu}}}));
    let there = |name: &str, node: &str| labelled(on(name, node, "100m"), json!({"app": "a"}));
    let mut asks = spread(HOST);
    merge(&mut asks, &requests(json!({"cpu": "1"})));
    let mut objects: Vec<Value> = ["l1", "l2", "l3", "l4", "m"].map(|name| full(name, "4")).into();
    objects.extend((0..14).map(|n| there(&format!("p{n:02}"), ["l1", "l2", "l3", "l4", "m"][n % 5])));
    objects.push(full("z", "0"));
    remedies(
        &objects,
        &of("a", "p", asks),
        &[
            "raise maxSkew over kubernetes.io/hostname from 1 to 3 -> m",
            "let it spread unevenly over kubernetes.io/hostname (whenUnsatisfiable: ScheduleAnyway) -> m",
            "give it a new priority class of 1 -> m, not default/p04 default/p09",
            "add a node like l1 (there are 5 such) -> l1-more-1",
        ],
    );
}

#[test]
fn a_node_is_labelled_where_that_one_label_is_missing() {
    let expression =
        |key: &str, operator: &str, values: Value| json!({"key": key, "operator": operator, "values": values});
    let required = |expressions: Value| {
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            {"nodeSelectorTerms": [{"matchExpressions": expressions}]}}}})
    };
    let n = with_labels("n", json!({"disk": "ssd"}), json!({}));
    for (what, spec, expected) in [
        ("a selector", json!({"nodeSelector": {"gpu": "a100"}}), Some("label n with gpu=a100 -> n")),
        (
            "one of several",
            required(json!([expression("gpu", "In", json!(["h100", "a100"]))])),
            Some("label n with gpu=h100 -> n"),
        ),
        ("any", required(json!([expression("gpu", "Exists", json!(null))])), Some("label n with gpu=true -> n")),
        ("two", json!({"nodeSelector": {"gpu": "a100", "rack": "r"}}), None),
        ("it says otherwise", json!({"nodeSelector": {"disk": "nvme"}}), None),
        ("another is meant", json!({"nodeSelector": {HOST: "other"}}), None),
        ("not this", required(json!([expression("disk", "NotIn", json!(["ssd"]))])), None),
    ] {
        let mut fixture = Fixture::new(std::slice::from_ref(&n));
        fixture.create(&pod("p", spec));
        let answer = asked(&mut fixture, "p");
        let labels: Vec<String> = lines(&answer).into_iter().filter(|line| line.starts_with("label ")).collect();
        assert_eq!(labels, expected.into_iter().collect::<Vec<_>>(), "{what}: {answer:#}");
        really(&fixture, "p", &answer);
    }
    // The one that lacks least is found among many.
    let mut nodes: Vec<Value> = (0..9).map(|number| node(&format!("a{number}"), json!({}))).collect();
    nodes.push(with_labels("z", json!({"rack": "r"}), json!({})));
    let mut fixture = Fixture::new(&nodes);
    fixture.create(&pod("p", json!({"nodeSelector": {"gpu": "a100", "rack": "r"}})));
    assert_eq!(
        lines(&asked(&mut fixture, "p")),
        ["drop the node selector gpu=a100 -> z", "label z with gpu=a100 -> z"]
    );
}

#[test]
fn a_node_that_is_in_no_place_is_put_in_one() {
    let zoned = |name: &str, zone: Value, cpu: &str| {
        with_labels(name, json!({ZONE: zone}), json!({"status": {"allocatable": {"cpu": cpu}}}))
    };
    let full = [zoned("a", json!("a"), "0"), zoned("b", json!("b"), "0"), node("n", json!({}))];
    let there = |name: &str, node: &str| labelled(pod(name, json!({"nodeName": node})), json!({"app": "a"}));
    let asking = |mut spec: Value| {
        merge(&mut spec, &requests(json!({"cpu": "1"})));
        of("a", "p", spec)
    };
    for (what, there, spec, expected) in [
        ("where fewest are", there("x", "a"), spread(ZONE), "label n with topology.kubernetes.io/zone=b -> n"),
        (
            "where the wanted ones are",
            there("x", "b"),
            affinity("podAffinity", "a", ZONE),
            "label n with topology.kubernetes.io/zone=b -> n",
        ),
        ("in one of its own", there("x", "a"), spread("rack"), "label n with rack=n -> n"),
    ] {
        let mut fixture = Fixture::new(&[full.as_slice(), &[there]].concat());
        fixture.create(&asking(spec));
        let answer = asked(&mut fixture, "p");
        let labels: Vec<String> = lines(&answer).into_iter().filter(|line| line.starts_with("label n ")).collect();
        assert_eq!(labels, [expected], "{what}: {answer:#}");
        really(&fixture, "p", &answer);
    }
    remedies(
        &[node("n", json!({})), labelled(pod("other", json!({"nodeName": "n"})), json!({"app": "b"}))],
        &of("a", "p", affinity("podAffinity", "b", "rack")),
        &["drop the required pod affinity over rack -> n"],
    );
}

#[test]
fn a_disk_is_only_read_or_whoever_uses_it_goes() {
    let disk = |name: &str, node: Option<&str>, read_only: bool| {
        let mut spec =
            json!({"volumes": [{"name": "data", "gcePersistentDisk": {"pdName": "d", "readOnly": read_only}}]});
        if let Some(node) = node {
            spec = at(node, spec);
        }
        pod(name, spec)
    };
    let other = [
        "delete pod default/other, which uses the same disk -> n",
        "give it a new priority class of 1 -> n, not default/other",
        "add a node like n -> n-more-1",
    ];
    remedies(&[node("n", json!({})), disk("other", Some("n"), false)], &disk("p", None, false), &other);
    remedies(
        &[node("n", json!({})), disk("other", Some("n"), true)],
        &disk("p", None, false),
        &[&["only read the disk of its volume data -> n"], other.as_slice()].concat(),
    );
}

#[test]
fn a_claim_that_there_is_not_is_done_without() {
    let claim = |name: &str| json!({"name": name, "persistentVolumeClaim": {"claimName": name}});
    remedies(
        &[node("n", json!({}))],
        &pod("p", json!({"volumes": [claim("data"), claim("log")]})),
        &["let its volume data and log be an emptyDir instead of a claim -> n"],
    );
}

#[test]
fn a_node_of_as_many_pods_as_it_may_have_frees_a_place() {
    remedies(
        &[node("n", json!({"status": {"allocatable": {"pods": "1"}}})), on("x", "n", "1")],
        &cpu("p", "1"),
        &[
            "free a place for a pod on n -> n",
            "give it a new priority class of 1 -> n, not default/x",
            "add a node like n -> n-more-1",
        ],
    );
}

#[test]
fn what_a_scheduler_demands_another_one_may_not() {
    let added = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions":
        [{"key": "team", "operator": "In", "values": ["x"]}]}]}});
    let strict = json!({"schedulerName": "strict", "pluginConfig": [{"name": "NodeAffinity", "args": {"addedAffinity": added}}]});
    let configuration = json!({"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
        "profiles": [{"schedulerName": "default-scheduler"}, strict]});
    let scheduler = Some(Configuration::try_from(configuration).unwrap());
    let mut fixture = Fixture::with(Config { scheduler, ..Config::default() }, &[node("n", json!({}))]);
    fixture.create(&pod("p", json!({"schedulerName": "strict"})));
    let answer = asked(&mut fixture, "p");
    assert_eq!(
        lines(&answer),
        ["let the scheduler default-scheduler place it -> n", "label n with team=x -> n"],
        "{answer:#}"
    );
    really(&fixture, "p", &answer);
}
