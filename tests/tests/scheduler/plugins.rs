//! Each plugin, rule by rule: a pod that waits, a node, and what the node says of it.

use crate::fixture::{Fixture, merge, node, pod, requests};
use kubarium_core::scheduler::{Detail, Reason, Stand};
use serde_json::{Value, json};

/// Checks rows of: a sentence, the spec of a pod, what is laid over a node, and the node's verdict.
#[track_caller]
fn check(rows: &[(&str, Value, Value, &str)]) {
    check_beside(&[], rows);
}

/// The same, with pods of these specs on the node already.
#[track_caller]
fn check_beside(there: &[Value], rows: &[(&str, Value, Value, &str)]) {
    for (sentence, spec, over, expected) in rows {
        // A scheduler that does not exist leaves the pod waiting.
        let mut spec = spec.clone();
        merge(&mut spec, &json!({"schedulerName": "nobody"}));
        let mut objects = vec![node("n", over.clone()), pod("p", spec)];
        for (at, spec) in there.iter().enumerate() {
            let mut spec = spec.clone();
            merge(&mut spec, &json!({"nodeName": "n"}));
            objects.push(pod(&format!("there-{at}"), spec));
        }
        assert_eq!(Fixture::new(&objects).verdict("p", "n"), *expected, "{sentence}");
    }
}

const CORDONED: &str = "NodeUnschedulable: node(s) were unschedulable, for good";
const TAINTED: &str = "TaintToleration: node(s) had untolerated taint(s), for good";
const AFFINITY: &str = "NodeAffinity: node(s) didn't match Pod's node affinity/selector, for good";
const OTHERS: &str = "NodeAffinity: node(s) didn't satisfy plugin(s) [NodeAffinity], for good";
const PORTS: &str = "NodePorts: node(s) didn't have free ports for the requested pod ports";

#[test]
fn a_cordoned_node_takes_only_pods_that_tolerate_it() {
    let cordoned = || json!({"spec": {"unschedulable": true}});
    let key = "node.kubernetes.io/unschedulable";
    check(&[
        ("any node takes a plain pod", json!({}), json!({}), "fits"),
        ("a cordoned one does not", json!({}), cordoned(), CORDONED),
        (
            "unless its taint is tolerated",
            json!({"tolerations": [{"key": key, "operator": "Exists", "effect": "NoSchedule"}]}),
            cordoned(),
            "fits",
        ),
        ("or every taint is", json!({"tolerations": [{"operator": "Exists"}]}), cordoned(), "fits"),
        (
            "tolerating another effect does not help",
            json!({"tolerations": [{"key": key, "operator": "Exists", "effect": "NoExecute"}]}),
            cordoned(),
            CORDONED,
        ),
    ]);
}

#[test]
fn every_taint_that_forbids_scheduling_must_be_tolerated() {
    let tainted = |effect| json!({"spec": {"taints": [{"key": "k", "value": "v", "effect": effect}]}});
    let two = json!({"spec": {"taints": [
        {"key": "k", "value": "v", "effect": "NoSchedule"}, {"key": "l", "effect": "NoExecute"}]}});
    let tolerating = |toleration| json!({"tolerations": [toleration]});
    check(&[
        ("NoSchedule keeps pods away", json!({}), tainted("NoSchedule"), TAINTED),
        ("so does NoExecute", json!({}), tainted("NoExecute"), TAINTED),
        ("PreferNoSchedule does not", json!({}), tainted("PreferNoSchedule"), "fits"),
        (
            "the same key, value and effect are tolerated",
            tolerating(json!({"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule"})),
            tainted("NoSchedule"),
            "fits",
        ),
        (
            "Equal is meant where no operator is given",
            tolerating(json!({"key": "k", "value": "v"})),
            tainted("NoSchedule"),
            "fits",
        ),
        (
            "another value is not tolerated",
            tolerating(json!({"key": "k", "value": "w"})),
            tainted("NoSchedule"),
            TAINTED,
        ),
        ("nor another key", tolerating(json!({"key": "l", "operator": "Exists"})), tainted("NoSchedule"), TAINTED),
        (
            "nor another effect",
            tolerating(json!({"key": "k", "operator": "Exists", "effect": "NoExecute"})),
            tainted("NoSchedule"),
            TAINTED,
        ),
        (
            "Exists tolerates any value",
            tolerating(json!({"key": "k", "operator": "Exists"})),
            tainted("NoExecute"),
            "fits",
        ),
        ("Exists without a key tolerates all", tolerating(json!({"operator": "Exists"})), two.clone(), "fits"),
        ("all of several must be tolerated", tolerating(json!({"key": "k", "operator": "Exists"})), two, TAINTED),
    ]);
}

