//! What pods name of labels has no end in a cluster that lives for long: whoever comes and goes stands in nobody's way.

use crate::fixture::{Fixture, cpu, node, pod};
use serde_json::{Map, Value, json};

/// How many pods come and go, how many labels of nodes each names that nobody else names, and how many labels it has that
/// nobody else has. A million together were gone through by hand; they take minutes where nothing is optimised.
const PODS: usize = 60;
const KEYS: usize = 50;
const LABELS: usize = 450;

fn newcomer(number: usize) -> Value {
    let selector = json!({"matchLabels": {"app": format!("a{number}")}});
    let key = |at: usize| format!("key-{number}-{at}");
    let apart: Vec<Value> = (0..KEYS).map(|at| json!({"topologyKey": key(at), "labelSelector": selector})).collect();
    let spread = json!([{"topologyKey": key(0), "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector}]);
    let mut pod = pod(
        &format!("p{number}"),
        json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": apart}},
            "topologySpreadConstraints": spread}),
    );
    let labels: Map<String, Value> = (0..LABELS).map(|at| (format!("l{number}-{at}"), json!(at.to_string()))).collect();
    pod["metadata"]["labels"] = labels.into();
    pod
}

#[test]
fn labels_that_come_and_go_without_end_hold_up_nobody() {
    let mut fixture = Fixture::new(&[node("a", json!({})), node("b", json!({}))]);
    for number in 0..PODS {
        let newcomer = newcomer(number);
        fixture.create(&newcomer);
        let name = format!("p{number}");
        assert_ne!(fixture.place(&name), "-", "{name}");
        if number % 10 == 0 {
            fixture.create(&cpu("ordinary", "1"));
            assert_ne!(fixture.place("ordinary"), "-", "beside {name}");
            fixture.delete_pod("ordinary");
        }
        fixture.delete_pod(&name);
    }
}
