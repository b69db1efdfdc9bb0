//! Pods that must not be near others, and pods about which several things must hold.

use crate::fixture::merge;
use crate::neighbours::{affinity, and, check, fixture, spread, there};
use serde_json::{Value, json};

const HOST: &str = "kubernetes.io/hostname";

#[test]
fn a_pod_must_not_be_near_others() {
    let apart = |over: Value| affinity("podAntiAffinity", over);
    let db = || vec![there("db", "a1", json!({}))];
    let elsewhere = || vec![there("db", "a1", json!({"metadata": {"namespace": "other"}}))];
    let namespace = |labels: Value| json!({"kind": "Namespace", "metadata": {"name": "other", "labels": labels}});
    let teams = |over: Value| apart(json!({"namespaceSelector": over}));
    check(&[
        ("not in the zone of one; what has no zone will do", db(), apart(json!({})), "b1 x1"),
        ("by node, on any other node", db(), apart(json!({"topologyKey": HOST})), "a2 b1 x1"),
        ("where there is none, anywhere", vec![], apart(json!({})), "a1 a2 b1 x1"),
        ("over a label that no node has, anywhere", db(), apart(json!({"topologyKey": "rack"})), "a1 a2 b1 x1"),
        ("no selector of pods means none", db(), apart(json!({"labelSelector": null})), "a1 a2 b1 x1"),
        ("an empty one means every pod", db(), apart(json!({"labelSelector": {"matchLabels": null}})), "b1 x1"),
        (
            "one on its way out is there until it is gone",
            vec![there("db", "a1", json!({"metadata": {"deletionTimestamp": "2027-01-15T09:00:00Z"}}))],
            apart(json!({})),
            "b1 x1",
        ),
        (
            "one that ended is not",
            vec![there("db", "a1", json!({"status": {"phase": "Succeeded"}}))],
            apart(json!({})),
            "a1 a2 b1 x1",
        ),
        ("one in another namespace is not meant", elsewhere(), apart(json!({})), "a1 a2 b1 x1"),
        ("unless that is named", elsewhere(), apart(json!({"namespaces": ["other"]})), "b1 x1"),
        (
            "or selected by its labels",
            [elsewhere(), vec![namespace(json!({"team": "t"}))]].concat(),
            teams(json!({"matchLabels": {"team": "t"}})),
            "b1 x1",
        ),
        (
            "which must be so",
            [elsewhere(), vec![namespace(json!({"team": "u"}))]].concat(),
            teams(json!({"matchLabels": {"team": "t"}})),
            "a1 a2 b1 x1",
        ),
        (
            "its own version is, where label keys are matched",
            vec![
                there("db", "a1", json!({"metadata": {"labels": {"version": "1"}}})),
                there("db", "b1", json!({"metadata": {"labels": {"version": "2"}}})),
            ],
            apart(json!({"matchLabelKeys": ["version"]})),
            "a1 a2 x1",
        ),
    ]);
    let verdict = fixture(&db(), &apart(json!({}))).verdict("p", "a2");
    assert_eq!(verdict, "InterPodAffinity: node(s) didn't match pod anti-affinity rules");
}

#[test]
fn a_pod_is_not_put_near_those_that_must_not_be_near_it() {
    let web = || json!({"labelSelector": {"matchLabels": {"app": "web"}}});
    let shy = |over: Value| {
        let mut term = web();
        merge(&mut term, &over);
        vec![there("db", "a1", json!({"spec": affinity("podAntiAffinity", term)}))]
    };
    let mut elsewhere = shy(json!({"namespaces": ["default"]}));
    elsewhere[0]["metadata"]["namespace"] = json!("other");
    let mut own = shy(json!({}));
    own[0]["metadata"]["namespace"] = json!("other");
    check(&[
        ("in their zone", shy(json!({})), json!({}), "b1 x1"),
        ("on their node", shy(json!({"topologyKey": HOST})), json!({}), "a2 b1 x1"),
        ("where they mean another app, anywhere", shy(json!({"labelSelector": null})), json!({}), "a1 a2 b1 x1"),
        ("where they mean those of their own namespace, from another", own, json!({}), "a1 a2 b1 x1"),
        ("unless they name that of the pod", elsewhere, json!({}), "b1 x1"),
        ("over a label that no node has, anywhere", shy(json!({"topologyKey": "rack"})), json!({}), "a1 a2 b1 x1"),
    ]);
    let verdict = fixture(&shy(json!({})), &json!({})).verdict("p", "a2");
    assert_eq!(verdict, "InterPodAffinity: node(s) didn't satisfy existing pods anti-affinity rules");
}

#[test]
fn all_that_a_pod_demands_must_hold() {
    let one = || vec![there("web", "a1", json!({}))];
    let mut both = spread(json!({}));
    let over_hosts = spread(json!({"topologyKey": HOST}))["topologySpreadConstraints"][0].take();
    both["topologySpreadConstraints"].as_array_mut().unwrap().push(over_hosts);
    let near_and_apart =
        and(affinity("podAffinity", json!({})), affinity("podAntiAffinity", json!({"topologyKey": HOST})));
    check(&[
        ("both constraints of spread", one(), both, "b1"),
        ("in one zone with another pod, but not on its node", vec![there("db", "a1", json!({}))], near_and_apart, "a2"),
        (
            "evenly over zones, and near one",
            [one(), vec![there("db", "a1", json!({}))]].concat(),
            and(spread(json!({})), affinity("podAffinity", json!({}))),
            "",
        ),
    ]);
}
