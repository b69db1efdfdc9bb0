//! What scaling would do is what scaling does.

use crate::fixture::{Fixture, node};
use kubarium_core::api::Kind;
use kubarium_core::apiserver::Method;
use serde_json::{Value, json};

fn fixture(replicas: u32) -> Fixture {
    let controller = json!({
        "kind": "ReplicationController",
        "metadata": {"name": "web", "namespace": "default", "generation": 1},
        "spec": {"replicas": replicas, "selector": {"app": "web"}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}]},
        }},
    });
    Fixture::new(&[node("a", json!({})), node("b", json!({})), controller])
}

fn scale(fixture: &mut Fixture, replicas: u32) {
    let body: Value = json!({"spec": {"replicas": replicas}});
    fixture.ask(Method::Patch, "namespaces/default/replicationcontrollers/web", &body);
}

#[test]
fn pods_that_would_come_are_those_that_come() {
    let mut fixture = fixture(3);
    let before = fixture.places();
    let preview = fixture.cluster.preview_scale("default", "web", 10).unwrap();
    assert_eq!(fixture.places(), before, "a preview changes nothing");
    assert!(preview.removed.is_empty());
    let pending: Vec<_> = preview.placements.iter().filter(|p| p.node.is_none()).collect();
    assert_eq!((preview.placements.len(), pending.len()), (7, 2), "two nodes of four cpus hold eight");
    assert!(pending.iter().all(|p| p.message.starts_with("0/2 nodes are available: 2 Insufficient cpu.")));
    scale(&mut fixture, 10);
    for ghost in &preview.placements {
        assert_eq!(fixture.place(&ghost.name), ghost.node.as_deref().unwrap_or("-"), "{}", ghost.name);
    }
}

#[test]
fn pods_that_would_go_are_those_that_go() {
    let mut fixture = fixture(6);
    let preview = fixture.cluster.preview_scale("default", "web", 2).unwrap();
    assert!(preview.placements.is_empty());
    assert_eq!(preview.removed.len(), 4);
    scale(&mut fixture, 2);
    fixture.pass(60);
    for name in &preview.removed {
        let pod = fixture.cluster.store().get(Kind::Pod, "default", name);
        assert!(pod.is_none_or(|p| p.meta.deletion.is_some()), "{name} is still there");
    }
}

#[test]
fn there_is_no_preview_without_a_controller() {
    assert_eq!(fixture(1).cluster.preview_scale("default", "other", 2), None);
    assert_eq!(fixture(1).cluster.preview_scale("other", "web", 2), None);
}

#[test]
fn fewer_than_none_is_none() {
    let preview = fixture(2).cluster.preview_scale("default", "web", -5).unwrap();
    assert_eq!(preview.removed.len(), 2);
}
