//! A copy of a simulation, made from its recording, foresees what the simulation's own cluster would.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_core::apiserver::{Answer, Method, Request, Response};
use kubarium_core::recording::{Recording, state_hash};
use kubarium_core::sim::{Action, World, shipped, soaked_world};
use kubarium_core::{Input, Span};
use kubarium_foresight::Replica;
use serde_json::{Value, json};

const GROUP: &str = "/apis/kubarium.io/v1";

/// All that can be asked of the demo.
fn questions() -> Vec<Request> {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "big"}, "spec": {"containers": [
        {"name": "c", "image": "i", "resources": {"requests": {"cpu": "2"}}}]}});
    vec![
        Request::get(format!("{GROUP}/namespaces/default/replicationcontrollers/web/fit")),
        Request::get(format!("{GROUP}/namespaces/default/pods/yearly-report/fit")),
        Request::get(format!("{GROUP}/namespaces/default/pods/yearly-report/remedies")),
        Request::get(format!("{GROUP}/survival")),
        Request { query: "nodes=2".to_owned(), ..Request::get(format!("{GROUP}/survival")) },
        Request::new(Method::Post, format!("{GROUP}/namespaces/default/fits")).with_json(&pod),
    ]
}

fn demo() -> World {
    World::new(&shipped().first().unwrap().scenario().unwrap())
}

fn pass(world: &mut World, seconds: i64) {
    let until = world.now() + Span::from_secs(seconds);
    while !world.advance(until, 100).reached {}
}

/// As the page hands it over.
fn sent(world: &World) -> Recording {
    let text = world.recording().to_value().to_string();
    Recording::from_value(&serde_json::from_str(&text).unwrap()).unwrap()
}

fn of_itself(world: &World, request: &Request) -> Response {
    match world.cluster().clone().handle(world.now(), Input::Request(request.clone())).answer {
        Some(Answer::Done(response)) => response,
        other => panic!("{other:?}"),
    }
}

/// Follows, and says how often it was reported how far that is.
fn follow(replica: &mut Replica, world: &World) -> Vec<u32> {
    let mut reports = Vec::new();
    replica.follow(&sent(world), |percent| reports.push(percent));
    assert!(reports.is_sorted_by(|a, b| a < b) && reports.iter().all(|p| (1..=100).contains(p)), "{reports:?}");
    for request in questions() {
        assert_eq!(replica.ask(request.clone()), of_itself(world, &request), "{}?{}", request.path, request.query);
    }
    reports
}

#[test]
fn a_copy_foresees_what_the_simulation_would_and_goes_on_with_it() {
    let mut world = demo();
    let mut replica = Replica::default();
    pass(&mut world, 600);
    world.apply("scale rc/web 12".parse().unwrap()).unwrap();
    world.apply("failNode node-2".parse().unwrap()).unwrap();
    pass(&mut world, 100);
    assert!(follow(&mut replica, &world).len() > 5, "it takes a while, and says so");
    let fits: Value = serde_json::from_str(&replica.ask(questions().swap_remove(0)).body).unwrap();
    assert!(fits["fits"].as_u64().unwrap() > 0, "{fits}");

    pass(&mut world, 5);
    world.apply("scale rc/cart 1".parse().unwrap()).unwrap();
    pass(&mut world, 5);
    assert_eq!(follow(&mut replica, &world), [0; 0], "it goes on from where it was");

    let mut other = demo();
    pass(&mut other, 900);
    assert!(follow(&mut replica, &other).len() > 5, "another one is begun anew");
    let refused = replica.ask(Request::get("/api/v1/pods?watch=1".to_owned()));
    assert!(refused.status < 500, "{refused:?}");
}

#[test]
fn a_recording_is_played_in_pieces_of_any_size_and_only_to_a_world_that_is_on_its_way() {
    for seed in [1, 5, 9] {
        let world = soaked_world(seed, 200);
        let recording = sent(&world);
        for piece in [1, 7, 1_000] {
            let mut again = World::new(&recording.scenario);
            while !recording.go_on(&mut again, piece) {
                assert!(recording.passes(&again));
            }
            assert!(recording.passes(&again));
            assert_eq!(
                state_hash(again.cluster()),
                state_hash(world.cluster()),
                "seed {seed}, {piece} events at a time"
            );
            assert_eq!((again.events(), again.now()), (world.events(), world.now()));
        }
        let change = |change: fn(&mut World)| {
            let mut changed = world.clone();
            change(&mut changed);
            Box::new(changed)
        };
        let mut passed_by = Box::new(World::new(&recording.scenario));
        passed_by.advance(recording.entries[0].at + Span::from_millis(1), u32::MAX);
        for (what, other) in [
            ("further on", change(|w| pass(w, 60))),
            (
                "had something else done to it",
                change(|w| drop(w.apply(Action::SampleTraffic { every: Span::from_secs(3) }))),
            ),
            ("past what was done first", passed_by),
            ("another", Box::new(soaked_world(seed + 1, 1))),
        ] {
            assert!(!recording.passes(&other), "seed {seed}: {what}");
        }
    }
}

#[test]
fn who_only_reads_a_world_leaves_nothing_in_its_recording() {
    let mut world = demo();
    pass(&mut world, 40);
    let explanation = format!("{GROUP}/namespaces/default/pods/yearly-report/explanation");
    for path in ["/api/v1/nodes", "/api/v1/namespaces/default/pods/yearly-report", &explanation] {
        let Some(Answer::Done(seen)) = world.look(&Request::get(path)) else { panic!("{path}") };
        assert_eq!(seen, of_itself(&world, &Request::get(path)));
    }
    assert_eq!(world.recording().entries, []);
    assert!(world.look(&Request::new(Method::Delete, "/api/v1/nodes/node-1")).is_none());
}
