//! Forking a large cluster, as a preview does while somebody drags.

use super::{RUNS, fastest, millis};
use kubarium_core::api::{Kind, Object};
use kubarium_core::{Cluster, Config, Input, Time};
use kubarium_tests::workload;
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

/// Measures both.
pub(crate) fn measure() {
    const REPLICAS: i32 = 30_000;
    let controller = json!({
        "metadata": {"name": "web", "namespace": "default", "uid": "00000000-0000-4000-8000-000000000001"},
        "spec": {"replicas": REPLICAS, "selector": {"app": "web"}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "100m"}}}]},
        }},
    });
    let namespace = json!({"metadata": {"name": "default", "uid": "00000000-0000-4000-8000-000000000002"}});
    let nodes = workload::nodes(1_000, 1).into_iter().map(|node| (Kind::Node, node));
    let objects = nodes.chain([(Kind::ReplicationController, controller), (Kind::Namespace, namespace)]);
    let objects = objects.filter_map(|(kind, value)| Object::from_value(kind, &value).ok()).map(Arc::new);
    let now = Time(1_800_000_000_000_000);
    let mut cluster = Cluster::restore(Config::default(), now, 1, objects);
    let start = Instant::now();
    while cluster.handle(now, Input::Wake).wake == Some(now) {}
    let bound = cluster.store().list(Kind::Pod, None).filter(|o| o.pod().is_some_and(|p| p.node.is_some())).count();
    println!("{bound} pods created and placed in {:.1} ms", start.elapsed().as_secs_f64() * 1000.0);
    let fork = fastest(RUNS * 3, || drop(cluster.clone()));
    let preview = fastest(RUNS * 3, || drop(cluster.preview_scale("default", "web", REPLICAS + 100)));
    println!("fork      {:6.2} ms", millis(fork));
    println!("preview   {:6.2} ms, {:.1} x a fork", millis(preview), preview.as_secs_f64() / fork.as_secs_f64());
}