#[test]
fn an_untolerated_taint_is_named() {
    let tainted = node("n", json!({"spec": {"taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]}}));
    let fixture = Fixture::new(&[tainted, pod("p", json!({}))]);
    let Stand::Refused { reasons, .. } = fixture.stand("p", "n").stand else { panic!("it fits") };
    let [(Reason::Taint, Some(Detail::Taint(taint)))] = reasons.as_slice() else { panic!("{reasons:?}") };
    assert_eq!((taint.key.as_str(), taint.value.as_str(), taint.effect.as_str()), ("k", "v", "NoSchedule"));
}

fn affinity(terms: Value) -> Value {
    json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}})
}

fn expression(key: &str, operator: &str, values: Value) -> Value {
    affinity(json!([{"matchExpressions": [{"key": key, "operator": operator, "values": values}]}]))
}

#[test]
fn node_selector_and_required_affinity_must_match() {
    let disk = || json!({"metadata": {"labels": {"disk": "ssd", "gen": "7", "word": "x", "low": "-3"}}});
    let both = json!([{"key": "disk", "operator": "Exists"}, {"key": "gen", "operator": "In", "values": ["8"]}]);
    let rows = [
        ("all labels of the node selector must be there", json!({"nodeSelector": {"disk": "ssd", "gen": "7"}}), "fits"),
        ("with the same values", json!({"nodeSelector": {"disk": "ssd", "gen": "8"}}), AFFINITY),
        ("a missing label does not match", json!({"nodeSelector": {"rack": "1"}}), AFFINITY),
        ("In wants one of the values", expression("disk", "In", json!(["hdd", "ssd"])), "fits"),
        ("In refuses other values", expression("disk", "In", json!(["hdd"])), AFFINITY),
        ("In refuses a missing label", expression("rack", "In", json!(["1"])), AFFINITY),
        ("NotIn refuses the values", expression("disk", "NotIn", json!(["ssd"])), AFFINITY),
        ("NotIn takes a missing label", expression("rack", "NotIn", json!(["1"])), "fits"),
        ("Exists wants the label", expression("disk", "Exists", Value::Null), "fits"),
        ("Exists refuses a missing label", expression("rack", "Exists", Value::Null), AFFINITY),
        ("DoesNotExist refuses the label", expression("disk", "DoesNotExist", Value::Null), AFFINITY),
        ("DoesNotExist takes a missing label", expression("rack", "DoesNotExist", Value::Null), "fits"),
        ("Gt compares numbers, not text", expression("gen", "Gt", json!(["06"])), "fits"),
        ("Gt refuses the same number", expression("gen", "Gt", json!(["7"])), AFFINITY),
        ("Lt takes a smaller number", expression("gen", "Lt", json!(["10"])), "fits"),
        ("Lt takes negative numbers", expression("low", "Lt", json!(["-2"])), "fits"),
        ("Lt refuses the same number", expression("gen", "Lt", json!(["7"])), AFFINITY),
        ("a word is no number", expression("word", "Gt", json!(["0"])), AFFINITY),
        ("nor is a bound that is a word", expression("gen", "Gt", json!(["x"])), AFFINITY),
        ("a missing label is no number", expression("rack", "Lt", json!(["9"])), AFFINITY),
        ("all expressions of a term must match", affinity(json!([{"matchExpressions": both}])), AFFINITY),
        (
            "one term is enough",
            affinity(json!([{"matchExpressions": both}, {"matchExpressions": [{"key": "gen", "operator": "Exists"}]}])),
            "fits",
        ),
        ("an empty term matches nothing", affinity(json!([{}])), AFFINITY),
        ("no terms match nothing", affinity(json!([])), AFFINITY),
        (
            "a field can be matched beside labels",
            affinity(json!([
                {"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["m"]}]},
            ])),
            "fits",
        ),
        (
            "a node that is not named is not looked at where all terms name theirs",
            affinity(json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["m"]}]}])),
            OTHERS,
        ),
        (
            "a named node must match the labels of its term too",
            affinity(json!([{
                "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}],
                "matchExpressions": [{"key": "rack", "operator": "Exists"}],
            }])),
            AFFINITY,
        ),
        (
            "a term without names opens all nodes",
            affinity(json!([
                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["m"]}]},
                {"matchExpressions": [{"key": "disk", "operator": "Exists"}]},
            ])),
            "fits",
        ),
        (
            "terms that contradict themselves allow no node",
            affinity(json!([{"matchFields": [
                {"key": "metadata.name", "operator": "In", "values": ["n"]},
                {"key": "metadata.name", "operator": "In", "values": ["m"]},
            ]}])),
            "NodeAffinity: pod affinity terms conflict, for good",
        ),
    ];
    let rows: Vec<_> = rows.into_iter().map(|(sentence, spec, expected)| (sentence, spec, disk(), expected)).collect();
    check(&rows);
    let mut both = json!({"nodeSelector": {"rack": "1"}});
    merge(&mut both, &expression("disk", "Exists", Value::Null));
    check(&[("both node selector and affinity must match", both, disk(), AFFINITY)]);
}

