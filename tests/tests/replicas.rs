//! Replication controllers, seen from outside: how many pods there are, and which go first.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::api::{Kind, Object};
use kubarium_core::{Cluster, Config, Input, Time};
use serde_json::{Value, json};
use std::sync::Arc;

const START: Time = Time(1_800_000_000_000_000);

fn object(kind: Kind, mut value: Value) -> Arc<Object> {
    value["metadata"]["namespace"] = json!(if kind.info().namespaced { "default" } else { "" });
    if value["metadata"]["uid"].is_null() {
        let uid = format!("00000000-0000-4000-8000-{:012x}", value.to_string().len() * 7919);
        value["metadata"]["uid"] = json!(uid);
    }
    Arc::new(Object::from_value(kind, value).unwrap())
}

fn cluster(objects: Vec<Arc<Object>>) -> Cluster {
    let namespace = object(
        Kind::Namespace,
        json!({"metadata": {"name": "default", "uid": "00000000-0000-4000-8000-ffffffffffff"}}),
    );
    let mut cluster = Cluster::restore(Config::default(), START, 100, objects.into_iter().chain([namespace]));
    cluster.handle(START, Input::Wake);
    cluster
}

fn rc(name: &str, replicas: i32) -> Arc<Object> {
    object(
        Kind::ReplicationController,
        json!({
            "metadata": {"name": name, "generation": 1},
            "spec": {"replicas": replicas, "selector": {"app": "a"}, "template": {
                "metadata": {"labels": {"app": "a"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            }},
        }),
    )
}

#[test]
fn missing_pods_are_created_alike() {
    let cluster = cluster(vec![rc("r", 700)]);
    let pods: Vec<_> = cluster.store().list(Kind::Pod, None).collect();
    assert_eq!(pods.len(), 700);
    let first = pods[0].pod().unwrap();
    for pod in &pods {
        assert!(pod.meta.name.starts_with("r-") && pod.meta.name.len() == 7, "{}", pod.meta.name);
        assert!(Arc::ptr_eq(&pod.pod().unwrap().spec, &first.spec), "replicas share their spec");
        assert!(Arc::ptr_eq(&pod.meta.labels, &pods[0].meta.labels), "replicas share their labels");
    }
    let rc = cluster.store().get(Kind::ReplicationController, "default", "r").unwrap();
    let (_, status) = rc.replication_controller().unwrap();
    assert_eq!((status.replicas, status.observed_generation), (700, Some(1)));
}
