//! Plugins that look at more than one node: what they refuse and what they give, rule by rule. Two zones, `a` with two
//! nodes and `b` with one, and a node that is in no zone.

use crate::fixture::{Fixture, merge, node, pod};
use kubarium_core::apiserver::Method;
use kubarium_core::scheduler::Stand;
use serde_json::{Value, json};

fn in_zone(name: &str, zone: &str) -> Value {
    node(name, json!({"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}}))
}

fn nodes() -> Vec<Value> {
    vec![in_zone("a1", "a"), in_zone("a2", "a"), in_zone("b1", "b"), node("x1", json!({}))]
}

/// A pod of an app that is on a node already.
pub(crate) fn there(app: &str, node: &str, over: Value) -> Value {
    let mut value = pod(&format!("{app}-{node}"), json!({"nodeName": node}));
    merge(&mut value, &json!({"metadata": {"labels": {"app": app}}}));
    merge(&mut value, &over);
    value
}

/// A pod of the app `web` that waits: a scheduler that does not exist leaves it alone.
fn waiting(spec: &Value) -> Value {
    let mut value = pod("p", json!({"schedulerName": "nobody"}));
    merge(&mut value, &json!({"metadata": {"labels": {"app": "web", "version": "2"}}, "spec": spec}));
    value
}

pub(crate) fn fixture(pods: &[Value], spec: &Value) -> Fixture {
    let objects: Vec<_> = nodes().into_iter().chain(pods.iter().cloned()).chain([waiting(spec)]).collect();
    Fixture::new(&objects)
}

const NODES: [&str; 4] = ["a1", "a2", "b1", "x1"];

/// Checks rows of: a sentence, the pods that are there, the spec of the pod that waits, and the nodes that will do.
#[track_caller]
pub(crate) fn check(rows: &[(&str, Vec<Value>, Value, &str)]) {
    for (sentence, pods, spec, expected) in rows {
        let fixture = fixture(pods, spec);
        let fits: Vec<_> = NODES.into_iter().filter(|n| fixture.verdict("p", n) == "fits").collect();
        assert_eq!(fits.join(" "), *expected, "{sentence}");
    }
}

/// What a plugin gives each node that will do; `-` where it is not asked.
#[track_caller]
fn scores(objects: &[Value], spec: &Value, plugin: &str) -> String {
    let fixture = fixture(objects, spec);
    let of = |node: &str| {
        let Stand::Feasible { scores } = fixture.stand("p", node).stand else { return String::new() };
        let score = scores.iter().find(|s| s.plugin == plugin);
        score.map_or_else(|| " -".to_owned(), |s| format!(" {}", s.normalized))
    };
    NODES.map(of).concat().trim_start().to_owned()
}

fn web() -> Value {
    json!({"matchLabels": {"app": "web"}})
}

pub(crate) fn spread(over: Value) -> Value {
    let mut constraint = json!({"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule", "labelSelector": web()});
    merge(&mut constraint, &over);
    json!({"topologySpreadConstraints": [constraint]})
}

pub(crate) fn and(mut spec: Value, over: Value) -> Value {
    merge(&mut spec, &over);
    spec
}

#[test]
fn pods_are_spread_over_the_values_of_a_label() {
    let one = || vec![there("web", "a1", json!({}))];
    let both = || vec![there("web", "a1", json!({})), there("web", "b1", json!({}))];
    check(&[
        ("with no pods all places that have the label will do", vec![], spread(json!({})), "a1 a2 b1"),
        ("a pod in a zone fills all of that", one(), spread(json!({})), "b1"),
        ("unless more skew is allowed", one(), spread(json!({"maxSkew": 2})), "a1 a2 b1"),
        ("where both have one, both will do", both(), spread(json!({})), "a1 a2 b1"),
        ("pods of another app do not count", vec![there("db", "a1", json!({}))], spread(json!({})), "a1 a2 b1"),
        (
            "nor do those of another namespace",
            vec![there("web", "a1", json!({"metadata": {"namespace": "other"}}))],
            spread(json!({})),
            "a1 a2 b1",
        ),
        (
            "nor those on their way out",
            vec![there("web", "a1", json!({"metadata": {"deletionTimestamp": "2027-01-15T09:00:00Z"}}))],
            spread(json!({})),
            "a1 a2 b1",
        ),
        (
            "nor those that ended",
            vec![there("web", "a1", json!({"status": {"phase": "Succeeded"}}))],
            spread(json!({})),
            "a1 a2 b1",
        ),
        ("a label that no node has leaves none", vec![], spread(json!({"topologyKey": "rack"})), ""),
        ("no selector selects nothing", one(), spread(json!({"labelSelector": null})), "a1 a2 b1"),
        (
            "an empty one counts none of the pods there are",
            vec![there("db", "a1", json!({}))],
            spread(json!({"labelSelector": {"matchLabels": null}})),
            "a1 a2 b1",
        ),
        (
            "a pod that does not count itself may come where another is",
            vec![there("db", "a1", json!({}))],
            spread(json!({"labelSelector": {"matchLabels": {"app": "db"}}})),
            "a1 a2 b1",
        ),
        (
            "by node, each is a place of its own",
            one(),
            spread(json!({"topologyKey": "kubernetes.io/hostname"})),
            "a2 b1 x1",
        ),
        (
            "where it had only better be so, all will do",
            one(),
            spread(json!({"whenUnsatisfiable": "ScheduleAnyway"})),
            "a1 a2 b1 x1",
        ),
    ]);
}

#[test]
fn too_few_places_count_as_one_without_pods() {
    let both = || vec![there("web", "a1", json!({})), there("web", "b1", json!({}))];
    check(&[
        ("two zones are enough for two", both(), spread(json!({"minDomains": 2})), "a1 a2 b1"),
        ("for three they are too few", both(), spread(json!({"minDomains": 3})), ""),
        ("which is no matter while they are empty", vec![], spread(json!({"minDomains": 3})), "a1 a2 b1"),
    ]);
}

#[test]
fn only_pods_like_this_one_count_where_label_keys_are_matched() {
    let old = || vec![there("web", "a1", json!({"metadata": {"labels": {"version": "1"}}}))];
    let same = || vec![there("web", "a1", json!({"metadata": {"labels": {"version": "2"}}}))];
    let keys = |keys: Value| spread(json!({"matchLabelKeys": keys}));
    check(&[
        ("one of another version does not", old(), keys(json!(["version"])), "a1 a2 b1"),
        ("one of the same does", same(), keys(json!(["version"])), "b1"),
        ("a key that the pod does not have is left out", old(), keys(json!(["colour"])), "b1"),
    ]);
}

#[test]
fn which_nodes_count_can_be_said() {
    let one = || vec![there("web", "a1", json!({}))];
    let only_a = |policy: Value| {
        let selector = json!({"nodeSelector": {"topology.kubernetes.io/zone": "a"}});
        and(spread(json!({"nodeAffinityPolicy": policy})), selector)
    };
    check(&[
        ("nodes that the pod may not use do not count", one(), only_a(json!("Honor")), "a1 a2"),
        ("that is so where nothing is said", one(), only_a(Value::Null), "a1 a2"),
        ("unless they shall", one(), only_a(json!("Ignore")), ""),
    ]);
    let tainted = |policy: &str| {
        let mut nodes = nodes();
        merge(&mut nodes[2], &json!({"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}}));
        nodes.extend(one());
        nodes.push(waiting(&spread(json!({"nodeTaintsPolicy": policy}))));
        Fixture::new(&nodes).verdict("p", "a2")
    };
    assert_eq!(tainted("Honor"), "fits", "a node whose taint the pod does not tolerate does not count");
    assert_eq!(tainted("Ignore"), "PodTopologySpread: node(s) didn't match pod topology spread constraints");
}

#[test]
fn the_fewer_pods_are_near_the_better() {
    let soft = |over: Value| spread(and(json!({"whenUnsatisfiable": "ScheduleAnyway"}), over));
    let two = [there("web", "a1", json!({})), there("web", "a2", json!({}))];
    let plugin = "PodTopologySpread";
    assert_eq!(scores(&[], &soft(json!({})), plugin), "100 100 100 0", "what has no label gets nothing");
    assert_eq!(scores(&two, &soft(json!({})), plugin), "0 0 100 0");
    assert_eq!(scores(&two, &json!({}), plugin), "- - - -", "a pod that says nothing and serves nobody");
    let service = json!({"kind": "Service", "metadata": {"name": "s", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
    let served: Vec<_> = two.iter().cloned().chain([service]).collect();
    // By node and by zone: 1 ln 6 + 2 and 2 ln 5 + 4 make 11 where the pods are, and 6 and 2 elsewhere.
    assert_eq!(scores(&served, &json!({}), plugin), "18 18 63 100", "what serves a service is spread");
}

pub(crate) fn affinity(kind: &str, over: Value) -> Value {
    let mut term =
        json!({"topologyKey": "topology.kubernetes.io/zone", "labelSelector": {"matchLabels": {"app": "db"}}});
    merge(&mut term, &over);
    json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
}

#[test]
fn a_pod_must_be_near_others() {
    let near = |over: Value| affinity("podAffinity", over);
    let db = || vec![there("db", "a1", json!({}))];
    let own = || near(json!({"labelSelector": {"matchLabels": {"app": "web"}}}));
    let elsewhere = || vec![there("db", "a1", json!({"metadata": {"namespace": "other"}}))];
    let namespace = |labels: Value| json!({"kind": "Namespace", "metadata": {"name": "other", "labels": labels}});
    check(&[
        ("in the zone of one all nodes will do", db(), near(json!({})), "a1 a2"),
        ("by node, only its node", db(), near(json!({"topologyKey": "kubernetes.io/hostname"})), "a1"),
        ("where there is none, no node will do", vec![], near(json!({})), ""),
        ("the first of its kind finds a place, where the label is", vec![], own(), "a1 a2 b1"),
        ("the second must go to the first", vec![there("web", "b1", json!({}))], own(), "b1"),
        ("a pod in another namespace is not meant", elsewhere(), near(json!({})), ""),
        ("unless that is named", elsewhere(), near(json!({"namespaces": ["other"]})), "a1 a2"),
        (
            "or selected by its labels",
            [elsewhere(), vec![namespace(json!({"team": "t"}))]].concat(),
            near(json!({"namespaceSelector": {"matchLabels": {"team": "t"}}})),
            "a1 a2",
        ),
        (
            "which must be so",
            [elsewhere(), vec![namespace(json!({"team": "u"}))]].concat(),
            near(json!({"namespaceSelector": {"matchLabels": {"team": "t"}}})),
            "",
        ),
        ("an empty selector of namespaces means all", elsewhere(), near(json!({"namespaceSelector": {}})), "a1 a2"),
        (
            "so does one that a namespace without labels meets",
            [elsewhere(), vec![namespace(json!({"team": "u"}))]].concat(),
            near(json!({"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}})),
            "a1 a2",
        ),
        ("no selector of pods means none", db(), near(json!({"labelSelector": null})), ""),
        (
            "of the same version where label keys are matched",
            vec![
                there("db", "a1", json!({"metadata": {"labels": {"version": "1"}}})),
                there("db", "b1", json!({"metadata": {"labels": {"version": "2"}}})),
            ],
            near(json!({"matchLabelKeys": ["version"]})),
            "b1",
        ),
        (
            "or of another where they must not match",
            vec![
                there("db", "a1", json!({"metadata": {"labels": {"version": "1"}}})),
                there("db", "b1", json!({"metadata": {"labels": {"version": "2"}}})),
            ],
            near(json!({"mismatchLabelKeys": ["version"]})),
            "a1 a2",
        ),
    ]);
    let verdict = fixture(&[], &near(json!({}))).verdict("p", "a1");
    assert_eq!(verdict, "InterPodAffinity: node(s) didn't match pod affinity rules, for good");
}

#[test]
fn one_pod_must_match_all_terms() {
    let mut spec = affinity("podAffinity", json!({}));
    let terms = &mut spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let tier = json!({"topologyKey": "topology.kubernetes.io/zone", "labelSelector": {"matchLabels": {"tier": "1"}}});
    terms.as_array_mut().unwrap().push(tier);
    let tiered = |node: &str| there("db", node, json!({"metadata": {"labels": {"tier": "1"}}}));
    let other = there("cache", "a2", json!({"metadata": {"labels": {"tier": "1"}}}));
    check(&[
        ("one that matches both is enough", vec![tiered("a1")], spec.clone(), "a1 a2"),
        ("two that match one each are not", vec![there("db", "a1", json!({})), other], spec, ""),
    ]);
}

#[test]
fn what_others_say_of_namespaces_is_taken_as_it_is() {
    let teamless = json!({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]});
    let spec = affinity("podAntiAffinity", json!({"labelSelector": web(), "namespaceSelector": teamless}));
    let mut fixture = fixture(&[there("db", "a1", json!({"spec": spec}))], &json!({}));
    let refused = "InterPodAffinity: node(s) didn't satisfy existing pods anti-affinity rules";
    assert_eq!(fixture.verdict("p", "a2"), refused);
    fixture.ask(Method::Patch, "namespaces/default", &json!({"metadata": {"labels": {"team": "t"}}}));
    assert_eq!(fixture.verdict("p", "a2"), "fits");
}

fn preferred(kind: &str, weight: i32) -> Value {
    let term = json!({"topologyKey": "topology.kubernetes.io/zone", "labelSelector": {"matchLabels": {"app": "db"}}});
    json!({"affinity": {kind: {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": weight, "podAffinityTerm": term}]}}})
}

#[test]
fn pods_would_rather_be_near_others_or_not() {
    let plugin = "InterPodAffinity";
    let db = [there("db", "a1", json!({}))];
    let likes_web = |kind: &str| {
        let mut spec = preferred(kind, 10);
        let terms = &mut spec["affinity"][kind]["preferredDuringSchedulingIgnoredDuringExecution"];
        terms[0]["podAffinityTerm"]["labelSelector"] = web();
        [there("db", "b1", json!({"spec": spec}))]
    };
    assert_eq!(scores(&db, &preferred("podAffinity", 7), plugin), "100 100 0 0");
    assert_eq!(scores(&db, &preferred("podAntiAffinity", 7), plugin), "0 0 100 100", "negative weights");
    assert_eq!(scores(&[], &preferred("podAffinity", 7), plugin), "- - - -", "nobody is there to be near");
    assert_eq!(scores(&likes_web("podAffinity"), &json!({}), plugin), "0 0 100 0", "others like it to be near");
    assert_eq!(scores(&likes_web("podAntiAffinity"), &json!({}), plugin), "100 100 0 100", "or not");
    let needs_web = affinity("podAffinity", json!({"labelSelector": web()}));
    assert_eq!(scores(&[there("db", "b1", json!({"spec": needs_web}))], &json!({}), plugin), "0 0 100 0", "or need it");
}

#[test]
fn nodes_that_are_avoided_or_preferred_get_less_or_more() {
    let soft = |name: &str, keys: &[&str]| {
        let taints: Vec<_> = keys.iter().map(|key| json!({"key": key, "effect": "PreferNoSchedule"})).collect();
        (name.to_owned(), json!({"spec": {"taints": taints}, "metadata": {"labels": {"disk": name}}}))
    };
    let run = |spec: &Value, plugin: &str| {
        let nodes = [soft("n0", &[]), soft("n1", &["k"]), soft("n2", &["k", "l"])];
        let mut objects: Vec<_> = nodes.into_iter().map(|(name, over)| node(&name, over)).collect();
        objects.push(waiting(spec));
        let fixture = Fixture::new(&objects);
        let of = |node: &str| match fixture.stand("p", node).stand {
            Stand::Feasible { scores } => {
                scores.iter().find(|s| s.plugin == plugin).map(|s| (s.normalized, s.weighted))
            }
            Stand::Refused { .. } => None,
        };
        ["n0", "n1", "n2"].map(of)
    };
    let taints = "TaintToleration";
    assert_eq!(run(&json!({}), taints), [Some((100, 300)), Some((50, 150)), Some((0, 0))]);
    let tolerant = json!({"tolerations": [{"key": "l", "operator": "Exists"}]});
    assert_eq!(
        run(&tolerant, taints),
        [Some((100, 300)), Some((0, 0)), Some((0, 0))],
        "what is tolerated does not count"
    );
    let prefers = |terms: Value| json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": terms}}});
    let disk = |weight: i32, disks: &[&str]| json!({"weight": weight, "preference": {"matchExpressions": [{"key": "disk", "operator": "In", "values": disks}]}});
    let plugin = "NodeAffinity";
    assert_eq!(run(&json!({}), plugin), [None, None, None], "a pod that prefers nothing");
    let two = prefers(json!([disk(10, &["n0", "n1"]), disk(30, &["n1"])]));
    assert_eq!(run(&two, plugin), [Some((25, 50)), Some((100, 200)), Some((0, 0))], "weights add up");
    let none = prefers(json!([{"weight": 10, "preference": {}}]));
    assert_eq!(run(&none, plugin), [Some((0, 0)), Some((0, 0)), Some((0, 0))], "an empty term matches nothing");
}

#[test]
fn images_that_are_there_are_worth_their_size() {
    let mib = 1024 * 1024;
    let image = |name: &str, size: i64| json!({"status": {"images": [{"names": [name], "sizeBytes": size * mib}]}});
    let run = |images: &[(&str, i64)], image_of_pod: &str| {
        let each = images.iter().enumerate();
        let mut objects: Vec<_> = each.map(|(at, (name, size))| node(&format!("n{at}"), image(name, *size))).collect();
        objects.push(waiting(&json!({"containers": [{"name": "c", "image": image_of_pod}]})));
        let fixture = Fixture::new(&objects);
        let of = |at: usize| match fixture.stand("p", &format!("n{at}")).stand {
            Stand::Feasible { scores } => {
                scores.iter().find(|s| s.plugin == "ImageLocality").map_or(-1, |s| s.normalized)
            }
            Stand::Refused { .. } => -1,
        };
        (0..images.len()).map(of).collect::<Vec<_>>()
    };
    assert_eq!(run(&[("web:1", 1000), ("db:1", 1000)], "web:1"), [48, 0], "half the nodes have it: it counts half");
    assert_eq!(run(&[("web:1", 1000), ("web:1", 1000)], "web:1"), [100, 100], "1000 MiB are the most");
    assert_eq!(run(&[("web:1", 20), ("web:1", 20)], "web:1"), [0, 0], "23 MiB the least");
    assert_eq!(run(&[("web:latest", 1000), ("db:1", 1)], "web"), [48, 0], "without a tag it is the latest");
    assert_eq!(run(&[("r:5000/web:latest", 1000), ("db:1", 1)], "r:5000/web"), [48, 0], "a port is no tag");
    assert_eq!(run(&[("web:1", 500), ("web:1", 1000)], "web:1"), [48, 48], "as large as the first node says");
    let volume = |image: &str| json!({"volumes": [{"name": "v", "image": {"reference": image}}]});
    let nodes = [node("a1", image("data:1", 1000)), node("b1", image("web:1", 200))];
    let of = |spec: &Value| {
        let mut spec = spec.clone();
        merge(&mut spec, &json!({"containers": [{"name": "c", "image": "web:1"}]}));
        let fixture = Fixture::new(&[nodes[0].clone(), nodes[1].clone(), waiting(&spec)]);
        ["a1", "b1"].map(|name| match fixture.stand("p", name).stand {
            Stand::Feasible { scores } => scores.iter().find(|s| s.plugin == "ImageLocality").map(|s| s.normalized),
            Stand::Refused { .. } => None,
        })
    };
    assert_eq!(of(&json!({})), [Some(0), Some(7)]);
    assert_eq!(of(&volume("data:1")), [Some(48), Some(7)], "those of volumes count, and raise no bound");
}

#[test]
fn disks_that_pods_mount_themselves_are_not_shared_with_all() {
    let gce = |read_only: bool| json!({"volumes": [{"name": "v", "gcePersistentDisk": {"pdName": "d", "readOnly": read_only}}]});
    let aws = || json!({"volumes": [{"name": "v", "awsElasticBlockStore": {"volumeID": "d", "readOnly": true}}]});
    let rbd = |monitors: &[&str]| json!({"volumes": [{"name": "v", "rbd": {"monitors": monitors, "image": "i"}}]});
    let with = |spec: Value| vec![there("db", "a1", json!({"spec": spec}))];
    check(&[
        ("one who writes keeps others away", with(gce(false)), gce(true), "a2 b1 x1"),
        ("readers share", with(gce(true)), gce(true), "a1 a2 b1 x1"),
        ("but not of a kind that cannot be shared", with(aws()), aws(), "a2 b1 x1"),
        ("disks of two kinds are two", with(aws()), gce(false), "a1 a2 b1 x1"),
        ("one address in common is enough", with(rbd(&["m", "n"])), rbd(&["n", "o"]), "a2 b1 x1"),
        ("no address in common is another disk", with(rbd(&["m"])), rbd(&["n"]), "a1 a2 b1 x1"),
    ]);
    assert_eq!(
        fixture(&with(gce(false)), &gce(false)).verdict("p", "a1"),
        "VolumeRestrictions: node(s) had no available disk"
    );
    let claim = json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]});
    let verdict = fixture(&[], &claim).verdict("p", "a1");
    assert_eq!(verdict, "VolumeBinding: persistentvolumeclaim \"c\" not found, for good");
}