fn port(port: Value) -> Value {
    json!({"containers": [{"name": "c", "image": "i", "ports": [port]}]})
}

#[test]
fn a_host_port_is_taken_once() {
    let there = [port(json!({"containerPort": 80, "hostPort": 80, "protocol": "TCP"}))];
    check_beside(
        &there,
        &[
            ("the same port is taken", port(json!({"containerPort": 8, "hostPort": 80})), json!({}), PORTS),
            ("another is free", port(json!({"containerPort": 80, "hostPort": 81})), json!({}), "fits"),
            (
                "another protocol is another port",
                port(json!({"containerPort": 80, "hostPort": 80, "protocol": "UDP"})),
                json!({}),
                "fits",
            ),
            ("a port of the container alone takes none", port(json!({"containerPort": 80})), json!({}), "fits"),
            (
                "all addresses include each",
                port(json!({"containerPort": 80, "hostPort": 80, "hostIP": "127.0.0.1"})),
                json!({}),
                PORTS,
            ),
            (
                "a sidecar's port counts",
                json!({"initContainers": [{"name": "s", "image": "i", "restartPolicy": "Always",
                    "ports": [{"containerPort": 80, "hostPort": 80}]}]}),
                json!({}),
                PORTS,
            ),
            (
                "that of an init container that ends does not",
                json!({"initContainers": [{"name": "s", "image": "i", "ports": [{"containerPort": 80, "hostPort": 80}]}]}),
                json!({}),
                "fits",
            ),
        ],
    );
    let local = |ip| port(json!({"containerPort": 80, "hostPort": 80, "hostIP": ip}));
    check_beside(
        &[local("127.0.0.1")],
        &[
            ("another address is free", local("127.0.0.2"), json!({}), "fits"),
            ("all addresses are not", local("0.0.0.0"), json!({}), PORTS),
            ("nor is the same", local("127.0.0.1"), json!({}), PORTS),
        ],
    );
}

#[test]
fn what_a_pod_asks_for_must_be_left() {
    let insufficient = |what: &str| format!("NodeResourcesFit: Insufficient {what}");
    let (cpu, memory) = (insufficient("cpu"), insufficient("memory"));
    let none = || json!({});
    check_beside(
        &[requests(json!({"cpu": "3", "memory": "6Gi", "ephemeral-storage": "9Gi", "example.com/gpu": "1"}))],
        &[
            ("exactly what is left fits", requests(json!({"cpu": "1", "memory": "2Gi"})), none(), "fits"),
            ("a thousandth of a cpu more does not", requests(json!({"cpu": "1001m"})), none(), &cpu),
            ("nor a byte more", requests(json!({"memory": "2147483649"})), none(), &memory),
            ("half a byte counts as one", requests(json!({"memory": "2147483648500m"})), none(), &memory),
            (
                "all that is short is named",
                requests(json!({"cpu": "2", "memory": "3Gi"})),
                none(),
                "NodeResourcesFit: Insufficient cpu + Insufficient memory",
            ),
            (
                "more than the node has is refused for good",
                requests(json!({"cpu": "5"})),
                none(),
                "NodeResourcesFit: Insufficient cpu, for good",
            ),
            (
                "ephemeral storage counts",
                requests(json!({"ephemeral-storage": "2Gi"})),
                none(),
                &insufficient("ephemeral-storage"),
            ),
            (
                "a resource the node does not have is refused for good",
                requests(json!({"example.com/gpu": "1"})),
                none(),
                "NodeResourcesFit: Insufficient example.com/gpu, for good",
            ),
            (
                "one that is all taken is not",
                requests(json!({"example.com/gpu": "1"})),
                json!({"status": {"allocatable": {"example.com/gpu": "1"}}}),
                &insufficient("example.com/gpu"),
            ),
            ("none of it always fits", requests(json!({"example.com/gpu": "0"})), none(), "fits"),
            ("a pod that asks for nothing fits", none(), none(), "fits"),
            (
                "even where the node has less than is used",
                none(),
                json!({"status": {"allocatable": {"cpu": "1"}}}),
                "fits",
            ),
            (
                "but not where there is room for no more pods",
                none(),
                json!({"status": {"allocatable": {"pods": "1"}}}),
                "NodeResourcesFit: Too many pods",
            ),
            (
                "that is named beside what is short",
                requests(json!({"cpu": "2"})),
                json!({"status": {"allocatable": {"pods": "1"}}}),
                "NodeResourcesFit: Too many pods + Insufficient cpu",
            ),
        ],
    );
}

