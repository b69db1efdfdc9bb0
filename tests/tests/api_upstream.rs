//! The API held against recorded answers of Kubernetes 1.36.2, over HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use kubarium_tests::replay::{self, Agreement};
use kubarium_tests::report::report;
use std::path::Path;

/// How many cases must be equal in status, reason and causes, and how many in whole bodies. It only rises.
const FLOOR: (usize, usize) = (507, 500);

#[test]
fn answers_are_those_of_a_real_api_server() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/upstream-api/api.jsonl.gz");
    let cases = replay::read(&file).expect("the records are part of the project");
    assert_eq!(cases.len(), 507);
    let agreement = replay::api(&cases, Agreement::default(), |_| ()).unwrap();
    report(&agreement.to_string());
    let total = agreement.total();
    assert!(
        total.decisive >= FLOOR.0 && total.whole >= FLOOR.1,
        "{total:?} is below the floor {FLOOR:?}; `cargo xtask fidelity api` shows what differs:\n{}",
        agreement.differences().join("\n")
    );
}
