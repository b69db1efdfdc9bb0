//! Made-up clusters and pods of a size and mix as real ones have, the same for the same seed.

use kubarium_core::Rng;
use serde_json::{Value, json};

/// A pick from a list of shares and things.
fn pick<'a, T>(rng: &mut Rng, from: &'a [(u64, T)]) -> &'a T {
    let mut at = rng.below(from.iter().map(|(share, _)| share).sum());
    for (share, thing) in from {
        match at.checked_sub(*share) {
            Some(rest) => at = rest,
            None => return thing,
        }
    }
    &from[from.len() - 1].1
}

/// Nodes of a machine-learning cluster: a few sizes, most of them large. Cpu in cores, memory in GiB.
const NODE_SIZES: [(u64, (u64, u64)); 7] =
    [(46, (96, 384)), (32, (104, 512)), (9, (16, 120)), (4, (128, 768)), (4, (64, 256)), (3, (32, 128)), (2, (8, 32))];

/// How many different sizes of pods there are.
const POD_SIZES: u64 = 90;

/// Nodes `node-0000` and on.
pub fn nodes(count: usize, seed: u64) -> Vec<Value> {
    let mut rng = Rng::new(seed, "nodes");
    let node = |at| {
        let (cpu, memory) = pick(&mut rng, &NODE_SIZES);
        let name = format!("node-{at:04}");
        let resources = json!({"cpu": cpu.to_string(), "memory": format!("{memory}Gi"), "pods": "1000"});
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
            "status": {"capacity": resources, "allocatable": resources},
        })
    };
    (0..count).map(node).collect()
}

/// Pods `pod-00000` and on: few sizes are common and many are rare, small ones more common than large ones.
pub fn pods(count: usize, seed: u64) -> Vec<Value> {
    let mut rng = Rng::new(seed, "pods");
    let sizes: Vec<(u64, (u64, u64))> = (0..POD_SIZES)
        .map(|rank| {
            let cores = 2 + rng.below(7) * (1 + rank / 10);
            (1000 / (rank + 1), (cores * 1000 + rng.below(10) * 100, cores * (2 + rng.below(5))))
        })
        .collect();
    let pod = |at| {
        let (cpu, memory) = pick(&mut rng, &sizes);
        let requests = json!({"cpu": format!("{cpu}m"), "memory": format!("{memory}Gi")});
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("pod-{at:05}"), "namespace": "default"},
            "spec": {
                "restartPolicy": "OnFailure",
                "containers": [{
                    "name": "main", "image": "tensorflow:latest",
                    "resources": {"requests": requests, "limits": requests},
                }],
            },
        })
    };
    (0..count).map(pod).collect()
}