#[test]
fn init_containers_sidecars_and_overhead_are_counted() {
    let of = |cpu: &str| json!({"requests": {"cpu": cpu}});
    let spec = |init: Value| json!({"containers": [{"name": "c", "image": "i", "resources": of("2")}], "initContainers": init});
    let init = |cpu| json!({"name": "i", "image": "i", "resources": of(cpu)});
    let sidecar = |cpu| json!({"name": "s", "image": "i", "restartPolicy": "Always", "resources": of(cpu)});
    let short = "NodeResourcesFit: Insufficient cpu, for good";
    let mut overhead = spec(json!([]));
    merge(&mut overhead, &json!({"overhead": {"cpu": "2001m"}}));
    let mut whole = spec(json!([]));
    merge(&mut whole, &json!({"resources": {"requests": {"cpu": "5"}}}));
    check(&[
        ("an init container runs alone", spec(json!([init("4")])), json!({}), "fits"),
        ("it counts where it is larger than the rest", spec(json!([init("5")])), json!({}), short),
        ("a sidecar runs beside the containers", spec(json!([sidecar("2")])), json!({}), "fits"),
        ("and adds to them", spec(json!([sidecar("2001m")])), json!({}), short),
        (
            "an init container after a sidecar runs beside it",
            spec(json!([sidecar("1"), init("3001m")])),
            json!({}),
            short,
        ),
        ("one before it does not", spec(json!([init("3001m"), sidecar("1")])), json!({}), "fits"),
        ("overhead comes on top", overhead, json!({}), short),
        ("what is asked for the whole pod counts instead", whole, json!({}), short),
    ]);
}

#[test]
fn an_amount_that_is_short_comes_with_its_numbers() {
    let mut there = requests(json!({"cpu": "3"}));
    merge(&mut there, &json!({"nodeName": "n"}));
    let waiting = pod("p", requests(json!({"cpu": "1500m"})));
    let fixture = Fixture::new(&[node("n", json!({})), pod("there", there), waiting]);
    let Stand::Refused { reasons, .. } = fixture.stand("p", "n").stand else { panic!("it fits") };
    let amount = Detail::Amount { requested: 1500, used: 3000, allocatable: 4000 };
    assert_eq!(reasons, [(Reason::Insufficient("cpu".into()), Some(amount))]);
}

#[test]
fn scores_are_upstreams() {
    // Sentence, what is asked for, what is used on the node, LeastAllocated, BalancedAllocation.
    let rows = [
        // (75 + 75) / 2; both shares a quarter.
        ("a quarter of each", json!({"cpu": "1", "memory": "2Gi"}), json!({}), 75, Some(75)),
        // (0 + 97) / 2; deviation 0.5: balance falls from 100 to 50. Memory counts as 200 MiB, for the first only.
        ("all cpu and no memory named", json!({"cpu": "4"}), json!({}), 48, Some(50)),
        // (47 + 47) / 2: what is not named counts a little. Balance rises from 75 to 100.
        ("what balances the node", json!({"memory": "4Gi"}), json!({"cpu": "2"}), 47, Some(87)),
        // (97 + 97) / 2: a pod without requests counts as 0.1 cpu and 200 MiB, and balances nothing.
        ("nothing", json!({}), json!({}), 97, None),
        // A request of nothing is not a request that is missing.
        ("nothing, in so many words", json!({"cpu": "0", "memory": "0"}), json!({}), 100, None),
    ];
    for (sentence, asked, used, least, balanced) in rows {
        let mut there = requests(used.clone());
        merge(&mut there, &json!({"nodeName": "n"}));
        let mut waiting = requests(asked);
        merge(&mut waiting, &json!({"schedulerName": "nobody"}));
        let mut objects = vec![node("n", json!({})), pod("p", waiting)];
        if used != json!({}) {
            objects.push(pod("there", there));
        }
        let Stand::Feasible { scores } = Fixture::new(&objects).stand("p", "n").stand else { panic!("{sentence}") };
        let of = |plugin| scores.iter().find(|s| s.plugin == plugin).map(|s| s.weighted);
        assert_eq!(of("NodeResourcesFit"), Some(least), "{sentence}");
        assert_eq!(of("NodeResourcesBalancedAllocation"), balanced, "{sentence}");
    }
}

