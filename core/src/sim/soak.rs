//! A world under everything that can be done to it, from one seed: the same numbers must come out on every machine.

use super::action::Action;
use super::scenario::{Pool, Scenario};
use super::world::World;
use crate::api::Kind;
use crate::recording::state_hash;
use crate::rng::Rng;
use crate::time::Span;
use serde_json::{Value, json};

const NODES: u64 = 6;
const CONTROLLERS: u64 = 4;

/// The scenario of a soak: a few machines, controllers and services with clients, images that fail now and then.
fn scenario(seed: u64) -> Scenario {
    let mut scenario = Scenario::default();
    scenario.config.seed = seed;
    scenario.nodes = vec![Pool { name: "node".to_owned(), count: NODES as u32, ..Pool::default() }];
    let behaviours = [
        json!({}),
        json!({"kubarium.io/runs-for": "90s", "kubarium.io/exit-code": "1"}),
        json!({"kubarium.io/unhealthy-after": "2m"}),
        json!({"kubarium.io/ready-after": "5s"}),
    ];
    for n in 0..CONTROLLERS {
        let (name, labels) = (format!("app-{n}"), json!({"app": format!("app-{n}")}));
        let behaviour = behaviours.get(n as usize).cloned().unwrap_or_default();
        let controller = json!({
            "apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": name},
            "spec": {"replicas": 3 + n, "selector": labels, "template": {
                "metadata": {"labels": labels, "annotations": behaviour},
                "spec": {"terminationGracePeriodSeconds": 5, "containers": [{
                    "name": "main", "image": format!("image-{n}"),
                    "resources": {"requests": {"cpu": format!("{}m", 300 + 100 * n), "memory": "256Mi"}},
                    "readinessProbe": {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 5},
                    "livenessProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 10},
                }]},
            }},
        });
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": labels, "ports": [{"port": 80}]},
        });
        scenario.manifests.extend([controller.into(), service.into()]);
    }
    scenario
}

fn node(rng: &mut Rng) -> String {
    format!("node-{}", rng.below(NODES) + 1)
}

/// One line of a timeline, any of all there are. Some mean nothing in the moment; to be refused is an outcome, too.
fn action(rng: &mut Rng) -> Option<Action> {
    let app = rng.below(CONTROLLERS);
    let line = match rng.below(20) {
        0 => format!("failNode {}", node(rng)),
        1 | 2 => format!("restoreNode {}", node(rng)),
        3 => format!("partitionNode {}", node(rng)),
        4 | 5 => format!("healNode {}", node(rng)),
        6 => format!("fillDisk {}", node(rng)),
        7 => format!("freeDisk {}", node(rng)),
        8 => format!("slowPulls {} {}", rng.below(20) + 1, node(rng)),
        9 | 10 => format!("crash pod/app=app-{app}#{} exit={}", rng.below(4), rng.below(3)),
        11 | 12 => format!("scale rc/app-{app} {}", rng.below(12)),
        13 => format!("label pod/app=app-{app}#{} app=stray", rng.below(4)),
        14 => format!("label pod/app=stray#0 app=app-{app}"),
        15 => format!("delete pod/app=app-{app}#{}", rng.below(4)),
        16 => format!("delete pod/app=stray#{}", rng.below(2)),
        17 => format!("cordon {}", node(rng)),
        18 => format!("uncordon {}", node(rng)),
        _ => format!("traffic app-{app} {}", rng.below(30)),
    };
    line.parse().ok()
}

/// A world to which `inputs` actions were done, a few seconds apart, all from one seed.
pub fn soaked_world(seed: u64, inputs: u32) -> World {
    let mut rng = Rng::new(seed, "soak");
    let mut world = World::new(&scenario(seed));
    for _ in 0..inputs {
        let until = world.now() + Span(rng.below(4_000_000) as i64);
        while !world.advance(until, 10_000).reached {}
        if let Some(action) = action(&mut rng) {
            // A refusal is an outcome like any other.
            let _ = world.apply(action);
        }
    }
    world
}

/// The hash of all that came of [`soaked_world`]: its cluster, its requests and the number of its events.
pub fn soak(seed: u64, inputs: u32) -> u64 {
    let world = soaked_world(seed, inputs);
    let pods = world.cluster().store().count(Kind::Pod) as u64;
    let requests: Vec<Value> =
        world.traffic().services().map(|(_, _, c)| json!([c.answered, c.lost, c.refused])).collect();
    let all = json!([state_hash(world.cluster()), requests, world.events(), world.now(), pods]);
    xxhash_rust::xxh3::xxh3_64(all.to_string().as_bytes())
}
