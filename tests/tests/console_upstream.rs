//! The dashboard's console held against what kubectl 1.32 printed in front of Kubernetes 1.36.2.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::replay::{self, Agreement};
use kubarium_tests::report::report;
use std::path::Path;

/// How many lines must have equal exit codes, and how many equal outputs. It only rises.
const FLOOR: (usize, usize) = (214, 208);

#[test]
fn the_console_prints_what_kubectl_prints_in_front_of_kubernetes() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/upstream-api");
    let cases = replay::read(&data.join("kubectl.jsonl.gz")).expect("the records are part of the project");
    assert_eq!(cases.len(), 92);
    let agreement = replay::console(&cases, &data.join("kubectl-fixture.json"), Agreement::default(), |_| ()).unwrap();
    report(&agreement.to_string());
    let total = agreement.total();
    assert!(
        total.decisive >= FLOOR.0 && total.whole >= FLOOR.1,
        "{total:?} is below the floor {FLOOR:?}; `cargo xtask fidelity console` shows what differs:\n{}",
        agreement.differences().join("\n")
    );
}
