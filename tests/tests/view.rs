//! What pages show, from outside: objects in, rows and deltas out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::Span;
use kubarium_core::api::{Kind, Object};
use kubarium_core::sim::{BEGINNING, World, shipped};
use kubarium_core::view::{NodeReadiness, PodState, Rows, View};
use serde_json::{Value, json};

fn pod(spec: &Value, status: &Value, deleted: bool) -> Object {
    let mut value = json!({
        "metadata": { "name": "web-1", "namespace": "default" }, "spec": spec, "status": status,
    });
    if deleted {
        value["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    }
    Object::from_value(Kind::Pod, &value).unwrap()
}

#[test]
fn a_pods_state_is_what_a_person_wants_to_know_first() {
    let bound = json!({ "nodeName": "node-1", "containers": [{ "name": "c" }] });
    let unbound = json!({ "containers": [{ "name": "c" }] });
    let waiting = |reason: &str| {
        json!({ "phase": "Pending", "containerStatuses":
            [{ "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 3,
               "state": { "waiting": { "reason": reason, "message": "why" } } }] })
    };
    let ready = |status: &str| json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": status }] });
    let unschedulable = json!({ "phase": "Pending", "conditions": [
        { "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available" }] });
    for (title, spec, status, deleted, state, reason) in [
        ("without a node", &unbound, unschedulable, false, PodState::Pending, "Unschedulable"),
        ("just bound", &bound, json!({ "phase": "Pending" }), false, PodState::Starting, ""),
        ("pulling", &bound, waiting("ContainerCreating"), false, PodState::Starting, "ContainerCreating"),
        ("bad image", &bound, waiting("ImagePullBackOff"), false, PodState::CrashLooping, "ImagePullBackOff"),
        ("crashing", &bound, waiting("CrashLoopBackOff"), false, PodState::CrashLooping, "CrashLoopBackOff"),
        ("serving", &bound, ready("True"), false, PodState::Ready, ""),
        ("failing its probe", &bound, ready("False"), false, PodState::NotReady, ""),
        ("being deleted", &bound, ready("True"), true, PodState::Terminating, ""),
        ("evicted", &bound, json!({ "phase": "Failed", "reason": "Evicted" }), false, PodState::Failed, "Evicted"),
        ("done", &bound, json!({ "phase": "Succeeded" }), false, PodState::Succeeded, ""),
        ("lost", &bound, json!({ "phase": "Unknown" }), false, PodState::NotReady, ""),
    ] {
        let mut view = View::default();
        view.put(&pod(spec, &status, deleted));
        let (_, row) = view.rows().pods().next().unwrap();
        assert_eq!((row.state, row.reason.as_str()), (state, reason), "a pod {title}");
    }
}

#[test]
fn a_pod_takes_what_its_containers_request_or_its_largest_init_container() {
    let container =
        |cpu: &str, memory: &str| json!({ "name": "c", "resources": { "requests": { "cpu": cpu, "memory": memory } } });
    let spec = json!({
        "nodeName": "node-1",
        "containers": [container("250m", "64Mi"), container("0.25", "64Mi")],
        "initContainers": [container("2", "1Mi")],
        "overhead": { "cpu": "10m" },
    });
    let mut view = View::default();
    view.put(&pod(&spec, &json!({ "phase": "Running" }), false));
    let requested = view.rows().places().get("node-1").unwrap().requested;
    assert_eq!((requested.cpu_milli, requested.memory_bytes, requested.pods), (2_010, 128 << 20, 1));
    view.put(&pod(&spec, &json!({ "phase": "Succeeded" }), false));
    assert_eq!(view.rows().places().get("node-1").unwrap().requested.cpu_milli, 0, "what has ended takes no room");
}

/// A page that only ever sees deltas shows the same as the view, whenever it looks, whatever happens.
#[test]
fn deltas_bring_a_page_to_where_the_view_is() {
    for shipped in shipped() {
        let mut world = World::new(&shipped.scenario().unwrap());
        let (mut view, mut page, mut seen) = (View::default(), Rows::default(), 0);
        for step in 1..=120 {
            world.advance(BEGINNING + Span::from_secs(step * 5), 100_000);
            let store = world.cluster().store();
            for change in store.changes_since(seen).unwrap() {
                view.apply(change);
            }
            seen = store.revision();
            if step % 3 != 0 {
                page.apply(view.take_delta());
                assert!(page == *view.rows(), "{} after {step} steps", shipped.name);
                assert!(view.take_delta().is_empty());
            }
        }
        page.apply(view.take_delta());
        assert_eq!(page.pod_count(), world.cluster().store().count(Kind::Pod), "{}", shipped.name);
        let placed: u32 = page.places().values().map(|p| p.states.total()).sum();
        assert_eq!(placed as usize + page.unbound().len(), page.pod_count(), "{}", shipped.name);
    }
}

/// After a gap the whole lists are compared; the outcome is that of seeing every change.
#[test]
fn lists_do_as_well_as_changes() {
    let shipped = shipped().iter().find(|s| s.name == "node-failure").unwrap();
    let mut world = World::new(&shipped.scenario().unwrap());
    let relist = |view: &mut View, world: &World| {
        for kind in Kind::ALL {
            view.replace(kind, world.cluster().store().list(kind, None).map(AsRef::as_ref));
        }
        view.take_delta();
    };
    let mut view = View::default();
    let mut unready = false;
    for step in 1..=60 {
        world.advance(BEGINNING + Span::from_secs(step * 10), 100_000);
        relist(&mut view, &world);
        let mut fresh = View::default();
        relist(&mut fresh, &world);
        let pods = |view: &View| view.rows().pods().map(|(_, p)| (p.name.clone(), p.state)).collect::<Vec<_>>();
        assert_eq!(pods(&view), pods(&fresh), "after {step} steps");
        assert_eq!(view.rows().states(), fresh.rows().states());
        unready |= view.rows().nodes().any(|(n, _)| n.readiness != NodeReadiness::Ready);
    }
    assert!(unready, "the scenario shows a node that is not ready");
}