#[test]
fn what_is_asked_for_a_whole_pod_counts_for_scores_once_it_is_there() {
    let whole = || json!({"resources": {"requests": {"cpu": "2"}}});
    let none = || {
        let mut spec = whole();
        merge(
            &mut spec,
            &json!({"containers": [
            {"name": "c", "image": "i", "resources": {"requests": {"memory": "0"}}}, {"name": "d", "image": "i"}]}),
        );
        spec
    };
    // Sentence, the pod on the node, the pod that waits, LeastAllocated.
    let rows = [
        // (97 + 97) / 2: 0.1 cpu and 200 MiB, as if it asked for nothing.
        ("not while it waits", None, whole(), 97),
        // (47 + 95) / 2: 2.1 cpu and 400 MiB, of which it has named no memory.
        ("but once it is on the node", Some(whole()), json!({}), 71),
        // (47 + 97) / 2: 2.1 cpu and 200 MiB.
        ("where also nothing, in so many words, is what it says", Some(none()), json!({}), 72),
    ];
    for (sentence, there, mut asked, least) in rows {
        merge(&mut asked, &json!({"schedulerName": "nobody"}));
        let mut objects = vec![node("n", json!({})), pod("p", asked)];
        if let Some(mut there) = there {
            merge(&mut there, &json!({"nodeName": "n"}));
            objects.push(pod("there", there));
        }
        let Stand::Feasible { scores } = Fixture::new(&objects).stand("p", "n").stand else { panic!("{sentence}") };
        let of = |plugin| scores.iter().find(|s| s.plugin == plugin).map(|s| s.weighted);
        assert_eq!(of("NodeResourcesFit"), Some(least), "{sentence}");
    }
}

#[test]
fn what_a_whole_pod_does_not_ask_for_is_asked_for_it() {
    let sidecar =
        |resources: Value| json!([{"name": "s", "image": "i", "restartPolicy": "Always", "resources": resources}]);
    // Sentence, what the container asks for and may have, its sidecars, what is said of the whole, and what that becomes.
    let rows = [
        ("nothing is said", json!({"requests": {"cpu": "1"}}), json!([]), json!({}), json!({})),
        (
            "what containers ask for goes before a limit",
            json!({"requests": {"cpu": "1500m", "memory": "500M"}}),
            sidecar(json!({"requests": {"cpu": "500m", "memory": "1G"}})),
            json!({"limits": {"cpu": "5", "memory": "4Gi"}}),
            json!({"limits": {"cpu": "5", "memory": "4Gi"}, "requests": {"cpu": "2", "memory": "1500M"}}),
        ),
        (
            "a limit is asked for where they ask for nothing",
            json!({"requests": {"cpu": "0"}}),
            json!([]),
            json!({"limits": {"cpu": "5", "memory": "4Gi"}}),
            json!({"limits": {"cpu": "5", "memory": "4Gi"}, "requests": {"cpu": "0", "memory": "4Gi"}}),
        ),
        (
            "without a limit nothing is added",
            json!({"requests": {"cpu": "1"}}),
            json!([]),
            json!({"requests": {"memory": "1Gi"}}),
            json!({"requests": {"memory": "1Gi"}}),
        ),
        (
            "huge pages that a container may have are the whole's limit",
            json!({"requests": {"cpu": "1"}, "limits": {"hugepages-2Mi": "4Mi"}}),
            json!([]),
            json!({"requests": {"cpu": "2"}}),
            json!({"limits": {"hugepages-2Mi": "4Mi"}, "requests": {"cpu": "2", "hugepages-2Mi": "4Mi"}}),
        ),
    ];
    for (sentence, resources, sidecars, whole, expected) in rows {
        let mut fixture = Fixture::new(&[node("n", json!({}))]);
        let containers = json!([{"name": "c", "image": "i", "resources": resources}]);
        let mut spec = json!({"containers": containers, "initContainers": sidecars});
        if whole != json!({}) {
            merge(&mut spec, &json!({"resources": whole}));
        }
        fixture.create(&pod("p", spec));
        let had = fixture.pod("p").to_value()["spec"].get("resources").cloned().unwrap_or_else(|| json!({}));
        assert_eq!(had, expected, "{sentence}");
    }
}
